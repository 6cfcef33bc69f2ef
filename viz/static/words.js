/* A step in words, symbols and numbers.

   A line is a list of parts: plain texts, and {text} or {over: [above, below]} with what it stands for: the value of a
   node, its gradient, or an edge, as {value: i}, {gradient: i} or {edge: [i, k]}. */

import { factor, shown } from "./numbers.js";
import { fill } from "./trace.js";
import { neuronIn, together } from "./story.js";
import { boxTitle } from "./tree.js";

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const listed = (parts) => {
  const given = parts.filter(Boolean);
  return given.length > 2 ? `${given.slice(0, -1).join(", ")}, and ${given[given.length - 1]}` : given.join(" and ");
};
const count = (number, thing) => `${number} ${thing}${number === 1 ? "" : "s"}`;

/* Why an edge hands on what it does, where the rule alone does not say. */
const REASONS = {
  max: "max hands its gradient to the larger operand; the other one gets 0, and a tie is shared.",
  min: "min hands its gradient to the smaller operand; the other one gets 0, and a tie is shared.",
  detach: "detach keeps the number and drops the derivative, so nothing flows back here.",
  where: "where hands its gradient to the operand that it chose.",
  "<": "A comparison is flat wherever it has a slope, so nothing flows back.",
  "≤": "A comparison is flat wherever it has a slope, so nothing flows back.",
  "=": "A comparison is flat wherever it has a slope, so nothing flows back.",
  relu: "relu hands its gradient on where its operand is positive, and nothing where it is not.",
};

/* Formulas of a graph on names, as text or as the parts of a line, and on numbers. */
export function writer({ nodes }) {
  const nameOf = (i, brief) => (nodes[i].constant ? shown(nodes[i].data) : brief ? nodes[i].short : nodes[i].name);
  const names = (i, brief) => ({ ...nodes[i].inputs.map((j) => nameOf(j, brief)), out: nameOf(i, brief) });
  const parts = (template, i) => template.split(/(\{\{|\}\}|\{\w+\})/).filter(Boolean).map((piece) => {
    const text = fill(piece, names(i));
    const [, key] = /^\{(\w+)\}$/.exec(piece) ?? [];
    const node = key === "out" ? i : nodes[i].inputs[key];
    return node === undefined || nodes[node].constant ? text : { text, value: node };
  });
  return {
    formula: (i, brief) => fill(nodes[i].formula, names(i, brief)),
    made: (i) => [{ text: nodes[i].name, value: i }, " = ", ...parts(nodes[i].formula, i)],
    rule: (i, k) => fill(nodes[i].rules[k], names(i)),
    ruleParts: (i, k) => parts(nodes[i].rules[k], i),
    inNumbers: (i) => fill(nodes[i].formula, { ...nodes[i].inputs.map((j, k) =>
      (k || /^-|\*\*/.test(nodes[i].formula) ? factor(nodes[j].data) : shown(nodes[j].data))) }),
  };
}

/* {words, line, symbols, rule, numbers, sum, head, rows}: `line` is the words without an aside, rows are for a table. */
export function tell(seen, step, where, context) {
  const head = { forward: ["node", "computed", "value"], backward: ["to", "product", "adds", "total"], update: ["parameter", "step", "new"] }[context.phase];
  const told = { words: "", symbols: [], rule: [], numbers: [], sum: [], rows: [], head, ...telling(seen, step, where, context) };
  return { line: told.words, ...told };
}

/* The same, for a sentence by itself. */
export const spoken = (words) => ({ words, line: words, symbols: [], rule: [], numbers: [], sum: [], head: [], rows: [] });

/* The same, before the first step of a pass. */
export function beginning({ nodes }, phase) {
  const leaves = nodes.filter((node) => !node.inputs.length && !node.constant).length;
  const operations = nodes.filter((node) => node.inputs.length).length;
  const words = {
    forward: `Start of the forward pass: ${leaves} inputs are given, ${operations} operations to go.`,
    backward: "Start of the backward pass: all values are known, no gradient yet.",
    update: "Before the update: every gradient is known, and the parameters are as they were.",
  }[phase];
  return spoken(words);
}

