"""A file is written whole: by several at once, on a full disk, and whenever Ctrl-C is pressed."""

from __future__ import annotations

import errno
import os
import secrets
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from autograd_core import files
from autograd_core.files import replacing, require_writable

OLD, NEW = b"old" * 10_000, b"new" * 20_000


def write(path: Path, content: bytes = NEW) -> None:
    with replacing(path) as file:
        file.write(content)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with the old content, alone in its folder."""
    path = tmp_path / "model.npz"
    path.write_bytes(OLD)
    return path


def alone(path: Path) -> bool:
    return list(path.parent.iterdir()) == [path]


def test_a_file_is_made_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    write(path, OLD)
    assert path.read_bytes() == OLD
    write(path)
    assert path.read_bytes() == NEW
    assert alone(path)


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o000])
def test_a_new_file_has_the_permissions_that_open_gives(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        write(tmp_path / "whole")
        (tmp_path / "plain").write_bytes(NEW)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "whole").stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o700])
def test_a_file_keeps_its_permissions(path: Path, mode: int) -> None:
    path.chmod(mode)
    write(path)
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_while_it_is_written_only_the_readers_of_the_old_file_may_read(path: Path) -> None:
    path.chmod(0o600)
    with replacing(path):
        (partial,) = path.parent.glob(".*")
        assert stat.S_IMODE(partial.stat().st_mode) == 0o600


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only the superuser gives files away")
def test_a_file_keeps_its_owner(path: Path) -> None:
    os.chown(path, 12345, 54321)
    write(path)
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 54321)


def test_a_link_stays_a_link(path: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = elsewhere / "link.npz"
    link.symlink_to(path)
    write(link)
    assert link.is_symlink()
    assert path.read_bytes() == NEW
    path.unlink()
    write(link, OLD)
    assert link.is_symlink()
    assert path.read_bytes() == OLD
    assert list(elsewhere.iterdir()) == [link]


def test_a_planted_link_is_not_followed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "token_hex", lambda size: "0" * 2 * size)
    victim = path.with_name("victim")
    victim.write_bytes(b"precious")
    path.with_name(f".{path.name}.{'0' * 16}.partial").symlink_to(victim)
    with pytest.raises(FileExistsError, match="could not be written"):
        write(path)
    assert (victim.read_bytes(), path.read_bytes()) == (b"precious", OLD)


def refusal(path: Path, number: int) -> None:
    for attempt in (write, require_writable):
        with pytest.raises(OSError, match="could not be written: ") as caught:
            attempt(path)
        assert caught.value.errno == number
        assert str(path) in str(caught.value)


def test_what_is_no_regular_file_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    refusal(tmp_path / "pipe", errno.EINVAL)
    assert (tmp_path / "pipe").is_fifo()
    refusal(tmp_path, errno.EISDIR)
    refusal(Path("/dev/null"), errno.EINVAL)
    (tmp_path / "one").symlink_to(tmp_path / "two")
    (tmp_path / "two").symlink_to(tmp_path / "one")
    with pytest.raises(OSError, match="could not be written"):
        write(tmp_path / "one")


def test_a_folder_that_is_missing_is_said(tmp_path: Path) -> None:
    refusal(tmp_path / "missing" / "model.npz", errno.ENOENT)
    (tmp_path / "file").write_bytes(b"")
    refusal(tmp_path / "file" / "model.npz", errno.ENOTDIR)
    refusal(tmp_path / ("x" * 300), errno.ENAMETOOLONG)


@pytest.mark.parametrize("name", ["x" * 255, "ü" * 127, "[a]*?.npz", ".hidden", "with space"])
def test_every_name_that_a_file_may_have_will_do(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, OLD)
    write(tmp_path / name)
    assert alone(tmp_path / name)


def test_a_write_protected_file_is_not_replaced(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # as it is for anybody but the superuser
    refusal(path, errno.EACCES)
    assert path.read_bytes() == OLD


@pytest.mark.parametrize("call", ["open", "fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_call_that_fails_leaves_the_old_file(
    path: Path, monkeypatch: pytest.MonkeyPatch, call: str, error: BaseException
) -> None:
    def fail(*arguments: Any, **options: Any) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(type(error), match="left on device; the file that was there is as it was|^$"):
            write(path)
    assert path.read_bytes() == OLD
    assert alone(path)


@pytest.mark.parametrize("call", ["chmod", "chown"])
def test_where_permissions_cannot_be_kept_it_is_written_all_the_same(
    path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def fail(*arguments: Any) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, call, fail)
    write(path)
    assert path.read_bytes() == NEW


@pytest.mark.parametrize("limit", [0, 1, 30_000, len(NEW) - 1])
def test_a_disk_that_is_full_after_so_many_bytes_leaves_the_old_file(path: Path, limit: int, full_after: Any) -> None:
    with full_after(limit), pytest.raises(OSError, match="could not be written: .*; the file that was there is as it"):
        write(path)
    assert path.read_bytes() == OLD
    assert alone(path)


def test_an_error_while_writing_comes_through_and_leaves_the_old_file(path: Path) -> None:
    with pytest.raises(TypeError, match="not 'str'"), replacing(path) as file:
        file.write("text")  # type: ignore[arg-type]
    assert path.read_bytes() == OLD
    assert alone(path)


def interrupted_at(step: int, work: Callable[[], None]) -> bool:
    """Run the work with KeyboardInterrupt raised at a line of `files`, counted from 0; whether it came so far."""
    left = step

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal left
        if frame.f_code.co_filename != files.__file__:
            return None
        if event == "line":
            left -= 1
            if left == -1:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return left < 0


# Between the with-block and its end nobody closes the file but the interpreter, which says so.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_ctrl_c_at_any_line_leaves_one_file_or_the_other(path: Path) -> None:
    step = 0
    while interrupted_at(step, lambda: write(path)):
        assert path.read_bytes() in (OLD, NEW)
        write(path, OLD)
        assert alone(path)
        step += 1
    assert step > 30
    assert path.read_bytes() == NEW


def test_what_a_killed_process_left_is_removed_and_what_another_writes_is_not(path: Path) -> None:
    left = path.with_name(f".{path.name}.0123456789abcdef.partial")
    own = path.with_name(f".{path.name}.backup.partial")
    for file in (left, own):
        file.write_bytes(b"half")
    with replacing(path) as slow:
        slow.write(OLD)
        assert not left.exists()
        assert own.exists()
        write(path)
        assert path.read_bytes() == NEW
    assert path.read_bytes() == OLD
    assert sorted(path.parent.iterdir()) == sorted([own, path])


def test_a_partial_file_that_is_taken_for_abandoned_is_made_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock, locked = files._lock, 0

    def late(descriptor: int, wait: bool = False) -> bool:
        nonlocal locked
        locked += wait
        if wait and locked == 1:
            write_meanwhile()
        return lock(descriptor, wait)

    def write_meanwhile() -> None:
        monkeypatch.setattr(files, "_lock", lock)
        write(path, OLD)
        monkeypatch.setattr(files, "_lock", late)

    monkeypatch.setattr(files, "_lock", late)
    write(path)
    assert locked == 2
    assert path.read_bytes() == NEW
    assert alone(path)


def test_threads_that_save_one_path_never_show_half_a_file(path: Path) -> None:
    contents = [bytes([letter]) * 50_000 for letter in b"abc"]

    def work(content: bytes) -> None:
        for _ in range(30):
            write(path, content)

    threads = [threading.Thread(target=work, args=[content]) for content in contents]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert path.read_bytes() in (OLD, *contents)
    assert path.read_bytes() in contents
    assert alone(path)


WRITER = """
import sys
from pathlib import Path
from autograd_core.files import replacing
print("started", flush=True)
while True:
    with replacing(Path(sys.argv[1])) as file:
        file.write(sys.argv[2].encode() * 200_000)
"""


@pytest.mark.slow
def test_processes_that_are_killed_while_they_save_one_path_never_leave_half_a_file(path: Path) -> None:
    def start(letter: str) -> subprocess.Popen[str]:
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(path), letter], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        return process

    for _ in range(10):
        processes = [start(letter) for letter in "ab"]
        end = time.monotonic() + 0.2
        while time.monotonic() < end:
            content = path.read_bytes()
            assert content == OLD or (len(content) == 200_000 and len(set(content)) == 1)
        for process in processes:
            process.send_signal(signal.SIGKILL)
            process.communicate()
    write(path)
    assert path.read_bytes() == NEW
    assert alone(path)
