"""What users brought along themselves: keys of providers and models, with their secrets encrypted."""

from typing import Any

from msgspec import Struct, structs
from sqlalchemy import Table, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from wye.store.database import now_us
from wye.store.tables import llm_models, provider_keys


class ProviderKey(Struct, frozen=True, kw_only=True):
    """A user's own key of a provider; `api_key` is encrypted, `masked` what is shown of it."""

    id: str
    user_id: str
    provider: str
    name: str = ""
    api_key: str
    masked: str
    config: dict[str, Any] | None = None
    is_enabled: bool = True
    created_at: int
    updated_at: int


class OwnModel(Struct, frozen=True, kw_only=True):
    """A user's own model; `api_key` is encrypted, `config` says how it is asked and what it can do."""

    id: str
    user_id: str
    name: str
    provider: str
    model_id: str
    base_url: str | None = None
    api_key: str | None = None
    masked: str | None = None
    is_enabled: bool = True
    config: dict[str, Any] | None = None
    created_at: int
    updated_at: int


async def provider_keys_of(connection: AsyncConnection, owner: str) -> list[ProviderKey]:
    """Return a user's own keys of providers."""
    query = select(provider_keys).where(provider_keys.c.user_id == owner).order_by(provider_keys.c.provider)
    return [ProviderKey(**row) for row in (await connection.execute(query)).mappings()]


async def put_provider_key(connection: AsyncConnection, owner: str, row: ProviderKey) -> None:
    """Keep a key of `owner`, in place of the one it had for that provider."""
    columns = provider_keys.c
    mine = (columns.user_id == owner, columns.provider == row.provider, columns.name == row.name)
    await connection.execute(provider_keys.delete().where(*mine))
    await connection.execute(provider_keys.insert().values(**{**structs.asdict(row), "user_id": owner}))


async def drop_provider_key(connection: AsyncConnection, owner: str, provider: str) -> bool:
    """Forget a user's keys of a provider; tell whether there were any."""
    columns = provider_keys.c
    query = provider_keys.delete().where(columns.user_id == owner, columns.provider == provider)
    return (await connection.execute(query)).rowcount > 0


async def models_of(connection: AsyncConnection, owner: str) -> list[OwnModel]:
    """Return a user's own models by their names."""
    query = select(llm_models).where(llm_models.c.user_id == owner).order_by(llm_models.c.name)
    return [OwnModel(**row) for row in (await connection.execute(query)).mappings()]


async def model(connection: AsyncConnection, owner: str, row_id: str) -> OwnModel | None:
    """Return a user's own model by its id."""
    query = select(llm_models).where(llm_models.c.user_id == owner, llm_models.c.id == row_id)
    found = (await connection.execute(query)).mappings().first()
    return None if found is None else OwnModel(**found)


async def add_model(connection: AsyncConnection, owner: str, row: OwnModel) -> None:
    """Add a model; raise `IntegrityError` where `owner` has one of that name."""
    await connection.execute(llm_models.insert().values(**{**structs.asdict(row), "user_id": owner}))


async def change_model(connection: AsyncConnection, owner: str, row_id: str, **values: Any) -> bool:
    """Change columns of a model of `owner`; tell whether there is one. Raises as `add_model` does."""
    query = llm_models.update().where(llm_models.c.user_id == owner, llm_models.c.id == row_id)
    return (await connection.execute(query.values(**values, updated_at=now_us()))).rowcount > 0


async def drop_model(connection: AsyncConnection, owner: str, row_id: str) -> bool:
    """Forget a model of `owner`; tell whether there was one."""
    query = llm_models.delete().where(llm_models.c.user_id == owner, llm_models.c.id == row_id)
    return (await connection.execute(query)).rowcount > 0


async def sealed(connection: AsyncConnection, table: Table, *, after: str, limit: int) -> list[tuple[str, str, str]]:
    """Return what is encrypted in one of the two tables: ids, owners and values, of the rows after `after`."""
    columns = table.c
    query = select(columns.id, columns.user_id, columns.api_key).where(columns.id > after, columns.api_key.is_not(None))
    rows = await connection.execute(query.order_by(columns.id).limit(limit))
    return [(row.id, row.user_id, row.api_key) for row in rows]


async def reseal(connection: AsyncConnection, table: Table, row_id: str, *, before: str, after: str) -> bool:
    """Put a value that is encrypted anew in the place of `before`; tell whether that was still there."""
    query = update(table).where(table.c.id == row_id, table.c.api_key == before).values(api_key=after)
    return (await connection.execute(query)).rowcount > 0


SEALED: tuple[Table, ...] = (provider_keys, llm_models)
"""The tables in which something is encrypted."""
