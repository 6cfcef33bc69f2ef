/* What a reader sees of a graph while some boxes are open and others closed: units, the edges between them, their order. */

/* A unit is a node that stands by itself, or a closed box with all that is in it. */
export function view(graph, open) {
  const { nodes, boxes } = graph;
  const closedAt = new Int32Array(boxes.length).fill(-1);
  const frames = [];
  for (const box of boxes) {
    closedAt[box.index] = box.parent >= 0 && closedAt[box.parent] >= 0 ? closedAt[box.parent] : open.has(box.index) ? -1 : box.index;
    if (closedAt[box.index] < 0) frames.push(box.index);
  }
  const units = [];
  const unitOf = new Int32Array(nodes.length).fill(-1);
  const unitOfBox = new Map();
  for (const node of nodes) {
    if (node.constant && node.index !== graph.output) continue;
    const closed = node.box < 0 ? -1 : closedAt[node.box];
    if (closed < 0) {
      unitOf[node.index] = units.length;
      units.push({ id: `n${node.index}`, node: node.index, box: -1, parent: node.box, members: [node.index], last: node.index });
    } else {
      if (!unitOfBox.has(closed)) {
        unitOfBox.set(closed, units.length);
        units.push({ id: `b${closed}`, node: -1, box: closed, parent: boxes[closed].parent, members: [], last: 0 });
      }
      const unit = units[unitOfBox.get(closed)];
      unitOf[node.index] = unitOfBox.get(closed);
      unit.members.push(node.index);
      unit.last = node.index;
    }
  }
  for (const unit of units) unit.exits = [];
  return { graph, open, frames, units, unitOf, unitOfBox, edges: edgesOf(graph, units, unitOf) };
}

/* One edge for each argument between two nodes, and one for all arguments where a closed box is an end. */
function edgesOf({ nodes, output }, units, unitOf) {
  const edges = [];
  const bundles = new Map();
  const exits = new Set([output]);
  for (const node of nodes) {
    const to = unitOf[node.index];
    node.inputs.forEach((j, k) => {
      const from = unitOf[j];
      if (from < 0 || from === to) return;
      exits.add(j);
      if (units[from].node >= 0 && units[to].node >= 0) {
        edges.push({ id: `e${node.index}_${k}`, from, to, pairs: [[node.index, k]] });
        return;
      }
      const key = from * units.length + to;
      if (!bundles.has(key)) {
        bundles.set(key, { id: `e_${units[from].id}_${units[to].id}`, from, to, pairs: [] });
        edges.push(bundles.get(key));
      }
      bundles.get(key).pairs.push([node.index, k]);
    });
  }
  for (const j of [...exits].sort((a, b) => a - b)) units[unitOf[j]].exits.push(j);
  return edges;
}

/* The boxes around a unit or box, innermost first, as far as `within` (-1 for the whole graph), which is left out. */
export function around(boxes, parent, within = -1) {
  const found = [];
  for (let box = parent; box !== within && box >= 0; box = boxes[box].parent) found.push(box);
  return found;
}

/* The units in the order in which they are computed: box by box, and each box in the order of its parts. An entry is a
   list of units, of which there are several only where closed boxes need each other in turn. */
export function unitOrder(seen) {
  const { graph: { boxes }, units, edges } = seen;
  const children = new Map([[-1, []]]);
  for (const frame of seen.frames) children.set(frame, []);
  const last = new Map();
  units.forEach((unit, u) => {
    children.get(unit.parent).push({ unit: u, frame: -1, last: unit.last });
    for (const box of around(boxes, unit.parent)) last.set(box, Math.max(last.get(box) ?? 0, unit.last));
  });
  for (const frame of seen.frames) children.get(boxes[frame].parent).push({ unit: -1, frame, last: last.get(frame) ?? 0 });

  /* For each frame the needs of its children, from the edges that cross between two of them. */
  const needs = new Map([...children.keys()].map((frame) => [frame, new Map()]));
  const childAt = (parent, u) => {
    const chain = around(boxes, units[u].parent, parent);
    return chain.length ? `f${chain[chain.length - 1]}` : `u${u}`;
  };
  const lineOf = (u) => [...around(boxes, units[u].parent), -1];
  for (const { from, to } of edges) {
    const line = new Set(lineOf(from));
    const meeting = lineOf(to).find((box) => line.has(box));
    const [a, b] = [childAt(meeting, from), childAt(meeting, to)];
    const inner = needs.get(meeting);
    if (!inner.has(b)) inner.set(b, new Set());
    inner.get(b).add(a);
  }

  const unitsIn = (child) => (child.unit >= 0 ? [child.unit] :
    children.get(child.frame).flatMap(unitsIn));
  const expand = (frame) => {
    const items = children.get(frame).sort((a, b) => a.last - b.last);
    const keyed = new Map(items.map((item) => [item.unit >= 0 ? `u${item.unit}` : `f${item.frame}`, item]));
    return components([...keyed.keys()], (key) => needs.get(frame).get(key) ?? []).flatMap((group) => {
      const parts = group.map((key) => keyed.get(key));
      if (parts.length === 1) return parts[0].unit >= 0 ? [[parts[0].unit]] : expand(parts[0].frame);
      return entangled(parts.flatMap(unitsIn), units, edges);
    });
  };
  return expand(-1);
}

/* Units of boxes that need each other, unit by unit; those that do so while closed come as one. */
function entangled(members, units, edges) {
  const mine = new Set(members);
  const needs = new Map(members.map((u) => [u, []]));
  for (const { from, to } of edges) if (mine.has(from) && mine.has(to)) needs.get(to).push(from);
  return components(members.sort((a, b) => units[a].last - units[b].last), (u) => needs.get(u));
}

/* Strongly connected components, each after those that it needs (Tarjan 1972). */
function components(items, needsOf) {
  const number = new Map();
  const low = new Map();
  const stack = [];
  const waiting = new Set();
  const found = [];
  const visit = (item) => {
    number.set(item, number.size);
    low.set(item, number.get(item));
    stack.push(item);
    waiting.add(item);
    for (const need of needsOf(item)) {
      if (!number.has(need)) {
        visit(need);
        low.set(item, Math.min(low.get(item), low.get(need)));
      } else if (waiting.has(need)) {
        low.set(item, Math.min(low.get(item), number.get(need)));
      }
    }
    if (low.get(item) === number.get(item)) {
      const start = stack.indexOf(item);
      const group = stack.splice(start);
      group.forEach((member) => waiting.delete(member));
      found.push(group);
    }
  };
  for (const item of items) if (!number.has(item)) visit(item);
  return found;
}

/* What a box is called in a sentence: "layer 1 (call 2), neuron 3". */
export function boxTitle(boxes, box) {
  const own = (one) => boxes[one].title + (boxes[one].call ? ` (call ${boxes[one].call})` : "");
  /* Runs have neither a path nor a call, and are no part of what a reader calls a box. */
  return around(boxes, box).filter((one) => boxes[one].path || boxes[one].call).reverse().map(own).join(", ") || own(box);
}
