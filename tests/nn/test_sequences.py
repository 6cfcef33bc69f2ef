"""Training, prediction and generation on sequences of different length."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from autograd_core import Value, compile
from nn import sequences
from nn.losses import cross_entropy, mse_loss

VOCABULARY = 5


class Letters(nn.Module):
    """A model that says for each position what may come next, by a sum over all positions so far."""

    def __init__(self, seed: int = 0) -> None:
        self.embedding = nn.Embedding(VOCABULARY, 2, rng=seed)
        self.head = nn.Linear(2, VOCABULARY, rng=seed + 2)

    def forward(self, tokens: Any) -> Any:
        state, outputs = [0.0, 0.0], []
        for token in tokens:
            state = [a + b for a, b in zip(state, self.embedding(token), strict=True)]
            outputs.append(self.head(state))
        return outputs


class Mean(nn.Module):
    """One output for a sequence, which padding would change."""

    def __init__(self) -> None:
        self.embedding = nn.Embedding(VOCABULARY, 2, rng=0)

    def forward(self, tokens: Any) -> Any:
        rows = self.embedding(tokens)
        return sum((row[0] * row[1] for row in rows), Value(0.0)) / len(rows)


class Noisy(Letters):
    """With Dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.dropout = nn.Dropout(0.5, rng=3)

    def forward(self, tokens: Any) -> Any:
        return [self.dropout(row) for row in super().forward(tokens)]


def texts(count: int = 12, longest: int = 7) -> tuple[list[list[int]], list[list[int]]]:
    """Steps by 1 or 2 round a clock, and the tokens that follow."""
    generator = np.random.default_rng(0)
    rows = []
    for number in range(count):
        steps = generator.integers(1, 3, size=2 + number % (longest - 1))
        rows.append(((generator.integers(VOCABULARY) + np.cumsum(steps)) % VOCABULARY).tolist())
    return [row[:-1] for row in rows], [row[1:] for row in rows]


def fitted(model: nn.Module, X: Any, y: Any, engine: Any, **options: Any) -> nn.History:
    optimizer = nn.optim.Adam(model.parameters(), lr=0.05)
    given: dict[str, Any] = {"loss": cross_entropy, "epochs": 3, "batch_size": 5, **options}
    return nn.fit(model, X, y, optimizer=optimizer, rng=0, progress=False, engine=engine, **given)


def numbers(model: nn.Module) -> list[float]:
    return list(model.state_dict().values())


def test_both_engines_train_to_the_same_weights() -> None:
    X, y = texts()
    results = []
    for engine in ("eager", "compiled"):
        model = Letters()
        history = fitted(model, X, y, engine, validation_data=(X[:4], y[:4]))
        results.append((numbers(model), history.loss, history.validation_loss))
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


def test_there_are_a_few_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = texts(40, 11)
    made: list[int] = []
    monkeypatch.setattr(nn.objective, "compile", lambda *a: (made.append(len(a[1][0])), compile(*a))[1])
    fitted(Letters(), X, y, "compiled", epochs=2)
    assert sorted(made) == [3, 5, 8, 10]


@pytest.mark.parametrize("longest", [3, 7])
def test_a_model_that_padding_would_change_has_a_program_for_each_length(longest: int) -> None:
    X, _ = texts(12, longest)
    y = [float(sum(row)) for row in X]
    results = []
    for engine in ("eager", "compiled"):
        model = Mean()
        fitted(model, X, y, engine, loss=mse_loss)
        results.append(numbers(model))
    np.testing.assert_allclose(*results, rtol=1e-9)


def test_targets_of_positions_may_be_numbers() -> None:
    class Position(Letters):
        def forward(self, tokens: Any) -> Any:
            return [row[0] for row in super().forward(tokens)]

    X, y = texts()
    wanted = [[0.5 * label for label in row] for row in y]
    results = []
    for engine in ("eager", "compiled"):
        model = Position()
        fitted(model, X, wanted, engine, loss=mse_loss)
        results.append(numbers(model))
    np.testing.assert_allclose(*results, rtol=1e-9)


def test_a_model_with_dropout_trains() -> None:
    X, y = texts()
    assert fitted(Noisy(), X, y, "compiled").loss[-1] > 0.0


def test_padding_changes_no_gradient() -> None:
    X, y = texts()
    rows, wanted = sequences.sequences(X, "X"), sequences.sequences(y, "y")
    model = Letters()
    parameters = model.parameters()

    def make(x: Any, target: Any) -> Any:
        leaves = [Value(n) for n in x.tolist()], [Value(n) for n in target.tolist()]
        return compile(cross_entropy(model(leaves[0]), leaves[1]), leaves, parameters, "numpy")

    start = np.array([p.data for p in parameters])
    padded = sequences.Padded(make, np.array([9]))
    own = sequences.Padded(make, np.unique([len(row) for row in rows]))
    value, gradient = padded.value_and_grad(start, rows, wanted)
    expected, slopes = own.value_and_grad(start, rows, wanted)
    assert list(padded.made) == [9]
    assert value == pytest.approx(expected, rel=1e-13)
    np.testing.assert_allclose(gradient, slopes, rtol=0, atol=1e-14)


