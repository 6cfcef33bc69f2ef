"""The stepper as a Jupyter widget, in which the engine in the kernel works out what a changed input changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from autograd_core import Value, topological_order
from autograd_core.value import apply
from viz.page import static

if TYPE_CHECKING:
    from viz.stepper import Stepper


class StepperWidget(anywidget.AnyWidget):
    """A `Stepper` in a live notebook; what `Stepper.widget` returns."""

    _esm = static("frame.js") + static("widget.js")
    page = traitlets.Unicode().tag(sync=True)
    height = traitlets.Int(None, allow_none=True).tag(sync=True)

    def __init__(self, stepper: Stepper) -> None:
        super().__init__(page=stepper.html(live=True), height=stepper.height)
        self.stepper = stepper
        """The stepper, with the trace of the inputs as they are now."""
        self.on_msg(self._changed)

    def _changed(self, _: Any, content: Any, __: Any) -> None:
        """Answer a message from the page: numbers for all nodes, of which those of the leaves count."""
        numbers = content.get("numbers") if isinstance(content, dict) else None
        order = self.stepper.order
        if not isinstance(numbers, list) or len(numbers) != len(order):
            return
        try:
            numbers = [float(number) for number in numbers]  # "inf" and "nan" come as text
        except (TypeError, ValueError):
            return
        output, given = recomputed(order, numbers), self.stepper.parameters
        place = {node: i for i, node in enumerate(order)}
        twins = topological_order(output)
        parameters = None if given is None else [twins[place[node]] for node in given]
        options = {"height": self.height, "theme": self.stepper.theme, "parameters": parameters}
        self.stepper = type(self.stepper)(output, **options)
        self.send({"trace": self.stepper.compact()})


def recomputed(order: list[Value], numbers: list[float]) -> Value:
    """The last node of a topological order, recorded anew with other numbers for its leaves.

    >>> x = Value(2.0)
    >>> y = x * x
    >>> recomputed([x, y], [5.0, 0.0])
    Value(25.0, grad=0.0)
    """
    twins: dict[Value, Value] = {}
    for node, number in zip(order, numbers, strict=True):
        if node.op is not None and node.inputs:
            twin = apply(node.op, *(twins[operand] for operand in node.inputs))
        else:
            twin = Value(node.data if node.is_constant else number)
            twin.op = node.op
        twin.label, twin.scope = node.label, node.scope
        twins[node] = twin
    return twins[order[-1]]
