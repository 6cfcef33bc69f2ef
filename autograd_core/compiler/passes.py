"""The forward and the reverse pass, from arrays to the array form.

One builder serves both directions. The gradient of an array is again a linear array with the layout of the forward
one: a term c * a * b of z hands a the term c * d_z * b and b the term c * d_z * a, and a call hands each operand one
term d_out * partial. So a matrix product has matrix products for gradients, and nothing here knows a transpose rule.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autograd_core.compiler import rewrites
from autograd_core.compiler.builder import Builder
from autograd_core.compiler.ir import Form
from autograd_core.compiler.kinds import Broadcast, Constant, Copy, Input, Place, Share, View
from autograd_core.compiler.lookups import Table
from autograd_core.compiler.names import pattern
from autograd_core.compiler.products import terms_of
from autograd_core.compiler.rules import Rules
from autograd_core.compiler.sections import Array, Section


@dataclass(frozen=True)
class Gradient:
    """The gradient of an array, and which of its elements anything was handed back to."""

    array: Array
    covered: np.ndarray

    @property
    def at(self) -> np.ndarray | None:
        """The positions of those elements, or None for all."""
        return None if self.covered.all() else np.flatnonzero(self.covered)


@dataclass(frozen=True)
class Use:
    """A call that takes an array at one position, a section of a linear array that multiplies it, or None for an array
    that looks up in it."""

    user: Array
    what: int | Section | None


class Passes:
    """The form of a program, from its arrays in the order of computation; `sources` are the operations of the first.

    The results of the form are the value, or values, and after the reverse pass the gradient.
    """

    def __init__(self, arrays: Sequence[Array], builder: Builder, sources: Sequence[Place]) -> None:
        self.arrays, self.builder, self.sources = arrays, builder, len(sources)
        self.form: Form = builder.form
        self.rules = Rules()
        self._tables: dict[Array, Table] = {}
        """The tables of the arrays that look up."""
        builder.value.update(zip(arrays, sources, strict=False))

    def forward(self) -> None:
        """Add the forward pass."""
        builder = self.builder
        for array in self.arrays[self.sources :]:
            name, about = self._named(array)
            if array.chosen:
                self._tables[array] = table = Table(builder, array.chosen, array.shape)
                result = builder.value[array] = builder.full(table.looked_up(builder), array)
                builder.name(result, name, about)
            elif array.primitive is None:
                builder.value[array] = builder.linear(name, array, terms_of(builder, array), about)
            else:
                operands = [builder.operand(array, place) for place in range(len(array.operands))]
                result = self.rules.forward(array.primitive).follow(self.form, operands)
                result = builder.value[array] = builder.full(result, array)
                builder.name(result, name, about)
        self.form.results.append(builder.whole(self.arrays[-1]))

    def backward(self, wrt: Sequence[int] = (0,)) -> None:
        """Add the reverse pass, from the one output down to the gradients with respect to these sources.

        The gradient with respect to a source without a batch axis is the mean over the batch, that with respect to one
        with a batch axis has a row for each sample, of which it is the gradient.
        """
        self.form.forward = len(self.form.operations)
        builder, output = self.builder, self.arrays[-1]
        roots = [self.arrays[source] for source in wrt]
        mean = output.batched and not any(root.batched for root in roots)
        uses = self._uses()
        gradients: dict[Array, Gradient] = {}
        if output.requires_grad:
            seed = Array((), [], batched=mean)
            gradients[output] = Gradient(seed, np.ones(1, bool))
            name = builder.names.fresh(f"d_{builder.label(builder.value[output]) or 'value'}")
            builder.value[seed] = self.form.add(Share(), name) if mean else rewrites.number(self.form, 1.0)
        for array in reversed(self.arrays[:-1]):
            if not array.requires_grad:
                continue
            last, flat = array in roots, array is self.arrays[0]
            gradient = Array(array.shape, [])
            name = "gradient" if flat else builder.names.fresh(f"d_{builder.label(builder.value[array]) or 't'}")
            sections: list[Section] = []
            for use in uses[array]:
                if use.user not in gradients:
                    continue
                if use.what is None:
                    upstream = builder.whole(gradients[use.user].array)
                    sections += self._tables[use.user].handed_back(builder, array, upstream)
                elif isinstance(use.what, Section):
                    sections += _handed_back(use.what, array, gradients[use.user])
                else:
                    sole = len(uses[array]) == 1 and not last
                    sections += self._through_call(use.user, use.what, gradients[use.user], name if sole else "")
            gradient.sections = [section.sorted() for section in _merged(sections)]
            factors = (factor for section in gradient.sections for factor, _ in section.factors)
            # With respect to an input the slopes of a linear function are the same for all samples.
            gradient.batched = array.batched and (last or any(factor.batched for factor in factors))
            if gradient.sections or last:
                covered = np.zeros(array.size, bool)
                for section in gradient.sections:
                    covered[section.owner] = True
                gradients[array] = Gradient(gradient, covered)
                terms = terms_of(builder, gradient)
                builder.value[gradient] = (
                    builder.assembled(name, gradient, terms, like=array)
                    if flat
                    else builder.linear(name, gradient, terms)
                )
        for root in roots:
            result = builder.whole(gradients[root].array)
            lent = isinstance(self.form[result].kind, (Input, Constant, View, Broadcast)) or result in self.form.results
            if lent and root is not self.arrays[0]:
                result = self.form.add(Copy(result), own=True)  # an array that the caller may write into
            self.form.results.append(result)

    def _uses(self) -> dict[Array, list[Use]]:
        """Where each array is used such that its gradient depends on that."""
        uses: dict[Array, list[Use]] = {array: [] for array in self.arrays}
        for array in self.arrays[self.sources :]:
            for position, (operand, _) in enumerate(array.operands):
                if operand:
                    uses[operand].append(Use(array, position))
            for source, _ in array.chosen.entries if array.chosen else ():
                if source:
                    uses[source].append(Use(array, None))
            for section in array.sections:
                for factor in dict.fromkeys(factor for factor, _ in section.factors):
                    if array.how == "sum":
                        uses[factor].append(Use(array, section))
        return uses

    def _through_call(self, call: Array, position: int, gradient: Gradient, name: str) -> list[Section]:
        """What a call hands back to one operand: upstream gradient times partial.

        Only for elements that have a gradient: what feeds nothing but comparisons gets none, rather than 0 * inf.
        """
        assert call.primitive is not None
        if self.rules.is_flat(call.primitive, position):
            return []
        builder, form, at = self.builder, self.form, gradient.at
        source, positions = call.operands[position]
        assert source is not None
        operands = [builder.operand(call, place, at) for place in range(len(call.operands))]
        numbers = [rewrites.number_at(form, operand) for operand in operands]
        everything = np.arange(call.size).reshape(call.shape) if at is None else at
        upstream, _ = builder.view(gradient.array, everything, thin=True)
        out, _ = builder.view(call, everything, thin=True)
        partial = self.rules.partial(call.primitive, position, numbers).follow(form, [*operands, out])
        product = rewrites.times(form, upstream, partial)
        handed = Array(everything.shape, [], form[product].batched)
        value = builder.full(product, handed)
        positions = positions if at is None else positions[at]
        if rewrites.number_at(form, partial) != 1.0:
            straight = source.shape == handed.shape and (positions == np.arange(source.size)).all()
            via = f"d_{builder.label(builder.value[source])}_via_{builder.label(builder.value[call])}"
            builder.name(value, name if name and straight else builder.names.fresh(via))
        builder.value[handed] = value
        return [Section(positions, np.ones(len(positions)), handed, np.arange(handed.size))]

    def _named(self, array: Array) -> tuple[str, str]:
        """A name for an array, by its label or operation, and where it comes from, in words."""
        names, order = self.builder.names, self.builder.order
        if array is self.arrays[-1]:
            return names.fresh("value" if len(array.nodes) == 1 else "values"), "the output"
        nodes = [order[node] for node in array.nodes[:1] + array.nodes[-1:]]
        what = "maximum" if array.how == "max" else array.primitive.name if array.primitive else "linear"
        what = "lookup" if array.chosen else what
        stems = {re.sub(r"[\d.\[\]_]+$", "", node.label) for node in nodes}
        scope = re.sub(r"[^\w.* -]", "?", pattern([node.scope for node in nodes]))
        about = what + (f" in {scope}" if scope else "")
        if len(stems) == 1 and (stem := stems.pop()):
            return names.fresh(nodes[0].label if len(array.nodes) == 1 else stem), about
        return names.fresh("z" if what == "linear" else what, numbered=True), about


def _handed_back(section: Section, array: Array, gradient: Gradient) -> list[Section]:
    """The terms that a section of a linear array hands back to `array`, one of its factors or both."""
    if gradient.at is not None:
        section = section.of(gradient.covered[section.owner])
    c, d, handed = section.coefficient, gradient.array, list[Section]()
    if section.left is array:
        handed.append(Section(section.a, c, d, section.owner, section.right, section.b, section.weighted))
    if section.right is array and section.b is not None:
        handed.append(Section(section.b, c, d, section.owner, section.left, section.a, section.weighted))
    return [section for section in handed if len(section.owner)]


def _merged(sections: list[Section]) -> list[Section]:
    """One section for each pair of arrays, unless they hand back to different elements, or only one is weighted."""
    merged: list[Section] = []
    alike: dict[object, list[int]] = {}
    for section in sections:
        places = alike.setdefault((section.left, section.right, section.weighted), [])
        for place in places:
            if np.isin(section.owner, merged[place].owner).any():
                merged[place] = merged[place].joined(section)
                break
        else:
            places.append(len(merged))
            merged.append(section)
    return merged
