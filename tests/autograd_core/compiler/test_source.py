"""The source of a program runs on its own, under names that hold up whatever the labels say."""

from __future__ import annotations

import ast
import importlib.util
import keyword
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograd_core import PRIMITIVES, Primitive, Value, functions, named_scope, primitive
from autograd_core.compiler import Program, compile
from autograd_core.compiler.program import Backend
from autograd_core.masks import Bernoulli
from autograd_core.primitives import REAL
from tests.autograd_core.compiler.agreement import assert_same, each_backend, nodes

LABELS = [
    "", "np", "math", "len", "batch", "gradient", "parameters", "value", "value_and_grad", "inf", "nan", "float",
    "numpy", "lambda", "def", "None", "True", "class", "return", "import", "_", "__", "x", "z1", "at1", "c1", "d_x",
    "W1", "exp", "sigmoid", "relu", "x y", "x-1", "1x", "weights[0]", "layers.0.w", "a.b", "ünïcode", "变量", "λ",
    "fi", "ﬁ", "e\u0301", "😀", "'", '"', '"""', "'''", "\n", "a\nb", "\\", "\\n", "a\0b", "#", "a#b", "{x}", "%s",
    "$", "x;y", "print(1)", "x=1", "\t", "  x  ", "é", "ª", "a", "print", "list", "sum", "max", "mask1", "rng1",
    "part1", "largest1", "x", "x", "_0_", "_out_",
]  # fmt: skip

each_label = pytest.mark.parametrize("label", LABELS, ids=[ascii(label) for label in LABELS])


def run(program: Program, parameters: Any, *inputs: Any) -> list[float]:
    """Value and gradient by the source in an empty namespace."""
    namespace: dict[str, Any] = {}
    exec(program.source, namespace)
    if program.backend == "numpy":
        value, gradient = namespace["value_and_grad"](np.array(parameters), *(np.array([x]) for x in inputs))
    else:
        value, gradient = namespace["value_and_grad"](parameters, *inputs)
    return [float(value), *map(float, gradient)]


def found(program: Program, parameters: list[float], *inputs: Any) -> list[float]:
    value, gradient = program.value_and_grad(parameters, *inputs)
    return [value, *gradient.tolist()]


def assert_runs_alone(program: Program, parameters: list[float], *inputs: Any) -> None:
    assert_same(run(program, parameters, *inputs), found(program, parameters, *inputs))
    assert "autograd_core" not in program.source


def loss(p: list[Value], x: list[Value], y: Value) -> Value:
    hidden = [functions.sigmoid(p[k] * x[0] + p[k + 3] * x[1] + p[k + 6]) for k in range(3)]
    total = functions.log_softmax([h * w for h, w in zip(hidden, p, strict=False)])[0]
    return total * 0.5 - functions.gelu(p[0] - y) + 2.0 ** p[1]


@each_backend
def test_source_gives_the_same(backend: Backend) -> None:
    p, x, y = nodes([0.0] * 9), nodes([1.0, 2.0]), Value(3.0)
    program = compile(loss(p, x, y), [x, y], p, backend)
    assert_runs_alone(program, np.random.default_rng(0).normal(size=9).tolist(), [0.5, -1.5], 0.25)


@each_backend
@pytest.mark.parametrize("operation", PRIMITIVES.values(), ids=str)
def test_source_of_every_operation(operation: Primitive, backend: Backend) -> None:
    start = [0.6 if domain == REAL else 0.3 for domain in operation.domain]
    p, x = nodes(start * 3), nodes(start)
    output: Any = sum(
        (operation(*p[k : k + operation.arity]) for k in range(0, len(p), operation.arity)), operation(*x)
    )
    assert_runs_alone(compile(output, [x], p, backend), start * 3, start)


@pytest.mark.parametrize("operation", PRIMITIVES.values(), ids=str)
def test_source_on_floats_takes_those_of_numpy(operation: Primitive) -> None:
    point = [0.3, 0.7, 0.9][: operation.arity]
    for numbers in (point, point[::-1], [0.5] * operation.arity):
        p = nodes(numbers)
        program = compile(operation(*p), [], p, "scalar")
        assert_same(run(program, np.array(numbers)), found(program, numbers))


def test_a_comparison_of_ones_own_is_a_number() -> None:
    @primitive(partials=lambda x, y, out: (-functions.less(x, y), functions.less(x, y) + functions.less(y, x)))
    def smaller(x: Any, y: Any) -> Any:
        return functions.less(x, y)

    p = nodes([1.0, 2.0, 3.0])
    for output in (smaller(p[0], p[1]), smaller(p[0], p[1]) + smaller(p[1], p[2]), -smaller(p[0], p[1])):
        program = compile(output, [], p, "scalar")
        assert type(program([1.0, 2.0, 3.0])) is float
        assert_same(run(program, np.array([1.0, 2.0, 3.0])), found(program, [1.0, 2.0, 3.0]))
        assert program([1.0, 2.0, 3.0]) == output.data


