"""One section of a linear array as an operation: a matrix product where the terms are one, else element by element."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from autograd_core.compiler import rewrites
from autograd_core.compiler.builder import Builder, Term
from autograd_core.compiler.grids import Grid, grid_of
from autograd_core.compiler.ir import Form
from autograd_core.compiler.kinds import Call, Gather, MatMul, Place, Reduce, SampleProduct, Segments, VecDot
from autograd_core.compiler.sections import Array, Section
from autograd_core.compiler.stacks import stack
from autograd_core.compiler.steps import Range, Reshape, Shape, Subscript
from autograd_core.compiler.views import common_shape, view
from autograd_core.compiler.windows import stripes, windows
from autograd_core.primitives import mul


def terms_of(builder: Builder, array: Array) -> Iterator[Term]:
    """What each section adds to a linear array, or has for the largest, one after the other."""
    for section in array.sections:
        yield from _terms_of(builder, section, array)


def _terms_of(builder: Builder, section: Section, array: Array) -> list[Term]:
    found = None
    if array.how == "sum" and (section.terms != 1 or _sums_samples(section, array)):
        grid = grid_of(section)
        if grid:
            found = _matrix_product(builder, grid, section, array)
        elif array.batched == any(source.batched for source, _ in section.factors):
            found = _stacked_product(builder, section, array)
            several = None if found else _overlapping_product(builder, section, array)
            if several:
                return several
    if found is None:
        found = _regular(builder, section, array) if section.terms else _segments(builder, section, array)
    return [found]


def _sums_samples(section: Section, array: Array) -> bool:
    """Whether the samples of a batch are further terms of a sum of products."""
    return not array.batched and section.right is not None and section.left.batched and section.right.batched


def _matrix_product(builder: Builder, grid: Grid, section: Section, array: Array) -> Term | None:
    """rows @ columns.T, for each sample or summed over all."""
    if _sums_samples(section, array):
        return _over_samples(builder, grid, section)
    return _each_sample(builder, grid, section, array)


def _over_samples(builder: Builder, grid: Grid, section: Section) -> Term | None:
    """The sum over the samples of the outer products of rows and columns, which have their terms first."""
    rows_of, columns_of = (section.left, section.right) if grid.left_is_rows else (section.right, section.left)
    factors: list[Place] = []
    place = grid.place
    for axis, (side, source, index) in enumerate((("rows", rows_of, grid.rows), ("columns", columns_of, grid.columns))):
        assert source is not None
        if grid.scaled != side:
            order = builder.known_order(source, index)
            index, place = index[order], place.take(order, axis)
        index = index.T if section.terms > 1 else index[:, 0]
        single = index.shape[-1] == 1
        index = index[..., 0] if single else index
        factor, shape = builder.view(source, index)
        if shape != index.shape:
            return None
        if grid.scaled == side:
            factor = _times_constant(builder, factor, grid.scale.T.reshape(index.shape))
        factors.append(factor)
    product = builder.form.add(SampleProduct(factors[0], factors[1], terms=section.terms > 1))
    scale = float(grid.scale[0]) if grid.scaled == "" else 1.0
    place = np.squeeze(place, tuple(axis for axis in (0, 1) if place.shape[axis] == 1))
    return Term(rewrites.scaled(builder.form, product, scale), place)


def _each_sample(builder: Builder, grid: Grid, section: Section, array: Array) -> Term | None:
    """The product of a matrix or vector of rows and one of columns."""
    form, place = builder.form, grid.place
    rows_of, columns_of = (section.left, section.right) if grid.left_is_rows else (section.right, section.left)
    # The same for all terms: it can wait until they are added up.
    waits = grid.scaled in ("rows", "columns") and bool((grid.scale == grid.scale[:, :1]).all())
    drop_rows, drop_columns = place.shape[0] == 1, place.shape[1] == 1
    factors: list[Place] = []
    for side, source, index, drop in (
        ("rows", rows_of, grid.rows, drop_rows),
        ("columns", columns_of, grid.columns, drop_columns),
    ):
        if grid.scaled == "constants" and side == "rows":
            factors.append(builder.constant(grid.scale[0] if drop else grid.scale, "c"))
            continue
        assert source is not None
        index = index[0] if drop else index
        factor, shape = builder.view(source, index)
        if shape != index.shape:
            return None
        if grid.scaled == side and not waits:
            factor = _times_constant(builder, factor, grid.scale.reshape(index.shape))
        if source.batched and not array.batched:
            factor = form.add(Reduce(factor, None))
        factors.append(factor)
    product = _multiplied(builder, factors, drop_rows, drop_columns)
    if grid.scaled == "":
        product = rewrites.scaled(form, product, float(grid.scale[0]))
    if waits:
        after = grid.scale[:, 0] if grid.scaled == "columns" or drop_columns else grid.scale[:, :1]
        product = form.add(Call(mul, (builder.constant(after, "c"), product)))
    place = place[0] if drop_rows else place
    place = place[..., 0] if drop_columns else place
    if grid.scaled == "constants" and place.ndim == 2 and place[1, 0] - place[0, 0] < place[0, 1] - place[0, 0]:
        turned = rewrites.transposed(form, factors[0])
        product, place = form.add(MatMul(factors[1], turned)), place.T
    return Term(product, place)


def _times_constant(builder: Builder, factor: Place, numbers: np.ndarray) -> Place:
    return builder.form.add(Call(mul, (factor, builder.constant(numbers, "c"))))


def _multiplied(builder: Builder, factors: list[Place], drop_rows: bool, drop_columns: bool) -> Place:
    """The product of rows and columns, either of which may be a single one, a vector."""
    form, (rows, columns) = builder.form, factors
    batched = [form[factor].batched for factor in factors]
    if drop_rows and drop_columns:
        if all(batched):
            return form.add(VecDot(rows, columns))
        return form.add(MatMul(columns, rows) if batched[1] or not any(batched) else MatMul(rows, columns))
    if drop_rows:
        # A single row is a vector on either side; a batch of vectors joins a batch on the left.
        if batched[0] and not batched[1]:
            return form.add(MatMul(rows, rewrites.transposed(form, columns)))
        return form.add(MatMul(columns, rows))
    if drop_columns:
        if batched[1] and not batched[0]:
            return form.add(MatMul(columns, rewrites.transposed(form, rows)))
        return form.add(MatMul(rows, columns))
    return _rows_times_columns(form, rows, rewrites.transposed(form, columns))


def _stacked_product(builder: Builder, section: Section, array: Array) -> Term | None:
    """left @ right for each of a stack of matrices."""
    found = stack(section)
    if not found or section.right is None:
        return None
    form, place = builder.form, found.place
    factors = [(section.left, found.left), (section.right, found.right)]
    complete = bool((place >= 0).all())
    if complete and place[0, 1, 0] < place[0, 0, 1]:
        place = place.swapaxes(1, 2)
        factors = [(source, positions.swapaxes(1, 2)) for source, positions in reversed(factors)]
    # The groups on as many axes as it takes to move evenly along each, or on none.
    firsts = [positions[:, 0, 0] for positions in (place, *(positions for _, positions in factors))]
    axes = common_shape(*(first for first in firsts if (first >= 0).all())) if len(place) > 1 else ()
    place = place.reshape(*axes, *place.shape[1:])
    left, right = (
        builder.spread(source, positions.reshape(*axes, *positions.shape[1:])) for source, positions in factors
    )
    product = form.add(MatMul(left, right))
    scale = float(section.coefficient[0])
    if not complete:
        cells = np.flatnonzero(place >= 0)
        cells = cells[np.argsort(place.ravel()[cells])]
        picked = form.add(Gather(rewrites.flat(form, product), builder.constant(cells, "at")))
        return Term(rewrites.scaled(form, picked, scale), place.ravel()[cells])
    # Axes in the order of the result.
    steps = [int(place.take(1, axis).flat[0] - place.flat[0]) for axis in range(place.ndim)]
    order = tuple(sorted(range(place.ndim), key=lambda axis: -steps[axis]))
    product = rewrites.scaled(form, rewrites.turned(form, product, order), scale)
    return Term(product, place.transpose(order))


def _overlapping_product(builder: Builder, section: Section, array: Array) -> list[Term] | None:
    """left @ right, of which one stripe of columns after the other is added to its places."""
    found = windows(section)
    some = stripes(found.place) if found else None
    if not found or not some or section.right is None:
        return None
    form, columns = builder.form, found.place.shape[1]
    left, right = builder.view(section.left, found.left), builder.view(section.right, found.right)
    if left[1] != found.left.shape or right[1] != found.right.shape:
        return None
    product = rewrites.scaled(form, _rows_times_columns(form, left[0], right[0]), float(section.coefficient[0]))
    terms = []
    for stripe in some:
        place = found.place[:, stripe]
        rows, wide = common_shape(*place.T), common_shape(place[0])
        columns_of = Range(stripe.start, None if stripe.stop == columns else stripe.stop, stripe.step)
        steps = [Reshape((*rows, columns)), Subscript((*[Range(0, None, 1)] * len(rows), columns_of))]
        part = rewrites.reshaped(form, rewrites.view(form, product, steps), (*rows, *wide))
        terms.append(Term(part, place.reshape(*rows, *wide)))
    return terms


def _rows_times_columns(form: Form, left: Place, right: Place) -> Place:
    """The product of two matrices, with what is the same for all samples on the right."""
    if form[right].batched and not form[left].batched:
        turned = form.add(MatMul(rewrites.transposed(form, right), rewrites.transposed(form, left)))
        return rewrites.transposed(form, turned)
    return form.add(MatMul(left, right))


def _segments(builder: Builder, section: Section, array: Array) -> Term:
    """Element by element, and then summed over the terms of each owner, of which there are more or fewer."""
    product, scale = _product(builder, section.factors, section.coefficient, section.a.shape, _sums(section, array))
    form, place = builder.form, section.owners
    product = form.add(Segments(product, builder.constant(section.starts, "at"), array.how))
    if len(place) < array.size and len(shape := common_shape(place)) > 1:
        place = place.reshape(shape)
        product = rewrites.reshaped(form, product, shape)
    return Term(rewrites.scaled(form, product, scale), place)


def _regular(builder: Builder, section: Section, array: Array) -> Term:
    """Element by element, and then summed over as many terms of each owner, or the largest of them taken."""
    form, terms, place, factors = builder.form, section.terms, section.owners, section.factors
    count, summed = len(place), _sums(section, array)
    if count == 1:
        place = place.reshape(())
    elif count == array.size:
        place = place.reshape(array.shape)
    else:
        place = place.reshape(common_shape(place, *(some[::terms] for _, some in factors)))
    if terms == 1:
        product, scale = _product(builder, factors, section.coefficient, place.shape, summed, thin=True)
        return Term(rewrites.scaled(form, product, scale), place)
    # The terms on the last axis where that needs no index, else on the first, along which NumPy sums faster.
    last = (*place.shape, terms)
    seen = [view(some.shape, index.reshape(last), some.batched) for some, index in factors]
    if all(seen) and not all(one and one.is_turned for one in seen):
        if len(factors) == 2 and section.is_uniform and not summed:
            (left, inner), (right, outer) = (builder.view(source, index.reshape(last)) for source, index in factors)
            if inner[-1] == outer[-1] == terms:
                product = form.add(VecDot(left, right))
                return Term(rewrites.scaled(form, product, float(section.coefficient[0])), place)
        product, scale = _product(builder, factors, section.coefficient, last, summed)
        axis = len(form[product].shape) - 1
    else:
        factors = [(source, index.reshape(count, terms).T.ravel()) for source, index in factors]
        coefficient = section.coefficient.reshape(count, terms).T.ravel()
        product, scale = _product(builder, factors, coefficient, (terms, *place.shape), summed)
        axis = 0
    return Term(rewrites.scaled(form, form.add(Reduce(product, axis, array.how)), scale), place)


def _sums(section: Section, array: Array) -> bool:
    """Whether a batch is to be summed."""
    return not array.batched and any(source.batched for source, _ in section.factors)


def _product(
    builder: Builder,
    factors: list[tuple[Array, np.ndarray]],
    coefficient: np.ndarray,
    shape: Shape,
    summed: bool,
    thin: bool = False,
) -> tuple[Place, float]:
    """left * right in a shape, summed over the batch if it is to be; and the scale still to be applied."""
    form = builder.form
    both = all(source.batched for source, _ in factors)
    parts: list[Place] = []
    for source, index in factors:
        part, _ = builder.view(source, index.reshape(shape), thin)
        if summed and source.batched and not both:
            part = form.add(Reduce(part if source.shape else builder.value[source], None))
        parts.append(part)
    uniform = bool((coefficient == coefficient[0]).all())
    if not uniform:
        parts.append(builder.numbers(coefficient.reshape(shape)))
    product = parts[0]
    for part in parts[1:]:
        product = rewrites.times(form, product, part)
    if summed and both:
        product = form.add(Reduce(product, None))
    return product, float(coefficient[0]) if uniform else 1.0
