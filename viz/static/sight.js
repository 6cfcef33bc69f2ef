/* What a step is about, in view: the camera goes there, and what has no room is copied to the edges of the frame. */

import { dock, join } from "./edge_of_view.js";
import { boxTitle } from "./tree.js";

const INSET = 150;

/* `rectOf` gives the place of a unit in the drawing, `unit` what it is, and `kind` how it takes part in the step. */
export function createSight(frame, camera, picture, { nodes, boxes }, { rectOf, unit, kind, moved }) {
  /* Into view with all of it; where there is no room, there is to be room for copies at the sides. */
  function look(about) {
    const rects = about.map(rectOf);
    camera.inset(0, 0);
    camera.follow(rects);
    const { left, right } = camera.outside(rects);
    if (left.length || right.length) {
      camera.inset(left.length ? INSET : 0, right.length ? INSET : 0);
      camera.follow(rects);
    }
    return docks(about);
  }

  /* The copies, for where the camera is; whether there are any at the left and at the right. */
  function docks(about) {
    const members = new Map(about.map((u) => [rectOf(u), u]));
    const sides = camera.outside([...members.keys()]);
    const copyOf = (rect) => {
      const u = members.get(rect);
      const { node, box } = unit(u);
      const [, ...lines] = [...picture.unit(u).querySelectorAll("text")].map((text) => text.textContent).filter(Boolean);
      const title = node >= 0 ? nodes[node].name : boxTitle(boxes, box);
      return { title, lines, kind: kind(u), go: () => { camera.centre(rect, camera.look.k); moved(); } };
    };
    for (const [side, rects] of Object.entries(sides)) dock(side, rects, copyOf);
    const inView = [...members.keys()].find((rect) => camera.visible(rect, 0));
    /* Where the copies are is known once they have been laid out, which is not waited for. */
    requestAnimationFrame(() => join(frame, camera, inView));
    return { left: sides.left.length > 0, right: sides.right.length > 0 };
  }

  return { look, docks };
}
