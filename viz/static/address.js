/* The state of the page as text, for the address after the #: what a link restores, and what Python asks for.

   phase=backward&step=9&open=layers.0&open=layers.1.neurons.0&n3=0.5&camera=120,80,1.25&rate=0.1&tab=descent&group=1&present=1
   &quiz=local&ask=n3&engineer=1 */

import { plain, isOne, shown } from "./numbers.js";
import { lasting } from "./life.js";
import { TABS } from "./panel.js";
import { KINDS } from "./questions.js";
import { around } from "./tree.js";

const PHASES = ["forward", "backward", "update"];
const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;

/* As JSON writes a number, all its digits, or as "inf", "-inf" and "nan". */
export const exact = (x) => (Number.isFinite(x) ? (Object.is(x, -0) ? "-0" : String(x)) : shown(x));

/* What such a text means, or null. */
export const number = (text) => (isOne(text) || NUMBER.test(text) ? Number(plain(text)) : null);

/* {phase, step, open, leaves, camera, rate, tab, quiz, ask, group, present, engineer}, as far as the text has them, and `problems` in sentences. */
export function readAddress(text, { nodes, boxes }) {
  const found = { leaves: new Map(), problems: [] };
  const problem = (sentence) => found.problems.push(sentence);
  for (const [key, value] of new URLSearchParams(text)) {
    const leaf = /^n(\d+)$/.exec(key);
    if (key === "phase") {
      if (PHASES.includes(value)) found.phase = value;
      else problem(`there is no phase “${value}”; there are ${PHASES.join(", ")}`);
    } else if (key === "step") {
      if (/^\d{1,9}$/.test(value)) found.step = Number(value);
      else problem(`“${value}” is no step`);
    } else if (key === "open") {
      found.open ??= new Set();
      const those = !value ? [] : boxes.filter(({ key, path, name }) => value === "*" || key === value || (path || name) === value);
      if (value && !those.length) problem(`there is no box “${value}”`);
      for (const box of those) for (const one of [box.index, ...around(boxes, box.parent)]) found.open.add(one);
    } else if (leaf) {
      const node = nodes[Number(leaf[1])];
      if (node && node.symbol === null && !node.constant && number(value) !== null) found.leaves.set(node.index, number(value));
      else problem(`“${key}=${value}” sets no input`);
    } else if (key === "camera") {
      const parts = value.split(",").map(number);
      if (parts.length === 3 && parts.every(Number.isFinite) && parts[2] > 0) found.camera = { x: parts[0], y: parts[1], k: parts[2] };
      else problem(`“${value}” is no camera; it is x,y,scale`);
    } else if (key === "rate") {
      if (number(value) !== null) found.rate = value;
      else problem(`“${value}” is no learning rate`);
    } else if (key === "tab") {
      if (TABS.includes(value)) found.tab = value;
      else problem(`there is no tab “${value}”`);
    } else if (key === "quiz") {
      if (KINDS.includes(value)) found.quiz = value;
      else problem(`there is no quiz “${value}”; there are ${KINDS.join(", ")}`);
    } else if (key === "ask") {
      const node = nodes[Number(/^n(\d{1,9})$/.exec(value)?.[1])];
      if (node && !node.constant) (found.ask ??= new Set()).add(node.index);
      else problem(`there is no node “${value}” to ask about`);
    } else if (["group", "present", "engineer"].includes(key)) {
      found[key] = true;
    } else {
      problem(`“${key}” means nothing to this page`);
    }
  }
  return found;
}

export function writeAddress({ phase, step, open, leaves, camera, rate, tab, quiz, ask, group, present, engineer }, { boxes }) {
  const text = new URLSearchParams({ phase, step: String(step) });
  const inside = new Set([...open].flatMap((box) => around(boxes, boxes[box].parent)));
  if (boxes.length && open.size === boxes.length) text.append("open", "*");
  /* The boxes around an open one are open, too. */
  else if (boxes.length) [...open].filter((box) => !inside.has(box)).sort((a, b) => a - b).forEach((box) => text.append("open", boxes[box].key));
  if (boxes.length && !open.size) text.append("open", "");
  for (const [i, x] of leaves) text.append(`n${i}`, exact(x));
  text.append("camera", [camera.x.toFixed(2), camera.y.toFixed(2), camera.k].map(Number).join(","));
  if (rate !== undefined) text.append("rate", rate);
  if (tab !== TABS[0]) text.append("tab", tab);
  if (quiz !== undefined) text.append("quiz", quiz);
  for (const i of ask ?? []) text.append("ask", `n${i}`);
  for (const [flag, on] of Object.entries({ group, present, engineer })) if (on) text.append(flag, "1");
  return text.toString().replace(/%2C/g, ",").replace(/%28/g, "(").replace(/%29/g, ")").replace(/%5B/g, "[").replace(/%5D/g, "]");
}

/* Where a page keeps the text: after the # of its address, which is not written more often than browsers let it. */
export const bar = { read: () => location.hash.slice(1), write };
let [due, timer] = [null, null];

function write(text) {
  due = text;
  if (timer !== null || due === null) return;
  try {
    history.replaceState(null, "", `${location.href.split("#")[0]}#${due}`);
  } catch {
    /* Where an address may not be written, such as in some viewers of files, the page works without one. */
  }
  due = null;
  timer = setTimeout(() => { timer = null; write(due); }, 200);
}

/* What is kept in `place` follows the page, and the page what somebody else writes there. */
export function createAddress(current, opened, place) {
  let written = place.read();
  addEventListener("hashchange", () => {
    const text = place.read();
    if (text === written) return;
    written = text;
    opened(text);
  }, lasting());
  return {
    follow: () => {
      const text = current();
      if (text === written) return;
      written = text;
      place.write(text);
    },
  };
}
