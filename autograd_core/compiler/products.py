"""One section of a linear array as an expression: a matrix product where the terms are one, else element by element."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from autograd_core import primitives
from autograd_core.compiler.indexing import common_shape, view
from autograd_core.compiler.rules import literal
from autograd_core.compiler.sections import Array, Grid, Section
from autograd_core.compiler.stacks import stack

if TYPE_CHECKING:
    from autograd_core.compiler.writer import Writer


class Term(NamedTuple):
    """A summand of an array as source: an expression, and the flat positions that its elements add to."""

    text: str
    place: np.ndarray
    shape: tuple[int, ...]
    """Of the expression, after the batch axis: that of `place`, or with axes of length 1."""
    batched: bool


def term_of(writer: Writer, section: Section, array: Array) -> Term:
    """What a section adds to a linear array, or for a `detach`, what it has for the largest."""
    grid = Grid(section)
    if array.primitive is primitives.detach:
        return _reduced(writer, grid, array, "max")
    if grid.found and (grid.terms > 1 or _over_batch(section, array)):
        term = _matrix_product(writer, grid, array)
        if term:
            return term
    elif not _over_batch(section, array) and len(grid.owners) < len(section.owner):
        term = _stacked_product(writer, section, array)
        if term:
            return term
    return _reduced(writer, grid, array, "sum")


def _matrix_product(writer: Writer, grid: Grid, array: Array) -> Term | None:
    """rows @ columns.T, with the batch axis among the rows, or summed over."""
    section = grid.section
    rows_of, columns_of = (section.left, section.right) if grid.left_is_rows else (section.right, section.left)
    rows, columns, place = grid.rows, grid.columns, grid.place
    scale = 1.0
    if grid.scaled == "":
        scale = float(grid.scale[0])
    over_batch = _over_batch(section, array)
    after = None
    if grid.scaled in ("rows", "columns") and not over_batch and (grid.scale == grid.scale[:, :1]).all():
        # The same for all terms: it can wait until they are added up.
        after = grid.scale[:, 0] if grid.scaled == "columns" else grid.scale[:, :1]
        if columns.shape[0] == 1:
            after = after.ravel()
    if over_batch:  # the terms come first, so that they and the batch make one long axis
        rows, columns = rows.T, columns.T
    drop = [rows.shape[over_batch] == 1 and columns.shape[over_batch] > 0, columns.shape[over_batch] == 1]
    if over_batch and grid.terms == 1:
        rows, columns = rows[0], columns[0]
    texts: list[str] = []
    flags: list[bool] = []
    for side, (source, index) in enumerate(((rows_of, rows), (columns_of, columns))):
        if grid.scaled == "constants" and side == 0:
            texts.append(writer.constant(grid.scale if not drop[0] else grid.scale[0], "c"))
            flags.append(False)
            continue
        assert source is not None
        if drop[side]:
            axis = over_batch and grid.terms > 1
            index = index[:, 0] if axis else index[0]
        index = np.asarray(index)
        text, shape = writer.view(source, index)
        if shape != index.shape:
            return None
        if grid.scaled == ("rows", "columns")[side] and after is None:
            factor = grid.scale.T if over_batch else grid.scale
            factor = factor.reshape(index.shape)
            text = f"({text} * {writer.constant(factor, 'c')})"
        flags.append(source.batched)
        if source.batched and not array.batched and not over_batch:
            text, flags[side] = f"{text}.sum(0)", False
        texts.append(text)
    product, shape = _multiplied(grid, texts, flags, drop, over_batch)
    product = _scaled(product, scale)
    if after is not None:
        product = f"{writer.constant(after, 'c')} * ({product})"
    place = place[0] if drop[0] else place
    place = place[..., 0] if drop[1] else place
    if grid.scaled == "constants" and place.ndim == 2 and place[1, 0] - place[0, 0] < place[0, 1] - place[0, 0]:
        product, place = f"{texts[1]} @ {_turned(texts[0])}", place.T
    return Term(product, place, place.shape, any(flags) and not over_batch)


def _multiplied(
    grid: Grid, texts: list[str], flags: list[bool], drop: list[bool], over_batch: bool
) -> tuple[str, tuple[int, ...]]:
    """The product of rows and columns as text; `drop` says which of them is a vector."""
    (row, column), (n, m), terms = texts, grid.place.shape, grid.terms
    shape = tuple(size for size, gone in zip((n, m), drop, strict=True) if not gone)
    if over_batch:
        if terms > 1:
            row = f"{row}.reshape(-1)" if drop[0] else f"{row}.reshape(-1, {n})"
            column = f"{column}.reshape(-1)" if drop[1] else f"{column}.reshape(-1, {m})"
        return f"{row if drop[0] else _turned(row)} @ {column}", shape
    if not any(flags) and drop[0]:
        return f"{column} @ {row}", shape
    if not any(flags):
        return f"{row} @ {column if drop[1] else _turned(column)}", shape
    if all(flags):
        if all(drop):
            return f"np.vecdot({row}, {column})", shape
        if drop[0]:
            return f"({column} @ {row}[:, :, None])[:, :, 0]", shape
        if drop[1]:
            return f"({row} @ {column}[:, :, None])[:, :, 0]", shape
        return f"{row} @ {column}.swapaxes(1, 2)", shape
    # One factor is the same for all samples: the batch axis joins the rows of the other.
    many, same, turned = (0, 1, False) if flags[0] else (1, 0, True)
    left, right = texts[many], texts[same] if drop[same] else _turned(texts[same])
    if drop[many]:
        return f"{left} @ {right}", shape
    sizes = [f"{(n, m)[many]}"] + ([] if drop[same] else [f"{(n, m)[same]}"])
    text = f"({left}.reshape(-1, {terms}) @ {right}).reshape(batch, {', '.join(sizes)})"
    return (f"{text}.swapaxes(1, 2)" if turned and not drop[same] else text), shape


def _stacked_product(writer: Writer, section: Section, array: Array) -> Term | None:
    """left @ right for each of a stack of matrices."""
    found = stack(section)
    if not found or section.right is None or array.batched != (section.left.batched or section.right.batched):
        return None
    place, factors = found.place, [(section.left, found.left), (section.right, found.right)]
    complete = bool((place >= 0).all())
    if complete and place[0, 1, 0] < place[0, 0, 1]:
        place = place.swapaxes(1, 2)
        factors = [(source, positions.swapaxes(1, 2)) for source, positions in reversed(factors)]
    # The groups on as many axes as it takes to move evenly along each, or on none.
    firsts = [positions[:, 0, 0] for positions in (place, *(positions for _, positions in factors))]
    axes = common_shape(*(first for first in firsts if (first >= 0).all())) if len(place) > 1 else ()
    place = place.reshape(*axes, *place.shape[1:])
    factors = [(source, positions.reshape(*axes, *positions.shape[1:])) for source, positions in factors]
    text = " @ ".join(writer.spread(source, positions) for source, positions in factors)
    scale = float(section.coefficient[0])
    if not complete:
        cells = np.flatnonzero(place >= 0)
        cells = cells[np.argsort(place.ravel()[cells])]
        flat = f"({text}).reshape({'batch, ' * array.batched}-1)"
        text = f"{flat}.take({writer.constant(cells, 'at')}{', 1' * array.batched})"
        return Term(_scaled(text, scale), place.ravel()[cells], cells.shape, array.batched)
    # Axes in the order of the result.
    steps = [int(place.take(1, axis).flat[0] - place.flat[0]) for axis in range(place.ndim)]
    axes = sorted(range(place.ndim), key=lambda axis: -steps[axis])
    if axes != list(range(place.ndim)):
        moved = [0, *(axis + 1 for axis in axes)] if array.batched else axes
        text, place = f"({text}).transpose({', '.join(map(str, moved))})", place.transpose(axes)
    return Term(_scaled(text, scale), place, place.shape, array.batched)


def _reduced(writer: Writer, grid: Grid, array: Array, how: str) -> Term:
    """Element by element, and then summed over the terms of each owner, or the largest of them taken."""
    section, terms = grid.section, grid.terms
    factors = [(section.left, section.a)]
    if section.right is not None and section.b is not None:
        factors.append((section.right, section.b))
    batched = any(source.batched for source, _ in factors)
    summed = batched and not array.batched
    if not grid.regular:
        text, _, scale = _product(writer, factors, section.coefficient, section.a.shape, summed)
        starts = writer.constant(grid.starts, "at")
        ufunc = "np.maximum" if how == "max" else "np.add"
        text = f"{ufunc}.reduceat({text}, {starts}, {int(batched and not summed)})"
        place = grid.owners
        if len(place) < array.size and len(shape := common_shape(place)) > 1:
            place = place.reshape(shape)
            text += f".reshape({'batch, ' * (batched and not summed)}{', '.join(map(str, shape))})"
        return Term(_scaled(text, scale), place, place.shape, batched and not summed)

    count = len(grid.owners)
    place = grid.owners
    if count == 1:
        place = place.reshape(())
    elif count == array.size:
        place = place.reshape(array.shape)
    else:
        place = place.reshape(common_shape(place, *(some[::terms] for _, some in factors)))
    if terms == 1:
        text, shape, scale = _product(writer, factors, section.coefficient, place.shape, summed, thin=True)
        return Term(_scaled(text, scale), place, shape, batched and not summed)
    # The terms on the last axis where that needs no index, else on the first, along which NumPy sums faster.
    last = (*place.shape, terms)
    seen = [view("a", some.shape, index.reshape(last), some.batched) for some, index in factors]
    if all(seen) and not all(one and one.text.endswith((".T", ".swapaxes(1, 2)")) for one in seen):
        if len(factors) == 2 and grid.uniform and not summed:
            (left, inner), (right, outer) = (writer.view(source, index.reshape(last)) for source, index in factors)
            if inner[-1] == outer[-1] == terms:
                shape = np.broadcast_shapes(inner, outer)[:-1]
                text = _scaled(f"np.vecdot({left}, {right})", float(section.coefficient[0]))
                return Term(text, place, shape, batched)
        text, shape, scale = _product(writer, factors, section.coefficient, last, summed)
        axis, shape = -1, shape[:-1] if len(shape) == len(last) else shape
    else:
        factors = [(source, index.reshape(count, terms).T.ravel()) for source, index in factors]
        coefficient = section.coefficient.reshape(count, terms).T.ravel()
        text, shape, scale = _product(writer, factors, coefficient, (terms, *place.shape), summed)
        axis, shape = int(batched and not summed), shape[1:]
    return Term(_scaled(f"{atom(text)}.{how}({axis})", scale), place, shape, batched and not summed)


def _product(
    writer: Writer,
    factors: list[tuple[Array, np.ndarray]],
    coefficient: np.ndarray,
    shape: tuple[int, ...],
    summed: bool,
    thin: bool = False,
) -> tuple[str, tuple[int, ...], float]:
    """left * right in a shape, summed over the batch if it is to be; with its shape, and the scale still to be
    applied where all coefficients are the same."""
    both = all(source.batched for source, _ in factors)
    parts, shapes = [], []
    for source, index in factors:
        text, own = writer.view(source, index.reshape(shape), thin)
        if summed and source.batched and not both:
            text = f"{writer.name[source]}.sum()" if source.shape == () else f"{atom(text)}.sum(0)"
        parts.append(text)
        shapes.append(own)
    uniform = (coefficient == coefficient[0]).all()
    scale = float(coefficient[0]) if uniform else 1.0
    if not uniform:
        text, own = writer.coefficients(coefficient.reshape(shape))
        parts.append(text)
        shapes.append(own)
    if len(parts) > 1 and parts[0] == "1.0":
        parts.pop(0)
    text = " * ".join(parts)
    if summed and both:
        text = f"{atom(text)}.sum(0)"
    return text, np.broadcast_shapes(*shapes), scale


def _over_batch(section: Section, array: Array) -> bool:
    """Whether the samples of a batch are further terms of the sum."""
    return not array.batched and section.left.batched and section.right is not None and section.right.batched


def _scaled(text: str, factor: float) -> str:
    if factor == 1.0:
        return text
    if text == "1.0":
        return literal(factor)
    inner = text if "@" not in text and " + " not in text else f"({text})"
    return f"-{inner}" if factor == -1.0 else f"{literal(factor)} * {inner}"


def atom(text: str) -> str:
    """In parentheses unless it is a name, or a name with brackets, dots and calls behind it."""
    depth = 0
    for i, character in enumerate(text):
        depth += (character in "([") - (character in ")]")
        if depth == 0 and (character in " *@+/" or (character == "-" and i == 0)):
            return f"({text})"
    return text


def _turned(text: str) -> str:
    """The transpose of a matrix."""
    return text[:-2] if text.endswith(".T") else f"{text}.T"
