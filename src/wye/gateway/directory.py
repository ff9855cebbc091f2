"""Joins the directory of callers with the engine, which is told what each of them brought along."""

import asyncio
from typing import TYPE_CHECKING

from wye.engine import Engine
from wye.identity.vault import Vault

if TYPE_CHECKING:
    from wye.identity.directory import Directory


def directory_of(engine: Engine) -> "Directory | None":
    """Return the directory of an engine's store, `None` where it has none; nothing is read before the store starts."""
    store = engine.store
    if store is None:
        return None
    from wye.identity.brought import load  # what speaks to a database is not loaded without one
    from wye.identity.directory import Directory

    vault = Vault(engine.snapshot.settings.identity.secret_key)
    directory, reading = Directory(store, vault), asyncio.Lock()

    async def bring(user: str) -> None:
        async with reading, store.database.read() as connection:  # one after another, so that the latest one holds
            engine.overlays.bring(user, await load(connection, user, vault))

    directory.brought = bring
    return directory
