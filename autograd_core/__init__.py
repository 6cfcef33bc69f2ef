"""A scalar reverse-mode autodiff engine whose graph can be stepped through, drawn and printed."""

from autograd_core.checks import detect_anomaly, gradcheck
from autograd_core.explain import Explanation, backward_table, explain, forward_table
from autograd_core.graph import BackwardStep, backward_steps, collector_paused, topological_order
from autograd_core.modes import named_scope, no_grad
from autograd_core.primitives import PRIMITIVES, Primitive, primitive
from autograd_core.transforms import grad, hessian, jacobian, value_and_grad
from autograd_core.value import Value

__all__ = [
    "PRIMITIVES",
    "BackwardStep",
    "Explanation",
    "Primitive",
    "Value",
    "backward_steps",
    "backward_table",
    "collector_paused",
    "detect_anomaly",
    "explain",
    "forward_table",
    "grad",
    "gradcheck",
    "hessian",
    "jacobian",
    "named_scope",
    "no_grad",
    "primitive",
    "topological_order",
    "value_and_grad",
]
