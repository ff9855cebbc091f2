"""Routes about what users bring along: models of their own under `/api/models`, and their keys of providers."""

import datetime
import time
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec
from litestar import delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import UNSET

from wye.checkup import advice_on
from wye.core.errors import WyeError
from wye.gateway.api.here import Here
from wye.gateway.api.own_forms import OwnConfig, OwnModelForm, OwnModelUpdateForm, ProviderKeyForm
from wye.gateway.api.people_views import moment
from wye.gateway.api.providers import StepView, TryView
from wye.gateway.api.views import View
from wye.identity.keeping import Keeper
from wye.store import brought as rows
from wye.surfaces import openai_chat

_LOOK: Final = {"needs": ("use", "read", "manage")}
_MANAGE: Final = {"needs": ("manage",)}


class OwnModelView(View, frozen=True, kw_only=True):
    """A model of the caller's own; of its key only a mask is shown, `null` where it has none of its own."""

    id: str
    name: str
    provider: str
    model_id: str
    base_url: str | None
    api_key: str | None
    is_enabled: bool
    config: dict[str, Any]
    created_at: datetime.datetime
    updated_at: datetime.datetime


class OwnModelsView(View, frozen=True, kw_only=True):
    """The models of the caller's own."""

    models: Sequence[OwnModelView]


class ProviderKeyView(View, frozen=True, kw_only=True):
    """A key of a provider, of the caller's own, masked."""

    provider: str
    api_key: str
    is_enabled: bool
    created_at: datetime.datetime


class ProviderKeysView(View, frozen=True, kw_only=True):
    """The caller's own keys of providers."""

    provider_keys: Sequence[ProviderKeyView]


@get("/own", opt=_LOOK)
async def list_own_models(here: NamedDependency[Here]) -> OwnModelsView:
    """List the models of the caller's own."""
    async with here.database.read() as connection:
        found = await rows.models_of(connection, here.caller.user)
    return OwnModelsView(models=[_view(row) for row in found])


@post("/", opt=_MANAGE)
async def create_own_model(here: NamedDependency[Here], data: JSONBody[OwnModelForm]) -> OwnModelView:
    """Add a model of the caller's own, which nobody else sees; its key is kept encrypted."""
    form = rows.OwnModel(
        id="",
        user_id=here.caller.user,
        name=data.name,
        provider=data.provider,
        model_id=data.model_id,
        base_url=data.base_url,
        is_enabled=data.is_enabled,
        config=_config(data.config),
        created_at=0,
        updated_at=0,
    )
    async with here.database.begin() as connection:
        made = await _keeper(here).create_model(connection, form, data.api_key)
    return await _heard(here, made)


@get("/{model_id:str}", opt=_LOOK)
async def show_own_model(here: NamedDependency[Here], model_id: FromPath[str]) -> OwnModelView:
    """Show a model of the caller's own."""
    async with here.database.read() as connection:
        return _view(await _keeper(here).model(connection, model_id))


@patch("/{model_id:str}", opt=_MANAGE)
async def update_own_model(
    here: NamedDependency[Here], model_id: FromPath[str], data: JSONBody[OwnModelUpdateForm]
) -> OwnModelView:
    """Change a model of the caller's own; a new address drops the key that was kept for the old one."""
    said = {
        name: value
        for name in ("name", "model_id", "base_url", "is_enabled")
        if (value := getattr(data, name)) is not UNSET
    }
    if not isinstance(data.config, msgspec.UnsetType):
        said["config"] = _config(data.config)
    async with here.database.begin() as connection:
        made = await _keeper(here).update_model(connection, model_id, said, data.api_key)
    return await _heard(here, made)


@delete("/{model_id:str}", opt=_MANAGE)
async def delete_own_model(here: NamedDependency[Here], model_id: FromPath[str]) -> None:
    """Forget a model of the caller's own, and its key."""
    async with here.database.begin() as connection:
        await _keeper(here).delete_model(connection, model_id)
    await here.settle()


