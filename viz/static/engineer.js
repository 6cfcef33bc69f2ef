/* Being the engine: the reader picks the node that hands on, then each edge, then the number. A wrong order is taken as it
   comes, and its consequence told where something arrives too late. */

import { numberQuestion, nothing } from "./questions.js";
import { wrongContributions } from "./mistakes.js";
import { shown } from "./numbers.js";
import { nameOf, standings, unitOptions, whyNot } from "./standing.js";

const MOST_NAMED = 4;

export function createEngineer(graph, sentences) {
  const { nodes, output } = graph;
  let [moves, gradients, totals, reached, contributions, picked, edge] = [[], null, null, null, null, null, null];

  /* `gradients` are those with which nodes have handed on, and `totals` what they have by now. */
  function restart() {
    [moves, picked, edge] = [[], null, null];
    replay([]);
  }

  function replay(kept) {
    gradients = new Float64Array(nodes.length);
    totals = new Float64Array(nodes.length);
    reached = new Set([output]);
    contributions = nodes.map(({ inputs }) => inputs.map(() => null));
    totals[output] = gradients[output] = 1;
    moves = [];
    kept.forEach(hand);
  }

  const passed = (i, k) => contributions[i][k] !== null;
  const left = (i) => nodes[i].inputs.flatMap((j, k) => (nodes[j].constant || passed(i, k) ? [] : [[i, k, j]]));

  /* Hand back along these edges; what it does to nodes that have handed on already, as a sentence. */
  function hand(edges) {
    const late = [];
    for (const [i, k, j] of edges) {
      const contribution = nodes[i].flat[k] ? 0 : totals[i] * nodes[i].partials[k];
      gradients[i] = totals[i];
      contributions[i][k] = contribution;
      const before = totals[j];
      totals[j] += contribution;
      reached.add(j);
      if (nodes[j].inputs.some((_, at) => contributions[j][at] !== null)) late.push({ j, before });
    }
    moves.push(edges);
    if (!late.length) return "";
    const { j, before } = late[0];
    const { name } = nodes[j];
    return totals[j] === before ? `${name} has handed on already, before this arrived; it was 0, so nothing is lost.` :
      `Here the order bites: ${name} has handed on already, with ${shown(before)} instead of ${shown(totals[j])}, and all below it lacks that. ${sentences.no_order} Take it back, or go on and see what becomes of it.`;
  }

  /* Back to before the node that was too early, or by one move. */
  function takeBack() {
    if (picked !== null) {
      [picked, edge] = [null, null];
      return;
    }
    const last = moves[moves.length - 1] ?? [];
    const early = moves.findIndex((edges) => edges.some(([i]) => last.some(([, , j]) => j === i)));
    replay(moves.slice(0, early >= 0 ? early : Math.max(0, moves.length - 1)));
  }

  function story(seen) {
    const seed = { seed: true, units: [seen.unitOf[output]], nodes: [], edges: [] };
    return [seed, ...moves.map((edges) => {
      const units = [...new Set(edges.map(([i]) => seen.unitOf[i]))];
      return { units, nodes: [], edges, single: edges.length === 1 && seen.units[units[0]].node >= 0 };
    })];
  }

  function pickNode(seen, standing) {
    const unitOf = (id) => seen.units.findIndex((unit) => unit.id === id);
    const ready = standing.findIndex(({ state }) => state === "ready");
    return {
      key: `pick ${moves.length}`, label: "In the picture, or here", unscored: true, words: "which node has its whole gradient, and hands it on?",
      options: unitOptions(seen, (u) => ["ready", "waits"].includes(standing[u].state)), solution: `${nameOf(seen, ready)} has its whole gradient.`,
      check(id) {
        const u = unitOf(id);
        if (u < 0) return { problem: "Choose a node, here or in the picture." };
        if (["leaf", "done"].includes(standing[u].state)) return { problem: whyNot(seen, standing[u], u) };
        return standing[u].group.some((one) => seen.units[one].members.some((i) => reached.has(i))) ? { accepted: true } :
          { problem: `${nameOf(seen, u)} has received nothing yet, so it has nothing to hand on.` };
      },
      done: (answer) => {
        const u = typeof answer === "string" ? unitOf(answer) : ready;
        const { group } = standing[u];
        if (group.length === 1 && seen.units[u].node >= 0) {
          picked = seen.units[u].node;
          const edges = left(picked);
          if (edges.length === 1) [edge] = edges;
          return "";
        }
        /* Closed boxes hand on all that they have, number by number unseen. */
        return hand(group.flatMap((one) => seen.units[one].members).sort((a, b) => b - a).flatMap(left));
      },
    };
  }

  function pickEdge() {
    const edges = left(picked);
    const { name, inputs } = nodes[picked];
    const text = ([, k, j]) => `to ${nodes[j].name}${inputs.filter((one) => one === j).length > 1 ? ` as argument ${k + 1}` : ""}`;
    const found = (id) => edges.find(([i, k]) => id === `e${i}_${k}`) ?? edges.find(([, , j]) => id === `n${j}`);
    return {
      key: `edge ${moves.length} ${picked}`, label: "In the picture, or here", unscored: true, words: `along which edge does ${name} hand on first?`,
      options: edges.map((one) => ({ value: `e${one[0]}_${one[1]}`, text: text(one) })), solution: "",
      check: (id) => (found(id) ? { accepted: true } : { problem: `Choose an edge that leads from ${name} to its operands, here or in the picture.` }),
      done: (answer) => { edge = typeof answer === "string" ? found(answer) : edges[0]; },
    };
  }

  function number(seen) {
    const [i, k, j] = edge;
    const right = nodes[i].flat[k] ? 0 : totals[i] * nodes[i].partials[k];
    return {
      key: `hand ${edge}`, label: "Contribution", about: `what ${nodes[j].name} receives from ${nodes[i].name}`, solution: `It is ${shown(right)}.`,
      ...numberQuestion(right, wrongContributions(graph, edge, totals), sentences),
      done: () => {
        const consequence = hand([edge]);
        if (!left(i).length) picked = null;
        edge = picked === null || left(i).length > 1 ? null : left(i)[0];
        return consequence;
      },
      step: { units: [seen.unitOf[i]], nodes: [], edges: [edge], single: true },
    };
  }

  /* What became of it, when nothing is left to hand on. */
  function result(right) {
    const wrong = nodes.filter(({ index: i, constant }) => !constant && shown(totals[i]) !== shown(right[i]));
    if (!wrong.length) return "Done: every gradient is right.";
    const listed = wrong.slice(0, MOST_NAMED).map(({ index: i, name }) => `${name} has ${shown(totals[i])} and should have ${shown(right[i])}`);
    const more = wrong.length > MOST_NAMED ? `; and ${wrong.length - MOST_NAMED} more` : "";
    return `Done, and this is what the order has done: ${listed.join("; ")}${more}.`;
  }

  /* What is asked now, with the step to be shown for it; looking back, at an earlier step, there is no question. */
  function scene({ seen, stories, at, pass: right }) {
    const now = { pass: { gradients, contributions }, hidden: nothing(), at, asking: null, question: null };
    if (at < stories.backward.length) return { ...now, step: at ? stories.backward[at - 1] : null };
    const standing = standings(seen, passed);
    if (picked === null && !standing.some(({ state }) => state === "ready" || state === "waits")) return { ...now, step: null, words: result(right.gradients) };
    const question = edge ? number(seen) : picked === null ? pickNode(seen, standing) : pickEdge();
    const giving = picked === null ? null : { units: [seen.unitOf[picked]], nodes: [], edges: [], single: true };
    if (picked !== null) gradients[picked] = totals[picked];
    return { ...now, earlier: at, question, words: question.words, asking: edge ? "product" : "engine", step: question.step ?? giving };
  }

  return { restart, story, scene, takeBack, begun: () => moves.length > 0 || picked !== null };
}
