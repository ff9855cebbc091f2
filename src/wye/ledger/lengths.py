"""How long answers are likely to be, learned from those that were: by key and model, and by model where that is new."""

import math
from collections import OrderedDict
from typing import Final

FIRST_GUESS: Final = 4096
"""Tokens, where nothing is known of a model's answers; what is longer makes a debt that is paid next."""
_ENOUGH: Final = 5
_MEMORY: Final = 50
"""Answers that an average is made of, about: older ones fade."""
_KEPT: Final = 20_000


class _Seen:
    __slots__ = ("count", "mean", "variance")

    def __init__(self) -> None:
        self.count = 0
        self.mean = 0.0
        self.variance = 0.0

    def add(self, tokens: int) -> None:
        self.count += 1
        weight = 1 / min(self.count, _MEMORY)
        apart = tokens - self.mean
        self.mean += weight * apart
        self.variance = (1 - weight) * (self.variance + weight * apart * apart)

    def likely(self) -> int:
        return math.ceil(self.mean + 2 * math.sqrt(self.variance))


class Lengths:
    """Remembers the answers' lengths of this process, in tokens."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self._seen: OrderedDict[tuple[str, str], _Seen] = OrderedDict()

    def learn(self, who: str, model: str, tokens: int) -> None:
        """See an answer of `model` (a full id) to `who`."""
        for name in dict.fromkeys((who, "")):
            seen = self._seen.get((name, model))
            if seen is None:
                if len(self._seen) >= _KEPT:
                    self._seen.popitem(last=False)
                seen = self._seen[name, model] = _Seen()
            seen.add(tokens)

    def likely(self, who: str, model: str) -> int:
        """Return how long the next answer is likely to be at most: the mean and twice the spread."""
        for name in (who, ""):
            seen = self._seen.get((name, model))
            if seen is not None and seen.count >= _ENOUGH:
                return seen.likely()
        return FIRST_GUESS
