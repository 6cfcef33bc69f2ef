"""Ctrl-C at any point leaves weights, optimiser and schedule of one moment, and a file that can be gone on from."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import nn
from autograd_core.files import replacing
from autograd_core.modes import Mode, thread
from tests.nn.runs import fit, model

ROOT = Path(nn.__file__).parents[1]
OURS = tuple(str(ROOT / package) for package in ("autograd_core", "nn"))


class Run:
    """A short training run, and what it was at the start and after each epoch."""

    def __init__(self, path: Path | None, validated: bool) -> None:
        self.network = nn.MLP(2, [1], rng=0)
        self.optimizer = nn.optim.Adam(self.network.parameters(), lr=0.1)
        self.scheduler = nn.optim.ReduceLROnPlateau(self.optimizer, factor=0.5, patience=0, threshold=0.05)
        self.moments = [self.now()]
        self.validated = validated
        X, y = nn.data.xor()
        self.options: dict[str, Any] = {
            "X": X, "y": y, "batch_size": 2, "optimizer": self.optimizer, "scheduler": self.scheduler,
            "validation_data": (X[1:], y[1:]) if validated else None, "engine": "eager", "path": path,
            "epochs": 3, "callbacks": lambda training: self.moments.append(self.now()),
        }  # fmt: skip

    def now(self) -> str:
        parts = (self.network, self.optimizer, self.scheduler)
        return repr([list(part.state_dict().items()) for part in parts])

    def fit(self) -> nn.History:
        return fit(self.network, **self.options)


class Interrupter(NamedTuple):
    """Raises KeyboardInterrupt at a line of the packages, and perhaps once more some calls and returns later."""

    at: int
    again: int | None = None

    def run(self, work: Callable[[], nn.History]) -> tuple[nn.History | None, int]:
        """What the work returned, or None if it was left by the interrupt, and how many lines it came to."""
        lines, calls = 0, 0

        def trace(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal lines
            if not frame.f_code.co_filename.startswith(OURS):
                return None
            if event == "line":
                lines += 1
                if lines == self.at:
                    if self.again is not None:
                        sys.setprofile(profile)
                    raise KeyboardInterrupt
            return trace

        def profile(frame: FrameType, event: str, argument: Any) -> None:
            nonlocal calls
            if frame.f_code.co_filename.startswith(OURS):
                calls += 1
                if calls == self.again:
                    raise KeyboardInterrupt

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            return work(), lines
        except KeyboardInterrupt:
            return None, lines
        finally:
            sys.setprofile(None)
            sys.settrace(before)


def check_interrupted(tmp_path: Path, undisturbed: Run, at: int, again: int | None = None) -> str:
    """Interrupt a run there, look at what it leaves, and say why it ended."""
    path = tmp_path / f"{at} {again}.npz"
    run, moments, validated = Run(path, undisturbed.validated), undisturbed.moments, undisturbed.validated
    history, _ = Interrupter(at, again).run(run.fit)
    assert run.now() in moments
    assert thread.mode == Mode()
    assert all(module.training for _, module in run.network.named_modules())
    if path.exists():
        resumed = Run(path, validated)
        resumed.options |= {"resume": True}
        assert len(resumed.fit().epochs) == 3
    if history is None:
        return "left"
    best = history.best_epoch + validated if history.epochs else 0
    assert run.now() == moments[best if history.stopped else -1]
    assert len(history.epochs) == (int(history.stopped.split()[2]) if history.stopped else 3)
    return history.stopped


@pytest.fixture(scope="module", params=[False, True], ids=["best by training", "best by validation"])
def undisturbed(request: pytest.FixtureRequest) -> tuple[Run, int]:
    """A run that was not interrupted, and how many lines that took."""
    run = Run(None, request.param)
    return run, Interrupter(0).run(run.fit)[1]


# Between a with-block and its end nobody closes a file but the interpreter, which says so.
unclosed = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@unclosed
def test_ctrl_c_at_any_line_leaves_one_moment(tmp_path: Path, undisturbed: tuple[Run, int]) -> None:
    run, lines = undisturbed
    stops = {check_interrupted(tmp_path, run, at) for at in range(1, lines, lines // 20)}
    assert {f"interrupted after {epochs} epochs" for epochs in range(3)} <= stops


@unclosed
@pytest.mark.slow
def test_ctrl_c_once_more_leaves_one_moment_too(tmp_path: Path, undisturbed: tuple[Run, int]) -> None:
    run, lines = undisturbed
    for at in range(1, lines, lines // 40):
        for again in (1, 3, 8, 21, 55):
            check_interrupted(tmp_path, run, at, again)


@unclosed
@pytest.mark.slow
def test_ctrl_c_at_hundreds_of_lines_leaves_one_moment(tmp_path: Path, undisturbed: tuple[Run, int]) -> None:
    run, lines = undisturbed
    for at in range(1, lines + 50, lines // 250):
        check_interrupted(tmp_path, run, at)


def test_after_an_error_all_is_as_at_the_end_of_the_last_finished_epoch() -> None:
    run, calls = Run(None, validated=True), 0

    def loss(prediction: Any, target: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 4 + 3 + 4 + 3 + 2:  # targets in the third epoch, in the second of its batches
            raise ZeroDivisionError
        return nn.losses.mse_loss(prediction, target)

    run.options |= {"loss": loss}
    with pytest.raises(ZeroDivisionError):
        run.fit()
    assert len(run.moments) == 3
    assert run.now() == run.moments[-1]


def test_the_optimizer_goes_back_with_the_weights() -> None:
    run = Run(None, validated=True)
    X, y = run.options["X"], run.options["y"]
    record = run.options["callbacks"]
    run.options |= {"validation_data": (X, 1 - y), "callbacks": [record, nn.EarlyStopping(patience=2)], "epochs": 9}
    history = run.fit()
    assert history.best_epoch < len(history.epochs) - 1
    assert run.now() == run.moments[history.best_epoch + 1]


def test_a_learning_rate_of_nonsense_does_not_keep_ctrl_c_from_ending() -> None:
    run = Run(None, validated=False)

    def climb(training: nn.Training) -> None:
        run.optimizer.lr = -0.1  # which no optimiser can be made with
        if len(training.history.epochs) == 2:
            raise KeyboardInterrupt

    run.options |= {"callbacks": climb}
    assert run.fit().stopped == "interrupted after 2 epochs"


def reference(epochs: int) -> list[dict[str, float]]:
    """The weights at the start and after each epoch of a run that nobody disturbs."""
    network = model()
    moments = [network.state_dict()]
    fit(network, None, epochs, engine="eager", callbacks=lambda training: moments.append(network.state_dict()))
    return moments


class Files(RuleBasedStateMachine):
    """Save, load, interrupt, fail, damage, resume, and two writers of one path, in any order."""

    LONGEST = 12
    folder: Path
    moments: list[dict[str, float]]

    @initialize()
    def start(self) -> None:
        self.done = 0
        self.saved = self.moments[0]
        nn.save(model(), self.model)

    @property
    def model(self) -> Path:
        return self.folder / "model.npz"

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.npz"

    def resumed(self, epochs: int, **options: Any) -> tuple[nn.MLP, nn.History]:
        network = model()
        return network, fit(network, self.checkpoint, epochs, resume=True, engine="eager", **options)

    @rule(epochs=st.integers(1, 3))
    def train_on(self, epochs: int) -> None:
        self.done = min(self.done + epochs, self.LONGEST)
        network, history = self.resumed(self.done)
        assert network.state_dict() == self.moments[self.done]
        assert len(history.epochs) == self.done

    @rule(calls=st.integers(0, 70))
    def interrupt(self, calls: int) -> None:
        left = calls

        def loss(prediction: Any, target: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise KeyboardInterrupt
            return nn.losses.mse_loss(prediction, target)

        loss.__name__ = "mse_loss"  # by which a checkpoint knows it
        network, history = self.resumed(self.LONGEST, loss=loss)
        self.done = len(history.epochs)
        if history.stopped:
            assert history.stopped == f"interrupted after {self.done} epochs"
            assert network.state_dict() == self.moments[max(history.best_epoch, 0)]

    @rule(call=st.sampled_from(["replace", "fsync"]))
    def fail(self, call: str) -> None:
        def full(*arguments: Any) -> None:
            raise OSError(28, "No space left on device")

        whole = self.checkpoint.read_bytes() if self.checkpoint.exists() else None
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(f"os.{call}", full)
            if self.done < self.LONGEST:
                with pytest.raises(OSError, match="could not be written: No space left on device"):
                    self.resumed(self.LONGEST)
        assert whole == (self.checkpoint.read_bytes() if self.checkpoint.exists() else None)

    @rule(at=st.integers(0, 12))
    def save(self, at: int) -> None:
        self.saved = self.moments[at]
        network = model()
        network.load_state_dict(self.saved)
        nn.save(network, self.model)

    @rule(first=st.integers(0, 12), second=st.integers(0, 12))
    def two_writers(self, first: int, second: int) -> None:
        self.save(first)
        early = self.model.read_bytes()
        with replacing(self.model) as slow:
            slow.write(early[: len(early) // 2])
            self.save(second)
            assert nn.load(model(), self.model).state_dict() == self.moments[second]
            slow.write(early[len(early) // 2 :])
        self.saved = self.moments[first]

    @rule(position=st.floats(0.0, 1.0, exclude_max=True), whose=st.sampled_from(["model", "checkpoint"]))
    def damage(self, position: float, whose: str) -> None:
        path: Path = getattr(self, whose)
        if not path.exists():
            return
        whole = path.read_bytes()
        path.write_bytes(whole[: int(position * len(whole))])
        network = model()
        with pytest.raises(ValueError, match="is no file of this package, or is damaged"):
            nn.load(network, path) if whose == "model" else self.resumed(self.LONGEST)
        assert network.state_dict() == self.moments[0]
        path.write_bytes(whole)

    @invariant()
    def all_is_whole(self) -> None:
        assert nn.load(model(), self.model).state_dict() == self.saved
        assert {path.name for path in self.folder.iterdir()} <= {"model.npz", "checkpoint.npz"}

    def teardown(self) -> None:
        for path in self.folder.iterdir():
            path.unlink()


def test_files_stand_whatever_is_done_with_them(tmp_path: Path) -> None:
    class Here(Files):
        folder, moments = tmp_path, reference(Files.LONGEST)

    machine: Any = Here.TestCase
    machine.settings = settings(max_examples=15, stateful_step_count=8, deadline=None)
    machine().runTest()
