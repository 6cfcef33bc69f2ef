/* The page of a training run: which epoch is shown, and what it says of the curve and the weights. */

import { shown, isOne, plain } from "./numbers.js";

const el = (id) => document.getElementById(id);

function read(text) {
  const trace = JSON.parse(text);
  const check = (holds, complaint) => { if (!holds) throw new Error(complaint); };
  check(trace !== null && typeof trace === "object" && trace.version === 1, "this page reads traces of version 1");
  const { parameters, epochs, plot } = trace;
  const list = (x) => Array.isArray(x) && x.length > 0;
  const row = (x) => list(x) && x.length === parameters.length && x.every(isOne);
  const strings = (x, keys) => keys.every((key) => typeof x[key] === "string");
  const all = list(parameters) && list(epochs) && plot && strings(trace, ["model", "stopped"]);
  check(all, "the trace lacks its parameters or epochs");
  parameters.forEach((one, i) => {
    const whole = one && strings(one, ["path", "module", "layer"]) && one.path.startsWith(one.module) && one.module.startsWith(one.layer);
    check(whole, "parameter " + i + " of the trace is not as it should be");
  });
  epochs.forEach((one, i) => {
    const whole = one && Number.isInteger(one.epoch) && one.epoch > (i ? epochs[i - 1].epoch : 0) && isOne(one.loss) &&
      (one.validation === null || isOne(one.validation)) && isOne(one.rate) && row(one.data) && row(one.grad);
    check(whole, "epoch " + (i + 1) + " of the trace is not as it should be");
  });
  const edges = ["left", "right", "top", "bottom", "first", "last", "low", "high"];
  const drawable = edges.every((edge) => Number.isFinite(plot[edge])) && plot.low < plot.high && plot.log === (plot.low > 0);
  check(drawable, "the plot of the trace is not as it should be");
  epochs.forEach((one) => {
    for (const key of ["loss", "validation", "rate"]) one[key] = plain(one[key]);
    for (const key of ["data", "grad"]) one[key] = Float64Array.from(one[key], plain);
  });
  return trace;
}

