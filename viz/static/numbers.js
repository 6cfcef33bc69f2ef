/* Numbers: as Python's format(x, ".6g") writes them and as JSON has them. */

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