def test_integers_stay_integers() -> None:
    X, y = nn.evaluation.paired(*texts())
    assert {row.dtype.kind for row in X} == {row.dtype.kind for row in y} == {"i"}
    (rows, _, (padded,)), *_ = sequences.Padded(lambda x, _: None, np.array([9])).groups(X)
    assert padded.dtype.kind == "i"
    assert padded.shape == (len(rows), 9)


@pytest.mark.parametrize("count", [4, 30])
def test_predictions_have_a_row_for_each_position(count: int) -> None:
    X, y = texts(count)
    model = Letters()
    outputs = nn.predict(model, X)
    for x, output in zip(X, outputs, strict=True):
        expected = [[value.data for value in row] for row in model(x)]
        np.testing.assert_allclose(output, expected, rtol=1e-12)
    losses = [cross_entropy(model(x), target).data for x, target in zip(X, y, strict=True)]
    assert nn.evaluate(model, X, y, cross_entropy) == pytest.approx(np.mean(losses), rel=1e-12)
    right = [
        np.argmax(row) == label for out, t in zip(outputs, y, strict=True) for row, label in zip(out, t, strict=True)
    ]
    assert nn.accuracy(model, X, y) == pytest.approx(np.mean(right))


def test_predictions_for_whole_sequences_are_one_array() -> None:
    X, _ = texts(30)
    model = Mean()
    np.testing.assert_allclose(nn.predict(model, X), [model(x).data for x in X], rtol=1e-12)


def test_sequences_of_one_length_are_an_array() -> None:
    X, y = np.array([[0, 1, 2], [2, 3, 4]] * 10), np.array([[1, 2, 3], [3, 4, 0]] * 10)
    results = []
    for engine in ("eager", "compiled"):
        model = Letters()
        fitted(model, X, y, engine)
        results.append(numbers(model))
    np.testing.assert_allclose(*results, rtol=1e-9)
    assert nn.predict(model, X).shape == (20, 3, VOCABULARY)


def test_a_training_run_resumes_bit_for_bit(tmp_path: Path) -> None:
    X, y = texts()
    whole, halved = Letters(), Letters()
    fitted(whole, X, y, "compiled", epochs=4)
    fitted(halved, X, y, "compiled", epochs=2, checkpoint=tmp_path / "run.npz")
    halved = Letters(seed=9)
    fitted(halved, X, y, "compiled", epochs=4, checkpoint=tmp_path / "run.npz", resume=True)
    assert numbers(halved) == numbers(whole)
    with pytest.raises(ValueError, match="X"):
        fitted(Letters(), X[::-1], y[::-1], "compiled", epochs=5, checkpoint=tmp_path / "run.npz", resume=True)


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        ([[1, 2], [1]], [[1, 2], [1, 2, 3]], r"y\[1\] has 3 targets for a sequence of 1 positions"),
        ([[1, 2], [1]], [[1, 2], [1], [2]], "there are 2 samples, but y has 3 targets"),
        ([[1, 2], []], [[1, 2], []], r"X\[1\] has no samples"),
        ([[1, 2], [np.nan]], [0, 1], r"X\[1\] has nan"),
        ([[1, 2], [9]], [[1, 2], [1]], "among 5 entries by a whole number from 0 to 4, got 9"),
        ([[1, 2], [1]], [[1, 2], [7]], "less than 5, the number of classes"),
    ],
)
@pytest.mark.parametrize("engine", ["eager", "compiled"])
def test_what_does_not_fit_is_said(X: Any, y: Any, message: str, engine: Any) -> None:
    with pytest.raises(ValueError, match=message):
        fitted(Letters(), X, y, engine)


def test_generation_is_by_the_temperature_and_the_seed() -> None:
    model = Letters()
    assert nn.generate(model, [1, 2], rng=0) == nn.generate(model, [1, 2], rng=0)
    assert len(nn.generate(model, 3, rng=0, length=5)) == 5
    most_likely = nn.generate(model, 3, 0.0, length=4)
    tokens = [3]
    for token in most_likely:
        assert token == int(np.argmax([value.data for value in model(tokens)[-1]]))
        tokens.append(token)
    drawn = [nn.generate(model, 1, 2.0, np.random.default_rng(k), length=1)[0] for k in range(300)]
    logits = np.array([value.data for value in model([1])[-1]]) / 2.0
    shares = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(np.bincount(drawn, minlength=VOCABULARY) / 300, shares, atol=0.09)
    assert model.training
    with pytest.raises(ValueError, match="at least one token"):
        nn.generate(model, [])
    with pytest.raises(ValueError, match="a temperature is at least 0, got -1"):
        nn.generate(model, 1, -1.0)
    model.head.weight[0][0].data = np.nan
    with pytest.raises(ValueError, match="nan as the largest"):
        nn.generate(model, 1)


