/* Ways to take part: a quiz, being the engine, finding a bug. Which one is chosen, and what the page then shows and asks. */

import { createAsker } from "./asker.js";
import { createEngineer } from "./engineer.js";
import { createHunt } from "./hunt.js";
import { MISTAKE_NAMES } from "./mistakes.js";
import { nothing, questionAt } from "./questions.js";
import { around } from "./tree.js";

const el = (id) => document.getElementById(id);
const MODES = ["quiz", "engineer", "hunt"];
const MOST_OPEN = 400;

/* `bug` is the place of a mistake among all, or null. `act.changed` draws the page anew, and `act.chosen` and `act.retold`
   do so where there is another kind of practice, and where what has been done in it is another. */
export function createPractice(graph, { sentences, bug }, write, act) {
  const { nodes, boxes, output } = graph;
  const asker = createAsker(`Backpropagation of ${nodes[output].name}`, () => act.retold());
  const engineer = createEngineer(graph, sentences);
  const hunt = createHunt(graph, sentences);
  let about = null;
  const kind = () => el("quiz-kind").value;
  const mode = () => MODES.find((one) => el(one).checked) ?? null;
  const choose = (chosen) => MODES.forEach((one) => { el(one).checked = one === chosen; });

  /* The steps as they are told: in the backward pass of the reader, or of a bug, there is another story. */
  function stories(plain, seen) {
    const own = { engineer, hunt }[mode()];
    return own ? { ...plain, backward: own.story(seen), update: [] } : plain;
  }

  /* What the page shows in place of a step, and what it asks; `pass` is where numbers come from, and `earlier` how many
     steps lie before. */
  function scene(context) {
    const { at, phase, pass } = context;
    const step = at ? context.stories[phase][at - 1] : null;
    const plain = { step, at, pass, hidden: nothing(), asking: null, question: null, earlier: Math.max(at - 1, 0) };
    el("take-back").hidden = mode() !== "engineer" || phase !== "backward" || at < context.stories.backward.length || !engineer.begun();
    if (mode() === "engineer" && phase === "backward") return { ...plain, ...engineer.scene(context) };
    if (mode() === "hunt" && phase === "backward") return { ...plain, ...hunt.scene(context, asker.settled("bug")) };
    const question = mode() === "quiz" ? questionAt(kind(), about, { graph, sentences, write, ...context }) : null;
    if (!question || asker.settled(question.key)) return plain;
    const before = question.before ? { step: null, at: at - 1 } : {};
    return { ...plain, ...before, hidden: question.hidden, asking: question.kind, words: question.words, question };
  }

  /* The boxes that have to be open for what is asked: around the nodes that are meant, or, where nothing would be asked
     otherwise, around those at the end. */
  function needed(context) {
    if (mode() === "hunt" && nodes.length <= MOST_OPEN) return boxes.map(({ index }) => index);
    if (mode() !== "quiz" || !boxes.length) return [];
    const ends = (j) => [j, ...(kind() === "value" || kind() === "next" ? [] : nodes.filter(({ inputs }) => inputs.includes(j)).map(({ index }) => index))];
    const inside = (i) => (nodes[i].box < 0 ? [] : around(boxes, nodes[i].box));
    if (about) return [...about].flatMap(ends).flatMap(inside);
    const phase = kind() === "value" ? "forward" : "backward";
    const story = context.stories[phase];
    if (story.some((_, s) => questionAt(kind(), null, { graph, sentences, write, ...context, phase, at: s + 1 }))) return [];
    const last = nodes.findLast(({ inputs }) => inputs.some((j) => !nodes[j].constant));
    return last ? ends(last.inputs.find((j) => !nodes[j].constant)).concat(last.index).flatMap(inside) : [];
  }

  for (const id of [...MODES, "quiz-kind"]) {
    el(id).addEventListener("change", () => {
      about = null;
      choose(id === "quiz-kind" ? "quiz" : el(id).checked ? id : null);
      asker.forget();
      asker.again("bug");
      engineer.restart();
      const found = mode() !== "hunt" || hunt.random() !== null;
      if (!found) choose(null);
      act.chosen();
      if (!found) asker.said("On this graph no mistake would show: with each of them every gradient is still right.");
    });
  }
  el("take-back").addEventListener("click", () => {
    engineer.takeBack();
    asker.forget();
    act.retold();
  });
  engineer.restart();

  return {
    stories, scene, needed,
    show: (question) => asker.show(question),
    asks: asker.asks, forget: asker.forget, pick: asker.pick,
    /* The pass that is practised, and whether one goes on at the end of what has been done in it. */
    phase: () => (mode() === null ? null : mode() === "quiz" && kind() === "value" ? "forward" : "backward"),
    goesOn: () => mode() === "engineer",
    own: () => mode() === "engineer" || mode() === "hunt",
    /* For other inputs. */
    refresh: () => {
      engineer.restart();
      hunt.refresh();
    },
    /* As an address has it, which does not tell the bug. */
    written: () => (mode() === "quiz" ? { quiz: kind(), ask: about } : { engineer: mode() === "engineer" }),
    restore: ({ quiz, ask, engineer: on }) => {
      choose(quiz !== undefined ? "quiz" : on ? "engineer" : bug !== null ? "hunt" : null);
      if (quiz !== undefined) el("quiz-kind").value = quiz;
      about = quiz !== undefined && ask ? ask : null;
      if (mode() === "hunt") hunt.set(MISTAKE_NAMES[bug]);
    },
  };
}
