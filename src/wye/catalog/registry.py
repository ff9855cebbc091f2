"""The catalog as one immutable value: every provider and model, and the questions asked of them."""

import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import TypeAlias

from wye.catalog import similarity
from wye.catalog.errors import CatalogError
from wye.catalog.schema import QUALITY_TIERS, LatencyTier, ModelInfo, Provider, QualityTier

Condition: TypeAlias = Callable[[ModelInfo], bool]

LATENCY_MS: Mapping[LatencyTier, int] = MappingProxyType(
    {"very-fast": 500, "fast": 2000, "medium": 5000, "slow": 10_000}
)
"""What a tier counts as against a bound in milliseconds: its upper end, for `slow` a nominal ten seconds."""

_SYNONYMS = MappingProxyType({"tool-calling": "function-calling", "tools": "function-calling"})


def capability_name(name: str) -> str:
    """Return the catalog's spelling of a capability: kebab-case, with the documents' `tool-calling` understood."""
    kebab = name.strip().lower().replace("_", "-")
    return _SYNONYMS.get(kebab, kebab)


class Catalog:
    """Providers and models by id, with an index for every way to name one.

    The mappings are read-only and the rows frozen; `overlay` makes a new catalog. Where one name could mean several
    rows of a provider, an id goes before an alias, an alias before a short name and that before a template id.
    """

    __slots__ = ("_at_provider", "_by_family", "_by_name", "_by_provider_name", "_models", "_prefixes", "_providers")

    def __init__(self, providers: Iterable[Provider], models: Iterable[ModelInfo]) -> None:
        """Index the rows. Raises `CatalogError` where two rows claim one id or a row has no provider."""
        by_id: dict[str, Provider] = {}
        for provider in providers:
            if by_id.setdefault(provider.id, provider) is not provider:
                raise CatalogError(f"provider {provider.id!r} occurs twice")
        by_full_id: dict[str, ModelInfo] = {}
        for model in models:
            if model.provider not in by_id:
                raise CatalogError(f"model {model.id!r}: provider {model.provider!r} is not in the catalog")
            if by_full_id.setdefault(model.full_id, model) is not model:
                raise CatalogError(f"model {model.full_id!r} occurs twice")
        self._providers = MappingProxyType(by_id)
        self._models = MappingProxyType(by_full_id)
        self._by_provider_name = _provider_names(by_id)
        self._prefixes = tuple((prefix, provider) for provider in by_id.values() for prefix in provider.model_prefixes)
        self._by_family = _families(by_full_id.values())
        self._at_provider, self._by_name = _model_names(by_full_id.values())

    @property
    def providers(self) -> Mapping[str, Provider]:
        """Every provider by its id."""
        return self._providers

    @property
    def models(self) -> Mapping[str, ModelInfo]:
        """Every model by its full id, `provider/model`."""
        return self._models

    def provider(self, name: str) -> Provider | None:
        """Return the provider with this id or alias."""
        return self._by_provider_name.get(name)

    def provider_by_prefix(self, name: str) -> Provider | None:
        """Return the provider whose models' names begin like `name`; the longest prefix decides."""
        matches = [(len(prefix), provider) for prefix, provider in self._prefixes if name.startswith(prefix)]
        return max(matches, key=lambda match: match[0])[1] if matches else None

    def find(self, provider_id: str, name: str) -> ModelInfo | None:
        """Return the row that `name`, in whatever form, means at one provider (itself an id or an alias)."""
        provider = self.provider(provider_id)
        return self._at_provider.get((provider.id, name)) if provider else None

    def by_name(self, name: str) -> tuple[ModelInfo, ...]:
        """Return every row that has `name` as its bare id, alias, short name or template id, one for each provider."""
        return self._by_name.get(name, ())

    def same_family(self, model: ModelInfo) -> tuple[ModelInfo, ...]:
        """Return all rows that serve the very same model, `model` itself among them."""
        return self._by_family.get(model.family, (model,)) if model.family is not None else (model,)

    def filter(  # noqa: PLR0913 one keyword for each of the documents' filters
        self,
        *,
        provider: str | None = None,
        capabilities: Iterable[str] = (),
        max_cost: Decimal | float | None = None,
        min_context_window: int | None = None,
        latency_tier: LatencyTier | None = None,
        max_latency: float | None = None,
        quality_tier: QualityTier | None = None,
        min_quality: QualityTier | None = None,
        open_source: bool | None = None,
        tags: Iterable[str] = (),
        include_deprecated: bool = True,
    ) -> list[ModelInfo]:
        """Return the rows that meet every condition, in the catalog's order.

        `provider` is an id or an alias. `max_cost` is USD per 1,000 tokens and bounds the mean of input and output
        price; a row whose price is unknown never meets it. `max_latency` is milliseconds and bounds what the row's tier
        counts as. `latency_tier` and `quality_tier` must be equal, `min_quality` admits its tier and better ones.
        Capabilities may be written with underscores; a row needs all of them, and all of `tags`.
        """
        conditions: list[Condition] = []
        if provider is not None:
            at = self.provider(provider)
            conditions.append(lambda model: at is not None and model.provider == at.id)
        if wanted := frozenset(capability_name(name) for name in capabilities):
            conditions.append(lambda model: wanted <= model.capabilities)
        if marks := frozenset(tags):
            conditions.append(lambda model: marks <= model.tags)
        if open_source is not None:
            conditions.append(lambda model: model.open_source == open_source)
        if not include_deprecated:
            conditions.append(lambda model: not model.deprecated)
        conditions += _bounds(max_cost, min_context_window, max_latency)
        conditions += _tiers(latency_tier, quality_tier, min_quality)
        return [model for model in self.models.values() if all(condition(model) for condition in conditions)]

    def successor(self, model: ModelInfo, day: datetime.date) -> ModelInfo:
        """Return the model itself, or where it no longer answers on `day` the one that replaces it, if one is named."""
        for _ in range(len(self._models)):  # rows may name each other
            following = self.find(model.provider, model.replaced_by) if model.replaced_by else None
            if following is None or not model.is_retired(day):
                break
            model = following
        return model

    def near(self, name: str, limit: int = 3) -> list[str]:
        """Return the full ids nearest to a name that fits nothing, nearest first, for an error message."""
        home = self.provider_by_prefix(name.lower().rpartition("/")[2])
        names = {
            model.full_id: (model.full_id, model.id, *model.aliases, *model.short_names, *model.template_ids)
            for model in self.models.values()
        }
        first = f"{home.id}/" if home else ""
        return similarity.nearest(name, names, limit=limit, prefer=first)

    def overlay(self, providers: Sequence[Provider] = (), models: Sequence[ModelInfo] = ()) -> "Catalog":
        """Return a new catalog with these rows added, each in the place of the row with its id where there is one.

        Raises `CatalogError` for a model whose provider neither catalog nor overlay has.
        """
        merged_providers = {**self.providers, **{provider.id: provider for provider in providers}}
        merged_models = {**self.models, **{model.full_id: model for model in models}}
        return Catalog(merged_providers.values(), merged_models.values())


