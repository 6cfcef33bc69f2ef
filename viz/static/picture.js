/* The drawing: boxes, frames and edges as SVG, and how they look at a step. */

import { shown } from "./numbers.js";
import { READABLE } from "./camera.js";
import { TITLE } from "./layout.js";
import { boxTitle } from "./tree.js";

const SVG = "http://www.w3.org/2000/svg";
const FONT = "12px Helvetica, Arial, sans-serif";
const LINE = 15;
const WIDEST = 230;

const paper = document.createElement("canvas").getContext("2d");

/* The width of a text, which needs no layout and so is known before anything is shown. */
function widthOf(text, bold) {
  paper.font = (bold ? "bold " : "") + FONT;
  return paper.measureText(text).width;
}

export function element(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.append(...children);
  return made;
}

/* A colour between paper and the hue of its sign, on a root scale so that small gradients still show. */
export function gradientColour(gradient, largest, palette) {
  if (Number.isNaN(gradient)) return palette.neutral;
  const share = !Number.isFinite(gradient) ? 1 : largest ? Math.sqrt(Math.min(1, Math.abs(gradient) / largest)) : 0;
  const hue = gradient > 0 ? palette.positive : palette.negative;
  const parts = [1, 3, 5].map((at) => Math.round(255 - (255 - parseInt(hue.slice(at, at + 2), 16)) * share));
  return `rgb(${parts.join(", ")})`;
}

/* What a node is and how it is made, if that is short: "tesla = 2 * bmw". */
export function heading(graph, i, write) {
  const node = graph.nodes[i];
  const made = node.symbol === null || !node.inputs.length ? "" : write(i, true);
  const long = made ? `${node.short} = ${made}` : node.short;
  return widthOf(long, true) <= WIDEST - 16 ? [node.short, made && ` = ${made}`] : [cut(node.short), node.symbol ? ` ${node.symbol}` : ""];
}

const cut = (text) => {
  let short = text;
  while (widthOf(`${short}…`, true) > WIDEST - 60 && short.length > 4) short = short.slice(0, -2);
  return short === text ? text : `${short}…`;
};

