"""The table: every operation of the engine, once.

A primitive is a forward function on floats and one rule for its partial derivatives. The rule is a tuple,
one entry per operand, written with ordinary operators and with the primitives themselves. In each rule

    x, y    are the operands, in argument order, and
    out     is the result of the operation.

The rule is written once and used in several ways: on floats it gives the local derivatives
that a node stores; on `Value` nodes it records the graph of the derivative, which can be differentiated again;
and printing that recorded graph gives the formula that `explain` shows.

Numbers follow IEEE 754 and never raise: 1/0 is inf, log(-1) is nan, exp(1000) is inf. Where mathematics
leaves a choice (relu at 0, ties of maximum, 0**0), the choice is that of PyTorch in float64.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from inspect import signature
from math import inf, nan, pi
from types import FunctionType
from typing import Any

from autograd_core import floats
from autograd_core.floats import FLAT, as_float, is_array, recorder

# How tightly an operation binds when a formula is printed; anything in function notation is an ATOM.
SUM, PRODUCT, SIGN, POWER, ATOM = 1, 2, 3, 4, 5

REAL = (-inf, inf)
POSITIVE = (0.0, inf)


@dataclass(eq=False)
class Primitive:
    """One operation: what it computes, its partial derivatives, and how it is written.

    Called like a function it takes floats, Values, or arrays of either: floats give a float, a Value
    among the operands records a node, arrays are taken element by element.

    >>> sqrt(9.0)
    3.0
    >>> mul.partials(2.0, 5.0, 10.0)
    (5.0, 2.0)
    """

    name: str
    """Name in code, in the expression language and in emitted source."""
    forward: Callable[..., float]
    """Floats in, float out; never raises on a float."""
    partials: Callable[..., tuple[Any, ...]]
    """The rule: operands and result in, one partial derivative per operand out; floats or Values."""
    symbol: str = ""
    """What a drawing shows: ``+``, ``*``, ``tanh``."""
    latex: str = ""
    r"""Template with one ``%s`` per operand, such as ``\frac{%s}{%s}``."""
    precedence: int = ATOM
    """SUM, PRODUCT, SIGN or POWER for what is written with an operator sign, else ATOM."""
    domain: tuple[tuple[float, float], ...] = (REAL,)
    """Per operand, the open interval on which the operation is differentiable (away from its kinks)."""
    defaults: tuple[float, ...] = ()
    """Values of trailing operands that a caller may leave out, such as the slope of leaky_relu."""
    module: str = __name__
    composed: Callable[..., Any] | None = None
    """The function of a primitive of one's own, which on nodes records what it is composed of."""
    arity: int = field(init=False)
    """How many operands the operation takes."""
    slopes: Callable[..., tuple[float, ...]] = field(init=False)
    """The rule for floats alone: the same code, but for the table's own rules without the way round by primitives."""

    def __post_init__(self) -> None:
        self.arity = len(self.domain)
        self.slopes = self.partials
        self.symbol = self.symbol or self.name
        if not self.latex:
            name = self.name.replace("_", r"\_")
            self.latex = rf"\operatorname{{{name}}}\left({', '.join(['%s'] * self.arity)}\right)"
        # Pickle and help() look a primitive up by these, as they do a function.
        self.__name__ = self.__qualname__ = self.name
        self.__module__ = self.module

    def __call__(self, *operands: Any) -> Any:
        """Apply the operation; raises TypeError for a wrong number of operands or one that is not a number."""
        if len(operands) != self.arity:
            operands = self._with_defaults(operands)
        for operand in operands:
            if type(operand) is not float:
                return self._dispatch(operands)
        return self.forward(*operands)

    def _with_defaults(self, operands: tuple[Any, ...]) -> tuple[Any, ...]:
        missing = self.arity - len(operands)
        if not 0 < missing <= len(self.defaults):
            least = self.arity - len(self.defaults)
            wanted = f"{self.arity}" if not self.defaults else f"{least} to {self.arity}"
            raise TypeError(f"{self.name} takes {wanted} operand(s), got {len(operands)}")
        return operands + self.defaults[-missing:]

    def _dispatch(self, operands: tuple[Any, ...]) -> Any:
        """The way for anything but plain floats: arrays by element, Values by recording, numbers as floats."""
        record = None
        for operand in operands:
            if type(operand) is float:
                continue
            if own := recorder(operand):
                record = own
            elif is_array(operand):
                return self._by_element(operands)
        if record:
            return record(self, *operands)
        return self.forward(*(as_float(operand, self.name) for operand in operands))

    def _by_element(self, operands: tuple[Any, ...]) -> Any:
        import numpy as np

        if any(map(recorder, operands)):
            # Columns of other kinds than NumPy's, as pandas has them, do not know what to do with a node.
            foreign = [not isinstance(getattr(operand, "dtype", np.dtype(object)), np.dtype) for operand in operands]
            operands = tuple(x.to_numpy() if is_foreign else x for x, is_foreign in zip(operands, foreign, strict=True))
        # What NumPy warns of in an array of objects (inf, nan) is what the operation means to give.
        with np.errstate(all="ignore"):
            result = np.frompyfunc(self, self.arity, 1)(*operands)
        nodes = any(
            recorder(operand) or getattr(getattr(operand, "dtype", None), "kind", "") == "O" for operand in operands
        )
        return result if nodes else result.astype(float)

    def __reduce__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"


