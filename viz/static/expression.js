/* Formulas as text: tokens, and from them the definitions in postfix order, as autograd_core.expression reads them.

   A step of a definition is a number, {name}, or {operation, count}: an entry of the language's table and how many
   operands it takes. What is wrong is thrown by `problem`. */

import { closest } from "./suggest.js";

const DIGITS = "[0-9](?:_?[0-9])*";
const SPACES = "\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const TOKEN = new RegExp([
  "(?<blank>[ \\t\\xa0]+|#[^\\n\\r]*)", "(?<end>[;\\n\\r])",
  `(?<number>(?:${DIGITS}\\.?(?:${DIGITS})?|\\.${DIGITS})(?:[eE][+-]?${DIGITS})?)`,
  `(?<name>(?:[A-Za-z0-9_]|[^\\x00-\\x7f${SPACES}])+)`, "//", "[<>=!]=", "(?<sign>\\*\\*|[-+*/%(),=])", "[^]",
].join("|"), "gu");
const IDENTIFIER = /^[_\p{XIDS}]\p{XIDC}*$/u;
const INSTEAD = [
  ["^²³", "a power is written x**2"],
  ["/×·⋅÷−–", "products, quotients and differences are written 2*x, x/2 and x - 2"],
  ["<>=!", "comparisons are less(x, y), less_equal(x, y) and equal(x, y)"],
  ["'\"", "there are only numbers and names, no strings"],
  ["[]{}", "use parentheses ( )"],
  [".", "names have no attributes, and a decimal has a digit, as in 0.5"],
];
const [SUM, SIGN, ATOM] = [1, 3, 5];
const [DEEPEST, LONGEST_NUMBER] = [100, 400];
const UNNAMED = "output";