def _bounds(
    max_cost: Decimal | float | None, min_context_window: int | None, max_latency: float | None
) -> Iterator[Condition]:
    if max_cost is not None:
        ceiling = Decimal(str(max_cost)) * 1000
        yield lambda model: model.mean_price is not None and model.mean_price <= ceiling
    if min_context_window is not None:
        yield lambda model: (model.context_window or 0) >= min_context_window
    if max_latency is not None:
        yield lambda model: LATENCY_MS[model.latency_tier] <= max_latency


def _tiers(
    latency_tier: LatencyTier | None, quality_tier: QualityTier | None, min_quality: QualityTier | None
) -> Iterator[Condition]:
    if latency_tier is not None:
        yield lambda model: model.latency_tier == latency_tier
    if quality_tier is not None:
        yield lambda model: model.quality_tier == quality_tier
    if min_quality is not None:
        admitted = QUALITY_TIERS[: QUALITY_TIERS.index(min_quality) + 1]
        yield lambda model: model.quality_tier in admitted


def _provider_names(providers: Mapping[str, Provider]) -> dict[str, Provider]:
    names = dict(providers)
    for provider in providers.values():
        for alias in provider.aliases:
            names.setdefault(alias, provider)
    return names


def _families(models: Iterable[ModelInfo]) -> dict[str, tuple[ModelInfo, ...]]:
    families: dict[str, list[ModelInfo]] = {}
    for model in models:
        if model.family is not None:
            families.setdefault(model.family, []).append(model)
    return {family: tuple(members) for family, members in families.items()}


def _model_names(
    models: Iterable[ModelInfo],
) -> tuple[dict[tuple[str, str], ModelInfo], dict[str, tuple[ModelInfo, ...]]]:
    """Index rows by (provider, name), and by name alone; stronger kinds of name are entered first and win."""
    rows = list(models)
    at_provider: dict[tuple[str, str], ModelInfo] = {}
    kinds: tuple[Callable[[ModelInfo], tuple[str, ...]], ...] = (
        lambda model: (model.id,),
        lambda model: model.aliases,
        lambda model: model.short_names,
        lambda model: model.template_ids,
    )
    for names_of in kinds:
        for model in rows:
            for name in names_of(model):
                at_provider.setdefault((model.provider, name), model)
    by_name: dict[str, list[ModelInfo]] = {}
    for (_, name), model in at_provider.items():
        by_name.setdefault(name, []).append(model)
    return at_provider, {name: tuple(found) for name, found in by_name.items()}
