"""From a model's name to a plan: pure, so that `explain` shows exactly what a request would do.

Names are tried in this order: an alias of the configuration that is no model's name, `auto`, `provider/model`,
`provider:model` with a known provider, a bare catalog id, alias, short name or template id, and last a bare unknown
name with a prefix that one provider's models share. A named model is only ever answered by that model. Some bare ids
begin with a provider's name (`openai/gpt-oss-20b`, which OpenAI does not serve): where the provider so named has no
such model, those that have the whole name come after it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from wye.catalog import Catalog
from wye.catalog.schema import ModelInfo, Provider
from wye.core.errors import ModelNotFoundError
from wye.core.plan import Attempt, Dropped, Plan
from wye.routing.config import RoutingConfig

AUTO = "auto"


class Availability(Struct, frozen=True):
    """Which providers can be asked: `configured` ones by any name, `on_request` ones where they are named.

    `missing` says, for the others, what would have to be set. `wires` are the wire formats this version speaks.
    """

    configured: frozenset[str]
    on_request: frozenset[str] = frozenset()
    missing: Mapping[str, str] = {}
    wires: frozenset[str] = frozenset()


class Planner:
    """Plans over one snapshot of catalog, configuration and availability."""

    def __init__(
        self,
        catalog: Catalog,
        availability: Availability,
        config: RoutingConfig | None = None,
        aliases: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Keep the snapshot; `aliases` maps a name to the names tried in its place, in order."""
        self._catalog = catalog
        self._availability = availability
        self._config = config or RoutingConfig()
        self._aliases = aliases or {}
        order = (self._config.default_provider, *self._config.fallback_order)
        known = [provider.id for name in order if name and (provider := catalog.provider(name))]
        self._rank = {provider: at for at, provider in reversed(list(enumerate(known)))}
        self._default_models = {
            provider.id: model
            for name, model in self._config.default_models.items()
            if (provider := catalog.provider(name))
        }
        self._plans: dict[str, Plan] = {}

    def plan(self, name: str) -> Plan:
        """Return the plan for a model's name.

        Raises `ModelNotFoundError`, listing near names, where the name fits nothing, and saying what to configure
        where nothing that serves it is.
        """
        plan = self._plans.get(name)
        if plan is None:
            plan = self.explain(name)
            if not plan.attempts:
                raise self._not_found(plan)
            if len(self._plans) < 10_000:  # names come from callers
                self._plans[name] = plan
        return plan

    def explain(self, name: str) -> Plan:
        """Return the plan for a name, also where it holds no attempt."""
        attempts: dict[str, Attempt] = {}
        dropped: list[Dropped] = []
        for step in self._candidates(name, frozenset()):
            if isinstance(step, Dropped):
                dropped.append(step)
            else:
                attempts.setdefault(step.full_id, step)
        return Plan(requested=name, attempts=tuple(attempts.values()), dropped=tuple(dropped))

    def _candidates(self, name: str, within: frozenset[str]) -> Iterator[Attempt | Dropped]:
        if name in self._aliases and name not in within and not self._catalog.by_name(name):
            for target in self._aliases[name]:
                yield from self._candidates(target, within | {name})
        elif name == AUTO:
            yield from self._defaults()
        elif found := self._at_named_provider(name):
            provider, model = found
            yield self._attempt(provider, model, f"{name!r} names {provider.name}", named=True)
            if self._catalog.find(provider.id, model) is None:
                yield from self._serving(name)
        elif self._catalog.by_name(name):
            yield from self._serving(name)
        elif owner := self._catalog.provider_by_prefix(name):
            yield self._attempt(owner, name, f"names like {name!r} are {owner.name}'s", named=False)

    def _serving(self, name: str) -> Iterator[Attempt | Dropped]:
        """Yield every provider that has a row of this bare name."""
        rows = self._catalog.by_name(name)
        for row in self._preferred(rows):
            provider = self._catalog.providers[row.provider]
            yield self._attempt(provider, name, f"{provider.name} serves {row.id!r}", named=len(rows) == 1)

    def _at_named_provider(self, name: str) -> tuple[Provider, str] | None:
        for separator in ("/", ":"):
            first, found, rest = name.partition(separator)
            if found and rest and (provider := self._catalog.provider(first)):
                return provider, rest
        return None

    def _preferred(self, rows: Iterable[ModelInfo]) -> list[ModelInfo]:
        """Order rows of one model: the default provider, the model's own maker, the fallback order, then by name."""

        def key(row: ModelInfo) -> tuple[bool, bool, int, str]:
            owner = self._catalog.provider_by_prefix(row.id)
            rank = self._rank.get(row.provider, len(self._rank))
            is_default = rank == 0 and self._config.default_provider is not None
            return (not is_default, owner is None or owner.id != row.provider, rank, row.provider)

        return sorted(rows, key=key)

    def _defaults(self) -> Iterator[Attempt | Dropped]:
        """Yield every configured provider's default model, in the fallback order; the mock stands in for nobody."""
        real = [provider for provider in self._availability.configured if not self._is_stand_in(provider)]
        order = sorted(self._availability.configured, key=lambda one: (self._rank.get(one, len(self._rank)), one))
        for provider_id in order:
            provider = self._catalog.providers[provider_id]
            model = self._default_models.get(provider_id) or provider.default_model
            if real and self._is_stand_in(provider_id) and self._config.default_provider != provider_id:
                yield _drop(provider, model or "", "stand_in", "stands in only while nothing else is configured")
            elif model is None:
                yield _drop(provider, "", "no_default_model", f"[routing] default_models names none for {provider_id}")
            else:
                yield self._attempt(provider, model, f"{provider.name} is next in the fallback order", named=False)

    def _is_stand_in(self, provider_id: str) -> bool:
        return self._catalog.providers[provider_id].stand_in

    def _attempt(self, provider: Provider, name: str, reason: str, *, named: bool) -> Attempt | Dropped:
        row = self._catalog.find(provider.id, name)
        model = row.id if row else name
        can = self._availability
        if row is not None and row.adapter is not None and row.adapter not in can.wires:
            return _drop(provider, model, "wire_unknown", f"its wire format {row.adapter!r} is not in this version")
        if provider.id in can.configured or (named and provider.id in can.on_request):
            alias = name if row and name in row.aliases else None
            return Attempt(provider=provider.id, model=model, reason=reason, alias=alias)
        return _drop(provider, model, "not_configured", can.missing.get(provider.id, "it is not configured"))

    def _not_found(self, plan: Plan) -> ModelNotFoundError:
        if plan.dropped:
            reasons = "; ".join(f"{drop.provider}: {drop.reason}" for drop in plan.dropped[:3])
            return ModelNotFoundError(f"no provider in use serves {plan.requested!r} ({reasons})", param="model")
        near = ", ".join(self._catalog.near(plan.requested)) or "GET /v1/models lists them"
        return ModelNotFoundError(f"there is no model {plan.requested!r}; near names: {near}", param="model")


def _drop(provider: Provider, model: str, code: str, reason: str) -> Dropped:
    return Dropped(provider=provider.id, model=model, code=code, reason=reason)
