/* The outputs of a recorded model for many inputs at once: node by node, each for all inputs of a chunk. */

import { plain } from "./numbers.js";
import { INPUT, PARAMETER } from "./record.js";

/* So few that the numbers of all nodes stay near the processor, and of a large graph within memory. */
const CHUNK = 256;

/* A function from the parameters and the columns of the inputs to the columns of the outputs. */
export function createModel({ nodes, outputs }, operations) {
  const varying = [];
  for (const [kind, ...rest] of nodes) varying.push(kind === INPUT || (kind >= 0 && rest.some((i) => varying[i])));
  const columns = nodes.map((_, i) => new Float64Array(varying[i] ? CHUNK : 1));
  const values = nodes.map(([kind]) => (kind >= 0 ? operations[kind][0] : null));
  const operands = nodes.map(([kind, ...rest]) => (kind >= 0 ? rest.map((i) => columns[i]) : rest));
  const strides = nodes.map(([kind, ...rest]) => (kind >= 0 ? rest.map((i) => Number(varying[i])) : rest));

  function compute(i, count) {
    const [value, column, [a, b], [s, t], arity] = [values[i], columns[i], operands[i], strides[i], operands[i].length];
    if (arity === 1) for (let p = 0; p < count; p += 1) column[p] = value(a[p * s]);
    else if (arity === 2) for (let p = 0; p < count; p += 1) column[p] = value(a[p * s], b[p * t]);
    else for (let p = 0; p < count; p += 1) column[p] = value(...operands[i].map((one, k) => one[p * strides[i][k]]));
  }

  return (parameters, inputs) => {
    const found = outputs.map(() => new Float64Array(inputs[0].length));
    nodes.forEach(([kind, what], i) => {
      if (kind === PARAMETER) columns[i][0] = parameters[what];
      else if (kind !== INPUT && kind < 0) columns[i][0] = plain(what);
      else if (!varying[i]) compute(i, 1);
    });
    for (let from = 0; from < inputs[0].length; from += CHUNK) {
      const count = Math.min(CHUNK, inputs[0].length - from);
      for (let i = 0; i < nodes.length; i += 1) {
        if (nodes[i][0] === INPUT) columns[i].set(inputs[nodes[i][1]].subarray(from, from + count));
        else if (varying[i]) compute(i, count);
      }
      outputs.forEach((i, k) => { for (let p = 0; p < count; p += 1) found[k][from + p] = columns[i][varying[i] ? p : 0]; });
    }
    return found;
  };
}

/* How far each output is above what it would have to be for its class: 0 at the boundary of it. */
export function margins(outputs, threshold) {
  if (outputs.length === 1) return [outputs[0].map((x) => threshold - x), outputs[0].map((x) => x - threshold)];
  return outputs.map((one, k) => one.map((x, p) => outputs.reduce((least, other, j) => (j === k ? least : Math.min(least, x - other[p])), Infinity)));
}

/* The class at each place, -1 where an output is not a number. Of two that are equal the first wins, and of two classes
   by one output it has to be above the threshold, as in nn.accuracy. */
export function winners(outputs, threshold) {
  return Int8Array.from(outputs[0], (x, p) => {
    if (outputs.some((one) => Number.isNaN(one[p]))) return -1;
    if (outputs.length === 1) return Number(x > threshold);
    return outputs.reduce((best, one, k) => (one[p] > outputs[best][p] ? k : best), 0);
  });
}

/* Where numbers on a grid with `across` columns cross 0: pairs of points in steps of the grid, by marching squares. */
export function contour(numbers, across) {
  const lines = [];
  const down = numbers.length / across;
  for (let j = 0; j + 1 < down; j += 1) {
    for (let i = 0; i + 1 < across; i += 1) {
      const corners = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]];
      const heights = corners.map(([x, y]) => numbers[y * across + x]);
      if (!heights.every(Number.isFinite)) continue;
      const crossed = [];
      for (let k = 0; k < 4; k += 1) {
        const [a, b] = [heights[k], heights[(k + 1) % 4]];
        if (a > 0 === b > 0) continue;
        const [[x, y], [to, low], part] = [corners[k], corners[(k + 1) % 4], a / (a - b)];
        crossed.push([x + (to - x) * part, y + (low - y) * part]);
      }
      for (let k = 0; k + 1 < crossed.length; k += 2) lines.push([crossed[k], crossed[k + 1]]);
    }
  }
  return lines;
}
