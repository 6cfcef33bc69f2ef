"""Value and gradient of scalar expressions: micrograd's example in many libraries, and irregular graphs here."""

from __future__ import annotations

import operator
import random
from array import array
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from autograd_core import Value, collector_paused, compile
from autograd_core.functions import relu
from tests.benchmarks.engine import Row, interleaved
from tests.benchmarks.peers import Makers, Peer, compared, figure, flat, jax_in_float64, passes_within

AT = (-4.0, 2.0)


def expression(a: Any, b: Any, relu: Callable[[Any], Any]) -> Any:
    """The example of micrograd's README."""
    c = a + b
    d = a * b + b**3
    c = c + c + 1
    c = c + 1 + c + (-a)
    d = d + d * 2 + relu(b + a)
    d = d + 3 * d + relu(b - a)
    e = c - d
    f = e**2
    g = f / 2.0
    return g + 10.0 / f


def compiled() -> Peer:
    a, b = Value(AT[0], label="a"), Value(AT[1], label="b")
    program = compile(expression(a, b, relu), [], [a, b])
    return Peer(partial(program.value_and_grad, np.array(AT)), flat)


def nodes(value: Callable[[float], Any]) -> Peer:
    """On the nodes of this project or of micrograd, which record the graph anew in each pass."""

    def run() -> tuple[float, float, float]:
        a, b = value(AT[0]), value(AT[1])
        g = expression(a, b, lambda x: x.relu())
        g.backward()
        return g.data, a.grad, b.grad

    return Peer(run, flat)


def micrograd() -> Peer:
    return nodes(import_module("micrograd.engine").Value)


def hips() -> Peer:
    value_and_grad = import_module("autograd").value_and_grad
    maximum = import_module("autograd.numpy").maximum
    function = value_and_grad(partial(expression, relu=lambda x: maximum(x, 0.0)), (0, 1))
    return Peer(partial(function, *AT), flat)


def xad() -> Peer:
    adjoint, maximum = import_module("xad.adj_1st"), import_module("xad.math").max

    def run() -> tuple[float, float, float]:
        with adjoint.Tape() as tape:
            a, b = adjoint.Real(AT[0]), adjoint.Real(AT[1])
            tape.registerInput(a)
            tape.registerInput(b)
            tape.newRecording()
            g = expression(a, b, lambda x: maximum(x, 0.0))
            tape.registerOutput(g)
            g.setDerivative(1.0)
            tape.computeAdjoints()
            return g.getValue(), a.getDerivative(), b.getDerivative()

    return Peer(run, flat)


def casadi_function() -> Any:
    """Value and gradient as a function of a and b in one vector."""
    casadi = import_module("casadi")
    at = casadi.SX.sym("at", 2)
    g = expression(at[0], at[1], lambda x: casadi.fmax(x, 0.0))
    return casadi.Function("example", [at], [g, casadi.gradient(g, at)])


def casadi() -> Peer:
    return Peer(partial(casadi_function(), AT), lambda returned: flat([matrix.full() for matrix in returned]))


def casadi_in_place() -> Peer:
    """The same function from and to arrays that stay where they are, without objects of CasADi's in a call."""
    buffer, evaluate = casadi_function().buffer()
    memory = array("d", AT), array("d", [0.0]), array("d", [0.0, 0.0])
    buffer.set_arg(0, memoryview(memory[0]))
    buffer.set_res(0, memoryview(memory[1]))
    buffer.set_res(1, memoryview(memory[2]))

    def numbers(_: None) -> np.ndarray:
        # Asks for the buffer and all of the memory, which `evaluate` points into and does not keep alive.
        assert buffer.ret() == 0
        return flat(list(memory))[len(AT) :]

    return Peer(evaluate, numbers)


def pytorch() -> Peer:
    torch = import_module("torch")
    a, b = (torch.tensor(number, dtype=torch.float64, requires_grad=True) for number in AT)

    def run() -> tuple[float, Any]:
        g = expression(a, b, torch.relu)
        return g.item(), torch.autograd.grad(g, (a, b))

    return Peer(run, flat)


