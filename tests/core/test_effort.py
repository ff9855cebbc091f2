"""Words for effort are matched to those a model knows, and budgets to words."""

import pytest

from wye.core.effort import effort_of, nearest


@pytest.mark.parametrize(
    ("asked", "known", "said"),
    [
        ("medium", ("low", "medium", "high"), "medium"),
        ("xhigh", ("low", "medium", "high"), "high"),
        ("minimal", ("none", "low", "high"), "low"),
        ("low", ("none", "high"), "high"),
        ("none", ("minimal", "low"), "minimal"),
        ("high", ("none", "default"), "default"),
        ("medium", ("low", "high"), "low"),
        ("max", (), "max"),
        ("ultra", ("low", "high"), "ultra"),
    ],
)
def test_a_word_becomes_the_nearest_that_the_model_knows_and_thinking_never_becomes_none(
    asked: str, known: tuple[str, ...], said: str
) -> None:
    assert nearest(asked, known) == said


@pytest.mark.parametrize(
    ("budget", "word"), [(-1, "none"), (0, "none"), (1, "low"), (2048, "low"), (8192, "medium"), (9000, "high")]
)
def test_a_budget_is_a_word_where_only_words_are_known(budget: int, word: str) -> None:
    assert effort_of(budget) == word
