"""The benchmarks run at their smallest size, and the engines they compare compute the same."""

from __future__ import annotations

import pytest

from tests.benchmarks import training
from tests.benchmarks.__main__ import markdown
from tests.benchmarks.engine import OURS, Network, chain, engines, memory, scaling, sizes_of, speed


def test_both_engines_compute_the_same_loss_and_gradient() -> None:
    pytest.importorskip("micrograd")
    ours, theirs = (Network.of(engine) for engine in engines())
    ours_loss, theirs_loss = ours.step(4), theirs.step(4)
    assert ours_loss.data == pytest.approx(theirs_loss.data, rel=1e-14)
    gradient = [parameter.grad for parameter in ours.parameters()]
    assert gradient == pytest.approx([parameter.grad for parameter in theirs.parameters()], rel=1e-12)
    assert sum(map(bool, gradient)) > 100  # of 337; the rest belongs to neurons that relu switched off
    sizes = [sizes_of(engine, loss) for engine, loss in zip(engines(), [ours_loss, theirs_loss], strict=True)]
    assert sizes[0] == sizes[1]


def test_the_chain_has_as_many_operations_as_it_was_asked_for() -> None:
    assert sizes_of(OURS, chain(10)) == (11, 10)


def test_every_table_has_its_shape() -> None:
    names = [engine.name for engine in engines()]
    for rows in (speed(1, repeats=1, passes=1), memory(1)):
        assert [row["engine"] for row in rows] == names
    rows = scaling([100, 1000], repeats=1)
    assert [row["graph"] for row in rows] == ["chain", "chain", "perceptron", "perceptron"]
    lines = markdown(rows).split("\n")
    assert len(lines) == 2 + len(rows)
    assert len({line.count("|") for line in lines}) == len({len(line) for line in lines}) == 1


def test_a_step_moves_the_weights_as_micrograd_does() -> None:
    pytest.importorskip("micrograd")
    X, y = training.moons()
    peer, peer_step = training.micrograd(X[:8], y[:8])
    model, step = training.ours(X[:8], y[:8], [float(p.data) for p in peer.parameters()])
    step()
    peer_step()
    assert list(model.state_dict().values()) == pytest.approx([p.data for p in peer.parameters()], rel=1e-10)
