"""Places for the boxes of a drawing with scopes side by side: columns from left to right, scopes by their number.

Graphviz cannot be asked for an order inside frames. It looks for the fewest crossings, of which layers joined all with
all have the same number in any order.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Set
from dataclasses import dataclass

from viz.boxes import Box
from viz.markup import LONGEST_LABEL

Frame = tuple[str, ...]

ABOVE = 14.0
"""From a box to the one under it, in points, as all lengths here."""
PADDING, TITLE = 8.0, 16.0
"""Between a frame and what is in it, and for the name at the top."""


@dataclass(frozen=True)
class Rect:
    """A rectangle by its middle and size; heights go up."""

    x: float
    y: float
    width: float
    height: float

    def holds(self, other: Rect) -> bool:
        """Whether the middle of the other is inside."""
        return abs(other.x - self.x) < self.width / 2 and abs(other.y - self.y) < self.height / 2

    def node(self) -> dict[str, str]:
        """As attributes of a node in Graphviz."""
        return {
            "pos": f"{self.x:.1f},{self.y:.1f}",
            "width": f"{self.width / 72:.3f}",
            "height": f"{self.height / 72:.3f}",
        }

    def cluster(self, title: str) -> dict[str, str]:
        """As attributes of a cluster in Graphviz with a title at its upper left."""
        left, right = self.x - self.width / 2, self.x + self.width / 2
        low, high = self.y - self.height / 2, self.y + self.height / 2
        return {
            "bb": f"{left:.1f},{low:.1f},{right:.1f},{high:.1f}",
            "lp": f"{left + PADDING + 2.6 * len(title[:LONGEST_LABEL]):.1f},{high - TITLE / 2 - 2.0:.1f}",
        }


def placed(
    column: Mapping[Box, int], sources: Mapping[Box, Set[Box]], labels: Mapping[Box, str], longest: Mapping[Box, int]
) -> tuple[dict[Box, Rect], dict[Frame, Rect]]:
    """Where boxes, given in the order of a column, and the frames around them stand.

    Left of each box there is room for the `longest` label of an edge into it, in characters, which Graphviz writes on
    the first half of the edge.

    There are no places, and empty dicts, where a frame would have a box in it that is not its own.
    """
    rows: dict[int, list[Box]] = {}
    for box in column:
        rows.setdefault(column[box], []).append(box)
    tallest = max(map(len, rows.values()))
    boxes: dict[Box, Rect] = {}
    left = 0.0
    for at in sorted(rows):
        sizes = {box: _size(labels[box]) for box in rows[at]}
        width = max(size[0] for size in sizes.values())
        if boxes:  # far enough apart that the steepest edges can be followed
            left += max(40.0 + 7.2 * tallest, 11.0 * max(longest.get(box, 0) for box in rows[at]) + 20.0)
        if all(not box.scope and sources[box] for box in rows[at]):  # as high as what they use
            rows[at].sort(key=lambda box: -sum(boxes[s].y for s in sources[box]) / len(sources[box]))
        ends = [(above.frame != below.frame) * 2 for above, below in zip(rows[at], rows[at][1:], strict=False)]
        gaps = [0.0, *(ABOVE + end * (PADDING + TITLE / 2) for end in ends)]
        top = (sum(size[1] for size in sizes.values()) + sum(gaps)) / 2
        for box, gap in zip(rows[at], gaps, strict=True):
            top -= gap + sizes[box][1] / 2
            boxes[box] = Rect(left + width / 2, top, *sizes[box])
            top -= sizes[box][1] / 2
        left += width
    frames = _frames(boxes)
    for frame, rect in frames.items():
        if any(rect.holds(place) for box, place in boxes.items() if box.frame[: len(frame)] != frame):
            return {}, {}
    return boxes, frames


def _size(label: str) -> tuple[float, float]:
    """How wide and high a box for a label is, by the number and length of its lines."""
    lines = [html.unescape(re.sub("<[^>]*>", "", line)) for line in label.split("<BR/>")]
    return max(map(len, lines)) * 6.2 + 18.0, len(lines) * 13.2 + 9.0


def _frames(boxes: Mapping[Box, Rect]) -> dict[Frame, Rect]:
    """The frames around boxes, each around those inside it too."""
    levels = {box.frame[:depth] for box in boxes for depth in range(1, len(box.frame) + 1)}
    deepest = max(map(len, levels), default=0)
    frames: dict[Frame, Rect] = {}
    for frame in levels:
        inside = [rect for box, rect in boxes.items() if box.frame[: len(frame)] == frame]
        around = (deepest - len(frame) + 1) * PADDING
        titles = (deepest - len(frame) + 1) * TITLE
        left, right = min(r.x - r.width / 2 for r in inside) - around, max(r.x + r.width / 2 for r in inside) + around
        low, high = min(r.y - r.height / 2 for r in inside) - around, max(r.y + r.height / 2 for r in inside) + around
        frames[frame] = Rect((left + right) / 2, (low + high + titles) / 2, right - left, high - low + titles)
    return frames
