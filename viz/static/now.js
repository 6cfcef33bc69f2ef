/* What is known at a step, as the picture shows it. */

import { soFar } from "./engine.js";

/* `hidden` are the gradients, the values and the edges whose numbers a question keeps back. */
export function knownAt({ seen, stories, pass, phase, at, step, hidden, asking, palette, largest }) {
  const { nodes, output } = seen.graph;
  const forward = phase === "forward";
  const gradients = soFar(nodes, pass, stories.backward, { forward: 0, backward: at, update: stories.backward.length }[phase], output);
  const done = new Set(forward ? stories.forward.slice(0, at).flatMap((one) => one.nodes) : []);
  const unitOf = (i) => seen.unitOf[i];
  const givers = new Set(step ? (step.frame === undefined ? step.units : step.edges.map(([i]) => unitOf(i))) : []);
  const takers = new Set(step ? step.edges.map(([, , j]) => unitOf(j)).filter((u) => !givers.has(u)) : []);
  const known = (i) => !hidden.values.has(i) && (!forward || nodes[i].symbol === null || !nodes[i].inputs.length || done.has(i));
  const inStep = new Set(step ? step.edges.map(([i, k]) => nodes[i].firstEdge + k) : []);
  const own = step && (step.seed || step.update);
  return {
    forward, gradients, hidden, asking, palette, largest, known,
    computed: (unit) => unit.exits.concat(unit.node >= 0 ? [unit.node] : []).every(known),
    leaves: (unit) => unit.members.every((i) => nodes[i].symbol === null),
    strongest: (unit) => {
      const those = (unit.node >= 0 ? [unit.node] : unit.exits).filter((i) => gradients.has(i) && !hidden.gradients.has(i)).map((i) => gradients.get(i));
      return those.length ? those.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a)) : null;
    },
    active: own || forward ? givers : takers.size ? takers : givers,
    source: own ? new Set() : forward ? takers : givers,
    edges: new Set(seen.edges.filter((edge) => edge.pairs.some(([i, k]) => inStep.has(nodes[i].firstEdge + k))).map((edge) => edge.id)),
    passed: (edge) => edge.pairs.every(([i, k]) => gradients.passed(i, k)),
  };
}

/* The units that a step is about, those first that come to have something by it. */
export function aboutStep(now, step) {
  if (step?.update) return [];
  const [first, second] = now.forward || step?.single ? [now.active, now.source] : [now.source, now.active];
  return [...new Set([...first, ...second])];
}
