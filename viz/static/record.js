/* The record of a training run, checked: whatever is not as it should be is refused before anything is shown. */

import { isOne, plain } from "./numbers.js";

export const INPUT = -1;
export const PARAMETER = -2;
export const NUMBER = -3;

const check = (holds, complaint) => { if (!holds) throw new Error(complaint); };
const list = (x) => Array.isArray(x) && x.length > 0;
const strings = (x, keys) => Boolean(x) && keys.every((key) => typeof x[key] === "string");
const share = (x) => x === null || (typeof x === "number" && x >= 0 && x <= 1);

export function read(text) {
  const trace = JSON.parse(text);
  check(trace !== null && typeof trace === "object" && trace.version === 2, "this page reads records of version 2");
  const { parameters, epochs, plot, network, plane } = trace;
  const all = list(parameters) && list(epochs) && plot && strings(trace, ["model", "stopped", "no_plane"]);
  check(all, "the record lacks its parameters or epochs");
  parameters.forEach((one, i) => {
    const whole = strings(one, ["path", "module", "layer"]) && one.path.startsWith(one.module) && one.module.startsWith(one.layer);
    check(whole, `parameter ${i} of the record is not as it should be`);
  });
  const row = (x) => list(x) && x.length === parameters.length && x.every(isOne);
  const none = (x, first) => first && x === null;
  epochs.forEach((one, i) => {
    const whole = one && Number.isInteger(one.epoch) && one.epoch >= 0 && (!i || one.epoch > epochs[i - 1].epoch) &&
      (none(one.loss, !i) || isOne(one.loss)) && (one.validation === null || isOne(one.validation)) && share(one.accuracy) &&
      share(one.validation_accuracy) && (none(one.rate, !i) || isOne(one.rate)) && row(one.data) && (none(one.grad, !i) || row(one.grad));
    check(whole, `entry ${i + 1} of the record is not as it should be`);
  });
  const area = (one) => one && ["top", "bottom", "low", "high"].every((edge) => Number.isFinite(one[edge])) && one.low < one.high &&
    typeof one.log === "boolean" && (!one.log || one.low > 0);
  const edges = ["left", "right", "first", "last"].every((edge) => Number.isFinite(plot[edge]));
  check(edges && area(plot.loss) && (plot.accuracy === null || area(plot.accuracy)), "the plot of the record is not as it should be");
  check(network === null || isNetwork(network, parameters.length), "the network of the record is not as it should be");
  check(plane === null || isPlane(plane, parameters.length), "the plane of the record is not as it should be");
  for (const one of epochs) {
    for (const key of ["loss", "validation", "rate"]) one[key] = one[key] === null ? null : plain(one[key]);
    for (const key of ["data", "grad"]) one[key] = one[key] && Float64Array.from(one[key], plain);
  }
  /* The step of each parameter since the epoch recorded before; of the first nothing is known. */
  epochs.forEach((one, i) => { one.step = i ? one.data.map((number, k) => number - epochs[i - 1].data[k]) : null; });
  return trace;
}

const isPlace = (x, count) => Number.isInteger(x) && x >= 0 && x < count;

function isNetwork(network, count) {
  return list(network) && network.every((layer) => strings(layer, ["path", "activation"]) && list(layer.neurons) &&
    layer.neurons.every((one) => strings(one, ["path"]) && isPlace(one.bias, count) && list(one.weights) && one.weights.every((w) => isPlace(w, count)))) &&
    network.every((layer, i) => layer.neurons.every((one) => one.weights.length === (i ? network[i - 1].neurons.length : layer.neurons[0].weights.length)));
}

function isPlane(plane, count) {
  const { nodes, outputs, points, classes, low, high, reach, threshold } = plane;
  const leaf = ([kind, what]) => (kind === INPUT && isPlace(what, 2)) || (kind === PARAMETER && isPlace(what, count)) || (kind === NUMBER && isOne(what));
  const node = (one, i) => list(one) && (Number.isInteger(one[0]) && one[0] >= 0 ? one.length > 1 && one.slice(1).every((j) => isPlace(j, i)) : one.length === 2 && leaf(one));
  const pair = (x) => Array.isArray(x) && x.length === 2 && x.every(Number.isFinite);
  const target = (x) => (classes ? isPlace(x, classes.length) : Number.isFinite(x));
  const point = (one) => Array.isArray(one) && one.length === 3 && pair(one.slice(0, 2)) && target(one[2]);
  return list(nodes) && nodes.every(node) && list(outputs) && outputs.every((i) => isPlace(i, nodes.length)) &&
    (classes === null || (list(classes) && classes.every((one) => typeof one === "string") && classes.length === Math.max(2, outputs.length))) &&
    list(points) && points.every(point) && Number.isInteger(plane.count) && plane.count >= points.length && pair(low) && pair(high) &&
    low.every((edge, i) => edge < high[i]) && (classes ? reach === null : pair(reach)) && Number.isFinite(threshold);
}
