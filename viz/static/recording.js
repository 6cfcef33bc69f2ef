/* The graph that formulas spell out, and the trace of it that Python's viz.trace writes of the same graph.

   A node is {operation, inputs, data, name, constant}; the operation of a leaf and of a plain number is null. */

import { definitionsOf, guess, problem, short } from "./expression.js";
import { numberText, ruleOf, settled, written, writtenCall } from "./formula.js";

const CONSTANTS = new Map([["pi", Math.PI], ["e", Math.E], ["inf", Infinity]]);

/* The operations of the language by name, from the table and the functions that Python sends. */
export function languageOf(operations, table) {
  return new Map(Object.entries(table).map(([name, entry]) => {
    const [value, partials] = operations[entry.operation];
    return [name, { ...entry, name, value, partials, defaults: entry.defaults.map(Number) }];
  }));
}

/* What a source defines and what that needs; `given` are the names that have values. */
export function parsed(source, language, given) {
  const definitions = definitionsOf(source, language);
  const uses = new Map([...definitions].map(([name, { steps }]) => [name, steps.filter((step) => step.name).map((step) => step.name)]));
  const used = new Set([...uses.values()].flat());
  const constants = new Map([...CONSTANTS].filter(([name]) => !definitions.has(name) && !given.has(name)));
  const inputs = [...used].filter((name) => !definitions.has(name) && !constants.has(name));
  return { definitions, uses, used, constants, inputs };
}

/* The nodes of the graph in topological order, of what was parsed with the names in `at`, a map to their values. */
export function evaluated({ definitions, uses, used, constants, inputs }, at, language) {
  requireValues(at, inputs, definitions, language);
  requireNoCycle(uses);
  const nodes = new Map([...constants, ...inputs.map((name) => [name, leaf(name, at.get(name))])]);
  for (const name of inOrder(uses)) {
    let node = result(definitions.get(name).steps, nodes, language);
    if (typeof node === "number") node = leaf(name, node);
    else if (node.name) node = apply(language.get("mul"), [node, 1]);
    node.name = name;
    nodes.set(name, node);
  }
  const output = [...definitions.keys()].filter((name) => !used.has(name)).at(-1);
  return topologicalOrder(nodes.get(output));
}

const leaf = (name, data) => ({ operation: null, inputs: [], data, name, constant: false });

function apply(operation, operands) {
  const numbers = operands.map((operand) => (typeof operand === "number" ? operand : operand.data));
  const data = operation.value(...numbers);
  if (operands.every((operand) => typeof operand === "number")) return data;
  const inputs = operands.map((operand) => (typeof operand === "number" ? { ...leaf(null, operand), constant: true } : operand));
  return { operation, inputs, data, name: null, constant: false };
}

function result(steps, nodes, language) {
  const stack = [];
  for (const step of steps) {
    if (step.operation) {
      const operands = stack.splice(-step.count);
      const missing = step.operation.arity - step.count;
      stack.push(apply(step.operation, missing ? [...operands, ...step.operation.defaults.slice(-missing)] : operands));
    } else {
      stack.push(typeof step === "number" ? step : nodes.get(step.name));
    }
  }
  return stack[0];
}

function listed(names) {
  return [...names.slice(0, 5).map(short), ...(names.length > 5 ? ["…"] : [])].join(", ");
}

function requireValues(given, inputs, definitions, language) {
  for (const name of given.keys()) {
    if (definitions.has(name)) throw problem(`${short(name)} is defined by the expression, so it takes no value`);
    if (!inputs.includes(name)) {
      throw problem(`the expression has no input ${short(name)}${guess(name, inputs)}; its inputs: ${listed(inputs) || "none"}`);
    }
  }
  const missing = inputs.filter((name) => !given.has(name));
  if (missing.length) {
    const functions = [...language.values()].filter(({ precedence }) => precedence === 5).map(({ name }) => name);
    throw problem(`no value for ${listed(missing)}${guess(missing[0], [...definitions.keys(), ...functions])}; give it one`);
  }
}

