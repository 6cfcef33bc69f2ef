/* Fields to change the leaves of the graph, and to see what a small change of one does to the output. */

import { typed } from "./answer.js";
import { shown } from "./numbers.js";
import { make } from "./panel.js";

const el = (id) => document.getElementById(id);
const FOLDED = 10;

/* Names with numbers in the order of these: x2 before x10. */
export const natural = new Intl.Collator("en", { numeric: true });

/* The leaves that a reader may change, by kind, in the order of their names. */
export function leavesOf({ nodes, output }) {
  const used = new Set(nodes.flatMap((node) => node.inputs));
  const leaves = nodes.filter((node) => node.symbol === null && !node.constant && (used.has(node.index) || node.index === output));
  const kinds = { Data: leaves.filter((node) => !node.parameter && node.box < 0), Parameters: leaves.filter((node) => node.parameter),
    Other: leaves.filter((node) => !node.parameter && node.box >= 0) };
  for (const those of Object.values(kinds)) those.sort((a, b) => natural.compare(a.name, b.name));
  return Object.entries(kinds).filter(([, those]) => those.length);
}

/* A text field for a number, with a sentence below it while it holds none; `take` gets each number that is typed. */
export function numberField(id, value, take) {
  const box = make("input", { type: "text", id, value, inputMode: "text", autocomplete: "off", spellcheck: false });
  const problem = make("p", { className: "problem", id: `${id}-problem`, hidden: true });
  box.setAttribute("aria-describedby", problem.id);
  const complain = (sentence) => {
    box.setAttribute("aria-invalid", String(sentence !== undefined));
    problem.hidden = sentence === undefined;
    problem.textContent = sentence ?? "";
  };
  box.addEventListener("input", () => {
    const { number, problem: sentence } = typed(box.value);
    complain(sentence);
    take(number);
  });
  const set = (text) => { box.value = text; complain(undefined); };
  return { box, problem, set };
}

/* Fields for all leaves; `change` gets a map from node to number whenever one is changed. */
export function createInputs(kinds, given, change) {
  const now = new Map(given);
  const fields = new Map();
  for (const [kind, those] of kinds) {
    const group = make("div", { className: "fields", role: "group", ariaLabel: kind });
    if (kinds.length > 1) group.append(make("h3", { textContent: kind }));
    const [first, rest] = [those.slice(0, FOLDED), those.slice(FOLDED)];
    group.append(...first.map(field));
    if (rest.length) {
      group.append(make("details", {}, make("summary", { textContent: `${rest.length} more` }), ...rest.map(field)));
    }
    el("leaves").append(group);
  }

  function field(node) {
    const start = given.get(node.index);
    const size = Number.isFinite(start) ? Math.max(1, 2 * Math.abs(start)) : 1;
    const middle = Number.isFinite(start) ? start : 0;
    const range = make("input", { type: "range", min: String(middle - size), max: String(middle + size), step: "any", value: String(middle), tabIndex: 0 });
    range.setAttribute("aria-label", `${node.name}, as a slider`);
    const take = (number) => {
      now.set(node.index, number);
      change(new Map(now));
    };
    const { box, problem, set } = numberField(`leaf-${node.index}`, shown(start), (number) => {
      if (number === undefined) return;
      slide(number);
      take(number);
    });
    function slide(number) {
      if (!Number.isFinite(number)) return;
      range.min = String(Math.min(Number(range.min), number));
      range.max = String(Math.max(Number(range.max), number));
      range.value = String(number);
    }
    range.addEventListener("input", () => {
      set(shown(range.valueAsNumber));
      take(range.valueAsNumber);
    });
    fields.set(node.index, (number) => {
      set(shown(number));
      slide(number);
      now.set(node.index, number);
    });
    return make("div", { className: "field" }, make("label", { htmlFor: box.id, textContent: node.name, title: node.name }), range, box, problem);
  }

  el("restore").addEventListener("click", () => {
    for (const [i, number] of given) fields.get(i)(number);
    change(new Map(given));
  });

  /* The fields follow the numbers, but for what is being typed. */
  return (leaves) => {
    for (const [i, number] of leaves) if (!Object.is(now.get(i), number)) fields.get(i)(number);
  };
}

/* The slope measured by moving one leaf by h, beside its gradient; `outputFor` gives the output for a map of leaves. */
export function createNudge(kinds, { nodes, output }, outputFor) {
  const all = kinds.flatMap(([, those]) => those);
  el("nudged").append(...all.map((node) => make("option", { value: String(node.index), textContent: node.name })));
  let h = 0.001;
  let state = null;
  const { box, problem } = numberField("nudge-by", "0.001", (number) => { h = number; paint(); });
  el("nudge-line").append(box);
  el("nudge-line").after(problem);
  el("nudged").addEventListener("change", () => paint());

  function paint(next) {
    state = next ?? state;
    const { leaves, gradients } = state;
    const i = Number(el("nudged").value);
    const [x, y] = [leaves.get(i), nodes[output].data];
    const [name, of] = [nodes[i].name, nodes[output].name];
    const usable = Number.isFinite(h) && x + h !== x;
    el("slopes").hidden = !usable;
    if (!usable) {
      el("nudge-words").textContent = h === undefined ? "" : h === 0 || !Number.isFinite(h) ? "Choose an h that is a number other than 0." :
        `${shown(h)} is too small to change ${name} = ${shown(x)} in 64 bits.`;
      return;
    }
    const outputs = [h, h / 10, h / 100].map((by) => [by, outputFor(new Map(leaves).set(i, x + by)), x + by - x]);
    el("nudge-words").textContent = `Move ${name} from ${shown(x)} to ${exactly(x + h)}: ${of} goes from ${exactly(y)} to ${exactly(outputs[0][1])}.`;
    el("slopes-of").textContent = `Measured slope: change of ${of} / h. Gradient: what the backward pass finds.`;
    el("slope-rows").replaceChildren(...outputs.filter(([, , real]) => real !== 0).map(([by, moved, real]) => {
      const slope = (moved - y) / real;
      return make("tr", {}, ...[shown(by), shown(slope), shown(gradients[i]), shown(slope - gradients[i])].map((textContent) => make("td", { textContent })));
    }));
  }

  return paint;
}

/* Enough digits to see what a small change does. */
const exactly = (x) => (Number.isFinite(x) ? String(Number(x.toPrecision(10))) : shown(x));