@each_backend
def test_source_of_several_outputs(backend: Backend) -> None:
    p, x = nodes([1.0, 2.0]), nodes([3.0, 4.0])
    program = compile([functions.tanh(p[0] * x[0]), x[1] + p[1]], [x], p, backend)
    namespace: dict[str, Any] = {}
    exec(program.source, namespace)
    assert "value_and_grad" not in namespace
    given: Any = (np.array([1.0, 2.0]), np.ones((1, 2))) if backend == "numpy" else ([1.0, 2.0], [1.0, 1.0])
    assert_same(np.ravel(namespace["value"](*given)), program([1.0, 2.0], [1.0, 1.0]))


@each_backend
def test_source_takes_batches(backend: Backend) -> None:
    if backend == "scalar":
        return
    p, x = nodes([1.0, 2.0]), nodes([3.0, 4.0])
    program = compile(functions.tanh(p[0] * x[0] + p[1] * x[1]), [x], p, backend)
    namespace: dict[str, Any] = {}
    exec(program.source, namespace)
    X = np.random.default_rng(0).normal(size=(7, 2))
    value, gradient = namespace["value_and_grad"](np.array([1.0, 2.0]), X)
    assert_same([value, *gradient], found(program, [1.0, 2.0], X))


@each_label
@each_backend
@pytest.mark.parametrize("where", ["input", "parameter", "node", "output", "vector"])
def test_labels(where: str, label: str, backend: Backend) -> None:
    p, x, y = nodes([0.5] * 3), nodes([1.0, 2.0]), Value(3.0)
    node = functions.tanh(p[0] * x[0] + p[1] * x[1])
    output = functions.exp(node) * y + p[2] * node
    labelled: dict[str, list[Value]] = {
        "input": [y], "parameter": p[:1], "node": [node], "output": [output], "vector": [*x, *p, node],
    }  # fmt: skip
    for one in labelled[where]:
        one.label = label
    program = compile(output, [x, y], p, backend)
    assert_runs_alone(program, [0.1, 0.2, 0.3], [0.4, 0.5], 0.6)
    (function,) = [part for part in ast.parse(program.source).body if getattr(part, "name", "") == "value_and_grad"]
    assert isinstance(function, ast.FunctionDef)
    arguments = [argument.arg for argument in function.args.args]
    assert len(set(arguments)) == 3
    assert not any(keyword.iskeyword(name) for name in arguments)


@each_backend
def test_all_labels_at_once(backend: Backend) -> None:
    p = [Value(0.1, label) for label in LABELS]
    inputs = [Value(0.2, label) for label in LABELS]
    output = Value(0.0)
    for label, w, x in zip(LABELS, p, inputs, strict=True):
        term = functions.sin(w * x)
        term.label = label
        output = functions.tanh(term + output)
        output.label = label
    output.backward()
    program = compile(output, inputs, p, backend)
    numbers = [0.1] * len(LABELS)
    assert_same(run(program, numbers, *[0.2] * len(LABELS)), [output.data, *(w.grad for w in p)])


@each_backend
@pytest.mark.parametrize("label", ["x", "parameters", "value_and_grad", "value", "len", "sigmoid", "y", "_", "", "z1"])
def test_inputs_with_one_label(label: str, backend: Backend) -> None:
    x = [Value(0.5, label) for _ in range(5)]
    w = Value(1.0, label)
    program = compile(functions.sigmoid(sum(x, Value(0.0)) * w) - x[0] * x[4], x, [w], backend)
    assert_runs_alone(program, [0.3], 0.1, 0.2, 0.3, 0.4, 0.5)
    assert program([0.3], 0.1, 0.2, 0.3, 0.4, [0.5, 0.5]) == pytest.approx(
        found(program, [0.3], 0.1, 0.2, 0.3, 0.4, 0.5)[0]
    )


@each_backend
def test_an_input_named_as_what_is_not_used(backend: Backend) -> None:
    p, x, y = nodes([0.1, 0.2, 0.3]), Value(2.0, "_"), [Value(5.0, "_"), Value(6.0, "_")]
    program = compile(p[1] * x + y[1] * x, [x, y], p, backend)
    assert program([1.0, 2.0, 3.0], 4.0, [5.0, 6.0]) == 32.0


@each_backend
@pytest.mark.parametrize("scope", ['"""', "\\", "a\nb", "'", "\\N", "\0", "layers", "np", "%s{x}"], ids=ascii)
def test_scopes(scope: str, backend: Backend) -> None:
    p, x = nodes([0.5] * 3), nodes([1.0, 2.0])
    with named_scope(scope):
        hidden = [functions.tanh(w * x[0] + x[1]) for w in p]
    program = compile(sum(hidden, Value(0.0)), [x], p, backend)
    assert_runs_alone(program, [0.1, 0.2, 0.3], [0.4, 0.5])