def jax_jit() -> Peer:
    jax = jax_in_float64()
    function = jax.jit(jax.value_and_grad(partial(expression, relu=lambda x: jax.numpy.maximum(x, 0.0)), (0, 1)))
    a, b = (jax.numpy.asarray(number) for number in AT)
    return Peer(lambda: jax.block_until_ready(function(a, b)), flat)


EXAMPLE: Makers = {
    "autograd-core, compiled": compiled,
    "autograd-core, eager": partial(nodes, Value),
    "micrograd": micrograd,
    "HIPS autograd": hips,
    "XAD": xad,
    "CasADi": casadi,
    "CasADi, in place": casadi_in_place,
    "PyTorch": pytorch,
    "jax.jit": jax_jit,
}

Operation = tuple[Callable[..., Value], tuple[int, ...]]


class Irregular(NamedTuple):
    """A random graph without rows that look alike: operations, by numbers of their operands, on some leaves."""

    leaves: list[float]
    operations: list[Operation]

    @classmethod
    def of(cls, size: int, width: int = 30) -> Irregular:
        """With `size` nodes, all of which the last one depends on; `width` are leaves."""
        draw = random.Random(0)
        leaves = [draw.uniform(-1.0, 1.0) for _ in range(width)]
        known, operations = [Value(number) for number in leaves], []
        unused = list(range(width))

        def add(function: Callable[..., Value], *operands: int) -> int:
            operations.append((function, operands))
            known.append(function(*(known[k] for k in operands)))
            return len(known) - 1

        while len(known) < size - width + 1:
            place = draw.randrange(width)
            first = unused[place]
            # Sine and tanh keep sums and products from growing without bounds.
            if abs(known[first].data) > 2.0 or draw.random() < 0.3:
                unused[place] = add(getattr(Value, draw.choice(("sin", "tanh"))), first)
            else:
                function = draw.choice((operator.add, operator.sub, operator.mul))
                unused[place] = add(function, first, draw.randrange(len(known)))
        total = unused[0]
        for other in unused[1:]:
            total = add(operator.add, total, other)
        return cls(leaves, operations)

    def record(self) -> tuple[list[Value], Value]:
        """The leaves, and the node that depends on all."""
        leaves = [Value(number) for number in self.leaves]
        known = leaves.copy()
        for function, operands in self.operations:
            known.append(function(*[known[k] for k in operands]))
        return leaves, known[-1]

    def step(self) -> Value:
        """Forward and backward pass."""
        _, output = self.record()
        output.backward()
        return output


def irregular(sizes: Sequence[int], repeats: int, seconds: float = 0.05) -> list[Row]:
    """Time of value and gradient, compiled, eager with a graph recorded anew, and of the eager backward pass alone."""
    rows = []
    for size in sizes:
        graph = Irregular.of(size)
        leaves, output = graph.record()
        with collector_paused():
            program = compile(output, [], leaves)
        at = np.array(graph.leaves)
        runs = [partial(program.value_and_grad, at), graph.step, output.backward]
        times = interleaved(runs, repeats, [passes_within(run, seconds) for run in runs])
        ours, eager, backward = (figure(taken * 1e3) for taken in times)
        rows.append(
            {
                "nodes": f"{program.statistics.recorded:,}",
                "of them live": f"{program.statistics.live:,}",
                "backend": program.backend,
                "s to compile": f"{program.statistics.seconds:.2f}",
                "ms, compiled": ours,
                "ms, eager": eager,
                "times ours": figure(times[1] / times[0]),
                "ms, eager backward alone": backward,
                "times ours, alone": figure(times[2] / times[0]),
            }
        )
    return rows


def tables() -> Iterator[tuple[str, list[Row]]]:
    """The tables, each worked out when it is asked for."""
    yield compared("Value and gradient of micrograd's example, 25 operations", EXAMPLE, repeats=21, unit="call")
    yield "Value and gradient of random irregular graphs", irregular([10**3, 10**4, 4 * 10**4], repeats=9)
