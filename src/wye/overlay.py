"""What a user brought along, laid over the snapshot that holds for everybody: own keys of providers, own models.

An own key takes the place of the operator's at that provider, where the operator sends requests for it too. An own
model is a provider of its own, `own-<name>`, with that one model; it is asked by its name, by its id, or as
`own-<name>/<model>`. Neither is there for anybody else, and what happens to them says nothing of the operator's keys.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from msgspec import structs

from wye import snapshot
from wye.catalog import Catalog
from wye.catalog.schema import ModelInfo, Price, Provider
from wye.config import ProviderSettings
from wye.core.errors import ConfigurationError
from wye.core.secret import Secret
from wye.dispatch.factory import ModelProviderFactory
from wye.dispatch.upstream import Upstream
from wye.health import Health
from wye.health.split import SplitHealth
from wye.identity.own import CUSTOM, NOTHING, Brought, BroughtModel
from wye.snapshot import Recipe, Snapshot

_MADE_AT_MOST: Final = 256
"""Users' snapshots at a time; who asks again has another one made."""


def provider_id_of(model: BroughtModel) -> str:
    """Return the id of the provider that an own model is."""
    slug = re.sub(r"[^a-z0-9]+", "-", model.name.lower()).strip("-")[:40]
    return f"own-{slug or 'model'}-{model.id[-6:]}"


def overlaid(
    base: Snapshot,
    brought: Brought,
    catalog: Catalog,
    factory: ModelProviderFactory,
    health: Health,
    before: Snapshot | None = None,
    *,
    private: bool = False,
) -> Snapshot:
    """Return the snapshot of a user.

    `catalog` is the one without the operator's settings: what the operator sends along to its own endpoints goes to
    nobody else's. Connections of the one `before` are taken over where nothing has changed. `private` lets own models
    be at private addresses. What cannot be used is left out.
    """
    recipes: dict[str, Recipe] = {}
    rows: list[ModelInfo] = []
    aliases: dict[str, tuple[str, ...]] = {}
    for provider, key in brought.keys.items():
        if (recipe := _of_key(base, catalog, provider, key)) is not None:
            recipes[provider] = recipe
    for model in brought.models:
        made = _of_model(base, catalog, model, brought.keys, private=private)
        if made is not None:
            recipe, row = made
            recipes[recipe.row.id] = recipe
            rows.append(row)
            aliases |= dict.fromkeys((model.id, model.name), (row.full_id,))
    whole = base.catalog.overlay([recipe.row for recipe in recipes.values()], rows)
    upstreams: dict[str, Upstream] = {}
    for name, recipe in list(recipes.items()):
        try:
            if before is not None and before.recipes.get(name) == recipe:
                recipes[name] = before.recipes[name]
                upstreams[name] = before.upstreams[name].knowing(whole.models)
            else:
                upstreams[name] = snapshot.upstream_of(recipe.row, recipe.said, whole, factory, recipe.keys)
        except ConfigurationError:
            del recipes[name]
    own, can = frozenset(upstreams), base.availability
    availability = structs.replace(
        can,
        configured=can.configured | own,
        on_request=can.on_request - own,
        bad_keys={name: why for name, why in can.bad_keys.items() if name not in own},
    )
    settings = structs.replace(base.settings, aliases={**base.settings.aliases, **aliases})
    listed = {name: there for name, there in base.listed.items() if name not in own}
    made_of = snapshot.compose(
        settings, whole, availability, {**base.upstreams, **upstreams}, {**base.recipes, **recipes}, listed
    )
    split = SplitHealth(health, own)
    used = snapshot.keys_in_use(made_of)
    split.configure({name: used[name] for name in own}, whole.models, settings.breaker)
    return structs.replace(made_of, own=own, health=split, problems=base.problems)


def left_behind(before: Snapshot, after: Snapshot | None) -> list[Upstream]:
    """Return the upstreams of a user's snapshot whose connections the one `after` does not use any more."""
    kept = after.recipes if after is not None else {}
    return [before.upstreams[name] for name in before.own if kept.get(name) is not before.recipes[name]]


def _of_key(base: Snapshot, catalog: Catalog, provider: str, key: Secret) -> Recipe | None:
    """Return how a provider is called with a user's own key: as by the operator, without what that sends along."""
    row, plain, said = (
        base.catalog.provider(provider),
        catalog.provider(provider),
        base.settings.providers.get(provider),
    )
    if row is None or plain is None or (said is not None and not said.enabled):
        return None
    said = said or ProviderSettings()
    said = structs.replace(said, api_keys=(key,), headers={}, credentials={})
    return Recipe(structs.replace(row, headers=plain.headers), said, (key,))


