/* Nested layout: each open box is laid out on its own, and then stands in the one around it as a box of fixed size. */

import dagre from "./vendor/dagre-3.1.3.min.js";
import { READABLE } from "./camera.js";
import { around, view } from "./tree.js";

export const TITLE = 24;
const MARGIN = 14;
const MOST_OPEN = 150;
/* In a box of more links than that, which ones cross is not counted. */
const MOST_CROSSED = 300;

/* Where everything is: {width, height, units, frames, edges}, the first two by index as {x, y, w, h}, edges by id as
   {points}. `sizeOf` gives {w, h} of a unit; `known` keeps the layouts of boxes in which nothing has changed. */
export function layout(seen, sizeOf, known = new Map()) {
  const { graph: { boxes }, units, edges, frames } = seen;
  const children = new Map([[-1, []], ...frames.map((frame) => [frame, []])]);
  const crossing = new Map([...children.keys()].map((frame) => [frame, new Map()]));
  units.forEach((unit, u) => children.get(unit.parent).push({ key: `u${u}`, unit: u }));
  for (const frame of frames) children.get(boxes[frame].parent).push({ key: `f${frame}`, frame });
  for (const edge of edges) {
    const { meeting, ends: [a, b] } = meet(seen, edge);
    crossing.get(meeting).set(`${a} ${b}`, [a, b]);
  }

  const laid = new Map();
  for (const frame of [...frames].reverse().concat(-1)) {
    const items = children.get(frame).map((item) => ({
      ...item, size: item.unit === undefined ? laid.get(item.frame) : sizeOf(units[item.unit]), turn: turnOf(seen, item),
    }));
    const links = [...crossing.get(frame).values()];
    /* Indices of units change with what is open, so they are no part of what a layout is known by. */
    const key = JSON.stringify([frame, items.map(({ key, unit, size }) => [unit === undefined ? key : units[unit].id, size.w, size.h]),
      links.map((link) => link.map((end) => (end[0] === "u" ? units[end.slice(1)].id : end)))]);
    if (!known.has(key)) known.set(key, level(items, links, frame >= 0));
    const placed = known.get(key);
    laid.set(frame, { w: placed.w, h: placed.h, at: new Map(items.map((item, i) => [item.key, placed.places[i]])), links: placed.links });
  }
  return absolute(seen, laid, children, sizeOf);
}

/* The innermost box that both ends of an edge are in, and the children of it that they are, or are in. */
function meet({ graph: { boxes }, units }, { from, to }) {
  const lines = [from, to].map((u) => [...around(boxes, units[u].parent), -1]);
  const mine = new Set(lines[0]);
  const meeting = lines[1].find((box) => mine.has(box));
  const ends = [from, to].map((u, n) => {
    const depth = lines[n].indexOf(meeting);
    return depth ? `f${lines[n][depth - 1]}` : `u${u}`;
  });
  return { meeting, ends };
}

/* What a child is one of, and which, for neurons to stand in the order of their numbers. */
function turnOf({ graph: { boxes }, units }, item) {
  const box = item.unit === undefined ? item.frame : units[item.unit].box;
  const match = box >= 0 && /^(.*?)\.?(\d+)$/.exec(boxes[box].name);
  return match ? [match[1], Number(match[2]) * 1000 + boxes[box].call] : null;
}

/* One box: places of the items in it by position, and by the keys of its ends the points of each link. */
function level(items, links, framed) {
  if (!items.length) return { w: 90, h: TITLE + MARGIN, places: [], links: new Map() };
  const g = new dagre.graphlib.Graph();
  g.setGraph({ rankdir: "LR", nodesep: 16, ranksep: 70, edgesep: 10, ranker: items.length > 150 ? "longest-path" : "network-simplex" });
  g.setDefaultEdgeLabel(() => ({}));
  for (const item of items) g.setNode(item.key, { width: item.size.w, height: item.size.h });
  for (const [a, b] of links) g.setEdge(a, b);
  const byKey = new Map(items.map((item) => [item.key, item]));
  dagre.layout(g, { customOrder: (graph, order) => inTurn(graph, order, byKey, links) });
  const [left, top] = framed ? [MARGIN, TITLE + 4] : [MARGIN, MARGIN];
  const { width, height } = g.graph();
  return {
    w: width + left + MARGIN,
    h: height + top + MARGIN,
    places: items.map(({ key }) => {
      const { x, y, width: w, height: h } = g.node(key);
      return { x: x - w / 2 + left, y: y - h / 2 + top };
    }),
    links: new Map(links.map(([a, b]) => [`${a} ${b}`, g.edge(a, b).points.map(({ x, y }) => [x + left, y + top])])),
  };
}

/* The order that dagre finds, the right way up, with arguments in their order where that makes no more crossings, and
   siblings of a column in the order of their numbers. */
function inTurn(graph, order, items, links) {
  order(graph, {}, null);
  const columns = [];
  for (const key of graph.nodes()) {
    const node = graph.node(key);
    (columns[node.rank] ??= []).push({ key, node, item: items.get(key) });
  }
  /* Upside down there are as many crossings, and what was recorded first is to stand above. */
  let agreement = 0;
  for (const column of columns) {
    const real = column.filter(({ item }) => item);
    for (let n = 1; n < real.length; n += 1) agreement += Math.sign(real[n].node.order - real[n - 1].node.order);
  }
  if (agreement < 0) {
    for (const column of columns) {
      const last = Math.max(...column.map(({ node }) => node.order));
      for (const { node } of column) node.order = last - node.order;
    }
  }
  if (links.length <= MOST_CROSSED) byArgument(graph, columns, links);
  for (const column of columns) exchange(column, ({ item }) => item?.turn?.[0], (p, q) => p.item.turn[1] - q.item.turn[1]);
}