class Transformer(nn.Module):
    """A layer of attention on signs and places."""

    def __init__(self) -> None:
        self.sign, self.place = nn.Embedding(VOCABULARY, 4, rng=0), nn.Embedding(8, 4, rng=1)
        self.norm, self.attention = nn.LayerNorm(4), nn.CausalSelfAttention(4, 2, rng=2)
        self.head = nn.Linear(4, VOCABULARY, rng=3)

    def forward(self, tokens: Any) -> Any:
        pairs = zip(self.sign(tokens), self.place(range(len(tokens))), strict=True)
        x = [[a + b for a, b in zip(one, other, strict=True)] for one, other in pairs]
        seen = zip(x, self.attention(self.norm(x)), strict=True)
        return self.head([[a + b for a, b in zip(one, other, strict=True)] for one, other in seen])


def loss_in_pytorch(torch: Any, parts: dict[str, Any], X: Any, y: Any) -> Any:
    """The mean over the texts of the mean over their positions, in one padded batch."""
    longest = max(map(len, X))
    tokens, labels = torch.zeros(len(X), longest, dtype=int), torch.full((len(X), longest), -100)
    for row, (x, target) in enumerate(zip(X, y, strict=True)):
        tokens[row, : len(x)], labels[row, : len(x)] = torch.tensor(x), torch.tensor(target)
    mask = torch.triu(torch.ones(longest, longest, dtype=torch.bool), 1)
    x = parts["sign"](tokens) + parts["place"](torch.arange(longest))
    seen = parts["norm"](x)
    logits = parts["head"](x + parts["attention"](seen, seen, seen, attn_mask=mask, need_weights=False)[0])
    each = torch.nn.functional.cross_entropy(logits.transpose(1, 2), labels, reduction="none")
    return (each.sum(1) / (labels >= 0).sum(1)).mean()


@pytest.mark.torch
@pytest.mark.slow
def test_a_character_model_learns_what_that_of_pytorch_learns(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    X, y = texts(60)
    model, steps = Transformer(), 60
    parts = {
        "sign": torch.nn.Embedding(VOCABULARY, 4),
        "place": torch.nn.Embedding(8, 4),
        "norm": torch.nn.LayerNorm(4),
        "attention": torch.nn.MultiheadAttention(4, 2, batch_first=True),
        "head": torch.nn.Linear(4, VOCABULARY),
    }
    state = model.state_dict()
    for name, part in parts.items():
        part.double()
        for path, tensor in part.named_parameters():
            flat = [state[f"{name}.{path}.{'.'.join(map(str, k))}"] for k in np.ndindex(*tensor.shape)]
            tensor.data = torch.tensor(flat, dtype=torch.float64).reshape(tensor.shape)
    optimizer = torch.optim.Adam([p for part in parts.values() for p in part.parameters()], lr=0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        loss_in_pytorch(torch, parts, X[20:], y[20:]).backward()
        optimizer.step()
    expected = loss_in_pytorch(torch, parts, X[:20], y[:20]).item()

    given: dict[str, Any] = {"batch_size": None, "checkpoint": tmp_path / "run.npz", "resume": True}
    fitted(model, X[20:], y[20:], "compiled", epochs=steps // 2, **given)
    again = Transformer()
    fitted(again, X[20:], y[20:], "compiled", epochs=steps, **given)
    assert nn.evaluate(again, X[:20], y[:20], cross_entropy) == pytest.approx(expected, rel=1e-6)
    whole = Transformer()
    fitted(whole, X[20:], y[20:], "compiled", epochs=steps, batch_size=None)
    assert numbers(whole) == numbers(again)


@pytest.mark.parametrize("engine", ["compiled", "jax"])
def test_a_wrong_token_in_the_middle_of_the_data_is_an_error(engine: Any) -> None:
    if engine == "jax":
        pytest.importorskip("jax")
    X = np.random.default_rng(0).integers(VOCABULARY, size=(40, 6))
    X[23, 5] = VOCABULARY
    model = Mean()
    start = numbers(model)
    with pytest.raises(ValueError, match="among 5 entries by a whole number from 0 to 4"):
        fitted(model, X, X[:, 0] * 0.5, engine, loss=mse_loss)
    assert numbers(model) == start
