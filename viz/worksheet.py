"""Worksheets: questions about derivatives to print, with tables to fill in and a key on a page of its own."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import graphviz

from autograd_core import Value, backward_steps, explain, topological_order
from autograd_core.exercises import TOPICS, Question, questions
from autograd_core.files import replacing
from autograd_core.formula import names_of, number_text, operation
from viz.markup import escaped
from viz.page import html_path, static
from viz.render import render

MOST_QUESTIONS = 30
BLANK = ""
"""What stands in a cell to fill in."""
FADES = 4
"""How often a table loses more of its numbers, from the first question of a sheet to the last."""


class Worksheet:
    """Questions about one topic of `autograd_core.exercises.TOPICS`; `save` writes them as a page to print.

    The first tables are nearly filled in, and each later question leaves more to the reader. The key has the answers,
    and for each question the numbers that the usual mistakes give, and what they mean. The same topic, seed and count
    give the same sheet.

    Raises ValueError for a topic that there is not or a count that is not from 1 to `MOST_QUESTIONS`, and TypeError for
    a seed that is no whole number.

    >>> sheet = Worksheet("paths", seed=3, count=2)
    >>> [asked.level for asked in sheet.questions]
    [1, 2]
    """

    def __init__(self, topic: str, *, seed: int = 0, count: int = 4) -> None:
        if not isinstance(count, int) or not 1 <= count <= MOST_QUESTIONS:
            raise ValueError(f"a worksheet has 1 to {MOST_QUESTIONS} questions, not {count!r}")
        self.topic, self.seed = topic, seed
        self.questions = questions(topic, seed, count)

    def html(self) -> str:
        """The page; raises RuntimeError, with what to do, where no Graphviz is installed."""
        last = max(1, len(self.questions) - 1)
        asked = [_question(k + 1, one, k * FADES // last) for k, one in enumerate(self.questions)]
        parts = {
            "TITLE": f"Backpropagation: {TOPICS[self.topic].title}",
            "NUMBER": f"{self.topic}, sheet {self.seed}",
            "STYLE": static("worksheet.css"),
            "QUESTIONS": "\n".join(asked),
            "KEY": "\n".join(_key(k + 1, one) for k, one in enumerate(self.questions)),
        }
        before, *pieces = static("worksheet.html").split("%%")
        return before + "".join(parts.get(piece, piece) for piece in pieces)

    def save(self, path: str | Path) -> Path:
        """Write the page to a file; the path.

        Raises ValueError for a name that does not end in .html, RuntimeError where no Graphviz is installed, and
        OSError where the file cannot be written.
        """
        path = html_path(path, "a worksheet")
        page = self.html().encode()
        with replacing(path) as file:
            file.write(page)
        return path

    def __repr__(self) -> str:
        return f"<Worksheet of {len(self.questions)} questions about {TOPICS[self.topic].title}; .save('sheet.html')>"


def asked_for(question: Question) -> str:
    """The derivative in question, such as ∂y/∂x."""
    return f"∂{question.evaluation.output.label}/∂{question.wrt}"


def drawing(output: Value) -> str:
    """The graph as an SVG element, with the numbers of the leaves and room for all others.

    Raises RuntimeError, with what to do, where no Graphviz is installed.
    """
    order = topological_order(output)
    names, index = names_of(order), {node: i for i, node in enumerate(order)}
    graph = graphviz.Digraph(
        graph_attr={"rankdir": "LR", "nodesep": "0.15", "ranksep": "0.35", "bgcolor": "transparent"},
        node_attr={"shape": "box", "style": "rounded", "fontname": "Helvetica,Arial,sans-serif", "fontsize": "11",
                   "margin": "0.1,0.05"},
        edge_attr={"arrowsize": "0.7", "tailport": "e", "headport": "w"},
    )  # fmt: skip
    for node in order:
        if node.is_constant:
            continue
        what = "" if node.op is None else f" = {operation(node, names)}"
        data = number_text(node.data) if node.op is None else "____"
        label = f"<B>{escaped(names[node])}</B>{escaped(what)}<BR/>data {data}<BR/>grad ____"
        graph.node(f"n{index[node]}", f"<{label}>")
        for operand in node.inputs:
            if not operand.is_constant:
                graph.edge(f"n{index[operand]}", f"n{index[node]}")
    text = render(graph.source, "svg").decode()
    return text[text.index("<svg") :]


def shown(number: float) -> str:
    """A number as a sheet has it: to three decimals."""
    return number_text(round(number, 3) + 0.0)


def _question(place: int, question: Question, fade: int) -> str:
    output = question.evaluation.output
    given = ", ".join(f"{name} = {number_text(number)}" for name, number in question.at.items())
    rounding = "" if shown(question.answer) == number_text(question.answer) else ". Round to three decimals."
    formulas = "<br>".join(map(html.escape, question.source.split("; ")))
    return (
        f"<section><h2>{place}. What is {asked_for(question)}?</h2>"
        f'<p class="formulas">{formulas}</p><p class="given">{html.escape(given)}{rounding}</p>'
        f"<figure>{drawing(output)}</figure>"
        f'<div class="passes">{_forward(output, fade)}{_backward(output, fade)}</div>'
        f'<p class="answer">{asked_for(question)} = <span class="blank"></span></p></section>'
    )


def _forward(output: Value, fade: int) -> str:
    order = topological_order(output)
    names = names_of(order)
    rows = [
        (names[node], operation(node, names), BLANK if fade == FADES else shown(node.data))
        for node in order
        if node.op is not None and not node.is_constant
    ]
    return _table("Forward", ("node", "operation", "data"), rows)


def _backward(output: Value, fade: int) -> str:
    """The edges in the engine's order; with each fade another column is left to the reader."""
    names = names_of(topological_order(output))
    steps = list(backward_steps(output))
    rows = []
    for place, step in enumerate(steps):
        if step.node is None:
            rows.append(("start", names[step.input], "", "", "1", "1"))
            continue
        # On the first table the first half is an example.
        worked = fade == 0 and place <= len(steps) // 2
        rows.append(
            (
                names[step.node],
                names[step.input],
                shown(step.upstream or 0.0) if fade < 3 else BLANK,
                shown(step.local or 0.0) if fade < 2 else BLANK,
                shown(step.contribution) if worked else BLANK,
                shown(step.after) if worked else BLANK,
            )
        )
    return _table("Backward", ("from", "to", "upstream", "× local", "= adds", "grad so far"), rows)


def _table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    body = "".join(line(row, "td") for row in rows)
    return f"<table><caption>{title}</caption><thead>{line(header, 'th')}</thead><tbody>{body}</tbody></table>"


def _key(place: int, question: Question) -> str:
    """The answer and its chain rule, and the common wrong numbers."""
    evaluation = question.evaluation
    meanings: dict[str, Any] = {}
    for mistake, number in question.wrong.items():
        meanings.setdefault(shown(number), []).append(mistake.sentence)
    rows = [(number, " ".join(sentences)) for number, sentences in meanings.items()]
    why = str(explain(evaluation.output, evaluation.names[question.wrt])).split("\nwhere")[0]
    return (
        f"<section><h2>{place}. {asked_for(question)} = {shown(question.answer)}</h2>"
        f"<pre>{html.escape(why)}</pre>{_table('If the answer is', ('number', 'what happened'), rows)}</section>"
    )