PRIMITIVES: dict[str, Primitive] = {}
"""The table, by name: add, sub, mul, ... in the order of this file."""


def _define(*arguments: Any, **fields: Any) -> Primitive:
    new = Primitive(*arguments, **fields)
    PRIMITIVES[new.name] = new
    return new


def primitive(
    *,
    partials: Callable[..., Any],
    symbol: str = "",
    latex: str = "",
    domain: tuple[tuple[float, float], ...] | None = None,
) -> Callable[[Callable[..., float]], Primitive]:
    """Make a primitive of a function on floats, given its partial derivatives.

    `partials` takes the operands and the result and returns one partial per operand (for one operand the
    bare partial will do). Write it with operators and with this package's functions, not with `math`, and
    higher derivatives work too. The function itself must return a number for any floats.

    Raises TypeError or ValueError for parts that do not belong together, and TypeError, when the operation is used,
    if the function returns no number or the rule returns the wrong number of partials.

    >>> from autograd_core import Value
    >>> @primitive(partials=lambda x, out: 3.0 * x * x)
    ... def cube(x):
    ...     return x * x * x
    >>> x = Value(2.0)
    >>> y = cube(x)
    >>> y.backward()
    >>> y.data, x.grad
    (8.0, 12.0)
    """

    def decorate(function: Callable[..., float]) -> Primitive:
        name = function.__name__
        operands = signature(function).parameters.values()
        arity = len(operands)
        if any(operand.kind not in (operand.POSITIONAL_ONLY, operand.POSITIONAL_OR_KEYWORD) for operand in operands):
            raise TypeError(f"the operands of {name} are its parameters, one by one: no *operands, no keywords")
        if not callable(partials):
            raise TypeError(f"partials of {name} is a function of the operands and the result, got {partials!r}")
        if domain is not None and len(domain) != arity:
            raise ValueError(f"{name} has {arity} operand(s) and a domain of {len(domain)} interval(s)")
        if latex and latex.count("%s") != arity:
            raise ValueError(f"the latex of {name} has one %s for each of its {arity} operand(s), not {latex!r}")

        def forward(*operands: float) -> float:
            return as_float(function(*operands), f"The result of {name}")

        def rule(*operands_and_out: Any) -> tuple[Any, ...]:
            result = partials(*operands_and_out)
            result = result if isinstance(result, tuple) else (result,)
            if len(result) != arity:
                raise TypeError(f"the rule of {name} returned {len(result)} partial(s) for {arity} operand(s)")
            return tuple(p if recorder(p) else as_float(p, f"A partial of {name}") for p in result)

        new = Primitive(
            name,
            forward,
            rule,
            symbol,
            latex,
            domain=domain or (REAL,) * arity,
            module=function.__module__,
            composed=function,
        )
        new.__doc__, new.__qualname__ = function.__doc__, function.__qualname__
        return new

    return decorate


