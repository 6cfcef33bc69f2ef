/* What a reader looks at: a card beside a node with all there is to say of it, and its paths lit up in the picture. */

import { lasting } from "./life.js";
import { shown } from "./numbers.js";
import { make } from "./panel.js";
import { leadingTo, pathLine, pathsTo } from "./paths.js";
import { neuronIn } from "./story.js";
import { boxTitle } from "./tree.js";

const el = (id) => document.getElementById(id);
const [MOST_PATHS, LONGEST, GAP] = [4, 8, 10];

/* The lines of a card for a unit; `now` is what is known at this step, and `hidden` holds what a question keeps back. */
export function cardOf(seen, unit, now, write) {
  const { graph } = seen;
  const { nodes, boxes, output } = graph;
  const gradientOf = (i) => (now.forward ? "" : now.hidden.gradients.has(i) ? "gradient: ?" : !now.gradients.has(i) ? "no gradient yet" :
    `gradient ${shown(now.gradients.get(i))}`);
  const valueOf = (i) => (now.hidden.values.has(i) ? "value: ?" : now.known(i) ? `value ${shown(nodes[i].data)}` : "not computed yet");
  if (unit.node < 0) {
    const operations = unit.members.filter((i) => nodes[i].symbol !== null).length;
    const parameters = unit.members.filter((i) => nodes[i].parameter).length;
    const neuron = neuronIn(graph, unit);
    const inside = [[operations, "operation"], [parameters, "parameter"]].filter(([count]) => count).map(([count, what]) => `${count} ${what}${count > 1 ? "s" : ""}`);
    const made = neuron ? `z = w · x${neuron.bias === null ? "" : " + b"}${neuron.activated ? `, a = ${nodes[neuron.exit].symbol}(z)` : ""}` : "";
    const exits = unit.exits.slice(0, MOST_PATHS).map((i) => [nodes[i].name, valueOf(i), gradientOf(i)].filter(Boolean).join(", "));
    if (unit.exits.length > MOST_PATHS) exits.push(`… and ${unit.exits.length - MOST_PATHS} more`);
    const { path } = boxes[unit.box];
    return { title: boxTitle(boxes, unit.box), lines: [path, inside.join(", "), made, ...exits].filter(Boolean), paths: [] };
  }
  const i = unit.node;
  const { name, symbol, inputs, parameter } = nodes[i];
  const made = symbol !== null && inputs.length ? `${name} = ${write.formula(i)}` : name;
  const kind = symbol !== null ? "" : parameter ? "a parameter" : "an input";
  const lines = [kind, valueOf(i), gradientOf(i)].filter(Boolean);
  if (now.forward || now.asking) return { title: made, lines, paths: [] };
  const all = i === output ? [] : pathsTo(graph, i);
  const out = nodes[output].name;
  if (all === null) return { title: made, lines: [...lines, `more than 24 paths from ${out} lead here`], paths: [] };
  if (all.length) lines.push(`${all.length === 1 ? "one path leads" : `${all.length} paths lead`} here from ${out}:`);
  const paths = all.slice(0, MOST_PATHS).map((path) => (path.symbols.length > LONGEST ? `${path.symbols.length} factors = ${shown(path.product)}` : pathLine(path)));
  if (all.length > MOST_PATHS) paths.push(`… and ${all.length - MOST_PATHS} more`);
  return { title: made, lines, paths };
}

/* The edges of the drawing that lie on a path from the output to a unit. */
export function pathsThrough({ graph, edges }, unit) {
  const { nodes } = graph;
  const leads = leadingTo(graph, unit.node >= 0 ? [unit.node] : unit.exits);
  return edges.filter(({ pairs }) => pairs.some(([i, k]) => leads[nodes[i].inputs[k]])).map(({ id }) => id);
}

/* `about` gives {title, lines, paths, rect} for the element of a unit; `light` is told which one is looked at, or null. */
export function createCard(frame, about, light) {
  const card = el("card");
  let shownFor = null;

  function show(group) {
    if (shownFor !== group) hide();
    shownFor = group;
    group.setAttribute("aria-describedby", "card");
    light(group);
    refresh();
  }

  function hide() {
    shownFor?.removeAttribute("aria-describedby");
    if (shownFor) light(null);
    shownFor = null;
    card.hidden = true;
  }

  /* At this step, and where the camera is now. */
  function refresh() {
    if (!shownFor) return;
    const told = shownFor.isConnected ? about(shownFor) : null;
    if (!told) return void hide();
    const { title, lines, paths } = told;
    card.replaceChildren(make("strong", { textContent: title }), ...lines.map((textContent) => make("p", { textContent })),
      ...paths.map((textContent) => make("p", { textContent, className: "path" })));
    card.hidden = false;
    place();
  }

  /* Near the node, where it hides the least: not the node itself, and as little as can be of the others. */
  function place() {
    const home = frame.getBoundingClientRect();
    const rectOf = (one) => {
      const { left, top, width, height } = one.getBoundingClientRect();
      return { x: left - home.left, y: top - home.top, w: width, h: height };
    };
    const node = rectOf(shownFor);
    const [w, h] = [card.offsetWidth, card.offsetHeight];
    const inside = (at, length, room) => Math.max(2, Math.min(at, room - length - 2));
    const others = [...frame.querySelectorAll("#canvas .node")].map(rectOf).filter((one) => one.x < home.width && one.x + one.w > 0 && one.y < home.height && one.y + one.h > 0);
    const shared = (a, b) => Math.max(0, Math.min(a.x + a.w, b.x + b.w) - Math.max(a.x, b.x)) * Math.max(0, Math.min(a.y + a.h, b.y + b.h) - Math.max(a.y, b.y));
    const places = [[node.x, node.y + node.h + GAP], [node.x, node.y - h - GAP], [node.x + node.w + GAP, node.y], [node.x - w - GAP, node.y],
      [node.x + node.w - w, node.y + node.h + GAP], [node.x + node.w - w, node.y - h - GAP], [node.x + node.w + GAP, 2], [node.x, home.height], [node.x, 0],
    ].map(([x, y]) => ({ x: inside(x, w, home.width), y: inside(y, h, home.height), w, h }));
    const hides = (one) => 10 * shared(one, node) + others.reduce((sum, other) => sum + shared(one, other), 0);
    const { x, y } = places.reduce((best, one) => (hides(one) < hides(best) ? one : best));
    card.style.transform = `translate(${x}px, ${y}px)`;
  }

  const nodeAt = (target) => (target instanceof Element ? target.closest("#canvas .node") : null);
  frame.addEventListener("pointerover", ({ pointerType, buttons, target }) => {
    if (pointerType === "touch" || buttons) return;
    if (nodeAt(target)) show(nodeAt(target));
    else hide();
  });
  for (const event of ["pointerleave", "pointerdown"]) frame.addEventListener(event, hide);
  frame.addEventListener("focusin", ({ target }) => { if (nodeAt(target) && target.matches(":focus-visible")) show(nodeAt(target)); });
  frame.addEventListener("focusout", hide);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); }, lasting());
  return { refresh, hide };
}
