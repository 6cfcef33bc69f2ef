/* The quiz: what an edge hands back is hidden until it has been guessed, or revealed. */

import { typed } from "./answer.js";

const el = (id) => document.getElementById(id);

export function createQuiz(repaint) {
  const asked = new Set();
  let right = 0;
  let question = null;

  /* A step is asked about once, and by what it adds to what, since its number changes with what is open. */
  const keyOf = (step) => step.edges[0].join(" ");
  const hides = (step) => el("quiz").checked && Boolean(step && step.single) && !asked.has(keyOf(step));

  function show(step, contribution) {
    const open = hides(step);
    el("asked").hidden = !open;
    if (!open || question?.key !== keyOf(step)) el("guess").value = "";
    question = open ? { key: keyOf(step), contribution } : null;
  }

  function answer(reveal) {
    if (!question) return;
    const { number, problem } = typed(el("guess").value);
    el("guess").setAttribute("aria-invalid", String(!reveal && problem !== undefined));
    if (!reveal && problem) {
      el("verdict").textContent = problem;
      return;
    }
    const { key, contribution } = question;
    const correct = !reveal && (Object.is(number, contribution) || number === contribution ||
      Math.abs(number - contribution) <= 0.01 * Math.abs(contribution));
    asked.add(key);
    right += correct ? 1 : 0;
    el("score").textContent = `Score: ${right} of ${asked.size}`;
    el("verdict").textContent = reveal ? "" : correct ? "Right." : "Not quite.";
    repaint();
  }

  el("quiz").addEventListener("change", repaint);
  el("check").addEventListener("click", () => answer(false));
  el("reveal").addEventListener("click", () => answer(true));
  el("guess").addEventListener("keydown", (event) => { if (event.key === "Enter") answer(false); });
  return { hides, show, forget: () => { el("verdict").textContent = ""; } };
}
