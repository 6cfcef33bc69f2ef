"""Names for the variables of compiled source."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Sequence

_MEANINGFUL = (
    "_", "np", "math", "inf", "nan", "len", "float", "batch", "parameters", "gradient", "jax", "jnp", "dtype",
    "over_samples", "sample_weight", "lookup_positions", "added_at",
)  # fmt: skip


class Names:
    """Names for variables: each once, and none that means something in Python or in the source."""

    def __init__(self, reserved: Iterable[str]) -> None:
        self.taken = {*_MEANINGFUL, *reserved}
        self._numbers: dict[str, int] = {}
        """The last number behind each stem, so that a thousand nodes of one label are not a million tries."""

    def fresh(self, wanted: str, numbered: bool = False) -> str:
        """The name itself if it is free, else with the first free number behind it; `numbered` starts at 1."""
        plain = wanted.isascii() and wanted.isidentifier() and not keyword.iskeyword(wanted)
        if plain and not numbered and wanted not in self.taken:
            self.taken.add(wanted)
            return wanted
        stem = re.sub(r"\W+", "_", wanted, flags=re.ASCII).strip("_")
        if not stem or stem[0].isdigit() or keyword.iskeyword(stem):
            stem = f"v{stem}"
        name = f"{stem}1" if numbered else stem
        while name in self.taken:
            self._numbers[stem] = self._numbers.get(stem, 1) + 1
            name = f"{stem}{self._numbers[stem]}"
        self.taken.add(name)
        return name


def pattern(words: Sequence[str]) -> str:
    """What dotted names have in common, with * for the numbers in which they differ; '' if they differ otherwise."""
    split = [word.split(".") for word in words]
    if len({len(parts) for parts in split}) > 1:
        return ""
    joined = []
    for parts in zip(*split, strict=True):
        if len(set(parts)) > 1 and not all(part.isdigit() for part in parts):
            return ""
        joined.append(parts[0] if len(set(parts)) == 1 else "*")
    return ".".join(joined)
