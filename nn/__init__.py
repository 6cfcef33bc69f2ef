"""Neural networks made of Values: modules, losses, optimisers, data, and a training loop, by PyTorch's names."""

from importlib.util import find_spec
from pathlib import Path

# Asked before anything is imported, because the import of somebody's own script would run it.
if (
    (_found := find_spec("autograd_core"))
    and _found.origin
    and Path(_found.origin).resolve().parent != Path(__file__).resolve().parents[1] / "autograd_core"
):
    raise ImportError(
        f"Python finds {_found.origin} in place of the package that nn was installed with; rename that file"
    )

from nn import data, init, losses, optim
from nn.evaluation import accuracy, evaluate, predict
from nn.history import EarlyStopping, Epoch, History, Training
from nn.layers import MLP, Dropout, Layer, Neuron, OneVsRest, Sequential
from nn.module import Module
from nn.storage import load, save
from nn.training import fit

__all__ = [
    "MLP",
    "Dropout",
    "EarlyStopping",
    "Epoch",
    "History",
    "Layer",
    "Module",
    "Neuron",
    "OneVsRest",
    "Sequential",
    "Training",
    "accuracy",
    "data",
    "evaluate",
    "fit",
    "init",
    "load",
    "losses",
    "optim",
    "predict",
    "save",
]