export function start(text) {
  const trace = read(text);
  const { parameters, epochs, plot } = trace;
  const end = epochs.length - 1;
  const state = { at: 0, timer: null };
  const kinds = ["data", "grad", "step"];
  const below = (path, around) => (around ? path.slice(around.length + 1) : path);
  const norm = (numbers) => (numbers ? shown(Math.hypot(...numbers)) : "·");
  const made = (kind, text = "", rest = {}) => Object.assign(document.createElement(kind), { textContent: text, ...rest });
  const drawn = (kind, attributes) => {
    const element = document.createElementNS(el("curve").namespaceURI, kind);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
    return element;
  };

  /* The step of each parameter since the recorded epoch before; of the first nothing is known. */
  epochs.forEach((one, i) => { one.step = i ? one.data.map((number, k) => number - epochs[i - 1].data[k]) : null; });

  const layers = new Map();
  parameters.forEach(({ module, layer }, i) => {
    if (!layers.has(layer)) layers.set(layer, { inside: new Map(), all: [], reach: {} });
    const { inside, all } = layers.get(layer);
    if (!inside.has(module)) inside.set(module, { members: [], rows: null });
    inside.get(module).members.push(i);
    all.push(i);
  });
  const modules = [];

  const largest = (numbers, members) => (numbers ? members : []).reduce(
    (most, i) => (Number.isFinite(numbers[i]) ? Math.max(most, Math.abs(numbers[i])) : most), 0);

  for (const [path, layer] of layers) {
    for (const kind of kinds) layer.reach[kind] = epochs.reduce((most, one) => Math.max(most, largest(one[kind], layer.all)), 0);
    const grid = made("div", "", { className: "modules" });
    for (const [of, module] of layer.inside) {
      const count = module.members.length;
      const title = (below(of, path) || "parameters") + ": " + count + (count === 1 ? " parameter" : " parameters");
      const [up, down] = ["up", "down"].map((way) => drawn("path", { class: way }));
      Object.assign(module, { layer, of, up, down, box: made("details") });
      const strip = drawn("svg", { viewBox: "0 0 " + 8 * count + " 32", width: 16 * count, preserveAspectRatio: "none", "aria-hidden": "true" });
      strip.append(up, down, drawn("path", { class: "middle", d: "M0 16H" + 8 * count }));
      const summary = made("summary", title);
      summary.append(strip);
      module.box.append(summary);
      module.box.open = parameters.length <= 40 || !modules.length;
      module.box.addEventListener("toggle", () => fill(module));
      grid.append(module.box);
      modules.push(module);
    }
    el("layers").append(made("h3", path || trace.model), grid);
  }

  /* The share of the largest number that a number has, with its sign. */
  function share(kind, layer, number) {
    if (Number.isNaN(number)) return 0;
    const most = el("rescale").checked ? layer.now[kind] : layer.reach[kind];
    return most > 0 ? Math.max(-1, Math.min(1, number / most)) : Math.sign(number);
  }

  function table(module) {
    const whole = made("table");
    const head = made("tr");
    head.append(...["Name", "Value", "Gradient", "Step"].map((text) => made("th", text, { scope: "col" })));
    whole.createTHead().append(head);
    module.since = head.lastChild;
    const body = whole.createTBody();
    module.rows = module.members.map((i) => {
      const row = body.insertRow();
      row.append(made("th", below(parameters[i].path, module.of), { scope: "row" }));
      return kinds.map(() => {
        const [text, bar, inner] = [made("span"), made("span", "", { className: "bar", ariaHidden: "true" }), made("span")];
        bar.append(inner);
        row.insertCell().append(text, bar);
        return [text, inner];
      });
    });
    module.box.append(whole);
  }

  function fill(module) {
    if (!module.box.open) return;
    if (!module.rows) table(module);
    const epoch = epochs[state.at];
    module.since.textContent = state.at ? "Step since epoch " + epochs[state.at - 1].epoch : "Step";
    module.rows.forEach((cells, row) => cells.forEach(([text, inner], column) => {
      const numbers = epoch[kinds[column]];
      const part = numbers ? share(kinds[column], module.layer, numbers[module.members[row]]) : 0;
      text.textContent = numbers ? shown(numbers[module.members[row]]) : "·";
      inner.className = part < 0 ? "minus" : "plus";
      inner.style.width = 50 * Math.abs(part) + "%";
    }));
  }

  function strip(module) {
    const numbers = epochs[state.at][el("kind").value];
    const bars = { up: "", down: "" };
    (numbers ? module.members : []).forEach((i, place) => {
      const high = 16 * share(el("kind").value, module.layer, numbers[i]);
      bars[high < 0 ? "down" : "up"] += "M" + (8 * place + 1) + " 16v" + (-high).toFixed(2) + "h6V16z";
    });
    for (const way of ["up", "down"]) module[way].setAttribute("d", bars[way]);
  }

  const x = (epoch) => plot.left + (plot.right - plot.left) * (epoch - plot.first) / Math.max(1, plot.last - plot.first);
  const scaled = (loss) => (plot.log ? Math.log(loss) : loss);
  const y = (loss) => plot.bottom - (plot.bottom - plot.top) * (scaled(loss) - scaled(plot.low)) / (scaled(plot.high) - scaled(plot.low));

  function mark(epoch) {
    const at = x(epoch.epoch);
    const dots = [epoch.loss, epoch.validation].filter((loss) => Number.isFinite(loss)).map((loss) => drawn("circle", { cx: at, cy: y(loss), r: 5 }));
    el("marker").replaceChildren(drawn("line", { x1: at, x2: at, y1: plot.top, y2: plot.bottom }), ...dots);
  }

  function paint() {
    const epoch = epochs[state.at];
    for (const layer of layers.values()) {
      layer.now = Object.fromEntries(kinds.map((kind) => [kind, largest(epoch[kind], layer.all)]));
    }
    const [last, validation] = [epochs[end].epoch, epoch.validation === null ? "" : shown(epoch.validation)];
    el("words").setAttribute("aria-live", state.timer === null ? "polite" : "off");
    const texts = {
      loss: shown(epoch.loss), validation, rate: shown(epoch.rate), norm: norm(epoch.grad), moved: norm(epoch.step),
      "moved-title": epoch.step ? "Moved since epoch " + epochs[state.at - 1].epoch : "Moved",
      words: "Epoch " + epoch.epoch + " of " + last + ": loss " + shown(epoch.loss) +
        (validation ? ", validation loss " + validation : "") + ", learning rate " + shown(epoch.rate) + ".",
      count: epoch.epoch + " of " + last, play: state.timer === null ? "Play" : "Pause",
    };
    for (const [id, text] of Object.entries(texts)) el(id).textContent = text;
    el("validation").hidden = el("validation").previousElementSibling.hidden = !validation;
    el("slider").value = String(state.at);
    el("slider").setAttribute("aria-valuetext", "epoch " + epoch.epoch + " of " + last);
    el("play").setAttribute("aria-pressed", String(state.timer !== null));
    for (const [id, off] of [["first", !state.at], ["previous", !state.at], ["next", state.at === end], ["last", state.at === end]]) {
      el(id).setAttribute("aria-disabled", String(off));
    }
    mark(epoch);
    modules.forEach(strip);
    modules.forEach(fill);
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
  for (const id of ["open", "close"]) {
    el(id).addEventListener("click", () => modules.forEach((module) => { module.box.open = id === "open"; }));
  }
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

  if (trace.stopped) el("stopped").textContent = "The training ended: " + trace.stopped + ".";
  el("slider").max = String(end);
  for (const id of ["controls", "story", "weights"]) el(id).hidden = false;
  go(0);
}
