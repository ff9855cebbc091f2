"""Everything a request needs to know, built from settings and catalog into one immutable value."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct, structs

from wye import adapters
from wye.catalog import Catalog, capability_name
from wye.catalog.addressing import addressed, placed
from wye.catalog.keys import problem_with
from wye.catalog.schema import Capability, ModelInfo, Provider, ServiceTier
from wye.config import ModelSettings, ProviderSettings, Settings
from wye.core.errors import ConfigurationError
from wye.core.refresh import Refreshed
from wye.core.secret import Secret
from wye.dispatch.defaults import NO_DEFAULTS, Defaults
from wye.dispatch.factory import ModelProviderFactory
from wye.dispatch.in_process import BaseModelProvider, InProcessUpstream, ModelCapabilities
from wye.dispatch.upstream import Upstream
from wye.health import Health, ProviderKeys
from wye.routing.names import Availability
from wye.routing.planner import Planner
from wye.transport import Timeouts
from wye.transport.credentials import Credentials
from wye.transport.sign_in import credentials_for


class Recipe(Struct, frozen=True):
    """What an upstream is made of; one of equal parts can take its place."""

    row: Provider
    said: ProviderSettings | None
    keys: tuple[Secret, ...]
    made_by: object = None

    def is_another_key_of(self, other: "Recipe") -> bool:
        """Tell whether the keys, at most, are others: what is known of the place itself still holds."""
        return self.without_keys() == other.without_keys()

    def without_keys(self) -> "Recipe":
        """Return what tells one place from another."""
        said = structs.replace(self.said, api_keys=()) if self.said is not None else None
        return structs.replace(self, said=said, keys=())


class Snapshot(Struct, frozen=True, kw_only=True):
    """Swapped whole when something changes; a request keeps the one it began with.

    `listed` holds, by provider, the full ids of the models it said it has, for those that were asked. `problems` are
    keys that cannot be right; a provider that has no other is not used. `recipes` are what the upstreams were made of:
    where two snapshots, one made from the other, hold equal ones, they share its connections. In the snapshot of one
    user (see `wye.overlay`) `own` are the providers that are called with its keys, whose `health` is kept apart.
    """

    settings: Settings
    catalog: Catalog
    availability: Availability
    planner: Planner
    upstreams: Mapping[str, Upstream]
    recipes: Mapping[str, "Recipe"] = {}
    listed: Mapping[str, frozenset[str]] = {}
    problems: tuple[str, ...] = ()
    own: frozenset[str] = frozenset()
    health: Health | None = None

    def is_available(self, model: ModelInfo) -> bool:
        """Tell whether a model can be asked: its provider is in use and, if it was asked, lists it."""
        listed = self.listed.get(model.provider)
        return model.provider in self.availability.configured and (listed is None or model.full_id in listed)


def build(
    settings: Settings, catalog: Catalog, factory: ModelProviderFactory, before: Snapshot | None = None
) -> Snapshot:
    """Compose a snapshot; upstreams that would be made of the same are taken over from the one `before`.

    Raises `ConfigurationError` where the settings cannot work.
    """
    catalog = _overlaid(settings, catalog)
    settings = _led(settings, catalog)
    upstreams: dict[str, Upstream] = {}
    recipes: dict[str, Recipe] = {}
    configured: set[str] = set()
    on_request: set[str] = set()
    missing: dict[str, str] = {}
    bad_keys: dict[str, str] = {}
    problems: list[str] = []
    for row in catalog.providers.values():
        said = settings.providers.get(row.id)
        if reason := _unusable(row, said):
            missing[row.id] = reason
            continue
        keys, wrong = _checked_keys(row, said, settings, catalog)
        recipe = Recipe(row, said, keys, factory.registered().get(row.adapter))
        try:
            if before is not None and before.recipes.get(row.id) == recipe:
                recipe = before.recipes[row.id]
                upstreams[row.id] = before.upstreams[row.id].knowing(catalog.models)
            else:
                upstreams[row.id] = upstream_of(row, said, catalog, factory, keys)
        except ConfigurationError as error:
            known_lack = error.param == "extra" or (error.param == "adapter" and not (said and said.adapter))
            if not known_lack:
                raise ConfigurationError(f"[providers.{row.id}] {error.message}", param=error.param) from None
            missing[row.id] = error.message
            continue
        problems += wrong
        if wrong and not keys:
            bad_keys[row.id] = missing[row.id] = wrong[0]
            del upstreams[row.id]
            continue
        recipes[row.id] = recipe
        (configured if said is not None else on_request).add(row.id)
    availability = Availability(frozenset(configured), frozenset(on_request), missing, adapters.built_in(), bad_keys)
    return structs.replace(compose(settings, catalog, availability, upstreams, recipes), problems=tuple(problems))


def with_provider(
    snapshot: Snapshot, provider_id: str, provider: BaseModelProvider, models: Sequence[ModelInfo] = ()
) -> Snapshot:
    """Return a snapshot in which a Python object answers for `provider_id`.

    Its models are `models`, or a row each of its `capabilities().supported_models`.
    """
    can = provider.capabilities()
    rows = [structs.replace(model, provider=provider_id) for model in models] or [
        ModelInfo(
            id=name,
            provider=provider_id,
            context_window=can.context_window,
            max_output_tokens=can.max_tokens,
            capabilities=_capabilities(can),
        )
        for name in can.supported_models
    ]
    row = Provider(
        id=provider_id,
        name=provider_id,
        adapter="python",
        auth="none",
        default_model=rows[0].id if rows else None,
    )
    catalog = snapshot.catalog.overlay([row], rows)
    known = snapshot.availability
    availability = structs.replace(
        known, configured=known.configured | {provider_id}, on_request=known.on_request - {provider_id}
    )
    upstreams = {**snapshot.upstreams, provider_id: InProcessUpstream(provider)}
    recipes = {**snapshot.recipes, provider_id: Recipe(row, None, (), provider)}
    made = compose(snapshot.settings, catalog, availability, upstreams, recipes, snapshot.listed)
    return structs.replace(made, problems=snapshot.problems)


def with_lists(snapshot: Snapshot, lists: Mapping[str, Sequence[ModelInfo]]) -> tuple[Snapshot, dict[str, Refreshed]]:
    """Return a snapshot that knows what providers list, and a report by provider.

    Models that were not known are added; what is known stays as it is, listed or not.
    """
    reports: dict[str, Refreshed] = {}
    added: list[ModelInfo] = []
    listed = dict(snapshot.listed)
    for provider_id, said in lists.items():
        models = [structs.replace(model, provider=provider_id) for model in said]
        known = [row for row in snapshot.catalog.models.values() if row.provider == provider_id]
        by_name = {name: row for row in known for name in (row.wire_id, row.id, *row.aliases, *row.short_names)}
        names = {name for model in models for name in (model.id, *model.aliases)}
        new = [model for model in models if not any(name in by_name for name in (model.id, *model.aliases))]
        there = {row.full_id for name, row in by_name.items() if name in names}
        absent = [row for row in known if row.full_id not in there and not row.deprecated]
        added += new
        listed[provider_id] = frozenset(there.union(model.full_id for model in new))
        reports[provider_id] = Refreshed(
            provider=provider_id,
            models=len(models),
            new=tuple(model.full_id for model in new),
            missing=tuple(row.full_id for row in absent if "placeholder" not in row.tags),
        )
    catalog = snapshot.catalog.overlay(models=added)
    upstreams = {name: upstream.knowing(catalog.models) for name, upstream in snapshot.upstreams.items()}
    made = compose(snapshot.settings, catalog, snapshot.availability, upstreams, snapshot.recipes, listed)
    return structs.replace(made, problems=snapshot.problems), reports


def keys_in_use(snapshot: Snapshot) -> dict[str, ProviderKeys]:
    """Return what each provider with an upstream is called with."""
    in_process = ModelProviderFactory.registered()
    used: dict[str, ProviderKeys] = {}
    for name, recipe in snapshot.recipes.items():
        takes_keys = recipe.row.auth != "none" and recipe.row.adapter not in in_process
        said = recipe.said or ProviderSettings()
        patience = min(said.timeout, said.answer_timeout or said.timeout, snapshot.settings.routing.deadline / 2)
        used[name] = ProviderKeys(keys=recipe.keys if takes_keys else (), patience=patience)
    return used


def left_behind(before: Snapshot, after: Snapshot) -> list[Upstream]:
    """Return the upstreams whose connections the snapshot `after` does not use any more."""
    return [
        upstream for name, upstream in before.upstreams.items() if after.recipes.get(name) != before.recipes.get(name)
    ]


def _capabilities(can: ModelCapabilities) -> frozenset[Capability]:
    names: list[tuple[Capability, bool]] = [
        ("text", True),
        ("streaming", can.streaming),
        ("function-calling", can.function_calling),
        ("vision", can.vision),
    ]
    return frozenset(name for name, has in names if has)


def compose(
    settings: Settings,
    catalog: Catalog,
    availability: Availability,
    upstreams: Mapping[str, Upstream],
    recipes: Mapping[str, Recipe],
    listed: Mapping[str, frozenset[str]] | None = None,
) -> Snapshot:
    """Return a snapshot of these parts."""
    return Snapshot(
        settings=settings,
        catalog=catalog,
        availability=availability,
        planner=Planner(
            catalog,
            availability,
            settings.routing,
            settings.aliases,
            weights=settings.alias_weights,
            listed=listed,
        ),
        upstreams=upstreams,
        recipes=recipes,
        listed=listed or {},
    )


def _led(settings: Settings, known: Catalog) -> Settings:
    """Return settings in which `routing.first` goes first; they may name its provider by an alias."""
    provider, _, model = (settings.routing.first or "").partition("/")
    first = known.provider(provider)
    if first is None or not model:
        return settings
    others = {
        name: default
        for name, default in settings.routing.default_models.items()
        if (row := known.provider(name)) is None or row.id != first.id
    }
    routing = structs.replace(settings.routing, default_provider=first.id, default_models={**others, first.id: model})
    return structs.replace(settings, routing=routing)


def _unusable(row: Provider, said: ProviderSettings | None) -> str | None:
    """Say what is missing before a provider can be asked, `None` where nothing is."""
    if said is not None and not said.enabled:
        return "it is disabled in the configuration"
    if said is None and not row.local:
        keys = (*row.key_env, *row.enabled_by) if row.sign_in else row.key_env
        needed = " or ".join(keys or row.base_url_env or row.enabled_by)
        return f"set {needed}" if needed else f"add [providers.{row.id}] to the configuration"
    if said is not None and not said.api_keys and row.key_env and not (row.key_optional or _signs_in(row, said)):
        return f"set {' or '.join((*row.key_env, *(row.enabled_by if row.sign_in else ())))}"
    if not row.base_url and said is not None and row.placed_url:
        lacking = [place for name, place in row.places.items() if not (said.places.get(name) or place.default)]
        return f"set {' and '.join(' or '.join(place.env) for place in lacking)}"
    if not row.base_url and row.adapter not in ModelProviderFactory.registered():
        return f"set {' or '.join(row.base_url_env) or 'base_url'}"
    return None


def _signs_in(row: Provider, said: ProviderSettings) -> bool:
    """Tell whether the cloud's own sign-in takes the place of a key."""
    if row.sign_in is None or said.api_keys:
        return False
    return not row.sign_in.enough or not set(row.sign_in.enough).isdisjoint(said.credentials)


