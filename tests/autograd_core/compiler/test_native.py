"""The native backend: its source, its calls, its threads, and what it is in C programs."""

from __future__ import annotations

import pickle
import subprocess
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from autograd_core import Value, collector_paused, compile, functions
from autograd_core.compiler import CompileError, Program, toolchain
from autograd_core.compiler.native_runner import FEW, NativeRunner
from autograd_core.functions import exp, tanh
from autograd_core.lookup import lookup
from tests.autograd_core.compiler.native import skip_without_compiler

pytestmark = pytest.mark.usefixtures("compiler")


@pytest.fixture
def compiler() -> None:
    skip_without_compiler()


def moons() -> tuple[Program, list[float]]:
    """The loss of a small network on one sample of two numbers and a target."""
    model = nn.MLP(2, [9, 1], rng=0)
    x, target = [Value(0.1), Value(0.2)], Value(1.0, label="target")
    loss = nn.losses.hinge_loss(model(x), target) + 1e-3 * nn.losses.l2_penalty(model.parameters())
    return compile(loss, [x, target], model.parameters(), "native"), [p.data for p in model.parameters()]


def samples(count: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(count, 2)), rng.choice([-1.0, 1.0], count)


def test_eight_threads_call_one_program() -> None:
    program, parameters = moons()
    X, y = samples(20)
    expected = program.value_and_grad(parameters, X, y)
    wrong: list[Any] = []

    def calls() -> None:
        for _ in range(1000):
            value, gradient = program.value_and_grad(parameters, X, y)
            if value != expected[0] or not np.array_equal(gradient, expected[1]):
                wrong.append((value, gradient))

    threads = [threading.Thread(target=calls) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_threads_that_call_first_at_once_compile_once() -> None:
    program, parameters = moons()
    X, y = samples(20)
    results: list[float] = []
    threads = [
        threading.Thread(target=lambda: results.append(program.value_and_grad(parameters, X, y)[0])) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(results)) == 1
    assert len(results) == 4


@pytest.mark.parametrize("count", [1, FEW, FEW + 1, 8, 9, 16, 23])
def test_batches_of_any_length_are_means(count: int) -> None:
    program, parameters = moons()
    X, y = samples(count)
    value, gradient = program.value_and_grad(parameters, X, y)
    singles = [program.value_and_grad(parameters, x, target) for x, target in zip(X, y, strict=True)]
    assert value == pytest.approx(np.mean([one for one, _ in singles]), rel=1e-13)
    np.testing.assert_allclose(gradient, np.mean([one for _, one in singles], axis=0), rtol=0, atol=1e-13)


def test_a_sample_that_is_nan_does_not_reach_others_through_empty_lanes() -> None:
    x, w = Value(1.0), Value(2.0)
    outputs = compile([w * x, x * x], [x], [w], "native")
    found = outputs([2.0], [1.0, 2.0, 3.0, 4.0, np.nan])
    assert found[:4].tolist() == [[2.0, 1.0], [4.0, 4.0], [6.0, 9.0], [8.0, 16.0]]
    assert np.isnan(found[4]).all()


def test_inputs_in_any_layout_are_read_as_they_are() -> None:
    program, parameters = moons()
    X, y = samples(20)
    expected = program.value_and_grad(parameters, X, y)
    wide = np.zeros((40, 4))
    wide[::2, ::2] = X
    locked = y.copy()
    locked.flags.writeable = False
    for given in (np.asfortranarray(X), wide[::2, ::2], X.tolist()):
        value, gradient = program.value_and_grad(parameters, given, locked)
        assert value == expected[0]
        assert np.array_equal(gradient, expected[1])
    same = program.value_and_grad(parameters, X, 1.0)
    assert same[0] == program.value_and_grad(parameters, X, np.ones(20))[0]


def test_masks_are_drawn_for_each_call_and_sample() -> None:
    rng = np.random.default_rng(7)
    x = [Value(1.0) for _ in range(4)]
    layer = nn.Dropout(0.5, rng=rng)
    program = compile(sum(layer(x), Value(0.0)), [x], [], "native")
    first, second = (program([], np.ones((4000, 4))) for _ in range(2))
    assert first != second
    assert first == pytest.approx(4.0, abs=0.3)


@pytest.mark.parametrize("count", [None, 1, 6])
def test_other_derivatives_are_those_of_numpy(count: int | None) -> None:
    rng = np.random.default_rng(1)
    w, x, y = [Value(0.4), Value(-0.7), Value(0.2)], [Value(0.5), Value(1.5)], Value(0.3)
    hidden = tanh(w[0] * x[0] + w[1] * x[1]) * y
    programs = [compile(hidden * exp(w[2] * y), [x, y], w, backend) for backend in ("native", "numpy")]
    several = [compile([hidden, exp(w[2] * y), w[0] * w[1]], [x, y], w, backend) for backend in ("native", "numpy")]
    axes = () if count is None else (count,)
    given = [rng.normal(size=3), rng.normal(size=(*axes, 2)), rng.normal(size=axes)]

    def same(found: Any, expected: Any) -> None:
        if isinstance(expected, tuple):
            assert len(found) == len(expected)
            for one, other in zip(found, expected, strict=True):
                same(one, other)
        else:
            assert np.shape(found) == np.shape(expected)
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)

    for wrt in ("parameters", "x", "y", "inputs"):
        same(*(program.value_and_grad(*given, wrt=wrt) for program in programs))
        same(*(program.jacobian(*given, wrt=wrt) for program in programs))
        same(*(program.jacobian(*given, wrt=wrt) for program in several))
    same(*(program.hvp(given[0], [1.0, -2.0, 0.5], *given[1:]) for program in programs))
    same(*(program.hvp(given[0], [1.0, -2.0], *given[1:], wrt="x") for program in programs))
    same(*(program(*given) for program in several))


