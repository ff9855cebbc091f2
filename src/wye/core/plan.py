"""Where a request may go, and what became of it there."""

from decimal import Decimal

from msgspec import Struct

from wye.core.errors import WyeError
from wye.core.request import Operation
from wye.core.usage import Usage


class Wanted(Struct, frozen=True, kw_only=True):
    """What a request asks of whoever answers it: all that the planner knows of the request.

    `model` is the name as the caller wrote it. `needs` are abilities without which it cannot be answered,
    `input_tokens` is an estimate, `output_tokens` the most that was asked for. `max_cost` is USD for the request,
    `providers` those the caller may use (`None`: all), `tags` what the model's row must have. `strategy` replaces the
    configured one. `holder` is the full id of the model whose provider still holds the conversation's beginning in its
    prompt cache.
    """

    model: str
    operation: Operation | None = "chat"
    needs: frozenset[str] = frozenset()
    input_tokens: int = 0
    output_tokens: int | None = None
    stream: bool = False
    strategy: str | None = None
    max_cost: Decimal | None = None
    providers: frozenset[str] | None = None
    tags: frozenset[str] = frozenset()
    holder: str | None = None


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
