"""Training on accelerators: whole steps in JAX, on one device or on many, of one machine or of several.

The weights and what the optimiser keeps are on every device; the samples of a batch are divided among them, and the
gradient is one sum over all. The optimiser's own `update` is traced, so that its formula is written once. Numbers come
back to the host at the end of an epoch, when callbacks, checkpoints and the history need them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import fields
from math import isfinite
from typing import Any

import numpy as np

from autograd_core.compiler import Program
from autograd_core.compiler.jax_program import JaxRunner, require_jax
from nn.history import Training
from nn.optim import Optimizer
from nn.optim.clipping import scaled_to_norm

Devices = int | Sequence[Any] | None
"""How many of JAX's devices, or which; None for all."""


def chosen(devices: Devices) -> list[Any]:
    """The devices to train on. Raises ImportError without JAX, and ValueError or TypeError where they are not there."""
    jax = require_jax("engine='jax'")
    known = jax.devices()
    if devices is None:
        return known
    if isinstance(devices, int) and not isinstance(devices, bool):
        if not 1 <= devices <= len(known):
            raise ValueError(
                f"devices={devices}, and JAX sees {len(known)} ({known[0].platform}); on a CPU set "
                f"XLA_FLAGS=--xla_force_host_platform_device_count={max(devices, 2)} before JAX is imported"
            )
        return known[:devices]
    listed = list(devices) if isinstance(devices, Sequence) and not isinstance(devices, str) else []
    if not listed or not all(isinstance(device, jax.Device) for device in listed):
        raise TypeError(f"devices is how many of jax.devices() to train on, or a list of some of them, got {devices!r}")
    if len(set(listed)) < len(listed):
        raise ValueError(f"devices names one device twice: {devices!r}")
    return listed


class DeviceSteps:
    """Epochs of jitted steps on devices; each batch of up to `size` samples is divided among them."""

    def __init__(self, program: Program, devices: Sequence[Any], size: int, clip_norm: float | None) -> None:
        self.jax = require_jax("engine='jax'")
        sharding = self.jax.sharding
        self.mesh = sharding.Mesh(np.array(devices), ("batch",))
        everywhere, divided = sharding.PartitionSpec(), sharding.PartitionSpec("batch")
        self.everywhere, self.divided = (sharding.NamedSharding(self.mesh, spec) for spec in (everywhere, divided))
        assert isinstance(program.runner, JaxRunner)
        self.runner, self.clip_norm = program.runner, clip_norm
        self.rows = -(-size // len(devices)) * len(devices)
        """How many samples a batch is filled up to, so that all devices have as many, and XLA compiles once."""
        self._steps: dict[Any, Any] = {}

    @property
    def leads(self) -> bool:
        """Whether this process is the one that writes, of several that train together."""
        return self.jax.process_index() == 0

    def epoch(self, training: Training, batches: Iterable[tuple[np.ndarray, np.ndarray]]) -> tuple[float, np.ndarray]:
        """One step for each batch; the mean loss over the samples, and the last gradient.

        Weights and optimiser are as before until the last step is done. Raises RuntimeError where another process of
        the run is gone.
        """
        jax, optimizer = self.jax, training.optimizer
        try:
            with jax.enable_x64(True):
                step = self._step(optimizer)
                rate, moved, state = jax.tree.map(
                    lambda numbers: self._put(np.asarray(numbers, float), self.everywhere),
                    (optimizer.lr, training.parameters, dict(optimizer.state)),
                )
                losses, counts, gradient = list[Any](), list[int](), None
                for X, y in batches:  # of which none is waited for
                    moved, state, loss, gradient = step(rate, moved, state, *self._divided(X, y))
                    losses.append(loss)
                    counts.append(len(X))
                moved, state, losses, gradient = jax.device_get((moved, state, losses, gradient))
        except (jax.errors.JaxRuntimeError, ValueError) as error:  # the latter from sums over processes on CPUs
            if jax.process_count() == 1:
                raise
            raise RuntimeError(
                f"process {jax.process_index()} of {jax.process_count()} cannot go on, most likely because another one "
                f"is gone; start again with resume=True and a checkpoint, on as many devices as there are ({error})"
            ) from error
        training.parameters = np.array(moved)
        optimizer.set_state(state)
        return _mean([float(loss) for loss in losses], counts), np.array(gradient)

    def _divided(self, X: np.ndarray, y: np.ndarray) -> list[Any]:
        """A batch, its random numbers and the weight of each sample, on the devices.

        Rows that fill it up repeat the first, whose numbers are sound, and weigh nothing. Raises ValueError for tokens
        that choose nothing, which a step cannot.
        """
        count = len(X)
        self.runner.tokens.check([np.empty(0), X, y])
        arrays = [X, y, *self.runner.draws(count)]
        filled = [np.concatenate([array, np.repeat(array[:1], self.rows - count, 0)]) for array in arrays]
        weights = np.where(np.arange(self.rows) < count, 1.0 / count, 0.0)
        return [self._put(np.asarray(array, float), self.divided) for array in (*filled, weights)]

    def _put(self, array: np.ndarray, sharding: Any) -> Any:
        """An array on the devices of this process that have part in it, which are all if there is one process."""
        if self.jax.process_count() == 1:
            return self.jax.device_put(array, sharding)
        return self.jax.make_array_from_callback(array.shape, sharding, lambda index: array[index])

    def _step(self, optimizer: Optimizer) -> Any:
        """The jitted step for the options that the optimiser has now."""
        options = [field.name for field in fields(optimizer)[1:] if field.init and field.name != "lr"]
        key = tuple(getattr(optimizer, name) for name in options)
        if key not in self._steps:
            self._steps[key] = self._jitted(optimizer.copied())
        return self._steps[key]

    def _jitted(self, optimizer: Optimizer) -> Any:
        jax, runner = self.jax, self.runner
        function = runner.weighted.function("value_and_grad")
        every, divided = self.everywhere.spec, self.divided.spec

        def share(parameters: Any, *batch: Any) -> Any:
            """The value and gradient of all samples, from those of one device."""
            value, gradient = function(parameters, *batch)
            joined = jax.numpy.append(gradient, value)
            return jax.lax.psum(joined, "batch") if runner.is_mean else joined

        def step(rate: Any, parameters: Any, state: dict[str, Any], *batch: Any) -> tuple[Any, ...]:
            specs = (every, *[divided] * len(batch))
            joined = jax.shard_map(share, mesh=self.mesh, in_specs=specs, out_specs=every)(parameters, *batch)
            value, gradient = joined[-1], joined[:-1]
            if self.clip_norm is not None:
                gradient, _ = scaled_to_norm(gradient, self.clip_norm)
            moving = optimizer.copied()
            moving.lr, moving.state = rate, defaultdict(float, state)
            return _updated(moving, parameters, gradient), dict(moving.state), value, gradient

        return jax.jit(step)


def _updated(optimizer: Optimizer, parameters: Any, gradient: Any) -> Any:
    """The parameters after a step; raises TypeError for a method that cannot be traced."""
    try:
        return optimizer.update(parameters, gradient)
    except TypeError as error:
        raise TypeError(
            f"{type(optimizer).__name__}.update cannot run in JAX: let it take its functions from nn.optim.optimizer."
            f"namespace(parameters), and branch on options only ({error})"
        ) from error


def _mean(losses: Sequence[float], counts: Sequence[int]) -> float:
    """The mean over the samples, as far as losses are finite."""
    total, samples = 0.0, 0
    for loss, count in zip(losses, counts, strict=True):
        total += loss * count
        samples += count
        if not isfinite(loss):
            break
    return total / samples