export function createPicture(svg, graph, write, act) {
  const layers = Object.fromEntries(["frames", "edges", "labels", "units"].map((name) => [name, element("g", { class: name })]));
  svg.append(...Object.values(layers));
  let seen = null;
  let drawn = { units: new Map(), edges: new Map(), frames: new Map() };
  const headings = new Map();

  const headingOf = (i) => {
    if (!headings.has(i)) headings.set(i, heading(graph, i, write));
    return headings.get(i);
  };
  const boxName = (box) => cut(graph.boxes[box].title + (graph.boxes[box].call ? `, call ${graph.boxes[box].call}` : ""));

  function sizeOf(unit) {
    const title = unit.node >= 0 ? headingOf(unit.node).join("") : `${boxName(unit.box)} ▸`;
    return { w: Math.max(unit.exits.length > 1 ? 124 : 100, Math.ceil(widthOf(title, true)) + 18), h: 3 * LINE + 10 };
  }

  /* Open and close act on click and on Enter, and so do nodes, which lead to their step. */
  function button(group, label, action) {
    group.setAttribute("role", "button");
    group.setAttribute("tabindex", "0");
    group.setAttribute("aria-label", label);
    group.addEventListener("click", action);
    group.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        event.stopPropagation();
        action();
      }
    });
  }

  function drawFrame(box, { x, y, w, h }) {
    const title = element("text", { x: x + 10, y: y + 16, class: "frame-title" }, `${boxName(box)} ▾`);
    const tab = element("g", { class: "tab" }, element("rect", { x: x + 2, y: y + 2, width: Math.min(w - 4, widthOf(title.textContent, true) + 18), height: TITLE - 4, rx: 5 }), title);
    button(tab, `Close ${boxTitle(graph.boxes, box)}`, () => act.close(box));
    tab.append(element("title", {}, `${graph.boxes[box].path || boxTitle(graph.boxes, box)}: click to close`));
    const group = element("g", { class: "frame", id: `f${box}` }, element("rect", { x, y, width: w, height: h, rx: 9, class: "outline" }), tab);
    layers.frames.append(group);
    drawn.frames.set(box, group);
  }

  function drawUnit(u, { x, y, w, h }) {
    const unit = seen.units[u];
    const { nodes, boxes } = graph;
    const group = element("g", { class: unit.node >= 0 ? "node" : "node box", id: unit.id, transform: `translate(${x} ${y})` });
    if (unit.node < 0) group.append(element("rect", { x: 4, y: 4, width: w, height: h, rx: 7, class: "behind" }));
    const body = element("rect", { width: w, height: h, rx: 7, class: "body" });
    const middle = { x: w / 2, "text-anchor": "middle" };
    const first = element("text", { ...middle, y: 16, class: "name" });
    if (unit.node >= 0) {
      const [name, made] = headingOf(unit.node);
      first.append(element("tspan", { class: "strong" }, name), element("tspan", { class: "made" }, made));
    } else {
      first.append(element("tspan", { class: "strong" }, boxName(unit.box)), element("tspan", { class: "made" }, " ▸"));
    }
    const [second, third] = [1, 2].map((row) => element("text", { ...middle, y: 16 + row * LINE, class: "number" }));
    group.append(body, first, second, third);
    const what = unit.node >= 0 ? nodes[unit.node].name : boxTitle(boxes, unit.box);
    button(group, what, unit.node >= 0 ? () => act.go(u) : () => act.open(unit.box));
    layers.units.append(group);
    drawn.units.set(u, { group, body, first, second, third, what });
  }

  function drawEdge(edge, { points }) {
    const path = element("path", { d: curve(points), class: "line", "marker-end": "url(#arrow)" });
    const wide = element("path", { d: curve(points), class: "hit" });
    const group = element("g", { class: "edge", id: edge.id }, wide, path);
    group.addEventListener("click", () => act.edge(edge));
    layers.edges.append(group);
    const single = seen.units[edge.from].node >= 0 && seen.units[edge.to].node >= 0;
    let label = null;
    if (single) {
      const [[x, y], [nearX, nearY]] = [points[points.length - 1], points[points.length - 2]];
      const share = Math.min(30, (x - nearX) / 2) / Math.max(x - nearX, 1);
      label = element("text", { x: x - 8, y: y + (nearY - y) * share * 0.4 - 4, "text-anchor": "end", class: "local" });
      layers.labels.append(label);
    }
    drawn.edges.set(edge.id, { group, path, label, edge, points });
  }

  function draw(next, placed) {
    seen = next;
    for (const layer of Object.values(layers)) layer.replaceChildren();
    svg.setAttribute("width", String(placed.width));
    svg.setAttribute("height", String(placed.height));
    drawn = { units: new Map(), edges: new Map(), frames: new Map() };
    for (const box of seen.frames) drawFrame(box, placed.frames.get(box));
    for (const edge of seen.edges) drawEdge(edge, placed.edges.get(edge.id));
    seen.units.forEach((_, u) => drawUnit(u, placed.units.get(u)));
  }

  /* How everything looks at a step; `now` says what is known of it. */
  function paint(now) {
    const { nodes } = graph;
    for (const [u, parts] of drawn.units) {
      const unit = seen.units[u];
      const [value, gradient] = unit.node >= 0 ? nodeLines(unit.node, now) : boxLines(unit, now);
      const strongest = now.strongest(unit);
      const classes = { pending: (strongest === null && !now.forward) || !now.computed(unit), active: now.active.has(u), source: now.source.has(u) };
      /* Most boxes look as they did at the step before, and to leave them alone is what makes a step quick. */
      const looks = JSON.stringify([value, gradient, strongest === null ? null : gradientColour(strongest, now.largest, now.palette), classes]);
      if (parts.looks === looks) continue;
      parts.looks = looks;
      parts.second.textContent = value;
      parts.third.textContent = gradient;
      parts.body.style.fill = strongest === null ? "" : gradientColour(strongest, now.largest, now.palette);
      parts.group.setAttribute("aria-label", `${parts.what}, ${value}, ${gradient}${unit.node < 0 ? ", closed; press Enter to open" : ""}`);
      toggle(parts.group, classes);
    }
    let relabelled = false;
    for (const parts of drawn.edges.values()) {
      const { group, label, edge } = parts;
      const [i, k] = edge.pairs[0];
      const classes = { active: now.edges.has(edge.id), passed: now.passed(edge) };
      const text = label && now.known(i) && !now.hidden.edges.has(edge.id) ? shown(nodes[i].partials[k]) : "";
      const looks = JSON.stringify([classes, text]);
      if (parts.looks === looks) continue;
      parts.looks = looks;
      toggle(group, classes);
      if (!label) continue;
      relabelled = relabelled || label.textContent !== text;
      label.textContent = text;
      toggle(label, { active: classes.active });
    }
    if (relabelled) crowded();
  }

  function nodeLines(i, now) {
    const gradient = now.gradients.get(i);
    return [`data ${now.hidden.values.has(i) ? "?" : now.known(i) ? shown(graph.nodes[i].data) : "…"}`, now.forward ? "" : `grad ${gradient === undefined ? "–" : now.hidden.gradients.has(i) ? "?" : shown(gradient)}`];
  }

  function boxLines(unit, now) {
    if (unit.exits.length === 1) return nodeLines(unit.exits[0], now);
    const known = unit.exits.filter((i) => now.gradients.has(i) && !now.hidden.gradients.has(i)).map((i) => now.gradients.get(i));
    const [low, high] = [Math.min(...known), Math.max(...known)];
    const range = !known.length ? "–" : low === high ? shown(low) : `${short(low)} … ${short(high)}`;
    return [`${unit.exits.length} ${now.leaves(unit) ? "numbers" : "outputs"}`, now.forward ? "" : `grad ${range}`];
  }

  const short = (x) => shown(Number(x.toPrecision(3)));

  /* Local derivatives for which there is no room are shown only while they are what the step is about. */
  function crowded() {
    const rows = new Map();
    for (const { label } of drawn.edges.values()) {
      if (!label || !label.textContent) continue;
      const [x, y] = [Number(label.getAttribute("x")), Number(label.getAttribute("y"))];
      const width = widthOf(label.textContent);
      const row = Math.round(y / 6);
      const near = [-2, -1, 0, 1, 2].flatMap((step) => rows.get(row + step) ?? []);
      const clash = near.some((other) => Math.abs(other.y - y) < 11 && other.from < x && x - width < other.to);
      label.classList.toggle("crowded", clash);
      if (!clash) rows.set(row, [...(rows.get(row) ?? []), { from: x - width, to: x, y }]);
    }
  }

  /* Far out, only names and colours; their letters never get smaller than 9 pixels. */
  function look({ x, y, k }) {
    /* On the element around the drawing: a transform inside SVG would make the browser measure every text anew. */
    svg.parentElement.style.transform = `translate(${-x * k}px, ${-y * k}px) scale(${k})`;
    const far = k < READABLE - 1e-6;
    svg.classList.toggle("far", far);
    if (far === svg.far && (!far || Math.abs(svg.scale / k - 1) < 0.02)) return;
    svg.far = far;
    svg.scale = k;
    const size = far ? 9.2 / k : 12;
    for (const { body, first } of drawn.units.values()) fitText(first, size, Number(body.getAttribute("width")) * 1.1, Number(body.getAttribute("height")), far);
    for (const group of drawn.frames.values()) {
      const [outline, title] = [group.querySelector(".outline"), group.querySelector("text")];
      fitText(title, size, Number(outline.getAttribute("width")), Number(outline.getAttribute("height")) / 2, far, false);
    }
  }

  function fitText(text, size, width, height, far, middle = true) {
    const room = widthOf((text.querySelector(".strong") ?? text).textContent, true) * size / 12 <= width && size <= height;
    text.style.fontSize = far ? `${size}px` : "";
    text.style.display = far && !room ? "none" : "";
    if (middle) text.setAttribute("y", far ? String(height / 2 + size / 3) : "16");
  }

  /* Edges by id, and a unit with the line of it that is meant, stand out until the next call. */
  function light(edges, u, line) {
    for (const one of [...svg.querySelectorAll(".lit")]) one.classList.remove("lit");
    for (const id of edges) {
      const { group, label } = drawn.edges.get(id);
      group.classList.add("lit");
      label?.classList.add("lit");
    }
    const unit = drawn.units.get(u);
    if (unit) for (const one of [unit.group, unit[line]]) one.classList.add("lit");
  }

  const unitOf = (group) => [...drawn.units].find(([, parts]) => parts.group === group)?.[0];
  return { draw, paint, look, light, sizeOf, unitOf, unit: (u) => drawn.units.get(u)?.group };
}

function toggle(group, classes) {
  for (const [name, on] of Object.entries(classes)) group.classList.toggle(name, Boolean(on));
}

/* A line through points that leaves to the right and arrives from the left. */
export function curve(points) {
  let d = `M${points[0].map(round)}`;
  for (let i = 1; i < points.length; i += 1) {
    const [[x0, y0], [x1, y1]] = [points[i - 1], points[i]];
    const middle = round((x0 + x1) / 2);
    d += `C${middle},${round(y0)} ${middle},${round(y1)} ${round(x1)},${round(y1)}`;
  }
  return d;
}

const round = (x) => Math.round(x * 10) / 10;
