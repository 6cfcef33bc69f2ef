/* One question: what is typed is checked, a wrong answer is told what it comes from, and the result can be handed in. */

import { agrees, typed } from "./answer.js";
import { plain } from "./numbers.js";

const el = (id) => document.getElementById(id);

/* `text` is JSON with name, asked, right, and for each mistake [name, sentence, numbers] in `wrong`. */
export function start(text) {
  const { name, asked, right, wrong } = JSON.parse(text);
  const root = document.documentElement;
  const followsTheme = root.dataset.theme === "auto";
  let result = null;
  el("asked").textContent = `${asked} =`;

  function check() {
    const answer = typed(el("answer").value);
    el("answer").setAttribute("aria-invalid", String(Boolean(answer.problem)));
    el("hand-in").hidden = Boolean(answer.problem);
    if (answer.problem) {
      el("verdict").textContent = answer.problem;
      return;
    }
    const given = el("answer").value.trim();
    const correct = agrees(plain(right), answer);
    const found = correct ? [] : wrong.filter(([, , numbers]) => numbers.some((number) => agrees(plain(number), answer)));
    result = { exercise: name, answer: given, right: correct, mistakes: found.map(([mistake]) => mistake), tries: (result?.tries ?? 0) + 1 };
    el("result").value = JSON.stringify(result);
    el("verdict").textContent = correct ? "Right." :
      `Not ${given}: ${found.length ? found[0][1] : "Take the paths to it one by one, and multiply along each."}`;
    tellHeight();
  }

  function tellHeight() {
    if (self !== top) parent.postMessage({ height: document.querySelector("main").offsetHeight + 8 }, "*");
  }

  el("check").addEventListener("click", check);
  el("answer").addEventListener("keydown", (event) => { if (event.key === "Enter") check(); });
  /* A frame may not write to the clipboard, so that the text itself is shown, too. */
  el("hand-in").addEventListener("click", () => {
    el("result").hidden = false;
    el("result").focus();
    el("result").select();
    if (self === top) navigator.clipboard?.writeText(el("result").value).catch(() => {});
    tellHeight();
  });
  addEventListener("message", ({ source, data }) => {
    if (source === parent && data && followsTheme && ["light", "dark"].includes(data.theme)) root.dataset.theme = data.theme;
  });
  tellHeight();
}
