"""Programs in JAX: they compute what the nodes do, in any precision, and are pure functions that JAX can transform."""

from __future__ import annotations

import ast
import importlib.util
import itertools
import pickle
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from autograd_core import PRIMITIVES, Value, compile, functions
from autograd_core.compiler import CompileError, Program
from autograd_core.compiler.array_program import ArrayProgram
from autograd_core.compiler.ir import Form
from autograd_core.compiler.jax_program import JaxProgram
from autograd_core.compiler.kinds import Constant, Gather, Input, Numbers, Positions, ScatterAdd
from autograd_core.compiler.names import Names
from autograd_core.compiler.signature import Signature
from autograd_core.compiler.source import Source
from autograd_core.graph import collector_paused
from autograd_core.masks import Bernoulli
from tests.autograd_core.compiler import jax_by_numpy, test_layouts, test_programs
from tests.autograd_core.compiler.agreement import TOLERANCE, assert_same, differences, nodes, record, reference
from tests.autograd_core.compiler.realistic import PROGRAMS, Values
from tests.autograd_core.compiler.test_special_values import POINTS

pytestmark = pytest.mark.jax
jax: Any = pytest.importorskip("jax", reason="JAX is not installed; CI installs it with the extra bench")

JITTED = 100
"""So many random programs of each kind are compiled by XLA, and the others run by NumPy under JAX's names."""


def moons() -> tuple[list[Any], list[float], list[np.ndarray]]:
    """Output, inputs and parameters of the hinge loss of a small network; its numbers; a batch."""
    model = nn.MLP(2, [4, 1], rng=0)
    x, target = nodes([0.0, 0.0]), Value(1.0)
    loss = nn.losses.hinge_loss(model(x), target) + 1e-4 * nn.losses.l2_penalty(model.parameters())
    X, y = nn.data.moons(12, rng=0)
    return [loss, [x, target], model.parameters()], [p.data for p in model.parameters()], [X, 2.0 * y - 1.0]