def _slope_of_power(x: Any, y: Any) -> Any:
    """y * x**(y - 1), but 0 for y = 0 at every x, even where x**-1 is infinite or nan."""
    if isinstance(y, float):
        return y * pow(x, y - 1.0) if y != 0.0 else 0.0
    return y * pow(where(equal(y, 0.0) * (1.0 - less(1e-307, abs(x))), 1.0, x), y - 1.0)


def _one_minus_square(x: Any) -> Any:
    """1 - x*x, whose derivative keeps its digits near 0, and (1 - x)(1 + x), which does so itself near 1 and -1."""
    return where(less(abs(x), 0.5), 1.0 - x * x, (1.0 - x) * (1.0 + x))


def _radius(x: Any, y: Any) -> Any:
    """hypot(x, y), but 1 at the origin, where an angle has no slope."""
    return where(equal(hypot(x, y), 0.0), 1.0, hypot(x, y))


# One operation a paragraph, its rule on a line of its own: the formatter would hide the table.
# fmt: off

# Arithmetic. An operand's partial may use its neighbour, so the rules name both.
add = _define(
    "add", operator.add, lambda x, y, out: (1.0, 1.0),
    symbol="+", latex="%s + %s", precedence=SUM, domain=(REAL, REAL),
)
sub = _define(
    "sub", operator.sub, lambda x, y, out: (1.0, -1.0),
    symbol="-", latex="%s - %s", precedence=SUM, domain=(REAL, REAL),
)
mul = _define(
    "mul", operator.mul, lambda x, y, out: (y, x),
    symbol="*", latex=r"%s \cdot %s", precedence=PRODUCT, domain=(REAL, REAL),
)
truediv = _define(
    "truediv", floats.divide, lambda x, y, out: (truediv(1.0, y), truediv(-out, y)),
    symbol="/", latex=r"\frac{%s}{%s}", precedence=PRODUCT, domain=(REAL, POSITIVE),
)
# 0**y is 0 (or 1) for every y >= 0; with log(1) in place of log(0) the slope is that 0, and its derivatives are too.
pow = _define(
    "pow", floats.power,
    lambda x, y, out: (_slope_of_power(x, y), out * log(where(equal(x, 0.0) * less_equal(0.0, y), 1.0, x))),
    symbol="**", latex="%s^{%s}", precedence=POWER, domain=(POSITIVE, REAL),
)
# The floor of a quotient is flat, and its remainder loses that many y: the sign is that of y, as in Python and NumPy.
floor_divide = _define(
    "floor_divide", floats.floor_divide, lambda x, y, out: (FLAT, FLAT),
    symbol="//", latex=r"\left\lfloor\frac{%s}{%s}\right\rfloor", domain=(REAL, POSITIVE),
)
remainder = _define(
    "remainder", floats.remainder, lambda x, y, out: (1.0, -floor_divide(x, y)),
    symbol="%", latex=r"%s \bmod %s", precedence=PRODUCT, domain=(REAL, POSITIVE),
)
neg = _define("neg", operator.neg, lambda x, out: (-1.0,), symbol="-", latex="-%s", precedence=SIGN)
abs = _define("abs", math.fabs, lambda x, out: (less(0.0, x) - less(x, 0.0),), latex=r"\left|%s\right|")

