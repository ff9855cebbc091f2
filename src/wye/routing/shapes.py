"""The values of a choice. They are structs, which are not compiled; what works on them is (docs/decisions/0012)."""

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from msgspec import Struct

from wye.catalog.schema import ModelInfo
from wye.core.plan import Plan
from wye.health import HealthView, Mark

UNLIMITED: Final = 1 << 60
Key: TypeAlias = tuple[float, float, float, float, int, str]


class TokenRates(Struct, frozen=True):
    """USD per token, and `flat` per request, for requests with more than `above` tokens of input."""

    above: int
    input: float
    output: float
    cached: float
    flat: float = 0.0


class Entry(Struct, frozen=True, kw_only=True):
    """A model as the planner sees it: what filters and scores need, worked out once.

    `rates` are those for the longest input first, empty where the price is unknown. `context` and `max_output` are
    tokens. `rank` is the place of its provider in the fallback order.
    """

    row: ModelInfo
    full_id: str
    provider: str
    mask: int = 0
    context: int = UNLIMITED
    max_output: int = UNLIMITED
    rates: tuple[TokenRates, ...] = ()
    quality: float
    speed: float = 0.0
    rank: int = 0


class Parts(Struct, frozen=True):
    """What a score is made of. `expected_cost` is USD, `None` where unknown; `observed` tells where `speed` is from."""

    entry: Entry
    cost: float
    speed: float
    quality: float
    reliability: float
    expected_cost: float | None
    observed: bool


class Judged(Struct, frozen=True):
    """A candidate with its score."""

    key: Key
    score: float
    parts: Parts

    @property
    def entry(self) -> Entry:
        """The model."""
        return self.parts.entry


class Order(Struct, frozen=True):
    """Models sorted by a strategy, all of them and by provider."""

    entries: Sequence[Entry]
    by_provider: Sequence[Sequence[Entry]]


class Bar(Struct, frozen=True, kw_only=True):
    """What a candidate must pass, worked out once for a request; `fits` leaves lengths to the provider's own word."""

    need: int
    input_tokens: int
    requested: int | None
    produced: int
    tokens: int
    cap: float | None
    providers: frozenset[str] | None
    models: frozenset[str] | None
    health: HealthView
    provider_marks: Mapping[str, Mark]
    model_marks: Mapping[str, Mark]
    fits: bool = False


class Fixed(Struct, frozen=True):
    """What a name leads to, whatever else is asked for.

    `groups` says of each attempt which of the name's targets it came from, `weights` how often each target comes round,
    which counts where they are `weighted`. `scored` is for `auto`. `choice` is there where models differ. An `unsaid`
    provider is the caller's to prefer: the name says none, and is no alias, whose order is the operator's.
    """

    plan: Plan
    groups: tuple[int, ...]
    weights: tuple[int, ...]
    weighted: bool
    scored: bool
    choice: bool
    unsaid: bool
