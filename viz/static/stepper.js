/* The page: what is open, which step is shown, and the parts that draw and tell it. */

import { read } from "./trace.js";
import { backwardPass, soFar, values } from "./engine.js";
import { createPasses } from "./passes.js";
import { view, around } from "./tree.js";
import { layout, whatFits } from "./layout.js";
import { createCamera, listen } from "./camera.js";
import { createPicture } from "./picture.js";
import { stepsOf } from "./story.js";
import { knownAt, aboutStep } from "./now.js";
import { beginning, spoken, tell, writer } from "./words.js";
import { say, addUp, createTabs, TABS } from "./panel.js";
import { createControls, createPlayer } from "./controls.js";
import { createWalk } from "./walk.js";
import { createInputs, createNudge, leavesOf } from "./inputs.js";
import { createDescent } from "./descent.js";
import { createPractice } from "./practice.js";
import { cardOf, createCard, pathsThrough } from "./card.js";
import { createShare, fitLine } from "./share.js";
import { bar, createAddress, readAddress, writeAddress } from "./address.js";
import { atEnd } from "./life.js";
import { createMap } from "./edge_of_view.js";
import { createSight } from "./sight.js";
import { createHost } from "./host.js";
import { createSymbols } from "./symbols.js";

const el = (id) => document.getElementById(id);
const root = document.documentElement;

/* `operations` work the nodes out anew, or are null; a `live` page asks the frame around it instead. `asked` is an
   address that holds where the page's own, which it keeps in `place`, has nothing to say. `told` holds
   {sentences, bug}: what to say of each mistake by name, and the place of the one to be found, or null. */
