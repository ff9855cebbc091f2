"""Everything a request needs to know, built from settings and catalog into one immutable value."""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct, structs

from wye import adapters
from wye.catalog import Catalog, capability_name
from wye.catalog.addressing import addressed
from wye.catalog.schema import Capability, ModelInfo, Provider
from wye.config import ModelSettings, ProviderSettings, Settings
from wye.core.errors import ConfigurationError
from wye.dispatch.factory import ModelProviderFactory
from wye.dispatch.in_process import BaseModelProvider, InProcessUpstream, ModelCapabilities
from wye.dispatch.upstream import Upstream
from wye.routing.planner import Availability, Planner
from wye.transport import Timeouts


class Snapshot(Struct, frozen=True, kw_only=True):
    """Swapped whole when something changes; a request keeps the one it began with."""

    settings: Settings
    catalog: Catalog
    availability: Availability
    planner: Planner
    upstreams: Mapping[str, Upstream]


def build(settings: Settings, catalog: Catalog, factory: ModelProviderFactory) -> Snapshot:
    """Compose a snapshot. Raises `ConfigurationError` where the settings cannot work."""
    catalog = _overlaid(settings, catalog)
    upstreams: dict[str, Upstream] = {}
    configured: set[str] = set()
    on_request: set[str] = set()
    missing: dict[str, str] = {}
    for row in catalog.providers.values():
        said = settings.providers.get(row.id)
        if reason := _unusable(row, said):
            missing[row.id] = reason
            continue
        try:
            upstreams[row.id] = _upstream(row, said, catalog, factory)
        except ConfigurationError as error:
            if error.param != "adapter" or (said is not None and said.adapter is not None):
                raise ConfigurationError(f"[providers.{row.id}] {error.message}", param=error.param) from None
            missing[row.id] = error.message
            continue
        (configured if said is not None else on_request).add(row.id)
    availability = Availability(frozenset(configured), frozenset(on_request), missing, adapters.built_in())
    return _compose(settings, catalog, availability, upstreams)


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
    return _compose(snapshot.settings, catalog, availability, upstreams)


def _capabilities(can: ModelCapabilities) -> frozenset[Capability]:
    names: list[tuple[Capability, bool]] = [
        ("text", True),
        ("streaming", can.streaming),
        ("function-calling", can.function_calling),
        ("vision", can.vision),
    ]
    return frozenset(name for name, has in names if has)


def _compose(
    settings: Settings, catalog: Catalog, availability: Availability, upstreams: Mapping[str, Upstream]
) -> Snapshot:
    return Snapshot(
        settings=settings,
        catalog=catalog,
        availability=availability,
        planner=Planner(catalog, availability, settings.routing, settings.aliases),
        upstreams=upstreams,
    )


def _unusable(row: Provider, said: ProviderSettings | None) -> str | None:
    """Say what is missing before a provider can be asked, `None` where nothing is."""
    if said is not None and not said.enabled:
        return "it is disabled in the configuration"
    if said is None and not row.local:
        needed = " or ".join(row.key_env or row.base_url_env or row.enabled_by)
        return f"set {needed}" if needed else f"add [providers.{row.id}] to the configuration"
    if said is not None and not said.api_keys and row.key_env and not row.key_optional:
        return f"set {' or '.join(row.key_env)}"
    if not row.base_url and row.adapter not in ModelProviderFactory.registered():
        return f"set {' or '.join(row.base_url_env) or 'base_url'}"
    return None


def _upstream(
    row: Provider, said: ProviderSettings | None, catalog: Catalog, factory: ModelProviderFactory
) -> Upstream:
    said = said or ProviderSettings()
    return factory.build(
        row,
        models=catalog.models,
        keys=said.api_keys,
        timeouts=Timeouts(connect=said.connect_timeout, read=said.timeout),
        guarded=said.base_url is not None and not said.allow_private_network and not row.local,
    )


def _overlaid(settings: Settings, catalog: Catalog) -> Catalog:
    """Return the catalog with what the operator says of providers and models laid over it."""
    providers = [_provider_row(name, said, catalog) for name, said in settings.providers.items()]
    with_providers = catalog.overlay(providers)
    return with_providers.overlay(models=[_model_row(name, said, catalog) for name, said in settings.models.items()])


def _provider_row(name: str, said: ProviderSettings, catalog: Catalog) -> Provider:
    row = catalog.provider(name) or Provider(id=name, name=said.name or name, adapter="openai_chat", key_optional=True)
    row = structs.replace(
        row,
        name=said.name or row.name,
        adapter=said.adapter or row.adapter,
        also_speaks=_also_spoken(row, said),
        base_url=said.base_url or row.base_url,
        default_model=said.default_model or row.default_model,
        headers={**row.headers, **{name: value.reveal() for name, value in said.headers.items()}},
        query={**row.query, **said.query},
    )
    return addressed(row, said.base_url)


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
    plain = {field: value for field in _TAKEN_OVER if (value := getattr(said, field)) is not None}
    prices = {
        field: value
        for field in ("input", "output", "cache_read", "cache_write")
        if (value := getattr(said, f"{field}_cost_per_million")) is not None
    }
    if prices:
        plain["price"] = structs.replace(row.price, **prices, tiers=(), windows=(), source="configuration")
    if said.capabilities is not None:
        plain["capabilities"] = frozenset(capability_name(name) for name in said.capabilities)
    return structs.replace(row, **plain)
