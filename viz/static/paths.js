/* The paths from the output to a node, as products of local derivatives. */

import { factor, shown } from "./numbers.js";

/* Which nodes lie on a path from the output to one of these. */
export function leadingTo({ nodes }, targets) {
  const leads = new Uint8Array(nodes.length);
  for (const target of targets) leads[target] = 1;
  for (let i = Math.min(...targets) + 1; i < nodes.length; i += 1) if (nodes[i].inputs.some((j) => leads[j])) leads[i] = 1;
  return leads;
}

/* A path as a product: ∂L/∂a · ∂a/∂x = 2 · 3 = 6. */
export function pathLine({ symbols, factors, product }) {
  if (!symbols.length) return "1";
  const numbers = factors.map((x, k) => (k ? factor(x) : shown(x)));
  return [symbols.join(" · "), ...(factors.length > 1 ? [numbers.join(" · ")] : []), shown(product)].join(" = ");
}

/* Every way from the output down to a node, with the product of the local derivatives along it; null for too many. */
export function pathsTo(graph, target, most = 24) {
  const { nodes, output } = graph;
  const leads = leadingTo(graph, [target]);
  const found = [];
  /* A way is a chain of its edges, from the last one back to the output. */
  const stack = [{ at: output, edge: null, before: null }];
  while (stack.length && found.length <= most) {
    const way = stack.pop();
    if (way.at === target) {
      const edges = [];
      for (let one = way; one.edge; one = one.before) edges.unshift(one.edge);
      const factors = edges.map(([i, k]) => nodes[i].partials[k]);
      const symbols = edges.map(([i, k]) => `∂${nodes[i].short}/∂${nodes[nodes[i].inputs[k]].short}`);
      found.push({ symbols, factors, product: factors.reduce((a, b) => a * b, 1) });
      continue;
    }
    for (let k = nodes[way.at].inputs.length - 1; k >= 0; k -= 1) {
      const j = nodes[way.at].inputs[k];
      if (leads[j] && !nodes[j].constant) stack.push({ at: j, edge: [way.at, k], before: way });
    }
  }
  return found.length > most ? null : found;
}
