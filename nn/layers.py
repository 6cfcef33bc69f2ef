"""Neurons, layers and networks out of scalar nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from autograd_core import Value
from autograd_core.floats import as_float, is_array, readable
from autograd_core.masks import Bernoulli
from nn import init as initialisation
from nn.activations import ACTIVATIONS, Activation, activation_function, default_init, linear, step
from nn.arguments import positive_int
from nn.module import Module, parameter_count

__all__ = [
    "ACTIVATIONS", "MLP", "Activation", "Dropout", "Layer", "Neuron", "OneVsRest", "Sequential", "activation_function",
    "linear", "step",
]  # fmt: skip


class Neuron(Module):
    """activation(w[0]*x[0] + ... + b): the weighted sum of the inputs and a bias, and a non-linearity.

    `init` is a name of `nn.init.SCHEMES` or such a function; by default He's for the relu family and Xavier's for
    the rest. `fan_out` is the width of the layer that the neuron is part of, for the schemes that ask for it. The
    bias is drawn by `bias_init`, by default 0. Raises ValueError for a wrong number of inputs, and TypeError for an
    activation that does not return a Value.

    >>> neuron = Neuron(2, activation="step", init="zeros")
    >>> neuron.w[0].data, neuron.w[1].data, neuron.b.data = 1.0, 1.0, -1.5
    >>> [neuron([a, b]).data for a, b in [(0, 0), (0, 1), (1, 0), (1, 1)]]
    [0.0, 0.0, 0.0, 1.0]
    """

    def __init__(
        self,
        nin: int,
        activation: Activation = "relu",
        *,
        init: initialisation.Scheme | str | None = None,
        bias_init: initialisation.Scheme | str = "zeros",
        rng: initialisation.Seed = None,
        fan_out: int = 1,
    ) -> None:
        self.nin = positive_int(nin, "nin")
        self.activation = activation_function(activation)
        generator = initialisation.generator(rng)
        self.w = [Value(number) for number in _drawn(init or default_init(activation), nin, nin, fan_out, generator)]
        self.b = Value(_drawn(bias_init, 1, nin, fan_out, generator)[0])

    def forward(self, x: Any) -> Value:
        """The output for one sample: `nin` numbers or Values."""
        total = self.b
        for weight, number in zip(self.w, _sample(self, x), strict=True):
            total = total + weight * number
        output = self.activation(total)
        if not isinstance(output, Value):
            raise TypeError(
                f"the activation {_name(self.activation)} turned a Value into {type(output).__name__}, "
                "which stops the gradient; write it with the functions of autograd_core, not of math"
            )
        return output

    def __repr__(self) -> str:
        return f"Neuron({self.nin} -> 1, {_name(self.activation)}, {parameter_count(self)})"


class Layer(Module):
    """`nout` neurons on the same `nin` inputs; returns a list of Values, or one Value if `nout` is 1.

    Options as for `Neuron`.

    >>> Layer(2, 3, "tanh", rng=0)
    Layer(2 -> 3, tanh, 9 parameters)
    """

    def __init__(
        self,
        nin: int,
        nout: int,
        activation: Activation = "relu",
        *,
        init: initialisation.Scheme | str | None = None,
        bias_init: initialisation.Scheme | str = "zeros",
        rng: initialisation.Seed = None,
    ) -> None:
        self.nin, self.nout = positive_int(nin, "nin"), positive_int(nout, "nout")
        self.activation = activation_function(activation)
        generator = initialisation.generator(rng)
        self.neurons = [
            Neuron(nin, activation, init=init, bias_init=bias_init, rng=generator, fan_out=nout) for _ in range(nout)
        ]

    def forward(self, x: Any) -> Any:
        """The outputs for one sample: `nin` numbers or Values in, `nout` Values out."""
        sample = _sample(self, x)
        outputs = [neuron(sample) for neuron in self.neurons]
        return outputs[0] if self.nout == 1 else outputs

    def __repr__(self) -> str:
        return f"Layer({self.nin} -> {self.nout}, {_name(self.activation)}, {parameter_count(self)})"


class MLP(Module):
    """A multi-layer perceptron: `nin` inputs, then layers of the widths in `nouts`.

    `activation` is that of the hidden layers, or a list with one for each; `output_activation` that of the last
    layer. `init` and `bias_init` as for `Neuron`; `rng` is an int or a NumPy Generator, and the same int gives the
    same weights.

    >>> MLP(2, [16, 16, 1], rng=0)
    MLP(337 parameters
      layers.0: Layer(2 -> 16, relu, 48 parameters)
      layers.1: Layer(16 -> 16, relu, 272 parameters)
      layers.2: Layer(16 -> 1, linear, 17 parameters)
    )
    """

    def __init__(
        self,
        nin: int,
        nouts: Sequence[int],
        activation: Activation | Sequence[Activation] = "relu",
        output_activation: Activation = "linear",
        *,
        init: initialisation.Scheme | str | None = None,
        bias_init: initialisation.Scheme | str = "zeros",
        rng: initialisation.Seed = None,
    ) -> None:
        if not isinstance(nouts, Iterable):
            raise TypeError(f"nouts lists the widths of the layers, as in MLP(2, [16, 1]), got {nouts!r}")
        widths = [nin, *nouts]
        if len(widths) < 2:
            raise ValueError("an MLP needs at least one layer: nouts lists their widths, as in MLP(2, [16, 1])")
        hidden = len(widths) - 2
        if isinstance(activation, str) or callable(activation):
            activations: list[Activation] = [activation] * hidden
        else:
            activations = list(activation)
        if len(activations) != hidden:
            raise ValueError(f"the MLP has {hidden} hidden layer(s) and got {len(activations)} activation(s)")
        generator = initialisation.generator(rng)
        self.nin, self.nout = positive_int(nin, "nin"), widths[-1]
        self.layers = [
            Layer(inner, outer, function, init=init, bias_init=bias_init, rng=generator)
            for inner, outer, function in zip(widths, widths[1:], [*activations, output_activation], strict=False)
        ]

    def forward(self, x: Any) -> Any:
        """The outputs for one sample: `nin` numbers or Values in, a Value or a list of them out."""
        outputs: Any = _sample(self, x)
        for layer in self.layers:
            outputs = layer(outputs)
        return outputs


class Sequential(Module):
    """Modules one after the other, each on the output of the one before.

    >>> model = Sequential(Layer(2, 8, rng=0), Dropout(0.5, rng=0), Layer(8, 1, "linear", rng=1))
    >>> len(model.parameters())
    33
    """

    def __init__(self, *layers: Module) -> None:
        for layer in layers:
            if not isinstance(layer, Module):
                raise TypeError(f"Sequential takes Modules, got {type(layer).__name__}")
        self.layers = list(layers)

    def forward(self, x: Any) -> Any:
        """The output of the last module for one sample."""
        for layer in self.layers:
            x = layer(x)
        return x

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, index: int) -> Module:
        return self.layers[index]


class Dropout(Module):
    """While training, drops each input with probability `p` and scales the others by 1/(1 - p).

    In evaluation it passes its inputs on, so that the expected output is the same in both (inverted dropout,
    Srivastava et al. 2014). Draws from `rng`, an int or a NumPy Generator.

    >>> Dropout(0.5, rng=0).eval()([1.0, 2.0])
    [1.0, 2.0]
    """

    def __init__(self, p: float = 0.5, *, rng: initialisation.Seed = None) -> None:
        self.p = as_float(p, "The probability of Dropout")
        if not 0.0 <= self.p < 1.0:
            raise ValueError(f"the probability of dropping is at least 0 and less than 1, not {p!r}")
        self._rng = initialisation.generator(rng)

    def forward(self, x: Any) -> Any:
        """The inputs, each dropped or scaled: a Value or number for one, a list for several."""
        if not self.training or self.p == 0.0:
            return x
        keep = 1.0 - self.p
        mask = Bernoulli(keep, self._rng)
        if isinstance(x, (list, tuple, np.ndarray)):
            return [number * (mask() / keep) for number in x]
        return x * (mask() / keep)

    def __repr__(self) -> str:
        return f"Dropout({self.p})"


class OneVsRest(Module):
    """One binary classifier a class, each telling its class from the rest; the largest output wins.

    `make` builds a classifier with one output, a logit; `classes` is how many. Train with
    `nn.losses.binary_cross_entropy_with_logits` on `nn.data.one_hot` labels.

    >>> model = OneVsRest(lambda: MLP(2, [1], rng=0), classes=3)
    >>> len(model([0.5, -0.5]))
    3
    """

    def __init__(self, make: Callable[[], Module], classes: int) -> None:
        models = [make() for _ in range(positive_int(classes, "classes"))]
        if len(set(models)) < len(models):
            raise ValueError("make returned the same classifier twice; let it build a new one at each call")
        self.models = models

    def forward(self, x: Any) -> list[Value]:
        """One logit a class for one sample."""
        outputs = [model(x) for model in self.models]
        if any(isinstance(output, (list, tuple)) for output in outputs):
            raise ValueError("a OneVsRest needs classifiers with one output each, as MLP(nin, [8, 1]) has")
        return outputs


def _name(activation: Callable[[Any], Any]) -> str:
    return getattr(activation, "__name__", type(activation).__name__)


def _drawn(
    scheme: initialisation.Scheme | str, count: int, fan_in: int, fan_out: int, generator: np.random.Generator
) -> list[float]:
    """Starting numbers by a scheme, checked to be as many as asked for."""
    numbers = np.asarray(initialisation.scheme(scheme)((count,), fan_in, fan_out, generator), dtype=float)
    if numbers.shape != (count,):
        raise ValueError(f"the weight scheme was asked for shape ({count},) and returned {numbers.shape}")
    return numbers.tolist()


def _sample(module: Neuron | Layer | MLP, x: Any) -> Sequence[Any]:
    """The numbers of one sample, given as a sequence, an array or, for one input, by itself."""
    if not isinstance(x, (list, tuple)):
        x = readable(x, "x")
        x = list(x) if is_array(x) and x.ndim else [x]
    if x and isinstance(x[0], (list, tuple, np.ndarray)):
        raise ValueError(f"{_of(module)} takes one sample, got {len(x)}; nn.predict takes many")
    if len(x) != module.nin:
        raise ValueError(f"{_of(module)} takes {module.nin} input{'' if module.nin == 1 else 's'}, got {len(x)}")
    return x


def _of(module: Module) -> str:
    name = type(module).__name__
    return f"{'an' if name == 'MLP' else 'a'} {name}"
