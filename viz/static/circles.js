/* A chain of layers as circles and lines: a column a layer, a circle a neuron, a line a weight. */

import { draw } from "./elements.js";
import { shown } from "./numbers.js";

const el = (id) => document.getElementById(id);
/* How many places a column has, that of the count of the rest included. */
const MOST = 16;
const [WIDTH, TOP, BOTTOM] = [360, 16, 282];
/* How many numbers of a neuron are told beside it. */
const TOLD = 6;

export function createCircles({ network, parameters, epochs }) {
  const inputs = network[0].neurons[0].weights.length;
  const sizes = [inputs, ...network.map((layer) => layer.neurons.length)];
  const few = (size) => (size > MOST ? MOST - 1 : size);
  const gap = (WIDTH - 64) / network.length;
  const row = Math.min(56, (BOTTOM - TOP) / Math.min(MOST, Math.max(...sizes)));
  const radius = Math.max(1.5, Math.min(13, row * 0.42, gap * 0.3));
  const used = [...new Set(network.flatMap((layer) => layer.neurons.flatMap((one) => [...one.weights, one.bias])))];
  const reach = largest(used, epochs);
  const titles = [["inputs", ""], ...network.map(({ path, activation }) => [path.split(".").slice(-2).join(".") || "neuron", activation])];
  const fits = titles.flat().every((text) => 7 * text.length < gap);
  const lines = [];
  const circles = [];
  let [at, chosen] = [0, null];

  function largest(places, some) {
    return some.reduce((most, { data }) => places.reduce((top, i) => (Number.isFinite(data[i]) ? Math.max(top, Math.abs(data[i])) : top), most), 0);
  }

  const x = (column) => 32 + gap * column;
  const y = (column, place) => (TOP + BOTTOM) / 2 + row * (place - (Math.min(MOST, sizes[column]) - 1) / 2);

  function build() {
    const [below, above, hits] = [draw("g"), draw("g"), draw("g")];
    sizes.forEach((size, column) => {
      for (let place = 0; place < few(size); place += 1) above.append(circle(column, place));
      if (size > MOST) above.append(draw("text", { class: "said", x: x(column), y: y(column, MOST - 1) + 5, "text-anchor": "middle" }, gap < 90 ? `+${size - MOST + 1}` : `… ${size - MOST + 1} more`));
      const named = fits || !column || column === network.length;
      if (named) titles[column].forEach((text, k) => above.append(draw("text", { class: "said", x: x(column), y: BOTTOM + 20 + 16 * k, "text-anchor": "middle" }, text)));
      if (!column) return;
      network[column - 1].neurons.slice(0, few(size)).forEach((neuron, place) => neuron.weights.slice(0, few(sizes[column - 1])).forEach((weight, from) => {
        const d = `M${x(column - 1)} ${y(column - 1, from).toFixed(1)}L${x(column)} ${y(column, place).toFixed(1)}`;
        const line = draw("path", { d });
        const hit = draw("path", { class: "hit", d });
        hit.addEventListener("pointerenter", () => choose({ weight }));
        lines.push({ line, weight, column, place });
        below.append(line);
        hits.append(hit);
      }));
    });
    el("network").append(below, hits, above);
    circles[0].group.setAttribute("tabindex", "0");
  }

  function circle(column, place) {
    const middle = { cx: x(column), cy: y(column, place), r: radius };
    const shape = draw("circle", { ...middle, class: "fill" });
    const group = draw("g", { class: "neuron", role: "img", tabindex: "-1" }, draw("circle", { ...middle, class: "body" }), shape);
    const one = { group, shape, column, place, neuron: column ? network[column - 1].neurons[place] : null };
    group.addEventListener("pointerenter", () => choose({ circle: one }));
    group.addEventListener("focus", () => choose({ circle: one }));
    group.addEventListener("keydown", (event) => {
      const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      const next = by && circles[circles.indexOf(one) + by];
      if (!by || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      if (!next) return;
      group.setAttribute("tabindex", "-1");
      next.group.setAttribute("tabindex", "0");
      next.group.focus();
    });
    circles.push(one);
    return group;
  }

  const number = (i) => `${parameters[i].path} = ${shown(epochs[at].data[i])}`;
  const below = (i, path) => (path && parameters[i].path.startsWith(`${path}.`) ? parameters[i].path.slice(path.length + 1) : parameters[i].path);

  /* What is said of a neuron: its name, and its bias and first weights. */
  function told({ column, place, neuron }) {
    if (!neuron) return `input ${place + 1} of ${inputs}`;
    const all = [neuron.bias, ...neuron.weights];
    const rest = all.length - TOLD > 0 ? `, and ${all.length - TOLD} more` : "";
    const numbers = all.slice(0, TOLD).map((i) => `${below(i, neuron.path)} = ${shown(epochs[at].data[i])}`).join(", ");
    return `${neuron.path || `neuron ${place + 1} of ${sizes[column]}`}: ${numbers}${rest}`;
  }

  function choose(what) {
    chosen = what;
    say();
  }

  function say() {
    const { circle: one, weight } = chosen ?? {};
    const text = one ? told(one) : weight === undefined ? "" : `${number(weight)}${epochs[at].grad ? `, gradient ${shown(epochs[at].grad[weight])}` : ""}`;
    el("network-words").textContent = text || "Point at a circle or a line, or move from circle to circle with the up and down keys, to read its numbers.";
    el("network").classList.toggle("chosen", Boolean(one?.neuron) || weight !== undefined);
    for (const { line, weight: own, column, place } of lines) {
      line.classList.toggle("lit", own === weight || (Boolean(one?.neuron) && one.column === column && one.place === place));
    }
  }

  function paint(place, rescaled) {
    at = place;
    const { data } = epochs[at];
    const most = (rescaled ? largest(used, [epochs[at]]) : reach) || 1;
    const share = (i) => Math.min(1, Math.abs(data[i]) / most);
    const side = (i) => (Number.isNaN(data[i]) ? "nan" : data[i] < 0 ? "minus" : "plus");
    for (const { line, weight } of lines) {
      line.setAttribute("class", `${side(weight)}${line.classList.contains("lit") ? " lit" : ""}`);
      line.setAttribute("stroke-width", (Number.isNaN(data[weight]) ? 1 : 0.2 + 4.8 * share(weight)).toFixed(2));
    }
    for (const one of circles) {
      one.group.setAttribute("aria-label", told(one));
      if (!one.neuron) continue;
      one.shape.setAttribute("class", `fill ${side(one.neuron.bias)}`);
      one.shape.setAttribute("fill-opacity", (Number.isNaN(data[one.neuron.bias]) ? 0 : share(one.neuron.bias)).toFixed(2));
    }
    say();
  }

  build();
  el("network").addEventListener("pointerleave", () => {
    const focused = circles.find((one) => one.group === document.activeElement);
    choose(focused ? { circle: focused } : null);
  });
  /* Not to the drawing, which listening to its focus would put into the order of tabs. */
  el("network-box").addEventListener("focusout", () => choose(null));
  return { paint };
}
