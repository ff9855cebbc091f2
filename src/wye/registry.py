"""The models there are: what the catalog says, what providers list, and what was seen of them; queries and advice."""

import datetime
import difflib
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Self, TypeVar, get_args

from msgspec import Struct

from wye import catalog
from wye.catalog import capability_name
from wye.catalog.registry import LATENCY_MS
from wye.catalog.schema import LATENCY_TIERS, QUALITY_TIERS, Capability, LatencyTier, ModelInfo
from wye.config import load_settings
from wye.core.caller import LIBRARY, Caller
from wye.core.errors import InvalidRequestError
from wye.core.refresh import Refreshed
from wye.engine import Engine
from wye.health import HealthView
from wye.routing.names import is_able
from wye.routing.recommend import Recommended, Wish, latency_tier, recommend
from wye.routing.strategies import STRATEGIES
from wye.snapshot import Snapshot

_T = TypeVar("_T", bound=str)


class Statistics(Struct, frozen=True, kw_only=True):
    """How many models there are, by what they are.

    `available` can be asked now as far as configuration goes; `healthy` are those of them that nothing is held against.
    """

    total: int
    available: int
    healthy: int
    deprecated: int
    open_source: int
    by_provider: Mapping[str, int]
    by_capability: Mapping[str, int]
    by_latency_tier: Mapping[str, int]
    by_quality_tier: Mapping[str, int]


class ModelRegistry:
    """The models there are: what the catalog says of them, and what providers say they have."""

    def __init__(self, engine: Engine, caller: Caller = LIBRARY) -> None:
        """Read `engine`'s catalog; `ModelRouter.registry` is one of a router, `from_env` makes one alone.

        What `caller` brought along (own keys, own models) is there for that caller.
        """
        self._engine = engine
        self._caller = caller

    @classmethod
    def from_env(cls) -> Self:
        """Configure from the environment, `.env` and, where there is one, `wye.toml` or `WYE_CONFIG`."""
        rows = catalog.load()
        return cls(Engine(load_settings(rows), rows))

    @property
    def _now(self) -> Snapshot:
        return self._engine.seen_by(self._caller)

    @property
    def models(self) -> Mapping[str, ModelInfo]:
        """Every model that is known, by its full id, `provider/model`."""
        return self._now.catalog.models

    def get(self, name: str) -> ModelInfo | None:
        """Return the model of a full id, or the one model that has the bare name."""
        known = self._now.catalog
        provider, _, rest = name.partition("/")
        rows = known.by_name(name)
        return known.models.get(name) or known.find(provider, rest) or (rows[0] if len(rows) == 1 else None)

    def filter(  # noqa: PLR0913 - one keyword for each of the documents' filters
        self,
        *,
        provider: str | None = None,
        capability: str | None = None,
        capabilities: Iterable[str] = (),
        max_cost: Decimal | float | str | None = None,
        max_latency: float | None = None,
        min_context_window: int | None = None,
        latency_tier: str | None = None,
        quality_tier: str | None = None,
        min_quality: str | None = None,
        open_source: bool | None = None,
        tag: str | None = None,
        available: bool | None = None,
        include_deprecated: bool = True,
    ) -> list[ModelInfo]:
        """Return the models that meet every condition, in the catalog's order.

        `max_cost` is USD per 1,000 tokens and bounds the mean of input and output price; a model whose price is unknown
        never meets it. `max_latency` is milliseconds. Latency is what was observed of a model, where that is enough,
        else its tier in the catalog. `available` models can be asked now. Raises `InvalidRequestError` for a name that
        nothing has or a figure that bounds nothing.
        """
        now = self._now
        if provider is not None and now.catalog.provider(provider) is None:
            raise InvalidRequestError(
                f"there is no provider {provider!r}; 'wye providers --all' lists them", param="provider"
            )
        wanted = known_capabilities((*((capability,) if capability else ()), *capabilities))
        rows = now.catalog.filter(
            provider=provider,
            capabilities=wanted,
            max_cost=_amount(max_cost, "max_cost"),
            min_context_window=_count(min_context_window, "min_context_window"),
            quality_tier=_one_of(quality_tier, QUALITY_TIERS, "quality_tier"),
            min_quality=_one_of(min_quality, QUALITY_TIERS, "min_quality"),
            open_source=open_source,
            tags=(tag,) if tag else (),
            include_deprecated=include_deprecated,
        )
        tier = _one_of(latency_tier, LATENCY_TIERS, "latency_tier")
        bound = _amount(max_latency, "max_latency")
        if tier is not None or bound is not None:
            tiers = {row.full_id: self.latency_tier(row) for row in rows}
            rows = [
                row
                for row in rows
                if tier in (None, tiers[row.full_id]) and (bound is None or LATENCY_MS[tiers[row.full_id]] <= bound)
            ]
        return rows if available is None else [row for row in rows if self.is_available(row) is available]

    def recommend(  # noqa: PLR0913 - one keyword for each of the documents' wishes
        self,
        capabilities: Iterable[str] = ("text",),
        *,
        max_cost: Decimal | float | str | None = None,
        max_latency: float | None = None,
        min_quality: str | None = None,
        min_context_window: int | None = None,
        prefer_open_source: bool = False,
        task: str | None = None,
        provider: str | None = None,
        available: bool | None = None,
        limit: int = 5,
    ) -> list[Recommended]:
        """Return the models that fit, those that can be used now first, and of these the best first.

        The bounds are those of `filter`. `task` is `simple`, `complex`, `coding` or `creative`, or the name of a
        strategy that scores; without one, cost and quality are balanced. Models that their providers advise against,
        that stand in for others, or that mean nothing by themselves are not recommended. Where nothing that is
        configured fits, `why_not` of what does says what is missing. Raises `InvalidRequestError`.
        """
        wish = Wish(
            capabilities=frozenset(known_capabilities(capabilities)),
            max_cost=_amount(max_cost, "max_cost"),
            max_latency=float(bound) if (bound := _amount(max_latency, "max_latency")) is not None else None,
            min_quality=_one_of(min_quality, QUALITY_TIERS, "min_quality"),
            min_context_window=_count(min_context_window, "min_context_window"),
            prefer_open_source=prefer_open_source,
            task=_one_of(task, tuple(STRATEGIES), "task") or "balanced",
        )
        moment = datetime.datetime.now(datetime.UTC)
        rows = [row for row in self.filter(provider=provider) if self._is_advisable(row, wish, moment.date(), provider)]
        found = recommend(rows, wish, moment=moment, why_not=self.why_not, health=self._health())
        return [one for one in found if available is None or one.available is available][: max(limit, 0)]

    def statistics(self) -> Statistics:
        """Count the models."""
        rows = list(self.models.values())
        here = [row for row in rows if self.is_available(row)]
        health = self._health()
        return Statistics(
            total=len(rows),
            available=len(here),
            healthy=sum(health.blocked(row.provider, row.full_id) is None for row in here),
            deprecated=sum(row.deprecated for row in rows),
            open_source=sum(row.open_source for row in rows),
            by_provider=_counted(row.provider for row in rows),
            by_capability=_counted(name for row in rows for name in row.capabilities),
            by_latency_tier=_counted((self.latency_tier(row) for row in rows), LATENCY_TIERS),
            by_quality_tier=_counted((row.quality_tier for row in rows), QUALITY_TIERS),
        )

    def is_available(self, model: ModelInfo) -> bool:
        """Tell whether a model can be asked: its provider is in use and, if it was asked, lists it."""
        return self._now.is_available(model)

    def why_not(self, model: ModelInfo) -> str:
        """Say what is in the way of asking a model now, "" where nothing is."""
        now = self._now
        if model.provider not in now.availability.configured:
            return now.availability.missing.get(model.provider, f"{model.provider} is not configured")
        if not now.is_available(model):
            return f"{model.provider} does not list it"
        mark = self._health().blocked(model.provider, model.full_id)
        return mark.reason if mark is not None else ""

    def latency_tier(self, model: ModelInfo) -> LatencyTier:
        """Return the tier of what was observed of a model, where that is enough, else what the catalog says."""
        return latency_tier(model, self._health().observed.get(model.full_id))[0]

    async def refresh(self, providers: Sequence[str] = ()) -> list[Refreshed]:
        """Ask these providers, or all that are configured, which models they have; new ones can be used at once.

        A provider that is away changes nothing of what is known of it: its report says why.
        """
        return await self._engine.refresh(providers)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._engine.aclose()

    def _health(self) -> HealthView:
        return (self._now.health or self._engine.health).view()

    def _is_advisable(self, row: ModelInfo, wish: Wish, day: datetime.date, provider: str | None) -> bool:
        stands_in = self._now.catalog.providers[row.provider].stand_in
        if row.deprecated or row.is_retired(day) or "placeholder" in row.tags:
            return False
        if stands_in and provider is None and wish.min_quality != QUALITY_TIERS[-1]:
            return False
        chats = is_able(row, "chat")
        return chats or not _FOR_SOMETHING_ELSE.isdisjoint(wish.capabilities)


