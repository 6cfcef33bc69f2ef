/* The wrong backward passes of autograd_core.mistakes, on the numbers that the page has now: by the same definitions, under
   the same names. */

const MOST_VISITS = 100000;
const MOST_EDGES = 500;

/* What a node hands back, as [node, position, operand]. */
const edgesOf = ({ nodes }, i) => nodes[i].inputs.flatMap((j, k) => (nodes[j].constant ? [] : [[i, k, j]]));

/* Nodes in the engine's order. */
const backwards = (graph) => [...graph.nodes.keys()].reverse().flatMap((i) => edgesOf(graph, i));

const handed = ({ nodes }, [i, k], totals) => (nodes[i].flat[k] ? 0 : totals[i] * nodes[i].partials[k]);
const local = ({ nodes }, [i, k]) => (nodes[i].flat[k] ? 0 : nodes[i].partials[k]);

/* Depth first, as nodes are met, each once or as often as it is met; null where that is too often. */
function depthFirst(graph, again) {
  const edges = [];
  const met = new Set();
  const stack = [graph.output];
  for (let visits = 0; stack.length;) {
    const i = stack.pop();
    if (!again && met.has(i)) continue;
    met.add(i);
    visits += 1;
    if (visits > MOST_VISITS) return null;
    const those = edgesOf(graph, i);
    edges.push(...those);
    for (const [, , j] of those.reverse()) stack.push(j);
  }
  return edges;
}

/* For each node the edge over which depth-first search in argument order finds it first. */
function firstFound({ nodes, output }) {
  const found = new Map([[output, null]]);
  const stack = [[output, 0]];
  while (stack.length) {
    const top = stack[stack.length - 1];
    const [i, k] = top;
    if (k === nodes[i].inputs.length) {
      stack.pop();
      continue;
    }
    top[1] += 1;
    const j = nodes[i].inputs[k];
    if (nodes[j].constant || found.has(j)) continue;
    found.set(j, `${i} ${k}`);
    stack.push([j, 0]);
  }
  return found;
}

const only = (pass) => () => [pass];
const signed = (wrong) => (graph, edge, totals) => (wrong(edge) ? -1 : 1) * handed(graph, edge, totals);
const RIGHT = { contribution: handed };

function someSigns(graph) {
  const { nodes } = graph;
  const edges = backwards(graph);
  const kindOf = ([i, k]) => `${nodes[i].symbol} ${nodes[i].inputs.length} ${k}`;
  const counts = new Map();
  for (const edge of edges) counts.set(kindOf(edge), (counts.get(kindOf(edge)) ?? 0) + 1);
  const single = edges.length > MOST_EDGES ? [] : edges.map(([i, k]) => ({ contribution: signed((edge) => edge[0] === i && edge[1] === k) }));
  const kinds = [...counts].filter(([, count]) => count > 1).map(([kind]) => ({ contribution: signed((edge) => kindOf(edge) === kind) }));
  return [{ contribution: signed(() => true) }, ...single, ...kinds];
}

function firstPath(graph) {
  const found = firstFound(graph);
  return [{ contribution: (_, [i, k, j], totals) => (found.get(j) === `${i} ${k}` ? handed(graph, [i, k], totals) : null) }];
}

const PLAIN = new Set(["+", "-", "*", "/"]);

function noActivation({ nodes }) {
  const varying = (i) => nodes[i].inputs.filter((j) => !nodes[j].constant).length;
  return [{ contribution: (graph, [i, k], totals) => (varying(i) === 1 && !PLAIN.has(nodes[i].symbol) ? totals[i] : handed(graph, [i, k], totals)) }];
}

/* In the order of likelihood, as in Python: for each mistake the passes by which it is known. A pass goes over `edges`, and
   each hands on what `contribution` says, null for nothing. With `replaces` that takes the place of what is there. `start`
   is what is there before, and `finish` what becomes of a gradient in the end. */
const MISTAKES = {
  overwrite: only({ contribution: handed, replaces: true }),
  no_local: only({ contribution: (_, [i], totals) => totals[i] }),
  no_upstream: only({ contribution: local }),
  first_path: firstPath,
  set_of_inputs: only({ contribution: (graph, [i, k, j], totals) => (graph.nodes[i].inputs.indexOf(j) === k ? handed(graph, [i, k], totals) : null) }),
  no_order: (graph) => [{ edges: depthFirst(graph, false), contribution: handed }, { edges: depthFirst(graph, true), contribution: handed }],
  not_zeroed: (graph) => [{ contribution: handed, finish: (total) => 2 * total }, { contribution: handed, start: run(graph, RIGHT).gradients }],
  sign: someSigns,
  data_for_gradient: ({ nodes }) => [{ contribution: (_, [, , j]) => nodes[j].data }, { contribution: () => null, finish: (_, i) => nodes[i].data },
    { contribution: (_, [i, , j], totals) => totals[i] * nodes[j].data }],
};
const NEAR_MISSES = {
  sign_of_result: only({ contribution: handed, finish: (total) => -total }),
  factor_2: () => [0.5, 2].map((by) => ({ contribution: handed, finish: (total) => by * total })),
  no_activation: noActivation,
};

function run(graph, { edges = backwards(graph), contribution, replaces = false, start = null, finish = null }) {
  const totals = start ? Float64Array.from(start) : new Float64Array(graph.nodes.length);
  totals[graph.output] = 1;
  const upstream = new Float64Array(graph.nodes.length);
  const contributions = graph.nodes.map(({ inputs }) => inputs.map(() => null));
  for (const edge of edges) {
    const [i, k, j] = edge;
    const number = contribution(graph, edge, totals);
    upstream[i] = totals[i];
    contributions[i][k] = number;
    if (number !== null) totals[j] = replaces ? number : totals[j] + number;
  }
  return { gradients: finish ? totals.map(finish) : totals, upstream, contributions, edges, replaces, start };
}

export const MISTAKE_NAMES = Object.keys(MISTAKES);

/* A wrong pass to be watched: its `edges` in order, for each node the gradient that it handed on, what each edge handed
   back, and the `gradients` in the end. */
export function played(graph, name) {
  const passes = MISTAKES[name](graph);
  return run(graph, name === "not_zeroed" ? passes[1] : passes[0]);
}

/* For each mistake and near miss, most likely first, its name and a function that lists the gradients of a node that it may
   come to. */
export function wrongGradients(graph, wrt) {
  return Object.entries({ ...MISTAKES, ...NEAR_MISSES }).map(([name, passesOf]) =>
    [name, () => passesOf(graph).filter(({ edges }) => edges !== null).map((pass) => run(graph, pass).gradients[wrt])]);
}

/* The same for what a single edge hands back where all gradients above are right. */
export function wrongContributions(graph, edge, gradients) {
  const right = handed(graph, edge, gradients);
  const numbers = (passes) => passes.filter(({ finish }) => !finish).map(({ contribution }) => contribution(graph, edge, gradients));
  const names = ["no_local", "no_upstream", "data_for_gradient"];
  return [...names.map((name) => [name, () => numbers(MISTAKES[name](graph))]), ["sign", () => [-right]], ["factor_2", () => [0.5 * right, 2 * right]]];
}
