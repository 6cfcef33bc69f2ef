/* Fields to change the leaves of the graph. */

import { shown, typed } from "./numbers.js";
import { make } from "./panel.js";

const el = (id) => document.getElementById(id);
const FOLDED = 10;
const natural = new Intl.Collator("en", { numeric: true });

/* Fields for all leaves, grouped; `change` gets a map from node to number whenever one is changed. */
export function offerInputs({ nodes, output }, change) {
  const used = new Set(nodes.flatMap((node) => node.inputs));
  const leaves = nodes.filter((node) => node.symbol === null && !node.constant && (used.has(node.index) || node.index === output));
  const given = new Map(leaves.map((node) => [node.index, node.data]));
  const now = new Map(given);
  const fields = [];
  const kinds = [["Data", leaves.filter((node) => !node.parameter && node.box < 0)], ["Parameters", leaves.filter((node) => node.parameter)],
    ["Other", leaves.filter((node) => !node.parameter && node.box >= 0)]];
  const several = kinds.filter(([, those]) => those.length).length > 1;
  for (const [kind, those] of kinds) {
    if (!those.length) continue;
    those.sort((a, b) => natural.compare(a.name, b.name));
    const group = make("div", { className: "fields", role: "group", ariaLabel: kind });
    if (several) group.append(make("h3", { textContent: kind }));
    const [first, rest] = [those.slice(0, FOLDED), those.slice(FOLDED)];
    group.append(...first.map(field));
    if (rest.length) {
      group.append(make("details", {}, make("summary", { textContent: `${rest.length} more` }), ...rest.map(field)));
    }
    el("leaves").append(group);
  }

  function field(node) {
    const id = `leaf-${node.index}`;
    const box = make("input", { type: "text", id, value: shown(node.data), inputMode: "text", autocomplete: "off", spellcheck: false });
    const problem = make("p", { className: "problem", id: `${id}-problem`, hidden: true });
    box.setAttribute("aria-describedby", problem.id);
    const size = Number.isFinite(node.data) ? Math.max(1, 2 * Math.abs(node.data)) : 1;
    const middle = Number.isFinite(node.data) ? node.data : 0;
    const range = make("input", { type: "range", min: String(middle - size), max: String(middle + size), step: "any", value: String(middle), tabIndex: 0 });
    range.setAttribute("aria-label", `${node.name}, as a slider`);
    const take = (number) => {
      now.set(node.index, number);
      change(new Map(now), true);
    };
    box.addEventListener("input", () => {
      const { number, problem: sentence } = typed(box.value);
      box.setAttribute("aria-invalid", String(sentence !== undefined));
      problem.hidden = sentence === undefined;
      problem.textContent = sentence ?? "";
      if (sentence !== undefined) return;
      if (Number.isFinite(number)) range.value = String(number);
      take(number);
    });
    range.addEventListener("input", () => {
      box.value = shown(range.valueAsNumber);
      box.setAttribute("aria-invalid", "false");
      problem.hidden = true;
      take(range.valueAsNumber);
    });
    fields.push(() => {
      box.value = shown(node.data = given.get(node.index));
      range.value = String(middle);
      box.setAttribute("aria-invalid", "false");
      problem.hidden = true;
    });
    return make("div", { className: "field" }, make("label", { htmlFor: id, textContent: node.name, title: node.name }), range, box, problem);
  }

  el("restore").addEventListener("click", () => {
    fields.forEach((restore) => restore());
    for (const [i, number] of given) now.set(i, number);
    change(new Map(given), false);
  });
  el("tab-inputs").hidden = !leaves.length;
}
