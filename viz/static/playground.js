/* The playground: formulas as they are typed, and the stepper of the graph that they spell out. */

import { bar, exact, number } from "./address.js";
import { problem } from "./expression.js";
import { end } from "./life.js";
import { make } from "./elements.js";
import { asPython } from "./python.js";
import { evaluated, languageOf, parsed, traceOf } from "./recording.js";
import { start } from "./stepper.js";

const el = (id) => document.getElementById(id);
const MOST_LINES = 4;
/* What new inputs are, in turn: numbers of which no two hide each other in a product, and small enough for a tanh. */
const FIRST = [2, 0.5, -1.5, 3, 1.5, -1];
/* From how many milliseconds for a picture on it waits for a pause in typing. */
const SLOW = 100;
/* What the stepper's address says of one graph, and of one with these numbers; the rest is of use to another. */
const [OF_GRAPH, OF_NUMBERS] = [/^(step|open|camera|ask|n\d+)$/, /^n\d+$/];

const without = (address, lost) => new URLSearchParams([...new URLSearchParams(address)].filter(([key]) => !lost.test(key))).toString();

/* `text` is JSON with the table of the language, what Python says of mistakes, the examples, and the most letters and
   nodes that there may be; `asked` is an address that holds where there is none. */
export function play(operations, text, asked) {
  const { table, told, examples, most } = JSON.parse(text);
  const language = languageOf(operations, table);
  const fresh = ["controls", "stage", "paper"].map((id) => el(id).cloneNode(true));
  /* The numbers of inputs by name, also of those that a formula had and has no more; and what is shown now. */
  let numbers = new Map();
  let shown = null;
  /* The stepper's part of the address, and all of it. */
  let [own, whole] = ["", ""];
  let [cost, timer] = [0, null];

  function read() {
    const source = el("source").value;
    if (source.length > most.letters) throw problem(`these are ${source.length} characters, and this page reads ${most.letters}`);
    const plan = parsed(source, language, numbers);
    plan.inputs.forEach((name, k) => { if (!numbers.has(name)) numbers.set(name, FIRST[k % FIRST.length]); });
    const at = new Map(plan.inputs.map((name) => [name, numbers.get(name)]));
    const order = evaluated(plan, at, language);
    const count = order.filter(({ constant }) => !constant).length;
    if (count > most.nodes) throw problem(`this graph has ${count} nodes, and this page draws ${most.nodes}; a Stepper in Python takes more`);
    return { source, plan, at, order, trace: traceOf(order, language) };
  }

  /* Formulas as they are now; what the stepper showed of them stays where the graph is the same but for numbers. */
  function follow() {
    let found;
    el("stage").removeAttribute("aria-busy");
    try {
      found = read();
      complain();
    } catch (error) {
      complain(error);
      if (shown) write(own);
      return;
    }
    const kind = ({ trace: { name, inputs, operation, constant } }) => JSON.stringify([name, inputs, operation, constant]);
    if (shown && JSON.stringify(found.trace) === JSON.stringify(shown.trace)) {
      shown = found;
      write(own);
      return;
    }
    const same = shown && kind(found) === kind(shown);
    own = without(own, same ? OF_NUMBERS : OF_GRAPH);
    show(found);
  }

  function show(found) {
    const began = performance.now();
    const ticks = [...document.querySelectorAll("#stage input[type=checkbox][id], #controls select")];
    end();
    for (const one of fresh) el(one.id).replaceWith(one.cloneNode(true));
    for (const { id, type, checked, value } of ticks) if (el(id)) Object.assign(el(id), type === "checkbox" ? { checked } : { value });
    shown = found;
    start(JSON.stringify(found.trace), operations, false, "", told, { read: () => own, write });
    el("tab-descent").hidden = true;  /* no leaf of a formula is a parameter */
    write(own);
    cost = performance.now() - began;
  }

  /* The stepper calls changed leaves by their places, and here the inputs have names. */
  function write(stepper) {
    const rest = new URLSearchParams();
    const now = new Map(shown.at);
    for (const [key, value] of new URLSearchParams(stepper)) {
      const name = /^n\d+$/.test(key) ? shown.order[key.slice(1)].name : null;
      if (shown.at.has(name)) now.set(name, number(value));
      else rest.append(key, value);
    }
    own = stepper;
    for (const [name, x] of now) numbers.set(name, x);
    put(rest, now);
  }

  function put(rest, at) {
    const all = new URLSearchParams({ of: el("source").value });
    if (at.size) all.append("at", [...at].map(([name, x]) => `${name}:${exact(x)}`).join(","));
    for (const [key, value] of rest) all.append(key, value);
    const readable = { "%28": "(", "%29": ")", "%2C": ",", "%2F": "/", "%3A": ":", "%3B": ";", "%3D": "=", "%5B": "[", "%5D": "]" };
    whole = all.toString().replace(/%(28|29|2C|2F|3A|3B|3D|5B|5D)/g, (code) => readable[code]);
    bar.write(whole);
  }

  /* The page as an address describes it. */
  function open(address) {
    const given = new URLSearchParams(address);
    if (!given.has("of")) for (const key of ["of", "at"]) given.set(key, new URLSearchParams(asked).get(key) ?? "");
    clearTimeout(timer);
    numbers = new Map((given.get("at") ?? "").split(",").flatMap((part) => {
      const [name, value] = part.split(":");
      const x = number(value ?? "");
      return x === null ? [] : [[name.normalize("NFKC"), x]];
    }));
    el("source").value = given.get("of");
    for (const key of ["of", "at"]) given.delete(key);
    own = given.toString();
    fit();
    try {
      const found = read();
      complain();
      show(found);
    } catch (error) {
      complain(error);
    }
  }

  function complain(error) {
    if (error && error.sentence === undefined) throw error;
    el("fault-words").textContent = error ? `${error.sentence}.` : "";
    el("fault-place").textContent = error?.shown ?? "";
    el("source").setAttribute("aria-invalid", String(Boolean(error)));
    el("stage").classList.toggle("stale", Boolean(error));
  }

  function fit() {
    el("source").rows = Math.min(MOST_LINES, el("source").value.split("\n").length);
  }

  /* To the clipboard, or where a frame may not, into a field to copy from. */
  async function copy(what, name) {
    const field = el("copy");
    field.value = what;
    try {
      if (self !== top) throw new Error("a frame may not");
      await navigator.clipboard.writeText(what);
      field.hidden = true;
      el("taken").textContent = `${name} copied.`;
    } catch {
      field.hidden = false;
      field.focus();
      field.select();
      el("taken").textContent = "Copy it from the field below.";
    }
  }

  el("example").append(...examples.map(({ title }, k) => make("option", { value: String(k), textContent: title })));
  el("example").addEventListener("change", () => {
    const chosen = examples[el("example").value];
    el("example").value = "";
    if (chosen) open(`${chosen.address}&${without(own, OF_GRAPH)}`);
  });
  el("source").addEventListener("input", () => {
    clearTimeout(timer);
    fit();
    if (cost < SLOW) follow();
    else {
      el("stage").setAttribute("aria-busy", "true");
      timer = setTimeout(follow, cost);
    }
  });
  for (const id of ["source", "copy"]) el(id).addEventListener("keydown", (event) => event.stopPropagation());
  el("copy-python").addEventListener("click", () => { if (shown) copy(asPython(shown.source, shown.plan, now(), shown.order.at(-1).name), "Python"); });
  el("copy-link").addEventListener("click", () => copy(location.href, "Link"));
  el("copy-link").hidden = self !== top;
  const now = () => new Map([...shown.at.keys()].map((name) => [name, numbers.get(name)]));
  addEventListener("hashchange", () => {
    const address = location.hash.slice(1);
    if (address !== whole) open(address);
  });
  open(location.hash.slice(1) || asked);
}