_FOR_SOMETHING_ELSE = frozenset(
    {"embeddings", "rerank", "image-generation", "transcription", "speech", "moderation", "completions"}
)
"""Capabilities of models that need not chat."""


def known_capabilities(names: Iterable[str]) -> tuple[str, ...]:
    """Return the catalog's spelling of capabilities; raise `InvalidRequestError` for one that no model could have."""
    known: tuple[str, ...] = get_args(Capability)
    found = tuple(capability_name(name) for name in names)
    for name in found:
        if name not in known:
            near = difflib.get_close_matches(name, known, 3)
            others = f"near names: {', '.join(near)}" if near else f"known are {', '.join(known)}"
            raise InvalidRequestError(f"there is no capability {name!r}; {others}", param="capabilities")
    return found


def _one_of(value: str | None, known: tuple[_T, ...], param: str) -> _T | None:
    if value is None:
        return None
    plain = value.strip().lower().replace("_", "-")
    if plain not in known:
        raise InvalidRequestError(f"{value!r} is no {param}; known are {', '.join(known)}", param=param)
    return next(one for one in known if one == plain)


def _amount(value: Decimal | float | str | None, param: str) -> Decimal | None:
    if value is None:
        return None
    try:
        amount = Decimal(str(value))
    except ArithmeticError:
        amount = Decimal("nan")
    if not amount.is_finite() or amount < 0:
        raise InvalidRequestError(f"{param}: {value!r} is not an amount of at least 0", param=param)
    return amount


def _count(value: int | None, param: str) -> int | None:
    if value is not None and (value < 0 or not math.isfinite(value)):
        raise InvalidRequestError(f"{param}: {value!r} is not a number of at least 0", param=param)
    return value


def _counted(names: Iterable[str], order: Sequence[str] = ()) -> dict[str, int]:
    """Count names: all of `order` in their order, or the most frequent first."""
    counts = Counter(names)
    return {name: counts[name] for name in order} if order else dict(counts.most_common())
