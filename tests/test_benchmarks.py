"""The benchmarks run at their smallest size, and the engines they compare compute the same."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from autograd_core import compile
from tests.autograd_core.compiler.native import skip_without_compiler
from tests.autograd_core.compiler.realistic import PROGRAMS
from tests.benchmarks import devices, digits, expressions, microgpt, moons, native, training, transformer
from tests.benchmarks.__main__ import MODULES, main, markdown
from tests.benchmarks.compiling import growth
from tests.benchmarks.costs import STATEMENTS, choices, constants
from tests.benchmarks.engine import (
    GRAPHS,
    LEAN,
    OURS,
    Engine,
    Network,
    chain,
    engines,
    interleaved,
    memory,
    scaling,
    sizes_of,
    speed,
)
from tests.benchmarks.networks import layered, mlp, unlayered
from tests.benchmarks.peers import PACKAGES, Makers, Peer, compared, figure, flat, package, passes_within

WORKLOADS: dict[str, Makers] = {
    "example": expressions.EXAMPLE,
    "moons": moons.makers(8),
    "digits": digits.makers(4),
    "transformer": transformer.makers(None),
    "transformer of a batch": transformer.makers(2),
    "microgpt": microgpt.makers(None),
    "microgpt of a batch": microgpt.makers(2),
}


@pytest.mark.parametrize("engine", engines()[1:], ids=lambda engine: engine.name)
def test_engines_compute_the_same_loss_and_gradient(engine: Engine) -> None:
    ours, theirs = Network.of(OURS), Network.of(engine)
    ours_loss, theirs_loss = ours.step(4), theirs.step(4)
    assert ours_loss.data == pytest.approx(theirs_loss.data, rel=1e-14)
    gradient = [parameter.grad for parameter in ours.parameters()]
    assert gradient == pytest.approx([parameter.grad for parameter in theirs.parameters()], rel=1e-12)
    assert sum(map(bool, gradient)) > 100  # of 337; the rest belongs to neurons that relu switched off
    sizes = [sizes_of(engine, loss) for engine, loss in zip((OURS, engine), (ours_loss, theirs_loss), strict=True)]
    assert sizes[0] == sizes[1]


def test_the_chain_has_as_many_operations_as_it_was_asked_for() -> None:
    assert sizes_of(OURS, chain(10)) == (11, 10)


def test_a_node_takes_at_most_220_bytes() -> None:
    ours, lean, *_ = memory(2)
    assert float(ours["bytes a node, forward and backward"]) <= 220.0
    assert float(ours["bytes a node, forward"]) <= float(lean["bytes a node, forward"])


def graph_of(graph: str, engine: Engine, size: int) -> tuple[float, list[float]]:
    """The output, and the gradient of each leaf that was made by name."""
    leaves: list[Any] = []

    def value(number: float) -> Any:
        leaves.append(engine.value(number))
        return leaves[-1]

    output = GRAPHS[graph](engine._replace(value=value), size)()
    output.backward()
    return output.data, [leaf.grad for leaf in leaves]


@pytest.mark.parametrize("graph", GRAPHS)
def test_the_lean_engine_computes_the_same(graph: str) -> None:
    ours, theirs = graph_of(graph, OURS, 3), graph_of(graph, LEAN, 3)
    assert ours[0] == pytest.approx(theirs[0], rel=1e-12)
    assert ours[1] == pytest.approx(theirs[1], rel=1e-9)
    assert any(ours[1])


@pytest.mark.slow
def test_every_table_has_its_shape() -> None:
    names = [engine.name for engine in engines()]
    for rows in (speed("perceptron, samples", 1, repeats=1, per_repeat=1), memory(1)):
        assert [row["engine"] for row in rows] == names
    for graph in GRAPHS:
        assert [row["engine"] for row in speed(graph, 1, repeats=1, per_repeat=1)][:2] == names[:2]
    rows = scaling([100, 1000], repeats=1)
    assert [row["graph"] for row in rows] == ["chain", "chain", "perceptron", "perceptron"]
    lines = markdown(rows).split("\n")
    assert len(lines) == 2 + len(rows)
    assert len({line.count("|") for line in lines}) == len({len(line) for line in lines}) == 1


@pytest.mark.slow
def test_native_programs_compute_what_their_peers_do() -> None:
    skip_without_compiler()
    few = [program for program in PROGRAMS if program.name in ("black_scholes", "mixture_of_experts", "rosenbrock")]
    for program in few:
        for samples in (None, 5):
            made = native.makers(program, samples)
            there = {name: make() for name, make in made.items() if find_spec(package(name))}
            first, *others = (peer.numbers(peer.run()) for peer in there.values())
            for other in others:
                np.testing.assert_allclose(other, first, rtol=1e-9, atol=1e-12)


def test_a_step_moves_the_weights_as_micrograd_does() -> None:
    pytest.importorskip("micrograd")
    X, y = training.moons()
    peer, peer_step = training.micrograd(X[:8], y[:8])
    model, step = training.ours(X[:8], y[:8], [float(p.data) for p in peer.parameters()])
    step()
    peer_step()
    assert list(model.state_dict().values()) == pytest.approx([p.data for p in peer.parameters()], rel=1e-10)


def others() -> list[Any]:
    """Each workload with each peer but the first, which is ours."""
    return [
        pytest.param(workload, name, marks=[pytest.mark.torch] if package(name) == "torch" else [])
        for workload, makers in WORKLOADS.items()
        for name in list(makers)[1:]
    ]


def after_two_runs(workload: str, name: str) -> np.ndarray:
    peer = WORKLOADS[workload][name]()
    peer.run()
    return peer.numbers(peer.run())


@cache
def ours(workload: str) -> np.ndarray:
    return after_two_runs(workload, next(iter(WORKLOADS[workload])))


@pytest.mark.parametrize(("workload", "name"), others())
def test_all_peers_come_to_the_same_numbers(workload: str, name: str) -> None:
    pytest.importorskip(package(name))
    expected, found = ours(workload), after_two_runs(workload, name)
    assert expected.shape == found.shape
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("workload", ["moons", "digits"])
def test_a_step_moves_the_weights(workload: str) -> None:
    widths = {"moons": moons.WIDTHS, "digits": digits.WIDTHS}[workload]
    moved = ours(workload)[1:] - mlp(widths)[1]
    assert np.count_nonzero(moved) > moved.size / 3


def test_weights_and_biases_come_apart_and_together_again() -> None:
    model, parameters = mlp((2, 3, 1))
    W1, b1, W2, b2 = arrays = unlayered(parameters, (2, 3, 1))
    assert [array.shape for array in arrays] == [(2, 3), (3,), (3, 1), (1,)]
    assert layered(arrays).tolist() == parameters.tolist()
    expected = model([0.5, -1.0]).data
    assert (np.maximum([0.5, -1.0] @ W1 + b1, 0.0) @ W2 + b2).tolist() == pytest.approx([expected], rel=1e-14)


def test_the_compiled_irregular_graph_agrees_with_walking_its_nodes() -> None:
    graph = expressions.Irregular.of(300)
    leaves, output = graph.record()
    assert sizes_of(OURS, output) == (300, 270)
    value, gradient = compile(output, [], leaves).value_and_grad(graph.leaves)
    output.backward()
    assert value == pytest.approx(output.data, rel=1e-12)
    assert gradient == pytest.approx([leaf.grad for leaf in leaves], rel=1e-9)
    assert np.count_nonzero(gradient) == 30
    assert graph.step().data == output.data


def test_the_table_of_irregular_graphs_has_its_shape() -> None:
    rows = expressions.irregular([70, 100], repeats=1, seconds=0.0)
    assert [row["nodes"] for row in rows] == ["70", "100"]
    assert all(float(row["times ours"]) > 0.0 for row in rows)


def test_the_table_of_compiling_has_its_shape() -> None:
    rows = growth([500, 2000], repeats=1)
    assert [row["nodes"] for row in rows] == ["986", "2,282"]
    assert all(float(row["peak MB with the graph, traced"]) > float(row["MB of the graph, traced"]) for row in rows)


@pytest.mark.jax
@pytest.mark.slow
def test_the_table_of_devices_has_its_shape() -> None:
    pytest.importorskip("jax")
    (row,) = devices.rows((1, 2), [(3, 5)], epochs=1)
    assert list(row) == ["width", "batch", "NumPy, us a step", "JAX, 1 device", "JAX, 2 devices", "NumPy / JAX"]
    assert all(float(cell.replace(",", "")) > 0.0 for cell in row.values())
    assert list(devices.rows((), [(3, 5)], epochs=1)[0]) == ["width", "batch", "NumPy, us a step"]


def test_a_comparison_names_what_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PACKAGES, "absent", "no_such_package")
    makers = {name: lambda: Peer(lambda: [1.0, (2.0,)], flat) for name in ("ours", "absent, in two forms", "by hand")}
    title, rows = compared("Title", makers, repeats=1, unit="step", seconds=0.0)
    assert title == "Title (without no_such_package: not installed)"
    assert [row["engine"] for row in rows] == ["ours", "by hand"]
    assert list(rows[0]) == ["engine", "us a step", "times ours"]
    assert rows[0]["times ours"] == "1.00"
    assert compared("Title", {"ours": makers["ours"]}, repeats=1, unit="step", seconds=0.0)[0] == "Title"


def test_each_run_makes_the_passes_asked_for() -> None:
    calls: list[str] = []
    interleaved([lambda: calls.append("a"), lambda: calls.append("b")], repeats=2, passes=[1, 3])
    assert "".join(calls) == "abbbabbb"
    calls.clear()
    assert passes_within(lambda: calls.append("a"), 0.0) == 1
    assert passes_within(lambda: calls.append("a"), 1e-3) > 10


def test_figures_have_three_digits() -> None:
    assert [figure(number) for number in (0.123, 1.234, 12.34, 123.4, 12345.6)] == [
        "0.12",
        "1.23",
        "12.3",
        "123",
        "12,346",
    ]


def test_a_benchmark_that_there_is_not() -> None:
    assert all(hasattr(module, "tables") for module in MODULES)
    with pytest.raises(SystemExit, match="no benchmark 'moon'; there are engine, training"):
        main(["moon"])


@pytest.mark.slow
def test_constants_of_costs_are_measured_and_choices_timed() -> None:
    rows = constants(1, 1e-5)
    assert {row["constant"] for row in rows} == set(STATEMENTS)
    assert all(float(row["ns in the table"]) > 0.0 for row in rows)
    (row,) = choices([next(one for one in PROGRAMS if one.name == "robot_arm")], [None, 256], 1, 1e-5)
    assert row["a sample"].startswith("scalar ")
    assert row["a batch of 256"].startswith("numpy ")
