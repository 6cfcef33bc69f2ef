/* The side of the page that tells what a step does. */

import { shown } from "./numbers.js";
import { pathLine, pathsTo } from "./paths.js";

const el = (id) => document.getElementById(id);
const MOST_ROWS = 16;

export function make(name, fields = {}, ...children) {
  const made = Object.assign(document.createElement(name), fields);
  made.append(...children);
  return made;
}

/* Text as it is; a fraction with a bar, and still a line of text to be read out or copied. What stands for something in
   the picture is handed to `act` while it is looked at, and when it is chosen. */
function typeset(part, act) {
  if (typeof part === "string") return part;
  const { over, text } = part;
  const made = !over ? make("span", { textContent: text }) :
    make("span", { className: "fraction" }, make("span", { className: "above", textContent: over[0] }),
      make("span", { className: "slash", textContent: "/" }), make("span", { className: "below", textContent: over[1] }));
  if (part.value === undefined && part.gradient === undefined && !part.edge) return made;
  made.classList.add("symbol");
  Object.assign(made, { tabIndex: 0, role: "button", title: "Click to bring it into view" });
  for (const event of ["pointerenter", "focus"]) made.addEventListener(event, () => act.light(part));
  for (const event of ["pointerleave", "blur"]) made.addEventListener(event, () => act.light(null));
  made.addEventListener("click", () => act.show(part));
  made.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    act.show(part);
  });
  return made;
}

export function say({ words, line, symbols, rule, numbers, sum, head, rows }, act) {
  el("words").textContent = words;
  el("line").textContent = line;
  for (const [id, parts] of Object.entries({ symbols, rule, numbers, sum })) {
    el(id).replaceChildren(...parts.map((part) => typeset(part, act)));
    el(id).hidden = el(id).previousElementSibling.hidden = !parts.length;
  }
  el("handed").hidden = !rows.length;
  el("handed-head").replaceChildren(...head.map((name) => make("th", { scope: "col", textContent: name })));
  el("handed-rows").replaceChildren(...rows.slice(0, MOST_ROWS).map((cells) =>
    make("tr", {}, ...cells.map((text) => make("td", { textContent: text })))));
  el("handed-more").textContent = rows.length > MOST_ROWS ? `… and ${rows.length - MOST_ROWS} more` : "";
}

export const TABS = ["adds-up", "inputs", "descent", "practice", "share"];

/* One of the parts below the story at a time; which one it is, and a way to another. */
export function createTabs(changed) {
  let current = TABS[0];
  function choose(name) {
    current = name;
    for (const one of TABS) {
      el(one).hidden = one !== name;
      el(`tab-${one}`).setAttribute("aria-pressed", String(one === name));
    }
  }
  for (const name of TABS) el(`tab-${name}`).addEventListener("click", () => { choose(name); changed(); });
  return { choose, current: () => current };
}

/* Why the gradient of a node is what it is: the paths that lead to it. */
export function addUp(graph, target, soFar, complete, asking) {
  el("paths").replaceChildren();
  el("paths-sum").textContent = "";
  if (target === null) {
    el("paths-of").textContent = asking ? "Not shown while a question is open." : "Where a step hands a gradient to a single node, the paths that lead to it are listed here.";
    return;
  }
  const { nodes, output } = graph;
  const [out, name] = [nodes[output].name, nodes[target].name];
  const paths = pathsTo(graph, target);
  if (paths === null) {
    el("paths-of").textContent = `More than 24 paths lead from ${out} to ${name}. Going backwards visits each edge once instead of each path.`;
    return;
  }
  el("paths-of").textContent = `∂${out}/∂${name} is the sum over ${paths.length === 1 ? "one path" : paths.length === 2 ? "two paths" : `${paths.length} paths`} from ${out} to ${name}.`;
  el("paths").replaceChildren(...paths.map((path) => make("li", { textContent: pathLine(path) })));
  if (paths.length > 1) {
    el("paths-sum").textContent = `They add up to ${shown(paths.reduce((sum, { product }) => sum + product, 0))}${complete ?
      ", which is the gradient that the backward pass has accumulated." : `; the backward pass has ${shown(soFar)} of it so far.`}`;
  }
}
