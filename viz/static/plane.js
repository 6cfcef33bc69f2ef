/* What a model of two inputs makes of the plane with the weights of an epoch, and the samples on it. */

import { draw, make } from "./elements.js";
import { shown } from "./numbers.js";
import { contour, createModel, margins, winners } from "./surface.js";

const el = (id) => document.getElementById(id);
/* The edges of the plane in the drawing. */
const [LEFT, TOP, RIGHT, BOTTOM] = [46, 8, 352, 288];
const HUES = ["#d95f0e", "#2171b5", "#009e73", "#cc79a7", "#e6ab02", "#56b4e9", "#8c510a", "#666666"];
const SHAPES = ["M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z", "M-3.6 -3.6h7.2v7.2h-7.2z", "M0 -4.8L4.5 3.4h-9z", "M0 -5L5 0L0 5L-5 0z"];
/* How many numbers are worked out while epochs pass, and how many when one has stayed. */
const [BRIEF, LONG] = [1e6, 3e7];
const PAUSE = 120;

const rgb = (hue) => [1, 3, 5].map((k) => parseInt(hue.slice(k, k + 2), 16));
const mixed = (hue, part) => rgb(hue).map((x) => Math.round(255 + (x - 255) * part));
const GREY = [238, 238, 238];

/* A colour from orange by white to blue. */
function between(number, [low, high]) {
  if (Number.isNaN(number)) return GREY;
  const part = high > low ? Math.max(-1, Math.min(1, (2 * number - low - high) / (high - low))) : Math.sign(number - low);
  return mixed(HUES[part < 0 ? 0 : 1], 0.85 * Math.abs(part));
}

function ticks(low, high) {
  const power = 10 ** Math.floor(Math.log10((high - low) / 3));
  const step = [1, 2, 5, 10].map((times) => times * power).find((one) => one * 3 >= high - low) ?? high - low;
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) => (first + i) * step);
}

