/* Showing it to others: pictures of what is in view, printed steps, and the page as a slide. */

import { lasting } from "./life.js";
import { pngAddress, snapshot, svgAddress } from "./snapshot.js";
import { union } from "./camera.js";
import { make } from "./panel.js";

const el = (id) => document.getElementById(id);
const MOST_SHEETS = 200;
const SMALLEST = 22;
const [WIDEST, HIGHEST] = [2200, 1200];

/* `view` gives what is in view now: its place in the drawing and scale, the size of the whole, the places that the step is
   about, a title and a name; `every` calls back at each step of the pass, and `count` says how many these are. */
export function createShare({ view, every, count }) {
  const root = document.documentElement;
  const colour = () => getComputedStyle(document.body).backgroundColor;
  const picture = (region, scale) => snapshot(el("canvas"), region, scale, colour(), view().title);
  const inView = () => picture(view().seen, view().scale);

  /* On paper there is all of a drawing that can be read there, and of others what is in view and what the step is about. */
  function onPaper() {
    const { seen, whole: { width, height }, about } = view();
    return picture(width <= WIDEST && height <= HIGHEST ? { x: 0, y: 0, w: width, h: height } : about.reduce(union, seen), 1);
  }

  async function save(kind) {
    const { name } = view();
    try {
      const href = kind === "svg" ? svgAddress(inView()) : await pngAddress(inView());
      make("a", { href, download: `${name}.${kind}` }).click();
      el("shared").textContent = `Saved as ${name}.${kind}.`;
    } catch (error) {
      el("shared").textContent = `The picture could not be saved: ${error.message}`;
    }
  }

  /* One step on one page: the picture as large as there is room for, and what is said of it. */
  function sheet() {
    const said = el("story").cloneNode(true);
    for (const one of said.querySelectorAll("[hidden], #asked, #verdict, #take-back")) one.remove();
    for (const one of [said, ...said.querySelectorAll("[id]")]) one.removeAttribute("id");
    for (const one of said.querySelectorAll("[tabindex]")) for (const name of ["tabindex", "role", "title"]) one.removeAttribute(name);
    said.removeAttribute("aria-labelledby");
    said.className = "said";
    return make("section", { className: "sheet" }, onPaper(), said);
  }

  /* On paper it is always light. */
  function light(act) {
    const { theme } = root.dataset;
    root.dataset.theme = "light";
    root.classList.add("still");
    try {
      return act();
    } finally {
      root.dataset.theme = theme;
      root.classList.remove("still");
    }
  }

  let whole = false;
  addEventListener("beforeprint", () => { if (!whole) el("paper").replaceChildren(light(sheet)); }, lasting());
  addEventListener("afterprint", () => {
    whole = false;
    el("paper").replaceChildren();
  }, lasting());

  function printEvery() {
    if (count() > MOST_SHEETS) {
      el("shared").textContent = `This pass has ${count()} steps, and ${MOST_SHEETS} pages are printed at most; close some boxes.`;
      return;
    }
    const sheets = [];
    light(() => every(() => sheets.push(sheet())));
    el("paper").replaceChildren(...sheets);
    whole = true;
    print();
  }

  el("save-svg").addEventListener("click", () => save("svg"));
  el("save-png").addEventListener("click", () => save("png"));
  el("print-step").addEventListener("click", () => print());
  el("print-every").addEventListener("click", printEvery);
}

/* On a slide there are the picture and one line, as large as they can be. */
export function fitLine() {
  const line = el("line");
  line.style.fontSize = "";
  line.classList.remove("wrapped");
  const size = parseFloat(getComputedStyle(line).fontSize);
  const share = line.clientWidth / line.scrollWidth;
  line.classList.toggle("wrapped", size * share < SMALLEST);
  if (share < 1) line.style.fontSize = `${Math.max(SMALLEST, Math.floor(size * share))}px`;
}
