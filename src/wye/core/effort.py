"""How much a model is to think: the words for it, least first, and the tokens of thought that they stand for."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")

CLAUDE_BUDGETS: Final[Mapping[str, int]] = {
    "minimal": 1024, "low": 1024, "medium": 4096, "high": 16384, "xhigh": 32768, "max": 32768,
}  # fmt: skip
"""Thinking budgets in tokens for the models of Anthropic that take a budget; the least that they take is 1024."""

_MOST: Final = ((0, "none"), (2048, "low"), (8192, "medium"))


def effort_of(budget: int) -> str:
    """Return the word for a budget in tokens, where only words are understood."""
    return next((word for most, word in _MOST if budget <= most), "high")


def nearest(effort: str, words: Sequence[str]) -> str:
    """Return the word nearest to `effort` among those that a model knows; of two equally near ones, the lower.

    A word that nobody knows stays as it is, for the provider to judge; so does any where `words` is empty. A model that
    can think is not kept from it because of how little was asked for, so `none` is only ever meant by `none`.
    """
    if effort in words or effort not in EFFORTS or not words:
        return effort
    place = EFFORTS.index(effort)
    thinking: Iterable[str] = [word for word in words if word != "none"] or words
    return min(thinking, key=lambda word: abs(EFFORTS.index(word) - place) if word in EFFORTS else len(EFFORTS))
