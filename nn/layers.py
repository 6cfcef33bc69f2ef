"""Neurons, layers and networks out of scalar nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd_core import Value, functions
from nn import init as initialisation
from nn.arguments import positive_int, unknown_name
from nn.module import Module, parameter_count

Activation = str | Callable[[Any], Any]


def linear(x: Any) -> Any:
    """The activation that is none: x itself. Layers of it collapse into one linear map."""
    return x


def step(x: Any) -> Any:
    """The perceptron's activation: 1 where x >= 0, else 0; its gradient is 0 everywhere, so it cannot be trained so.

    >>> step(0.5), step(-0.5)
    (1.0, 0.0)
    """
    return functions.less_equal(0.0, x)


ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "linear": linear,
    "step": step,
    "sigmoid": functions.sigmoid,
    "tanh": functions.tanh,
    "relu": functions.relu,
    "leaky_relu": functions.leaky_relu,
    "elu": functions.elu,
    "gelu": functions.gelu,
    "silu": functions.silu,
    "softplus": functions.softplus,
}
"""The activations by name."""


def activation_function(activation: Activation) -> Callable[[Any], Any]:
    """The function of an activation given by name, or the callable itself.

    Raises ValueError for an unknown name and TypeError for what is neither.
    """
    if isinstance(activation, str):
        if activation not in ACTIVATIONS:
            raise unknown_name("activation", activation, ACTIVATIONS, activation)
        return ACTIVATIONS[activation]
    if not callable(activation):
        raise TypeError(f"an activation is a name or a function of one Value, got {type(activation).__name__}")
    return activation


class Neuron(Module):
    """activation(w[0]*x[0] + ... + b): the weighted sum of the inputs and a bias, and a non-linearity.

    `init` is a name of `nn.init.SCHEMES` or such a function; by default He's for the relu family and Xavier's for
    the rest. `fan_out` is the width of the layer that the neuron is part of, for the schemes that ask for it. The
    bias starts at 0. Raises ValueError for a wrong number of inputs, in construction and in calls.

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
        rng: initialisation.Seed = None,
        fan_out: int = 1,
    ) -> None:
        self.nin = positive_int(nin, "nin")
        self.activation = activation_function(activation)
        scheme = initialisation.scheme(init or _default_init(activation))
        weights = np.asarray(scheme((nin,), nin, fan_out, initialisation.generator(rng)), dtype=float)
        self.w = [Value(weight) for weight in weights.tolist()]
        self.b = Value(0.0)

    def forward(self, *inputs: Any) -> Value:
        """The output for one sample: `nin` numbers or Values."""
        total = self.b
        for weight, x in zip(self.w, _sample(self, inputs), strict=True):
            total = total + weight * x
        return self.activation(total)

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
        rng: initialisation.Seed = None,
    ) -> None:
        self.nin, self.nout = positive_int(nin, "nin"), positive_int(nout, "nout")
        self.activation = activation_function(activation)
        generator = initialisation.generator(rng)
        self.neurons = [Neuron(nin, activation, init=init, rng=generator, fan_out=nout) for _ in range(nout)]

    def forward(self, *inputs: Any) -> Any:
        """The outputs for one sample: `nin` numbers or Values in, `nout` Values out."""
        sample = _sample(self, inputs)
        outputs = [neuron(sample) for neuron in self.neurons]
        return outputs[0] if self.nout == 1 else outputs

    def __repr__(self) -> str:
        return f"Layer({self.nin} -> {self.nout}, {_name(self.activation)}, {parameter_count(self)})"


