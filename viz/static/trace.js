/* The compact trace that Python writes, checked and spread out to nodes and boxes. */

import { isOne, plain, shown } from "./numbers.js";

const list = (x, length) => Array.isArray(x) && (length === undefined || x.length === length);
const texts = (x) => list(x) && x.every((text) => typeof text === "string");

function require(holds, what) {
  if (!holds) throw new Error(what);
}

/* A template of Python's str.format: {0}, {1} and {out} are names, and doubled braces are braces. */
export function fill(template, names) {
  return template.replace(/\{\{|\}\}|\{(\w+)\}/g, (match, key) => (key === undefined ? match[0] : names[key]));
}

export function read(text) {
  const trace = JSON.parse(text);
  require(trace !== null && typeof trace === "object" && trace.version === 2, "this page reads traces of version 2");
  const count = list(trace.data) ? trace.data.length : 0;
  require(count > 0, "the trace lacks its nodes");
  for (const column of ["form", "operation", "box"]) {
    require(list(trace[column], count) && trace[column].every(Number.isInteger), `its column ${column} is not as it should be`);
  }
  require(list(trace.inputs) && list(trace.partials, trace.inputs.length) && list(trace.boxes) && list(trace.forms) &&
    list(trace.constant) && list(trace.parameter) && trace.name !== null && typeof trace.name === "object", "the trace lacks a part");
  trace.forms.forEach((form, k) => require(list(form, 4) && texts(form.slice(0, 2)) && typeof form[3] === "boolean" &&
    list(form[2]) && texts(form[2].filter((rule) => rule !== null)), `form ${k} of the trace is not as it should be`));
  const boxes = trace.boxes.map((box, k) => {
    require(box && texts([box.name, box.title, box.path, box.key]) && Number.isInteger(box.call) &&
      (box.parent === null || (Number.isInteger(box.parent) && box.parent >= 0 && box.parent < k)),
    `box ${k} of the trace is not as it should be`);
    return { index: k, ...box, parent: box.parent === null ? -1 : box.parent };
  });
  const nodes = columns(trace, count, boxes);
  require(!nodes[count - 1].constant || count === 1, "the output of the trace is a plain number");
  return { nodes, boxes, output: count - 1 };
}

function columns(trace, count, boxes) {
  const constants = new Set(trace.constant);
  const parameters = new Set(trace.parameter);
  let at = 0;
  const nodes = [];
  for (let i = 0; i < count; i += 1) {
    const form = trace.form[i] < 0 ? null : trace.forms[trace.form[i]];
    const box = trace.box[i];
    const arity = form ? form[2].length : 0;
    const inputs = trace.inputs.slice(at, at + arity);
    const partials = trace.partials.slice(at, at + arity);
    const firstEdge = at;
    at += arity;
    const name = constants.has(i) ? shown(plain(trace.data[i])) : trace.name[i] === undefined ? `v${i}` : trace.name[i];
    require(form !== undefined && isOne(trace.data[i]) && typeof name === "string" && box >= -1 && box < boxes.length &&
      inputs.length === arity && inputs.every((j) => Number.isInteger(j) && j >= 0 && j < i) && partials.every(isOne),
    `node ${i} of the trace is not as it should be`);
    nodes.push({
      index: i, name, box, inputs, firstEdge, constant: constants.has(i), parameter: parameters.has(i), data: plain(trace.data[i]),
      partials: partials.map(plain), symbol: form ? form[0] : null, formula: form ? form[1] : "",
      rules: form ? form[2].map((rule) => rule ?? "0") : [], flat: form ? form[2].map((rule) => rule === null) : [],
      settled: form ? form[3] : true, operation: trace.operation[i], short: shortName(name, box, boxes),
    });
  }
  require(at === trace.inputs.length, "the trace has inputs of no node");
  return nodes;
}

/* A name without the path of the box that the node is in, as it reads inside the box. */
function shortName(name, box, boxes) {
  let at = box;
  while (at >= 0 && !boxes[at].path) at = boxes[at].parent;
  const path = at < 0 ? "" : `${boxes[at].path}.`;
  return path && name.startsWith(path) ? name.slice(path.length) : name;
}
