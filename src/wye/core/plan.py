"""Where a request may go, and what became of it there."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from msgspec import Struct, structs

from wye.core.errors import WyeError
from wye.core.request import Operation
from wye.core.usage import Usage


class Wanted(Struct, frozen=True, kw_only=True):
    """What a request asks of whoever answers it: all that the planner knows of the request.

    `model` is the name as the caller wrote it. `needs` are abilities without which it cannot be answered,
    `input_tokens` is an estimate, `output_tokens` the most that was asked for. `max_cost` is USD for the request,
    `min_quality` the lowest quality tier that will do, `providers` those that may answer and `models` the names of
    those that may be asked (`None`: all), `tags` what the model's row must have. `strategy` replaces the configured
    one. `holder` is the full id of the model whose provider still holds the conversation's beginning, `held_tokens`
    long, in its prompt cache. `turn` counts the requests of this kind, for who takes them in turns. `preferred` is the
    provider that goes first where the name leaves it open, and `default_strategy` what chooses then.
    """

    model: str
    operation: Operation | None = "chat"
    needs: frozenset[str] = frozenset()
    input_tokens: int = 0
    output_tokens: int | None = None
    stream: bool = False
    strategy: str | None = None
    max_cost: Decimal | None = None
    min_quality: str | None = None
    providers: frozenset[str] | None = None
    models: frozenset[str] | None = None
    tags: frozenset[str] = frozenset()
    holder: str | None = None
    held_tokens: int = 0
    turn: int = 0
    preferred: str | None = None
    default_strategy: str | None = None


class Wishes(Struct, frozen=True, kw_only=True):
    """What a caller says of the choice beside the request itself; the fields are those of `Wanted`."""

    strategy: str | None = None
    needs: frozenset[str] = frozenset()
    max_cost: Decimal | None = None
    min_quality: str | None = None
    providers: frozenset[str] | None = None
    tags: frozenset[str] = frozenset()
    explain: bool = False


NO_WISHES: Final = Wishes()


class Attempt(Struct, frozen=True, kw_only=True):
    """One place to send a request to: a provider and its model, by their catalog ids, and why it is in the plan.

    `alias` is the provider's own name for the model where the caller asked for that one, a dated snapshot say. `score`
    is what put it in its place where there was a choice, 1 at best. `full_id` is `provider/model`.
    """

    provider: str
    model: str
    reason: str = ""
    alias: str | None = None
    score: float | None = None
    full_id: str = ""

    def __post_init__(self) -> None:
        """Write the name down once: every request asks for it several times, and plans are kept."""
        if not self.full_id:
            structs.force_setattr(self, "full_id", f"{self.provider}/{self.model}")


class Dropped(Struct, frozen=True, kw_only=True):
    """A candidate that is not in the plan, with a stable `code` and a sentence that says why."""

    provider: str
    model: str
    code: str
    reason: str


class Candidate(Struct, frozen=True, kw_only=True):
    """A model that might answer and how it was judged: the `score` and the `parts` it was made of, each 1 at best.

    `expected_cost` is USD for this request, `None` where the price is unknown. `speed_from` says whether `parts` holds
    what was `observed` of its speed or what its `tier` promises.
    """

    provider: str
    model: str
    score: float
    parts: Mapping[str, float]
    expected_cost: float | None
    speed_from: str


class Plan(Struct, frozen=True, kw_only=True):
    """The attempts in their order, and what was left out. `requested` is the name the caller gave.

    `strategy` is the one that chose, `None` where there was nothing to choose. `candidates` are there for who wants it
    explained: everything that was judged, best first.
    """

    requested: str
    attempts: tuple[Attempt, ...]
    dropped: tuple[Dropped, ...] = ()
    strategy: str | None = None
    candidates: tuple[Candidate, ...] = ()


class Outcome(Struct, kw_only=True):
    """What became of one attempt. Only `cost` is set later, by whoever keeps the books.

    `started` is seconds since the epoch; `first_token` and `duration` are seconds since `started`, `first_token` is
    `None` where no content came. `cancelled` means the caller left. `produced` is how much of an answer had come, in
    bytes of text, where its provider reported no usage or it was cut.
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
    produced: int = 0
