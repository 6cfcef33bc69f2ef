/* Who may hand its gradient on: which units have all of it, and which still wait, and for whom. */

import { boxTitle, unitOrder } from "./tree.js";

/* For each unit {state, waits}: "done" or "leaf" has nothing left to hand on, "ready" has all that its users hand back,
   and "waits" has not; `passed` says of an edge, by node and position, whether it has handed back. Closed boxes that need
   each other stand together. */
export function standings(seen, passed) {
  const { graph: { nodes }, units, unitOf } = seen;
  const found = new Array(units.length);
  const groups = unitOrder(seen).map((group) => ({ group, waits: new Set(), hands: false, left: false }));
  const home = new Map(groups.flatMap((one) => one.group.map((u) => [u, one])));
  for (const { index: i, inputs } of nodes) {
    inputs.forEach((j, k) => {
      if (nodes[j].constant) return;
      const [giver, taker] = [home.get(unitOf[i]), home.get(unitOf[j])];
      giver.hands = true;
      if (passed(i, k)) return;
      giver.left = true;
      if (giver !== taker) taker.waits.add(unitOf[i]);
    });
  }
  for (const { group, waits, hands, left } of groups) {
    for (const u of group) found[u] = { group, waits: [...waits], state: !hands ? "leaf" : !left ? "done" : waits.size ? "waits" : "ready" };
  }
  return found;
}

export const nameOf = ({ graph: { nodes, boxes }, units }, u) => (units[u].node >= 0 ? nodes[units[u].node].name : boxTitle(boxes, units[u].box));

/* Why a unit is not the one to hand on, as a sentence. */
export function whyNot(seen, { state, waits }, u) {
  const name = nameOf(seen, u);
  if (state === "leaf") return `${name} is a leaf: it receives, and hands nothing on.`;
  if (state === "done") return `${name} has handed on already.`;
  const those = waits.map((one) => nameOf(seen, one));
  return `${name} still waits for ${those.length > 3 ? `${those.length} others` : those.join(" and ")}, and has to have its whole gradient before it hands on. The topological order is for that.`;
}

/* The units to choose from, as options: those of which `fits` holds, by the names that they have in the picture. */
export function unitOptions(seen, fits) {
  const order = new Intl.Collator("en", { numeric: true });
  return seen.units.map((unit, u) => [unit.id, nameOf(seen, u), u]).filter(([, , u]) => fits(u))
    .sort(([, a], [, b]) => order.compare(a, b)).map(([value, text]) => ({ value, text }));
}
