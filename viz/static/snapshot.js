/* A piece of the drawing as a picture that stands by itself. */

import { element } from "./picture.js";

const EDGE = 10;

const STYLES = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "font-family", "font-size", "font-weight", "text-anchor", "paint-order"];

/* What of the drawing lies in a rectangle, as SVG of that size times `scale`, with its styles written into it. */
export function snapshot(canvas, rect, scale, paper, title) {
  const [x, y, w, h] = [rect.x - EDGE, rect.y - EDGE, rect.w + 2 * EDGE, rect.h + 2 * EDGE];
  const made = element("svg", { xmlns: "http://www.w3.org/2000/svg", viewBox: [x, y, w, h].map(round).join(" "), width: round(w * scale), height: round(h * scale), role: "img" });
  made.append(element("title", {}, title), element("rect", { x, y, width: w, height: h, fill: paper }));
  const home = canvas.getBoundingClientRect();
  const unit = home.width / canvas.width.baseVal.value;
  for (const layer of canvas.querySelectorAll(":scope > g")) {
    for (const one of layer.children) {
      const box = one.getBoundingClientRect();
      const [left, top] = [(box.left - home.left) / unit, (box.top - home.top) / unit];
      if (left > x + w || top > y + h || left + box.width / unit < x || top + box.height / unit < y) continue;
      const copy = styled(one);
      if (copy) made.append(copy);
    }
  }
  return made;
}

const round = (x) => Math.round(x * 100) / 100;

/* A copy that looks the same without the page: no classes, no buttons, and arrows that any program can draw. */
function styled(one) {
  const style = getComputedStyle(one);
  if (style.display === "none" || one.tagName === "title" || one.classList.contains("hit")) return null;
  const copy = document.createElementNS(one.namespaceURI, one.tagName);
  for (const { name, value } of one.attributes) {
    if (!/^(class|id|role|tabindex|style|marker-end|aria-.*)$/.test(name)) copy.setAttribute(name, value);
  }
  if (one.tagName !== "g") for (const name of STYLES) copy.setAttribute(name, style.getPropertyValue(name).replaceAll('"', "'"));
  for (const child of one.childNodes) {
    const inner = child instanceof Element ? styled(child) : document.createTextNode(child.textContent);
    if (inner) copy.append(inner);
  }
  if (!one.hasAttribute("marker-end")) return copy;
  const [x, y] = one.getAttribute("d").match(/[-\d.]+/g).slice(-2).map(Number);
  return element("g", {}, copy, element("path", { d: `M${x - 7},${y - 4}L${x},${y}L${x - 7},${y + 4}z`, fill: style.stroke }));
}

const svgText = (svg) => `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(svg)}\n`;

const address = (text) => `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;

/* Two pixels for each of the screen's, so that it is sharp on a slide. */
export function pngAddress(svg) {
  const picture = new Image();
  picture.src = address(svgText(svg));
  return picture.decode().then(() => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 2 * picture.width, height: 2 * picture.height });
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    return canvas.toDataURL("image/png");
  });
}

export const svgAddress = (svg) => address(svgText(svg));
