"""Optimisers, learning rate schedules and gradient clipping, with PyTorch's names, defaults and numbers.

>>> from autograd_core import Value
>>> w = Value(0.0)
>>> optimizer = SGD([w], lr=0.4)
>>> for _ in range(20):
...     loss = (w - 3.0) ** 2
...     optimizer.zero_grad()
...     loss.backward()
...     optimizer.step()
>>> round(w, 6)
3.0
"""

from nn.optim.adaptive import Adadelta, Adagrad, Adam, AdamW, RMSprop
from nn.optim.clipping import clip_grad_norm, clip_grad_value, clipped_by_norm, clipped_by_value
from nn.optim.optimizer import Optimizer
from nn.optim.schedulers import (
    CosineAnnealingLR,
    ExponentialLR,
    LinearLR,
    ReduceLROnPlateau,
    Scheduler,
    StepLR,
)
from nn.optim.sgd import SGD

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "CosineAnnealingLR",
    "ExponentialLR",
    "LinearLR",
    "Optimizer",
    "RMSprop",
    "ReduceLROnPlateau",
    "Scheduler",
    "StepLR",
    "clip_grad_norm",
    "clip_grad_value",
    "clipped_by_norm",
    "clipped_by_value",
]
