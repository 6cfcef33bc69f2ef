"""The command line: ``autograd-core explain``, ``play``, ``worksheet`` and ``demo``."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path
from typing import IO, Any, NoReturn
from unicodedata import normalize

from autograd_core import backward_table, explain, forward_table
from autograd_core.exercises import TOPICS
from autograd_core.expression import Evaluation, ExpressionError, evaluate
from autograd_core.tables import MOST_ROWS
from viz.demo import TESLA_BMW, tour
from viz.dot import draw
from viz.given import hint_at_inputs, numbers, require_suffix, source
from viz.playground import Playground
from viz.stepper import Stepper
from viz.worksheet import MOST_QUESTIONS, Worksheet

PROGRAM = "autograd-core"
PICTURES = ("svg", "png", "pdf")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0, or 1 where the machine failed, or 2 for bad input."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # for names that the terminal has no letters for
    command = PROGRAM
    try:
        try:
            options = _parser().parse_args(arguments)
            command = f"{PROGRAM} {options.command}"
            options.run(options)
        finally:
            # Here and not when Python exits, where a full disk could no longer be told in a line.
            if sys.stdout is not None:
                sys.stdout.flush()
    except ExpressionError as error:
        return _failed(command, str(error), code=2)
    except BrokenPipeError:
        _silence(sys.stdout)  # its reader has seen enough
        return 1
    except (OSError, RuntimeError) as error:
        return _failed(command, _reason(error), code=1)
    except KeyboardInterrupt:
        return _failed(command, "interrupted", code=130)
    return 0


def _failed(command: str, message: str, code: int) -> int:
    """Say on standard error what is wrong, if that can be written; returns the exit code."""
    for stream, text in ((sys.stderr, f"{command}: {_visible(message, keep=chr(10))}\n"), (sys.stdout, "")):
        try:
            if stream is not None:
                stream.write(text)
                stream.flush()
        except OSError:
            _silence(stream)
    return code


def _reason(error: OSError | RuntimeError) -> str:
    """What went wrong, and with which file."""
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    return f"{error.filename or 'standard output'}: {error.strerror}"


def _silence(stream: IO[str] | None) -> None:
    """Send what a stream still holds nowhere, or the interpreter would complain about it when it exits."""
    if stream is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _visible(text: object, keep: str = "") -> str:
    """Text with what a terminal would act on, such as the start of an escape sequence, written out."""
    return "".join(c if c.isprintable() or c in keep else ascii(c)[1:-1] for c in str(text))


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        hint = " (an expression that starts with - goes last, behind --)" if message.endswith("source") else ""
        shown = _visible(message if len(message) <= 200 else message[:199] + "…")
        self.exit(2, f"{self.prog}: {shown}{hint}; {self.prog} --help shows how\n")


class _Version(argparse.Action):
    """Looks the version up only when it is asked for."""

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help="print the version and exit")

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        try:
            installed = version(PROGRAM)
        except PackageNotFoundError:
            installed = "from a source tree that is not installed"
        print(f"{PROGRAM} {installed}, Python {sys.version.split()[0]}")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog=PROGRAM, description="See backpropagation, step by step.")
    parser.add_argument("--version", action=_Version)
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")

    explaining = commands.add_parser(
        "explain",
        help="explain the derivatives of an expression",
        description="Compute an expression forwards and backwards and show why its derivatives are what they are.",
        epilog=f'example: {PROGRAM} explain "{TESLA_BMW}" --at ground=1 --wrt ground',
    )
    explaining.add_argument(
        "source",
        help="assignments with ; or line breaks between, such as 'z = w*x + b; y = tanh(z)'; - reads standard input",
    )
    _add_inputs(explaining)
    explaining.add_argument(
        "--wrt", action="append", default=[], metavar="NAME", help="what to differentiate with respect to (every input)"
    )
    explaining.add_argument("--latex", action="store_true", help="print the chain rule as LaTeX too")
    for kind in PICTURES:
        explaining.add_argument(f"--{kind}", type=Path, metavar="FILE", help=f"draw the graph as {kind.upper()}")
    explaining.add_argument("--html", type=Path, metavar="FILE", help="write a page that steps through both passes")
    explaining.set_defaults(run=_explain)

    playing = commands.add_parser(
        "play",
        help="write a page to type formulas into, which steps through both passes",
        description="Write one page that draws the graph of formulas while they are typed, and steps through it.",
        epilog=f'example: {PROGRAM} play "z = w*x + b; y = tanh(z)" --at w=2 --at x=0.5 --at b=-1',
    )
    playing.add_argument("source", nargs="?", help="what the page shows first, as for explain; without it an example")
    _add_inputs(playing)
    playing.add_argument(
        "--out", type=Path, default=Path("autograd-core-playground.html"), metavar="FILE", help="the page (%(default)s)"
    )
    playing.set_defaults(run=_play)

    printing = commands.add_parser(
        "worksheet",
        help="write questions to print, with a key",
        description="Write a page to print: questions about one topic, tables to fill in, and a key.",
        epilog=f"example: {PROGRAM} worksheet --topic paths --seed 3 --out sheet.html",
    )
    printing.add_argument("--topic", choices=list(TOPICS), required=True, help="what the questions are about")
    printing.add_argument("--seed", type=int, default=0, help="which sheet; the same one each time (%(default)s)")
    printing.add_argument(
        "--count",
        type=int,
        choices=range(1, MOST_QUESTIONS + 1),
        default=4,
        metavar="N",
        help="questions (%(default)s)",
    )
    printing.add_argument("--out", type=Path, required=True, metavar="FILE", help="the page")
    printing.set_defaults(run=_worksheet)

    demonstrating = commands.add_parser("demo", help="a tour: explains, draws, trains, and says where the pictures are")
    demonstrating.add_argument(
        "--out", type=Path, default=Path("autograd-core-demo"), metavar="DIR", help="where to write (%(default)s)"
    )
    demonstrating.set_defaults(run=_demo)
    return parser


def _add_inputs(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--at",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="the value of an input, such as x=1.5 or x=pi/2; once for each",
    )


def _save(write: Callable[[Path], object], path: Path) -> None:
    """Write a file and say so."""
    try:
        write(path)
    except OSError as error:  # whose sentence names the file
        raise RuntimeError(str(error.strerror or error) if error.filename is None else _reason(error)) from error
    print(f"wrote {_visible(path)}")


def _demo(options: argparse.Namespace) -> None:
    if "\0" in str(options.out):
        raise ExpressionError(f"--out takes a folder, not {options.out}")
    options.out.mkdir(parents=True, exist_ok=True)
    print(
        "This tour takes about ten seconds, most of them for training a network node by\n"
        f"node, which a bar counts. Its pages and pictures go to {_visible(options.out)}.\n"
    )
    first, *others = tour(options.out, _save)
    print(f"\nOpen this page first, in a browser; it steps through both passes:\n  {_visible(first.absolute())}")
    print("and then:", *(f"  {_visible(page.absolute())}" for page in others), sep="\n")


def _explain(options: argparse.Namespace) -> None:
    files: dict[str, Path] = {kind: path for kind in (*PICTURES, "html") if (path := getattr(options, kind))}
    for kind, path in files.items():
        require_suffix(f"--{kind}", path, kind)
    with hint_at_inputs():
        evaluation = evaluate(source(options.source), numbers(options.at))
    wrt = dict.fromkeys(normalize("NFKC", name) for name in options.wrt)
    for name in wrt:
        if name not in evaluation.names:
            known = ", ".join(name if len(name) <= 30 else f"{name[:29]}…" for name in islice(evaluation.names, 5))
            raise ExpressionError(f"--wrt {name[:60]!r}: the expression has {known}")
    _show(evaluation, list(wrt), latex=options.latex)
    for kind, path in files.items():
        drawing = _stepper(evaluation) if kind == "html" else draw(evaluation.output)
        print()
        _save(drawing.save, path)


def _play(options: argparse.Namespace) -> None:
    require_suffix("--out", options.out, "html")
    with hint_at_inputs():
        formulas = None if options.source is None else source(options.source)
        playground = Playground(formulas, numbers(options.at) or None)
    _save(playground.save, options.out)
    print(f"Open it in a browser:\n  {_visible(options.out.absolute())}")


def _worksheet(options: argparse.Namespace) -> None:
    require_suffix("--out", options.out, "html")
    _save(Worksheet(options.topic, seed=options.seed, count=options.count).save, options.out)


def _show(evaluation: Evaluation, wrt: Sequence[str], latex: bool) -> None:
    """Both passes as tables and the chain rule for each name, with the gradients left in the nodes."""
    output = evaluation.output
    output.backward()
    print(f"forward pass\n\n{forward_table(output)}\n\nbackward pass\n\n{backward_table(output)}\n")
    names = wrt or list(islice(evaluation.inputs, MOST_ROWS))
    print("chain rule\n" if names else "chain rule: there is no input to differentiate with respect to")
    for name in names:
        explanation = explain(output, evaluation.names[name])
        print(explanation)
        if latex:
            print(explanation.latex())
    if len(names) < len(evaluation.inputs) and not wrt:
        print(f"... and {len(evaluation.inputs) - len(names):,} more inputs; --wrt NAME explains one of them")


def _stepper(evaluation: Evaluation) -> Stepper:
    """The stepper of an expression, of which too large a one is bad input."""
    try:
        return Stepper(evaluation.output)
    except ValueError as error:
        raise ExpressionError(f"--html: {error}") from None


if __name__ == "__main__":
    sys.exit(main())