def _of_model(
    base: Snapshot, catalog: Catalog, model: BroughtModel, keys: Mapping[str, Secret], *, private: bool
) -> tuple[Recipe, ModelInfo] | None:
    plain = catalog.provider(model.provider)
    if plain is None:
        if model.provider != CUSTOM:
            return None
        plain = Provider(id=CUSTOM, name="custom", adapter="openai_chat", key_optional=True)
    operators = base.catalog.provider(plain.id)
    said = base.settings.providers.get(plain.id)
    if said is not None and not said.enabled:
        return None
    own_url = model.base_url
    if own_url is not None:
        said = ProviderSettings(base_url=own_url, allow_private_network=private)
        row = structs.replace(plain, base_url=own_url, local=False)
    else:
        said = structs.replace(said or ProviderSettings(), headers={}, credentials={})
        row = structs.replace(operators or plain, headers=plain.headers)
    key = model.key or keys.get(plain.id)
    if key is None and not row.key_optional and row.auth != "none":
        return None  # the operator's own key is not lent to what a user made up
    named = provider_id_of(model)
    said = structs.replace(
        said,
        api_keys=(key,) if key else (),
        default_model=None,
        temperature=model.temperature if model.temperature is not None else said.temperature,
        max_tokens=model.max_tokens or said.max_tokens,
    )
    known = base.catalog.find(plain.id, model.model_id)
    info = structs.replace(
        known or ModelInfo(id=model.model_id, provider=plain.id),
        id=model.model_id,
        upstream_id=known.wire_id if known is not None else model.model_id,
        provider=named,
        name=model.name,
        aliases=(),
        short_names=(),
        template_ids=(),
        family=None,
    )
    if model.context_window is not None:
        info = structs.replace(info, context_window=model.context_window)
    if model.input_cost_per_million is not None and model.output_cost_per_million is not None:
        price = Price(
            input=model.input_cost_per_million, output=model.output_cost_per_million, source="the user's own word"
        )
        info = structs.replace(info, price=price)
    row = structs.replace(
        row, id=named, name=model.name, aliases=(), default_model=model.model_id, served_by=None, model_prefixes=()
    )
    return Recipe(row, said, (key,) if key else ()), info


class Overlays:
    """What users brought along, and the snapshots of those who asked for something lately."""

    def __init__(self, catalog: Catalog, factory: ModelProviderFactory, health: Health) -> None:
        """Begin with nobody."""
        self._catalog = catalog
        self._factory = factory
        self._health = health
        self._brought: dict[str, Brought] = {}
        self._made: dict[str, tuple[Snapshot | None, Snapshot]] = {}
        self.dropped: Callable[[Sequence[Upstream]], None] = lambda _: None
        """Told which connections are not used any more."""

    def seen(self, user: str, base: Snapshot) -> Snapshot:
        """Return a user's snapshot over `base`, which is `base` itself where the user brought nothing along."""
        brought = self._brought.get(user)
        if brought is None:
            return base
        found = self._made.get(user)
        if found is not None and found[0] is base:
            return found[1]
        before = found[1] if found is not None else None
        private = base.settings.identity.private_endpoints
        made = overlaid(base, brought, self._catalog, self._factory, self._health, before, private=private)
        self._made[user] = (base, made)
        if before is not None:
            self.dropped(left_behind(before, made))
        if len(self._made) > _MADE_AT_MOST:
            name = next(iter(self._made))
            _, gone = self._made.pop(name)
            self.dropped(left_behind(gone, None))
        return made

    def bring(self, user: str, brought: Brought) -> None:
        """Let a user have this from now on."""
        if self._brought.get(user, NOTHING) == brought:
            return
        if brought:
            self._brought[user] = brought
            if (found := self._made.get(user)) is not None:
                self._made[user] = (None, found[1])
            return
        del self._brought[user]
        if (found := self._made.pop(user, None)) is not None:
            self.dropped(left_behind(found[1], None))

    async def aclose(self) -> None:
        """Close all connections of users' own."""
        for _, made in self._made.values():
            for upstream in left_behind(made, None):
                await upstream.aclose()
