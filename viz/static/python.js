/* The formulas of the playground as Python that a reader can run. */

import { exact } from "./address.js";
import { inOrder } from "./recording.js";

const KEYWORDS = new Set(["False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif",
  "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return",
  "try", "while", "with", "yield"]);
const ATOM = 5;

const float = (x) => (Number.isFinite(x) ? exact(x).replace(/^(-?\d+)$/, "$1.0") : `float("${exact(x)}")`);

/* `plan` is what the source was parsed to, `at` the number of each input, `output` the name of the output. */
export function asPython(source, plan, at, output) {
  return asStatements(source, plan, at, output) ?? [
    "import viz", "from autograd_core.expression import evaluate", "",
    `graph = evaluate(${JSON.stringify(source)}, {${[...at].map(([name, x]) => `${JSON.stringify(name)}: ${float(x)}`).join(", ")}})`,
    "graph.output.backward()", "viz.Stepper(graph.output)", "",
  ].join("\n");
}

/* A statement for each definition, or null where Python reads a name otherwise, or has no number where there is inf. */
function asStatements(source, { definitions, uses, used, constants }, at, output) {
  const steps = [...definitions.values()].flatMap((one) => one.steps);
  const functions = [...new Set(steps.flatMap(({ operation }) => (operation?.precedence === ATOM ? [operation.name] : [])))].sort();
  const math = [...constants.keys()].filter((name) => used.has(name));
  const taken = new Set([...KEYWORDS, ...functions, ...math, "Value", "viz", "float"]);
  if (![...at.keys(), ...definitions.keys()].every((name) => /^[A-Za-z_]\w*$/.test(name) && !taken.has(name))) return null;
  const lines = ["import viz", "from autograd_core import Value"];
  if (functions.length) lines.push(`from autograd_core.functions import ${functions.join(", ")}`);
  if (math.length) lines.push(`from math import ${math.join(", ")}`);
  lines.push("", ...[...at].map(([name, x]) => `${name} = Value(${float(x)}, label="${name}")`));
  for (const name of inOrder(uses)) {
    const { steps: those, from, to } = definitions.get(name);
    const number = folded(those, constants);
    if (number === null) return null;
    const text = source.slice(from, to).replace(/(?<![\w.])0[0_]*(?=\d)/g, "").replace(/\xa0/g, " ");
    if (number) lines.push(`${name} = Value(${text}, label="${name}")`);
    else lines.push(`${name} = ${text}${those.length === 1 ? " * 1" : ""}`, `${name}.label = "${name}"`);
  }
  return [...lines, "", `${output}.backward()`, `viz.Stepper(${output})`, ""].join("\n");
}

/* Whether a formula is plain numbers only; null where numbers among themselves come to what Python refuses. */
function folded(steps, constants) {
  const stack = [];
  for (const step of steps) {
    if (step.operation) {
      const operands = stack.splice(-step.count);
      const plain = operands.every((x) => x !== undefined);
      const number = plain ? step.operation.value(...operands, ...step.operation.defaults.slice(step.operation.defaults.length - step.operation.arity + step.count)) : undefined;
      if (plain && !Number.isFinite(number)) return null;
      stack.push(number);
    } else {
      stack.push(typeof step === "number" ? step : constants.get(step.name));
      if (step === Infinity) return null;
    }
  }
  return stack[0] !== undefined;
}
