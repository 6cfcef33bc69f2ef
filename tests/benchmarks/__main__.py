"""Runs every benchmark, or those of the modules that are named, and prints one Markdown table for each."""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence

from tests.benchmarks import (
    compiling,
    costs,
    devices,
    digits,
    engine,
    expressions,
    microgpt,
    moons,
    native,
    training,
    transformer,
)

# A benchmark module has tables(): pairs of a title and rows, each row a dict from column to cell.
MODULES = (engine, training, expressions, moons, digits, transformer, native, microgpt, compiling, costs, devices)


def markdown(rows: Sequence[dict[str, str]]) -> str:
    """Rows with the same columns as a Markdown table; the first column is flush left, the others right."""
    table = [list(rows[0]), *(list(row.values()) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [
        "| " + " | ".join(f"{cell:{'>' if i else '<'}{widths[i]}}" for i, cell in enumerate(cells)) + " |"
        for cells in table
    ]
    rules = [("-" if i else ":") + "-" * width + (":" if i else "-") for i, width in enumerate(widths)]
    return "\n".join([lines[0], "|" + "|".join(rules) + "|", *lines[1:]])


def main(names: Sequence[str]) -> None:
    """Print the tables as they come in."""
    modules = {module.__name__.rpartition(".")[2]: module for module in MODULES}
    unknown = [name for name in names if name not in modules]
    if unknown:
        raise SystemExit(f"there is no benchmark {unknown[0]!r}; there are {', '.join(modules)}")
    print(f"Python {platform.python_version()} on {platform.system()} {platform.machine()}")
    for name in names or modules:
        for title, rows in modules[name].tables():
            print(f"\n### {title}\n\n{markdown(rows)}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
