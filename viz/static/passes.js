/* Both passes again for other numbers in the leaves: in a live notebook by the engine in the kernel, which sends its
   trace, and elsewhere by the page. */

import { exact } from "./address.js";
import { lasting } from "./life.js";
import { forwardPass } from "./engine.js";
import { read } from "./trace.js";

/* `settled` is called with what has been asked for, once the nodes have the new numbers. */
export function createPasses({ nodes }, operations, live, settled) {
  const waiting = [];

  function rerun(leaves, then) {
    if (!live) {
      forwardPass(nodes, operations, leaves);
      settled(leaves, then);
      return;
    }
    waiting.push([leaves, then]);
    const numbers = nodes.map(({ index, data }) => leaves.get(index) ?? data);
    parent.postMessage({ numbers: numbers.map((x) => (Number.isFinite(x) ? x : exact(x))) }, "*");
  }

  addEventListener("message", ({ source, data }) => {
    if (source !== parent || !data || typeof data.trace !== "string" || !waiting.length) return;
    read(data.trace).nodes.forEach(({ data: number, partials }, i) => Object.assign(nodes[i], { data: number, partials }));
    settled(...waiting.shift());
  }, lasting());

  return { rerun, waiting: () => waiting.length > 0 };
}
