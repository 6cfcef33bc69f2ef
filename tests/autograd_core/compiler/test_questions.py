"""What a program can be asked beside its value and gradient, held against the recorded nodes, PyTorch and JAX."""

from __future__ import annotations

import pickle
import re
from typing import Any

import numpy as np
import pytest

from autograd_core import Value, compile, functions, grad, hessian, jacobian, value_and_grad
from autograd_core.compiler import Program
from autograd_core.compiler.program import Backend
from autograd_core.compiler.runners import ArrayRunner, FloatRunner
from autograd_core.functions import detach, exp, maximum, softmax, tanh
from autograd_core.graph import gradients
from autograd_core.masks import Bernoulli
from tests.autograd_core.compiler import realistic
from tests.autograd_core.compiler.agreement import assert_same, each_backend, nodes
from tests.autograd_core.compiler.realistic import PROGRAMS, Torch, Values
from tests.autograd_core.compiler.test_realistic import numbers

SOME = [
    "plain_recurrent", "convolution_1d", "normalised_network", "mixture_of_experts", "attention",
    "gaussian_mixture", "bundle_adjustment", "black_scholes", "robot_arm", "gated_unit",
]  # fmt: skip
some_programs = pytest.mark.parametrize("name", SOME)


def outputs_of(f: Any, output: Any, parameters: list[Any]) -> list[Any]:
    """Several outputs, made of the one that a realistic program has."""
    return [output, f.tanh(output) * parameters[0], parameters[-1] * 2.0]


def flat(numbers: Any) -> list[Any]:
    return [one for inner in numbers for one in flat(inner)] if isinstance(numbers, list) else [numbers]


def slopes(output: Any, wrt: list[Value]) -> list[float]:
    return [float(one) for one in gradients(output, wrt)] if isinstance(output, Value) else [0.0] * len(wrt)


class Recorded:
    """A realistic program on nodes: the derivatives of one sample, and what compile takes."""

    def __init__(self, program: realistic.Program, parameters: list[float], sample: Any) -> None:
        self.parameters, self.inputs = nodes(parameters), nodes(sample)
        self.leaves = flat(self.inputs)
        self.output = program.build(Values(), self.parameters, self.inputs)
        self.outputs = outputs_of(functions, self.output, self.parameters)

    def by_inputs(self) -> list[float]:
        return slopes(self.output, self.leaves)

    def jacobian(self, wrt: list[Value]) -> list[list[float]]:
        return [slopes(output, wrt) for output in self.outputs]

    def hvp(self, vector: list[float], wrt: list[Value]) -> list[float]:
        first = gradients(self.output, wrt, create_graph=True)
        return slopes(sum((a * b for a, b in zip(first, vector, strict=True)), Value(0.0)), wrt)


QUICK = ("attention", "convolution_2d", "mixture_of_experts", "robot_arm")


@each_backend
@pytest.mark.parametrize(
    "program",
    [pytest.param(one, id=one.name, marks=() if one.name in QUICK else pytest.mark.slow) for one in PROGRAMS],
)
def test_as_recorded(program: realistic.Program, backend: Backend) -> None:
    parameters, x = numbers(program, 2)
    samples = [Recorded(program, parameters, one) for one in x.tolist()]
    first = samples[0]
    compiled = compile(first.output, [first.inputs], first.parameters, backend)
    several = compile(first.outputs, [first.inputs], first.parameters, backend)
    vector = np.random.default_rng(1).normal(size=len(parameters))
    along = np.random.default_rng(2).normal(size=x.shape)

    slope = np.reshape([one.by_inputs() for one in samples], x.shape)
    by_parameters = np.array([one.jacobian(one.parameters) for one in samples])
    by_inputs = np.reshape([one.jacobian(one.leaves) for one in samples], (2, 3, *program.shape))
    curved = np.array([one.hvp(vector.tolist(), one.parameters) for one in samples])
    over = zip(samples, along.reshape(2, -1).tolist(), strict=True)
    curved_by_inputs = np.reshape([one.hvp(row, one.leaves) for one, row in over], x.shape)

    value, found = compiled.value_and_grad(parameters, x, wrt="inputs")
    assert_same(value, np.mean([one.output.data for one in samples]))
    assert_same(found, slope)
    assert_same(compiled.value_and_grad(parameters, x[0], wrt="x")[1], slope[0])
    assert_same(compiled.jacobian(parameters, x, wrt="x"), slope)
    assert_same(several.jacobian(parameters, x), by_parameters)
    assert_same(several.jacobian(parameters, x[1]), by_parameters[1])
    assert_same(several.jacobian(parameters, x, wrt="x"), by_inputs)
    assert_same(several.jacobian(parameters, x[1], wrt="x"), by_inputs[1])
    assert_same(compiled.hvp(parameters, vector, x), curved.mean(axis=0))
    assert_same(compiled.hvp(parameters, vector, x[1]), curved[1])
    assert_same(compiled.hvp(parameters, along, x, wrt="x"), curved_by_inputs)
    assert_same(compiled.hvp(parameters, along[0], x[0], wrt="x"), curved_by_inputs[0])