# Exponentials, logarithms and roots.
exp = _define("exp", floats.exp, lambda x, out: (out,), latex="e^{%s}")
log = _define("log", floats.log, lambda x, out: (truediv(1.0, x),), latex=r"\ln\left(%s\right)", domain=(POSITIVE,))
exp2 = _define("exp2", floats.exp2, lambda x, out: (out * math.log(2.0),), latex="2^{%s}")
log2 = _define(
    "log2", floats.log2, lambda x, out: (truediv(1.0 / math.log(2.0), x),),
    latex=r"\log_{2}\left(%s\right)", domain=(POSITIVE,),
)
log10 = _define(
    "log10", floats.log10, lambda x, out: (truediv(1.0 / math.log(10.0), x),),
    latex=r"\log_{10}\left(%s\right)", domain=(POSITIVE,),
)
log1p = _define(
    "log1p", floats.log1p, lambda x, out: (truediv(1.0, 1.0 + x),),
    latex=r"\ln\left(1 + %s\right)", domain=((-1.0, inf),),
)
expm1 = _define("expm1", floats.expm1, lambda x, out: (exp(x),), latex=r"\left(e^{%s} - 1\right)")
sqrt = _define(
    "sqrt", floats.sqrt, lambda x, out: (truediv(0.5, out),), latex=r"\sqrt{%s}", domain=(POSITIVE,),
)
cbrt = _define("cbrt", math.cbrt, lambda x, out: (truediv(1.0, 3.0 * out * out),), latex=r"\sqrt[3]{%s}")
logaddexp = _define(
    "logaddexp", floats.logaddexp, lambda x, y, out: (sigmoid(x - y), sigmoid(y - x)),
    latex=r"\ln\left(e^{%s} + e^{%s}\right)", domain=(REAL, REAL),
)

# Trigonometry. Quotients by a radius, and never by its square, which overflows.
hypot = _define(
    "hypot", math.hypot, lambda x, y, out: (truediv(x, out), truediv(y, out)),
    latex=r"\operatorname{hypot}\left(%s, %s\right)", domain=(REAL, REAL),
)
degrees = _define("degrees", math.degrees, lambda x, out: (180.0 / pi,))
radians = _define("radians", math.radians, lambda x, out: (pi / 180.0,))
sin = _define("sin", floats.sin, lambda x, out: (cos(x),), latex=r"\sin\left(%s\right)")
cos = _define("cos", floats.cos, lambda x, out: (-sin(x),), latex=r"\cos\left(%s\right)")
tan = _define(
    "tan", floats.tan, lambda x, out: (1.0 + out * out,),
    latex=r"\tan\left(%s\right)", domain=((-pi / 2, pi / 2),),
)
arcsin = _define(
    "arcsin", floats.arcsin, lambda x, out: (truediv(1.0, sqrt(_one_minus_square(x))),),
    latex=r"\arcsin\left(%s\right)", domain=((-1.0, 1.0),),
)
arccos = _define(
    "arccos", floats.arccos, lambda x, out: (truediv(-1.0, sqrt(_one_minus_square(x))),),
    latex=r"\arccos\left(%s\right)", domain=((-1.0, 1.0),),
)
arctan = _define("arctan", math.atan, lambda x, out: (truediv(1.0, 1.0 + x * x),), latex=r"\arctan\left(%s\right)")
arctan2 = _define(
    "arctan2", math.atan2,
    lambda x, y, out: (
        truediv(truediv(y, _radius(x, y)), _radius(x, y)), truediv(truediv(-x, _radius(x, y)), _radius(x, y)),
    ),
    domain=(REAL, POSITIVE),
)
sinh = _define("sinh", floats.sinh, lambda x, out: (cosh(x),), latex=r"\sinh\left(%s\right)")
cosh = _define("cosh", floats.cosh, lambda x, out: (sinh(x),), latex=r"\cosh\left(%s\right)")
tanh = _define("tanh", math.tanh, lambda x, out: (1.0 - out * out,), latex=r"\tanh\left(%s\right)")
arcsinh = _define("arcsinh", math.asinh, lambda x, out: (truediv(1.0, hypot(1.0, x)),))
arccosh = _define(
    "arccosh", floats.arccosh, lambda x, out: (truediv(1.0, sqrt((x - 1.0) * (x + 1.0))),), domain=((1.0, inf),),
)
arctanh = _define(
    "arctanh", floats.arctanh, lambda x, out: (truediv(1.0, _one_minus_square(x)),), domain=((-1.0, 1.0),),
)
erf = _define("erf", math.erf, lambda x, out: (2.0 / math.sqrt(pi) * exp(-x * x),))
erfc = _define("erfc", math.erfc, lambda x, out: (-2.0 / math.sqrt(pi) * exp(-x * x),))

