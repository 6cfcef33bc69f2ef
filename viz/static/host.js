/* The page around this one, if there is any: a notebook, which has a theme and makes the frame as high as what it holds. */

import { lasting } from "./life.js";

const el = (id) => document.getElementById(id);
const root = document.documentElement;

/* `drawingHeight` says how high the drawing wants to be, in CSS pixels. */
export function createHost(drawingHeight) {
  const framed = self !== top;
  const followsTheme = root.dataset.theme === "auto";
  addEventListener("message", ({ source, data }) => {
    if (source === parent && data && followsTheme && ["light", "dark"].includes(data.theme)) root.dataset.theme = data.theme;
  }, lasting());

  function tellHeight() {
    if (!framed) return;
    const others = root.scrollHeight - el("stage").clientHeight;
    const drawing = drawingHeight();
    const panel = Math.min(Math.max(el("panel-content").scrollHeight + 16, 580), 640);
    const beside = el("panel").offsetTop < el("picture").offsetTop + el("picture").clientHeight;
    parent.postMessage({ height: Math.round(others + (beside ? Math.max(drawing, panel) : drawing + panel)) }, "*");
  }

  return { framed, tellHeight };
}
