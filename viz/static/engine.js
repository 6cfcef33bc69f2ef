/* Both passes as the engine runs them: the same operations on the same numbers in the same order. */

/* The gradient of each node, and the contribution along each edge by node and argument position. */
export function backwardPass(nodes, output) {
  const gradients = new Float64Array(nodes.length);
  const reached = new Uint8Array(nodes.length);
  const contributions = nodes.map(() => []);
  gradients[output] = 1;
  reached[output] = 1;
  for (let i = output; i >= 0; i -= 1) {
    const { inputs, partials, flat } = nodes[i];
    for (let k = 0; k < inputs.length; k += 1) {
      const j = inputs[k];
      if (nodes[j].constant) continue;
      /* Where no change of the operand moves the result, not even infinity hands anything back. */
      const contribution = flat[k] ? 0 : gradients[i] * partials[k];
      contributions[i].push(contribution);
      gradients[j] = reached[j] ? gradients[j] + contribution : contribution;
      reached[j] = 1;
    }
  }
  /* By position, with gaps for plain numbers. */
  nodes.forEach((node, i) => {
    let next = 0;
    contributions[i] = node.inputs.map((j) => (nodes[j].constant ? null : contributions[i][next++]));
  });
  return { gradients, contributions };
}

/* The value of each node for these numbers in the leaves; `computed` is told of each operation with its operands. */
export function values(nodes, operations, leaves, computed) {
  const data = new Float64Array(nodes.length);
  for (const { index, operation, inputs, data: known } of nodes) {
    if (operation < 0) {
      data[index] = leaves.get(index) ?? known;
      continue;
    }
    const [value, partials] = operations[operation];
    const operands = inputs.map((j) => data[j]);
    data[index] = value(...operands);
    computed?.(index, partials(...operands, data[index]));
  }
  return data;
}

/* Set data and partials of all nodes for other numbers in the leaves. */
export function forwardPass(nodes, operations, leaves) {
  const data = values(nodes, operations, leaves, (i, partials) => { nodes[i].partials = partials; });
  nodes.forEach((node, i) => { node.data = data[i]; });
}

/* What the first `done` steps of a pass have come to: which gradients have begun, what they are so far, and which edges
   have been passed. A wrong pass may have gradients from the `start`, have each contribution take the place of the gradient,
   or hand nothing back, which is null. In arrays, since this is worked out anew at each step of a graph of any size. */
export function soFar(nodes, pass, steps, done, output) {
  const gradients = new Float64Array(nodes.length);
  const reached = new Uint8Array(nodes.length);
  const passed = new Uint8Array(nodes[nodes.length - 1].firstEdge + nodes[nodes.length - 1].inputs.length);
  pass.start?.forEach((gradient, i) => { if (gradient !== 0) [gradients[i], reached[i]] = [gradient, 1]; });
  for (let s = 0; s < done; s += 1) {
    if (steps[s].seed) {
      gradients[output] = 1;
      reached[output] = 1;
    }
    for (const [i, k, j] of steps[s].edges) {
      const contribution = pass.contributions[i][k];
      passed[nodes[i].firstEdge + k] = 1;
      if (contribution === null) continue;
      gradients[j] = reached[j] && !pass.replaces ? gradients[j] + contribution : contribution;
      reached[j] = 1;
    }
  }
  return {
    has: (i) => reached[i] === 1,
    get: (i) => (reached[i] ? gradients[i] : undefined),
    passed: (i, k) => passed[nodes[i].firstEdge + k] === 1,
  };
}