function telling(seen, step, where, context) {
  if (step.update) return update(seen, where, context);
  if (step.frame !== undefined) return group(seen, step, where, context);
  if (step.seed) return seed(seen, where);
  const only = step.units.length === 1 ? seen.units[step.units[0]] : null;
  if (context.phase === "forward") return only && only.node >= 0 ? computed(seen, only.node, where, context) : box(seen, step, where, context);
  return step.single ? accumulated(seen, step, where, context) : handed(seen, step, where, context);
}

/* A node by its name, and where that is inside a closed box by the box. */
function called({ graph: { nodes, boxes }, units, unitOf }, i) {
  const { box } = units[unitOf[i]];
  return box < 0 ? nodes[i].name : `${nodes[i].name} in ${boxTitle(boxes, box)}`;
}

const over = ({ nodes }, i, j, about) => ({ over: [`∂${nodes[i].short}`, `∂${nodes[j].short}`], ...about });

/* The rule of a local derivative, and its value. Where the rule is just that number, the number appears once. */
function derivative({ graph }, i, k, { write, changed }) {
  const node = graph.nodes[i];
  const [rule, number] = [write.rule(i, k), shown(node.partials[k])];
  const holds = rule !== number && (!changed || node.settled);
  const edge = [i, k];
  return [over(graph, i, node.inputs[k], { edge }), " = ", ...(holds ? [...write.ruleParts(i, k), " = "] : []), { text: number, edge }];
}

function computed(seen, i, where, context) {
  const { graph: { nodes } } = seen;
  const node = nodes[i];
  const asked = context.hidden === "value";
  const data = asked ? "?" : shown(node.data);
  const rules = asked ? [] : node.inputs.flatMap((j, k) => (nodes[j].constant ? [] : [...derivative(seen, i, k, context), "   "]));
  const sum = node.inputs.length ? `${context.write.inNumbers(i)} = ${data}` : data;
  const made = `${node.name} = ${context.write.formula(i)}`;
  return {
    words: asked ? `${where}what is ${made}?` : `${where}${made} gives ${data}.`,
    symbols: context.write.made(i), rule: rules, numbers: [asked ? sum : { text: sum, value: i }],
  };
}

function seed(seen, where) {
  const { graph } = seen;
  const out = graph.nodes[graph.output].name;
  return {
    words: `${where}the backward pass starts at the end, with the derivative of ${out} with respect to itself.`,
    symbols: [over(graph, graph.output, graph.output, { gradient: graph.output }), " = 1"], numbers: ["1"], sum: ["0 + 1 = 1"],
  };
}

/* The step of gradient descent, for all parameters at once. */
function update({ graph: { nodes, output } }, where, { update: { rate, rows } }) {
  const out = nodes[output].name;
  return {
    words: Number.isNaN(rate) ? `${where}there is no learning rate; type one on the tab Descend.` :
      `${where}${rows.length === 1 ? `${rows[0][0]} takes` : `each of the ${rows.length} parameters takes`} a step against its gradient, with the learning rate η = ${shown(rate)}.`,
    symbols: ["w ← w - η · ", { over: [`∂${out}`, "∂w"] }], rows,
  };
}

/* `hidden` is the kind of question that is open, and `facts` says that the pass is told as it happened, right or wrong. */
function accumulated(seen, step, where, { pass, before, hidden, write, changed, facts }) {
  const { graph } = seen;
  const { nodes, output } = graph;
  const [i, k, j] = step.edges[0];
  const contribution = pass.contributions[i][k];
  const sofar = before.get(j);
  const after = afterwards(pass, sofar, contribution);
  const twice = nodes[i].inputs.filter((other) => other === j).length > 1 ? ` as argument ${k + 1}` : "";
  const [handedOn, total] = hidden ? ["?", "?"] : [contribution === null ? "nothing" : shown(contribution), shown(after)];
  const change = sofar === undefined ? `its gradient is now ${total}` : contribution === 0 || contribution === null ? `its gradient stays ${total}` :
    `its gradient goes from ${shown(sofar)} to ${total}`;
  const [giver, taker] = [i, j].map((one) => called(seen, one));
  const question = {
    product: `what does ${taker} receive from ${giver}${twice}?`,
    local: `what is the local derivative of ${giver} with respect to ${taker}${twice}?`,
    gradient: `${taker} receives the last part of its gradient, from ${giver}${twice}. What is its whole gradient?`,
  }[hidden];
  const words = where + (question ?? `${taker} receives ${handedOn} from ${giver}${twice}; ${change}.`);
  const edge = [i, k];
  const slope = { text: hidden === "local" ? "?" : (facts ? shown : factor)(nodes[i].partials[k]), edge };
  const upstream = { text: shown(pass.gradients[i]), gradient: i };
  return {
    words: [words, hidden === "local" || facts ? "" : REASONS[nodes[i].symbol]].filter(Boolean).join(" "), line: words,
    symbols: [over(graph, output, j, { gradient: j }), " += ", over(graph, output, i, { gradient: i }), " · ", over(graph, i, j, { edge })],
    rule: hidden === "local" ? [] : derivative(seen, i, k, { write, changed }),
    numbers: facts ? [`${nodes[i].short} has `, upstream, ", the local derivative is ", slope, `, and ${handedOn} is handed back`] : [upstream, " · ", slope, ` = ${handedOn}`],
    sum: facts ? [`${shown(sofar ?? 0)} before, `, { text: total, gradient: j }, " after"] :
      hidden === "gradient" ? ["all that it receives = ?"] : [`${shown(sofar ?? 0)} + ${hidden ? "?" : factor(contribution)} = `, { text: total, gradient: j }],
  };
}

