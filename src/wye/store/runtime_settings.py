"""Runtime settings: what the console or the API changed, by dotted path, above the file and below the environment."""

from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from wye.core.errors import InvalidRequestError
from wye.store.changes import announce
from wye.store.database import now_us
from wye.store.tables import settings
from wye.store.upsert import insert

TOPIC: Final = "settings"
"""What `Changes.on` hears of every change here."""


PRIVATE: Final = "_"
"""How the names of rows begin that nobody may see or set by their names, such as what keys are hashed with."""


class Setting(Struct, frozen=True, kw_only=True):
    """One setting; `version` grows with each change of it, `updated_at` is microseconds since the epoch."""

    key: str
    value: Any
    version: int
    updated_at: int
    updated_by: str


async def everything(connection: AsyncConnection) -> dict[str, Setting]:
    """Return all runtime settings by their keys; what the house keeps for itself beside them is none."""
    mine = settings.c.key.startswith(PRIVATE, autoescape=True)
    rows = (await connection.execute(select(settings).where(~mine).order_by(settings.c.key))).mappings()
    return {row["key"]: Setting(**row) for row in rows}


async def private(connection: AsyncConnection, prefix: str) -> dict[str, Setting]:
    """Return what the house keeps for itself under names that begin with `prefix`, by the rest of their names."""
    mine = settings.c.key.startswith(PRIVATE + prefix, autoescape=True)
    rows = (await connection.execute(select(settings).where(mine).order_by(settings.c.key))).mappings()
    return {row["key"].removeprefix(PRIVATE + prefix): Setting(**row) for row in rows}


async def put(connection: AsyncConnection, key: str, value: Any, *, by: str, version: int | None = None) -> Setting:
    """Set a setting, tell all replicas, and return it as it is now.

    `version` is the one that the change was made from, 0 for none; where it is given and is not in force any more,
    nothing changes and an `InvalidRequestError` (`version_conflict`) says so. `by` is the user's id.
    """
    before = (await connection.execute(select(settings).where(settings.c.key == key))).mappings().first()
    there = before["version"] if before is not None else 0
    if version is not None and version != there:
        raise _conflict(key, there)
    row = {
        "key": key,
        "value": msgspec.to_builtins(value, enc_hook=str, str_keys=True),
        "version": there + 1,
        "updated_at": now_us(),
        "updated_by": by,
    }
    write = insert(connection, settings).values(**row)
    write = write.on_conflict_do_update(index_elements=["key"], set_=row, where=settings.c.version == there)
    if (await connection.execute(write.returning(settings.c.version))).first() is None:
        raise _conflict(key, there + 1)  # another one came between
    await announce(connection, TOPIC)
    return Setting(**row)


async def remove(connection: AsyncConnection, key: str) -> bool:
    """Let the file or the default say it again, and tell all replicas; tell whether it was there."""
    gone = (await connection.execute(settings.delete().where(settings.c.key == key))).rowcount > 0
    if gone:
        await announce(connection, TOPIC)
    return gone


def _conflict(key: str, version: int) -> InvalidRequestError:
    return InvalidRequestError(
        f"the setting {key!r} was changed meanwhile and is at version {version}: read it again",
        code="version_conflict",
        param="version",
    )
