"""Writing a file whole: whatever happens, there is the old file or the new one, never half of one."""

from __future__ import annotations

import errno
import glob
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

# So much of a name goes into that of its temporary file that it fits into the 255 bytes that file systems allow.
_LONGEST_NAME = 50


@contextmanager
def replacing(path: str | Path) -> Iterator[BinaryIO]:
    """A file to write bytes to, which takes the place of `path` in one move when the with-block ends without error.

    Until then it is a temporary file of a unique name in the same folder, so that two processes may save one path: the
    last to end wins. It gets the permissions of the file it replaces, and where there was none those that `open` would
    give. A symbolic link stays one: the file that it points at is replaced. Other hard links to the old file keep the
    old content. What a killed process left behind is removed by the next that writes the same path, where the system
    has locks to tell (not on Windows).

    Raises OSError, with a sentence, where `path` cannot be written: in a folder that is missing or write-protected, on
    a full disk, over a write-protected file, over what is no regular file, such as a folder, pipe or device, and, on
    Windows, over a file that somebody has open. What was there is then as it was.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "greeting.txt")
    >>> with replacing(path) as file:
    ...     size = file.write(b"hello")
    >>> path.read_text()
    'hello'
    """
    target = _target(path)
    with _explained(target), _beside(target) as (file, partial):
        yield file
        file.flush()
        os.fsync(file.fileno())
        if os.name == "nt":
            file.close()  # Windows does not rename an open file; elsewhere the lock holds until it is renamed
        os.replace(partial, target)


def require_writable(path: str | Path) -> None:
    """Raise the OSError that `replacing` would, as far as that can be told without writing to the file."""
    target = _target(path)
    with _explained(target), _beside(target):
        pass


def _target(path: str | Path) -> Path:
    return Path(os.path.realpath(path))


@contextmanager
def _explained(target: Path) -> Iterator[None]:
    """Turn an OSError into one whose sentence says what could not be written, and that nothing was lost."""
    try:
        yield
    except OSError as error:
        kept = "; the file that was there is as it was" if os.path.isfile(target) else ""
        raise OSError(error.errno, f"{target} could not be written: {error.strerror or error}{kept}") from error


@contextmanager
def _beside(target: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """A new file, and its path, in the folder of the target; at the end it is gone unless it was renamed."""
    old = _replaceable(target)
    prefix = f".{target.name[:_LONGEST_NAME]}."
    for left in glob.glob(f"{glob.escape(prefix)}{'[0-9a-f]' * 16}.partial", root_dir=target.parent):
        _remove_abandoned(target.parent / left)
    while True:
        partial, made = target.with_name(f"{prefix}{secrets.token_hex(8)}.partial"), False
        try:
            # "x" opens nothing that exists, not even by way of a link; and nobody may read the new file who could not
            # read the old.
            with open(partial, "xb", opener=lambda name, flags: os.open(name, flags, 0o600 if old else 0o666)) as file:
                made = True
                _lock(file.fileno(), wait=True)
                if not partial.exists():  # taken for abandoned by another process, just before it was locked
                    continue
                if old:
                    _keep_permissions(file, partial, old)
                yield file, partial
                return
        finally:
            if made:
                with suppress(OSError):
                    partial.unlink()


def _replaceable(target: Path) -> os.stat_result | None:
    """What is known of the file that will be replaced, or None; raises OSError where it must not be."""
    try:
        old = target.stat()
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(old.st_mode):
        raise OSError(errno.EISDIR, "it is a folder")
    if not stat.S_ISREG(old.st_mode):
        raise OSError(errno.EINVAL, "it is no regular file")
    if not os.access(target, os.W_OK):
        raise OSError(errno.EACCES, "it is write-protected")
    return old


def _keep_permissions(file: BinaryIO, partial: Path, old: os.stat_result) -> None:
    opened = file.fileno() if os.chmod in os.supports_fd else partial
    # Only the superuser may keep another owner, and some file systems know no permissions.
    if hasattr(os, "chown"):
        with suppress(OSError):
            os.chown(opened, old.st_uid, old.st_gid)
    with suppress(OSError):
        os.chmod(opened, stat.S_IMODE(old.st_mode))


def _remove_abandoned(partial: Path) -> None:
    """Remove a temporary file whose process was killed; one that is still written to is locked."""
    with suppress(OSError, AttributeError):  # Windows has neither these flags nor these locks
        descriptor = os.open(partial, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            if _lock(descriptor):
                partial.unlink()
        finally:
            os.close(descriptor)


def _lock(descriptor: int, wait: bool = False) -> bool:
    """Lock a file until it is closed; whether that was possible."""
    try:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except (ImportError, OSError):
        return False
    return True
