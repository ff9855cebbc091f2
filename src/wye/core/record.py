"""What the books say of a request: one record, whatever happened to it, and the attempts it was made of.

Money is in picodollars (10**-12 USD), `None` where it is unknown. Times are microseconds: `at` since the epoch (UTC),
the others as long as they lasted. Tokens are counted as in `wye.core.usage.Usage`.
"""

from typing import Final, Literal, TypeAlias

from msgspec import Struct

PICO_PER_USD: Final = 10**12
HOUR_US: Final = 3_600_000_000
Status: TypeAlias = Literal["ok", "error", "cancelled", "lost"]


class AttemptRecord(Struct, frozen=True, kw_only=True, array_like=True):
    """One call to a provider."""

    provider: str
    model: str
    at: int
    duration: int
    first_token: int | None = None
    error: str | None = None
    cancelled: bool = False
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: int | None = None
    reported_cost: int | None = None
    estimated: bool = False


class UsageRecord(Struct, frozen=True, kw_only=True, array_like=True):
    """One request that was accepted.

    `id` was made when it was accepted and is the same however often the record is told. `parent` is the record it was
    made for: a tool loop's rounds have one. `provider` and `model` answered, or were asked last; `asked` is the name
    the caller gave. `cost` is the sum over `attempts`, `estimated` where Wye had to make up a count by rule,
    `reported_cost` what providers themselves said. `saved` is what an answer from the cache would have cost. `hold`
    was set aside for it. `prices` names the catalog's prices that were in force.
    `uncharged` tells budgets to leave it out: its user paid the provider itself.
    """

    id: str
    at: int
    user: str
    status: Status
    key: str | None = None
    team: str | None = None
    parent: str | None = None
    conversation: str | None = None
    tags: tuple[str, ...] = ()
    operation: str = "chat"
    surface: str = ""
    asked: str = ""
    provider: str | None = None
    model: str | None = None
    stream: bool = False
    error: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    audio_tokens: int = 0
    cost: int | None = None
    reported_cost: int | None = None
    estimated: bool = False
    saved: int | None = None
    hold: int | None = None
    first_token: int | None = None
    duration: int = 0
    tries: int = 0
    cached: bool = False
    prices: str | None = None
    attempts: tuple[AttemptRecord, ...] = ()
    uncharged: bool = False
