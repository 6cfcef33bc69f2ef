/* Numbers as Python's format(x, ".6g") has them, and as JSON has them. */
const numbers = {
  shown(x) {
    if (Number.isNaN(x)) return "nan";
    if (!Number.isFinite(x)) return x > 0 ? "inf" : "-inf";
    if (x === 0) return Object.is(x, -0) ? "-0" : "0";
    const [digits, power] = x.toExponential(5).split("e");
    const exponent = Number(power);
    const trimmed = (text) => (text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text);
    if (exponent >= -4 && exponent < 6) return trimmed(x.toFixed(5 - exponent));
    return trimmed(digits) + "e" + (exponent < 0 ? "-" : "+") + String(Math.abs(exponent)).padStart(2, "0");
  },
  isOne: (x) => typeof x === "number" || x === "inf" || x === "-inf" || x === "nan",
  plain: (x) => (typeof x === "string" ? Number(x.replace("inf", "Infinity")) : x),
};