def loaded(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_network_and_its_source(tmp_path: Path) -> None:
    graph, parameters, batch = moons()
    program = compile(*graph, backend="jax")
    value, gradient = program.value_and_grad(parameters, *batch)
    expected, slopes = compile(*graph, backend="numpy").value_and_grad(parameters, *batch)
    assert_same(value, expected)
    assert_same(gradient, slopes)
    assert (gradient.dtype, gradient.flags.writeable) == (np.float64, True)
    assert (program.backend, program.statistics.backend) == ("jax", "jax")
    assert repr(program).endswith("operations on arrays>")
    assert (
        program.source.split("    # backward")[1]
        == """
    d_value = jnp.full(batch, 1.0 / batch, dtype)
    d_z3 = d_value * ~(z3 <= 0.0)
    d_z2 = -d_z3 * y
    d_relu1 = d_z2[:, None] * w2
    d_z1 = d_relu1 * ~(z1 <= 0.0)
    d_b1 = d_z1.sum(0)
    d_W1 = over_samples(d_z1, x)
    d_b2 = d_z2.sum(0)
    d_w2 = over_samples(d_z2, relu1)
    d_parameters = 0.0002 * d_value.sum(0) * parameters
    gradient = jnp.concatenate([jnp.column_stack([d_W1, d_b1]).reshape(12), d_w2, d_b2.reshape(1)])
    gradient = gradient + d_parameters
    return value.mean(), gradient
"""
    )

    module = loaded(program.save(tmp_path / "step.py"))
    imports = [node for node in ast.walk(ast.parse(program.source)) if isinstance(node, ast.Import)]
    assert {name.name for node in imports for name in node.names} == {"jax", "jax.numpy"}
    with jax.enable_x64(True):
        value, gradient = jax.jit(module.value_and_grad)(jax.numpy.array(parameters), *batch)
    assert_same(value, expected)
    assert_same(gradient, slopes)


def test_precision_is_that_asked_for_and_the_configuration_of_jax_stays() -> None:
    graph, parameters, batch = moons()
    expected, slopes = compile(*graph, backend="numpy").value_and_grad(parameters, *batch)
    errors = {}
    for dtype in ("float64", "float32", "bfloat16"):
        program = compile(*graph, backend="jax", dtype=dtype)
        value, gradient = program.value_and_grad(parameters, *batch)
        errors[dtype] = max(abs(value - expected), np.abs(gradient - slopes).max())
        if dtype != "float64":
            given = [jax.numpy.asarray(array, dtype) for array in (parameters, *batch)]
            assert {array.dtype.name for array in jax.eval_shape(program.function, *given)} == {dtype}
    assert errors["float64"] < 1e-14 < 1e-9 < errors["float32"] < 1e-6 < 1e-4 < errors["bfloat16"] < 0.1
    assert jax.numpy.zeros(1).dtype == np.float32
    with pytest.raises(ValueError, match="dtype='float32' is for backend='jax'; backend='numpy' computes in float64"):
        compile(*graph, backend="numpy", dtype="float32")
    with pytest.raises(ValueError, match="dtype is 'float64', 'float32' or 'bfloat16', not 'half'"):
        compile(*graph, backend="jax", dtype=cast_any("half"))


def cast_any(given: Any) -> Any:
    return given


def test_jax_transforms_the_function() -> None:
    graph, parameters, batch = moons()
    program = compile(*graph, backend="jax")
    with jax.enable_x64(True):
        numbers = jax.numpy.array([parameters, np.multiply(parameters, 0.5)])
        values, gradients = jax.jit(jax.vmap(program.function, (0, None, None)))(numbers, *batch)
        slopes = jax.jit(jax.grad(lambda p: program.function(p, *batch)[0]))(numbers[0])
    for row, value, gradient in zip(numbers, values, gradients, strict=True):
        expected = program.value_and_grad(row, *batch)
        assert_same([value, *gradient], [expected[0], *expected[1]])
    assert_same(slopes, gradients[0])
    with pytest.raises(TypeError, match="is what backend='jax' makes, and this program is 'numpy'"):
        _ = compile(*graph, backend="numpy").function


def test_several_outputs_and_inputs_without_a_batch() -> None:
    p, x, y = nodes([0.5, -2.0]), nodes([1.0, 2.0, 3.0]), Value(0.3)
    outputs = [functions.tanh(x[0] * p[0]) + y, x[2] * p[1], p[0] * p[1]]
    program = compile(outputs, [x, y], p, "jax")
    other = compile(outputs, [x, y], p, "numpy")
    X = np.arange(12.0).reshape(4, 3)
    for given in ((X, 0.5), (X, np.arange(4.0)), (X[0], 2.0)):
        assert_same(program([0.1, 0.2], *given), other([0.1, 0.2], *given))
    alone = compile(p[0] * p[1], [], p, "jax")
    assert alone([2.0, 3.0]) == 6.0
    assert alone.value_and_grad([2.0, 3.0])[1].tolist() == [3.0, 2.0]


def test_masks_are_those_that_the_nodes_draw() -> None:
    def build(rng: Any, w: list[Value], x: list[Value]) -> Value:
        some, many = Bernoulli(0.3, rng), Bernoulli(0.8, rng)
        return some() * w[0] * x[0] + many() * functions.tanh(w[1] * x[1]) + some() * w[1]

    numbers, X = [1.0, 2.0], np.random.default_rng(5).normal(size=(7, 2))
    eager, expected = np.random.default_rng(1), []
    for sample in X:
        w = nodes(numbers)
        output = build(eager, w, nodes(sample))
        output.backward()
        expected.append([output.data, *(leaf.grad for leaf in w)])
    rng, w, x = np.random.default_rng(0), nodes(numbers), nodes([0.0, 0.0])
    program = compile(build(rng, w, x), [x], w, "jax")
    rng.bit_generator.state = np.random.default_rng(1).bit_generator.state
    value, gradient = program.value_and_grad(numbers, X)
    assert_same([value, *gradient], np.mean(expected, axis=0))
    assert "uniform1    (batch, 3)  random in [0, 1)" in program.source
    assert program([1.0, 2.0], X) != program([1.0, 2.0], X)


def test_every_question_that_a_program_can_be_asked() -> None:
    w, x = nodes([0.5, -1.0]), nodes([1.0, 2.0])
    output = functions.tanh(w[0] * x[0]) * x[1] * w[1]
    programs = [compile(output, [x], w, backend) for backend in ("jax", "numpy")]
    several = [compile([output, w[1] * x[0]], [x], w, backend) for backend in ("jax", "numpy")]
    numbers, X = [0.3, 0.7], np.array([[1.0, 2.0], [0.5, -1.0], [3.0, 0.1]])
    for batch in (X, X[0]):
        for answer in (
            lambda program, batch=batch: program.value_and_grad(numbers, batch, wrt="x")[1],
            lambda program, batch=batch: program.hvp(numbers, [1.0, 2.0], batch),
            lambda program, batch=batch: program.jacobian(numbers, batch),
        ):
            assert_same(*map(answer, programs))
        assert_same(*(program.jacobian(numbers, batch, wrt="x") for program in several))
    assert "jnp" in programs[0].source_for(batch=3, of="hvp")
    assert "tanh" in str(programs[0].explain())


@pytest.mark.parametrize(("of_source", "of_ids"), [*itertools.product([False, True], repeat=2)])
def test_positions_of_a_call(of_source: bool, of_ids: bool) -> None:
    """Gathered at and added at, each sample in its own array or all in one; at a wrong id nan, and nothing."""
    form, signature = Form(), Signature(["W", "ids"], [(4, 3), (2,)], False, (of_source, of_ids))
    W, ids = form.add(Input("W", (4, 3), of_source)), form.add(Input("ids", (2,), of_ids))
    start = form.add(Constant(Numbers(np.array([1, 2]))), name="at1")
    at = form.add(Positions(ids, 4, 3, start))
    gathered = form.add(Gather(W, at))
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(5, 4, 3) if of_source else (4, 3))
    chosen = rng.integers(4, size=(5, 2) if of_ids else 2).astype(float)

    def value(program: type[ArrayProgram], chosen: np.ndarray) -> np.ndarray:
        function = Source(["W", "ids"], {}, program(signature, form, Names(["W", "ids", "at1"]))).function("value")
        with jax.enable_x64(True):
            return np.asarray((jax.jit(function) if program is JaxProgram else function)(numbers, chosen))

    form.results = [gathered]
    assert_same(value(JaxProgram, chosen), value(ArrayProgram, chosen))
    chosen.flat[0] = 1.5
    assert np.isnan(value(JaxProgram, chosen)).sum() == (5 if of_source and not of_ids else 1)
    chosen.flat[0] = 2.0
    for each in {False, form[gathered].batched}:
        form.results = [form.add(ScatterAdd(gathered, at, (4, 3), each))]
        assert_same(value(JaxProgram, chosen), value(ArrayProgram, chosen))


