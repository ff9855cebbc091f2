"""The `[breaker]` and `[health]` sections."""

from typing import Annotated, Final, TypeAlias

from msgspec import Meta, Struct

_DAY: Final = 24 * 3600
Times: TypeAlias = Annotated[int, Meta(ge=1)]
Positive: TypeAlias = Annotated[float, Meta(gt=0, le=_DAY)]


class BreakerConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a provider or a model is left alone, and for how long.

    `failure_threshold` failures in a row open a breaker for `open_seconds`; then at most `half_open_max_requests` at a
    time try whether it works again, and as many successes close it. `latency_threshold_ms` is to the first token, for
    models of the tiers very-fast and fast; slower tiers get more in proportion. What is slower is marked degraded.
    Without `enabled` nothing is held against anybody, keys included.
    """

    enabled: bool = True
    failure_threshold: Times = 5
    latency_threshold_ms: Annotated[float, Meta(gt=0)] = 2000
    open_seconds: Positive = 60
    half_open_max_requests: Times = 3


class HealthConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether providers are asked how they are while nobody asks them anything else.

    `active` asks every provider in use for its list of models, which costs nothing at any of the catalog's, every
    `interval` seconds; `timeout` is what each has to answer, in seconds.
    """

    active: bool = False
    interval: Positive = 60
    timeout: Positive = 10
