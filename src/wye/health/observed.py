"""What was seen of one model lately: the last 64 answers, and no more than that.

A window rather than an average that fades: medians need the values themselves, and a window forgets a bad hour at a
known pace. What is kept is a bit a request and at most 64 numbers of each kind.
"""

from collections import deque
from typing import Final

from wye.core.plan import Outcome
from wye.health.view import Observed

WINDOW: Final = 64
ENOUGH: Final = 20
"""Requests seen before what was observed replaces what the catalog says."""
STALE_SECONDS: Final = 3600.0
"""How long after the last request what was observed counts."""
_MASK: Final = (1 << WINDOW) - 1


class Watch:
    """Watches one model."""

    __slots__ = ("_bits", "_durations", "_first_tokens", "_lengths", "last", "requests")

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self.requests = 0
        self.last = 0.0
        """When the last request ended, on a clock that never goes back."""
        self._bits = 0
        self._durations: deque[float] = deque(maxlen=WINDOW)
        self._first_tokens: deque[float] = deque(maxlen=WINDOW)
        self._lengths: deque[int] = deque(maxlen=WINDOW)

    def add(self, outcome: Outcome, now: float, *, ok: bool) -> None:
        """Count an outcome; one that failed says nothing of how fast answers are."""
        self.requests += 1
        self.last = now
        self._bits = (self._bits << 1 | ok) & _MASK
        if not ok:
            return
        self._durations.append(outcome.duration)
        if outcome.first_token is not None:
            self._first_tokens.append(outcome.first_token)
        if outcome.usage is not None:
            self._lengths.append(outcome.usage.output_tokens)

    def summary(self) -> Observed:
        """Return what was seen; `requests` counts all of them, the rest is of the last 64."""
        lengths = self._lengths
        return Observed(
            requests=self.requests,
            success_rate=self._bits.bit_count() / min(self.requests, WINDOW) if self.requests else 1.0,
            first_token_p50=_median(self._first_tokens),
            duration_p50=_median(self._durations),
            output_tokens_mean=sum(lengths) / len(lengths) if lengths else None,
        )


def _median(values: deque[float]) -> float | None:
    return sorted(values)[len(values) // 2] if values else None
