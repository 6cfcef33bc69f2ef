"""The story of a program: what each pass made of its graph, in its printed form, and why its backend was chosen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from autograd_core.compiler.array_program import ArrayProgram
from autograd_core.compiler.choice import MANY, Choice
from autograd_core.compiler.native_runner import NativeRunner
from autograd_core.compiler.runners import ArrayRunner
from autograd_core.compiler.sections import Array
from autograd_core.compiler.signature import Signature


class Story(str):
    """A text of several lines that shows itself as it is, at a prompt and in a notebook too."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def story(choice: Choice, batch: int | None, longest: int, notes: Sequence[str]) -> Story:
    """What each pass made of a graph for a batch, in at most `longest` lines each, and why it runs as it does."""
    lowered, runner, given = choice.lowered, choice.runner(batch), choice.given
    head = f"{len(lowered.order):,} recorded nodes, {lowered.live - len(lowered.outputs):,} of them left to compute"
    parts = [(f"lowering: {head}", str(lowered))]
    if isinstance(runner, (ArrayRunner, NativeRunner)):
        program = runner.source.program
        assert isinstance(program, ArrayProgram)
        arrays = choice.packed(patient=True) or []
        parts.append((f"grouping: {len(arrays):,} arrays", "\n".join(packed(arrays, given))))
        parts.append((f"passes: the array form, {runner.operations():,} operations", str(program.form)))
    else:
        parts.append((f"straight: {runner.operations():,} lines of float arithmetic", runner.text(given.main)))
    told = [f"{title}\n\n{_shortened(text, longest)}" for title, text in parts]
    return Story("\n\n".join([*told, "\n".join([f"backend: {reason(choice, batch)}", *notes])]))


def reason(choice: Choice, batch: int | None) -> str:
    """Which backend runs a batch, and why."""
    chosen, what = choice.runner(batch), "a call without a batch" if batch is None else f"a batch of {batch:,}"
    if choice.backend != "auto":
        return f"{choice.backend}, as was asked for"
    patient = choice.steps < MANY
    if choice.packed(patient) is None:
        return "scalar, for the nodes are too different from each other for arrays to pay"
    arrays = choice.on_arrays(patient)
    if arrays is None:
        return "scalar, for NumPy has no form for one of the operations"
    costs = choice.on_floats.cost(batch), arrays.cost(batch)
    scalar, numpy = (f"{cost / 1e3:,.1f} us" for cost in costs)
    text = f"{chosen.backend}, for {what} is estimated at {scalar} on floats and {numpy} in NumPy"
    if not choice.given.has_batch:
        return text
    lengths = (length for length in range(1, 1000) if choice.runner(length).backend == "numpy")
    first = next(lengths, None)
    return text + (f"; NumPy runs batches from {first} on" if first else "; NumPy runs no batch of less than 1,000")


def packed(arrays: Sequence[Array], given: Signature) -> Iterator[str]:
    """A line for each array: its number and shape, and of which arrays it is made."""
    numbers = {array: number for number, array in enumerate(arrays)}
    for array, number in numbers.items():
        shape = ", ".join(["batch"] * array.batched + [str(size) for size in array.shape])
        if number < len(given.names):
            made = given.names[number]
        elif array.primitive:
            operands = (f"%{numbers[one]}" if one else "constants" for one, _ in array.operands)
            made = f"{array.primitive.name}({', '.join(operands)})"
        elif array.sections:
            terms = ["*".join(f"%{numbers[one]}" for one, _ in section.factors) for section in array.sections]
            made = f"{array.how} of {', '.join(terms)}"
        else:
            made = "a random mask" if array.offset is None else "constants"
        yield f"%{number} : [{shape}] = {made}"


def _shortened(text: str, longest: int) -> str:
    lines = text.splitlines()
    if len(lines) <= longest:
        return text.rstrip()
    return "\n".join([*lines[:longest], f"... and {len(lines) - longest:,} lines more"])