def test_a_program_is_pickled() -> None:
    x, w = Value(2.0), Value(3.0)
    program = compile((w * x).tanh(), [x], [w], "jax")
    before = program.value_and_grad([0.3], 0.5)
    assert pickle.loads(pickle.dumps(program)).value_and_grad([0.3], 0.5) == before


@pytest.mark.parametrize("label", ["jax", "jnp", "dtype", "sample_weight", "over_samples", "uniform1", "batch", "at1"])
def test_an_input_named_as_what_the_source_needs(label: str) -> None:
    x, w = Value(0.3, label=label), [Value(1.0, label=label) for _ in range(3)]
    output = sum((functions.leaky_relu(p * x, 0.1) * Bernoulli(1.0, np.random.default_rng(0))() for p in w), Value(0.0))
    assert run(compile(output, [x], w, "jax"), [1.0, 2.0, 3.0], np.array([10.0, 20.0]))[0] == 90.0


def run(program: Program, parameters: Any, *batch: Any) -> Any:
    """The printed function by NumPy."""
    given = np.array(parameters), *batch, *cast_any(program.runner).draws(len(batch[0]) if batch else 1)
    return jax_by_numpy.run(program)(*given)


def test_a_primitive_without_a_form_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from autograd_core.compiler import jax_printer

    assert jax_printer.FORMS.keys() >= PRIMITIVES.keys()
    x = Value(1.0)
    monkeypatch.delitem(jax_printer.FORMS, "erf")
    with pytest.raises(CompileError, match=r"erf has no form in JAX: add one to FORMS of autograd_core/.*/jax_printer"):
        compile(functions.erf(x), [], [x], "jax")


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_realistic_programs_write_nothing_in_place(program: Any) -> None:
    """And compute what NumPy does."""
    numbers, rng = np.random.default_rng(0).normal(0.0, 0.5, program.parameters), np.random.default_rng(1)
    x = np.abs(rng.normal(size=(3, *program.shape))) + 0.5
    leaves, given = nodes(numbers), nodes(x[0])
    output = program.build(Values(), leaves, given)
    compiled = compile(output, [given], leaves, "jax")
    assert not re.search(r"\] [-+*/]?= |\.at\[|reduceat|reshape\(-1", compiled.source)
    value, gradient = run(compiled, numbers, x)
    expected, slopes = compile(output, [given], leaves, "numpy").value_and_grad(numbers, x)
    assert_same(value, expected)
    assert_same(gradient, slopes)