export function createPlane(plane, operations) {
  const { points, classes, low, high, reach, threshold, nodes } = plane;
  const model = createModel(plane, operations);
  const [x, y] = [(one) => LEFT + (RIGHT - LEFT) * (one - low[0]) / (high[0] - low[0]), (one) => BOTTOM - (BOTTOM - TOP) * (one - low[1]) / (high[1] - low[1])];
  const columns = [0, 1].map((k) => Float64Array.from(points, (point) => point[k]));
  const boundary = draw("path", { class: "boundary" });
  const hue = (target) => (classes ? HUES[target] : `rgb(${between(target, reach)})`);
  const drawn = points.map(([a, b, target]) => draw("path", {
    class: "point", d: SHAPES[classes ? target % SHAPES.length : 0], transform: `translate(${x(a).toFixed(1)} ${y(b).toFixed(1)})`, fill: hue(target),
  }));
  let later = null;

  function axes() {
    const label = (text, attributes) => draw("text", { class: "said", ...attributes }, text);
    const marks = [ticks(low[0], high[0]), ticks(low[1], high[1])];
    const path = marks[0].map((one) => `M${x(one).toFixed(1)} ${BOTTOM}v5`).concat(marks[1].map((one) => `M${LEFT} ${y(one).toFixed(1)}h-5`));
    return [
      draw("path", { class: "axis", d: `M${LEFT} ${TOP}V${BOTTOM}H${RIGHT}${path.join("")}` }),
      ...marks[0].map((one) => label(shown(Number(one.toPrecision(6))), { x: x(one), y: BOTTOM + 18, "text-anchor": "middle" })),
      ...marks[1].map((one) => label(shown(Number(one.toPrecision(6))), { x: LEFT - 8, y: y(one) + 4, "text-anchor": "end" })),
      label("first input", { x: (LEFT + RIGHT) / 2, y: BOTTOM + 34, "text-anchor": "middle" }),
      label("second input", { transform: `translate(12 ${(TOP + BOTTOM) / 2}) rotate(-90)`, "text-anchor": "middle" }),
    ];
  }

  function legend() {
    const side = (k) => (plane.outputs.length > 1 ? "" : `: output ${k ? "above" : "up to"} ${shown(threshold)}`);
    const sign = (name, k) => make("span", { className: "sign" },
      draw("svg", { viewBox: "-6 -6 12 12", width: 14, height: 14, "aria-hidden": "true" }, draw("path", { class: "point", d: SHAPES[k % SHAPES.length], fill: HUES[k] })), `class ${name}${side(k)}`);
    if (classes) return classes.map(sign);
    const [least, most] = reach.map((one) => shown(Number(one.toPrecision(3))));
    return [least, make("span", { className: "ramp", ariaHidden: "true" }), most];
  }

  /* The plane in so many squares across and down. */
  function surface(parameters, across) {
    const places = Float64Array.from({ length: across }, (_, i) => (i + 0.5) / across);
    const grid = [0, 1].map(() => new Float64Array(across * across));
    for (let p = 0; p < across * across; p += 1) {
      grid[0][p] = low[0] + (high[0] - low[0]) * places[p % across];
      grid[1][p] = high[1] - (high[1] - low[1]) * places[Math.floor(p / across)];
    }
    const outputs = model(parameters, grid);
    const won = classes && winners(outputs, threshold);
    const canvas = el("surface");
    canvas.width = canvas.height = across;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    const image = context.createImageData(across, across);
    const fills = HUES.map((one) => mixed(one, 0.4));
    for (let p = 0; p < across * across; p += 1) {
      const colour = classes ? fills[won[p]] ?? GREY : between(outputs[0][p], reach);
      image.data.set([...colour, 255], 4 * p);
    }
    context.putImageData(image, 0, 0);
    const [wide, tall] = [(RIGHT - LEFT) / across, (BOTTOM - TOP) / across];
    const at = ([i, j]) => `${(LEFT + (i + 0.5) * wide).toFixed(1)} ${(TOP + (j + 0.5) * tall).toFixed(1)}`;
    const crossings = classes ? margins(outputs, threshold).slice(1).flatMap((margin) => contour(margin, across)) : [];
    boundary.setAttribute("d", crossings.map(([from, to]) => `M${at(from)}L${at(to)}`).join(""));
  }

  /* Which samples are on the wrong side, and so the words below. */
  function judge(parameters, epoch) {
    const of = plane.count > points.length ? `${points.length} of ${plane.count} samples` : `${plane.count} samples`;
    if (!classes) {
      el("plane-words").textContent = `${of}, in the colours of their targets.`;
      el("plane").setAttribute("aria-label", `The output over the plane in epoch ${epoch}, and ${of}`);
      return;
    }
    const won = winners(model(parameters, columns), threshold);
    const wrong = points.map(([, , target], i) => won[i] !== target);
    drawn.forEach((one, i) => one.classList.toggle("wrong", wrong[i]));
    const count = wrong.filter(Boolean).length;
    el("plane-words").textContent = `${of}, ${count || "none"} of them on the wrong side${count ? " (with a thick rim)" : ""}.`;
    el("plane").setAttribute("aria-label", `The classes that the model gives to the plane in epoch ${epoch}, and ${of}, ${count} of them on the wrong side`);
  }

  const across = (most) => Math.max(10, Math.min(110, Math.floor(Math.sqrt(most / nodes.length))));

  el("plane").append(...axes(), boundary, ...drawn);
  if (!classes) el("plane-title").textContent = "Output over the plane";
  el("plane-legend").replaceChildren(...legend());
  return {
    paint({ data, epoch }, playing) {
      clearTimeout(later);
      surface(data, across(BRIEF));
      judge(data, epoch);
      if (!playing) later = setTimeout(() => surface(data, across(LONG)), PAUSE);
    },
  };
}
