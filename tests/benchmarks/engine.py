"""Forward and backward passes on scalar nodes, here and elsewhere: time an operation, bytes a node, scaling.

The peers are micrograd, where it is installed, and the leanest node that computes the same gradients (`Lean`). The code
that builds a graph is a function of the node class, so all engines run the very same lines. The garbage collector is
left as users have it, on with Python's default thresholds, and emptied before each timing, so that no engine pays for
what another left behind. Times are medians of interleaved runs. A run is several passes on end, as in training, so it
also pays for getting rid of the earlier passes' graphs.
"""

from __future__ import annotations

import gc
import random
import tracemalloc
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from math import cos, pi, sin
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

from autograd_core import Value
from tests.benchmarks.lean import Lean

Row = dict[str, str]


class Engine(NamedTuple):
    """What the benchmarks need to know of an engine."""

    name: str
    value: Callable[[float], Any]
    operands: Callable[[Any], Iterable[Any]]


OURS = Engine("autograd-core", Value, lambda node: node.inputs)


LEAN = Engine("lean Value", Lean, lambda node: node.children)


def engines() -> list[Engine]:
    """This project's engine, the lean one and, where it is installed, micrograd."""
    try:
        from micrograd.engine import Value as MicrogradValue
    except ImportError:
        return [OURS, LEAN]
    return [OURS, LEAN, Engine("micrograd", MicrogradValue, lambda node: node._prev)]


class Network(NamedTuple):
    """A perceptron 2-16-16-1 with relu, and how far it is from classifying samples, on nodes of one engine."""

    layers: list[list[tuple[list[Any], Any]]]
    """Per layer and neuron, the weights and the bias."""
    value: Callable[[float], Any]

    @classmethod
    def of(cls, engine: Engine, widths: Sequence[int] = (2, 16, 16, 1)) -> Network:
        """The network with the same random weights in every engine."""
        uniform = random.Random(0).uniform
        layers = [
            [([engine.value(uniform(-1, 1)) for _ in range(fan_in)], engine.value(0.0)) for _ in range(fan_out)]
            for fan_in, fan_out in pairwise(widths)
        ]
        return cls(layers, engine.value)

    def parameters(self) -> list[Any]:
        """All weights and biases."""
        return [parameter for layer in self.layers for weights, bias in layer for parameter in (*weights, bias)]

    def score(self, point: Sequence[Any]) -> Any:
        """The one output: positive for one class, negative for the other."""
        signals = list(point)
        for layer in self.layers:
            sums: list[Any] = [
                sum((w * x for w, x in zip(weights, signals, strict=True)), bias) for weights, bias in layer
            ]
            signals = [total.relu() for total in sums] if layer is not self.layers[-1] else sums
        return signals[0]

    def loss(self, samples: int) -> Any:
        """The sum of hinge losses over points on two interleaved half circles."""
        total = self.value(0.0)
        for i in range(samples):
            angle, side = pi * i / samples, 1.0 if i % 2 else -1.0
            point = [self.value(side * cos(angle) + 0.5), self.value(side * sin(angle) - 0.25 * side)]
            total = total + (self.score(point) * side + 1.0).relu()
        return total

    def step(self, samples: int) -> Any:
        """Forward and backward pass."""
        loss = self.loss(samples)
        loss.backward()
        return loss


def dot_products(engine: Engine, count: int, length: int = 16) -> Callable[[], Any]:
    """What records the sum of so many dot products of two vectors, with the 0 that Python's `sum` starts from."""
    uniform = random.Random(0).uniform
    rows = [[engine.value(uniform(-1, 1)) for _ in range(length)] for _ in range(2)]
    return lambda: sum(sum(w * x for w, x in zip(*rows, strict=True)) for _ in range(count))


def language_model(engine: Engine, layers: int, width: int = 16) -> Callable[[], Any]:
    """What records the layers of a small language model: norm, product with a matrix, relu, softmax, entropy.

    Its lines are full of plain numbers, as a transformer's are: scores are scaled, sums start from 0.
    """
    uniform = random.Random(0).uniform
    start = [engine.value(uniform(-1, 1)) for _ in range(width)]
    weights = [[engine.value(uniform(-0.3, 0.3)) for _ in range(width)] for _ in range(width)]

    def record() -> Any:
        signals, losses = start, []
        for _ in range(layers):
            scale = (sum(x * x for x in signals) / width + 1e-5) ** -0.5
            signals = [x * scale for x in signals]
            sums: list[Any] = [sum(w * x for w, x in zip(row, signals, strict=True)) for row in weights]
            signals = [total.relu() for total in sums]
            largest = max(x.data for x in signals)
            exponentials = [(x - largest).exp() for x in signals]
            total = sum(exponentials)
            signals = [e / total for e in exponentials]
            losses.append(-signals[0].log())
        return sum(losses) / layers

    return record


def passes(record: Callable[[], Any]) -> Callable[[], Any]:
    """The forward and the backward pass of what records a graph."""

    def run() -> Any:
        output = record()
        output.backward()
        return output

    return run


