/* Finding the bug: a backward pass with a mistake in it, whose first wrong step the reader points at and names. */

import { backwardPass } from "./engine.js";
import { MISTAKE_NAMES, played } from "./mistakes.js";
import { shown } from "./numbers.js";
import { nothing } from "./questions.js";

/* For each edge of a wrong pass in turn, whether it does what it should with what it has, and what it does as text. */
function judged({ nodes, output }, pass) {
  const { edges, contributions, upstream, replaces, start } = pass;
  const totals = start ? Float64Array.from(start) : new Float64Array(nodes.length);
  /* Without what was there before the pass. */
  const own = new Float64Array(nodes.length);
  totals[output] = own[output] = 1;
  const waits = new Int32Array(nodes.length);
  for (const { inputs } of nodes) for (const j of inputs) waits[j] += 1;
  const same = (a, b) => shown(a) === shown(b);
  return edges.map(([i, k, j]) => {
    const number = contributions[i][k];
    const due = nodes[i].flat[k] ? 0 : upstream[i] * nodes[i].partials[k];
    const before = totals[j];
    if (number !== null) [totals[j], own[j]] = replaces ? [number, number] : [before + number, own[j] + number];
    waits[j] -= 1;
    const right = waits[i] === 0 && same(number ?? 0, due) && same(totals[j], own[j]) && same(totals[j], before + (number ?? 0));
    return { right, told: [i, k, number === null ? "nothing" : shown(number), shown(before), shown(totals[j])].join(" ") };
  });
}

export function createHunt(graph, sentences) {
  let [name, pass, steps] = [null, null, []];
  const wrongIn = (all) => all.findIndex(({ right }) => !right);
  const alike = (one) => judged(graph, played(graph, one)).map(({ told }) => told).join() === steps.map(({ told }) => told).join();

  /* Whether a gradient is wrong in the end; what went wrong on the way may have come to nothing. */
  function shows({ gradients }) {
    const right = backwardPass(graph.nodes, graph.output).gradients;
    return right.some((gradient, i) => !graph.nodes[i].constant && shown(gradient) !== shown(gradients[i]));
  }

  function set(next) {
    name = next;
    refresh();
  }

  /* For other inputs. */
  function refresh() {
    if (name === null) return;
    pass = played(graph, name);
    steps = judged(graph, pass);
  }

  /* One of those that show on this graph, or null where there is none. */
  function random() {
    const showing = MISTAKE_NAMES.filter((one) => shows(played(graph, one)));
    set(showing.length ? showing[Math.floor(Math.random() * showing.length)] : null);
    return name;
  }

  function story(seen) {
    const seed = { seed: true, units: [seen.unitOf[graph.output]], nodes: [], edges: [] };
    return [seed, ...pass.edges.map((edge) => ({ units: [seen.unitOf[edge[0]]], nodes: [], edges: [edge], single: true }))];
  }

  function question(at) {
    const first = wrongIn(steps);
    const title = (one) => /^[^.:]*/.exec(sentences[one])[0];
    return {
      key: "bug", label: "The first wrong step is this one:", about: "the bug", patient: true, quiet: true, picks: false,
      options: MISTAKE_NAMES.map((value) => ({ value, text: title(value) })),
      solution: `Step ${first + 2} is the first wrong one. ${sentences[name]}`,
      check(answer) {
        if (at === 1) return { right: false, said: "This step is right: every pass starts with 1 at the output." };
        if (at - 2 > first) return { right: false, said: "An earlier step is wrong already." };
        if (at - 2 < first) return { right: false, said: "This step is right: it hands back the whole gradient times the local derivative, and that is added." };
        if (!answer) return { problem: "This is the first wrong step. Choose which mistake it is." };
        if (answer !== name && !alike(answer)) return { right: false, said: "This is the first wrong step, but the mistake is another one.", mistake: answer };
        return { right: true, said: sentences[answer] };
      },
    };
  }

  function scene({ stories, at }, settled) {
    const shownPass = { ...pass, gradients: pass.upstream };
    const now = { pass: shownPass, hidden: nothing(), at, asking: null, facts: true, question: null, step: at ? stories.backward[at - 1] : null };
    if (!shows(pass)) return { ...now, words: "with these inputs the bug does not show: every number is right. Change an input." };
    if (!at) return { ...now, asking: settled ? null : "bug", words: "this backward pass has a bug. Step through it, and point at the first step that is wrong." };
    return settled ? now : { ...now, asking: "bug", question: question(at) };
  }

  return { set, refresh, random, story, scene, chosen: () => name !== null };
}
