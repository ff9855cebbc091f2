"""From a model's name to the places that may answer for it, each with its reason, and those that may not.

Names are tried in this order: an alias of the configuration that is no model's name, `auto`, `provider/model`,
`provider:model` with a known provider, a bare catalog id, alias, short name or template id, and last a bare unknown
name with a prefix that one provider's models share. A named model is only ever answered by that model. Some bare ids
begin with a provider's name (`openai/gpt-oss-20b`, which OpenAI does not serve): where the provider so named has no
such model, those that have the whole name come after it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct, structs

from wye.catalog import Catalog
from wye.catalog.schema import Capability, ModelInfo, Provider
from wye.core.operations import NAMES
from wye.core.plan import Attempt, Dropped
from wye.core.request import Operation
from wye.routing.config import RoutingConfig
from wye.routing.strategies import AUTO_NAMES

AUTO = "auto"

_ABILITY: Mapping[Operation, Capability] = {
    "completions": "completions",
    "embeddings": "embeddings",
    "rerank": "rerank",
    "image_generation": "image-generation",
    "image_edit": "image-generation",
    "transcription": "transcription",
    "translation": "transcription",
    "speech": "speech",
    "moderation": "moderation",
}
"""What a model must be able to do for each operation but chat."""
INTERCHANGEABLE: frozenset[Operation] = frozenset(
    {"image_generation", "image_edit", "transcription", "translation", "speech", "moderation"}
)
"""Operations that `auto` may give to any model that can. Embeddings of two models cannot be compared with another."""

CHATTING: frozenset[Operation] = frozenset({"chat", "completions", "count_tokens"})
"""What every model does that takes text and gives text."""


def is_able(model: ModelInfo, operation: Operation) -> bool:
    """Tell whether a model can do `operation`; one that is for something else alone cannot chat."""
    needed = _ABILITY.get(operation)
    if needed in model.capabilities:
        return True
    chats = "text" in model.capabilities or model.capabilities.isdisjoint(_ABILITY.values())
    return chats and operation in CHATTING


class Availability(Struct, frozen=True):
    """Which providers can be asked: `configured` ones by any name, `on_request` ones where they are named.

    `missing` says, for the others, what would have to be set; `bad_keys` what is wrong with the keys of those that have
    no other. `wires` are the wire formats this version speaks.
    """

    configured: frozenset[str]
    on_request: frozenset[str] = frozenset()
    missing: Mapping[str, str] = {}
    wires: frozenset[str] = frozenset()
    bad_keys: Mapping[str, str] = {}


class Names:
    """What every name means in one snapshot of catalog, configuration and availability."""

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
        self._weights = {
            provider.id: weight for name, weight in self._config.weights.items() if (provider := catalog.provider(name))
        }

    @property
    def rank(self) -> Mapping[str, int]:
        """The place of each provider in the fallback order, by its id."""
        return self._rank

    def near(self, name: str) -> list[str]:
        """Return names that are like one that fits nothing."""
        return self._catalog.near(name)

    def able_ones(self, operation: Operation) -> list[str]:
        """Return the models that can do `operation`, those of providers in use if there are any."""
        able = [row.full_id for row in self._catalog.models.values() if is_able(row, operation)]
        return [name for name in able if name.partition("/")[0] in self._availability.configured] or able

    def targets(self, name: str) -> tuple[str, ...]:
        """Return what an alias stands for, or the name itself."""
        return tuple(self._aliases[name]) if self.is_alias(name) else (name,)

    def resolved(self, name: str) -> str:
        """Return what an alias of one name stands for in the end, or the name itself."""
        for _ in range(len(self._aliases)):
            if not self.is_alias(name) or len(self._aliases[name]) != 1:
                break
            name = self._aliases[name][0]
        return name

    def weight(self, provider: str) -> int:
        """Return how often a provider comes round, beside others that have 1."""
        return self._weights.get(provider, 1)

    def is_alias(self, name: str) -> bool:
        """Tell whether a name is an alias in force: a model's own name is none."""
        return name in self._aliases and not self._catalog.by_name(name)

    def any_able(self, operation: Operation) -> Iterator[Attempt | Dropped]:
        """Yield every configured provider's first model that can do `operation`, in the fallback order."""
        order = sorted(self._availability.configured, key=lambda one: (self._rank.get(one, len(self._rank)), one))
        rows = [row for row in self._catalog.models.values() if not row.deprecated and is_able(row, operation)]
        for provider_id in order:
            if row := next((row for row in rows if row.provider == provider_id), None):
                provider = self._catalog.providers[provider_id]
                yield self._attempt(provider, row.id, f"{provider.name} can do {NAMES[operation]}", named=False)

    def able(self, step: Attempt | Dropped, operation: Operation | None) -> Attempt | Dropped:
        """Return the step, or why its model cannot do `operation`; nothing is held against one that nobody knows."""
        if operation is None or isinstance(step, Dropped):
            return step
        row = self._catalog.models.get(step.full_id)
        if row is None or is_able(row, operation):
            return step
        reason = f"{row.full_id} cannot do {NAMES[operation]}"
        return Dropped(provider=step.provider, model=step.model, code="lacks_ability", reason=reason)

    def fallbacks(self, name: str, attempts: Iterable[Attempt]) -> Iterator[Attempt | Dropped]:
        """Yield what `[routing] fallbacks` lets answer in the place of a name, or of the models it leads to."""
        for key in dict.fromkeys((name, *(attempt.full_id for attempt in attempts))):
            for target in self._config.fallbacks.get(key, ()):
                for step in self.candidates(target, frozenset({name})):
                    reason = f"[routing] fallbacks lets it answer for {key!r}"
                    yield structs.replace(step, reason=reason) if isinstance(step, Attempt) else step

    def pool(self, operation: Operation) -> tuple[dict[str, ModelInfo], list[Dropped]]:
        """Return the models that may be chosen for `operation` by their full ids, and the providers that have none."""
        can = self._availability
        real = any(not self._is_stand_in(provider) for provider in (*can.configured, *can.bad_keys))
        dropped = [
            _drop(self._catalog.providers[name], "", "stand_in", "stands in only while nothing else is configured")
            for name in sorted(can.configured)
            if real and self._is_stand_in(name)
        ]
        left_out = {drop.provider for drop in dropped}
        rows = {
            full_id: row
            for full_id, row in self._catalog.models.items()
            if row.provider in can.configured and row.provider not in left_out and is_able(row, operation)
            if row.adapter is None or row.adapter in can.wires
        }
        dropped += [
            _drop(provider, "", "bad_key", can.bad_keys[provider.id])
            if provider.id in can.bad_keys
            else _drop(provider, "", "not_configured", can.missing.get(provider.id, "it is not configured"))
            for provider in self._catalog.providers.values()
            if provider.id not in can.configured
        ]
        return rows, dropped

    def candidates(self, name: str, within: frozenset[str]) -> Iterator[Attempt | Dropped]:
        """Yield what may answer to a name, in order; `within` are the aliases that led to it."""
        if name not in within and self.is_alias(name):
            for target in self._aliases[name]:
                yield from self.candidates(target, within | {name})
        elif name == AUTO or name in AUTO_NAMES:
            yield from self.defaults()
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

    def says_provider(self, name: str) -> bool:
        """Tell whether a name begins with a provider's."""
        return self._at_named_provider(name) is not None

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

    def defaults(self) -> Iterator[Attempt | Dropped]:
        """Yield every configured provider's default model, in the fallback order; the mock stands in for nobody."""
        can = self._availability
        real = [provider for provider in (*can.configured, *can.bad_keys) if not self._is_stand_in(provider)]
        first = self._catalog.provider(self._config.default_provider or "")
        chosen = {first.id} if first is not None and first.served_by is not None else set()
        order = sorted(
            chosen.union(can.configured, can.bad_keys), key=lambda one: (self._rank.get(one, len(self._rank)), one)
        )
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
        if provider.id in can.bad_keys:
            return _drop(provider, model, "bad_key", can.bad_keys[provider.id])
        why_not = can.missing.get(provider.id, "it is not configured")
        return self._through_another(provider, row, model, reason) or _drop(provider, model, "not_configured", why_not)

    def _through_another(self, provider: Provider, row: ModelInfo | None, model: str, reason: str) -> Attempt | None:
        """Return the attempt at a configured provider that serves this one's models too, if there is one."""
        way = provider.served_by
        other = self._catalog.provider(way.provider) if way else None
        if way is None or other is None or other.id not in self._availability.configured:
            return None
        same = [each for each in self._catalog.same_family(row) if each.provider == other.id] if row else []
        there = same[0].id if same else way.prefix + ((row.family if row else None) or model)
        why_not = self._availability.missing.get(provider.id, "it is not configured")
        why = f"{reason}; {other.name} serves it too, and {provider.name} is not in use: {why_not}"
        return Attempt(provider=other.id, model=there, reason=why)


def _drop(provider: Provider, model: str, code: str, reason: str) -> Dropped:
    return Dropped(provider=provider.id, model=model, code=code, reason=reason)
