"""Providers that an admin added while the gateway ran: endpoints of OpenAI's form, kept in the store, keys encrypted.

They lie among the runtime settings under names that nobody sees there, and become tables as a settings file has them.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec
from msgspec import Struct, structs
from sqlalchemy.ext.asyncio import AsyncConnection

from wye.core.secret import Secret
from wye.identity.vault import SealBrokenError, Vault, VaultClosedError
from wye.store import runtime_settings
from wye.store.tables import settings

PREFIX: Final = "provider."
ADAPTER: Final = "openai_chat"
MOST: Final = 200
"""How many there may be."""


class AddedModel(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A model of an added provider; prices are USD per million tokens."""

    id: str
    name: str | None = None
    context_window: int | None = None
    max_output_tokens: int | None = None
    input_cost_per_million: float | None = None
    output_cost_per_million: float | None = None
    capabilities: tuple[str, ...] | None = None


class Added(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An added provider; `api_key` is encrypted, `masked` what is shown of it.

    `updated_at` is microseconds since the epoch, `updated_by` a user's id; both are told by the store alone.
    """

    id: str
    name: str
    base_url: str
    api_key: str | None = None
    masked: str | None = None
    default_model: str | None = None
    models: tuple[AddedModel, ...] = ()
    updated_at: int = 0
    updated_by: str = ""

    @property
    def key(self) -> str:
        """The name of its row among the settings."""
        return f"{runtime_settings.PRIVATE}{PREFIX}{self.id}"

    def with_key(self, key: Secret | None, vault: Vault) -> "Added":
        """Return it with another key. Raises `VaultClosedError`."""
        if key is None:
            return structs.replace(self, api_key=None, masked=None)
        return structs.replace(self, api_key=vault.seal(key, self.key), masked=key.masked())

    def shown(self) -> dict[str, Any]:
        """Return what the audit log says of it."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return {name: value for name, value in plain.items() if name not in {"api_key", "updated_at", "updated_by"}}


async def everything(connection: AsyncConnection) -> dict[str, Added]:
    """Return all added providers by their ids."""
    rows = await runtime_settings.private(connection, PREFIX)
    return {
        name: structs.replace(msgspec.convert(row.value, Added), updated_at=row.updated_at, updated_by=row.updated_by)
        for name, row in rows.items()
    }


async def put(connection: AsyncConnection, provider: Added, *, by: str) -> None:
    """Keep a provider, in the place of one of the same id, and tell all replicas."""
    plain = msgspec.to_builtins(structs.replace(provider, updated_at=0, updated_by=""))
    await runtime_settings.put(connection, provider.key, plain, by=by)


async def drop(connection: AsyncConnection, provider: Added) -> None:
    """Forget a provider and what was set of it and its models at run time, and tell all replicas."""
    for key in await runtime_settings.everything(connection):
        if key.startswith((f"providers.{provider.id}.", f"models.{provider.id}/")):
            await runtime_settings.remove(connection, key)
    await runtime_settings.remove(connection, provider.key)


async def reseal(connection: AsyncConnection, vault: Vault) -> int:
    """Encrypt all keys with the vault's first one; return how many that were. Raises `SealBrokenError`."""
    done = 0
    for provider in (await everything(connection)).values():
        if provider.api_key is None or vault.is_current(provider.api_key):
            continue
        again = provider.with_key(vault.open(provider.api_key, provider.key), vault)
        value = msgspec.to_builtins(structs.replace(again, updated_at=0, updated_by=""))
        await connection.execute(settings.update().where(settings.c.key == provider.key).values(value=value))
        done += 1
    return done


def tables_of(added: Mapping[str, Added], vault: Vault) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Return providers as the tables `providers` and `models` of a settings file, and what is wrong, by their ids.

    One whose key cannot be opened is left out: without its key it would be refused, and be held against it. Where there
    are none there is no table either: nothing has changed for whoever had none before.
    """
    tables: dict[str, dict[str, Any]] = {"providers": {}, "models": {}}
    problems: dict[str, str] = {}
    for provider in added.values():
        table: dict[str, Any] = {"name": provider.name, "base_url": provider.base_url, "adapter": ADAPTER}
        default = provider.default_model or (provider.models[0].id if provider.models else None)
        if default is not None:
            table["default_model"] = default
        if provider.api_key is not None:
            try:
                table["api_keys"] = [vault.open(provider.api_key, provider.key).reveal()]
            except (SealBrokenError, VaultClosedError) as error:
                problems[provider.id] = error.message
                continue
        tables["providers"][provider.id] = table
        for model in provider.models:
            tables["models"][f"{provider.id}/{model.id}"] = _model(model)
    return {name: rows for name, rows in tables.items() if rows}, problems


def _model(model: AddedModel) -> dict[str, Any]:
    said: dict[str, Any] = {name: value for name, value in structs.asdict(model).items() if value is not None}
    del said["id"]
    if "capabilities" in said:
        said["capabilities"] = list(said["capabilities"])
    return {name: Decimal(str(value)) if isinstance(value, float) else value for name, value in said.items()}
