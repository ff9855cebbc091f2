"""Routes about providers that are added while the gateway runs: endpoints of OpenAI's form, for admins alone."""

import asyncio
import datetime
from collections.abc import Mapping, Sequence
from typing import Any, Final

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, structs

from wye.catalog.keys import problem_with
from wye.catalog.schema import Provider
from wye.core.errors import ConfigurationError, InvalidRequestError, RouteNotFoundError
from wye.core.secret import Secret
from wye.gateway.api.adding_forms import AddedModelForm, ProviderForm, ProviderUpdateForm
from wye.gateway.api.here import Here
from wye.gateway.api.people_views import moment
from wye.gateway.api.views import View
from wye.identity import added
from wye.identity.added import Added, AddedModel
from wye.identity.keeping import check_url
from wye.routing.names import AUTO
from wye.store import audit
from wye.store.database import now_us


class AddedModelView(View, frozen=True, kw_only=True):
    """A model of a provider that was added; prices are USD per million tokens."""

    id: str
    name: str | None
    context_window: int | None
    max_output_tokens: int | None
    input_cost_per_million: float | None
    output_cost_per_million: float | None
    capabilities: Sequence[str] | None


class AddedView(View, frozen=True, kw_only=True):
    """A provider that was added; its key is masked. `available` tells whether it is in use, `reason` why it is not."""

    id: str
    name: str
    base_url: str
    api_key: str | None
    default_model: str | None
    models: Sequence[AddedModelView]
    available: bool
    reason: str | None
    updated_at: datetime.datetime
    updated_by: str


class AddedProvidersView(View, frozen=True, kw_only=True):
    """Providers that were added."""

    providers: Sequence[AddedView]


class GoneView(View, frozen=True, kw_only=True):
    """A provider that is no more."""

    id: str
    deleted: bool


@get("/providers")
async def list_added(here: NamedDependency[Here]) -> AddedProvidersView:
    """List the providers that were added while the gateway ran."""
    async with here.database.read() as connection:
        found = await added.everything(connection)
    return AddedProvidersView(providers=[_view(here, one) for one in found.values()])


@post("/providers")
async def add_provider(here: NamedDependency[Here], data: JSONBody[ProviderForm]) -> AddedView:
    """Add a provider that speaks OpenAI's form; it answers at once, on every replica within two seconds.

    Its key is encrypted with `WYE_SECRET_KEY`. Private addresses are refused unless `[identity] private_endpoints` in
    the settings file allows them.
    """
    known = here.engine.snapshot.catalog
    if data.id == AUTO:
        raise InvalidRequestError("'auto' means something already: choose another id", code="name_taken", param="id")
    if known.provider(data.id) is not None:
        message = f"there is a provider {data.id!r} already: PATCH changes one that was added, the settings file others"
        raise InvalidRequestError(message, code="provider_exists", param="id")
    made = Added(
        id=data.id,
        name=data.name or data.id,
        base_url=data.base_url,
        default_model=data.default_model,
        models=_models(data.models),
    )
    return await _put(here, None, _with_key(here, made, data.api_key))


@patch("/providers/{provider_id:str}")
async def change_provider(
    here: NamedDependency[Here], provider_id: FromPath[str], data: JSONBody[ProviderUpdateForm]
) -> AddedView:
    """Change a provider that was added; another `baseUrl` drops its key, so that it goes nowhere else."""
    before = await _found(here, provider_id)
    said: dict[str, Any] = {
        name: value for name in ("base_url", "name", "default_model") if (value := getattr(data, name)) is not UNSET
    }
    if data.models is not UNSET:
        said["models"] = _models(data.models)
    after = structs.replace(before, **said)
    if after.base_url != before.base_url:
        after = structs.replace(after, api_key=None, masked=None)
    if data.api_key is not UNSET:
        after = _with_key(here, after, data.api_key)
    return await _put(here, before, after)


