/* The buttons, the slider and the keys, and how they look at a step. */

import { atEnd, lasting } from "./life.js";

const el = (id) => document.getElementById(id);

export function createControls(act) {
  const buttons = {
    "phase-forward": act.forward, "phase-backward": act.backward, first: act.first, previous: act.previous, next: act.next,
    last: act.last, play: act.play, "phase-update": act.update, "open-all": act.openAll, "close-all": act.closeAll, fit: act.fit, natural: act.natural,
    "zoom-in": act.zoomIn, "zoom-out": act.zoomOut, present: act.present,
  };
  for (const [id, action] of Object.entries(buttons)) el(id).addEventListener("click", action);
  el("slider").addEventListener("input", () => act.to(Number(el("slider").value)));
  el("speed").addEventListener("change", act.faster);
  el("group").addEventListener("change", act.regroup);

  const keys = {
    ArrowRight: act.next, ArrowLeft: act.previous, Home: act.first, End: act.last, f: act.forward, b: act.backward, u: act.update, d: act.descend, p: act.present, Escape: act.leave,
    o: act.openAll, c: act.closeAll, "+": act.zoomIn, "-": act.zoomOut, 0: act.fit, 1: act.natural,
  };
  const arrows = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (event.ctrlKey || event.altKey || event.metaKey || target.tagName === "SELECT" || target.type === "text") return;
    let action = null;
    if (event.shiftKey && Object.hasOwn(arrows, key)) action = () => act.pan(...arrows[key]);
    else if (key === " " && !["BUTTON", "SUMMARY"].includes(target.tagName) && target.type !== "checkbox") action = act.play;
    else if (Object.hasOwn(keys, key) && !(target.type === "range" && key.length > 1)) action = keys[key];
    if (!action) return;
    event.preventDefault();
    action();
  }, lasting());

  function paint({ at, steps, phase, playing, cycle }) {
    el("slider").max = String(steps);
    el("slider").value = String(at);
    el("slider").setAttribute("aria-valuetext", `step ${at} of ${steps}`);
    el("count").textContent = `${at} of ${steps}`;
    for (const one of ["forward", "backward", "update"]) el(`phase-${one}`).setAttribute("aria-pressed", String(one === phase));
    el("legend").hidden = phase === "forward";
    el("zeros-line").hidden = phase !== "backward";
    el("cycle").setAttribute("aria-pressed", String(cycle));
    el("cycle").textContent = cycle ? "Pause the cycle" : "Play the cycle";
    el("play").setAttribute("aria-pressed", String(playing));
    el("play").textContent = playing ? "Pause" : "Play";
    for (const [id, off] of [["first", !at], ["previous", !at], ["next", at === steps], ["last", at === steps]]) {
      el(id).setAttribute("aria-disabled", String(off));
    }
  }

  return { paint };
}

/* One tick after another while it plays, at the speed that is chosen. */
export function createPlayer(tick, changed) {
  let timer = null;
  const stop = () => { clearInterval(timer); timer = null; };
  atEnd(stop);
  const begin = () => { timer = setInterval(tick, Number(el("speed").value)); };
  return {
    stop, playing: () => timer !== null,
    toggle: () => { if (timer === null) begin(); else stop(); changed(); },
    again: () => { if (timer !== null) { stop(); begin(); } },
  };
}
