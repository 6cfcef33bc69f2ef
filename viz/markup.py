"""What a drawing says: the labels of boxes, frames and edges, their colours, and the tooltips on them."""

from __future__ import annotations

import html
import math
import re

from autograd_core import Value
from autograd_core.formula import number_text, operation, partial
from autograd_core.value import number_of
from viz.boxes import Box
from viz.palette import NEGATIVE, NEUTRAL, POSITIVE

LONGEST_LABEL = 80
LONGEST_TIP = 300


def box_label(box: Box, names: dict[Value, str]) -> str:
    """Name and operation of a node, or name and size of a scope, then what is one number: data and grad."""
    node = next(iter(box.exits))
    if box.scope:
        lines = [f"<B>{escaped(box.scope)}</B>", f"{box.nodes:,} nodes"]
    else:
        parts = (f"<B>{escaped(_short_name(node, names))}</B>", _operation_markup(node))
        lines = [" &#160; ".join(part for part in parts if part != "<B></B>" and part)]
    if len(box.exits) == 1:
        lines += [f"data {number_text(node.data)}", f"grad {number_text(gradient(node))}"]
    return f"<{'<BR/>'.join(line for line in lines if line)}>"


def _short_name(node: Value, names: dict[Value, str]) -> str:
    """The name of a node without the scope that its frame is labelled with."""
    if node.is_constant:
        return ""
    # A line break in a label is one in a drawing, though not in the lines that explanations are printed in.
    name = names[node] if node.label.isprintable() else node.label
    return name.removeprefix(f"{node.scope}.") or name


def _operation_markup(node: Value) -> str:
    """The sign of the operation, with the plain numbers it has: ``2 * ·``."""
    if node.op is None or node.is_constant:
        return ""
    constants = any(operand.is_constant for operand in node.inputs)
    names = {operand: number_text(operand.data) if operand.is_constant else "·" for operand in node.inputs}
    text = escaped(operation(node, names) if constants else node.op.symbol)
    return f'<FONT COLOR="#444444">{text}</FONT>'


def box_tip(box: Box, names: dict[Value, str]) -> str:
    """The formula, value and gradient of each node that a box hands on, for a scope after its path and size."""
    lines = [f"{'.'.join((*box.frame, box.scope))}: {box.nodes:,} nodes"] if box.scope else []
    for node in list(box.exits)[:3]:
        number = number_text(node.data)
        formula = f"{operation(node, names)} = {number}" if node.op and not node.is_constant else number
        name = "constant" if node.is_constant else names[node]
        lines += [f"{name} = {formula}", f"gradient {number_text(gradient(node))}"]
    if len(box.exits) > 3:
        lines.append(f"and {len(box.exits) - 3:,} more nodes that others use")
    return tip(*lines)


def edge_label(node: Value, position: int, contributions: bool) -> str:
    """The local derivative, and on request what flows back along the edge."""
    text = number_text(node.partials[position])
    return markup(f"{text} · {_flow(node, position)}" if contributions else text)


def edge_tip(node: Value, position: int, names: dict[Value, str]) -> str:
    """The rule behind the local derivative, and what flows back along the edge."""
    number, rule = number_text(node.partials[position]), partial(node, position, names)
    derivative = f"d {names[node]} / d {names[node.inputs[position]]} = {rule}"
    return tip(
        derivative if rule == number else f"{derivative} = {number}",
        f"passes back {number} · {_flow(node, position)}",
    )


def _flow(node: Value, position: int) -> str:
    return f"{number_text(gradient(node))} = {number_text(gradient(node) * node.partials[position])}"


def fill(box: Box, largest: float) -> str:
    """The colour of a box's gradient, if it is one number."""
    return gradient_colour(gradient(next(iter(box.exits))) if len(box.exits) == 1 else math.nan, largest)


def gradient_colour(gradient: float, largest: float) -> str:
    """White for no gradient, deeper with its size, on a root scale so that small ones still show; grey for NaN."""
    if math.isnan(gradient):
        return NEUTRAL
    hue = POSITIVE if gradient > 0 else NEGATIVE
    share = 1.0 if math.isinf(gradient) else math.sqrt(abs(gradient) / largest) if largest else 0.0
    parts = (int(hue[at : at + 2], 16) for at in (1, 3, 5))
    return "#" + "".join(f"{round(255 - (255 - part) * share):02x}" for part in parts)


def gradient(node: Value) -> float:
    """The gradient as a number; 0 where it was set to None."""
    return 0.0 if node.grad is None else number_of(node.grad)


def largest_gradient(boxes: list[Box]) -> float:
    """The largest finite gradient among what boxes hand on, which has the deepest colour."""
    gradients = [abs(gradient(node)) for box in boxes for node in box.exits]
    return max((gradient for gradient in gradients if math.isfinite(gradient)), default=0.0)


def markup(text: str) -> str:
    """Text as a label that Graphviz takes literally."""
    return f"<{escaped(text)}>"


def escaped(text: str) -> str:
    """Text inside a Graphviz HTML-like label: its markup, its backslash codes and what XML forbids made harmless."""
    return re.sub("\r\n|\r|\n", "<BR/>", _harmless(text, LONGEST_LABEL, r"\\"))


def tip(*lines: str) -> str:
    """Lines of text as a tooltip."""
    return r"\n".join(re.sub(r"\s+", " ", _harmless(line, LONGEST_TIP, r"\\" * 2)) for line in lines)


def _harmless(text: str, longest: int, backslash: str) -> str:
    """Text without what Graphviz or XML would act on.

    A backslash is the start of a code such as \\N, the node's name, and two are one: read once in labels, and twice in
    tooltips.
    """
    if len(text) > longest:
        text = text[: longest - 1] + "…"
    text = re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)
    return html.escape(text).replace("\\", backslash)