def test_the_story_shows_the_array_form() -> None:
    program, _ = moons()
    assert "backend: native, as was asked for" in str(program.explain())
    assert "z1" in str(program.form)


def test_a_program_is_pickled_without_its_library() -> None:
    program, parameters = moons()
    X, y = samples(9)
    expected = program.value_and_grad(parameters, X, y)
    again = pickle.loads(pickle.dumps(program))
    value, gradient = again.value_and_grad(parameters, X, y)
    assert value == expected[0]
    assert np.array_equal(gradient, expected[1])


def test_source_is_c_with_names_shapes_and_origins() -> None:
    program, _ = moons()
    source = program.source
    assert "/* z1 : [batch, 9] = x @ W1.T + b1  linear in layers.0.neurons.* */" in source
    assert "double z1[9][8];" in source
    assert "const double *restrict target" in source
    assert "   x           (batch, 2)  given" in source
    assert program.backend == program.statistics.backend == "native"
    assert "operations on arrays" in repr(program)


def test_names_of_c_are_not_taken() -> None:
    words = ["double", "register", "w", "batch", "exp_of", "n", "lanes", "s1", "NAN", "INLINE"]
    leaves = [Value(0.5 + k, label=word) for k, word in enumerate(words)]
    output = sum((tanh(leaf) * exp(-leaf) for leaf in leaves), Value(0.0))
    program = compile(output, leaves[:5], leaves[5:], "native")
    found = program.value_and_grad([leaf.data for leaf in leaves[5:]], *(leaf.data for leaf in leaves[:5]))
    output.backward()
    assert found[0] == pytest.approx(output.data, rel=1e-14)
    np.testing.assert_allclose(found[1], [leaf.grad for leaf in leaves[5:]], rtol=1e-13)


def test_a_primitive_that_c_lacks_is_named_with_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    from autograd_core.compiler import c_functions, c_printer

    monkeypatch.setattr(c_printer.CPrinter, "forms", {k: v for k, v in c_functions.FORMS.items() if k != "tanh"})
    x = Value(1.0)
    with pytest.raises(CompileError, match=r"tanh has no form in C: add one to FORMS of .*c_functions\.py"):
        compile(tanh(x), [], [x], "native")


@pytest.mark.parametrize("count", [None, 3, 13])
def test_lookups_are_those_of_numpy_and_tokens_are_checked(count: int | None) -> None:
    rng = np.random.default_rng(0)
    table = [[Value(number) for number in row] for row in rng.normal(size=(6, 3))]
    flat, tokens = [leaf for row in table for leaf in row], [Value(1.0), Value(2.0)]
    rows = [lookup(table, token) for token in tokens]
    output = tanh(sum((a * b for a, b in zip(*rows, strict=True)), Value(0.0)))
    native, numpy = (compile(output, [tokens], flat, backend) for backend in ("native", "numpy"))
    given = rng.integers(6, size=(2,) if count is None else (count, 2)).astype(float)
    numbers = [leaf.data for leaf in flat]
    value, gradient = native.value_and_grad(numbers, given)
    expected, slopes = numpy.value_and_grad(numbers, given)
    assert value == pytest.approx(expected, rel=1e-13)
    np.testing.assert_allclose(gradient, slopes, rtol=0, atol=1e-14)
    with pytest.raises(ValueError, match="6"):
        native.value_and_grad(numbers, np.full_like(given, 6.0))


