/* What a symbol of the rule stands for: lit up in the picture while it is looked at, and brought into view. */

/* `seen` gives what the reader sees now, and `show` brings nodes into view. */
export function createSymbols({ nodes }, picture, card, seen, show) {
  return {
    light: (part) => {
      card.hide();
      if (!part) picture.light([]);
      else if (part.edge) picture.light(seen().edges.filter(({ pairs }) => pairs.some(([i, k]) => i === part.edge[0] && k === part.edge[1])).map(({ id }) => id));
      else picture.light([], seen().unitOf[part.value ?? part.gradient], part.value === undefined ? "third" : "second");
    },
    show: ({ value, gradient, edge }) => show(edge ? [edge[0], nodes[edge[0]].inputs[edge[1]]] : [value ?? gradient]),
  };
}