def _checked_keys(
    row: Provider, said: ProviderSettings | None, settings: Settings, catalog: Catalog
) -> tuple[tuple[Secret, ...], list[str]]:
    """Return the keys that may be right, and what is wrong with the others."""
    if said is None or not said.check_keys or row.auth == "none":
        return said.api_keys if said else (), []
    origin = settings.origins.get(f"providers.{row.id}.api_keys", "").removeprefix("environment ")
    where = origin if origin and not origin.startswith("file") else f"providers.{row.id}.api_keys"
    right: list[Secret] = []
    wrong: list[str] = []
    for at, key in enumerate(said.api_keys):
        own_host = said.base_url is None
        if problem := problem_with(key.reveal(), row, catalog.providers.values(), own_host=own_host):
            place = f"{where}, key {at + 1}," if len(said.api_keys) > 1 else where
            wrong.append(f"{place} {problem}; check_keys = false lets it pass")
        else:
            right.append(key)
    return tuple(right), wrong


def upstream_of(
    row: Provider,
    said: ProviderSettings | None,
    catalog: Catalog,
    factory: ModelProviderFactory,
    keys: tuple[Secret, ...],
) -> Upstream:
    """Return the upstream of a provider as its settings say. Raises `ConfigurationError`."""
    said = said or ProviderSettings()
    return factory.build(
        row,
        models=catalog.models,
        keys=keys,
        timeouts=Timeouts(connect=said.connect_timeout, read=said.timeout),
        guarded=said.base_url is not None and not said.allow_private_network and not row.local,
        credentials=_credentials(row, said),
        defaults=_defaults(said),
        largest=said.max_answer_bytes,
    )


