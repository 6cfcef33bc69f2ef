/* Ways to take part in a step: what the page asks there, and what it keeps back until it has been answered. */

import { createAsker } from "./asker.js";
import { nothing, questionAt } from "./questions.js";
import { around } from "./tree.js";

const el = (id) => document.getElementById(id);

/* `act.changed` draws the page anew, and `act.chosen` is told that there is another kind of practice. */
export function createPractice(graph, sentences, write, act) {
  const { nodes, boxes, output } = graph;
  const asker = createAsker(`Backpropagation of ${nodes[output].name}`, act.changed);
  let about = null;
  const kind = () => el("quiz-kind").value;

  /* What the page shows in place of a step, and what it asks. */
  function scene(context) {
    const plain = { step: context.at ? context.stories[context.phase][context.at - 1] : null, at: context.at, hidden: nothing(), asking: null };
    const question = el("quiz").checked ? questionAt(kind(), about, { graph, sentences, write, ...context }) : null;
    if (!question || asker.settled(question.key)) return { ...plain, question: null };
    const before = question.before ? { step: null, at: context.at - 1 } : {};
    return { ...plain, ...before, hidden: question.hidden, asking: question.kind, words: question.words, question };
  }

  /* The boxes that have to be open for what is asked: around the nodes that are meant, or, where nothing would be asked
     otherwise, around those at the end. */
  function needed(context) {
    if (!el("quiz").checked || !boxes.length) return [];
    const ends = (j) => [j, ...(kind() === "value" || kind() === "next" ? [] : nodes.filter(({ inputs }) => inputs.includes(j)).map(({ index }) => index))];
    const inside = (i) => (nodes[i].box < 0 ? [] : around(boxes, nodes[i].box));
    if (about) return [...about].flatMap(ends).flatMap(inside);
    const phase = kind() === "value" ? "forward" : "backward";
    const story = context.stories[phase];
    if (story.some((_, s) => questionAt(kind(), null, { graph, sentences, write, ...context, phase, at: s + 1 }))) return [];
    const last = nodes.findLast(({ inputs }) => inputs.some((j) => !nodes[j].constant));
    return last ? ends(last.inputs.find((j) => !nodes[j].constant)).concat(last.index).flatMap(inside) : [];
  }

  for (const id of ["quiz", "quiz-kind"]) {
    el(id).addEventListener("change", () => {
      about = null;
      if (id === "quiz-kind") el("quiz").checked = true;
      asker.forget();
      act.chosen();
    });
  }

  return {
    scene, needed,
    show: (question) => asker.show(question),
    asks: asker.asks, forget: asker.forget, pick: asker.pick,
    phase: () => (!el("quiz").checked ? null : kind() === "value" ? "forward" : "backward"),
    /* As an address has it. */
    written: () => (el("quiz").checked ? { quiz: kind(), ask: about } : {}),
    restore: ({ quiz, ask }) => {
      el("quiz").checked = quiz !== undefined;
      if (quiz !== undefined) el("quiz-kind").value = quiz;
      about = quiz !== undefined && ask ? ask : null;
    },
  };
}

