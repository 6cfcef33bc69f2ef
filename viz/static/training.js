/* The page of a training run: which epoch is shown, and what it says of the curves. */

import { createCircles } from "./circles.js";
import { percent, told } from "./course.js";
import { draw } from "./elements.js";
import { shown } from "./numbers.js";
import { createPlane } from "./plane.js";
import { read } from "./record.js";
import { createWeights } from "./weights.js";

const el = (id) => document.getElementById(id);

export function start(text, operations) {
  const trace = read(text);
  const { epochs, plot } = trace;
  const end = epochs.length - 1;
  const state = { at: 0, timer: null };
  const norm = (numbers) => (numbers ? shown(Math.hypot(...numbers)) : "·");
  const known = (number, written, none) => (number === null ? none : written(number));
  const anywhere = (key) => epochs.some((one) => one[key] !== null);

  for (const id of ["network", "plane"]) el(`${id}-box`).hidden = !trace[id];
  el("no-plane").textContent = trace.no_plane && `The decision boundary is not shown: ${trace.no_plane}.`;
  el("no-plane").hidden = !trace.no_plane;
  if (trace.stopped) el("stopped").textContent = `The run ended: ${trace.stopped}.`;
  el("stopped").hidden = !trace.stopped;
  const circles = trace.network && createCircles(trace);
  const plane = trace.plane && createPlane(trace.plane, operations);
  const weights = createWeights(trace);

  const x = (epoch) => plot.left + (plot.right - plot.left) * (epoch - plot.first) / Math.max(1, plot.last - plot.first);
  const y = ({ top, bottom, low, high, log }, number) => {
    const scaled = (one) => (log ? Math.log(one) : one);
    return bottom - (bottom - top) * (scaled(number) - scaled(low)) / (scaled(high) - scaled(low));
  };

  function mark(epoch) {
    const drawn = [[plot.loss, [epoch.loss, epoch.validation]], [plot.accuracy, [epoch.accuracy, epoch.validation_accuracy]]];
    el("marker").replaceChildren(...drawn.filter(([area]) => area).flatMap(([area, numbers]) => [
      draw("line", { x1: x(epoch.epoch), x2: x(epoch.epoch), y1: area.top, y2: area.bottom }),
      ...numbers.filter((one) => one !== null && one >= area.low && one <= area.high).map((one) => draw("circle", { cx: x(epoch.epoch), cy: y(area, one), r: 5 })),
    ]));
  }

  function paint() {
    const epoch = epochs[state.at];
    const playing = state.timer !== null;
    const last = epochs[end].epoch;
    el("words").setAttribute("aria-live", playing ? "off" : "polite");
    const texts = {
      loss: known(epoch.loss, shown, "not known"), validation: known(epoch.validation, shown, "not known"),
      accuracy: known(epoch.accuracy, percent, "·"), "validation-accuracy": known(epoch.validation_accuracy, percent, "·"),
      rate: known(epoch.rate, shown, "·"), norm: norm(epoch.grad), moved: norm(epoch.step),
      "moved-title": epoch.step ? `Moved since epoch ${epochs[state.at - 1].epoch}` : "Moved",
      words: told(trace, state.at), count: `${epoch.epoch} of ${last}`, play: playing ? "Pause" : "Play",
    };
    for (const [id, said] of Object.entries(texts)) el(id).textContent = said;
    el("slider").value = String(state.at);
    el("slider").setAttribute("aria-valuetext", `epoch ${epoch.epoch} of ${last}`);
    el("play").setAttribute("aria-pressed", String(playing));
    for (const [id, off] of [["first", !state.at], ["previous", !state.at], ["next", state.at === end], ["last", state.at === end]]) {
      el(id).setAttribute("aria-disabled", String(off));
    }
    mark(epoch);
    circles?.paint(state.at, el("rescale").checked);
    plane?.paint(epoch, playing);
    weights.paint(state.at);
  }

  const go = (at) => { state.at = Math.max(0, Math.min(end, at)); paint(); };
  function stop() {
    clearInterval(state.timer);
    state.timer = null;
  }

  function play() {
    if (state.timer !== null) {
      stop();
      return paint();
    }
    state.timer = setInterval(() => {
      if (state.at + 1 >= end) stop();
      go(state.at + 1);
    }, Number(el("speed").value));
    go(state.at === end ? 0 : state.at);
  }

  const moves = { first: () => go(0), previous: () => go(state.at - 1), next: () => go(state.at + 1), last: () => go(end) };
  for (const [id, move] of Object.entries(moves)) el(id).addEventListener("click", () => { stop(); move(); });
  el("play").addEventListener("click", play);
  el("slider").addEventListener("input", () => { stop(); go(Number(el("slider").value)); });
  el("speed").addEventListener("change", () => { if (state.timer !== null) { stop(); play(); } });
  for (const id of ["kind", "rescale"]) el(id).addEventListener("change", paint);
  el("curve").addEventListener("click", (event) => {
    const box = el("curve").getBoundingClientRect();
    const wanted = (event.clientX - box.left) / box.width * el("curve").viewBox.baseVal.width;
    const far = (one) => Math.abs(x(one.epoch) - wanted);
    stop();
    go(epochs.reduce((best, one, i) => (far(one) < far(epochs[best]) ? i : best), 0));
  });

  const keys = { ArrowRight: moves.next, ArrowLeft: moves.previous, Home: moves.first, End: moves.last };
  document.addEventListener("keydown", (event) => {
    const { tagName, type } = event.target;
    if (event.ctrlKey || event.altKey || event.metaKey || tagName === "SELECT") return;
    if (event.key === " " && tagName !== "BUTTON" && tagName !== "SUMMARY" && type !== "checkbox") {
      event.preventDefault();
      play();
    } else if (keys[event.key] && type !== "range") {
      event.preventDefault();
      stop();
      keys[event.key]();
    }
  });

  for (const [id, key] of [["validation", "validation"], ["accuracy", "accuracy"], ["validation-accuracy", "validation_accuracy"]]) {
    el(id).parentElement.hidden = !anywhere(key);
  }
  el("slider").max = String(end);
  for (const id of ["controls", "story", "weights"]) el(id).hidden = false;
  document.querySelector("h1").classList.toggle("unseen", parent !== window);
  go(0);
  followHost();
}

/* In a notebook the page has the notebook's theme, and its frame the height of what is always shown. */
function followHost() {
  if (parent === window) return;
  addEventListener("message", ({ source, data }) => {
    if (source === parent && data && ["light", "dark"].includes(data.theme)) document.documentElement.dataset.theme = data.theme;
  });
  const tell = () => parent.postMessage({ height: Math.ceil(el("weights").offsetTop + 120) }, "*");
  new ResizeObserver(tell).observe(el("overview"));
}
