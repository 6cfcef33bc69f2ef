/* What happened in an epoch, in a sentence or three that say what its table of numbers does not. */

import { shown } from "./numbers.js";

const three = (x) => shown(Number(x.toPrecision(3)));

export const percent = (share) => `${shown(Number((100 * share).toPrecision(4)))} %`;

/* "fell by 12 %" */
function change(was, now) {
  if (now === was) return "stayed as it was";
  const way = now < was ? "fell" : "rose";
  const part = Math.abs(now - was) / was;
  if (!(was > 0 && now >= 0 && Number.isFinite(part))) return `${way} by ${three(Math.abs(now - was))}`;
  if (part >= 10) return `rose to ${three(now / was)} times what it was`;
  if (part < 0.001) return `${way} by less than 0.1 %`;
  if (part > 0.99 && now < was) return now === 0 ? "fell to 0" : "fell by more than 99 %";
  return `${way} by ${shown(Number((100 * part).toPrecision(part < 0.1 ? 2 : 3)).toFixed(part < 0.1 ? 1 : 0) * 1)} %`;
}

const monitored = (epoch) => epoch.validation ?? epoch.loss;

/* Where the loss that matters, the validation loss where there is one, stands among those of the run. */
function standing(epochs, at) {
  const least = (some) => some.reduce((best, one) => (monitored(one) !== null && !(monitored(one) >= monitored(best)) ? one : best));
  const known = epochs.filter((one) => Number.isFinite(monitored(one)));
  const here = epochs[at];
  if (known.length < 2 || !Number.isFinite(monitored(here))) return "";
  const what = here.validation === null ? "loss" : "validation loss";
  const [best, before] = [least(known), least(known.filter((one) => one.epoch <= here.epoch))];
  if (here === best) return `, the lowest ${what} of the run`;
  return here === before ? `, the lowest ${what} so far` : `; the lowest ${what} so far was in epoch ${before.epoch}`;
}

function largestStep(epochs, at, parameters) {
  const [{ data: was }, { data: now, step }] = [epochs[at - 1], epochs[at]];
  if (!now.every(Number.isFinite)) return "Some weights are no longer finite.";
  const most = step.reduce((best, one, i) => (Math.abs(one) > Math.abs(step[best]) ? i : best), 0);
  if (step[most] === 0) return "No weight moved.";
  const near = three(was[most]) === three(now[most]);
  const text = near ? shown : three;
  return `The largest step was that of ${parameters[most].path}, from ${text(was[most])} to ${text(now[most])}.`;
}

export function told({ epochs, parameters }, at) {
  const epoch = epochs[at];
  const count = parameters.length === 1 ? "the one weight" : `the ${parameters.length} weights`;
  if (!at && !epoch.epoch) return `Before the first epoch: ${count} to start from, and no step taken yet.`;
  if (!at) return `Epoch ${epoch.epoch}: the record begins here${epoch.grad ? "" : ", where a resumed run goes on"}.`;
  const before = epochs[at - 1];
  const sentences = [];
  const since = epoch.epoch - before.epoch > 1 ? ` since epoch ${before.epoch}` : "";
  if (!Number.isFinite(epoch.loss)) sentences.push(`the loss is ${shown(epoch.loss)}, and so nothing can be learned from here.`);
  else if (Number.isFinite(before.loss) && before.loss !== null) {
    const held = epoch.validation !== null && before.validation !== null ? `, and the validation loss ${change(before.validation, epoch.validation)}` : "";
    sentences.push(`the loss ${change(before.loss, epoch.loss)}${since}${held}${standing(epochs, at)}.`);
  }
  if (epoch.accuracy !== null && before.accuracy !== null && epoch.accuracy !== before.accuracy) {
    sentences.push(`The accuracy ${epoch.accuracy > before.accuracy ? "rose" : "fell"} from ${percent(before.accuracy)}.`);
  }
  sentences.push(largestStep(epochs, at, parameters));
  const text = sentences.join(" ");
  return `Epoch ${epoch.epoch}: ${text[0].toLowerCase()}${text.slice(1)}`;
}
