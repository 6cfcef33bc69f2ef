/* Operations and their local derivatives in words, as autograd_core.formula writes them.

   A term is a number, a leaf {name, data}, or {operation, operands, data}; a rule is a tree of the language's table. */

import { shown } from "./numbers.js";

const [SIGN, POWER, ATOM] = [3, 4, 5];
const COMPARISONS = new Set(["less", "less_equal", "equal"]);
const isNumber = (term) => typeof term === "number";

/* A number in six digits, as Python's number_text has it, with the sign of -0. */
export const numberText = (x) => (Object.is(x, -0) ? "-0" : shown(x));

/* The rule of an operation for one operand, with these terms for the operands and the result; what is computed with plain
   numbers alone is a number. Or null where no change of the operand moves the result. */
export function ruleOf(operation, position, operands, out, table) {
  const plain = operation.plain && operands.every((operand, k) => k === position || isNumber(operand)) && position === 0;
  const tree = plain ? operation.plain : operation.rules[position];
  const made = (part) => {
    if (part === "out") return out;
    if (isNumber(part)) return operands[part];
    const [name, ...parts] = part;
    if (name === "number") return Number(parts[0]);
    return applied(table.get(name), parts.map(made));
  };
  const term = tree === null ? null : made(tree);
  /* A rule for plain exponents chooses by the exponent, which stays what it is. */
  return plain && term.operation?.name === "where" && isNumber(term.operands[0]) ? term.operands[term.operands[0] ? 1 : 2] : term;
}

function applied(operation, operands) {
  const data = operation.value(...operands.map((operand) => (isNumber(operand) ? operand : operand.data)));
  return operands.every(isNumber) ? data : { operation, operands, data };
}

/* Whether a term takes the same branch for all numbers. */
export function settled(term) {
  if (isNumber(term) || !term.operation) return true;
  return term.operation.name !== "where" && !COMPARISONS.has(term.operation.name) && term.operands.every(settled);
}

/* A term as text. */
export function written(term) {
  const node = simplified(term);
  if (isNumber(node)) return numberText(node);
  return node.operation ? writtenCall(node.operation, node.operands) : node.name;
}

/* An operation on terms as text. */
export function writtenCall(operation, operands) {
  const { name, symbol, precedence } = operation;
  if (precedence === ATOM) return `${name}(${operands.map(written).join(", ")})`;
  const parts = operands.map((operand, position) => writtenOperand(operation, position, operand));
  return parts.length === 1 ? `-${parts[0]}` : `${parts[0]} ${symbol} ${parts[1]}`;
}

function writtenOperand({ symbol, precedence }, position, operand) {
  const text = written(operand);
  const { operation } = simplified(operand);
  const inner = operation ? operation.precedence : ATOM;
  /* a - (b - c), a / (b * c), a * (b % c) and (a ** b) ** c need what a + b + c and a * b * c do not. */
  const strict = position === 1 ? ["-", "/", "%"].includes(symbol) || operation?.symbol === "%" : precedence === POWER;
  const sign = text.startsWith("-") && (position > 0 || precedence >= SIGN);
  return inner < precedence || (strict && inner === precedence) || sign ? `(${text})` : text;
}

/* Without what a rule carries along but a reader would not write: 1 * x, x ** 1, the branch not taken. */
function simplified(term) {
  let now = term;
  while (!isNumber(now) && now.operation) {
    const operands = now.operands.map(simplified);
    const { name } = now.operation;
    if (COMPARISONS.has(name) || operands.every(isNumber)) return now.data;
    const one = operands.map((operand) => operand === 1);
    if (name === "mul" && (one[0] || one[1])) now = one[0] ? operands[1] : operands[0];
    else if (name === "pow" && one[1]) [now] = operands;
    else if (name === "where") now = operands[dataOf(now.operands[0]) !== 0 ? 1 : 2];
    else break;
  }
  return now;
}

const dataOf = (term) => (isNumber(term) ? term : term.data);