class Jax:
    """The functions of JAX on scalars."""

    def __init__(self) -> None:
        self.jax: Any = pytest.importorskip("jax")
        self.jax.config.update("jax_enable_x64", True)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.jax.numpy, name, None) or getattr(self.jax.nn, name, None)
        return found or getattr(self.jax.scipy.special, name)

    def gelu(self, x: Any) -> Any:
        return self.jax.nn.gelu(x, approximate=False)

    def less(self, x: Any, y: Any) -> Any:
        return self.jax.numpy.where(x < y, 1.0, 0.0)

    def softmax(self, values: list[Any]) -> list[Any]:
        return list(self.jax.nn.softmax(self.jax.numpy.stack(values)))

    def logsumexp(self, values: list[Any]) -> Any:
        return self.jax.scipy.special.logsumexp(self.jax.numpy.stack(values))


def chosen(name: str) -> realistic.Program:
    return next(program for program in PROGRAMS if program.name == name)


def assert_answers(
    program: realistic.Program, by_inputs: Any, jacobians: Any, hvp: Any, parameters: list[float], x: np.ndarray
) -> None:
    """The answers of a program, chosen by itself, for a batch and for a sample; the expected ones are functions."""
    one = Recorded(program, parameters, x[0].tolist())
    compiled = compile(one.output, [one.inputs], one.parameters)
    several = compile(one.outputs, [one.inputs], one.parameters)
    vector = np.random.default_rng(1).normal(size=len(parameters))
    slope = np.stack([by_inputs(sample) for sample in x])
    by_parameters, over_inputs = (np.stack(rows) for rows in zip(*map(jacobians, x), strict=True))
    curved = np.stack([hvp(sample, vector) for sample in x])
    for batch, inputs in ((slice(None), x), (0, x[0])):
        assert_same(compiled.value_and_grad(parameters, inputs, wrt="inputs")[1], slope[batch])
        assert_same(several.jacobian(parameters, inputs), by_parameters[batch])
        assert_same(several.jacobian(parameters, inputs, wrt="inputs"), over_inputs[batch])
        expected = curved.mean(axis=0) if inputs is x else curved[0]
        assert_same(compiled.hvp(parameters, vector, inputs), expected)


@pytest.mark.torch
@pytest.mark.slow
@some_programs
def test_as_in_pytorch(name: str) -> None:
    torch, program = pytest.importorskip("torch"), chosen(name)
    parameters, x = numbers(program, 2)
    f, p = Torch(), torch.tensor(parameters, dtype=torch.float64)

    def tensor(sample: np.ndarray) -> Any:
        return torch.tensor(sample, dtype=torch.float64)

    def built(given: Any, sample: Any) -> Any:
        return program.build(f, list(given), nested(sample))

    def nested(sample: Any) -> Any:
        return [nested(one) for one in sample] if sample.ndim else sample

    def several(given: Any, sample: Any) -> Any:
        return torch.stack(outputs_of(f, built(given, sample), list(given)))

    derivative = torch.autograd.functional
    assert_answers(
        program,
        lambda sample: derivative.jacobian(lambda inner: built(p, inner), tensor(sample)).numpy(),
        lambda sample: [one.numpy() for one in derivative.jacobian(several, (p, tensor(sample)))],
        lambda sample, vector: derivative.hvp(lambda given: built(given, tensor(sample)), p, tensor(vector))[1].numpy(),
        parameters,
        x,
    )


