"""From C source to a library that is loaded: which compiler there is, and what it has already compiled.

A library is kept in the cache folder of the user, under a hash of everything that it depends on: the source, the flags,
the compiler and the processor. Delete the folder to be rid of it.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import platform
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from autograd_core.files import replacing

VARIABLE = "AUTOGRAD_CORE_CACHE"
"""The environment variable that names another cache folder, or is empty to keep nothing."""

# No flag lets the compiler reorder a sum, or take for granted that there are no infinities: only errno and the
# exception flags of the processor, which nobody reads, are left as they come. The source says where a product and a sum
# may be one operation.
# Loops are what is to become vector instructions; the search for other ones takes ten times as long, and finds worse.
FLAGS = ("-std=c99", "-fPIC", "-shared", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off")
VECTORS = ("-ftree-vectorize", "-fno-tree-slp-vectorize", "-fvect-cost-model=dynamic")
PROCESSOR = ("-march=native" if platform.machine() in ("x86_64", "AMD64") else "-mcpu=native",)
"""The instructions of this processor, in the spelling that compilers have for it."""
LONG, LONGEST = 500_000, 30_000_000
"""Source of so many characters is compiled with fewer optimisations, and of more than the other number not at all."""
TELL = 10.0
"""A compilation that takes more than so many seconds is announced."""


class NoCompilerError(RuntimeError):
    """There is no C compiler, or the one there is fails; the message says what to do."""


def find_compiler() -> list[str]:
    """The command of the compiler: `CC`, else cc, gcc or clang, else the one in the ziglang wheel.

    Raises NoCompilerError where there is none.
    """
    wanted = os.environ.get("CC", "").strip()
    if wanted:
        command = shlex.split(wanted)
        if not shutil.which(command[0]):
            raise NoCompilerError(f"the environment variable CC names {command[0]!r}, and there is no such program")
        return command
    for name in ("cc", "gcc", "clang"):
        found = shutil.which(name)
        if found:
            return [found]
    if importlib.util.find_spec("ziglang"):
        return [sys.executable, "-m", "ziglang", "cc"]
    raise NoCompilerError(
        "there is no C compiler for backend='native': install one, such as gcc or clang, or the one that comes as a "
        'wheel: pip install "autograd-core[native]"; backend="auto" needs none'
    )


def library(source: str, fast: bool = True) -> ctypes.CDLL:
    """The library of a source, compiled unless that was done before; `fast` unless time to compile matters more.

    Raises NoCompilerError without a compiler or where it fails, and OSError where there is no folder to work in.
    """
    command = find_compiler()
    flags = [*FLAGS, *_known(tuple(command), (*_optimisation(source, fast), *PROCESSOR))]
    key = "\0".join([source, *command, *flags, _version(tuple(command)), _processor()])
    name = f"{hashlib.sha256(key.encode()).hexdigest()[:32]}{_suffix()}"
    folder = cache_folder()
    if folder is not None:
        kept = _loaded(folder / name)
        if kept is not None:
            return kept
    if seconds_for(len(source)) > TELL:
        told = f"autograd-core: compiling {len(source):,} characters of C, about {seconds_for(len(source)):.0f} s"
        print(told, file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="autograd-core-", ignore_cleanup_errors=True) as made:
        path = Path(made, name)
        _compile([*command, *flags], source, path)
        if folder is not None:
            with suppress(OSError):  # a folder that cannot be written costs time, and nothing else
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                with replacing(folder / name) as file:
                    file.write(_sealed(path.read_bytes()))
                kept = _loaded(folder / name)
                if kept is not None:
                    return kept
        return ctypes.CDLL(str(path))


def seconds_for(length: int) -> float:
    """About how long it takes to compile so many characters, as measured with gcc 12."""
    return length * (1.5e-5 if length < LONG else 8e-6)


def cache_folder() -> Path | None:
    """Where libraries are kept, or None where `AUTOGRAD_CORE_CACHE` is empty."""
    wanted = os.environ.get(VARIABLE)
    if wanted is not None:
        return Path(wanted) if wanted else None
    if os.name == "nt":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "autograd-core"


def _optimisation(source: str, fast: bool) -> tuple[str, ...]:
    """How much a compiler is asked to do."""
    if not fast:
        return ("-O1",)
    return ("-O2" if len(source) < LONG else "-O1", *VECTORS)


_SEAL = b"autograd-core"


def _sealed(content: bytes) -> bytes:
    """A library with its hash behind it, where no loader looks."""
    return content + _SEAL + hashlib.sha256(content).digest()


def _loaded(path: Path) -> ctypes.CDLL | None:
    """A library from the cache, or None where it is missing or damaged."""
    with suppress(OSError):
        content = path.read_bytes()
        body = content[: -len(_SEAL) - 32]
        if content == _sealed(body):
            return ctypes.CDLL(str(path))
    return None


def _compile(command: list[str], source: str, path: Path) -> None:
    given = path.with_suffix(".c")
    given.write_text(source)
    process, output = _finished([*command, str(given), "-o", str(path), "-lm"])
    if process.returncode:
        tail = "\n".join(output.strip().splitlines()[-15:])
        raise NoCompilerError(f"{shlex.join(command[:3])} could not compile the program:\n{tail}")


def _finished(command: list[str]) -> tuple[subprocess.Popen[str], str]:
    """A process that ran to its end, and what it wrote; Ctrl-C ends it, and all that it started.

    It is started and read in a thread, where no KeyboardInterrupt can come between its start and its first name.
    """
    started, done, results = threading.Event(), threading.Event(), list[Any]()

    def run() -> None:
        try:
            # In a group of its own, so that Ctrl-C reaches this process alone, and all of the group can be ended.
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=os.name != "nt",
            )
            results.append(process)
            started.set()
            results.append(process.communicate()[0])
        except OSError as error:
            results.append(error)
        finally:
            started.set()
            done.set()

    thread = threading.Thread(target=run)
    try:
        thread.start()
        done.wait()  # not for the thread: an interrupted join takes it for ended
    except BaseException:
        if thread.ident is not None:
            started.wait()
            if isinstance(results[0], subprocess.Popen):
                _end(results[0])
            done.wait()
        raise
    if isinstance(results[-1], OSError):
        raise NoCompilerError(f"{shlex.join(command[:3])} could not be run: {results[-1]}") from results[-1]
    return results[0], results[1]


def _end(process: subprocess.Popen[str]) -> None:
    """End a compiler and what it started."""
    with suppress(OSError):
        if os.name == "nt":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)


@cache
def _version(command: tuple[str, ...]) -> str:
    """What a compiler says of itself."""
    found = subprocess.run([*command, "--version"], capture_output=True, text=True, errors="replace", check=False)
    return found.stdout


@cache
def _known(command: tuple[str, ...], flags: tuple[str, ...]) -> tuple[str, ...]:
    """Those of some flags that a compiler knows."""
    known = []
    for flag in flags:
        check = [*command, "-Werror", flag, "-E", "-x", "c", "-"]
        found = subprocess.run(check, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        known += [flag] * (found.returncode == 0)
    return tuple(known)


@cache
def _processor() -> str:
    """What tells this processor from others that share a cache folder with it."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith(("flags", "Features")):
                return f"{platform.machine()} {line}"
    return f"{platform.machine()} {platform.processor()} {platform.node()}"


def _suffix() -> str:
    return ".dll" if os.name == "nt" else ".so"
