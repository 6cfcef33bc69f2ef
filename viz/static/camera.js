/* Where a reader looks: scale and place of the drawing in its frame, moved by hand and by the story. */

import { lasting } from "./life.js";

/* Below this scale letters of 12 units are under 9 pixels. */
export const READABLE = 0.75;
export const FOOT = 36;
const [SMALLEST, LARGEST] = [0.02, 6];
/* The smallest scale at which the story is told, and the largest to which it is fitted: on a screen, and on a slide. */
const [SCREEN, SLIDE] = [{ least: READABLE, most: 1.25 }, { least: 1.5, most: 3 }];

export function createCamera(frame, changed) {
  const look = { x: 0, y: 0, k: 1 };
  /* The scale that a reader has chosen, which the story keeps to if it can. */
  let chosen = null;
  let drawing = { width: 1, height: 1 };
  let scales = SCREEN;
  const taken = { left: 0, right: 0 };
  /* The frame without the row of buttons at its foot; asked for when it changes, and not at each step. */
  let room = { w: 1, h: 1 };
  const measure = () => {
    const before = room;
    room = { w: Math.max(frame.clientWidth, 1), h: Math.max(frame.clientHeight - FOOT, 1) };
    return room.w !== before.w || room.h !== before.h;
  };
  const size = () => room;
  measure();
  const within = (k) => Math.min(LARGEST, Math.max(SMALLEST, k));

  /* Scale and middle are numbers of a few digits, so that an address of a line brings back exactly this view. */
  function set(left, top, scale) {
    const k = Number(within(scale).toPrecision(5));
    const [x, y] = [[left, room.w], [top, room.h]].map(([low, length]) => Number((low + length / 2 / k).toFixed(2)) - length / 2 / k);
    Object.assign(look, { x, y, k });
    changed(look);
  }

  const scaleToFit = ({ w, h }, pad = 16) => {
    return Math.min((room.w - taken.left - taken.right - 2 * pad) / w, (room.h - 2 * pad) / h);
  };

  function centre({ x, y, w, h }, k) {
    set(x + w / 2 - room.w / 2 / k, y + h / 2 - room.h / 2 / k, k);
  }

  const all = () => ({ x: 0, y: 0, w: drawing.width, h: drawing.height });

  function fit() {
    chosen = null;
    centre(all(), within(Math.min(scaleToFit(all()), scales.most)));
  }

  /* Zoom to a scale, with one point of the frame (its middle, if none is given) staying where it is. */
  function zoom(k, at) {
    chosen = within(k);
    scaleAbout(k, at);
  }

  function scaleAbout(k, at) {
    const point = at ?? { x: room.w / 2, y: room.h / 2 };
    const [x, y, next] = [look.x + point.x / look.k, look.y + point.y / look.k, within(k)];
    set(x - point.x / next, y - point.y / next, next);
  }

  const visible = ({ x, y, w, h }, pad = 4) => {
    const [left, top] = [(x - look.x) * look.k, (y - look.y) * look.k];
    return left >= pad + taken.left && top >= pad && left + w * look.k <= room.w - taken.right - pad && top + h * look.k <= room.h - pad;
  };

  /* Those that are not in view, by the side on which they are, from top to bottom. */
  function outside(rects) {
    const sides = { left: [], right: [] };
    for (const rect of rects) {
      if (!visible(rect, 0)) sides[(rect.x + rect.w / 2 - look.x) * look.k < room.w / 2 ? "left" : "right"].push(rect);
    }
    for (const side of Object.values(sides)) side.sort((a, b) => a.y - b.y);
    return sides;
  }

  /* Bring all of these rectangles into view, readably; or the first, and as many of the others as there is room for.
     Moves no further than it has to. */
  function follow(rects) {
    if (!rects.length) return;
    let region = rects[0];
    const usable = (one) => scaleToFit(one, 26) >= scales.least;
    for (const rect of rects.slice(1)) {
      const both = union(region, rect);
      if (usable(both)) region = both;
    }
    const most = Math.max(scaleToFit(region, 26), scales.least);
    const whole = scaleToFit(all());
    /* A drawing that fits readably is not moved about. */
    if (whole >= scales.least && look.k <= whole * 1.001 && look.k >= scales.least && rects.every((rect) => visible(rect))) return;
    const k = Math.min(Math.max(chosen ?? (whole >= scales.least ? Math.min(whole, scales.most) : Math.max(1, scales.least)), scales.least), most);
    if (Math.abs(k - look.k) > 1e-9) scaleAbout(k);
    if (visible(region, 24)) return;
    const [left, w, h] = [taken.left / k, (room.w - taken.left - taken.right) / k, room.h / k];
    const pad = 26 / k;
    const clamp = (at, low, length, span) => (length + 2 * pad > span ? low + length / 2 - span / 2 :
      Math.min(low - pad, Math.max(low + length + pad - span, at)));
    set(clamp(look.x + left, region.x, region.w, w) - left, clamp(look.y, region.y, region.h, h), k);
  }

  /* A new drawing: `anchor` is what stays where it is, as {before, after} rectangles. */
  function show(next, anchor) {
    drawing = next;
    if (!anchor) return fit();
    const { before, after } = anchor;
    return set(look.x + after.x - before.x, look.y + after.y - before.y, look.k);
  }

  /* Keep what the story is about out from under what stands at the sides of the frame. */
  const inset = (left, right) => Object.assign(taken, { left, right });

  const pan = (dx, dy) => set(look.x + dx / look.k, look.y + dy / look.k, look.k);
  /* The part of the drawing that is in the frame, without the empty paper around. */
  function seen() {
    const [left, top] = [Math.max(look.x, 0), Math.max(look.y, 0)];
    return { x: left, y: top, w: Math.max(1, Math.min(look.x + room.w / look.k, drawing.width) - left), h: Math.max(1, Math.min(look.y + room.h / look.k, drawing.height) - top) };
  }

  const enlarge = (on) => { scales = on ? SLIDE : SCREEN; };

  /* The place in the middle of the frame, and the scale; and back there, in a frame of any size. */
  const centred = () => ({ x: look.x + room.w / 2 / look.k, y: look.y + room.h / 2 / look.k, k: look.k });
  const put = ({ x, y, k }) => centre({ x, y, w: 0, h: 0 }, chosen = within(k));
  return { look, size, measure, inset, fit, zoom, pan, follow, show, visible, outside, scaleToFit: () => scaleToFit(all()), centre, seen, enlarge, centred, put };
}

