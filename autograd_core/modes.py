"""How the current thread records: `no_grad`, `named_scope`, and the switch behind `detect_anomaly`."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Self


class Scope(str):
    """The path of a scope, as one with-block or one call of a module entered it.

    As a string it is the path and nothing else. Two calls of one module have equal paths that are two objects, by
    which a stepper tells the calls apart.
    """

    __slots__ = ("name", "parent")
    name: str
    """What the scope adds to the path; for the outermost module, which adds nothing, the name of its class."""
    parent: str
    """The scope around it, or ''."""

    def __new__(cls, path: str, name: str, parent: str) -> Self:
        """The path as a scope of its own."""
        self = super().__new__(cls, path)
        self.name, self.parent = name, parent
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Scope, (str(self), self.name, self.parent)


class Mode(NamedTuple):
    """What holds in one thread while nodes are recorded."""

    recording: bool = True
    """False inside no_grad."""
    checking: bool = False
    """True inside detect_anomaly."""
    scope: str = ""
    """The path that new nodes carry."""
    tracing: bool = False
    """True inside a function that a transform differentiates, and while a rule is evaluated on nodes."""
    symbolic: bool = False
    """True while a program is recorded that has to hold for any numbers, not for those of the nodes."""

    def within(self, name: str, kind: str = "") -> Mode:
        """The same with a scope inside the present one; `kind` names one that adds nothing to the path."""
        outer = self.scope
        path = f"{outer}.{name}" if outer and name else outer or name
        return self._replace(scope=Scope(path, name or kind, outer))


class _Thread(threading.local):
    # One tuple, so that recording a node costs one thread-local look-up and not three.
    mode = Mode()


thread = _Thread()
"""What holds in the current thread; to change it, call `switch`."""

switched: set[int] = set()
"""The threads in which anything is switched on. While there are none, recording asks no thread for its mode."""


def switch(mode: Mode) -> None:
    """Let the mode hold in this thread from now on."""
    # An interruption between two lines must not leave a mode behind that nobody is asked for.
    switched.add(threading.get_ident())
    thread.mode = mode
    if mode is _Thread.mode:
        switched.discard(threading.get_ident())


@contextmanager
def changed(**fields: Any) -> Iterator[None]:
    """Change fields of this thread's mode for a with-block; they are restored however the block ends."""
    before = thread.mode
    switch(before._replace(**fields))
    try:
        yield
    finally:
        switch(before)


@contextmanager
def no_grad() -> Iterator[None]:
    """Record nothing inside the with-block: results are leaves that remember no operation.

    A result is a fine leaf of a later graph; `backward` from it, and `compile` of it, raise RuntimeError, because
    there is no graph behind it. Holds for the thread that entered it.

    >>> from autograd_core import Value, no_grad
    >>> w = Value(2.0)
    >>> with no_grad():
    ...     y = w * w
    >>> y, y.inputs
    (Value(4.0, grad=0.0), ())
    """
    with changed(recording=False):
        yield


@contextmanager
def named_scope(name: str) -> Iterator[None]:
    """Give the nodes made inside the with-block a scope, by which drawings cluster them.

    A scope inside a scope is joined to it with a dot. Holds for the thread that entered it. Raises TypeError
    for a name that is not a string and ValueError for one that is empty between its dots.

    >>> from autograd_core import Value, named_scope
    >>> x = Value(1.0)
    >>> with named_scope("layers.0"), named_scope("neurons.3"):
    ...     z = 2.0 * x
    >>> z.scope
    'layers.0.neurons.3'
    """
    if not isinstance(name, str):
        raise TypeError(f"named_scope takes a string, got {type(name).__name__}")
    if not all(name.split(".")):
        raise ValueError(f"named_scope takes a name, or names with single dots between them, got {name!r}")
    with changed(scope=thread.mode.within(name).scope):
        yield