/* Definitions that need each other in a circle, found in the order in which Python's graphlib looks for them. */
function requireNoCycle(uses) {
  const users = new Map();
  for (const [name, those] of uses) {
    for (const one of [name, ...those]) if (!users.has(one)) users.set(one, []);
    for (const one of those) users.get(one).push(name);
  }
  const [seen, place] = [new Set(), new Map()];
  for (const start of users.keys()) {
    const stack = [];
    let name = seen.has(start) ? undefined : start;
    while (name !== undefined) {
      if (place.has(name)) throw circle([...stack.slice(place.get(name)).map(([one]) => one), name].reverse());
      if (!seen.has(name)) {
        seen.add(name);
        place.set(name, stack.length);
        stack.push([name, users.get(name).values()]);
      }
      name = undefined;
      while (stack.length && name === undefined) {
        name = stack.at(-1)[1].next().value;
        if (name === undefined) place.delete(stack.pop()[0]);
      }
    }
  }
}

function circle(names) {
  const path = names.map(short);
  return problem(`${path[0]} is defined by itself: ${(path.length < 7 ? path : [...path.slice(0, 5), "…", path.at(-1)]).join(" -> ")}`);
}

/* Each defined name after those that it uses. */
export function inOrder(uses) {
  const [order, opened] = [new Set(), new Set()];
  const stack = [...uses.keys()].reverse();
  while (stack.length) {
    const name = stack.pop();
    if (order.has(name) || !uses.has(name)) continue;
    if (opened.has(name)) {
      order.add(name);
      continue;
    }
    opened.add(name);
    stack.push(name, ...uses.get(name));
  }
  return order;
}

/* Depth first and first argument first, as autograd_core.graph.topological_order has it. */
function topologicalOrder(output) {
  const [order, seen] = [[], new Set()];
  const stack = [[output, false]];
  while (stack.length) {
    const [node, opened] = stack.pop();
    if (opened) order.push(node);
    else if (!seen.has(node)) {
      seen.add(node);
      stack.push([node, true], ...node.inputs.map((one) => [one, false]).reverse());
    }
  }
  return order;
}

const json = (x) => (Number.isFinite(x) ? x : numberText(x));

/* The compact trace, as viz.trace.Graph.compact describes it of a graph without boxes. */
export function traceOf(order, language) {
  const index = new Map(order.map((node, i) => [node, i]));
  const [forms, places] = [[], new Map()];
  const form = order.map((node) => {
    if (!node.operation) return -1;
    const made = formOf(node, language);
    const key = JSON.stringify(made);
    if (!places.has(key)) places.set(key, forms.push(made) - 1);
    return places.get(key);
  });
  const partials = order.flatMap(({ operation, inputs, data }) => (operation ? operation.partials(...inputs.map((one) => one.data), data) : []));
  return {
    version: 2, forms, form, operation: order.map(({ operation }) => (operation ? operation.operation : -1)), name: namesOf(order),
    constant: order.flatMap(({ constant }, i) => (constant ? [i] : [])), parameter: [], data: order.map(({ data }) => json(data)),
    inputs: order.flatMap(({ inputs }) => inputs.map((one) => index.get(one))), partials: partials.map(json),
    box: order.map(() => -1), boxes: [],
  };
}

/* By place, the names that are not just v and the place. */
function namesOf(order) {
  const taken = new Set(order.map(({ name }) => name).filter(Boolean));
  const names = {};
  order.forEach(({ name, constant }, place) => {
    if (name) { if (name !== `v${place}`) names[place] = name; }
    else if (!constant && taken.has(`v${place}`)) {
      names[place] = `v${place}'`;
      while (taken.has(names[place])) names[place] += "'";
    }
  });
  return names;
}

/* Symbol, formula, rules by argument position, and whether these are written so for any numbers. */
function formOf({ operation, inputs, data }, language) {
  const terms = inputs.map((one) => (one.constant ? one.data : { name: `{${inputs.indexOf(one)}}`, data: one.data }));
  const out = { name: "{out}", data };
  const rules = inputs.map((one, k) => (one.constant ? "" : ruleOf(operation, k, terms, out, language)));
  const text = (rule) => (rule === "" || rule === null ? rule : written(rule));
  return [operation.symbol, writtenCall(operation, terms), rules.map(text), rules.every((rule) => rule === "" || rule === null || settled(rule))];
}
