/* A question in the panel: a field or a choice, two tries, a diagnosis, and the score of all that were asked. */

import { make } from "./panel.js";

const el = (id) => document.getElementById(id);
const TRIES = 2;

/* A question has a `key`, a `label`, a `check` for what was typed, the `solution` as a sentence, and either `options` to
   choose from or a number to be typed. `check` returns {problem} for what is no answer, {right, said}, or {accepted} where
   there is nothing to be right or wrong. `done` is called with what came of it. A `patient` question may be tried as often
   as one likes, a `quiet` one takes no focus, `picks` is false where nothing in the picture is an answer, and `unscored`
   ones are no part of the score. */
export function createAsker(title, changed) {
  const settled = new Map();
  const wrong = new Map();
  let question = null;

  const field = () => el(question.options ? "choice" : "guess");
  const said = (sentence) => { el("verdict").textContent = sentence; };
  const invalid = (is) => field().setAttribute("aria-invalid", String(is));

  /* The question that is open now, or null. A new one gets the focus, but not in a frame of a page that is used elsewhere. */
  function show(next) {
    const fresh = next && next.key !== question?.key;
    question = next;
    el("asked").hidden = !next;
    document.documentElement.toggleAttribute("data-asking", Boolean(next));
    if (!fresh) return;
    el("guess-line").hidden = Boolean(next.options);
    el("choice-line").hidden = !next.options;
    el(next.options ? "choice-label" : "guess-label").textContent = next.label;
    el("guess").value = "";
    el("choice").replaceChildren(make("option", { value: "", textContent: "choose …" }), ...(next.options ?? []).map((one) => make("option", { ...one })));
    invalid(false);
    if (!next.quiet) focus();
  }

  function focus() {
    if (self !== top && !document.hasFocus()) return;
    field().focus({ preventScroll: true });
    field().select?.();
    for (const id of ["verdict", "asked"]) el(id).scrollIntoView({ block: "nearest" });
  }

  function settle(right, sentence) {
    const { key, about, done, unscored } = question;
    const mistakes = wrong.get(key) ?? [];
    wrong.delete(key);
    if (!unscored) settled.set(key, { about, right, tried: mistakes.length + 1, mistakes });
    question = null;
    const consequence = done?.(right);
    said([sentence, consequence].filter(Boolean).join(" "));
    score();
    changed();
    if (el("asked").hidden && (self === top || document.hasFocus())) el("next").focus({ preventScroll: true });
  }

  function submit(text) {
    const result = question.check(text);
    invalid(Boolean(result.problem));
    if (result.problem) {
      said(result.problem);
      focus();
    } else if (result.accepted) {
      const { done } = question;
      question = null;
      said(done(text) ?? "");
      changed();
    } else if (result.right) {
      settle(true, ["Right.", result.said].filter(Boolean).join(" "));
    } else {
      const { key, solution, patient } = question;
      wrong.set(key, [...(wrong.get(key) ?? []), result.mistake ?? ""]);
      if (!patient && wrong.get(key).length >= TRIES) settle(false, `${result.said} ${solution}`);
      else {
        said(`${result.said} Try again.`);
        focus();
      }
    }
  }

  const total = () => {
    const all = [...settled.values()];
    const right = all.filter((one) => one.right);
    const second = right.filter(({ tried }) => tried > 1).length;
    return `${right.length} of ${all.length}${second ? `, ${second} of them not at the first try` : ""}`;
  };

  function score() {
    el("score").textContent = settled.size ? `Score: ${total()}` : "";
    el("copy-score").hidden = !settled.size;
  }

  /* Where a page may not write to the clipboard, the text is there to be copied by hand. */
  async function copy() {
    const lines = [...settled.values()].map(({ about, right, tried, mistakes }) => {
      const named = [...new Set(mistakes.filter(Boolean))];
      return `${about}: ${right ? `right${tried > 1 ? ` at try ${tried}` : ""}` : "not found"}${named.length ? ` (${named.join(", ")})` : ""}`;
    });
    const text = [`${title}: ${total()}`, ...lines].join("\n");
    el("score-text").value = text;
    el("score-text").hidden = false;
    try {
      await navigator.clipboard.writeText(text);
      el("copied").textContent = "Copied.";
    } catch {
      el("score-text").select();
      el("copied").textContent = document.execCommand("copy") ? "Copied." : "Copy it from the field.";
    }
  }

  el("check").addEventListener("click", () => submit(field().value));
  el("reveal").addEventListener("click", () => settle(false, question.solution));
  /* The key is used up, or it would press the button that gets the focus. Escape leaves the question for the steps. */
  el("asked").addEventListener("keydown", (event) => {
    if (event.key === "Escape") el("next").focus();
    if (event.key !== "Enter" || event.target.tagName === "BUTTON") return;
    event.preventDefault();
    submit(field().value);
  });
  el("copy-score").addEventListener("click", copy);

  return {
    show,
    asks: () => question !== null && !question.quiet,
    settled: (key) => settled.has(key),
    again: (key) => { for (const known of [settled, wrong]) known.delete(key); },
    said, forget: () => said(""),
    /* Whether a click in the picture was an answer. */
    pick: (id) => {
      if (!question?.options || question.picks === false) return false;
      el("choice").value = id;
      submit(id);
      return true;
    },
  };
}