@post("/{model_id:str}/test", status_code=200, opt=_MANAGE)
async def test_own_model(here: NamedDependency[Here], model_id: FromPath[str]) -> TryView:
    """Ask a model of the caller's own for one tiny answer; say what to mend where it fails."""
    async with here.database.read() as connection:
        row = await _keeper(here).model(connection, model_id)
    await here.settle()
    body = msgspec.json.encode(
        {"model": row.id, "messages": [{"role": "user", "content": "Say ok."}], "max_tokens": 16}
    )
    exchange = here.engine.begin(openai_chat.parse_request(body), request_id=here.request.id, caller=here.caller)
    began = time.perf_counter()
    try:
        answer = await here.engine.complete(exchange)
        told, code = f"{row.model_id} answered {answer.finish_reason!r}", None
    except WyeError as error:
        told, code = advice_on(error), error.code
    step = StepView(step="answer", ok=code is None, told=told, seconds=round(time.perf_counter() - began, 3), code=code)
    return TryView(provider=row.provider, ok=code is None, steps=[step])


@get("/provider-keys", opt=_LOOK)
async def list_provider_keys(here: NamedDependency[Here]) -> ProviderKeysView:
    """List the caller's own keys of providers, masked."""
    async with here.database.read() as connection:
        found = await rows.provider_keys_of(connection, here.caller.user)
    return ProviderKeysView(provider_keys=[_key_view(row) for row in found])


@put("/provider-keys/{provider:str}", opt=_MANAGE)
async def put_provider_key(
    here: NamedDependency[Here], provider: FromPath[str], data: JSONBody[ProviderKeyForm]
) -> ProviderKeyView:
    """Keep a key of a provider for the caller's own requests, in the place of the operator's."""
    async with here.database.begin() as connection:
        row = await _keeper(here).put_provider_key(connection, provider, data.api_key, enabled=data.is_enabled)
    await here.settle()
    return _key_view(row)


@delete("/provider-keys/{provider:str}", opt=_MANAGE)
async def delete_provider_key(here: NamedDependency[Here], provider: FromPath[str]) -> None:
    """Forget the caller's own key of a provider."""
    async with here.database.begin() as connection:
        await _keeper(here).drop_provider_key(connection, provider)
    await here.settle()


def _keeper(here: Here) -> Keeper:
    return Keeper(
        catalog=here.engine.plain_catalog,
        vault=here.vault,
        caller=here.caller,
        private=here.engine.snapshot.settings.identity.private_endpoints,
        request_id=here.request.id,
    )


async def _heard(here: Here, row: rows.OwnModel) -> OwnModelView:
    """Let this process know of a change at once; the others hear of it within a second."""
    await here.settle()
    return _view(row)


def _config(form: OwnConfig | None) -> dict[str, Any] | None:
    if form is None:
        return None
    said = {name: getattr(form, name) for name in form.__struct_fields__}
    return {name: value for name, value in said.items() if value is not None} or None


def _view(row: rows.OwnModel) -> OwnModelView:
    config = {name: float(value) if isinstance(value, Decimal) else value for name, value in (row.config or {}).items()}
    return OwnModelView(
        id=row.id,
        name=row.name,
        provider=row.provider,
        model_id=row.model_id,
        base_url=row.base_url,
        api_key=row.masked,
        is_enabled=row.is_enabled,
        config={_camel(name): value for name, value in config.items()},
        created_at=moment(row.created_at),
        updated_at=moment(row.updated_at),
    )


def _key_view(row: rows.ProviderKey) -> ProviderKeyView:
    return ProviderKeyView(
        provider=row.provider, api_key=row.masked, is_enabled=row.is_enabled, created_at=moment(row.created_at)
    )


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.title() for word in rest)


MODEL_HANDLERS: Final = (
    list_own_models, create_own_model, show_own_model, update_own_model, delete_own_model, test_own_model,
)  # fmt: skip
KEY_HANDLERS: Final = (list_provider_keys, put_provider_key, delete_provider_key)
