/* The weights below the pictures, folded by layer, and in it by module: bars, and in open modules a table. */

import { draw, make } from "./elements.js";
import { shown } from "./numbers.js";

const el = (id) => document.getElementById(id);
const KINDS = ["data", "grad", "step"];
const FEW = 20;

const counted = (count) => `${count} parameter${count === 1 ? "" : "s"}`;
const norm = (numbers, members) => shown(Math.hypot(...members.map((i) => numbers[i])));
const largest = (numbers, members) => (numbers ? members : []).reduce(
  (most, i) => (Number.isFinite(numbers[i]) ? Math.max(most, Math.abs(numbers[i])) : most), 0);

export function createWeights({ model, parameters, epochs }) {
  const below = (path, around) => (around ? path.slice(around.length + 1) : path);
  const layers = new Map();
  const modules = [];
  let at = 0;

  parameters.forEach(({ module, layer }, i) => {
    if (!layers.has(layer)) layers.set(layer, { inside: new Map(), all: [], reach: {} });
    const { inside, all } = layers.get(layer);
    if (!inside.has(module)) inside.set(module, { members: [], rows: null });
    inside.get(module).members.push(i);
    all.push(i);
  });
  for (const [path, layer] of layers) {
    for (const kind of KINDS) layer.reach[kind] = epochs.reduce((most, one) => Math.max(most, largest(one[kind], layer.all)), 0);
    const grid = make("div", { className: "modules" });
    layer.said = make("span", { className: "quiet" });
    layer.box = make("details", { className: "layer", open: parameters.length <= FEW }, make("summary", {},
      make("span", { className: "name", textContent: path || model }), `: ${counted(layer.all.length)}; `, layer.said), grid);
    layer.box.addEventListener("toggle", () => paint(at));
    for (const [of, module] of layer.inside) {
      grid.append(box(layer, of, path, module));
      modules.push(module);
    }
    el("layers").append(layer.box);
  }

  function box(layer, of, path, module) {
    const count = module.members.length;
    const [up, down] = ["up", "down"].map((way) => draw("path", { class: way }));
    const strip = draw("svg", { viewBox: `0 0 ${8 * count} 32`, width: 16 * count, preserveAspectRatio: "none", "aria-hidden": "true" },
      up, down, draw("path", { class: "middle", d: `M0 16H${8 * count}` }));
    const summary = make("summary", {}, `${below(of, path) || "parameters"}: ${counted(count)}`, strip);
    Object.assign(module, { layer, of, up, down, box: make("details", { open: parameters.length <= FEW }, summary) });
    module.box.addEventListener("toggle", () => fill(module));
    return module.box;
  }

  /* The share of the largest number that a number has, with its sign. */
  function share(kind, layer, number) {
    if (Number.isNaN(number)) return 0;
    const most = el("rescale").checked ? layer.now[kind] : layer.reach[kind];
    return most > 0 ? Math.max(-1, Math.min(1, number / most)) : Math.sign(number);
  }

  function table(module) {
    const whole = make("table");
    const head = make("tr", {}, ...["Name", "Value", "Gradient", "Step"].map((text) => make("th", { textContent: text, scope: "col" })));
    whole.createTHead().append(head);
    module.since = head.lastChild;
    const body = whole.createTBody();
    module.rows = module.members.map((i) => {
      const row = body.insertRow();
      row.append(make("th", { textContent: below(parameters[i].path, module.of), scope: "row" }));
      return KINDS.map(() => {
        const [text, inner] = [make("span"), make("span")];
        row.insertCell().append(text, make("span", { className: "bar", ariaHidden: "true" }, inner));
        return [text, inner];
      });
    });
    module.box.append(whole);
  }

  function fill(module) {
    if (!module.box.open || !module.layer.box.open) return;
    if (!module.rows) table(module);
    const epoch = epochs[at];
    module.since.textContent = at ? `Step since epoch ${epochs[at - 1].epoch}` : "Step";
    module.rows.forEach((cells, row) => cells.forEach(([text, inner], column) => {
      const numbers = epoch[KINDS[column]];
      const part = numbers ? share(KINDS[column], module.layer, numbers[module.members[row]]) : 0;
      text.textContent = numbers ? shown(numbers[module.members[row]]) : "·";
      inner.className = part < 0 ? "minus" : "plus";
      inner.style.width = `${50 * Math.abs(part)}%`;
    }));
  }

  function strip(module) {
    if (!module.layer.box.open) return;
    const numbers = epochs[at][el("kind").value];
    const bars = { up: "", down: "" };
    (numbers ? module.members : []).forEach((i, place) => {
      const high = 16 * share(el("kind").value, module.layer, numbers[i]);
      bars[high < 0 ? "down" : "up"] += `M${8 * place + 1} 16v${(-high).toFixed(2)}h6V16z`;
    });
    for (const way of ["up", "down"]) module[way].setAttribute("d", bars[way]);
  }

  function paint(place) {
    at = place;
    const epoch = epochs[at];
    for (const layer of layers.values()) {
      layer.now = Object.fromEntries(KINDS.map((kind) => [kind, largest(epoch[kind], layer.all)]));
      const norms = [["values", epoch.data], ["gradients", epoch.grad], ["steps", epoch.step]].filter(([, numbers]) => numbers);
      layer.said.textContent = `norms: ${norms.map(([name, numbers]) => `${name} ${norm(numbers, layer.all)}`).join(", ")}`;
    }
    modules.forEach(strip);
    modules.forEach(fill);
  }

  for (const id of ["open", "close"]) {
    el(id).addEventListener("click", () => [...layers.values(), ...modules].forEach(({ box: one }) => { one.open = id === "open"; }));
  }
  return { paint };
}