export function start(text, operations, live, asked, told, place = bar) {
  const graph = read(text);
  const { nodes, boxes, output } = graph;
  const write = writer(graph);
  const frame = el("picture");
  const layouts = new Map();
  const kinds = leavesOf(graph);
  const given = new Map(kinds.flatMap(([, those]) => those.map((node) => [node.index, node.data])));
  const state = { phase: "backward", at: 0, cycle: false, leaves: given, open: new Set(), present: false, camera: null };
  let [seen, placed, plain, stories, pass, now] = [null, null, null, null, backwardPass(nodes, output), null];

  const style = getComputedStyle(root);
  const palette = Object.fromEntries(["positive", "negative", "neutral"].map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  const picture = createPicture(el("canvas"), graph, (i, brief) => write.formula(i, brief), {
    open: (box) => change(() => state.open.add(box), box),
    close: (box) => change(() => { for (const one of [...state.open]) if (one === box || around(boxes, one).includes(box)) state.open.delete(one); }, box),
    go: (u) => practice.pick(seen.units[u].id) || walk.goTo((step) => step.units.includes(u) || step.edges.some(([, , j]) => seen.unitOf[j] === u)),
    edge: (edge) => practice.pick(edge.id) || walk.goTo((step) => edge.pairs.some(([i, k]) => step.edges.some((other) => other[0] === i && other[1] === k))),
  });
  const camera = createCamera(frame, (look) => {
    picture.look(look);
    map.paint();
    el("zoom").textContent = `${Math.round(look.k * 100)} %`;
  });
  const map = createMap(camera);
  const tabs = createTabs(() => address.follow());
  const practice = createPractice(graph, told, write, { chosen: () => practise(), retold: () => retell() });
  const player = createPlayer(() => walk.tick(), () => paint(false));
  const changeable = Boolean(operations) || live;
  const { rerun, waiting } = createPasses(graph, operations, live, settle);
  const sight = createSight(frame, camera, picture, graph, {
    rectOf: (u) => placed.units.get(u), unit: (u) => seen.units[u], kind: (u) => (now.active.has(u) ? "active" : "source"), moved: () => looked(),
  });
  const inputs = createInputs(changeable ? kinds : [], given, (leaves) => { walk.stop(); rerun(leaves); });
  const nudge = operations && kinds.length ? createNudge(kinds, graph, (leaves) => values(nodes, operations, leaves)[output]) : null;
  const descent = createDescent(graph, { move: rerun, stop: () => walk.stop(), repaint: () => paint(false), cycle: () => walk.turnAround() });
  const card = createCard(frame, (group) => {
    const unit = seen.units[picture.unitOf(group)];
    return unit ? cardOf(seen, unit, now, write) : null;
  }, (group) => {
    const u = group ? picture.unitOf(group) : undefined;
    picture.light(u === undefined ? [] : pathsThrough(seen, seen.units[u]));
  });
  const address = createAddress(() => writeAddress({
    phase: state.phase, step: state.at, open: state.open, leaves: changed(),
    camera: camera.centred(), rate: descent.typed(), group: el("group").checked, tab: tabs.current(), present: state.present, ...practice.written(),
  }, graph), (text) => restore(readAddress(text, graph)), place);

  const changed = () => [...state.leaves].filter(([i, x]) => !Object.is(x, given.get(i)));
  const story = () => stories[state.phase];
  const step = () => (state.at ? story()[state.at - 1] : null);
  const adds = ({ edges }) => !edges.length || edges.some(([i, k]) => pass.contributions[i][k] !== 0);
  const walk = createWalk(state, player, {
    story, step, adds, skips: () => state.phase === "backward" && el("zeros").checked && !practice.own(), asks: practice.asks, busy: waiting,
    leave: practice.forget, descend: descent.descend, paint,
  });

  /* View, steps and drawing anew, for what is open now. */
  function rebuild() {
    seen = view(graph, state.open);
    plain = stepsOf(seen, el("group").checked, changeable ? descent.parameters : []);
    stories = practice.stories(plain, seen);
    placed = layout(seen, picture.sizeOf, layouts);
    card.hide();
    picture.draw(seen, placed);
    map.draw(placed);
    el("open-all").disabled = boxes.every((box) => state.open.has(box.index));
    el("close-all").disabled = !state.open.size;
    el("group-line").hidden = !seen.frames.some((box) => nodes.some((node) => node.parameter && node.box === box));
  }

  /* Another kind of practice, at the start of its pass and with the boxes open that it needs. */
  function practise() {
    state.phase = practice.phase() ?? state.phase;
    retell();
    walk.phase(state.phase);
    if (practice.goesOn()) walk.last();
    if (openNeeded()) change(() => {});
  }

  const openNeeded = () => practice.needed(context()).map((box) => state.open.add(box)).length > 0;

  /* The steps anew, for what has been done in practice. */
  function retell(follow = true) {
    stories = practice.stories(plain, seen);
    state.at = practice.goesOn() && state.phase === "backward" ? story().length : Math.min(state.at, story().length);
    paint(follow);
  }

  const rectOf = (box) => placed.frames.get(box) ?? placed.units.get(seen.unitOfBox.get(box));

  /* Open or close boxes; the box in question stays in its place, and the step is the one that has the same edge. */
  function change(act, box) {
    const before = box === undefined ? null : rectOf(box);
    const one = step();
    const mark = one && (one.edges[0] ?? null);
    const focused = box !== undefined && el("canvas").contains(document.activeElement);
    act();
    rebuild();
    if (focused) el("canvas").querySelector(`#f${box} .tab, #b${box}`)?.focus({ preventScroll: true });
    const after = box === undefined ? null : rectOf(box);
    camera.show(placed, before && after ? { before, after } : null);
    if (after && !camera.visible(after)) camera.follow([after]);
    const found = story().findIndex((other) => (one?.seed || one?.update ? other.seed || other.update : mark ? other.edges.some(([i, k]) => i === mark[0] && k === mark[1]) :
      one && other.nodes.includes(one.nodes[0])));
    state.at = one ? found + 1 : 0;
    paint(box === undefined && state.at > 0);
  }

  const context = () => ({ seen, stories, pass, phase: state.phase, at: state.at });

  function paint(follow = true) {
    const { phase } = state;
    const scene = practice.scene(context());
    const largest = pass.gradients.reduce((most, gradient) => (Number.isFinite(gradient) ? Math.max(most, Math.abs(gradient)) : most), 0);
    now = knownAt({ seen, stories, phase, palette, largest, ...scene });
    picture.paint(now);
    const one = scene.step;
    const where = scene.earlier === state.at ? `Step ${state.at + 1}: ` : `Step ${state.at} of ${story().length}: `;
    const before = soFar(nodes, scene.pass, stories.backward, phase === "backward" ? scene.earlier : 0, output);
    const update = phase === "update" ? { rate: descent.rate(), rows: descent.rows() } : null;
    if (scene.words) say(spoken(where + scene.words), symbols);
    else if (one) say(tell(seen, one, where, { pass: scene.pass, before, phase, hidden: scene.facts ? null : scene.asking, facts: scene.facts, write, changed: changed().length > 0, update }), symbols);
    else say(beginning(graph, phase), symbols);
    practice.show(scene.question);
    explain(one);
    el("phase-update").hidden = !stories.update.length;
    const about = aboutStep(now, one);
    if (follow) state.camera = null;
    const sides = follow ? sight.look(about) : sight.docks(about);
    map.paint(about.map((u) => placed.units.get(u)), sides);
    controls.paint({ at: state.at, steps: story().length, phase, playing: player.playing(), cycle: state.cycle });
    card.refresh();
    if (state.present) fitLine();
    address.follow();
  }

  /* The paths to the one node that a step is about. */
  function explain(one) {
    const target = !one || state.phase !== "backward" || now.asking ? null : one.seed ? output : one.single ? one.edges[0][2] : null;
    const more = target !== null && story().slice(state.at).some((other) => other.edges.some(([, , j]) => j === target));
    addUp(graph, target, now.gradients.get(target), !more, now.asking);
  }

  const symbols = createSymbols(graph, picture, card, () => seen, (those) => {
    camera.follow(those.map((i) => placed.units.get(seen.unitOf[i])));
    looked();
  });

  function looked() {
    state.camera = null;
    sight.docks(aboutStep(now, step()));
    card.refresh();
    address.follow();
  }

  function settle(leaves, then) {
    pass = backwardPass(nodes, output);
    state.leaves = leaves;
    show();
    descent.reached(leaves, pass.gradients, then);
    practice.refresh();
    retell(false);
  }

  function show() {
    inputs(state.leaves);
    nudge?.({ leaves: state.leaves, gradients: pass.gradients });
  }

  function present(on) {
    state.present = on;
    root.toggleAttribute("data-present", on);
    camera.enlarge(on);
    el("present").setAttribute("aria-pressed", String(on));
  }

  /* The page as an address describes it; what that leaves out is as at the start. */
  function restore(found) {
    walk.stop();
    el("group").checked = Boolean(found.group);
    present(Boolean(found.present));
    camera.measure();
    state.open = found.open ?? whatFits(graph, camera.size(), picture.sizeOf, layouts);
    practice.restore(found);
    state.phase = found.phase ?? practice.phase() ?? "backward";
    if (state.phase === "update" && !(changeable && descent.parameters.length)) {
      state.phase = "backward";
      found.problems.push("no leaf of this graph is a parameter, so there is no update");
    }
    if (found.leaves.size && !changeable) found.problems.push("the inputs of this page cannot be changed");
    descent.setRate(found.rate);
    tabs.choose(found.tab && !el(`tab-${found.tab}`).hidden ? found.tab : TABS[0]);
    rebuild();
    if (openNeeded()) rebuild();
    camera.show(placed, null);
    if (found.camera) camera.put(found.camera);
    const [last, goesOn] = [story().length, practice.goesOn() && state.phase === "backward"];
    if (found.step > last && !goesOn) found.problems.push(`there is no step ${found.step} here; the last one is ${last}`);
    state.at = goesOn ? last : Math.min(found.step ?? 0, last);
    const leaves = new Map([...given, ...found.leaves]);
    if (changeable && [...leaves].some(([i, x]) => !Object.is(x, state.leaves.get(i)))) rerun(leaves);
    paint(!found.camera);
    state.camera = found.camera ?? null;
    el("trouble").hidden = !found.problems.length;
    el("trouble").textContent = found.problems.length ? `The address was not followed in all: ${found.problems.join("; ")}.` : "";
  }

  const [zoomed, togglePresent] = [(zoom) => () => { zoom(); looked(); }, () => { present(!state.present); paint(); }];
  const controls = createControls({
    ...walk, forward: () => walk.phase("forward"), backward: () => walk.phase("backward"),
    update: () => { if (stories.update.length) walk.phase("update"); }, descend: () => { if (changeable) descent.descend(); },
    openAll: () => change(() => boxes.forEach((box) => state.open.add(box.index))), closeAll: () => change(() => state.open.clear()),
    regroup: () => change(() => {}), faster: player.again,
    fit: zoomed(() => camera.fit()), natural: zoomed(() => camera.zoom(1)),
    zoomIn: zoomed(() => camera.zoom(camera.look.k * 1.25)), zoomOut: zoomed(() => camera.zoom(camera.look.k / 1.25)),
    pan: (dx, dy) => zoomed(() => camera.pan(60 * dx, 60 * dy))(),
    present: togglePresent, leave: () => { if (state.present) togglePresent(); },
  });
  listen(frame, camera, looked);
  const { framed, tellHeight } = createHost(() => Math.min(Math.max(placed.height * Math.min(1, camera.scaleToFit() || 1) + 60, 260), 560));
  createShare({
    count: () => story().length,
    view: () => {
      const name = `${nodes[output].name}-${state.phase}-${state.at}`.replace(/[^\w.-]+/g, "_");
      return { name, title: el("line").textContent, seen: camera.seen(), scale: camera.look.k, whole: placed, about: aboutStep(now, step()).map((u) => placed.units.get(u)) };
    },
    every: (each) => {
      const { at } = state;
      story().forEach((_, s) => { state.at = s + 1; paint(); each(); });
      walk.go(at);
    },
  });

  el("controls").hidden = el("stage").hidden = false;
  el("boxes").hidden = !boxes.length;
  el("tab-inputs").hidden = !changeable || !kinds.length;
  el("tab-descent").hidden = !changeable;
  el("nudge").hidden = !nudge;
  el("link-line").hidden = framed;
  document.querySelector("h1").classList.toggle("unseen", framed);
  show();
  descent.reached(given, pass.gradients);
  const [own, wanted] = [readAddress(place.read(), graph), readAddress(asked, graph)];
  restore(own.step === undefined ? { ...wanted, ...own, leaves: new Map([...wanted.leaves, ...own.leaves]) } : own);
  tellHeight();
  const resized = new ResizeObserver(() => {
    if (!camera.measure()) return;
    const about = aboutStep(now, step());
    if (state.camera) {
      camera.put(state.camera);
      sight.docks(about);
    } else {
      camera.fit();
      sight.look(about);
    }
    card.refresh();
    if (state.present) fitLine();
    address.follow();
    tellHeight();
  });
  resized.observe(frame);
  atEnd(() => resized.disconnect());
}