export function union(a, b) {
  const [x, y] = [Math.min(a.x, b.x), Math.min(a.y, b.y)];
  return { x, y, w: Math.max(a.x + a.w, b.x + b.w) - x, h: Math.max(a.y + a.h, b.y + b.h) - y };
}

/* Drag with one finger or the mouse, pinch with two, zoom with the wheel. */
export function listen(frame, camera, moved) {
  const pointers = new Map();
  let dragged = false;
  const place = (event) => {
    const box = frame.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  frame.addEventListener("pointerdown", (event) => {
    if (event.target.closest("button, .dock")) return;
    pointers.set(event.pointerId, place(event));
    dragged = false;
  });
  addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const now = place(event);
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (!dragged && !other && Math.hypot(now.x - before.x, now.y - before.y) < 4) return;
    dragged = true;
    if (other) {
      const distance = (point) => Math.max(Math.hypot(point.x - other.x, point.y - other.y), 1);
      camera.zoom(camera.look.k * distance(now) / distance(before), { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
    } else {
      camera.pan(before.x - now.x, before.y - now.y);
    }
    pointers.set(event.pointerId, now);
    moved();
  }, lasting());
  for (const end of ["pointerup", "pointercancel"]) addEventListener(end, (event) => pointers.delete(event.pointerId), lasting());
  /* What ends a drag is no click on a box. */
  frame.addEventListener("click", (event) => {
    if (dragged) event.stopPropagation();
    dragged = false;
  }, true);
  /* What a reader comes to by keyboard is brought into view. */
  frame.addEventListener("focusin", ({ target }) => {
    if (!(target instanceof SVGElement) || !target.matches(":focus-visible")) return;
    const [home, place] = [frame, target].map((one) => one.getBoundingClientRect());
    const { x, y, k } = camera.look;
    const rect = { x: x + (place.left - home.left) / k, y: y + (place.top - home.top) / k, w: place.width / k, h: place.height / k };
    if (camera.visible(rect)) return;
    camera.follow([rect]);
    moved();
  });
  frame.addEventListener("wheel", (event) => {
    /* In a notebook the wheel scrolls the notebook, unless the reader has turned to the picture. */
    if (self !== top && !event.ctrlKey && !event.metaKey && !frame.contains(document.activeElement)) return;
    event.preventDefault();
    camera.zoom(camera.look.k * 1.0015 ** -event.deltaY, place(event));
    moved();
  }, { passive: false });
}