@pytest.mark.slow
@some_programs
def test_as_in_jax(name: str) -> None:
    f, program = Jax(), chosen(name)
    parameters, x = numbers(program, 2)
    jax, p = f.jax, np.array(parameters)

    def nested(sample: Any) -> Any:
        return [nested(one) for one in sample] if sample.ndim else sample

    def built(given: Any, sample: Any) -> Any:
        return program.build(f, list(given), nested(sample))

    def several(given: Any, sample: Any) -> Any:
        return jax.numpy.stack(outputs_of(f, built(given, sample), list(given)))

    slope, jacobians = jax.jit(jax.grad(built, 1)), jax.jit(jax.jacrev(several, (0, 1)))
    hvp = jax.jit(lambda given, sample, vector: jax.jvp(lambda q: jax.grad(built)(q, sample), (given,), (vector,))[1])
    assert_answers(
        program,
        lambda sample: np.asarray(slope(p, sample)),
        lambda sample: [np.asarray(one) for one in jacobians(p, sample)],
        lambda sample, vector: np.asarray(hvp(p, sample, vector)),
        parameters,
        x,
    )


def two_inputs(backend: Backend = "auto") -> Program:
    """w0 * x0**2 * y + w1 * sin(x1)."""
    w, x, y = nodes([0.0, 0.0]), nodes([0.0, 0.0]), Value(0.0)
    return compile(w[0] * x[0] ** 2 * y + w[1] * x[1].sin(), [x, y], w, backend)


@each_backend
def test_gradients_with_respect_to_several_inputs(backend: Backend) -> None:
    program, w = two_inputs(backend), [2.0, 3.0]
    x, y = np.array([[1.0, 0.5], [2.0, -0.5], [0.5, 0.0]]), np.array([1.0, 2.0, 3.0])
    by_x, by_y = np.stack([4.0 * x[:, 0] * y, 3.0 * np.cos(x[:, 1])], axis=1), 2.0 * x[:, 0] ** 2
    value, found = program.value_and_grad(w, x, y, wrt="inputs")
    assert_same(value, np.mean(2.0 * x[:, 0] ** 2 * y + 3.0 * np.sin(x[:, 1])))
    assert isinstance(found, tuple)
    assert_same(found[0], by_x)
    assert_same(found[1], by_y)
    assert_same(program.value_and_grad(w, x, y, wrt="x")[1], by_x)
    assert_same(program.value_and_grad(w, x, y, wrt="y")[1], by_y)
    # An input that all samples share has a slope in each of them.
    assert_same(program.value_and_grad(w, x, 2.0, wrt="y")[1], by_y)
    one = program.value_and_grad(w, x[0], y[0], wrt="inputs")[1]
    assert_same(one[0], by_x[0])
    assert_same(one[1], by_y[0])
    assert np.shape(one[1]) == ()


@each_backend
def test_answers_are_arrays_of_their_own(backend: Backend) -> None:
    w, x, y = nodes([0.0] * 3), nodes([0.0] * 3), nodes([0.0] * 3)
    total = sum((a * (b + c) for a, b, c in zip(w, x, y, strict=True)), Value(0.0))
    program, given = compile(total, [x, y], w, backend), np.array([1.0, 2.0, 3.0])
    by_x, by_y = program.value_and_grad(given, np.zeros((4, 3)), np.zeros((4, 3)), wrt="inputs")[1]
    by_x += 1.0
    assert_same(by_y, [given.tolist()] * 4)
    assert given.tolist() == [1.0, 2.0, 3.0]
    assert_same(by_x, [(given + 1.0).tolist()] * 4)


@each_backend
def test_what_the_value_does_not_depend_on(backend: Backend) -> None:
    w, x, y = nodes([0.0, 0.0]), nodes([0.0, 0.0]), Value(0.0)
    program = compile(w[0] * w[0] * x[0], [x, y], w, backend)
    by_x, by_y = program.value_and_grad([3.0, 1.0], [[1.0, 2.0]] * 2, 0.0, wrt="inputs")[1]
    assert_same(by_x, [[9.0, 0.0]] * 2)
    assert_same(by_y, [0.0, 0.0])
    assert_same(program.hvp([3.0, 1.0], [1.0, 1.0], [5.0, 0.0], 0.0), [10.0, 0.0])
    assert_same(program.hvp([3.0, 1.0], [1.0, 1.0], [5.0, 0.0], 0.0, wrt="x"), [0.0, 0.0])
    several = compile([w[0] * x[0], Value(1.5), y * 2.0], [x, y], w, backend)
    assert_same(several.jacobian([3.0, 1.0], [[2.0, 0.0]], 1.0), [[[2.0, 0.0], [0.0, 0.0], [0.0, 0.0]]])
    assert_same(several.jacobian([3.0, 1.0], [2.0, 0.0], 1.0, wrt="y"), [0.0, 0.0, 2.0])


