"""The node of the graph. Read this first.

A `Value` is a number that remembers where it came from: the operation that made it, the operands, and the
local derivative of the operation with respect to each operand, worked out at once while the operands are at
hand. A backward pass is then one walk over the recorded nodes, output first, in which every node hands each
operand its own gradient times the local derivative:

    operand.grad += node.grad * local

Nodes point at their operands and never back, so a graph is freed the moment its last name goes.
"""

from __future__ import annotations

import operator
from collections import deque
from collections.abc import Callable
from math import isfinite
from numbers import Number
from typing import Any, NoReturn

from autograd_core import copying, primitives
from autograd_core.floats import as_float, is_array, is_number
from autograd_core.graph import UNRECORDED, anomaly, backward_steps, gradient_lock, require_graph, topological_order
from autograd_core.modes import thread
from autograd_core.primitives import Primitive, constant


def _method(primitive: Primitive) -> Callable[[Value], Value]:
    """The operation on one operand as a method of Value."""

    def method(self: Value) -> Value:
        return apply(primitive, self)

    method.__name__ = primitive.name
    method.__doc__ = f"{primitive.name}(self), as a new Value."
    return method


class Value:
    """A scalar in a computation graph.

    `data` is an int, float, bool or NumPy real scalar; it is stored as a float. Anything else raises
    TypeError with what to do instead. ``<``, ``<=``, ``>`` and ``>=`` compare data. Two Values are equal only if
    they are the same node, so that nodes can be kept in sets; a Value equals a plain number if its data does.
    ``float(v)`` raises TypeError: `math.exp` would reach the number that way and lose the derivative.

    >>> ground = Value(1.0, label="ground")
    >>> bmw = 100 * ground
    >>> tesla = 2 * bmw
    >>> tesla.backward()
    >>> ground
    Value(1.0, grad=200.0, label='ground')
    """

    __slots__ = ("data", "grad", "op", "inputs", "partials", "label", "scope")  # noqa: RUF023 (reading order)

    data: float
    """The number. Changing it changes no graph recorded before."""
    grad: Any
    """d output / d self after a backward pass: a float, or a Value after backward(create_graph=True)."""
    op: Primitive | None
    """The primitive that made the node; None for a leaf, `constant` for a plain number that met a Value."""
    inputs: tuple[Value, ...]
    """The operands in argument order; ``x * x`` keeps x twice."""
    partials: tuple[float, ...]
    """The local derivatives, d self / d inputs[i], as they were when the node was recorded."""
    label: str
    """A name for drawings and explanations, or ''."""
    scope: str
    """The named_scope the node was made in, or ''."""

    def __init__(self, data: Any, label: str = "") -> None:
        if not isinstance(label, str):
            raise TypeError(f"a label is a string, got {type(label).__name__}")
        self.data = data if type(data) is float else as_float(data, "Value")
        self.grad = 0.0
        self.op = None
        self.inputs = ()
        self.partials = ()
        self.label = label
        self.scope = thread.mode.scope

    @property
    def is_constant(self) -> bool:
        """Whether this is a plain number that met a Value: it gets no gradient and no node in a drawing."""
        return self.op is constant

    def backward(self, seed: float = 1.0, create_graph: bool = False) -> None:
        """Set `grad` to d self / d node on every node that self depends on.

        Each call is a fresh pass: leaves add its result to the gradient they had, the nodes in between hold
        the gradient of the last pass. `seed` is d self / d self. With `create_graph` gradients are Values
        that can be differentiated again; graph and gradients then refer to each other, so set the gradients
        to 0.0 when done, or use `grad` and `hessian`, which leave nothing behind. A pass that is interrupted
        leaves the gradients of the leaves as they were. Passes of several threads run one after the other, so
        that none is lost where they share leaves. Raises RuntimeError if self was computed inside `no_grad`.

        >>> x = Value(3.0)
        >>> (x * x).backward()
        >>> (x * x).backward()
        >>> x.grad
        12.0
        """
        seed = as_float(seed, "The seed of backward")
        require_graph(self)
        if create_graph:
            totals = {step.input: step.after for step in backward_steps(self, seed, create_graph=True)}
            with gradient_lock:
                for node, total in totals.items():
                    earlier = node.grad if node.op is None and node.grad is not None else 0.0
                    node.grad = as_value(total if type(earlier) is float and earlier == 0.0 else earlier + total)
            return
        if thread.mode.checking:
            deque(backward_steps(self, seed), maxlen=0)  # raises at the first anomaly
        order = topological_order(self)
        with gradient_lock:
            self._accumulate(order, seed)

    def _accumulate(self, order: list[Value], seed: float) -> None:
        """The backward pass over the nodes in topological order, the last of which is self."""
        earlier = [(node, 0.0 if node.grad is None else node.grad) for node in order if node.op is None]
        try:
            for node in order:
                node.grad = 0.0
            self.grad = seed
            for node in reversed(order):
                inputs = node.inputs
                # Written out for two operands, which most operations have: the loop takes half as long again.
                if len(inputs) == 2:
                    upstream = node.grad
                    left, right = inputs
                    to_left, to_right = node.partials
                    left.grad += upstream * to_left
                    right.grad += upstream * to_right
                elif inputs:
                    upstream = node.grad
                    for operand, local in zip(inputs, node.partials, strict=True):
                        operand.grad += upstream * local
            for leaf, grad in earlier:
                leaf.grad += grad
            for node in order:
                if node.op is constant:
                    node.grad = 0.0
        except BaseException:
            for leaf, grad in earlier:
                leaf.grad = grad
            raise

    def __add__(self, other: Any) -> Value:
        return apply(primitives.add, self, other)

    def __radd__(self, other: Any) -> Value:
        return apply(primitives.add, other, self)

    def __sub__(self, other: Any) -> Value:
        return apply(primitives.sub, self, other)

    def __rsub__(self, other: Any) -> Value:
        return apply(primitives.sub, other, self)

    def __mul__(self, other: Any) -> Value:
        return apply(primitives.mul, self, other)

    def __rmul__(self, other: Any) -> Value:
        return apply(primitives.mul, other, self)

    def __truediv__(self, other: Any) -> Value:
        return apply(primitives.truediv, self, other)

    def __rtruediv__(self, other: Any) -> Value:
        return apply(primitives.truediv, other, self)

    def __pow__(self, other: Any) -> Value:
        return apply(primitives.pow, self, other)

    def __rpow__(self, other: Any) -> Value:
        return apply(primitives.pow, other, self)

    def __neg__(self) -> Value:
        return apply(primitives.neg, self)

    # Primitives meet Values through this, without the table knowing of the node.
    @staticmethod
    def __record__(primitive: Primitive, *operands: Any) -> Value:
        return apply(primitive, *operands)

    def __pos__(self) -> Value:
        return self

    def __abs__(self) -> Value:
        return apply(primitives.abs, self)

    # By these names NumPy's functions find the operation: np.exp(array of Values) calls exp() on each.
    exp = _method(primitives.exp)
    log = _method(primitives.log)
    log1p = _method(primitives.log1p)
    expm1 = _method(primitives.expm1)
    sqrt = _method(primitives.sqrt)
    sin = _method(primitives.sin)
    cos = _method(primitives.cos)
    tan = _method(primitives.tan)
    arcsin = _method(primitives.arcsin)
    arccos = _method(primitives.arccos)
    arctan = _method(primitives.arctan)
    sinh = _method(primitives.sinh)
    cosh = _method(primitives.cosh)
    tanh = _method(primitives.tanh)
    erf = _method(primitives.erf)
    erfc = _method(primitives.erfc)
    sigmoid = _method(primitives.sigmoid)
    relu = _method(primitives.relu)
    gelu = _method(primitives.gelu)
    silu = _method(primitives.silu)
    softplus = _method(primitives.softplus)

    def leaky_relu(self, negative_slope: float | Value = 0.01) -> Value:
        """self where it is positive, else negative_slope * self."""
        return primitives.leaky_relu(self, negative_slope)

    def elu(self, alpha: float | Value = 1.0) -> Value:
        """self where it is positive, else alpha * (exp(self) - 1)."""
        return primitives.elu(self, alpha)

    def __eq__(self, other: Any) -> Any:
        if self is other:
            return True
        if isinstance(other, Value):
            return False
        if is_array(other):
            return NotImplemented
        if thread.mode.symbolic and (is_number(other) or isinstance(other, Number)):
            raise _frozen()
        return self.data == other

    __hash__ = object.__hash__

    def __lt__(self, other: Any) -> bool:
        return _compare(operator.lt, self, other)

    def __le__(self, other: Any) -> bool:
        return _compare(operator.le, self, other)

    def __gt__(self, other: Any) -> bool:
        return _compare(operator.gt, self, other)

    def __ge__(self, other: Any) -> bool:
        return _compare(operator.ge, self, other)

    def __bool__(self) -> bool:
        if thread.mode.symbolic:
            raise _frozen()
        return self.data != 0.0

    def __float__(self) -> NoReturn:
        raise TypeError(
            "a Value does not turn into a plain number, as math.exp(v) or float(v) ask, because the derivative would "
            "be lost; use v.data for the number, or the function of that name in autograd_core.functions"
        )

    __int__ = __trunc__ = __float__

    def conjugate(self) -> Value:
        """self, which is real; NumPy's variance asks for it."""
        return self

    def __round__(self, digits: int | None = None) -> float:
        if thread.mode.symbolic:
            raise _frozen()
        return round(self.data, digits)

    def __format__(self, spec: str) -> str:
        if spec and thread.mode.symbolic:
            raise _frozen()
        return format(self.data, spec) if spec else repr(self)

    def __repr__(self) -> str:
        grad = self.grad.data if isinstance(self.grad, Value) else self.grad
        label = f", label={self.label!r}" if self.label else ""
        data, grad = (float(n) if isinstance(n, float) else n for n in (self.data, grad))  # NumPy's look otherwise
        return f"Value({data!r}, grad={grad!r}{label})"

    def __deepcopy__(self, memo: dict[int, Any]) -> Value:
        return copying.deep_copy(self, memo)

    def __copy__(self) -> Value:
        return copying.shallow_copy(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return copying.reduce(self)

    def __setstate__(self, state: Any) -> None:
        copying.set_gradients(state)


def as_value(operand: Any, taker: str = "Value") -> Value:
    """The operand itself if it is a Value, else a constant node of the number.

    Raises TypeError or ValueError as `Value` does, with `taker` for the name of who refused.
    """
    if isinstance(operand, Value):
        return operand
    node = _new(Value)
    node.data = operand if type(operand) is float else as_float(operand, taker)
    node.grad = 0.0
    node.op = constant
    node.inputs = node.partials = ()
    node.label = ""
    node.scope = thread.mode.scope
    return node


def number_of(term: Any) -> float:
    """The number in a Value, or the number itself as a float; raises TypeError for what is neither."""
    return term.data if isinstance(term, Value) else as_float(term, "number_of")


def apply(primitive: Primitive, *operands: Any) -> Any:
    """Record one operation: its result, its operands and its local derivatives, as a new Value.

    Every operator and function of the package comes through here. Plain numbers among the operands become
    constants. An array among them gives NotImplemented, upon which Python asks the array, which calls back
    for each of its elements.
    """
    for operand in operands:
        if type(operand) is not Value:
            try:
                operands = tuple([as_value(operand, primitive.name) for operand in operands])
            except TypeError:
                if any(map(is_array, operands)):
                    return NotImplemented
                raise
            break
    recording, checking, scope, _, _ = thread.mode

    # Written out for one and two operands: this is the path that every scalar takes.
    if len(operands) == 2:
        left, right = operands
        x, y = left.data, right.data
        data = primitive.forward(x, y)
        partials = primitive.partials(x, y, data) if recording else UNRECORDED
    elif len(operands) == 1:
        x = operands[0].data
        data = primitive.forward(x)
        partials = primitive.partials(x, data) if recording else UNRECORDED
    else:
        numbers = [operand.data for operand in operands]
        data = primitive.forward(*numbers)
        partials = primitive.partials(*numbers, data) if recording else UNRECORDED
    if checking and not isfinite(data):
        raise anomaly(primitive, operands, scope, f"gave {data:g}")

    node = _new(Value)
    node.data = data
    node.grad = 0.0
    node.partials = partials
    node.label = ""
    node.scope = scope
    if recording:
        node.op = primitive
        node.inputs = operands
    else:
        node.op = None
        node.inputs = ()
    return node


_new = object.__new__


def _frozen() -> TypeError:
    return TypeError(
        "Python asked for the number of a Value, perhaps to choose a branch, while a program is recorded that has to "
        "hold for other numbers too; let the graph choose, by where, maximum or relu"
    )


def _compare(relation: Callable[[float, float], bool], value: Value, other: Any) -> bool:
    if thread.mode.symbolic:
        raise _frozen()
    if isinstance(other, Value):
        return relation(value.data, other.data)
    if is_array(other):
        return NotImplemented
    return relation(value.data, as_float(other, "A comparison with a Value"))
