"""Where a request may go, and what became of it there."""

from decimal import Decimal

from msgspec import Struct

from wye.core.errors import WyeError
from wye.core.usage import Usage


class Attempt(Struct, frozen=True, kw_only=True):
    """One place to send a request to: a provider and its model, by their catalog ids, and why it is in the plan.

    `alias` is the provider's own name for the model where the caller asked for that one, a dated snapshot say.
    """

    provider: str
    model: str
    reason: str = ""
    alias: str | None = None

    @property
    def full_id(self) -> str:
        """`provider/model`."""
        return f"{self.provider}/{self.model}"


class Dropped(Struct, frozen=True, kw_only=True):
    """A candidate that is not in the plan, with a stable `code` and a sentence that says why."""

    provider: str
    model: str
    code: str
    reason: str


class Plan(Struct, frozen=True, kw_only=True):
    """The attempts in their order, and what was left out. `requested` is the name the caller gave."""

    requested: str
    attempts: tuple[Attempt, ...]
    dropped: tuple[Dropped, ...] = ()


class Outcome(Struct, kw_only=True):
    """What became of one attempt. Only `cost` is set later, by whoever keeps the books.

    `started` is seconds since the epoch; `first_token` and `duration` are seconds since `started`, `first_token` is
    `None` where no content came. `cancelled` means the caller left.
    """

    attempt: Attempt
    started: float
    duration: float
    first_token: float | None = None
    usage: Usage | None = None
    cost: Decimal | None = None
    finish_reason: str | None = None
    error: WyeError | None = None
    cancelled: bool = False
