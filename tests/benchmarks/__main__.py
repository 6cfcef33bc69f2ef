"""Runs every benchmark and prints one Markdown table for each."""

from __future__ import annotations

import platform
from collections.abc import Sequence

from tests.benchmarks import engine, training

# A benchmark module has tables(): pairs of a title and rows, each row a dict from column to cell.
MODULES = (engine, training)


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


def main() -> None:
    """Print the tables as they come in."""
    print(f"Python {platform.python_version()} on {platform.system()} {platform.machine()}")
    for module in MODULES:
        for title, rows in module.tables():
            print(f"\n### {title}\n\n{markdown(rows)}", flush=True)


if __name__ == "__main__":
    main()
