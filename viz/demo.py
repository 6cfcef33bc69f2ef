"""The tour behind ``autograd-core demo``: explain, draw and step through two expressions, and train a network."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

import nn
from autograd_core import Value, backward_table, explain, forward_table, named_scope
from autograd_core.expression import evaluate
from autograd_core.functions import sigmoid
from autograd_core.tables import Table
from viz.dot import Diagram, draw
from viz.network import draw_network
from viz.plots import plot_decision_boundary, plot_history
from viz.stepper import Stepper

TESLA_BMW = "bmw = 100*ground; tesla = 2*bmw"
EPOCHS = 30


Save = Callable[[Callable[[Path], object], Path], None]
"""Writes a file by a function of its path, and says so."""


def tour(folder: Path, save: Save) -> list[Path]:
    """Explain, draw and train, with all files in an existing folder; returns the pages, in the order to be read.

    Raises OSError where a file cannot be written, and RuntimeError where Graphviz is missing.
    """
    print(
        "A BMW is 100 times as fast as a walker, and a Tesla twice as fast as the BMW.\n"
        f"How far do they get for each metre of ground that the walker covers?\n{TESLA_BMW}\n"
    )
    evaluation = evaluate(TESLA_BMW, {"ground": 1.0})
    tesla, page = evaluation.output, folder / "tesla_bmw.html"
    tesla.backward()
    print(f"forward pass\n\n{forward_table(tesla)}\n\nbackward pass\n\n{backward_table(tesla)}\n")
    print(f"chain rule\n\n{explain(tesla, evaluation.names['ground'])}\n")
    _draw(draw(tesla), folder / "tesla_bmw", save)
    save(Stepper(tesla).save, page)

    loss, another = _neuron(), folder / "neuron.html"
    loss.backward()
    print("\nA neuron, sigmoid(w1*x1 + w2*x2 + b), with a squared error\n")
    print(f"{forward_table(loss)}\n\n{backward_table(loss)}\n")
    _draw(draw(loss), folder / "neuron", save)
    save(Stepper(loss).save, another)
    _train(folder, save)
    return [page, another]


def _draw(diagram: Diagram, path: Path, save: Save) -> None:
    for ending in (".svg", ".png"):
        save(diagram.save, path.with_suffix(ending))


def _train(folder: Path, save: Save) -> None:
    """Teach a network to tell two half moons apart, and draw what it learned."""
    X, y = nn.data.moons(200, noise=0.1, rng=0)
    X_train, X_test, y_train, y_test = nn.data.train_test_split(X, y, rng=0)
    engines: tuple[Literal["eager", "compiled"], ...] = ("eager", "compiled")
    rows, model, history = [], nn.MLP(2, [16, 16, 1], rng=0), nn.History()
    print(
        f"\nA network of {len(model.parameters())} parameters learns two half moons from {len(X_train)} points:\n"
        "first by walking the nodes of each sample, for about five seconds,\n"
        "then by the array program that they compile to, in a fraction of one\n",
        flush=True,
    )
    for engine in engines:
        model = nn.MLP(2, [16, 16, 1], rng=0)
        start = time.perf_counter()
        history = nn.fit(
            model, X_train, y_train, loss=nn.losses.binary_cross_entropy_with_logits, epochs=EPOCHS, batch_size=10,
            optimizer=nn.optim.Adam(model.parameters(), lr=0.03), validation_data=(X_test, y_test), rng=0,
            engine=engine,
        )  # fmt: skip
        seconds = time.perf_counter() - start
        accuracies = [nn.accuracy(model, X_train, y_train), nn.accuracy(model, X_test, y_test)]
        rows.append((engine, *(f"{accuracy:.1%}" for accuracy in accuracies), f"{seconds:.2f}"))
    header = ("engine", f"accuracy on the {len(X_train)}", f"on {len(X_test)} others", "seconds")
    print(f"\n{Table(header, rows)}\n")
    save(draw_network(model, X_test[0]).save, folder / "network.svg")
    # A bitmap of all the lines would be megabytes, or too small to read.
    save(partial(draw_network(model, X_test[0], max_width=8).save, width=1100), folder / "network.png")
    try:
        boundary, losses = plot_decision_boundary(model, X, y), plot_history(history)
    except ImportError as error:
        print(f"without the decision boundary and the losses: {error}")
        return
    for name, axes in (("decision_boundary", boundary), ("losses", losses)):
        figure = axes.get_figure(root=True)
        assert figure is not None
        save(partial(figure.savefig, dpi=150), folder / f"{name}.png")


def _neuron() -> Value:
    """The squared error of one neuron on one sample, ready for a backward pass."""
    x1, x2, target = Value(1.5, label="x1"), Value(-2.0, label="x2"), Value(1.0, label="target")
    with named_scope("neuron"):
        w1, w2, b = Value(0.5, label="w1"), Value(-0.3, label="w2"), Value(0.1, label="b")
        z = w1 * x1 + w2 * x2 + b
        z.label = "z"
        y = sigmoid(z)
        y.label = "y"
    with named_scope("loss"):
        loss = (y - target) ** 2
        loss.label = "loss"
    return loss