def test_long_functions_are_cut_and_compute_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    from autograd_core.compiler import c_program

    program, parameters = moons()
    X, y = samples(11)
    expected = program.value_and_grad(parameters, X, y)
    monkeypatch.setattr(c_program, "LONGEST", 30)
    cut, _ = moons()
    assert cut.source.count("NOINLINE void value_and_grad_part") > 2
    value, gradient = cut.value_and_grad(parameters, X, y)
    assert value == expected[0]
    assert np.array_equal(gradient, expected[1])


STRICT = ["-std=c99", "-pedantic", "-O1", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined"]
TRAINING = """\
#include "step.c"
#include <stdio.h>

int main(void) {
  static struct value_and_grad_arrays room;
  static double parameters[%(count)d] = {%(parameters)s};
  static const double x[] = {%(x)s}, y[] = {%(y)s};
  double gradient[%(count)d], value = 0.0;
  for (int step = 0; step < 200; step++) {
    value = value_and_grad(parameters, x, y, %(samples)d, &room, gradient);
    for (int i = 0; i < %(count)d; i++) parameters[i] -= 0.1 * gradient[i];
  }
  printf("%%.17g", value);
  return 0;
}
"""


def run_in_c(folder: Path, text: str, flags: list[str]) -> str:
    """The output of a C program, compiled without a warning; the test is skipped where that cannot be linked."""
    (folder / "main.c").write_text(text)
    command = [*toolchain.find_compiler(), *flags, str(folder / "main.c"), "-o", str(folder / "main"), "-lm"]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if "cannot find" in made.stderr:
        pytest.skip("the compiler has no sanitizers")
    assert made.returncode == 0, made.stderr
    return subprocess.run([str(folder / "main")], capture_output=True, text=True, check=True).stdout


def test_a_saved_program_trains_a_network_in_c_without_a_warning_or_a_fault(tmp_path: Path) -> None:
    program, parameters = moons()
    X, y = samples(21)
    program.save(tmp_path / "step.c")
    given = {
        "count": len(parameters),
        "parameters": ", ".join(map(repr, parameters)),
        "x": ", ".join(map(repr, X.ravel().tolist())),
        "y": ", ".join(map(repr, y.tolist())),
        "samples": len(X),
    }
    found = float(run_in_c(tmp_path, TRAINING % given, STRICT))
    numbers, value = np.array(parameters), 0.0
    for _ in range(200):
        value, gradient = program.value_and_grad(numbers, X, y)
        numbers -= 0.1 * gradient
    assert found == pytest.approx(value, rel=1e-9)
    assert value < 0.9 * program(parameters, X, y)


@pytest.mark.slow
def test_all_functions_and_forms_are_clean(tmp_path: Path) -> None:
    """Every kind of operation, of which the compiler and its sanitizers find nothing to say."""
    from autograd_core.compiler.c_program import module
    from tests.autograd_core.compiler.test_native_programs import layouts, random_programs

    calls, functions_in_c = [], []
    with collector_paused():
        for number, (_, build, parameters, some) in enumerate(layouts(range(40)) + random_programs(range(40))):
            leaves = [Value(one) for one in parameters]
            inputs = [leaf_of(one) for one in some[0]]
            runner = compile(build(leaves, inputs), inputs, leaves, "native")._main
            assert isinstance(runner, NativeRunner)
            for lanes in (1, 8) if inputs else (1,):
                function = runner.function("value_and_grad", lanes, f"f{number}_{lanes}")
                functions_in_c.append(function)
                sizes = [11 * max(1, int(np.prod(np.shape(one)))) for one in some[0]]
                given = [f"(double[{len(parameters)}]){{0.5}}", *(f"(double[{size}]){{0.25}}" for size in sizes)]
                given += [f"random_{number}"] * (len(function.arguments) - len(given))
                given += [str(11 if inputs else 1), "w", f"(double[{len(parameters)}]){{0}}"]
                name = function.symbol
                calls.append(
                    f"{{ static const double random_{number}[9999] = {{0.5}}; (void)random_{number}; "
                    f"static struct {name}_arrays room, *w = &room; {name}({', '.join(given)}); }}"
                )
    text = module(functions_in_c) + "\nint main(void) {\n" + "\n".join(calls) + "\nreturn 0;\n}\n"
    run_in_c(tmp_path, text, [*STRICT, "-Wno-overlength-strings"])


def leaf_of(numbers: Any) -> Any:
    return Value(float(numbers)) if np.ndim(numbers) == 0 else [leaf_of(one) for one in numbers]


def test_functions_stay_what_they_are_without_a_batch() -> None:
    a, b = Value(0.3), Value(0.4)
    program = compile(functions.hypot(a, b), [], [a, b], "native")
    assert program.value_and_grad([3.0, 4.0])[0] == 5.0
    assert program([3.0, 4.0]) == 5.0
