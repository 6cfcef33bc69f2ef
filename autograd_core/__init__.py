"""A scalar reverse-mode autodiff engine whose graph can be stepped through, drawn and printed."""

from typing import TYPE_CHECKING, Any

from autograd_core.checks import detect_anomaly, gradcheck
from autograd_core.explain import Explanation, explain
from autograd_core.graph import BackwardStep, backward_steps, collector_paused, topological_order
from autograd_core.lookup import lookup
from autograd_core.modes import named_scope, no_grad
from autograd_core.primitives import PRIMITIVES, Primitive, primitive
from autograd_core.tables import backward_table, forward_table
from autograd_core.transforms import grad, hessian, jacobian, value_and_grad
from autograd_core.value import Value

__all__ = [
    "PRIMITIVES",
    "BackwardStep",
    "Explanation",
    "Primitive",
    "Program",
    "Value",
    "backward_steps",
    "backward_table",
    "collector_paused",
    "compile",
    "detect_anomaly",
    "explain",
    "forward_table",
    "grad",
    "gradcheck",
    "hessian",
    "jacobian",
    "lookup",
    "named_scope",
    "no_grad",
    "primitive",
    "topological_order",
    "value_and_grad",
]

if TYPE_CHECKING:
    from autograd_core.compiler import Program, compile


def __getattr__(name: str) -> Any:
    # Imported when first asked for, since it needs NumPy, which walking nodes does not.
    if name in ("Program", "compile"):
        from autograd_core import compiler

        return getattr(compiler, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
