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
from typing import TYPE_CHECKING, Any

from autograd_core import copying, primitives, protocol
from autograd_core.floats import as_float, is_array
from autograd_core.graph import UNRECORDED, accumulate, anomaly, backward_steps, gradient_lock, require_graph
from autograd_core.modes import switched, thread
from autograd_core.primitives import ATOM, Primitive, constant

_methods: dict[Primitive, Callable[..., Value]] = {}
"""The operations of the table on one or two operands, as methods of Value."""


def _method(primitive: Primitive) -> Callable[[Value], Value]:
    """The operation on one operand as a method of Value."""
    forward, slopes = primitive.forward, primitive.slopes

    def method(self: Value) -> Value:
        scope = ""
        if switched:
            recording, checking, scope, _, _ = thread.mode
            if checking or not recording:
                return apply(primitive, self)
        x = self.data
        node = _new(Value)
        node.data = out = forward(x)
        node.grad = 0.0
        node.op = primitive
        node.label = ""
        node.scope = scope
        node._first = self
        node._second = None
        (node._to_first,) = slopes(x, out)
        return node

    method.__name__ = primitive.name
    method.__doc__ = f"{primitive.name}(self), as a new Value."
    _methods[primitive] = method
    return method


def _operator(primitive: Primitive) -> tuple[Callable[[Value, Any], Value], Callable[[Value, Any], Value]]:
    """The operation on two operands as the methods behind an operator, for a Value on the left and on the right.

    This is the path that nearly every scalar takes: `apply` for two nodes, with nothing in between.
    """
    name, forward, slopes = primitive.name, primitive.forward, primitive.slopes

    def method(left: Value, right: Any) -> Value:
        if type(right) is not Value:
            right = _operand(right, name)
            if right is NotImplemented:
                return right
        scope = ""
        if switched:
            recording, checking, scope, _, _ = thread.mode
            if checking or not recording:
                return apply(primitive, left, right)
        x, y = left.data, right.data
        node = _new(Value)
        node.data = out = forward(x, y)
        node.grad = 0.0
        node.op = primitive
        node.label = ""
        node.scope = scope
        node._first = left
        node._second = right
        node._to_first, node._to_second = slopes(x, y, out)
        return node

    def reflected(right: Value, left: Any) -> Value:
        left = _operand(left, name)
        return left if left is NotImplemented else method(left, right)

    method.__name__ = reflected.__name__ = name
    method.__doc__ = reflected.__doc__ = f"{name} of two operands, as a new Value."
    _methods[primitive] = method
    return method, reflected


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

    __slots__ = (  # noqa: RUF023 (reading order)
        "data", "grad", "op", "label", "scope", "_first", "_second", "_to_first", "_to_second"
    )  # fmt: skip

    data: float
    """The number. Changing it changes no graph recorded before."""
    grad: Any
    """d output / d self after a backward pass: a float, or a Value after backward(create_graph=True)."""
    op: Primitive | None
    """The primitive that made the node; None for a leaf, `constant` for a plain number that met a Value."""
    label: str
    """A name for drawings and explanations, or ''."""
    scope: str
    """The named_scope the node was made in, or ''."""

    # `inputs` and `partials` as they are kept. Nearly all nodes have one operand or two, for which a tuple would be one
    # more thing to make, and one more for Python's collector to look through. Those that have none, or more than two,
    # keep the tuple as the first.
    _first: Any
    _second: Value | None
    _to_first: Any
    _to_second: Any

    def __init__(self, data: Any, label: str = "") -> None:
        if not isinstance(label, str):
            raise TypeError(f"a label is a string, got {type(label).__name__}")
        self.data = data if type(data) is float else as_float(data, "Value")
        self.grad = 0.0
        self.op = None
        self.label = label
        self.scope = thread.mode.scope if switched else ""
        self._first = self._to_first = ()
        self._second = None

    @property
    def inputs(self) -> tuple[Value, ...]:
        """The operands in argument order; ``x * x`` keeps x twice."""
        if self._second is not None:
            return self._first, self._second
        return self._first if isinstance(self._first, tuple) else (self._first,)

    @inputs.setter
    def inputs(self, operands: tuple[Value, ...]) -> None:
        self._first, self._second = _in_two_slots(operands)

    @property
    def partials(self) -> tuple[float, ...]:
        """The local derivatives, d self / d inputs[i], as they were when the node was recorded."""
        if self._second is not None:
            return self._to_first, self._to_second
        return self._to_first if isinstance(self._first, tuple) else (self._to_first,)

    @partials.setter
    def partials(self, partials: tuple[float, ...]) -> None:
        self._to_first, self._to_second = _in_two_slots(partials)

    @property
    def _prev(self) -> set[Value]:
        """The inputs as a set, by the name that drawing code written for micrograd's Value asks for."""
        return set(self.inputs)

    @property
    def _op(self) -> str:
        """The symbol of the operation, or '', by the name that such code asks for."""
        return self.op.symbol if self.op and self.inputs else ""

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
        accumulate(self, seed)

    __add__, __radd__ = _operator(primitives.add)
    __sub__, __rsub__ = _operator(primitives.sub)
    __mul__, __rmul__ = _operator(primitives.mul)
    __truediv__, __rtruediv__ = _operator(primitives.truediv)
    __pow__, __rpow__ = _operator(primitives.pow)
    __floordiv__, __rfloordiv__ = _operator(primitives.floor_divide)
    __mod__, __rmod__ = _operator(primitives.remainder)
    __neg__ = _method(primitives.neg)
    __abs__ = _method(primitives.abs)
    __floor__ = _method(primitives.floor)
    __ceil__ = _method(primitives.ceil)

    # Primitives meet Values through this, without the table knowing of the node.
    @staticmethod
    def __record__(primitive: Primitive, *operands: Any) -> Value:
        if primitive in _methods and type(operands[0]) is Value:
            return _methods[primitive](*operands)
        return apply(primitive, *operands)

    def __pos__(self) -> Value:
        return self

    # The operations that the table writes as functions become methods below. By their names NumPy's functions find
    # them: np.exp(array of Values) calls exp() on each.
    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Callable[..., Value]: ...

    def leaky_relu(self, negative_slope: float | Value = 0.01) -> Value:
        """self where it is positive, else negative_slope * self."""
        return primitives.leaky_relu(self, negative_slope)

    def elu(self, alpha: float | Value = 1.0) -> Value:
        """self where it is positive, else alpha * (exp(self) - 1)."""
        return primitives.elu(self, alpha)

    __eq__ = protocol.equals
    __hash__ = object.__hash__
    __lt__ = protocol.comparison(operator.lt)
    __le__ = protocol.comparison(operator.le)
    __gt__ = protocol.comparison(operator.gt)
    __ge__ = protocol.comparison(operator.ge)
    __bool__ = protocol.truth
    __float__ = __int__ = __trunc__ = protocol.refuse
    __index__ = protocol.index
    __round__ = protocol.rounded
    __format__ = protocol.formatted

    def conjugate(self) -> Value:
        """self, which is real; NumPy's variance asks for it."""
        return self

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


