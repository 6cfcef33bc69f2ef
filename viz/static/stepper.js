/* The page: what is open, which step is shown, and the parts that draw and tell it. */

import { plain } from "./numbers.js";
import { read } from "./trace.js";
import { backwardPass, forwardPass, soFar } from "./engine.js";
import { view, around, boxTitle } from "./tree.js";
import { layout } from "./layout.js";
import { createCamera, listen, READABLE } from "./camera.js";
import { createPicture } from "./picture.js";
import { stepsOf } from "./story.js";
import { tell, writer } from "./words.js";
import { say, addUp, tabs } from "./panel.js";
import { createControls } from "./controls.js";
import { offerInputs } from "./inputs.js";
import { createQuiz } from "./practice.js";
import { dock, join, createMap } from "./edge_of_view.js";

const el = (id) => document.getElementById(id);
const framed = self !== top;
const followsTheme = document.documentElement.dataset.theme === "auto";
const INSET = 150;

export function start(text, operations, live) {
  const graph = read(text);
  const { nodes, boxes, output } = graph;
  const write = writer(graph);
  const frame = el("picture");
  const layouts = new Map();
  const state = { phase: "backward", at: 0, timer: null, changed: false, open: new Set() };
  let [seen, placed, stories, pass] = [null, null, null, backwardPass(nodes, output)];

  const style = getComputedStyle(document.documentElement);
  const palette = Object.fromEntries(["positive", "negative", "neutral"].map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  const picture = createPicture(el("canvas"), graph, (i, brief) => write.formula(i, brief), {
    open: (box) => change(() => state.open.add(box), box),
    close: (box) => change(() => { for (const one of [...state.open]) if (one === box || around(boxes, one).includes(box)) state.open.delete(one); }, box),
    go: (u) => goTo((step) => step.units.includes(u) || step.edges.some(([, , j]) => seen.unitOf[j] === u)),
    edge: (edge) => goTo((step) => edge.pairs.some(([i, k]) => step.edges.some((other) => other[0] === i && other[1] === k))),
  });
  const camera = createCamera(frame, (look) => {
    picture.look(look);
    map.paint();
    el("zoom").textContent = `${Math.round(look.k * 100)} %`;
  });
  const map = createMap(camera);
  const quiz = createQuiz(() => paint());

  const story = () => stories[state.phase];
  const step = () => (state.at ? story()[state.at - 1] : null);

  /* View, steps and drawing anew, for what is open now. */
  function rebuild() {
    seen = view(graph, state.open);
    stories = stepsOf(seen, el("group").checked);
    placed = layout(seen, picture.sizeOf, layouts);
    picture.draw(seen, placed);
    map.draw(placed);
    el("open-all").disabled = boxes.every((box) => state.open.has(box.index));
    el("close-all").disabled = !state.open.size;
    el("group-line").hidden = !seen.frames.some((box) => nodes.some((node) => node.parameter && node.box === box));
  }

  const rectOf = (box) => placed.frames.get(box) ?? placed.units.get(seen.unitOfBox.get(box));

  /* Open or close boxes; the box in question stays in its place, and the step is the one that has the same edge. */
  function change(act, box) {
    const before = box === undefined ? null : rectOf(box);
    const now = step();
    const mark = now && (now.edges[0] ?? null);
    const seeded = now?.seed;
    const focused = box !== undefined && el("canvas").contains(document.activeElement);
    act();
    rebuild();
    if (focused) el("canvas").querySelector(`#f${box} .tab, #b${box}`)?.focus({ preventScroll: true });
    const after = box === undefined ? null : rectOf(box);
    camera.show(placed, before && after ? { before, after } : null);
    if (after && !camera.visible(after)) camera.follow([after]);
    const found = story().findIndex((one) => (seeded ? one.seed : mark ? one.edges.some(([i, k]) => i === mark[0] && k === mark[1]) :
      now && one.nodes.includes(now.nodes[0])));
    state.at = now ? found + 1 : 0;
    paint(box === undefined && state.at > 0);
  }

  /* As much open as fits readably into the window. */
  function openWhatFits() {
    const depth = (box) => around(boxes, box).length;
    const deepest = Math.max(-1, ...boxes.map((box) => depth(box.index)));
    let best = new Set();
    for (let level = 0; level <= deepest; level += 1) {
      const open = new Set(boxes.filter((box) => depth(box.index) <= level).map((box) => box.index));
      const next = view(graph, open);
      if (next.units.length > 150) break;
      const { w, h } = camera.size();
      const { width, height } = layout(next, picture.sizeOf, layouts);
      if (Math.min(w / width, h / height) < READABLE) break;
      best = open;
    }
    state.open = best;
  }

  /* What is known at a step, for the drawing. */
  function known() {
    const forward = state.phase === "forward";
    const steps = story();
    const gradients = soFar(nodes, pass, steps, forward ? 0 : state.at, output);
    const done = new Set(forward ? steps.slice(0, state.at).flatMap((one) => one.nodes) : []);
    const now = step();
    const hidden = new Set(quiz.hides(now) && !forward ? [now.edges[0][2]] : []);
    const unitOf = (i) => seen.unitOf[i];
    const givers = new Set(now ? (now.frame === undefined ? now.units : now.edges.map(([i]) => unitOf(i))) : []);
    const takers = new Set(now ? now.edges.map(([, , j]) => unitOf(j)).filter((u) => !givers.has(u)) : []);
    const isKnown = (i) => !forward || nodes[i].symbol === null || !nodes[i].inputs.length || done.has(i);
    const inStep = new Set(now ? now.edges.map(([i, k]) => nodes[i].firstEdge + k) : []);
    return {
      forward, gradients, hidden, palette, largest: largest(), known: isKnown,
      computed: (unit) => unit.exits.concat(unit.node >= 0 ? [unit.node] : []).every(isKnown),
      leaves: (unit) => unit.members.every((i) => nodes[i].symbol === null),
      strongest: (unit) => {
        const those = (unit.node >= 0 ? [unit.node] : unit.exits).filter((i) => gradients.has(i) && !hidden.has(i)).map((i) => gradients.get(i));
        return those.length ? those.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a)) : null;
      },
      active: now?.seed ? givers : forward ? givers : takers.size ? takers : givers,
      source: now?.seed ? new Set() : forward ? takers : givers,
      edges: new Set(seen.edges.filter((edge) => edge.pairs.some(([i, k]) => inStep.has(nodes[i].firstEdge + k))).map((edge) => edge.id)),
      passed: (edge) => edge.pairs.every(([i, k]) => gradients.passed(i, k)),
    };
  }

  const largest = () => pass.gradients.reduce((most, gradient) => (Number.isFinite(gradient) ? Math.max(most, Math.abs(gradient)) : most), 0);

  function paint(follow = true) {
    const now = known();
    picture.paint(now);
    const one = step();
    const forward = state.phase === "forward";
    const where = `Step ${state.at} of ${story().length}: `;
    const before = soFar(nodes, pass, story(), forward ? 0 : Math.max(state.at - 1, 0), output);
    const hidden = now.hidden.size > 0;
    if (one) say(tell(seen, one, where, { pass, before, forward, hidden, write, changed: state.changed }), forward);
    else say({ words: beginning(forward), symbols: [], rule: [], numbers: [], sum: [], rows: [] }, forward);
    quiz.show(one, one && one.single && !forward ? pass.contributions[one.edges[0][0]][one.edges[0][1]] : undefined);
    explain(one, now);
    const sides = follow ? look(now) : docks(now);
    map.paint(about(now).map((u) => placed.units.get(u)), sides);
    controls.paint({ at: state.at, steps: story().length, forward, playing: state.timer !== null });
  }

  function beginning(forward) {
    const leaves = nodes.filter((node) => !node.inputs.length && !node.constant).length;
    const operations = nodes.filter((node) => node.inputs.length).length;
    return forward ? `Start of the forward pass: ${leaves} inputs are given, ${operations} operations to go.` :
      "Start of the backward pass: all values are known, no gradient yet.";
  }

  /* The paths to the one node that a step is about. */
  function explain(one, now) {
    const target = !one || now.forward || now.hidden.size ? null : one.seed ? output : one.single ? one.edges[0][2] : null;
    const more = target !== null && story().slice(state.at).some((other) => other.edges.some(([, , j]) => j === target));
    addUp(graph, target, now.gradients.get(target), !more);
  }

  const about = (now) => {
    const [first, second] = now.forward || step()?.single ? [now.active, now.source] : [now.source, now.active];
    return [...new Set([...first, ...second])];
  };

  /* Into view with all of it; where there is no room, there is to be room for copies at the sides. */
  function look(now) {
    const rects = about(now).map((u) => placed.units.get(u));
    camera.inset(0, 0);
    camera.follow(rects);
    const { left, right } = camera.outside(rects);
    if (left.length || right.length) {
      camera.inset(left.length ? INSET : 0, right.length ? INSET : 0);
      camera.follow(rects);
    }
    return docks(now);
  }

  function docks(now) {
    const members = new Map(about(now).map((u) => [placed.units.get(u), u]));
    const sides = camera.outside([...members.keys()]);
    const copyOf = (rect) => {
      const u = members.get(rect);
      const unit = seen.units[u];
      const [, ...lines] = [...picture.unit(u).querySelectorAll("text")].map((text) => text.textContent).filter(Boolean);
      const title = unit.node >= 0 ? nodes[unit.node].name : boxTitle(boxes, unit.box);
      return { title, lines, kind: now.active.has(u) ? "active" : "source", go: () => { camera.centre(rect, camera.look.k); docks(now); } };
    };
    for (const [side, rects] of Object.entries(sides)) dock(side, rects, copyOf);
    const inView = [...members.keys()].find((rect) => camera.visible(rect, 0));
    /* Where the copies are is known once they have been laid out, which is not waited for. */
    requestAnimationFrame(() => join(frame, camera, inView));
    return { left: sides.left.length > 0, right: sides.right.length > 0 };
  }

  function go(at) {
    quiz.forget();
    state.at = Math.max(0, Math.min(story().length, at));
    paint();
  }

  function goTo(holds) {
    stop();
    const found = story().findLastIndex(holds);
    if (found >= 0) go(found + 1);
  }

  /* On by one step, or past those that add nothing. */
  function move(by) {
    const empty = (at) => state.phase === "backward" && el("zeros").checked && at > 0 && at < story().length && story()[at - 1].edges.length &&
      story()[at - 1].edges.every(([i, k]) => pass.contributions[i][k] === 0);
    let at = state.at + by;
    while (empty(at)) at += by;
    go(at);
  }

  function phase(which) {
    stop();
    state.phase = which;
    go(0);
  }

  function stop() {
    if (state.timer !== null) clearInterval(state.timer);
    state.timer = null;
  }

  function play() {
    if (state.timer !== null) {
      stop();
      paint();
      return;
    }
    if (state.at === story().length) state.at = 0;
    state.timer = setInterval(() => {
      if (state.at === story().length || quiz.hides(step())) stop();
      else move(1);
      if (state.at === story().length) stop();
      if (state.timer === null) paint();
    }, Number(el("speed").value));
    paint();
  }

  /* Both passes again; in a live notebook by the engine, which sends its trace, and elsewhere by the page. */
  function rerun(leaves, changed) {
    stop();
    state.changed = changed;
    if (live) {
      const data = nodes.map((node) => leaves.get(node.index) ?? node.data);
      parent.postMessage({ numbers: data.map((x) => (Number.isFinite(x) ? x : String(x).replace("Infinity", "inf").replace("NaN", "nan"))) }, "*");
      return;
    }
    forwardPass(nodes, operations, leaves);
    pass = backwardPass(nodes, output);
    paint(false);
  }

  addEventListener("message", (event) => {
    if (event.source !== parent || !event.data) return;
    if (followsTheme && ["light", "dark"].includes(event.data.theme)) document.documentElement.dataset.theme = event.data.theme;
    if (!live || typeof event.data.trace !== "string") return;
    read(event.data.trace).nodes.forEach((node, i) => Object.assign(nodes[i], { data: node.data, partials: node.partials.map(plain) }));
    pass = backwardPass(nodes, output);
    paint(false);
  });

  const looked = () => docks(known());
  const zoomed = (zoom) => () => { zoom(); looked(); };
  const controls = createControls({
    forward: () => phase("forward"), backward: () => phase("backward"), play,
    first: () => { stop(); go(0); }, last: () => { stop(); go(story().length); }, to: (at) => { stop(); go(at); },
    next: () => { stop(); move(1); }, previous: () => { stop(); move(-1); },
    openAll: () => change(() => boxes.forEach((box) => state.open.add(box.index))), closeAll: () => change(() => state.open.clear()),
    regroup: () => change(() => {}), faster: () => { if (state.timer !== null) { stop(); play(); } },
    fit: zoomed(() => camera.fit()), natural: zoomed(() => camera.zoom(1)),
    zoomIn: zoomed(() => camera.zoom(camera.look.k * 1.25)), zoomOut: zoomed(() => camera.zoom(camera.look.k / 1.25)),
    pan: (dx, dy) => zoomed(() => camera.pan(60 * dx, 60 * dy))(),
  });
  listen(frame, camera, looked);

  /* A frame in a notebook is made as high as what it holds. */
  function tellHeight() {
    if (!framed) return;
    const others = document.documentElement.scrollHeight - el("stage").clientHeight;
    const drawing = Math.min(Math.max(placed.height * Math.min(1, camera.scaleToFit() || 1) + 60, 260), 560);
    const panel = Math.min(Math.max(el("panel-content").scrollHeight + 16, 580), 640);
    const beside = el("panel").offsetTop < el("picture").offsetTop + el("picture").clientHeight;
    parent.postMessage({ height: Math.round(others + (beside ? Math.max(drawing, panel) : drawing + panel)) }, "*");
  }

  el("controls").hidden = el("stage").hidden = false;
  el("boxes").hidden = !boxes.length;
  document.querySelector("h1").classList.toggle("unseen", framed);
  tabs();
  if (operations || live) offerInputs(graph, rerun);
  camera.measure();
  openWhatFits();
  rebuild();
  camera.show(placed, null);
  paint();
  tellHeight();
  new ResizeObserver(() => { camera.measure(); camera.fit(); look(known()); tellHeight(); }).observe(frame);
}
