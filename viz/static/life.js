/* How long the page listens to what lies outside of its elements: for as long as it shows one graph. */

let life = new AbortController();

/* The option of addEventListener for a listener that goes with the graph. */
export const lasting = () => ({ signal: life.signal });

/* What to do when another graph takes the place of this one. */
export const atEnd = (act) => life.signal.addEventListener("abort", act, { once: true });

export function end() {
  life.abort();
  life = new AbortController();
}
