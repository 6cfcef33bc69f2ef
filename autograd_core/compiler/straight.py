"""Last pass, for floats: straight-line Python, forward and backward, one node a line."""

from __future__ import annotations

from collections.abc import Iterable

from autograd_core import floats, primitives
from autograd_core.compiler.lowering import Lowered
from autograd_core.compiler.names import Names
from autograd_core.compiler.rules import Language, literal
from autograd_core.primitives import Primitive

# CPython's compiler recurses into a sum, term by term.
_LONGEST_SUM = 64


class Straight:
    """The body of a program, written line by line from its nodes.

    `sources` names the sources that leaves are of; no variable takes a `reserved` name.
    """

    def __init__(self, lowered: Lowered, sources: list[str], reserved: Iterable[str]) -> None:
        self.lowered = lowered
        self.language = Language(arrays=False)
        self.names = Names([*vars(floats), *sources, *reserved])
        self.lines: list[str] = []
        self._name: dict[int, str] = {}
        self._terms: dict[int, dict[tuple[int, int, int], float]] = {}
        """For each linear node its terms: the coefficient of each factor, or pair of them, by sign, for the difference
        of two like terms may be inf - inf."""
        for owner, c, a, b in zip(lowered.owner, lowered.coefficient, lowered.left, lowered.right, strict=True):
            terms = self._terms.setdefault(owner, {})
            key = a, b, (c > 0.0) - (c < 0.0)
            terms[key] = terms.get(key, 0.0) + c
        self.leaves: list[dict[int, str]] = [{} for _ in sources]
        """For each source the names of the leaves in use, by position."""
        for node, (source, position) in lowered.leaves.items():
            label = lowered.order[node].label
            short = label if "." not in label else f"{sources[source][:1]}{position}"
            self._name[node] = self.names.fresh(short or f"{sources[source]}{position}")
            self.leaves[source][position] = self._name[node]

    def forward(self) -> list[str]:
        """Write the forward pass; the names of the outputs."""
        lowered = self.lowered
        for node in sorted(lowered.level):
            if node in lowered.calls:
                primitive, operands = lowered.calls[node]
                if primitive is primitives.detach:
                    text = self._largest([self._text(operand) for operand in operands])
                else:
                    text = self._filled(primitive, None, operands, "")
            else:
                text = self._sum([self._term(c, a, b) for (a, b, _), c in self._terms.get(node, {}).items()], node)
            output = node >= len(lowered.order)
            label = "value" if output else lowered.order[node].label
            if output and text.isidentifier():
                self._name[node] = text
                continue
            name = self._name[node] = self.names.fresh(label if label and "." not in label else f"v{node}")
            self.lines.append(f"{name} = {text}")
        return [self._name[node] for node in lowered.outputs]

    def backward(self, parameters: int) -> list[str]:
        """Write the backward pass from the one output; the gradient by each parameter, as text."""
        lowered = self.lowered
        wanted = {node for node, (source, _) in lowered.leaves.items() if source == 0}
        for node in sorted(lowered.level):
            primitive, operands = lowered.calls.get(node, (None, ()))
            factors = operands or [factor for a, b, _ in self._terms.get(node, ()) for factor in (a, b)]
            if primitive is not primitives.detach and any(factor in wanted for factor in factors):
                wanted.add(node)
        handed: dict[int, list[str]] = {lowered.outputs[0]: ["1.0"]}
        for node in sorted(lowered.level, reverse=True):
            if node not in wanted or node not in handed:
                continue
            upstream = self._gathered(node, handed.pop(node))
            if node in lowered.calls:
                primitive, operands = lowered.calls[node]
                for position, operand in enumerate(operands):
                    if operand in wanted and not self.language.flat(primitive, position):
                        partial = self._filled(primitive, position, operands, self._name[node])
                        handed.setdefault(operand, []).append(_times(upstream, partial))
                continue
            for (a, b, _), c in self._terms.get(node, {}).items():
                if a == b:
                    handed.setdefault(a, []).append(_times(literal(2.0 * c), _times(upstream, self._name[a])))
                    continue
                if a in wanted:
                    factor = upstream if b < 0 else _times(upstream, self._name[b])
                    handed.setdefault(a, []).append(_times(literal(c), factor))
                if b in wanted:
                    handed.setdefault(b, []).append(_times(literal(c), _times(upstream, self._name[a])))
        gradient = ["0.0"] * parameters
        for node, (source, position) in lowered.leaves.items():
            if source == 0 and node in handed:
                gradient[position] = self._gathered(node, handed[node])
        return gradient

    def _gathered(self, node: int, terms: list[str]) -> str:
        """The gradient of a node, in a variable unless it is one already."""
        if len(terms) == 1 and (terms[0].isidentifier() or terms[0] == "1.0"):
            return terms[0]
        name = self.names.fresh(f"d_{self._name[node]}")
        self.lines.append(f"{name} = {self._sum(terms, -1)}")
        return name

    def _text(self, node: int) -> str:
        number = self.lowered.numbers.get(node)
        return self._name[node] if number is None else literal(number)

    def _filled(self, primitive: Primitive, position: int | None, operands: tuple[int, ...], out: str) -> str:
        """The form of a call, or of its partial by one operand, on these operands."""
        numbers = self.lowered.numbers
        given = [self._name[operand] if operand not in numbers else numbers[operand] for operand in operands]
        return self.language.filled(primitive, position, given, out)

    def _term(self, c: float, a: int, b: int) -> str:
        return _times(literal(c), self._name[a] if b < 0 else f"{self._name[a]} * {self._name[b]}")

    def _sum(self, terms: list[str], node: int) -> str:
        offset = self.lowered.offset.get(node, 0.0)
        if offset or not terms:
            terms = [*terms, literal(offset)]
        while len(terms) > _LONGEST_SUM:
            name = self.names.fresh("part", numbered=True)
            self.lines.append(f"{name} = {_joined(terms[:_LONGEST_SUM])}")
            terms = [name, *terms[_LONGEST_SUM:]]
        return _joined(terms)

    def _largest(self, texts: list[str]) -> str:
        text = texts[0]
        for other in texts[1:]:
            text = self.language.call(primitives.maximum, [text, other])
            if len(texts) > 2:
                name = self.names.fresh("largest", numbered=True)
                self.lines.append(f"{name} = {text}")
                text = name
        return text


def _joined(terms: list[str]) -> str:
    return " + ".join(terms).replace("+ -", "- ")


def _times(left: str, right: str) -> str:
    if left == "1.0":
        return right
    if right == "1.0":
        return left
    return f"-{right}" if left == "-1.0" else f"{left} * {right}"
