/* What a quiz asks at a step: the question, what has to be kept back while it is open, and how an answer is judged. */

import { soFar } from "./engine.js";
import { agrees, namesFor, typed } from "./answer.js";
import { wrongContributions, wrongGradients } from "./mistakes.js";
import { shown } from "./numbers.js";
import { nameOf, standings, unitOptions, whyNot } from "./standing.js";

export const KINDS = ["product", "local", "next", "gradient", "value"];

export const nothing = () => ({ gradients: new Set(), values: new Set(), edges: new Set() });

/* A question for a number. `candidates` are pairs of a mistake's name, or a sentence of its own, and a function that lists
   its numbers. */
export function numberQuestion(right, candidates, sentences) {
  return {
    check(text) {
      const answer = typed(text);
      if (answer.problem) return answer;
      if (agrees(right, answer)) return { right: true };
      const [name] = namesFor(candidates, answer);
      if (name) return { right: false, said: sentences[name] ?? name, mistake: sentences[name] && name };
      /* Numbers on the way may have been rounded. */
      const near = Math.abs(answer.number - right) <= 0.01 * Math.abs(right);
      return near ? { right: true } : { right: false, said: "Not quite." };
    },
  };
}

/* The question of this kind at the last of `at` steps, about the nodes in `about` or, for null, about all; or null. */
export function questionAt(kind, about, { graph, seen, stories, pass, phase, at, sentences, write }) {
  const story = stories[phase];
  const step = at ? story[at - 1] : null;
  if (!step || phase !== (kind === "value" ? "forward" : "backward")) return null;
  const meant = (i) => about === null || about.has(i);
  if (kind === "next") return nextNode({ graph, seen, story, pass, at, step, meant });
  if (kind === "value") return value({ graph, seen, step, meant, sentences, write });
  if (!step.single || !meant(step.edges[0][2])) return null;
  if (kind === "gradient" && story.slice(at).some(({ edges }) => edges.some(([, , j]) => j === step.edges[0][2]))) return null;
  const before = soFar(graph.nodes, pass, story, at - 1, graph.output).get(step.edges[0][2]);
  return { product, local, gradient }[kind]({ graph, pass, edge: step.edges[0], before, sentences });
}

function product({ graph, pass, edge, before, sentences }) {
  const { nodes } = graph;
  const [i, k, j] = edge;
  const right = pass.contributions[i][k];
  const candidates = [...wrongContributions(graph, edge, pass.gradients),
    [`That is the whole of what ${nodes[j].name} has then; asked is what this edge adds to it.`, () => (before === undefined ? [] : [before + right])]];
  return {
    key: `product ${edge}`, kind: "product", label: "Contribution", about: `what ${nodes[j].name} receives from ${nodes[i].name}`,
    ...numberQuestion(right, candidates, sentences), hidden: { ...nothing(), gradients: new Set([j]) }, solution: `It is ${shown(right)}.`,
  };
}

function local({ graph, pass, edge, sentences }) {
  const { nodes } = graph;
  const [i, k, j] = edge;
  const right = nodes[i].partials[k];
  const places = nodes[i].inputs.map((operand, at) => at).filter((at) => nodes[i].inputs[at] === j);
  const candidates = [
    ["sign", () => [-right]],
    [`That is for all ${places.length} arguments together; asked is what comes through argument ${k + 1} alone.`,
      () => (places.length > 1 ? [places.reduce((sum, at) => sum + nodes[i].partials[at], 0)] : [])],
    [`That has the gradient of ${nodes[i].name} in it already; asked is the local derivative alone.`, () => [pass.contributions[i][k]]],
    [`That is the gradient of ${nodes[i].name}, which comes from above; asked is the local derivative.`, () => [pass.gradients[i]]],
    ["data_for_gradient", () => [nodes[j].data, nodes[i].data]], ["factor_2", () => [0.5 * right, 2 * right]],
    [`The slope of ${nodes[i].symbol} is missing.`, () => [1]],
  ];
  return {
    key: `local ${edge}`, kind: "local", label: "Local derivative", about: `∂${nodes[i].name}/∂${nodes[j].name}`,
    ...numberQuestion(right, candidates, sentences), solution: `It is ${shown(right)}.`,
    hidden: { ...nothing(), gradients: new Set([j]), edges: new Set(places.map((at) => `e${i}_${at}`)) },
  };
}

function gradient({ graph, pass, edge: [, , j], sentences }) {
  const { name } = graph.nodes[j];
  return {
    key: `gradient ${j}`, kind: "gradient", label: `Gradient of ${name}`, about: `the gradient of ${name}`,
    ...numberQuestion(pass.gradients[j], wrongGradients(graph, j), sentences),
    hidden: { ...nothing(), gradients: new Set([j]) }, solution: `It is ${shown(pass.gradients[j])}.`,
  };
}

function value({ graph: { nodes }, seen, step, meant, sentences, write }) {
  const { node: i } = step.units.length === 1 ? seen.units[step.units[0]] : { node: -1 };
  if (i < 0 || !nodes[i].inputs.length || !meant(i)) return null;
  const { name, data, inputs, symbol } = nodes[i];
  const [a, b] = inputs.map((j) => nodes[j].data);
  const others = { "+": [["product", a * b], ["difference", a - b]], "*": [["sum", a + b]], "-": [["sum", a + b], ["difference the other way round", b - a]],
    "/": [["product", a * b], ["quotient the other way round", b / a]], "**": [["product", a * b], ["power the other way round", b ** a]] }[symbol] ?? [];
  const candidates = [
    ["The number is right, and its sign is not.", () => [-data]],
    ...(inputs.length > 1 ? others : []).map(([what, number]) => [`That is the ${what}, and asked is ${write.formula(i)}.`, () => [number]]),
    ...inputs.map((j) => [`That is ${nodes[j].name} itself; asked is what ${symbol} makes of it.`, () => [nodes[j].data]]),
  ];
  return {
    key: `value ${i}`, kind: "value", label: `Value of ${name}`, about: `the value of ${name}`,
    ...numberQuestion(data, candidates, sentences), hidden: { ...nothing(), values: new Set([i]) }, solution: `It is ${shown(data)}.`,
  };
}

/* Asked before the step at which another node, or closed box, begins to hand on. */
function nextNode({ graph, seen, story, pass, at, step, meant }) {
  const before = story[at - 2];
  if (step.seed || step.frame !== undefined || (before && !before.seed && before.units[0] === step.units[0])) return null;
  if (!step.units.some((u) => seen.units[u].members.some(meant))) return null;
  const { passed } = soFar(graph.nodes, pass, story, at - 1, graph.output);
  const standing = standings(seen, passed);
  const names = step.units.map((u) => nameOf(seen, u)).join(" and ");
  const unitOf = (id) => seen.units.findIndex((unit) => unit.id === id);
  return {
    key: `next ${step.edges[0]}`, kind: "next", label: "In the picture, or here", about: `that ${names} comes next`, before: true, hidden: nothing(),
    words: "which node hands its gradient on next?", options: unitOptions(seen, (u) => standing[u].state !== "done"),
    solution: `It is ${names}, which has its whole gradient.`,
    check(id) {
      const u = unitOf(id);
      if (u < 0) return { problem: "Choose a node, here or in the picture." };
      if (standing[u].state !== "ready") return { right: false, said: whyNot(seen, standing[u], u) };
      return { right: true, said: step.units.includes(u) ? "" : `${nameOf(seen, u)} has its whole gradient; so has ${names}, which goes first here.` };
    },
  };
}
