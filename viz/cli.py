"""The command line: ``autograd-core explain`` and ``autograd-core demo``."""

from __future__ import annotations

import argparse
import io
import os
import sys
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Literal, NoReturn
from unicodedata import normalize

import nn
from autograd_core import Value, backward_table, explain, forward_table, named_scope
from autograd_core.expression import Evaluation, ExpressionError, evaluate
from autograd_core.functions import sigmoid
from autograd_core.tables import Table
from viz.dot import Diagram, draw
from viz.network import draw_network
from viz.plots import plot_decision_boundary, plot_history
from viz.stepper import Stepper

TESLA_BMW = "bmw = 100*ground; tesla = 2*bmw"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0, or 1 where the machine failed, or 2 for bad input."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # for names that the terminal has no letters for
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
        if sys.stdout is not None:
            sys.stdout.flush()
    except ExpressionError as error:
        return _failed(options.command, str(error), code=2)
    except BrokenPipeError:
        # Whoever read the output has seen enough; the interpreter must not try to flush the rest at exit.
        if sys.stdout is not None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (OSError, RuntimeError) as error:
        return _failed(options.command, str(error), code=1)
    except KeyboardInterrupt:
        return _failed(options.command, "interrupted", code=130)
    return 0


def _failed(command: str, message: str, code: int) -> int:
    if sys.stderr is not None:
        print(f"autograd-core {command}: {message}", file=sys.stderr)
    return code


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        hint = " (an expression that starts with - goes last, behind --)" if message.endswith("source") else ""
        self.exit(2, f"{self.prog}: {message}{hint}; {self.prog} --help shows how\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="autograd-core", description="See backpropagation, step by step.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")

    explaining = commands.add_parser(
        "explain",
        help="explain the derivatives of an expression",
        description="Compute an expression forwards and backwards and show why its derivatives are what they are.",
        epilog=f'example: autograd-core explain "{TESLA_BMW}" --at ground=1 --wrt ground',
    )
    explaining.add_argument(
        "source",
        help="assignments with ; or line breaks between, such as 'z = w*x + b; y = tanh(z)'; - reads standard input",
    )
    explaining.add_argument(
        "--at", action="append", default=[], metavar="NAME=VALUE", help="the value of an input; once for each"
    )
    explaining.add_argument(
        "--wrt", action="append", default=[], metavar="NAME", help="what to differentiate by (every input)"
    )
    explaining.add_argument("--latex", action="store_true", help="print the chain rule as LaTeX too")
    explaining.add_argument("--svg", type=Path, metavar="FILE", help="draw the graph into this file")
    explaining.add_argument("--html", type=Path, metavar="FILE", help="write a page that steps through both passes")
    explaining.set_defaults(run=_explain)

    demonstrating = commands.add_parser("demo", help="a tour: explains, draws, trains, and says where the pictures are")
    demonstrating.add_argument(
        "--out", type=Path, default=Path("autograd-core-demo"), metavar="DIR", help="where to write (%(default)s)"
    )
    demonstrating.set_defaults(run=_demo)
    return parser


def _explain(options: argparse.Namespace) -> None:
    source = sys.stdin.read() if options.source == "-" else options.source
    if options.svg and options.svg.suffix.lower() != ".svg":
        raise ExpressionError(f"--svg takes a file that ends in .svg, not {options.svg}")
    if options.html and options.html.suffix.lower() not in (".html", ".htm"):
        raise ExpressionError(f"--html takes a file that ends in .html, not {options.html}")
    evaluation = evaluate(source, _numbers(options.at))
    wrt = [normalize("NFKC", name) for name in options.wrt]
    for name in wrt:
        if name not in evaluation.names:
            raise ExpressionError(f"--wrt {name[:60]!r}: the expression has {', '.join(list(evaluation.names)[:10])}")
    _show(evaluation, dict.fromkeys(wrt or evaluation.inputs), latex=options.latex)
    if options.svg:
        print(f"\nwrote {draw(evaluation.output).save(options.svg)}")
    if options.html:
        print(f"\nwrote {_stepper(evaluation.output).save(options.html)}")


def _numbers(assignments: Sequence[str]) -> dict[str, float]:
    """name=value arguments as numbers."""
    numbers: dict[str, float] = {}
    for assignment in assignments:
        name, _, text = assignment.partition("=")
        try:
            if not name.strip() or name.strip() in numbers:
                raise ValueError
            numbers[name.strip()] = float(text)
        except ValueError:
            what = "--at takes name=value with a number, such as x=1.5, and each name once"
            raise ExpressionError(f"{what}, not {assignment[:60]!r}") from None
    return numbers


def _show(evaluation: Evaluation, wrt: Collection[str], latex: bool = False) -> None:
    """Both passes as tables and the chain rule for each name, with the gradients left in the nodes."""
    output = evaluation.output
    output.backward()
    print(f"forward pass\n\n{forward_table(output)}\n\nbackward pass\n\n{backward_table(output)}\n")
    print("chain rule\n" if wrt else "chain rule: there is no input to differentiate by")
    for name in wrt:
        explanation = explain(output, evaluation.names[name])
        print(explanation)
        if latex:
            print(explanation.latex())


def _demo(options: argparse.Namespace) -> None:
    options.out.mkdir(parents=True, exist_ok=True)
    print(f"A Tesla goes twice as fast as a BMW, which goes 100 times as fast as the ground: {TESLA_BMW}\n")
    evaluation = evaluate(TESLA_BMW, {"ground": 1.0})
    _show(evaluation, ["ground"])
    print()
    _save(draw(evaluation.output), options.out / "tesla_bmw")
    print(f"wrote {_stepper(evaluation.output).save(options.out / 'tesla_bmw.html')}, to step through in a browser")

    loss = _neuron()
    loss.backward()
    print("\nA neuron, sigmoid(w1*x1 + w2*x2 + b), with a squared error\n")
    print(f"{forward_table(loss)}\n\n{backward_table(loss)}\n")
    _save(draw(loss), options.out / "neuron")
    print(f"wrote {_stepper(loss).save(options.out / 'neuron.html')}, to step through in a browser")
    _train(options.out)


def _train(folder: Path) -> None:
    """Teach a network to tell two half moons apart, and draw what it learned."""
    X, y = nn.data.moons(200, noise=0.1, rng=0)
    X_train, X_test, y_train, y_test = nn.data.train_test_split(X, y, rng=0)
    engines: tuple[Literal["eager", "compiled"], ...] = ("eager", "compiled")
    rows, model, history = [], nn.MLP(2, [16, 16, 1], rng=0), nn.History()
    print(
        f"\nA network of {len(model.parameters())} parameters learns two half moons from {len(X_train)} points,", end=""
    )
    print(" by walking the nodes of each sample, and by the array program that they compile to\n", flush=True)
    for engine in engines:
        model = nn.MLP(2, [16, 16, 1], rng=0)
        start = time.perf_counter()
        history = nn.fit(
            model, X_train, y_train, loss=nn.losses.binary_cross_entropy_with_logits, epochs=30, batch_size=10,
            optimizer=nn.optim.Adam(model.parameters(), lr=0.03), validation_data=(X_test, y_test), rng=0,
            engine=engine,
        )  # fmt: skip
        seconds = time.perf_counter() - start
        accuracies = [nn.accuracy(model, X_train, y_train), nn.accuracy(model, X_test, y_test)]
        rows.append((engine, *(f"{accuracy:.1%}" for accuracy in accuracies), f"{seconds:.2f}"))
    header = ("engine", f"accuracy on the {len(X_train)}", f"on {len(X_test)} others", "seconds")
    print(f"\n{Table(header, rows)}\n")
    _save(draw_network(model, X_test[0]), folder / "network")
    try:
        boundary, losses = plot_decision_boundary(model, X, y), plot_history(history)
    except ImportError as error:
        print(f"without the decision boundary and the losses: {error}")
        return
    for name, axes in (("decision_boundary", boundary), ("losses", losses)):
        figure = axes.get_figure(root=True)
        assert figure is not None
        figure.savefig(folder / f"{name}.png", dpi=150)
        print(f"wrote {folder / name}.png")


def _stepper(output: Value) -> Stepper:
    """The stepper of an expression, of which too large a one is bad input."""
    try:
        return Stepper(output)
    except ValueError as error:
        raise ExpressionError(str(error)) from None


def _neuron() -> Value:
    """The squared error of one neuron on one sample, ready for a backward pass."""
    x1, x2, target = Value(1.5, label="x1"), Value(-2.0, label="x2"), Value(1.0, label="target")
    with named_scope("neuron"):
        w1, w2, b = Value(0.5, label="w1"), Value(-0.3, label="w2"), Value(0.1, label="b")
        z = w1 * x1 + w2 * x2 + b
        z.label = "z"
        prediction = sigmoid(z)
        prediction.label = "prediction"
    with named_scope("loss"):
        loss = (prediction - target) ** 2
        loss.label = "loss"
    return loss


def _save(diagram: Diagram, path: Path) -> None:
    for ending in ("svg", "png"):
        print(f"wrote {diagram.save(path.with_suffix(f'.{ending}'))}")


if __name__ == "__main__":
    sys.exit(main())
