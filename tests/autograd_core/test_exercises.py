"""Questions whose graphs tell the mistakes of their topic apart."""

from __future__ import annotations

from itertools import combinations

import pytest

from autograd_core.exercises import LEVELS, TOPICS, question, questions
from autograd_core.formula import number_text
from autograd_core.mistakes import MISTAKES, NEAR_MISSES

NAMES = {*MISTAKES, *(mistake.name for mistake in NEAR_MISSES)}

each_topic = pytest.mark.parametrize("topic", list(TOPICS))


@each_topic
def test_the_mistakes_of_a_topic_give_numbers_of_their_own(topic: str) -> None:
    assert len(TOPICS[topic].mistakes) >= 4
    assert set(TOPICS[topic].mistakes) <= NAMES
    for level in LEVELS:
        for seed in range(6):
            asked = question(topic, level, seed)
            numbers = [asked.answer, *asked.wrong.values()]
            assert all(abs(a - b) > 0.02 for a, b in combinations(numbers, 2)), asked.source
            asked.evaluation.output.backward()
            assert asked.evaluation.inputs[asked.wrt].grad == asked.answer
            assert asked.diagnose(asked.answer) == []
            # What a learner writes: to three decimals.
            assert asked.diagnose(number_text(round(asked.answer, 3))) == []
            for mistake, number in asked.wrong.items():
                assert mistake in asked.diagnose(number_text(round(number, 3)))


@pytest.mark.parametrize("topic", ["chain", "paths", "reuse"])
def test_numbers_are_round_where_no_activation_makes_others(topic: str) -> None:
    for seed in range(6):
        asked = question(topic, 1, seed)
        assert asked.answer == round(asked.answer, 2)
        assert all(number == round(number, 2) for number in asked.at.values())


def test_a_question_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    assert question("paths", 2, 5) == question("paths", 2, 5)
    assert len({question("paths", 2, seed).source for seed in range(10)}) > 5


@each_topic
def test_questions_of_a_sheet_get_harder_and_are_all_different(topic: str) -> None:
    found = questions(topic, seed=1, count=7)
    assert [one.level for one in found] == sorted(one.level for one in found)
    assert {one.level for one in found} == {*LEVELS}
    assert len({(one.source, str(one.at)) for one in found}) == 7


def test_what_is_no_topic_level_or_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no topic 'path'; there are chain, paths, reuse"):
        question("path")
    with pytest.raises(ValueError, match="level is 1, 2 or 3, not 4"):
        question("paths", 4)
    with pytest.raises(TypeError, match="seed is a whole number"):
        question("paths", 1, "3")  # type: ignore[arg-type]