@delete("/providers/{provider_id:str}", status_code=200)
async def remove_provider(here: NamedDependency[Here], provider_id: FromPath[str]) -> GoneView:
    """Forget a provider that was added, its key, and what was set of it at run time."""
    before = await _found(here, provider_id)
    async with here.database.read() as connection:
        others = await added.everything(connection)
    del others[before.id]
    prefixes = (f"providers.{before.id}.", f"models.{before.id}/")
    runtime = {key: value for key, value in here.reloader.source.runtime.items() if not key.startswith(prefixes)}
    await _check(here, others, runtime)
    async with here.database.begin() as connection:
        await added.drop(connection, before)
        await audit.add(
            connection, here.caller, "delete", "provider", before.id, before=before.shown(), request_id=here.request.id
        )
    await here.reloader.hear_runtime_settings()
    return GoneView(id=before.id, deleted=True)


async def _found(here: Here, provider_id: str) -> Added:
    async with here.database.read() as connection:
        found = (await added.everything(connection)).get(provider_id)
    if found is None:
        message = f"no provider {provider_id[:80]!r} was added here; GET providers lists those that were"
        raise RouteNotFoundError(message, code="provider_not_found", param="id")
    return found


async def _put(here: Here, before: Added | None, after: Added) -> AddedView:
    check_url(after.base_url, private=here.engine.snapshot.settings.identity.private_endpoints)
    async with here.database.read() as connection:
        others = await added.everything(connection)
    if before is None and len(others) >= added.MOST:
        raise InvalidRequestError(f"{added.MOST} providers were added already: delete one first", code="too_many")
    await _check(here, {**others, after.id: after}, here.reloader.source.runtime)
    async with here.database.begin() as connection:
        await added.put(connection, after, by=here.caller.user)
        await audit.add(
            connection,
            here.caller,
            "create" if before is None else "update",
            "provider",
            after.id,
            before=before and before.shown(),
            after=after.shown(),
            request_id=here.request.id,
        )
    await here.reloader.hear_runtime_settings()
    return _view(here, structs.replace(after, updated_at=now_us(), updated_by=here.caller.user))


async def _check(here: Here, providers: Mapping[str, Added], runtime: Mapping[str, Any]) -> None:
    """Refuse what could not work before anybody has it."""
    tables, _ = added.tables_of(providers, here.vault)
    try:
        here.engine.check(await asyncio.to_thread(here.reloader.source.read, runtime, tables))
    except ConfigurationError as error:
        raise InvalidRequestError(error.message, code="invalid_setting", param=error.param) from None


def _with_key(here: Here, provider: Added, key: str | None) -> Added:
    if key is None:
        return provider.with_key(None, here.vault)
    looked_at = Provider(id=provider.id, name=provider.name, adapter=added.ADAPTER)
    problem = problem_with(key, looked_at, own_host=False)
    if key.startswith("env:"):
        problem = "must be the key itself: variables of the environment are named in the settings file only"
    if problem is not None:
        raise InvalidRequestError(f"'apiKey' {problem}", code="invalid_value", param="apiKey")
    return provider.with_key(Secret(key), here.vault)


def _models(forms: Sequence[AddedModelForm]) -> tuple[AddedModel, ...]:
    found: dict[str, AddedModel] = {}
    for form in forms:
        if form.id in found:
            message = f"the model {form.id!r} is there twice"
            raise InvalidRequestError(message, code="invalid_value", param="models")
        values = {name: getattr(form, name) for name in form.__struct_fields__}
        capabilities = None if form.capabilities is None else tuple(form.capabilities)
        found[form.id] = AddedModel(**{**values, "capabilities": capabilities})
    return tuple(found.values())


def _view(here: Here, one: Added) -> AddedView:
    can = here.engine.snapshot.availability
    available = one.id in can.configured
    return AddedView(
        id=one.id,
        name=one.name,
        base_url=one.base_url,
        api_key=one.masked,
        default_model=one.default_model,
        models=[AddedModelView(**structs.asdict(model)) for model in one.models],
        available=available,
        reason=None if available else can.missing.get(one.id, "its key cannot be opened: see the log"),
        updated_at=moment(one.updated_at),
        updated_by=one.updated_by,
    )


HANDLERS: Final = (list_added, add_provider, change_provider, remove_provider)
