/* Numbers: as Python's format(x, ".6g") writes them, as JSON has them, and as people type them. */

/* A number in six digits. There is no -0, which a reader would take for a slip. */
export function shown(x) {
  if (Number.isNaN(x)) return "nan";
  if (!Number.isFinite(x)) return x > 0 ? "inf" : "-inf";
  if (x === 0) return "0";
  /* Of two numbers of six digits that are as near, Python takes the even one, and JavaScript the larger one. */
  const even = /5e/.test(x.toExponential(6)) && /^(-?\d\.\d{4}[02468])50*(e.*)$/.exec(x.toExponential(40));
  const rounded = even ? even[1] + even[2] : x.toExponential(5);
  const [digits, power] = rounded.split("e");
  const exponent = Number(power);
  const trimmed = (text) => (text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text);
  if (exponent >= -4 && exponent < 6) return trimmed(Number(rounded).toFixed(5 - exponent));
  return trimmed(digits) + "e" + (exponent < 0 ? "-" : "+") + String(Math.abs(exponent)).padStart(2, "0");
}

/* The same, in parentheses where a sign would meet an operator. */
export const factor = (x) => (shown(x).startsWith("-") ? `(${shown(x)})` : shown(x));

export const isOne = (x) => typeof x === "number" || x === "inf" || x === "-inf" || x === "nan";

export const plain = (x) => (typeof x === "string" ? Number(x.replace("inf", "Infinity")) : x);

const DECIMAL = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;

/* What a text field holds, as {number} or as {problem}, a sentence. */
export function typed(text) {
  const given = text.trim().replace(/[\u2010-\u2015\u2212\uFE63\uFF0D]/g, "-").replace(/\s*\/\s*/g, "/");
  const problem = (sentence) => ({ problem: sentence });
  if (!given) return problem("Type a number, such as 0.5, 1e-3 or 1/2.");
  if (/^[-+]?(inf|infinity|∞)$/i.test(given)) return { number: given.startsWith("-") ? -Infinity : Infinity };
  if (/^[-+]?nan$/i.test(given)) return { number: NaN };
  const parts = given.split("/");
  for (const part of parts) {
    if (!/^[-+]?[1-9]\d{0,2}(,\d{3})+$/.test(part)) continue;
    const [point, none] = [part.replace(",", "."), part.replace(/,/g, "")];
    return problem(point.includes(",") ? `“${part}” is not a number; write it without commas, as ${none}.` :
      `“${part}” may be ${point} or ${none}; write it with a point, or without a comma.`);
  }
  const decimals = parts.map((part) => part.replace(/^([-+]?\d*),(\d+)/, "$1.$2"));
  if (parts.length > 2 || !decimals.every((part) => DECIMAL.test(part))) {
    return problem(`“${given}” is not a number; write it like 0.5, 1e-3, 1/2 or inf.`);
  }
  const [first, second = 1] = decimals.map(Number);
  return { number: first / second };
}
