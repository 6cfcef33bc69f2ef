/* The steps of both passes for what is open: one an edge between nodes, one a closed box. */

import { unitOrder, around, boxTitle } from "./tree.js";

/* A step: `units` is what it is about (several only where closed boxes need each other in turn), `nodes` what they compute,
   `edges` what they hand back, as [node, position, operand]; `seed` marks the start of the backward pass, and `update` the
   step of descent for all `parameters`. */
export function stepsOf(seen, grouped, parameters) {
  const { graph: { nodes, boxes, output }, units, unitOf } = seen;
  const groups = unitOrder(seen);
  const edgesOf = (i) => nodes[i].inputs.flatMap((j, k) => (nodes[j].constant ? [] : [[i, k, j]]));
  const forward = [];
  for (const group of groups) {
    const computed = group.flatMap((u) => units[u].members).filter((i) => nodes[i].symbol !== null).sort((a, b) => a - b);
    if (computed.length) forward.push({ units: group, nodes: computed, edges: computed.flatMap(edgesOf) });
  }
  const backward = [{ seed: true, units: [unitOf[output]], nodes: [], edges: [] }];
  const pending = new Map();
  const frameOf = (group) => units[group[0]].parent;
  const finish = (frame) => {
    if (pending.has(frame)) backward.push({ units: [], frame, nodes: [], edges: pending.get(frame) });
    pending.delete(frame);
  };
  let open = [];
  for (const group of [...groups].reverse()) {
    const line = around(boxes, frameOf(group));
    open.filter((frame) => !line.includes(frame)).forEach(finish);
    open = line;
    const { node } = units[group[0]];
    if (group.length > 1 || node < 0) {
      const edges = group.flatMap((u) => units[u].members).sort((a, b) => b - a).flatMap(edgesOf);
      if (edges.length) backward.push({ units: group, nodes: [], edges });
      continue;
    }
    for (const edge of edgesOf(node)) {
      const [, , operand] = edge;
      const own = nodes[operand].parameter && nodes[operand].box === nodes[node].box && nodes[node].box >= 0;
      if (grouped && own) pending.set(nodes[node].box, [...(pending.get(nodes[node].box) ?? []), edge]);
      else backward.push({ units: group, nodes: [], edges: [edge], single: true });
    }
  }
  open.forEach(finish);
  const update = { update: true, units: [...new Set(parameters.map((i) => unitOf[i]))], nodes: [], edges: [] };
  return { forward, backward, update: parameters.length ? [update] : [] };
}

/* What a closed neuron is made of: one exit, which is an activation of a weighted sum; or null for any other box. */
export function neuronIn(graph, unit) {
  const { nodes } = graph;
  if (unit.box < 0 || unit.exits.length !== 1) return null;
  const mine = new Set(unit.members);
  const exit = unit.exits[0];
  const varying = (i) => nodes[i].inputs.filter((j) => !nodes[j].constant);
  const sums = new Set(["+", "*"]);
  const activated = !sums.has(nodes[exit].symbol) && varying(exit).length === 1 && mine.has(varying(exit)[0]);
  const z = activated ? varying(exit)[0] : exit;
  const terms = [];
  const stack = [z];
  while (stack.length) {
    const i = stack.pop();
    const { symbol, inputs, parameter } = nodes[i];
    if (symbol === "+" && mine.has(i)) stack.push(...inputs);
    else if (symbol === "*" && mine.has(i) && inputs.length === 2) terms.push(inputs.map((j) => [i, j]));
    else if (parameter) terms.push([[null, i]]);
    else if (nodes[i].constant) terms.push([]);
    else return null;
  }
  const weights = [];
  const inputs = [];
  let bias = null;
  for (const term of terms) {
    if (term.length === 1) {
      if (bias !== null) return null;
      bias = term[0][1];
    }
    if (term.length < 2) continue;
    const weight = term.find(([, j]) => nodes[j].parameter);
    if (!weight) return null;
    const other = term.find((one) => one !== weight);
    if (mine.has(other[1])) return null;
    weights.push(weight[1]);
    inputs.push(other[1]);
  }
  return weights.length ? { exit, z, activated, weights, inputs, bias } : null;
}

/* Who is meant, in few words: "4 neurons of layer 0", "x1, x2". */
export function together(seen, members) {
  const { graph: { nodes, boxes }, units, unitOf } = seen;
  const kinds = new Map();
  for (const u of [...new Set(members.map((i) => unitOf[i]))].sort((a, b) => a - b)) {
    const { node, box, parent } = units[u];
    const match = box >= 0 && /^(.*\D) (\d+)$/.exec(boxes[box].title);
    const key = node >= 0 ? "" : match ? `${match[1]} in ${parent}` : `box ${box}`;
    kinds.set(key, [...(kinds.get(key) ?? []), u]);
  }
  return [...kinds].map(([key, those]) => {
    const { node, box, parent } = units[those[0]];
    if (node >= 0) {
      const names = those.map((u) => nodes[units[u].node].name);
      return names.length > 4 ? `${names.length} nodes` : names.join(", ");
    }
    if (those.length === 1) return boxTitle(boxes, box);
    const inside = parent >= 0 ? ` of ${boxTitle(boxes, parent)}` : "";
    return `${those.length} ${key.split(" in ")[0]}s${inside}`;
  }).join(" and ");
}