def _defaults(said: ProviderSettings) -> Defaults:
    wanted = Defaults(temperature=said.temperature, max_tokens=said.max_tokens, stream=said.stream)
    return wanted if wanted != NO_DEFAULTS else NO_DEFAULTS


def _credentials(row: Provider, said: ProviderSettings) -> Credentials | None:
    if row.sign_in is None or not _signs_in(row, said):
        return None
    places = {name: said.places.get(name) or place.default or "" for name, place in row.places.items()}
    return credentials_for(row.sign_in, base_url=row.base_url or "", places=places, known=said.credentials)


def _overlaid(settings: Settings, catalog: Catalog) -> Catalog:
    """Return the catalog with what the operator says of providers and models laid over it."""
    providers = [_provider_row(name, said, catalog) for name, said in settings.providers.items()]
    with_providers = catalog.overlay(providers)
    with_models = with_providers.overlay(
        models=[_model_row(name, said, catalog) for name, said in settings.models.items()]
    )
    tags = {name: said.tags for name, said in settings.providers.items() if said.tags}
    return with_models.overlay(
        models=[
            structs.replace(row, tags=row.tags | tags[row.provider])
            for row in with_models.models.values()
            if row.provider in tags
        ]
    )


def _provider_row(name: str, said: ProviderSettings, catalog: Catalog) -> Provider:
    row = catalog.provider(name) or Provider(id=name, name=said.name or name, adapter="openai_chat", key_optional=True)
    row = structs.replace(
        row,
        name=said.name or row.name,
        adapter=said.adapter or row.adapter,
        also_speaks=_also_spoken(row, said),
        base_url=said.base_url or placed(row, said.places) or row.base_url,
        default_model=said.default_model or _lasting_default(row, catalog),
        headers={**row.headers, **{name: value.reveal() for name, value in said.headers.items()}},
        query={**row.query, **said.query},
    )
    return addressed(row, said.base_url)


