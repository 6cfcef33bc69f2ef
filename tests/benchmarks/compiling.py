"""How long `compile` takes, and how much memory, as graphs grow."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from autograd_core import Program, Value, collector_paused, compile
from tests.benchmarks.engine import OURS, Network, Row, interleaved, sizes_of
from tests.benchmarks.peers import figure


def recorded(samples: int) -> tuple[Value, list[Any]]:
    """The loss of a perceptron on so many samples in one graph, and its parameters."""
    network = Network.of(OURS)
    with collector_paused():
        return network.loss(samples), network.parameters()


def traced(samples: int) -> tuple[Program, float, float]:
    """The program, and the peaks of memory in bytes while recording, and while recording and compiling.

    In a run of its own, for tracing slows it down.
    """
    gc.collect()
    tracemalloc.start()
    loss, parameters = recorded(samples)
    graph = tracemalloc.get_traced_memory()[1]
    program = compile(loss, [], parameters)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return program, graph, peak


def growth(sizes: Sequence[int], repeats: int) -> list[Row]:
    """Time and memory to compile graphs of about so many nodes."""
    per_sample = sizes_of(OURS, recorded(2)[0])[0] - sizes_of(OURS, recorded(1)[0])[0]
    rows = []
    for size in sizes:
        samples = max(1, size // per_sample)
        loss, parameters = recorded(samples)
        (seconds,) = interleaved([partial(compile, loss, [], parameters)], repeats, passes=1)
        del loss, parameters
        program, graph, peak = traced(samples)
        nodes = program.statistics.recorded
        rows.append(
            {
                "nodes": f"{nodes:,}",
                "operations on arrays": f"{program.statistics.operations:,}",
                "seconds to compile": f"{seconds:.3f}",
                "us a node": f"{seconds / nodes * 1e6:.2f}",
                "MB of the graph, traced": figure(graph / 1e6),
                "peak MB with the graph, traced": figure(peak / 1e6),
            }
        )
    return rows


def tables() -> Iterator[tuple[str, list[Row]]]:
    """The table, worked out when it is asked for."""
    title = "Compiling a perceptron 2-16-16-1 on more and more samples in one graph, recorded before"
    yield title, growth([10**3, 10**4, 10**5, 10**6], repeats=3)