/* What hands its value to another stands as high as the argument that it is, column by column from the output. */
function byArgument(graph, columns, links) {
  const inputs = new Map();
  for (const [a, b] of links) inputs.set(b, [...(inputs.get(b) ?? []), a]);
  /* How high an edge arrives. One that passes columns is cut into edges between neighbours, which know where it began. */
  const height = ({ v, w }) => {
    const given = inputs.get(w);
    return graph.node(w).order + (given ? (given.indexOf(graph.node(v).edgeObj?.v ?? v) + 0.5) / given.length : 0.5);
  };
  const crossings = () => {
    const ends = columns.map((column) => column.flatMap(({ key, node }) => graph.outEdges(key).map((edge) => [node.order, height(edge)])));
    return ends.reduce((sum, those) => sum + those.reduce((count, [p, q], n) =>
      count + those.slice(n + 1).filter(([r, s]) => (p - r) * (q - s) < 0).length, 0), 0);
  };
  const [before, orders] = [crossings(), columns.map((column) => column.map(({ node }) => node.order))];
  for (const column of columns.toReversed()) {
    const heights = new Map(column.map(({ key, node }) => {
      const those = graph.outEdges(key).map(height);
      return [key, those.length ? those.reduce((p, q) => p + q) / those.length : node.order];
    }));
    exchange(column, () => 0, (p, q) => heights.get(p.key) - heights.get(q.key) || p.node.order - q.node.order);
  }
  if (crossings() > before) columns.forEach((column, r) => column.forEach(({ node }, n) => { node.order = orders[r][n]; }));
}

/* The members of each family take the places of that family in an order of their own. */
function exchange(column, familyOf, compare) {
  const families = new Map();
  for (const one of column) {
    const family = familyOf(one);
    if (family !== undefined) families.set(family, [...(families.get(family) ?? []), one]);
  }
  for (const siblings of families.values()) {
    const places = siblings.map(({ node }) => node.order).sort((p, q) => p - q);
    siblings.sort(compare).forEach(({ node }, n) => { node.order = places[n]; });
  }
}

/* From places inside boxes to places in the whole drawing. */
function absolute(seen, laid, children, sizeOf) {
  const units = new Map();
  const frames = new Map();
  const origin = new Map([[-1, { x: 0, y: 0 }]]);
  for (const frame of [-1, ...seen.frames]) {
    const { x: left, y: top } = origin.get(frame);
    for (const item of children.get(frame)) {
      const place = laid.get(frame).at.get(item.key);
      const [x, y] = [left + place.x, top + place.y];
      if (item.unit === undefined) {
        const { w, h } = laid.get(item.frame);
        frames.set(item.frame, { x, y, w, h });
        origin.set(item.frame, { x, y });
      } else {
        units.set(item.unit, { x, y, ...sizeOf(seen.units[item.unit]) });
      }
    }
  }
  const edges = new Map(seen.edges.map((edge) => {
    const { meeting, ends } = meet(seen, edge);
    const { x: left, y: top } = origin.get(meeting);
    const link = laid.get(meeting).links.get(ends.join(" ")) ?? [];
    /* Of the points that dagre gives, every other one lies between two columns; the rest lead past boxes. */
    const past = link.slice(1, -1).filter((_, n) => n % 2 === 1);
    return [edge.id, route(edge, seen, units, past.map(([x, y]) => [x + left, y + top]))];
  }));
  const { w: width, h: height } = laid.get(-1);
  return { width, height, units, frames, edges };
}

/* From the right side of one unit through the given points to the left side of the other, arguments one under another. */
function route(edge, { graph: { nodes }, units }, places, between) {
  const [from, to] = [places.get(edge.from), places.get(edge.to)];
  const [[node, position]] = edge.pairs;
  const one = units[edge.to].node >= 0;
  const arguments_ = nodes[node].inputs.map((j, k) => k).filter((k) => !nodes[nodes[node].inputs[k]].constant);
  const share = one ? (arguments_.indexOf(position) + 1) / (arguments_.length + 1) : 0.5;
  const end = [to.x, to.y + to.h * share];
  const start = [from.x + from.w, from.y + from.h / 2];
  return { points: [start, ...between.filter(([x]) => x > start[0] && x < end[0]), end] };
}

/* The boxes to open, level by level, so that the drawing still is readable in a window of that size. */
export function whatFits(graph, { w, h }, sizeOf, layouts) {
  const depth = (box) => around(graph.boxes, box).length;
  const deepest = Math.max(-1, ...graph.boxes.map((box) => depth(box.index)));
  let best = new Set();
  for (let level = 0; level <= deepest; level += 1) {
    const open = new Set(graph.boxes.filter((box) => depth(box.index) <= level).map((box) => box.index));
    const next = view(graph, open);
    if (next.units.length > MOST_OPEN) break;
    const { width, height } = layout(next, sizeOf, layouts);
    if (Math.min(w / width, h / height) < READABLE) break;
    best = open;
  }
  return best;
}
