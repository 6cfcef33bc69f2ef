"""A function in C: what is worked out before, for and after the samples, and what surrounds that."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

from autograd_core.compiler.c_access import index_text
from autograd_core.compiler.c_language import HEAD, RESERVED, table_text
from autograd_core.compiler.c_loops import Lines, Loops, indented
from autograd_core.compiler.c_printer import CPrinter
from autograd_core.compiler.c_sums import Sums
from autograd_core.compiler.form_printer import FormPrinter
from autograd_core.compiler.ir import Form
from autograd_core.compiler.kinds import Copy, Input, Place, Reduce, Scatter, Uniform
from autograd_core.compiler.names import Names
from autograd_core.compiler.signature import Signature

LONGEST = 300
"""How many lines a function has at most, for a compiler takes more time for each line of a longer one."""


@dataclass
class CFunction:
    """A function `value` or `value_and_grad` of a form, on blocks of so many lanes."""

    name: str
    form: Form
    given: Signature
    lanes: int
    symbol: str = ""
    """What the function is called, if not by its name."""

    def __post_init__(self) -> None:
        self.symbol = self.symbol or self.name
        form = Form(list(self.form.operations), list(self.form.results), self.form.forward)
        results = form.results if self.name == "value_and_grad" else form.results[:1]
        self.outputs: dict[Place, str] = {}
        """What is handed back by way of an argument: the operation, and the name of the argument."""
        self.mean = self.given.single and form[results[0]].batched
        roots = list[Place]()
        if self.given.single:
            roots.append(form.add(Reduce(results[0], None) if self.mean else Copy(results[0]), own=True))
            form.name(roots[0], "total" if self.mean else "result")
        for result, name in zip(results[len(roots) :], self._output_names(), strict=False):
            root = _written_into(form, result)
            if root == result or form[root].batched:
                result = root = form.add(Copy(result), own=True)
                form.name(result, name)
            roots.append(result)
            self.outputs[root] = name
        names = Names([*RESERVED, *self.outputs.values()])
        names.taken.discard("parameters")
        self.whole = form
        prefix = "" if self.symbol == self.name else f"{self.symbol}_"
        here = {place: name for place, name in self.outputs.items() if not form[place].batched}
        self.printer = CPrinter(form, roots, names, self.lanes, here, prefix)
        self.sums = Sums(Loops(self.printer), names)
        self.roots = roots
        self.parts: list[str] = []
        """The functions that this one calls, if it is a long one."""

    def _output_names(self) -> list[str]:
        """What the arrays are called that are handed in to be written to."""
        given = self.given
        if not given.single:
            return ["values"]
        return ["gradient"] if len(given.wrt) == 1 else [f"d_{given.names[source]}" for source in given.wrt]

    @cached_property
    def arguments(self) -> list[Place]:
        """The inputs and the random numbers of the form, in the order of the arguments."""
        form = self.form
        return [place for place, one in enumerate(form.operations) if isinstance(one.kind, (Input, Uniform))]

    @cached_property
    def definition(self) -> str:
        """The source of the function, and of the struct of its arrays."""
        printer, form = self.printer, self.whole
        phase = self._phases()
        lines = Lines()
        for number in range(max(phase.values(), default=0) + 1):
            before = [
                p for p in printer.used if p in printer.memory.arrays and not form[p].batched and phase[p] == number
            ]
            statements = [self._commented(place) for place in before if place not in self.sums.places]
            lines += self._cut(statements, in_loop=False)
            ends = [place for place in self.sums.places if phase[place] == number + 1]
            rows = [place for place in self.outputs if form[place].batched and phase[place] == number]
            if ends or rows:
                lines += self._loop_over_samples(ends, rows)
        return self._definition(lines)

    def _phases(self) -> dict[Place, int]:
        """How many times the samples have to be worked through before an operation can be worked out."""
        phase: dict[Place, int] = {}
        for place in self.printer.used:
            operands = self.whole[place].operands
            phase[place] = max([phase[operand] for operand in operands], default=0) + (place in self.sums.places)
        return phase

    def _loop_over_samples(self, ends: Sequence[Place], rows: Sequence[Place]) -> Lines:
        """A loop over blocks of samples that adds to the sums at `ends` and writes the outputs in `rows`."""
        printer, form, lanes = self.printer, self.whole, self.lanes
        needed, stack = set[Place](), [*ends, *rows]
        while stack:
            place = stack.pop()
            if place not in needed and (form[place].batched or place in ends):
                needed.add(place)
                stack += form[place].operands
        statements = list[Lines]()
        for place in sorted(needed):
            kind = form[place].kind
            if isinstance(kind, (Input, Uniform)):
                statements.append(self._loaded(place, prod(kind.shape)))
            elif place in printer.memory.arrays:
                statements.append(self._commented(place))
        statements += [self._handed_back(place) for place in rows]
        lines = [line for place in ends for line in self.sums.start(place)]
        lines += [f"for (long n = 0; n < batch; n += {lanes}) {{", *indented(self._cut(statements, in_loop=True)), "}"]
        return lines + [line for place in ends for line in self.sums.end(place)]

    def _handed_back(self, place: Place) -> Lines:
        """The lines that write an output of each sample to where the caller wants it."""
        size, name, lanes = prod(self.whole[place].shape), self.outputs[place], self.lanes
        at = index_text(0, [(size, "(n + l)" if lanes > 1 else "n"), (1, "i")])
        given = f"w->{self.printer.c_name[place]}[i]{'[l]' * (lanes > 1)}"
        loops = [f"for (int i = 0; i < {size}; i++)"] + ["  for (int l = 0; l < lanes; l++)"] * (lanes > 1)
        return [*loops, f"    {name}[{at}] = {given};"]

    def _cut(self, statements: Sequence[Lines], in_loop: bool) -> Lines:
        """Statements as they are, or if they are many as calls of functions with as many as suits a compiler."""
        if sum(map(len, statements)) <= LONGEST:
            lines = [line for some in statements for line in some]
            return [*self._locals(lines, in_loop), *lines]
        calls, piece = Lines(), Lines()
        for number, some in enumerate(statements, 1):
            piece += some
            if len(piece) > LONGEST // 2 or number == len(statements):
                name = f"{self.symbol}_part{len(self.parts) + 1}"
                lines = [*self._locals(piece, in_loop), *piece]
                given = [one for one in self._given if _mentions(lines, one)]
                given += ["n"] * (in_loop and _mentions(lines, "n"))
                arguments = ", ".join(self._declared[one] for one in given) or "void"
                body = "\n".join(indented(lines))
                self.parts.append(f"static NOINLINE void {name}({arguments}) {{\n{body}\n}}")
                calls.append(f"{name}({', '.join(given)});")
                piece = Lines()
        return calls

    def _locals(self, lines: Lines, in_loop: bool) -> Lines:
        """The variables that statements share, as far as these need them."""
        found = Lines()
        for place in self.arguments:
            one, name = self.form[place], self.printer.c_name.get(place, "")
            if in_loop and _mentions(lines, f"{name}_n"):
                found.append(f"const double *restrict {name}_n = {index_text(0, [(1, name), (prod(one.shape), 'n')])};")
        if in_loop and _mentions(lines, "lanes"):
            found.append(f"const int lanes = batch - n < {self.lanes} ? (int)(batch - n) : {self.lanes};")
        if _mentions(lines, "share"):
            found.append("const double share = 1.0 / (double)batch;")
        return found

    def _loaded(self, place: Place, size: int) -> Lines:
        """An input, so that the numbers of a block's samples stand side by side."""
        name = self.printer.c_name[place]
        if self.lanes == 1:
            return []
        return [
            f"for (int i = 0; i < {size}; i++)",
            f"  for (int l = 0; l < {self.lanes}; l++)",
            f"    w->{name}[i][l] = {name}[(n + (l < lanes ? l : lanes - 1)) * {size} + i];",
        ]

    def _commented(self, place: Place) -> Lines:
        """The statement of an operation, under a comment that says what it is."""
        return [f"/* {self._comment(place)} */", *self.sums.statement(place)]

    @cached_property
    def _listing(self) -> FormPrinter:
        return FormPrinter(self.whole)

    def _comment(self, place: Place) -> str:
        text, form = self._listing.expression(place).text, self.whole
        sizes = ", ".join(["batch"] * form[place].batched + [str(size) for size in form[place].shape])
        about = form[place].about
        root = self.printer.memory.root.get(place, place)
        name = self.printer.c_name.get(root, "")
        found = f"{name} : [{sizes}] = {text}{f'  {about}' if about else ''}".replace("*/", "* /").replace("/*", "/ *")
        return found if len(found) < 110 else found[:107] + "..."

    def _definition(self, lines: Lines) -> str:
        """The function, and the struct of its arrays before it."""
        printer = self.printer
        lines = [*lines, *self._end()]
        unused = [name for name in self._given if not _mentions(lines, name)]
        lines = [*(f"(void){name};" for name in unused), *lines]
        tables = [table_text(name, numbers) for name, numbers in printer.constants.items()]
        body = "\n".join(indented(lines))
        size = f"const unsigned long {self.symbol}_size = sizeof(struct {self.symbol}_arrays);"
        function = f"{self._how_to_call()}\n{self.declaration} {{\n{body}\n}}"
        parts = [self._arrays(), size, "\n".join(tables), *self.parts, function]
        return "\n\n".join(part for part in parts if part)

    def _how_to_call(self) -> str:
        """A comment that says what the function does, and what each argument is."""
        rows = []
        for name, place in zip(self._given, self.arguments, strict=False):
            one = self.form[place]
            sizes = ", ".join(["batch"] * one.batched + [str(size) for size in one.shape]) or "1"
            what = "random numbers in [0, 1), fresh ones for each call" if isinstance(one.kind, Uniform) else "given"
            rows.append((name, f"({sizes})", what))
        if any(one.batched for one in map(self.form.operations.__getitem__, self.arguments)):
            rows.append(("batch", "", "how many samples, at least 1"))
        else:
            rows.append(("batch", "", "1"))
        rows.append(("w", "", f"room: a static struct {self.symbol}_arrays, one for each thread"))
        for place, name in self.outputs.items():
            one = self.whole[place]
            sizes = ", ".join(["batch"] * one.batched + [str(size) for size in one.shape]) or "1"
            rows.append((name, f"({sizes})", "written"))
        widths = [max(len(row[k]) for row in rows) for k in (0, 1)]
        table = [f"   {a:{widths[0]}}  {b:{widths[1]}}  {c}".rstrip() for a, b, c in rows]
        mean = ", means over the batch" if self.mean else ""
        what = "The value" if len(self.roots) == 1 or not self.given.single else "The value, returned, and the gradient"
        return "\n".join([f"/* {what}{mean}.", "", *table, "*/"])

    def _end(self) -> Lines:
        if not self.given.single:
            return []
        name = f"w->{self.printer.c_name[self.roots[0]]}[0]"
        return [f"return {name} / (double)batch;" if self.mean else f"return {name};"]

    @cached_property
    def _declared(self) -> dict[str, str]:
        """How each argument is declared, by its name."""
        declared: dict[str, str] = {}
        for number, place in enumerate(self.arguments):
            name = self.printer.c_name.get(place) or f"unused{number + 1}"
            declared[name] = f"const double *restrict {name}"
        declared |= {"batch": "long batch", "w": f"struct {self.symbol}_arrays *restrict w"}
        declared |= {name: f"double *restrict {name}" for name in self.outputs.values()}
        return declared | {"n": "long n"}

    @property
    def _given(self) -> list[str]:
        """The names of the arguments."""
        return [*self._declared][:-1]

    @property
    def declaration(self) -> str:
        """The head of the function."""
        arguments = ",\n    ".join(self._declared[name] for name in self._given)
        return f"{'double' if self.given.single else 'void'} {self.symbol}(\n    {arguments})"

    def _arrays(self) -> str:
        """The struct with an array for each operation that has one."""
        printer, rows = self.printer, Lines()
        for place, name in printer.c_name.items():
            one = self.whole[place]
            if isinstance(one.kind, (Input, Uniform)) and not (one.batched and self.lanes > 1):
                continue
            if place in printer.outputs:
                continue
            in_lanes = f"[{self.lanes}]" if one.batched and self.lanes > 1 else ""
            rows.append(f"double {name}[{max(1, prod(one.shape))}]{in_lanes};")
        rows += self.sums.members()
        body = "\n".join(indented(rows or ["double unused[1];"]))
        return f"struct {self.symbol}_arrays {{\n{body}\n}};"


def _written_into(form: Form, place: Place) -> Place:
    """The operation whose array another one is, after what was written into it."""
    while isinstance(kind := form[place].kind, Scatter):
        place = kind.into
    return place


def _mentions(lines: Lines, name: str) -> bool:
    """Whether a name stands in any line."""
    word = re.compile(rf"\b{name}\b")
    return any(word.search(line) for line in lines)


def module(functions: Sequence[CFunction]) -> str:
    """A file with some functions, and what they call before them."""
    definitions = [function.definition for function in functions]
    helpers = {name: text for function in functions for name, text in function.printer.helpers.items()}
    return "\n\n".join([HEAD, *helpers.values(), *definitions]) + "\n"
