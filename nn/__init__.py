"""Neural networks made of Values: modules, losses, optimisers, data, and a training loop, by PyTorch's names."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

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
from nn.attention import CausalSelfAttention
from nn.convolution import Conv1d, Conv2d
from nn.embedding import Embedding
from nn.evaluation import accuracy, evaluate, predict
from nn.generation import generate
from nn.history import EarlyStopping, Epoch, History, Training
from nn.layers import MLP, Dropout, Layer, Neuron, OneVsRest, Sequential
from nn.linear import Linear
from nn.module import Module
from nn.normalization import LayerNorm, RMSNorm
from nn.pooling import AvgPool2d, MaxPool2d
from nn.recurrent import GRUCell, LSTMCell, RNNCell
from nn.storage import load, save
from nn.training import fit

__all__ = [
    "MLP",
    "AvgPool2d",
    "CausalSelfAttention",
    "Conv1d",
    "Conv2d",
    "Dropout",
    "EarlyStopping",
    "Embedding",
    "Epoch",
    "GRUCell",
    "History",
    "LSTMCell",
    "Layer",
    "LayerNorm",
    "Linear",
    "MaxPool2d",
    "Module",
    "Neuron",
    "OneVsRest",
    "RMSNorm",
    "RNNCell",
    "Sequential",
    "Training",
    "accuracy",
    "data",
    "evaluate",
    "fit",
    "generate",
    "init",
    "load",
    "losses",
    "optim",
    "predict",
    "save",
]


def __getattr__(name: str) -> Any:
    if name.startswith("BatchNorm"):
        raise AttributeError(
            f"there is no nn.{name}: it uses mean and variance over a batch, and here the loss is that of one sample, "
            "whatever else is in the batch; nn.LayerNorm and nn.RMSNorm normalise each sample by itself"
        )
    raise AttributeError(f"module 'nn' has no attribute {name!r}")
