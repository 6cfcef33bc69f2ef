/* Answers as people type them: which number one is, whether it is the one that was asked for, and which mistake gives it. */

import { backwardPass } from "./engine.js";
import { wrongGradients } from "./mistakes.js";

const DECIMAL = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;

/* What a text field holds, as {number, tolerance} or as {problem}, a sentence. The tolerance says how far from the number
   another may be that it is a rounding of. */
export function typed(text) {
  const given = text.trim().replace(/[\u2010-\u2015\u2212\uFE63\uFF0D]/g, "-").replace(/\s*\/\s*/g, "/");
  const problem = (sentence) => ({ problem: sentence });
  if (!given) return problem("Type a number, such as 0.5, 1e-3 or 1/2.");
  if (/^[-+]?(inf|infinity|∞)$/i.test(given)) return { number: given.startsWith("-") ? -Infinity : Infinity, tolerance: 0 };
  if (/^[-+]?nan$/i.test(given)) return { number: NaN, tolerance: 0 };
  const parts = given.split("/");
  for (const part of parts) {
    if (!/^[-+]?[1-9]\d{0,2}(,\d{3})+$/.test(part)) continue;
    const [point, none] = [part.replace(",", "."), part.replace(/,/g, "")];
    return problem(point.includes(",") ? `“${part}” is not a number; write it without commas, as ${none}.` :
      `“${part}” may be ${point} or ${none}; write it with a point, or without a comma.`);
  }
  const decimals = parts.map((part) => part.replace(/^([-+]?\d*),(\d+)/, "$1.$2"));
  if (parts.length > 2 || !decimals.every((part) => DECIMAL.test(part))) {
    return problem(`“${given}” is not a number; write it like 0.5, 1e-3, 1/2 or inf.`);
  }
  if (decimals.length > 1) {
    const number = Number(decimals[0]) / Number(decimals[1]);
    return { number, tolerance: 1e-6 * Math.abs(number) };
  }
  const [digits, exponent = "0"] = decimals[0].toLowerCase().split("e");
  const places = (digits.split(".")[1] ?? "").length;
  return { number: Number(decimals[0]), tolerance: 0.5 * 10 ** (Number(exponent) - places) };
}

/* Whether an answer is this number as far as it was typed, but never more than 5 % off. */
export function agrees(number, { number: answer, tolerance }) {
  if (!Number.isFinite(number) || !Number.isFinite(answer)) return Object.is(number, answer);
  const allowed = Math.min(tolerance, 0.05 * Math.abs(number));
  return Math.abs(number - answer) <= Math.max(allowed, 1e-9 * Math.abs(number)) * (1 + 1e-9);
}

/* The names of the mistakes that give this answer, most likely first; `candidates` are pairs of a name and a function that
   lists its numbers. */
export function namesFor(candidates, answer) {
  const found = [];
  for (const [name, numbers] of candidates) {
    for (const number of numbers()) {
      if (!agrees(number, answer)) continue;
      found.push(name);
      break;
    }
  }
  return found;
}

/* The mistakes that give this answer for the gradient of node `wrt`, as autograd_core.mistakes.diagnose names them; none
   where it is right or unknown. The answer is what `typed` returns, and the graph has `nodes` and `output` as trace.js
   reads them. */
export function diagnosis(graph, wrt, answer) {
  const right = backwardPass(graph.nodes, graph.output).gradients[wrt];
  return agrees(right, answer) ? [] : namesFor(wrongGradients(graph, wrt), answer);
}
