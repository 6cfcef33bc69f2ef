/* Taking steps of gradient descent on the graph, and the curve of what they do to the output. */

import { factor, shown } from "./numbers.js";
import { natural, numberField } from "./inputs.js";
import { element } from "./picture.js";

const el = (id) => document.getElementById(id);
const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [330, 130, 58, 12, 10, 24];
const RATE = "0.1";

/* `move` is asked to run both passes with other leaves, and calls back when it has. */
export function createDescent({ nodes, output }, { move, stop, repaint, cycle }) {
  const parameters = nodes.filter((node) => node.parameter && node.symbol === null)
    .sort((a, b) => natural.compare(a.name, b.name)).map((node) => node.index);
  const of = nodes[output].name;
  let [rate, history, now] = [Number(RATE), [], null];
  const { box, problem, set } = numberField("rate", RATE, (number) => { rate = Number.isFinite(number) ? number : undefined; repaint(); paint(); });
  el("rate-line").append(box);
  el("rate-line").after(problem);
  el("descend-none").hidden = parameters.length > 0;
  el("descend-some").hidden = !parameters.length;

  /* w - η · gradient for every parameter, or null without a learning rate. */
  function next() {
    if (rate === undefined) return null;
    const leaves = new Map(now.leaves);
    for (const i of parameters) leaves.set(i, now.leaves.get(i) - rate * now.gradients[i]);
    return leaves;
  }

  /* Whether there is a step to take. */
  function descend() {
    const leaves = next();
    if (leaves) move(leaves, () => history.push(now));
    return leaves !== null;
  }

  function back(to) {
    stop();
    move(history[to].leaves, () => { history = history.slice(0, to + 1); });
  }

  /* What the passes have come to; the curve begins anew where it was not a step that led there. */
  function reached(leaves, gradients, then) {
    now = { leaves, gradients, loss: nodes[output].data };
    if (then) then();
    else history = [now];
    paint();
  }

  function paint() {
    const steps = history.length - 1;
    el("descend").disabled = el("cycle").disabled = rate === undefined || !parameters.length;
    el("descend-back").disabled = el("descend-reset").disabled = steps < 1;
    const last = history[steps].loss;
    const before = steps ? history[steps - 1].loss : null;
    const verdict = before === null || !Number.isFinite(history[0].loss) ? "" : Number.isNaN(last) || Math.abs(last) === Infinity ? " Too large a step: start again with a smaller η." :
      last > before ? ` It rose with the last step, so η may be too large.` : "";
    el("descended").textContent = steps ? `${of} went from ${shown(history[0].loss)} to ${shown(last)} in ${steps} step${steps > 1 ? "s" : ""}.${verdict}` :
      `${of} is ${shown(last)} before the first step.`;
    el("curve").replaceChildren(...curve(history.map(({ loss }) => loss)));
    el("curve").setAttribute("aria-label", `${of} after each step: ${history.slice(-5).map(({ loss }) => shown(loss)).join(", ")}`);
  }

  el("descend").addEventListener("click", () => { stop(); descend(); });
  el("descend-back").addEventListener("click", () => back(history.length - 2));
  el("descend-reset").addEventListener("click", () => back(0));
  el("cycle").addEventListener("click", cycle);

  return {
    parameters, reached, descend,
    rate: () => rate ?? NaN,
    typed: () => (box.value === RATE || rate === undefined ? undefined : String(rate)),
    setRate: (text) => { set(text ?? RATE); rate = Number(text ?? RATE); },
    /* Each parameter, its step, and what it comes to. */
    rows: () => (rate === undefined ? [] : parameters).map((i) => {
      const [w, gradient] = [now.leaves.get(i), now.gradients[i]];
      return [nodes[i].name, `${shown(w)} - ${factor(rate)} · ${factor(gradient)}`, shown(w - rate * gradient)];
    }),
  };
}

/* The output over the steps; what is not finite has no point. */
function curve(losses) {
  const finite = losses.filter(Number.isFinite);
  if (!finite.length) return [];
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const last = Math.max(1, losses.length - 1);
  const x = (n) => LEFT + (WIDTH - LEFT - RIGHT) * n / last;
  const y = (loss) => (high === low ? (TOP + HEIGHT - BOTTOM) / 2 : TOP + (HEIGHT - TOP - BOTTOM) * (high - loss) / (high - low));
  const text = (at, up, anchor, said) => element("text", { x: at, y: up, "text-anchor": anchor }, said);
  const points = losses.flatMap((loss, n) => (Number.isFinite(loss) ? [[x(n), y(loss)]] : []));
  const marks = (high === low ? [low] : [low, high]).map((loss) => text(LEFT - 6, y(loss) + 4, "end", shown(Number(loss.toPrecision(4)))));
  return [
    element("path", { class: "axis", d: `M${LEFT} ${TOP}V${HEIGHT - BOTTOM}H${WIDTH - RIGHT}` }), ...marks,
    text(LEFT, HEIGHT - 6, "middle", "0"), text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, "middle", "steps"),
    ...(losses.length > 1 ? [text(WIDTH - RIGHT, HEIGHT - 6, "end", String(losses.length - 1))] : []),
    element("path", { class: "loss", d: `M${points.map((point) => point.map((at) => at.toFixed(1)).join(" ")).join("L")}` }),
    ...(Number.isFinite(losses[losses.length - 1]) ? [element("circle", { cx: x(losses.length - 1), cy: y(losses[losses.length - 1]), r: 4 })] : []),
  ];
}
