"""Routes about runtime settings: what is in force, and changing what may be changed without the settings file."""

import asyncio
import datetime
from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec
from litestar import delete, get, put
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter

from wye.config import Settings
from wye.config.runtime import split, waits_for_a_restart
from wye.config.shown import in_force
from wye.core.errors import ConfigurationError, InvalidRequestError, RouteNotFoundError
from wye.gateway.api.forms import SettingForm
from wye.gateway.api.here import Here
from wye.gateway.api.people_views import moment
from wye.gateway.api.views import View
from wye.store import audit, runtime_settings
from wye.store.runtime_settings import Setting

_plain = msgspec.json.Encoder(enc_hook=str, decimal_format="number").encode


class SettingView(View, frozen=True, kw_only=True):
    """One setting: its dotted path, the value in force and where that is from.

    `version`, `updatedAt` and `updatedBy` are of the runtime setting, where there is one. It may not be in force: the
    command line and the environment go before it. One that is not `changeable` is said in the settings file alone;
    what is changed there is taken over while the gateway runs, unless it `needsRestart`.
    """

    key: str
    value: Any
    origin: str
    changeable: bool
    needs_restart: bool
    version: int | None
    updated_at: datetime.datetime | None
    updated_by: str | None


class SettingsView(View, frozen=True, kw_only=True):
    """Settings by their dotted paths."""

    settings: Sequence[SettingView]


class RemovedView(View, frozen=True, kw_only=True):
    """A runtime setting that is no more."""

    key: str
    deleted: bool


@get("/")
async def list_settings(here: NamedDependency[Here]) -> SettingsView:
    """List the settings in force and where each is from; secrets are masked."""
    async with here.database.read() as connection:
        changed = await runtime_settings.everything(connection)
    return SettingsView(settings=_views(here.engine.snapshot.settings, changed))


@put("/")
async def put_setting(here: NamedDependency[Here], data: JSONBody[SettingForm]) -> SettingView:
    """Change a setting; it holds at once here and within about two seconds on every replica."""
    _check_key(data.key)
    async with here.database.read() as connection:
        changed = await runtime_settings.everything(connection)
    before = changed.get(data.key)
    wanted = {**{key: setting.value for key, setting in changed.items()}, data.key: data.value}
    await _check(here, wanted, data.key)
    version = data.version if data.version is not None else before.version if before is not None else 0
    async with here.database.begin() as connection:
        now = await runtime_settings.put(connection, data.key, data.value, by=here.caller.user, version=version)
        await audit.add(
            connection,
            here.caller,
            "update" if before is not None else "create",
            "setting",
            data.key,
            before=before and before.value,
            after=data.value,
            request_id=here.request.id,
        )
    await here.reloader.hear_runtime_settings()
    views = {view.key: view for view in _views(here.engine.snapshot.settings, {**changed, data.key: now})}
    return views[data.key]


@delete("/", status_code=200, opt={"query": {"key": False}})
async def remove_setting(
    here: NamedDependency[Here], key: Annotated[str, QueryParameter(description="a runtime setting's dotted path")]
) -> RemovedView:
    """Let the settings file, or the default, say a setting again."""
    async with here.database.read() as connection:
        changed = await runtime_settings.everything(connection)
    if key not in changed:
        raise RouteNotFoundError(f"there is no runtime setting {key!r}", code="setting_not_found", param="key")
    left = {name: setting.value for name, setting in changed.items() if name != key}
    await _check(here, left, key)
    async with here.database.begin() as connection:
        deleted = await runtime_settings.remove(connection, key)
        await audit.add(
            connection, here.caller, "delete", "setting", key, before=changed[key].value, request_id=here.request.id
        )
    await here.reloader.hear_runtime_settings()
    return RemovedView(key=key, deleted=deleted)


def _may_change(key: str) -> bool:
    try:
        split(key)
    except ConfigurationError:
        return False
    return True


def _check_key(key: str) -> None:
    try:
        split(key)
    except ConfigurationError as error:
        raise InvalidRequestError(error.message, code="setting_not_changeable", param="key") from None


async def _check(here: Here, runtime: dict[str, Any], key: str) -> None:
    """Refuse settings that could not work before anybody has them."""
    try:
        here.engine.check(await asyncio.to_thread(here.reloader.source.read, runtime))
    except ConfigurationError as error:
        param = "value" if error.param and error.param.startswith(key) else error.param
        raise InvalidRequestError(error.message, code="invalid_setting", param=param) from None


def _views(settings: Settings, changed: dict[str, Setting]) -> list[SettingView]:
    rows = {key: (value, origin) for key, value, origin in in_force(settings)}
    for key, setting in changed.items():
        rows.setdefault(key, (setting.value, settings.origins.get(key, "runtime setting")))
    return [_view(key, value, origin, changed.get(key)) for key, (value, origin) in rows.items()]


def _view(key: str, value: Any, origin: str, changed: Setting | None) -> SettingView:
    return SettingView(
        key=key,
        value=msgspec.json.decode(_plain(value)),
        origin=origin,
        changeable=_may_change(key),
        needs_restart=waits_for_a_restart(key),
        version=changed.version if changed is not None else None,
        updated_at=moment(changed.updated_at) if changed is not None else None,
        updated_by=changed.updated_by if changed is not None else None,
    )


HANDLERS: Final = (list_settings, put_setting, remove_setting)