def each_hundred(programs: int) -> Any:
    return pytest.mark.parametrize("first", range(0, programs, JITTED))


def checked(seed: int, case: Any, call: Callable[..., Any]) -> None:
    """A random program is what the nodes are, on its batch, by a function that calls it."""
    samples = [record(case.build, case.parameters, sample) for sample in case.samples]
    if isinstance(case, test_layouts.Case) and any(case.delicate(sample.output) for sample in samples):
        return
    first = samples[0]
    columns = [np.array(column, dtype=float) for column in zip(*case.samples, strict=True)]
    program = compile(first.output, first.inputs, first.parameters, "jax")
    value, gradient = call(program, case.parameters, *columns)
    rows = samples if columns else samples[:1]
    with np.errstate(all="ignore"):
        assert_same(value, np.mean([one.value for one in rows]), f"program {seed}, value")
        assert_same(gradient, np.mean([one.gradient for one in rows], axis=0), f"program {seed}, gradient")


def jitted(program: Program, *given: Any) -> Any:
    return program.value_and_grad(*given)


KINDS = {"layouts": test_layouts.Case, "programs": test_programs.Case}


@pytest.mark.slow
@each_hundred(500)
@pytest.mark.parametrize("kind", KINDS)
def test_random_programs(kind: str, first: int) -> None:
    with collector_paused():
        for seed in range(first, first + JITTED):
            checked(seed, KINDS[kind](seed), jitted if first == 0 else run)


@pytest.mark.slow
def test_special_values() -> None:
    accepted = 0
    for seed in range(JITTED):
        case = test_programs.Case(seed)
        plain = record(case.build, case.parameters, case.samples[0])
        parameters, sample = case.special()
        special = record(case.build, parameters, sample)
        gradient, delicate = reference(special.output, special.parameters)
        found = compile(plain.output, plain.inputs, plain.parameters, "jax").value_and_grad(parameters, *sample)
        off = max(differences(found[0], special.value), differences(found[1], gradient).max(initial=0.0))
        accepted += off > TOLERANCE and delicate
        assert off <= TOLERANCE or delicate, f"program {seed}: {found} for {special.value}, {gradient} at {sample}"
    assert accepted <= JITTED // 20


@pytest.mark.slow
@pytest.mark.parametrize("arity", POINTS)
def test_every_primitive_at_the_edges_of_the_numbers(arity: int) -> None:
    """XLA counts numbers below 2.2e-308 as 0, and writes (y / h) / h of the slope of arctan2 as y / (h * h)."""
    primitives = [primitive for primitive in PRIMITIVES.values() if primitive.arity == arity]
    points = [point for point in POINTS[arity] if 5e-324 not in point]
    given = list(itertools.product(primitives, points))
    expected = [record(lambda leaves, _, f=primitive: f(*leaves), point) for primitive, point in given]
    leaves = [Value(0.5) for _ in given for _ in range(arity)]
    outputs = [primitive(*leaves[k * arity : (k + 1) * arity]) for k, (primitive, _) in enumerate(given)]
    numbers = np.array([number for _, point in given for number in point])
    values = compile(outputs, [], leaves, "jax")(numbers)
    slopes = compile(sum(outputs, Value(0.0)), [], leaves, "jax").value_and_grad(numbers)[1].reshape(-1, arity)
    wrong = [
        f"{primitive} at {point}: {value}, {slope} for {one.value}, {one.gradient}"
        for (primitive, point), value, slope, one in zip(given, values, slopes, expected, strict=True)
        if max(differences(value, one.value), differences(slope, one.gradient).max()) > TOLERANCE
        and not (primitive is PRIMITIVES["arctan2"] and 1e-300 in point)
    ]
    assert not wrong, "\n".join(wrong)


def test_without_jax_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jax", None)
    x = Value(1.0)
    with pytest.raises(
        ImportError, match=re.escape("backend='jax' needs JAX: python -m pip install \"autograd-core[jax]\"")
    ):
        compile(x * x, [], [x], "jax")
