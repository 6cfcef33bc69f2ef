/* The nearest of some names to what was typed, as Python's difflib.get_close_matches finds it. */

const ENOUGH = 0.6;

/* The name that is most alike, or null where none is alike enough; of equals the last in order. */
export function closest(typed, names) {
  const word = [...typed];
  let best = null;
  for (const name of names) {
    const letters = [...name];
    const total = letters.length + word.length;
    if (2 * Math.min(letters.length, word.length) < ENOUGH * total) continue;
    const ratio = (2 * matching(letters, word)) / total;
    if (ratio >= ENOUGH && (!best || ratio > best.ratio || (ratio === best.ratio && name > best.name))) best = { ratio, name };
  }
  return best && best.name;
}

/* How many letters are in common: the longest run that both have, and then the same to the left and right of it. */
function matching(a, b) {
  const places = new Map();
  b.forEach((letter, j) => places.set(letter, [...(places.get(letter) ?? []), j]));
  const stack = [[0, a.length, 0, b.length]];
  let found = 0;
  while (stack.length) {
    const [fromA, toA, fromB, toB] = stack.pop();
    let [size, startA, startB, before] = [0, fromA, fromB, new Map()];
    for (let i = fromA; i < toA; i += 1) {
      const ending = new Map();
      for (const j of places.get(a[i]) ?? []) {
        if (j < fromB || j >= toB) continue;
        const length = (before.get(j - 1) ?? 0) + 1;
        ending.set(j, length);
        if (length > size) [size, startA, startB] = [length, i - length + 1, j - length + 1];
      }
      before = ending;
    }
    if (!size) continue;
    found += size;
    stack.push([fromA, startA, fromB, startB], [startA + size, toA, startB + size, toB]);
  }
  return found;
}
