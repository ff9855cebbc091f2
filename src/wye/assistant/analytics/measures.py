"""What can be read off sums of the books: one figure each, with its unit."""

from collections.abc import Callable, Mapping
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from wye.assistant.analytics.tables import Unit, milliseconds, per, percent, usd
from wye.core.sums import Sums

Metric: TypeAlias = Literal[
    "requests", "cost", "tokens", "input_tokens", "output_tokens", "errors", "error_rate", "cancelled", "tries",
    "failures", "failovers", "mean_duration", "mean_first_token", "cost_per_request", "cached", "saved",
]  # fmt: skip


class Measure(Struct, frozen=True):
    """A figure; `adds` where a time without any request has none of it, and not an unknown one."""

    unit: Unit
    of: Callable[[Sums], float | None]
    adds: bool = True


MEASURES: Final[Mapping[Metric, Measure]] = {
    "requests": Measure("count", lambda sums: sums.requests),
    "cost": Measure("USD", lambda sums: usd(sums.cost)),
    "tokens": Measure("tokens", lambda sums: sums.input_tokens + sums.output_tokens),
    "input_tokens": Measure("tokens", lambda sums: sums.input_tokens),
    "output_tokens": Measure("tokens", lambda sums: sums.output_tokens),
    "errors": Measure("count", lambda sums: sums.errors),
    "error_rate": Measure("%", lambda sums: percent(sums.errors, sums.requests), adds=False),
    "cancelled": Measure("count", lambda sums: sums.cancelled),
    "tries": Measure("count", lambda sums: sums.tries),
    "failures": Measure("count", lambda sums: sums.failures),
    "failovers": Measure("count", lambda sums: sums.failovers),
    "mean_duration": Measure("ms", lambda sums: milliseconds(per(sums.duration, sums.answered)), adds=False),
    "mean_first_token": Measure("ms", lambda sums: milliseconds(per(sums.first_token, sums.first_tokens)), adds=False),
    "cost_per_request": Measure("USD", lambda sums: _rounded(per(usd(sums.cost) or 0, _priced(sums))), adds=False),
    "cached": Measure("count", lambda sums: sums.cached),
    "saved": Measure("USD", lambda sums: usd(sums.saved)),
}


def _priced(sums: Sums) -> int:
    return sums.requests - sums.unknown_costs


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 9)
