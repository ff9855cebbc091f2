"""What this process counts of requests that are over: sums that only grow, and that add up over processes.

Counting is a few additions to plain numbers, for every request does it; what they are called where they are read is
said elsewhere.
"""

from bisect import bisect_left
from collections.abc import Callable
from typing import Final, TypeAlias, TypeVar

from msgspec import Struct, field

from wye.core.caller import Caller
from wye.core.errors import RefusedBy
from wye.core.record import AttemptRecord, UsageRecord

OTHER: Final = "other"
FIRST_TOKEN_SECONDS: Final = (
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0, 20.0, 30.0, 60.0,
)  # fmt: skip
DURATION_SECONDS: Final = (
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0,
)  # fmt: skip
TOKEN_KINDS: Final = ("input", "output", "cache_read", "cache_write", "reasoning", "audio")
_MOST_CODES: Final = 64
"""Codes of errors that are told apart; providers make some up."""
_LONGEST_CODE: Final = 64

_Name = TypeVar("_Name", str, tuple[str, str])
Labels: TypeAlias = Callable[[str, str], tuple[str, str]]
"""Takes a provider and model as a record names them and returns the names they are counted under."""


class Histogram(Struct):
    """How many values were at most as large as each bound, beyond the one before; the last count is of larger ones."""

    counts: list[int]
    total: float = 0.0

    def add(self, value: float, bounds: tuple[float, ...]) -> None:
        """Count a value."""
        self.counts[bisect_left(bounds, value)] += 1
        self.total += value


def _of(bounds: tuple[float, ...]) -> Histogram:
    return Histogram([0] * (len(bounds) + 1))


class ModelSums(Struct):
    """What is counted of one model of one provider.

    `requests` are by operation and status, `calls` by what became of them (`ok`, `cancelled`, or an error's code).
    `cost` and `saved` are picodollars; `unpriced` are requests whose cost is unknown.
    """

    provider: str
    model: str
    requests: dict[tuple[str, str], int] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    retries: int = 0
    failovers: int = 0
    tokens: list[int] = field(default_factory=lambda: [0] * len(TOKEN_KINDS))
    cost: int = 0
    saved: int = 0
    unpriced: int = 0
    cached: int = 0
    first_token: Histogram = field(default_factory=lambda: _of(FIRST_TOKEN_SECONDS))
    duration: Histogram = field(default_factory=lambda: _of(DURATION_SECONDS))


class Meters:
    """Counts the records it is shown."""

    def __init__(self, labels: Labels, *, max_models: int = 100) -> None:
        """Count under what `labels` says, of at most `max_models` models each for itself."""
        self._labels = labels
        self._max_models = max_models
        self._codes: set[str] = set()
        self.models: dict[tuple[str, str], ModelSums] = {}
        self.refusals: dict[str, int] = {}
        """Requests that were not let in, by what refused them, whose that is and its name, with a `:` between."""

    def observe(self, record: UsageRecord) -> None:
        """Count a request that is over."""
        sums = self._of(record.provider, record.model)
        kind = record.operation, record.status
        sums.requests[kind] = sums.requests.get(kind, 0) + 1
        sums.duration.add(record.duration / 1e6, DURATION_SECONDS)
        if record.cached:
            sums.cached += 1
            sums.saved += record.saved or 0
            return
        if record.first_token is not None:
            sums.first_token.add(record.first_token / 1e6, FIRST_TOKEN_SECONDS)
        if record.cost is None:
            sums.unpriced += 1
        else:
            sums.cost += record.cost
        if record.attempts:
            self._count_attempts(record.attempts)
        elif record.tries:
            sums.calls["ok"] = sums.calls.get("ok", 0) + 1
        if record.input_tokens or record.output_tokens:
            tokens = sums.tokens
            tokens[0] += record.input_tokens
            tokens[1] += record.output_tokens
            tokens[2] += record.cache_read_tokens
            tokens[3] += record.cache_write_tokens
            tokens[4] += record.reasoning_tokens
            tokens[5] += record.audio_tokens

    def refused(self, caller: Caller, by: RefusedBy) -> None:
        """Count a request that a limit or a budget did not let in; whose it was is not told, they are too many."""
        del caller
        name = f"{by.by}:{by.scope}:{by.measure}"
        self.refusals[name] = self.refusals.get(name, 0) + 1

    def _count_attempts(self, attempts: tuple[AttemptRecord, ...]) -> None:
        before: AttemptRecord | None = None
        for attempt in attempts:
            sums = self._of(attempt.provider, attempt.model)
            end = "cancelled" if attempt.cancelled else self._code(attempt.error) if attempt.error else "ok"
            sums.calls[end] = sums.calls.get(end, 0) + 1
            if before is not None:
                if (before.provider, before.model) == (attempt.provider, attempt.model):
                    sums.retries += 1
                else:
                    self._of(before.provider, before.model).failovers += 1
            before = attempt

    def _code(self, code: str) -> str:
        """Return a code as it may stand in a label: few, short and plain ones."""
        if code not in self._codes:
            plain = code.isascii() and code.replace("_", "").isalnum() and len(code) <= _LONGEST_CODE
            if not plain or len(self._codes) >= _MOST_CODES:
                return OTHER
            self._codes.add(code)
        return code

    def _of(self, provider: str | None, model: str | None) -> ModelSums:
        key = self._labels(provider or "", model or "")
        sums = self.models.get(key)
        if sums is None:
            if len(self.models) >= self._max_models and key[1] != OTHER:
                return self._of(provider, None) if provider else self._of(None, None)
            sums = self.models[key] = ModelSums(*key)
        return sums


def added(one: ModelSums, other: ModelSums) -> ModelSums:
    """Return what two processes counted of the same model together."""
    return ModelSums(
        provider=one.provider,
        model=one.model,
        requests=_both(one.requests, other.requests),
        calls=_both(one.calls, other.calls),
        retries=one.retries + other.retries,
        failovers=one.failovers + other.failovers,
        tokens=[a + b for a, b in zip(one.tokens, other.tokens, strict=True)],
        cost=one.cost + other.cost,
        saved=one.saved + other.saved,
        unpriced=one.unpriced + other.unpriced,
        cached=one.cached + other.cached,
        first_token=_summed(one.first_token, other.first_token),
        duration=_summed(one.duration, other.duration),
    )


def _both(one: dict[_Name, int], other: dict[_Name, int]) -> dict[_Name, int]:
    return {key: one.get(key, 0) + other.get(key, 0) for key in one.keys() | other.keys()}


def _summed(one: Histogram, other: Histogram) -> Histogram:
    return Histogram([a + b for a, b in zip(one.counts, other.counts, strict=True)], one.total + other.total)