for _entry in primitives.PRIMITIVES.values():
    if _entry.arity < 3:
        _recorded = _methods.get(_entry) or (_method(_entry) if _entry.arity == 1 else _operator(_entry)[0])
        if _entry.precedence == ATOM and not hasattr(Value, _entry.name):
            setattr(Value, _entry.name, _recorded)


def as_value(operand: Any, taker: str = "Value") -> Value:
    """The operand itself if it is a Value, else a constant node of the number.

    Raises TypeError or ValueError as `Value` does, with `taker` for the name of who refused.
    """
    if isinstance(operand, Value):
        return operand
    node = _new(Value)
    node.data = operand if type(operand) is float else protocol.plain(operand, taker)
    node.grad = 0.0
    node.op = constant
    node.label = ""
    node.scope = thread.mode.scope if switched else ""
    node._first = node._to_first = ()
    node._second = None
    return node


def _operand(operand: Any, taker: str) -> Any:
    """The operand of an operator as a node; NotImplemented for an array, upon which Python asks the array."""
    try:
        return as_value(operand, taker)
    except TypeError:
        if is_array(operand):
            return NotImplemented
        raise


def number_of(term: Any) -> float:
    """The number in a Value, or the number itself as a float; raises TypeError for what is neither."""
    return term.data if isinstance(term, Value) else as_float(term, "number_of")


def apply(primitive: Primitive, *operands: Any) -> Any:
    """Record one operation: its result, its operands and its local derivatives, as a new Value.

    Plain numbers among the operands become constants. An array among them gives NotImplemented, upon which Python asks
    the array, which calls back for each of its elements.
    """
    for operand in operands:
        if type(operand) is not Value:
            operands = tuple([_operand(operand, primitive.name) for operand in operands])
            if any(operand is NotImplemented for operand in operands):
                return NotImplemented
            break
    recording, checking, scope, _, _ = thread.mode
    numbers = [operand.data for operand in operands]
    data = primitive.forward(*numbers)
    partials = primitive.slopes(*numbers, data) if recording else UNRECORDED
    if checking and not isfinite(data):
        raise anomaly(primitive, operands, scope, f"gave {data:g}")
    node = _new(Value)
    node.data = data
    node.grad = 0.0
    node.op = primitive if recording else None
    node.label = ""
    node.scope = scope
    node.inputs = operands if recording else ()
    node.partials = partials
    return node


def _in_two_slots(parts: tuple[Any, ...]) -> tuple[Any, Any]:
    if len(parts) == 2:
        return parts
    return (parts[0] if len(parts) == 1 else parts), None


_new = object.__new__