def _lasting_default(row: Provider, catalog: Catalog) -> str | None:
    """Return the catalog's default model, or what its provider names in its place once it is switched off."""
    model = catalog.find(row.id, row.default_model) if row.default_model else None
    return catalog.successor(model, datetime.datetime.now(datetime.UTC).date()).id if model else row.default_model


_TAKEN_OVER: Final = (
    "name", "upstream_id", "adapter", "context_window", "max_output_tokens", "latency_tier", "quality_tier",
    "open_source",
)  # fmt: skip


def _also_spoken(row: Provider, said: ProviderSettings) -> tuple[str, ...]:
    if said.also_speaks is not None:
        return said.also_speaks
    return () if said.adapter else row.also_speaks  # who names the wire format means that one


def _model_row(full_id: str, said: ModelSettings, catalog: Catalog) -> ModelInfo:
    provider, _, name = full_id.partition("/")
    row = catalog.find(provider, name) or ModelInfo(id=name, provider=provider, name=name)
    plain: dict[str, Any] = {field: value for field in _TAKEN_OVER if (value := getattr(said, field)) is not None}
    prices = {
        field: value
        for field in ("input", "output", "cache_read", "cache_write")
        if (value := getattr(said, f"{field}_cost_per_million")) is not None
    }
    if prices:
        plain["price"] = structs.replace(row.price, **prices, tiers=(), windows=(), services={}, source="configuration")
    if said.service_tiers:
        price = plain.get("price", row.price)
        own = {name: ServiceTier(factor=factor, source="configuration") for name, factor in said.service_tiers.items()}
        plain["price"] = structs.replace(price, services=price.services | own)
    if said.capabilities is not None:
        named = frozenset(capability_name(name) for name in said.capabilities)
        # Every wire format streams, and who lists a model's abilities leaves that one out.
        plain["capabilities"] = named | {"streaming"} if "text" in named else named
    if said.tags:
        plain["tags"] = row.tags | said.tags
    return structs.replace(row, **plain)
