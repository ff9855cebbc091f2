"""What may be asked how often, and what may be spent: the rules as they are written down."""

from typing import Final, Literal, TypeAlias

from msgspec import Struct

from wye.core.caller import Limits
from wye.core.periods import Period

LimitScope: TypeAlias = Literal["key", "user", "team", "model", "global"]
BudgetScope: TypeAlias = Literal["key", "user", "team", "model", "provider", "global"]
BudgetPeriod: TypeAlias = Literal["day", "week", "month", "total"]
Measure: TypeAlias = Literal["requests", "input_tokens", "output_tokens", "concurrent_requests"]
EACH: Final = "*"
"""The target of a limit that each key, user, team or model has for itself."""


__all__ = ["EACH", "MEASURES", "Budget", "BudgetPeriod", "BudgetScope", "Limit", "LimitScope", "Limits", "Measure"]

MEASURES: Final[tuple[tuple[str, Measure, Period], ...]] = (
    ("requests_per_minute", "requests", "minute"),
    ("requests_per_day", "requests", "day"),
    ("input_tokens_per_minute", "input_tokens", "minute"),
    ("input_tokens_per_day", "input_tokens", "day"),
    ("output_tokens_per_minute", "output_tokens", "minute"),
    ("output_tokens_per_day", "output_tokens", "day"),
    ("concurrent_requests", "concurrent_requests", "total"),
)
"""What each field of a `Limits` counts, and over which period."""


class Limit(Struct, frozen=True, kw_only=True):
    """A limit of one key, user, team or model, of each of them (`target` is `*`), or of all together (it is empty)."""

    scope: LimitScope
    target: str
    limits: Limits


class Budget(Struct, frozen=True, kw_only=True):
    """What may be spent in a period of the calendar (UTC); `amount` is picodollars.

    `target` is the id of the key, user, team or provider, or a model's full id; it is empty where `scope` is global. A
    `hard` budget refuses what is beyond it, any other only warns. `warn_at` are parts of the amount at which to warn.
    """

    id: str
    scope: BudgetScope
    target: str = ""
    name: str = ""
    amount: int
    period: BudgetPeriod
    hard: bool = True
    warn_at: tuple[float, ...] = (0.8,)
    source: Literal["api", "file"] = "api"
    created_at: int = 0
    updated_at: int = 0
