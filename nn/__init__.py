"""Neural networks made of Values: modules, losses, optimisers, data, and a training loop, by PyTorch's names."""

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
