"""Last pass, for arrays: NumPy source, forward and backward.

One writer serves both directions. The gradient of an array is again a linear array with the layout of the forward
one: a term c * a * b of z hands a the term c * d_z * b and b the term c * d_z * a, and a call hands each operand one
term d_out * partial. So a matrix product has matrix products for gradients, and nothing here knows a transpose rule.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_core import primitives
from autograd_core.compiler.names import pattern
from autograd_core.compiler.rules import Language, as_factor
from autograd_core.compiler.sections import Array, Section
from autograd_core.compiler.writer import Writer
from autograd_core.value import Value

Factor = tuple[Any, tuple[int, ...], bool]
"""What stands in an expression: its text, or number if it is constant, its shape and whether it is batched."""


class Rolled:
    """The body of a program, written line by line from its arrays.

    `arrays` is in the order of computation, sources first; `sources` names them.
    """

    def __init__(self, arrays: Sequence[Array], sources: Sequence[str], order: Sequence[Value]) -> None:
        self.arrays, self.order = arrays, order
        self.language = Language(arrays=True)
        self.writer = Writer(arrays, sources, order)
        self.about: list[tuple[str, Array, str]] = []
        """Name, array and origin of what the program works out, for its docstring."""
        self.sources = len(sources)
        self.conditions: set[str] = set()
        """The names of arrays that are True or False."""

    def forward(self) -> str:
        """Write the forward pass; the name of the output."""
        for array in self.arrays[self.sources :]:
            name, about = self._named(array)
            if array.primitive is None or array.primitive is primitives.detach:
                self.writer.name[array] = self.writer.linear(name, array)
            else:
                factors = self._operands(array)
                texts = [text for text, _, _ in factors.values()]
                template = self.language.template(array.primitive, None, texts)
                if self._only_conditions(array):
                    template = self.language.condition(array.primitive, texts)
                    self.conditions.add(name)
                text = self.writer.full(name, template.format(*texts), *_shape(template, factors), array)
                self.writer.name[array] = self.writer.line(name, text)
            if self.writer.name[array] == name:
                self.about.append((name, array, about))
        return self.writer.whole(self.arrays[-1])

    def backward(self) -> None:
        """Write the backward pass, from the one output down to the gradient by the parameters."""
        output = self.arrays[-1]
        uses: dict[Array, list[tuple[Array, int | Section]]] = {array: [] for array in self.arrays}
        for array in self.arrays[self.sources :]:
            for position, (operand, _) in enumerate(array.operands):
                if operand:
                    uses[operand].append((array, position))
            for section in array.sections:
                for factor in dict.fromkeys([section.left, section.right]):
                    if factor and array.primitive is None:
                        uses[factor].append((array, section))

        gradients: dict[Array, Array] = {}
        if output.wanted:
            gradients[output] = seed = Array((), [], batched=output.batched)
            self.writer.name[seed] = "1.0"
            if output.batched:
                self.writer.line(
                    self.writer.names.fresh(f"d_{self.writer.name[output]}"), "np.full(batch, 1.0 / batch)"
                )
                self.writer.name[seed] = self.writer.lines[-1].split(" ")[0]
        for array in reversed(self.arrays[:-1]):
            if not array.wanted or (array.primitive is None and array in self.arrays[1 : self.sources]):
                continue
            last = array is self.arrays[0]
            gradient = Array(array.shape, [], array.batched)
            name = "gradient" if last else self.writer.names.fresh(f"d_{self.writer.name[array]}")
            for user, what in uses[array]:
                if user not in gradients:
                    continue
                if isinstance(what, Section):
                    gradient.sections += _handed_back(what, array, gradients[user])
                else:
                    sole = len(uses[array]) == 1 and not last
                    gradient.sections += self._through_call(user, what, gradients[user], name if sole else "")
            gradient.sections = [section.sorted() for section in _merged(gradient.sections)]
            if gradient.sections or last:
                gradients[array] = gradient
                self.writer.name[gradient] = self.writer.linear(name, gradient, flat=last)

    def _through_call(self, call: Array, position: int, gradient: Array, name: str) -> list[Section]:
        """What a call hands back to one operand: upstream gradient times partial."""
        assert call.primitive is not None
        if self.language.flat(call.primitive, position):
            return []
        factors = self._operands(call)
        texts = [text for text, _, _ in factors.values()]
        out, upstream = self.writer.name[call], self.writer.name[gradient]
        template = self.language.template(call.primitive, position, texts)
        source, positions = call.operands[position]
        assert source is not None
        handed = Array(call.shape, [], call.batched)
        if template == "1.0":
            self.writer.name[handed] = upstream
        else:
            straight = source.shape == call.shape and (positions == np.arange(source.size)).all()
            fresh = name if name and straight and source.batched == call.batched else ""
            fresh = fresh or self.writer.names.fresh(f"d_{self.writer.name[source]}_via_{out}")
            if upstream != "1.0":
                # Next to a factor True and False are 1 and 0.
                if texts[0] in self.conditions:
                    template = f"{'~' * (position == 2)}{{0}}"
                template = f"{{upstream}} * {as_factor(template)}"
            for place, text in (("out", out), ("upstream", upstream)):
                factors[place] = text, self.writer.thin.get(text, call.shape), call.batched
            text = template.format(*texts, out=out, upstream=upstream)
            text = self.writer.full(fresh, text, *_shape(template, factors), call)
            self.writer.name[handed] = self.writer.line(fresh, text)
        return [Section(positions, np.ones(len(positions)), handed, np.arange(call.size))]

    def _operands(self, call: Array) -> dict[str, Factor]:
        """The operands of a call by their places in a template."""
        return {str(place): self.writer.operand(call, place) for place in range(len(call.operands))}

    def _only_conditions(self, array: Array) -> bool:
        """Whether an array is a comparison that nothing but the conditions of `where` read."""
        if array.primitive not in primitives.COMPARISONS or array is self.arrays[-1]:
            return False
        factors = [
            factor for user in self.arrays for section in user.sections for factor in (section.left, section.right)
        ]
        calls = [
            (user.primitive, place)
            for user in self.arrays
            for place, (operand, _) in enumerate(user.operands)
            if operand is array
        ]
        return array not in factors and all(call == (primitives.where, 0) for call in calls)

    def _named(self, array: Array) -> tuple[str, str]:
        """A name for an array, by its label or operation, and where it comes from, in words."""
        if array is self.arrays[-1]:
            return self.writer.names.fresh("value" if len(array.nodes) == 1 else "values"), "the output"
        nodes = [self.order[node] for node in array.nodes[:1] + array.nodes[-1:]]
        what = "linear" if array.primitive is None else array.primitive.name
        what = "maximum" if array.primitive is primitives.detach else what
        stems = {re.sub(r"[\d.\[\]_]+$", "", node.label) for node in nodes}
        scope = re.sub(r"[^\w.* -]", "?", pattern([node.scope for node in nodes]))
        about = what + (f" in {scope}" if scope else "")
        if len(stems) == 1 and (stem := stems.pop()):
            return self.writer.names.fresh(nodes[0].label if len(array.nodes) == 1 else stem), about
        return self.writer.names.fresh("z" if array.primitive is None else what, numbered=True), about


def _shape(template: str, factors: dict[str, Factor]) -> tuple[tuple[int, ...], bool]:
    """The shape of an expression element by element, and whether it is batched, by the factors that occur in it."""
    used = [factor for place, factor in factors.items() if f"{{{place}}}" in template]
    return np.broadcast_shapes(*(shape for _, shape, _ in used)), any(batched for _, _, batched in used)


def _handed_back(section: Section, array: Array, gradient: Array) -> list[Section]:
    """The terms that a section of a linear array hands back to `array`, one of its factors or both."""
    handed = []
    if section.left is array:
        handed.append(
            Section(section.a, section.coefficient, gradient, section.owner, section.right, section.b, section.weighted)
        )
    if section.right is array and section.b is not None:
        handed.append(
            Section(section.b, section.coefficient, gradient, section.owner, section.left, section.a, section.weighted)
        )
    return handed


def _merged(sections: list[Section]) -> list[Section]:
    """One section for each pair of arrays, unless they hand back to different elements, or only one is weighted."""
    merged: list[Section] = []
    for section in sections:
        for known in merged:
            alike = (known.left, known.right, known.weighted) == (section.left, section.right, section.weighted)
            if alike and np.isin(section.owner, known.owner).any():
                known.owner = np.concatenate([known.owner, section.owner])
                known.coefficient = np.concatenate([known.coefficient, section.coefficient])
                known.a = np.concatenate([known.a, section.a])
                if known.b is not None and section.b is not None:
                    known.b = np.concatenate([known.b, section.b])
                break
        else:
            merged.append(section)
    return merged
