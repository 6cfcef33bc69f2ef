/* What lies outside the frame: copies of what a step is about at its edges, and a map of the whole drawing. */

import { make } from "./panel.js";
import { element } from "./picture.js";

const el = (id) => document.getElementById(id);
const MOST_COPIES = 6;
const [WIDTH, HEIGHT] = [166, 106];

/* Copies, at one side of the frame, of what lies outside of it there; `copyOf` gives {title, lines, kind, go} for one. */
export function dock(side, rects, copyOf) {
  const shown = rects.length > MOST_COPIES ? rects.slice(0, MOST_COPIES - 1) : rects;
  const copies = shown.map((rect) => {
    const { title, lines, kind, go } = copyOf(rect);
    const copy = make("button", { type: "button", className: `dock ${kind}`, title: "Show it in the drawing" },
      make("strong", { textContent: title }), ...lines.map((textContent) => make("span", { textContent })));
    copy.addEventListener("click", go);
    return copy;
  });
  if (shown.length < rects.length) {
    const [first, last] = [rects[shown.length], rects[rects.length - 1]].map((rect) => copyOf(rect).title);
    copies.push(make("p", { className: "dock", textContent: `and ${rects.length - shown.length} more: ${first} … ${last}` }));
  }
  el(`dock-${side}`).replaceChildren(...copies);
}

/* Lines between the copies and the rectangle in view that they belong to, in pixels of the frame. */
export function join(frame, camera, rect) {
  const copies = rect ? [...frame.querySelectorAll(".dock")] : [];
  const { x, y, k } = camera.look;
  const home = copies.length ? frame.getBoundingClientRect() : null;
  el("joins").replaceChildren(...copies.map((copy) => {
    const right = copy.parentElement.id === "dock-right";
    const one = copy.getBoundingClientRect();
    const from = [(right ? one.left : one.right) - home.left, (one.top + one.bottom) / 2 - home.top];
    const to = [(rect.x + (right ? rect.w : 0) - x) * k, (rect.y + rect.h / 2 - y) * k];
    const middle = (from[0] + to[0]) / 2;
    return element("path", { d: `M${from}C${middle},${from[1]} ${middle},${to[1]} ${to}` });
  }));
}

/* A map for drawings of more than three frames, with what is in view; a click goes there. */
export function createMap(camera) {
  const map = el("map");
  const [canvas, view] = map.children;
  let placed = null;
  let scale = 1;
  let about = [];
  let sides = { left: false, right: false };

  function draw(next) {
    placed = next;
    scale = Math.min((WIDTH - 8) / placed.width, (HEIGHT - 8) / placed.height);
    Object.assign(canvas, { width: WIDTH - 8, height: HEIGHT - 8 });
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    pen.fillStyle = "#7f8790";
    for (const { x, y, w, h } of placed.units.values()) pen.fillRect(x * scale, y * scale, w * scale, h * scale);
    paint();
  }

  /* In the corner where it hides nothing that the step is about; nowhere, where there is no such corner. */
  function corner() {
    const { w } = camera.size();
    const { x, y, k } = camera.look;
    const free = (left) => !about.some((one) => (one.x - x) * k < left + WIDTH && (one.x + one.w - x) * k > left && (one.y - y) * k < HEIGHT);
    return free(w - WIDTH) && !sides.right ? "right" : free(0) && !sides.left ? "left" : null;
  }

  function paint(next, docked) {
    about = next ?? about;
    sides = docked ?? sides;
    if (!placed) return;
    const { w, h } = camera.size();
    const { x, y, k } = camera.look;
    const place = placed.width * placed.height * k * k > 3 * w * h ? corner() : null;
    map.hidden = place === null;
    if (map.hidden) return;
    map.className = place;
    view.style.transform = `translate(${x * scale}px, ${y * scale}px)`;
    Object.assign(view.style, { width: `${w / k * scale}px`, height: `${h / k * scale}px` });
  }

  map.addEventListener("click", (event) => {
    const at = map.getBoundingClientRect();
    camera.centre({ x: (event.clientX - at.left) / scale, y: (event.clientY - at.top) / scale, w: 0, h: 0 }, camera.look.k);
  });
  return { draw, paint };
}