@each_backend
def test_second_derivatives_stop_where_a_node_is_detached(backend: Backend) -> None:
    p = nodes([0.3, -0.2, 0.9])
    output = tanh(p[0]) * detach(p[1] * p[1]) + softmax(p)[0] * detach(maximum(p[0], p[2]))
    found = compile(output, parameters=p, backend=backend).hvp([0.3, -0.2, 0.9], [1.0, 2.0, 3.0])
    first = gradients(output, p, create_graph=True)
    assert_same(found, slopes(first[0] + 2.0 * first[1] + 3.0 * first[2], p))


@each_backend
def test_programs_without_inputs(backend: Backend) -> None:
    p = nodes([0.0, 0.0])
    program = compile([p[0] * p[1], exp(p[0])], parameters=p, backend=backend)
    assert_same(program.jacobian([2.0, 3.0]), [[3.0, 2.0], [np.exp(2.0), 0.0]])
    with pytest.raises(ValueError, match="wrt is 'parameters'; there are no inputs, not 'inputs'"):
        program.jacobian([2.0, 3.0], wrt="inputs")


@each_backend
def test_rows_of_a_jacobian_see_the_same_masks(backend: Backend) -> None:
    rng = np.random.default_rng(0)
    w, x = nodes([0.0]), Value(0.0)
    keep = Bernoulli(0.5, rng)
    dropped = w[0] * x * keep()
    program = compile([dropped, 2.0 * dropped], [x], w, backend)
    found = program.jacobian([1.0], np.ones(64))
    assert_same(found[:, 1], 2.0 * found[:, 0])
    assert 10 < found[:, 0].sum() < 54


@each_backend
def test_transforms_of_programs(backend: Backend) -> None:
    program, w = two_inputs(backend), np.array([2.0, 3.0])
    x, y = np.array([[1.0, 0.5], [2.0, -0.5], [0.5, 0.0]]), np.array([1.0, 2.0, 3.0])

    def mean(w: Any, x: Any, y: Any) -> Any:
        rows = [w[0] * a[0] ** 2 * b + w[1] * functions.sin(a[1]) for a, b in zip(x, y, strict=True)]
        return sum(rows[1:], rows[0]) * (1.0 / 3.0)

    for argnums in (0, 1, 2, -1, (0, 2)):
        found, expected = grad(program, argnums)(w, x, y), grad(mean, argnums)(w, x, y)
        pairs = zip(found, expected, strict=True) if isinstance(argnums, tuple) else [(found, expected)]
        for one, other in pairs:
            assert_same(one, other)
    value, slope = value_and_grad(program, 1)(w, x, y)
    assert_same(value, mean(w, x, y))
    assert_same(slope, grad(mean, 1)(w, x, y))
    for argnum in (0, 1, 2):
        assert_same(hessian(program, argnum)(w, x, y), hessian(mean, argnum)(w, x, y))
        assert_same(
            hessian(program, argnum)(w, x[0], y[0]),
            hessian(lambda *a: mean(a[0], [a[1]], [a[2]]) * 3.0, argnum)(w, x[0], y[0]),
        )
    # A number that all samples share.
    assert_same(grad(program, 2)(w, x, 2.0), grad(lambda b: mean(w, x, [b] * 3))(2.0))
    assert_same(hessian(program, 2)(w, x, 2.0), 0.0)


@each_backend
def test_jacobian_of_a_program_of_several_outputs(backend: Backend) -> None:
    w, x = nodes([0.0, 0.0]), nodes([0.0, 0.0])
    program = compile([w[0] * x[0] * x[1], w[1] + x[0] ** 2], [x], w, backend)

    def rows(w: Any, x: Any) -> Any:
        return np.array([[w[0] * a[0] * a[1], w[1] + a[0] ** 2] for a in x])

    numbers = np.array([2.0, 3.0]), np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    for argnums in (0, 1):
        assert_same(jacobian(program, argnums)(*numbers), jacobian(rows, argnums)(*numbers))
    with pytest.raises(TypeError, match="a scalar result; jacobian takes a program of several"):
        grad(program)(*numbers)
    with pytest.raises(TypeError, match="a Hessian for each"):
        program.hvp([2.0, 3.0], [0.0, 0.0], [1.0, 2.0])