const afterwards = (pass, sofar, contribution) => (contribution === null ? sofar ?? 0 : sofar === undefined || pass.replaces ? contribution : sofar + contribution);

/* All weights and the bias of a neuron at a time. */
function group(seen, step, where, { pass, before }) {
  const { nodes, boxes } = seen.graph;
  const rows = step.edges.map(([i, k, j]) => row(nodes, i, k, j, pass, before));
  return {
    words: `${where}${capital(boxTitle(boxes, step.frame))} hands ${count(step.edges.length, "contribution")} to its own parameters.`,
    symbols: ["each parameter receives the gradient of its product times the other factor"], rows,
  };
}

const row = (nodes, i, k, j, pass, before) => [nodes[j].name, `${shown(pass.gradients[i])} · ${factor(nodes[i].partials[k])}`,
  shown(pass.contributions[i][k]), shown((before.get(j) ?? 0) + pass.contributions[i][k])];

function box(seen, step, where, { write }) {
  const { graph: { nodes }, units } = seen;
  const neuron = step.units.length === 1 ? neuronIn(seen.graph, units[step.units[0]]) : null;
  const title = titleOf(seen, step.units);
  if (!neuron) {
    const exits = step.units.flatMap((u) => units[u].exits);
    return {
      words: `${where}${title} computes ${count(step.nodes.length, "operation")}.${turns(step.units)}`,
      rows: exits.slice(0, 40).map((i) => [nodes[i].name, write.formula(i), shown(nodes[i].data)]),
    };
  }
  const { exit, z, activated, weights, inputs, bias } = neuron;
  const sum = weights.map((w, n) => `${factor(nodes[w].data)} · ${factor(nodes[inputs[n]].data)}`).join(" + ").replace(/^\((.*?)\)/, "$1");
  const name = activated ? nodes[exit].symbol : "";
  return {
    words: `${where}${title} takes the weighted sum of ${count(inputs.length, "input")}, z = ${shown(nodes[z].data)}` +
      (activated ? `, and gives ${name}(z) = ${shown(nodes[exit].data)}.` : ", which is its output."),
    symbols: [`z = w · x${bias === null ? "" : " + b"}${activated ? `,  a = ${name}(z)` : ""}`],
    numbers: [weights.length > 6 ? `z = ${shown(nodes[z].data)}` : `z = ${sum}${bias === null ? "" : ` + ${factor(nodes[bias].data)}`} = ${shown(nodes[z].data)}`],
    rows: weights.slice(0, 40).map((w, n) => [nodes[w].name, `${shown(nodes[w].data)} · ${factor(nodes[inputs[n]].data)}`, shown(nodes[w].data * nodes[inputs[n]].data)]),
  };
}

const titleOf = (seen, those) => {
  const { graph: { nodes, boxes }, units } = seen;
  const names = those.map((u) => (units[u].node >= 0 ? nodes[units[u].node].name : boxTitle(boxes, units[u].box)));
  const text = names.length > 3 ? `${names.slice(0, 2).join(", ")} and ${names.length - 2} more` : names.join(" and ");
  const { box } = units[those[0]];
  /* A word, and not a name that somebody chose. */
  return box >= 0 && /^[a-z]+ \d/.test(text) ? capital(text) : text;
};

const turns = (those) => (those.length > 1 ? " They need each other in turn, so that while they are closed they are one step." : "");