class MLP(Module):
    """A multi-layer perceptron: `nin` inputs, then layers of the widths in `nouts`.

    `activation` is that of the hidden layers, or a list with one for each; `output_activation` that of the last
    layer. `init` as for `Neuron`; `rng` is an int or a NumPy Generator, and the same int gives the same weights.

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
        rng: initialisation.Seed = None,
    ) -> None:
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
            Layer(inner, outer, function, init=init, rng=generator)
            for inner, outer, function in zip(widths, widths[1:], [*activations, output_activation], strict=False)
        ]

    def forward(self, *inputs: Any) -> Any:
        """The outputs for one sample: `nin` numbers or Values in, a Value or a list of them out."""
        outputs: Any = _sample(self, inputs)
        for layer in self.layers:
            outputs = layer(outputs)
        return outputs


class Sequential(Module):
    """Modules one after the other, each on the output of the one before.

    >>> model = Sequential(Layer(2, 8, rng=0), Dropout(0.5, rng=0), Layer(8, 1, "linear", rng=1))
    >>> len(model.parameters())
    33
    """

    def __init__(self, *modules: Module) -> None:
        for module in modules:
            if not isinstance(module, Module):
                raise TypeError(f"Sequential takes Modules, got {type(module).__name__}")
        self.modules = list(modules)

    def forward(self, *inputs: Any) -> Any:
        """The output of the last module for one sample."""
        outputs = inputs
        for module in self.modules:
            outputs = (module(*outputs),)
        return outputs[0] if len(outputs) == 1 else outputs


class Dropout(Module):
    """While training, drops each input with probability `p` and scales the others by 1/(1 - p).

    In evaluation it passes its inputs on, so that the expected output is the same in both (inverted dropout,
    Srivastava et al. 2014). Draws from `rng`, an int or a NumPy Generator.

    >>> Dropout(0.5, rng=0).eval()([1.0, 2.0])
    [1.0, 2.0]
    """

    def __init__(self, p: float = 0.5, *, rng: initialisation.Seed = None) -> None:
        if isinstance(p, bool) or not isinstance(p, (int, float)) or not 0.0 <= p < 1.0:
            raise ValueError(f"the probability of dropping is at least 0 and less than 1, not {p!r}")
        self.p = float(p)
        self._rng = initialisation.generator(rng)

    def forward(self, *inputs: Any) -> Any:
        """The inputs, each dropped or scaled: a Value or number for one, a list for several."""
        (sample,) = inputs
        if not self.training or self.p == 0.0:
            return sample
        if isinstance(sample, (list, tuple, np.ndarray)):
            kept = self._rng.random(len(sample)) >= self.p
            return [x * (float(keep) / (1.0 - self.p)) for x, keep in zip(sample, kept.tolist(), strict=True)]
        return sample * (float(self._rng.random() >= self.p) / (1.0 - self.p))

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
        self.models = [make() for _ in range(positive_int(classes, "classes"))]

    def forward(self, *inputs: Any) -> list[Value]:
        """One logit a class for one sample."""
        outputs = [model(*inputs) for model in self.models]
        if any(isinstance(output, (list, tuple)) for output in outputs):
            raise ValueError("a OneVsRest needs classifiers with one output each, as MLP(nin, [8, 1]) has")
        return outputs


def _default_init(activation: Activation) -> str:
    """He for activations that pass half of their inputs, Xavier for those that are symmetric around 0."""
    name = activation if isinstance(activation, str) else _name(activation)
    return "he_normal" if name in ("relu", "leaky_relu", "elu", "gelu", "silu", "softplus") else "xavier_normal"


def _name(activation: Callable[[Any], Any]) -> str:
    return getattr(activation, "__name__", type(activation).__name__)


def _sample(module: Neuron | Layer | MLP, inputs: tuple[Any, ...]) -> Sequence[Any]:
    """The numbers of one sample, given as a sequence, an array or, for one input, by itself."""
    (sample,) = inputs
    if not isinstance(sample, (list, tuple)):
        if np.ndim(sample) > 1:
            rows = np.shape(sample)[0]
            raise ValueError(f"a {type(module).__name__} takes one sample, got {rows}; nn.predict takes many")
        sample = sample.tolist() if isinstance(sample, np.ndarray) and sample.ndim else [sample]
    if len(sample) != module.nin:
        raise ValueError(f"a {type(module).__name__} of {module.nin} input(s) got {len(sample)}")
    return sample
