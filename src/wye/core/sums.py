"""What usage records add up to: the sums by the hour that reports are made of. Adding is all there is, in any order.

What a request was belongs to the provider and model that answered, or were asked last; what its single calls took and
cost belongs to those that were called. A provider whose calls all fail and are rescued by another has requests of
none and failures of many.
"""

from typing import Final, Literal, TypeAlias

from msgspec import Struct

Place: TypeAlias = tuple[int, str, str, str, str, str]
"""Hours since the epoch, user, key, team, provider, model; what there is none of is the empty string."""
Latency: TypeAlias = Literal["first_token", "total"]
Spot: TypeAlias = tuple[int, str, str, Latency, int]
"""Hours since the epoch, provider, model, what was timed, and the bucket of `wye.core.sketch`."""


class Sums(Struct):
    """What is added up; the names are those of the columns.

    `requests` counts what was asked, of which `errors`, `cancelled` and `lost` did not come to a good end, `cached`
    were answered by the cache and `streams` asked for a stream. `tries` counts calls, `failures` those that the
    provider is to blame for, `retries` those made again at the same place, `failovers` those that another place was
    called after. `cost`, `reported_cost` and `saved` are picodollars of those known, `uncharged` what of the cost no
    budget is charged with; `unknown_costs` and `estimated_costs` count requests. `duration` is microseconds over the
    `answered` requests, `first_token` over `first_tokens`.
    """

    requests: int = 0
    errors: int = 0
    cancelled: int = 0
    lost: int = 0
    cached: int = 0
    streams: int = 0
    tries: int = 0
    failures: int = 0
    retries: int = 0
    failovers: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    audio_tokens: int = 0
    cost: int = 0
    reported_cost: int = 0
    saved: int = 0
    unknown_costs: int = 0
    estimated_costs: int = 0
    answered: int = 0
    duration: int = 0
    first_token: int = 0
    first_tokens: int = 0
    uncharged: int = 0


SUMMED: Final[tuple[str, ...]] = Sums.__struct_fields__
"""The names of all sums, in order."""


class Folded(Struct):
    """Sums of many records: by place, by tag or conversation and place, and sketches of latency."""

    hours: dict[Place, Sums]
    tags: dict[tuple[str, Place], Sums]
    conversations: dict[tuple[str, Place], Sums]
    latencies: dict[Spot, int]


Row: TypeAlias = tuple[int, ...]
"""`Sums` as plain rows, since whole columns are added several times as fast."""


class Gathered(Struct):
    """What is to be added up."""

    hours: dict[Place, list[Row]]
    tags: dict[tuple[str, Place], list[Row]]
    conversations: dict[tuple[str, Place], list[Row]]
    latencies: dict[Spot, int]