# Activations. gelu is x times the normal distribution function, in its exact form (Hendrycks & Gimpel 2016).
sigmoid = _define("sigmoid", floats.sigmoid, lambda x, out: (out * sigmoid(-x),), latex=r"\sigma\left(%s\right)")
relu = _define("relu", floats.relu, lambda x, out: (1.0 - less_equal(x, 0.0),))
leaky_relu = _define(
    "leaky_relu", floats.leaky_relu,
    lambda x, slope, out: (where(less(0.0, x), 1.0, slope), where(less(0.0, x), 0.0, x)),
    domain=(REAL, REAL), defaults=(0.01,),
)
elu = _define(
    "elu", floats.elu,
    lambda x, alpha, out: (
        where(less_equal(x, 0.0), alpha * exp(where(less(x, 0.0), x, 0.0)), 1.0),
        expm1(where(less_equal(x, 0.0), x, 0.0)),
    ),
    domain=(REAL, REAL), defaults=(1.0,),
)
gelu = _define(
    "gelu", floats.gelu,
    lambda x, out: (0.5 * erfc(-x * math.sqrt(0.5)) + x * exp(-0.5 * x * x) * (1.0 / math.sqrt(2.0 * pi)),),
)
silu = _define("silu", floats.silu, lambda x, out: (sigmoid(x) * (1.0 + x * sigmoid(-x)),))
softplus = _define("softplus", floats.softplus, lambda x, out: (sigmoid(x),))

# Steps, flat between one and the next.
floor = _define("floor", floats.floor, lambda x, out: (FLAT,), latex=r"\left\lfloor %s\right\rfloor")
ceil = _define("ceil", floats.ceil, lambda x, out: (FLAT,), latex=r"\left\lceil %s\right\rceil")
sign = _define("sign", floats.sign, lambda x, out: (FLAT,))

# Choices. Ties share the gradient half and half; comparisons are 1 or 0, with slope 0 everywhere.
maximum = _define(
    "maximum", floats.maximum,
    lambda x, y, out: (1.0 - 0.5 * (less(x, y) + less_equal(x, y)), 1.0 - 0.5 * (less(y, x) + less_equal(y, x))),
    symbol="max", latex=r"\max\left(%s, %s\right)", domain=(REAL, REAL),
)
minimum = _define(
    "minimum", floats.minimum,
    lambda x, y, out: (1.0 - 0.5 * (less(y, x) + less_equal(y, x)), 1.0 - 0.5 * (less(x, y) + less_equal(x, y))),
    symbol="min", latex=r"\min\left(%s, %s\right)", domain=(REAL, REAL),
)
less = _define(
    "less", floats.less, lambda x, y, out: (FLAT, FLAT),
    symbol="<", latex=r"\left[%s < %s\right]", domain=(REAL, REAL),
)
less_equal = _define(
    "less_equal", floats.less_equal, lambda x, y, out: (FLAT, FLAT),
    symbol="≤", latex=r"\left[%s \le %s\right]", domain=(REAL, REAL),
)
equal = _define(
    "equal", floats.equal, lambda x, y, out: (FLAT, FLAT),
    symbol="=", latex=r"\left[%s = %s\right]", domain=(REAL, REAL),
)
COMPARISONS = frozenset({less, less_equal, equal})
"""The operations that answer with 1 or 0."""
where = _define(
    "where", floats.where,
    lambda condition, x, y, out: (FLAT, where(condition, 1.0, 0.0), where(condition, 0.0, 1.0)),
    domain=(REAL, REAL, REAL),
)

# fmt: on


def _on_floats(rule: Any, names: dict[str, Any]) -> Any:
    """The same function, in which each primitive is the function on floats that it stands for."""
    return FunctionType(rule.__code__, names)


_names = globals() | {name: entry.forward for name, entry in PRIMITIVES.items()}
_names |= {helper.__name__: _on_floats(helper, _names) for helper in (_slope_of_power, _one_minus_square, _radius)}
for _entry in PRIMITIVES.values():
    _entry.slopes = _on_floats(_entry.partials, _names)

constant = Primitive("constant", lambda: nan, lambda out: (), domain=())
"""The operation of a plain number that met a Value; it stands in no table, for nobody applies it."""

detach = Primitive("detach", float, lambda x, out: (FLAT,))
"""The operand as a number without a derivative. It stands in no table, for no finite difference agrees with it."""