/* What a closed box receives and hands on. */
function handed(seen, step, where, { pass, before }) {
  const { graph, units, unitOf } = seen;
  const { nodes } = graph;
  const mine = new Set(step.units);
  const title = titleOf(seen, step.units);
  const neuron = step.units.length === 1 ? neuronIn(graph, units[step.units[0]]) : null;
  const outside = step.edges.filter(([, , j]) => !mine.has(unitOf[j]));
  const rows = received(seen, outside.concat(step.edges.filter(([, , j]) => mine.has(unitOf[j]) && nodes[j].symbol === null)), pass, before);
  const users = nodes.filter((node) => !mine.has(unitOf[node.index]) && node.inputs.some((j) => mine.has(unitOf[j]))).map((node) => node.index);
  const givers = users.length ? ` from ${together(seen, users)}` : "";
  const to = outside.length ? together(seen, outside.map(([, , j]) => j)) : "";
  if (!neuron) {
    const parameters = new Set(step.edges.map(([, , j]) => j).filter((j) => nodes[j].parameter && mine.has(unitOf[j])));
    const exits = step.units.flatMap((u) => units[u].exits);
    const [receive, it, hand] = step.units.length > 1 ? ["receive", "they", "hand"] : ["receives", "it", "hands"];
    const took = exits.length === 1 ? `${receive} ${shown(pass.gradients[exits[0]])}` : `${receive} gradients for ${count(exits.length, "output")}`;
    const parts = [parameters.size ? `its ${count(parameters.size, "parameter")}` : "", to].filter(Boolean).join(" and to ");
    return { words: `${where}${title} ${took}${givers}; ${it} ${hand} ${parts ? `gradients on to ${parts}` : "nothing on"}.${turns(step.units)}`, rows };
  }
  const { exit, z, activated, weights, bias } = neuron;
  const delta = shown(pass.gradients[z]);
  const k = nodes[exit].inputs.indexOf(z);
  const slope = activated ? shown(nodes[exit].partials[k]) : "";
  const name = activated ? nodes[exit].symbol : "";
  const whose = weights.some((w) => !mine.has(unitOf[w])) ? "the" : "its";
  const others = outside.filter(([, , j]) => !nodes[j].parameter).map(([, , j]) => j);
  const through = activated ? `; times ${name}′(z) = ${slope} gives δ = ${delta}` : `, which is δ`;
  return {
    words: `${where}${title} receives ${shown(pass.gradients[exit])}${givers}${through}. It hands ${listed([
      `δ·x to ${whose} ${count(weights.length, "weight")}`, bias !== null && "δ to the bias", others.length && `δ·w to ${together(seen, others)}`])}.`,
    symbols: ["δ = ", { over: [`∂${nodes[graph.output].name}`, activated ? "∂a" : "∂z"] }, activated ? ` · ${name}′(z)` : "", "   ",
      { over: ["∂z", "∂w"] }, " = x   ", { over: ["∂z", "∂x"] }, " = w"],
    rule: activated ? [`${name}′(z) = ${slope}`] : [],
    numbers: [activated ? `δ = ${shown(pass.gradients[exit])} · ${factor(nodes[exit].partials[k])} = ${delta}` : `δ = ${delta}`],
    rows,
  };
}

/* For each receiver what it gets in this step, all contributions together, and what it has then. */
function received(seen, edges, pass, before) {
  const { graph: { nodes, boxes }, units, unitOf } = seen;
  const briefly = (j) => {
    const { box, exits } = units[unitOf[j]];
    return nodes[j].parameter || box < 0 ? nodes[j].short : `${boxTitle(boxes, box)}${exits.length > 1 ? `, ${nodes[j].short}` : ""}`;
  };
  const found = new Map();
  for (const [i, k, j] of edges) {
    if (!found.has(j)) found.set(j, { parts: [], sum: 0, total: before.get(j) ?? 0 });
    const one = found.get(j);
    one.parts.push(`${shown(pass.gradients[i])} · ${factor(nodes[i].partials[k])}`);
    one.sum += pass.contributions[i][k];
    one.total += pass.contributions[i][k];
  }
  return [...found].sort(([a], [b]) => a - b).map(([j, { parts, sum, total }]) =>
    [briefly(j), parts.length > 2 ? `${parts.length} products` : parts.join(" + "), shown(sum), shown(total)]);
}