def chain(operations: int) -> Any:
    """Forward and backward pass along a chain of multiplications and additions."""
    x = weight = Value(0.999)
    for _ in range(operations // 2):
        x = x * weight + weight
    x.backward()
    return x


def sizes_of(engine: Engine, output: Any) -> tuple[int, int]:
    """How many nodes the output depends on, itself included, and how many of them are operations."""
    seen, stack, operations = {output}, [output], 0
    while stack:
        operands = set(engine.operands(stack.pop()))
        operations += bool(operands)
        stack.extend(operands - seen)
        seen |= operands
    return len(seen), operations


def interleaved(
    runs: Sequence[Callable[[], Any]], repeats: int, passes: int | Sequence[int], collecting: bool = True
) -> list[float]:
    """Seconds per pass of each run: the median over the repeats, the runs taking turns.

    `passes` is how many of them make a repeat, for all runs or for each. With `collecting` off the garbage collector
    rests during the timings.
    """
    seconds: list[list[float]] = [[] for _ in runs]
    counts = [passes] * len(runs) if isinstance(passes, int) else passes
    # Or a run that makes garbage would pay for a look through all that the other libraries have loaded.
    gc.collect()
    gc.freeze()
    for _ in range(repeats):
        for run, count, times in zip(runs, counts, seconds, strict=True):
            gc.collect()
            if not collecting:
                gc.disable()
            start = perf_counter()
            for _ in range(count):
                run()
            times.append((perf_counter() - start) / count)
            gc.enable()
    gc.unfreeze()
    return [median(times) for times in seconds]


GRAPHS: dict[str, Callable[[Engine, int], Callable[[], Any]]] = {
    "perceptron, samples": lambda engine, size: partial(Network.of(engine).loss, size),
    "dot products": dot_products,
    "language model, layers": language_model,
}
"""By what its size counts, what makes what records a graph of a size."""


def speed(graph: str, size: int, repeats: int, per_repeat: int) -> list[Row]:
    """Time of forward and backward pass in each engine that can: micrograd recurses, and has neither exp nor log."""
    competitors, records = [], []
    for engine in engines():
        record = GRAPHS[graph](engine, size)
        try:
            passes(record)()
        except (AttributeError, RecursionError):
            continue
        competitors.append(engine)
        records.append(record)
    times = interleaved([passes(record) for record in records], repeats, per_repeat)
    rows = []
    for engine, record, seconds in zip(competitors, records, times, strict=True):
        nodes, operations = sizes_of(engine, record())
        rows.append(
            {
                "engine": engine.name,
                "nodes": f"{nodes:,}",
                "operations": f"{operations:,}",
                "ms a pass": f"{seconds * 1e3:.2f}",
                "ns a node": f"{seconds / nodes * 1e9:,.0f}",
                "times ours": f"{seconds / times[0]:.2f}",
            }
        )
    return rows


def memory(samples: int) -> list[Row]:
    """Bytes a node that a graph holds, after the forward and after the backward pass, parameters included."""
    rows = []
    for engine in engines():
        gc.collect()
        tracemalloc.start()
        network = Network.of(engine)
        loss = network.loss(samples)
        forward, _ = tracemalloc.get_traced_memory()
        loss.backward()
        gc.collect()  # what the backward pass itself no longer needs
        backward, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        nodes, _ = sizes_of(engine, loss)
        rows.append(
            {
                "engine": engine.name,
                "nodes": f"{nodes:,}",
                "bytes a node, forward": f"{forward / nodes:.1f}",
                "bytes a node, forward and backward": f"{backward / nodes:.1f}",
            }
        )
    return rows


def scaling(sizes: Sequence[int], repeats: int) -> list[Row]:
    """Time an operation against the size of the graph, for a chain and for the network on more and more samples.

    Counted by operations, for the parameters of the network are nodes too but are not recorded in each pass.
    """
    network = Network.of(OURS)
    per_sample = sizes_of(OURS, network.loss(2))[1] - sizes_of(OURS, network.loss(1))[1]
    graphs: dict[str, Callable[[int], Any]] = {
        "chain": chain,
        "perceptron": lambda size: network.step(max(1, size // per_sample)),
    }
    rows: list[Row] = []
    for name, build in graphs.items():
        smallest: list[float] = []
        for size in sizes:
            nodes, operations = sizes_of(OURS, build(size))
            run, passes = partial(build, size), max(1, 20_000 // size)
            times = [interleaved([run], repeats, passes, collecting)[0] for collecting in (True, False)]
            costs = [seconds / operations * 1e9 for seconds in times]
            smallest = smallest or costs
            rows.append(
                {
                    "graph": name,
                    "nodes": f"{nodes:,}",
                    "ns an operation": f"{costs[0]:,.0f}",
                    "times the smallest": f"{costs[0] / smallest[0]:.2f}",
                    "ns an operation, collector off": f"{costs[1]:,.0f}",
                    "times the smallest, collector off": f"{costs[1] / smallest[1]:.2f}",
                }
            )
    return rows


SPEEDS = (
    ("perceptron, samples", 1, 21, 50),
    ("perceptron, samples", 100, 5, 5),
    ("dot products", 50, 21, 20),
    ("dot products", 1_500, 7, 2),
    ("language model, layers", 2, 21, 20),
    ("language model, layers", 60, 7, 2),
)
"""Graph, size, repeats, and passes a repeat."""


def tables() -> Iterator[tuple[str, list[Row]]]:
    """The tables, each worked out when it is asked for."""
    missing = "" if len(engines()) > 2 else " (micrograd is not installed: python -m pip install micrograd)"
    for graph, size, repeats, per_repeat in SPEEDS:
        yield f"Forward and backward, {graph}: {size:,}{missing}", speed(graph, size, repeats, per_repeat)
    yield f"Memory of the graph of 100 samples{missing}", memory(100)
    yield "Forward and backward as graphs grow", scaling([10**3, 10**4, 10**5, 10**6], repeats=3)