@pytest.mark.parametrize("name", QUICK)
def test_a_hessian_vector_product_costs_at_most_three_gradients(name: str) -> None:
    program = chosen(name)
    parameters, x = numbers(program, 1)
    one = Recorded(program, parameters, x[0].tolist())
    for backend in ("scalar", "numpy"):
        compiled = compile(one.output, [one.inputs], one.parameters, backend)
        compiled.hvp(parameters, parameters, x)
        runners = [compiled._questions.choice(of).runner(64) for of in ("value_and_grad", "hvp")]
        gradient, product = (runner.cost(64) for runner in runners if isinstance(runner, (FloatRunner, ArrayRunner)))
        assert 1.0 < product / gradient < 3.0


def test_wrong_questions() -> None:
    program, given = two_inputs(), ([2.0, 3.0], [1.0, 2.0], 1.0)
    for ask in (program.value_and_grad, program.jacobian):
        with pytest.raises(ValueError, match=re.escape("wrt is 'parameters', 'inputs' or one of 'x', 'y', not 'z'")):
            ask(*given, wrt="z")
    for vector, message in (([1.0], "vector has shape (2,), got (1,)"), ([[1.0, 2.0]], "got (1, 2)")):
        with pytest.raises(ValueError, match=re.escape(message)):
            program.hvp([2.0, 3.0], vector, [1.0, 2.0], 1.0)
    with pytest.raises(ValueError, match=re.escape("takes parameters, x, y: 2 input(s), got 1")):
        program.hvp([2.0, 3.0], [1.0, 1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="a Hessian is with respect to one input"):
        program.hvp([2.0, 3.0], [1.0, 1.0], [1.0, 2.0], 1.0, wrt="inputs")
    with pytest.raises(ValueError, match="a program has value_and_grad, jacobian and hvp, no 'hessian'"):
        program.source_for(of="hessian")
    with pytest.raises(ValueError, match="batch is a number of samples from 1, or None, not 0"):
        program.source_for(batch=0)
    with pytest.raises(TypeError, match="hessian of a program takes one position"):
        hessian(program, (0, 1))(*given)
    with pytest.raises(TypeError, match=re.escape("argnums is 3, but the program takes 3 argument(s)")):
        grad(program, 3)(*given)


def test_a_constant_that_changed_after_compiling_is_no_part_of_a_later_question() -> None:
    w, c = Value(1.0), Value(2.0, label="c")
    program = compile(w * w * c, parameters=[w])
    c.data = 5.0
    assert program([3.0]) == 18.0
    with pytest.raises(ValueError, match="c, was 2 when it was compiled and is 5 now; compile again"):
        program.hvp([3.0], [1.0])


@each_backend
def test_the_source_of_a_question_runs_on_its_own(backend: Backend) -> None:
    program, w = two_inputs(backend), np.array([2.0, 3.0])
    x, y = ([1.0, 0.5], 1.5) if backend == "scalar" else (np.array([[1.0, 0.5]]), np.array([1.5]))
    space: dict[str, Any] = {}
    exec(program.source_for(batch=1, wrt="inputs"), space)
    _, by_x, by_y = space["value_and_grad"](w, x, y)
    expected = program.value_and_grad(w, x, y, wrt="inputs")[1]
    assert_same(by_x, expected[0])
    assert_same(by_y, expected[1])
    exec(program.source_for(batch=1, of="hvp"), space)
    assert_same(space["value_and_grad"](w, x, y, np.ones(2))[1], program.hvp(w, np.ones(2), x, y))
    assert "the direction of the vector, and its gradient" in program.source_for(batch=1, of="hvp")


def test_programs_that_were_asked_can_be_pickled() -> None:
    program = two_inputs()
    given = [2.0, 3.0], [1.0, 1.0], [1.0, 0.5], 1.5
    expected = program.hvp(*given)
    assert_same(pickle.loads(pickle.dumps(program)).hvp(*given), expected)