const printable = (text) => !/[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u.test(text);

/* An error with the sentence, and where the place is known the line of the source with a caret below it. */
export function problem(sentence, source, position) {
  let shown = "";
  if (position !== undefined) {
    const letters = [...source];
    const at = [...source.slice(0, position)].length;
    const start = at ? letters.lastIndexOf("\n", at - 1) + 1 : 0;
    const next = letters.indexOf("\n", at);
    const stop = next < 0 ? letters.length : next;
    const left = Math.max(start, Math.min(at - 30, stop - 60));
    const [before, after] = [left > start ? "…" : "", left + 60 < stop ? "…" : ""];
    const line = letters.slice(left, Math.min(left + 60, stop)).map((letter) => (printable(letter) ? letter : " ")).join("");
    shown = `\n${before}${line}${after}\n${" ".repeat(before.length + at - left)}^`;
  }
  return Object.assign(new Error(sentence + shown), { sentence, shown: shown.slice(1), position });
}

/* A name as a sentence has it: short, and with what cannot be printed written out as Python does. */
export function short(name) {
  const letters = [...name];
  const text = letters.length <= 30 ? name : `${letters.slice(0, 29).join("")}…`;
  return printable(text) ? text : `'${[...text].map(escaped).join("")}'`;
}

function escaped(letter) {
  const code = letter.codePointAt(0);
  if (code >= 0x20 && code < 0x7f) return letter;
  const digits = code.toString(16);
  return code < 0x100 ? `\\x${digits.padStart(2, "0")}` : code < 0x10000 ? `\\u${digits.padStart(4, "0")}` : `\\U${digits.padStart(8, "0")}`;
}

export const guess = (name, candidates) => {
  const close = closest([...name].slice(0, 50).join(""), [...candidates].slice(0, 1000));
  return close === null ? "" : ` (did you mean ${short(close)}?)`;
};

function* tokensOf(source) {
  for (const match of source.matchAll(TOKEN)) {
    const [text] = match;
    const kind = Object.keys(match.groups).find((name) => match.groups[name] !== undefined);
    const position = match.index;
    if (kind === undefined || (kind === "name" && !IDENTIFIER.test(text))) {
      const hidden = [...text].find((letter) => !printable(letter));
      const code = hidden?.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
      const letters = new Set(text);
      const [, advice] = INSTEAD.find(([signs]) => [...signs].some((sign) => letters.has(sign))) ?? [null, "the signs are + - * / % ** ( ) , = ; and #"];
      throw problem(`${hidden === undefined ? `'${short(text)}'` : `the character U+${code}`} means nothing here; ${advice}`, source, position);
    }
    if (kind === "number" && text.length > LONGEST_NUMBER) {
      throw problem(`this number has ${text.length} characters, more than ${LONGEST_NUMBER}; shorten it, as in 1.5e300`, source, position);
    }
    /* Python's own normal form of names, which makes one letter of the two signs for µ. */
    if (kind !== "blank") yield { kind, text: kind === "name" ? text.normalize("NFKC") : text, position, stop: position + text.length };
  }
  yield { kind: "end", text: "", position: source.length, stop: source.length };
}

/* The definitions of a source in the order written, by name: {steps, from, to}, of which the last two are where the
   formula stands in the source; `table` is the language's, by name. */
export function definitionsOf(source, table) {
  const functions = new Map([...table].filter(([, { precedence }]) => precedence === ATOM));
  const operators = new Map([...table.values()].filter(({ precedence, arity }) => precedence !== ATOM && arity === 2).map((one) => [one.symbol, one]));
  const tokens = tokensOf(source);
  let token = tokens.next().value;
  let [previous, steps] = [token, []];
  const error = (sentence, { position }) => problem(sentence, source, position);

  function advance() {
    previous = token;
    token = tokens.next().value ?? token;
    return previous;
  }

  function unexpected() {
    const [before, after] = [short(previous.text), short(token.text)];
    const reason = token.kind === "end" ? "the statement ends here with a '(' that is not closed" : {
      ")": "this ')' closes no '('",
      ",": "a comma can only stand between the arguments of a function",
      "=": "'=' can only stand once in a statement, after the one name that it defines",
    }[token.kind === "sign" ? after : ""];
    return error(reason ?? `expected an operator before '${after}'; for a product write ${before}*${after}`, token);
  }

  function close() {
    if (token.text !== ")") throw unexpected();
    advance();
  }

  /* Operands joined by operators that bind at least as tightly as `loosest`. */
  function formula(loosest, depth) {
    if (depth > DEEPEST) throw error(`this is nested more than ${DEEPEST} deep; name the inner part, as in a = …, and use the name`, token);
    operand(depth);
    for (let operator = operators.get(token.text); operator && operator.precedence >= loosest; operator = operators.get(token.text)) {
      advance();
      /* The right side of a power may be a sign or another power. */
      if (operator.name === "pow") formula(SIGN, depth + 1);
      else formula(operator.precedence + 1, depth);
      steps.push({ operation: operator, count: 2 });
    }
  }

  function operand(depth) {
    const first = advance();
    if (first.kind === "number") steps.push(Number(first.text.replaceAll("_", "")));
    else if (functions.has(first.text) || (first.kind === "name" && token.text === "(")) call(first, depth);
    else if (first.kind === "name") steps.push({ name: first.text });
    else if (first.text === "(") {
      formula(SUM, depth + 1);
      close();
    } else if (first.text === "+" || first.text === "-") {
      formula(SIGN, depth + 1);
      if (first.text === "-") steps.push({ operation: table.get("neg"), count: 1 });
    } else {
      throw error(`expected a number, a name or '(', got ${first.kind === "end" ? "the end of the statement" : `'${first.text}'`}`, first);
    }
  }

  function call(name, depth) {
    const [operation, shown] = [functions.get(name.text), short(name.text)];
    if (!operation) {
      const sign = table.get(name.text)?.symbol;
      throw error(`there is no function ${shown}${guess(name.text, functions.keys())}; ${sign ? `write it with the sign ${sign}` : `for a product write ${shown}*(…)`}`, name);
    }
    if (token.text !== "(") throw error(`${shown} is a function; write ${shown}(…), or choose another name`, name);
    advance();
    let count = 0;
    while (previous.text === "," || (count === 0 && token.text !== ")")) {
      formula(SUM, depth + 1);
      count += 1;
      if (token.text === ",") advance();
    }
    close();
    const most = operation.arity;
    const least = most - operation.defaults.length;
    if (count < least || count > most) {
      throw error(`${shown} takes ${least === most ? `${most} argument${most > 1 ? "s" : ""}` : `${least} to ${most} arguments`}, got ${count}`, name);
    }
    steps.push({ operation, count });
  }

  const found = new Map();
  let unnamed = null;
  while (token.text) {
    const first = token;
    steps = [];
    if (first.kind === "end") {
      advance();
      continue;
    }
    if (unnamed) throw error("only the last formula can go without a name; write name = … here", unnamed);
    formula(SUM, 0);
    let [name, from] = [first.text, first.position];
    if (token.text !== "=") {
      name = UNNAMED;
      unnamed = first;
    } else if (first.kind === "name" && steps.length === 1 && steps[0].name === name) {
      advance();
      from = token.position;
      steps = [];
      formula(SUM, 0);
    }
    if (token.kind !== "end") throw unexpected();
    if (found.has(name)) throw error(`${short(name)} is defined a second time; give this another name`, first);
    found.set(name, { steps, from, to: previous.stop });
  }
  if (!found.size) throw problem("the expression is empty; write one such as y = x**2");
  return found;
}
