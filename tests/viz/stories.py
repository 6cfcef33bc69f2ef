"""What the stepper's page has to show at each step, worked out from the engine's own stream."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Any

from autograd_core import Value, backward_steps, topological_order
from autograd_core.formula import number_text
from tests.viz.steppers import titles
from viz import Stepper, palette

SINGLE = re.compile(r"Step \d+ of \d+: (.+?) receives (\S+) from (.+?)(?: as argument (\d+))?; its gradient")

Edge = tuple[int, int, int]
"""The index of a node, the position of an argument, and the index of that argument."""


def shown(number: float) -> str:
    """A number as the page shows it: six digits, and no -0."""
    return number_text(number + 0.0)


def enclosed(number: float) -> str:
    return f"({shown(number)})" if shown(number).startswith("-") else shown(number)


def colour(gradient: float, largest: float) -> str:
    hue = palette.POSITIVE if gradient > 0 else palette.NEGATIVE
    share = math.sqrt(min(1.0, abs(gradient) / largest)) if largest else 0.0
    parts = [math.floor(255.5 - (255 - int(hue[at : at + 2], 16)) * share) for at in (1, 3, 5)]
    return f"rgb({', '.join(map(str, parts))})"


class Story:
    """The backward pass of a graph, as a page with some boxes open has to tell it."""

    def __init__(self, output: Value) -> None:
        self.order = topological_order(output)
        self.trace = Stepper(output).trace
        self.nodes, self.boxes = self.trace["nodes"], self.trace["boxes"]
        self.titles = titles(self.trace)
        self.engine = {(step["node"], step["position"]): step for step in self.trace["backward"]}
        index = {node: i for i, node in enumerate(self.order)}
        assert [(*key, step["input"], step["contribution"]) for key, step in self.engine.items()] == [
            (None if step.node is None else index[step.node], step.position, index[step.input], step.contribution)
            for step in backward_steps(output)
        ]
        self.final = {step["input"]: step["after"] for step in self.trace["backward"]}
        self.largest = max(abs(gradient) for gradient in self.final.values())
        self.waiting = Counter(step["input"] for step in self.trace["backward"])
        self.totals: dict[int, float] = {}

    def check(self, steps: list[dict[str, Any]]) -> None:
        """Hold what a page shows against the engine, from before the first step to the last."""
        self.members = self._members(set(steps[0]["units"]))
        self.unit_of = {i: unit for unit, members in self.members.items() for i in members}
        self.exits = {unit: self._exits(unit) for unit in self.members}
        self._check_picture(steps[0])
        assert steps[1]["words"].startswith(f"Step 1 of {len(steps) - 1}: ")
        assert (steps[1]["numbers"], steps[1]["sum"]) == ("1", "0 + 1 = 1")
        self._add(len(self.order) - 1, 1.0)
        self._check_picture(steps[1])
        for number, step in enumerate(steps[2:], 2):
            assert step["words"].startswith(f"Step {number} of {len(steps) - 1}: ")
            edges = self.edges(step)
            if SINGLE.match(step["words"]):
                self._check_single(step, *edges[0])
            for i, k, j in edges:
                assert not self.waiting[i], f"{self.nodes[i]['name']} hands on before it has its whole gradient"
                self._add(j, self.engine[i, k]["contribution"])
            self._check_picture(step)
        assert not any(self.waiting.values())

    def edges(self, step: dict[str, Any]) -> list[Edge]:
        """What is handed back in a step."""
        if single := SINGLE.match(step["words"]):
            taker, giver = (self._place(single[group]) for group in (1, 3))
            positions = [k for k, j in enumerate(self.nodes[giver]["inputs"]) if j == taker]
            assert (len(positions) > 1) == (single[4] is not None)
            position = positions[0] if single[4] is None else int(single[4]) - 1
            assert position in positions
            assert (step["active"], step["source"]) == ([self.unit_of[taker]], [self.unit_of[giver]])
            return [(giver, position, taker)]
        if "to its own parameters" in step["words"]:
            found = [re.fullmatch(r"e(\d+)_(\d+)", edge) for edge in step["edges"]]
            return [(int(one[1]), int(one[2]), self.nodes[int(one[1])]["inputs"][int(one[2])]) for one in found if one]
        givers = sorted((i for unit in step["source"] for i in self.members[unit]), reverse=True)
        return [
            (i, k, j) for i in givers for k, j in enumerate(self.nodes[i]["inputs"]) if not self.nodes[j]["constant"]
        ]

    def _add(self, i: int, contribution: float) -> None:
        self.totals[i] = self.totals[i] + contribution if i in self.totals else contribution
        self.waiting[i] -= 1

    def _check_single(self, step: dict[str, Any], i: int, k: int, j: int) -> None:
        engine, out = self.engine[i, k], self.nodes[-1]["short"]
        before = self.totals.get(j, 0.0)
        contribution = engine["contribution"]
        after = before + contribution if j in self.totals else contribution
        giver, taker = self.nodes[i]["short"], self.nodes[j]["short"]
        assert step["symbols"] == f"∂{out}/∂{taker} += ∂{out}/∂{giver} · ∂{giver}/∂{taker}"
        assert step["rule"].startswith(f"∂{giver}/∂{taker} = ")
        assert step["rule"].endswith(f"= {shown(engine['local'])}")
        assert step["numbers"] == f"{shown(engine['upstream'])} · {enclosed(engine['local'])} = {shown(contribution)}"
        assert step["sum"] == f"{shown(before)} + {enclosed(contribution)} = {shown(after)}"
        assert f" receives {shown(contribution)} from " in step["words"]

    def _check_picture(self, step: dict[str, Any]) -> None:
        """Every unit shows, and is coloured by, what it has received so far and nothing that comes later."""
        assert set(step["units"]) == set(self.members)
        for unit, looks in step["units"].items():
            exits = self.exits[unit]
            known = [self.totals[i] for i in exits if i in self.totals]
            if len(exits) == 1:
                assert looks["data"] == f"data {shown(self.order[exits[0]].data)}"
                assert looks["grad"] == f"grad {shown(known[0]) if known else '–'}"
            elif len({shown(one) for one in known}) <= 1:
                assert looks["grad"] == f"grad {shown(known[0]) if known else '–'}"
            else:
                low, high = (shown(float(f"{end(known):.3g}")) for end in (min, max))
                assert looks["grad"] == f"grad {low} … {high}"
            assert looks["pending"] == (not known)
            assert looks["fill"] == (colour(max(known, key=abs), self.largest) if known else "")

    def _members(self, units: set[str]) -> dict[str, list[int]]:
        members: dict[str, list[int]] = {unit: [] for unit in units}
        for i, node in enumerate(self.nodes):
            if not node["constant"]:
                lineage = [f"n{i}"]
                box = node["box"]
                while box is not None:
                    lineage.append(f"b{box}")
                    box = self.boxes[box]["parent"]
                members[next(one for one in reversed(lineage) if one in units)].append(i)
        return members

    def _exits(self, unit: str) -> list[int]:
        """The nodes of a unit whose values leave it."""
        members = set(self.members[unit])
        used = {j for i, node in enumerate(self.nodes) if i not in members for j in node["inputs"]}
        exits = sorted(members & (used | {len(self.nodes) - 1}))
        return exits if unit[0] == "b" else [int(unit[1:])]

    def _place(self, called: str) -> int:
        """The node that a sentence means: its name, and the box that it is in where that is closed."""
        for i, unit in self.unit_of.items():
            name = self.nodes[i]["name"]
            if called == (name if unit[0] == "n" else f"{name} in {self.titles[unit]}"):
                return i
        raise AssertionError(f"no node is called {called!r}")