@each_backend
@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan, 1e300, 5e-324, -0.0, 0.1, -1.5, 1e16, 1e22])
def test_constants(number: float, backend: Backend) -> None:
    p = nodes([0.5, 2.0])
    output = functions.maximum(p[0], number) + p[1] * number + number + functions.minimum(number, p[1]) / 3.0
    output.backward()
    program = compile(output, [], p, backend)
    assert_same(run(program, [0.5, 2.0]), [output.data, *(w.grad for w in p)])
    terms = [(p[k % 2] + c) * c + functions.leaky_relu(p[k % 2], c) for k, c in enumerate([number, 1.0, 2.0, number])]
    assert_runs_alone(compile(sum(terms, Value(0.0)), [], p, backend), [0.5, 2.0])


@each_backend
def test_save_writes_a_module(backend: Backend, tmp_path: Path) -> None:
    p, x, y = nodes([0.1] * 9), nodes([1.0, 2.0]), Value(3.0, "größe")
    program = compile(loss(p, x, y), [x, y], p, backend)
    path = program.save(str(tmp_path / "trained.py"))
    assert path == tmp_path / "trained.py"
    assert path.read_text(encoding="utf-8").startswith(program.source)
    spec = importlib.util.spec_from_file_location("trained", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    given: list[Any] = [[0.1] * 9, [1.0, 2.0], 3.0]
    value, _ = module.value_and_grad(
        *([np.array(given[0]), np.array([given[1]]), np.array([3.0])] if backend == "numpy" else given)
    )
    assert_same(value, program(*given))
    with pytest.raises(OSError, match="nowhere"):
        program.save(tmp_path / "nowhere" / "trained.py")


@each_backend
def test_source_is_the_same_each_time(backend: Backend) -> None:
    def source() -> str:
        p, x = nodes([0.1] * 9), nodes([1.0, 2.0])
        return compile(loss(p, x, Value(3.0)), [x], p, backend).source

    first = source()
    assert source() == first
    assert first.endswith("\n")


@each_backend
def test_statistics_and_representations(backend: Backend) -> None:
    p, x, y = nodes([0.1] * 9), nodes([1.0, 2.0]), Value(3.0, "target")
    output = loss(p, x, y)
    program = compile(output, [x, y], p, backend)
    recorded, live, operations, chosen, seconds = program.statistics
    assert (chosen, program.backend) == (backend, backend)
    assert recorded > live > 0
    assert operations > 0
    assert 0.0 < seconds < 60.0
    kind = "operations on arrays" if backend == "numpy" else "lines of float arithmetic"
    assert repr(program) == f"<Program of parameters (9,), x (2,), target (): {recorded} nodes as {operations} {kind}>"
    html = program._repr_html_()
    assert html.startswith(("<div", "<pre"))
    assert "value_and_grad" in html
    single = compile(p[0], [], p[:1], backend)
    assert single.statistics.recorded == 1


@pytest.mark.parametrize("label", ["mask1", "rng1", "float", "batch"])
def test_an_input_named_as_what_a_mask_needs(label: str) -> None:
    x = Value(0.3, label=label)
    weights = [Value(1.0) for _ in range(3)]
    keep = Bernoulli(1.0, np.random.default_rng(0))
    output = sum((w * x * keep() for w in weights), Value(0.0))
    for backend in ("scalar", "numpy"):
        program = compile(output, [x], weights, backend)
        assert program([1.0, 2.0, 3.0], [10.0, 20.0]) == 90.0
        assert program.value_and_grad([1.0, 2.0, 3.0], 10.0)[1].tolist() == [10.0] * 3


def test_infinite_constants_stand_in_the_source() -> None:
    parameters, offsets = [Value(1.0) for _ in range(3)], [0.0, -math.inf, math.nan]
    outputs = [w + offset for w, offset in zip(parameters, offsets, strict=True)]
    namespace: dict[str, Any] = {}
    exec(compile(outputs, [], parameters, "numpy").source, namespace)
    assert np.array_equal(namespace["value"](np.array([1.0, 2.0, 3.0])), [1.0, -math.inf, math.nan], equal_nan=True)


@pytest.mark.parametrize("backend", ["scalar", "numpy"])
def test_a_program_is_pickled(backend: Any) -> None:
    x, w = Value(2.0), Value(3.0)
    program = compile((w * x).tanh(), [x], [w], backend)
    before = program.value_and_grad([0.3], 0.5)
    assert pickle.loads(pickle.dumps(program)).value_and_grad([0.3], 0.5) == before


@pytest.mark.parametrize(("also_added", "line"), [(False, "less1 = x < y"), (True, "less1 = less(x, y)")])
def test_a_comparison_is_a_condition_unless_it_is_a_number_too(also_added: bool, line: str) -> None:
    x, y, w = Value(1.0, label="x"), Value(2.0, label="y"), Value(3.0, label="w")
    smaller = functions.less(x, y)
    output = functions.where(smaller, w * x, w * w * y) + (smaller if also_added else 0.0)
    program = compile(output, [x, y], [w], backend="numpy")
    assert f"    {line}\n" in program.source
    value, gradient = program.value_and_grad([3.0], [1.0, 2.0], [2.0, 1.0])
    assert value == (3.0 + also_added + 9.0) / 2.0
    assert gradient == [(1.0 + 6.0) / 2.0]
