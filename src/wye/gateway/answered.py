"""What came of a request that asked models more than once."""

from decimal import Decimal

from msgspec import Struct

from wye.core.usage import Usage


class Answered(Struct, frozen=True, kw_only=True):
    """What came of a request that took several exchanges, for the log; `cost` is USD."""

    stream: bool
    asked: str
    provider: str | None
    model: str | None
    attempts: int
    usage: Usage | None
    cost: Decimal | None
