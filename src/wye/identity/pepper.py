"""The deployment's secret under which virtual keys are hashed: made once, kept with the settings, sealed if it can."""

import base64
from typing import Final, cast

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from wye.core.secret import Secret
from wye.identity.minting import new_pepper
from wye.identity.vault import Vault
from wye.store.database import now_us
from wye.store.tables import settings
from wye.store.upsert import insert

NAME: Final = "_pepper"
"""Its key among the settings; those that begin with a line are the house's own and are not shown."""
_PLACE: Final = "settings:_pepper"


async def pepper_of(connection: AsyncConnection, vault: Vault) -> bytes | None:
    """Return the secret, `None` where none was made yet. Raises `WyeError` where it is sealed with another key."""
    value = await _kept(connection)
    if value is None:
        return None
    sealed = value.get("sealed")
    text = vault.open(sealed, _PLACE).reveal() if sealed else value["plain"]
    return base64.b64decode(text)


async def ensure_pepper(connection: AsyncConnection, vault: Vault) -> bytes:
    """Return the secret; make it where there is none."""
    made = _value(new_pepper(), vault)
    row = insert(connection, settings).values(key=NAME, value=made, version=1, updated_at=now_us(), updated_by="local")
    await connection.execute(row.on_conflict_do_nothing(index_elements=["key"]))
    found = await pepper_of(connection, vault)
    if found is None:
        raise RuntimeError("the secret was written and is not there")
    return found


async def reseal_pepper(connection: AsyncConnection, vault: Vault) -> bool:
    """Seal the secret with the vault's first key; tell whether that was needed."""
    pepper, value = await pepper_of(connection, vault), await _kept(connection)
    if pepper is None or value is None:
        return False
    if value.get("sealed") and vault.is_current(value["sealed"]):
        return False
    query = settings.update().where(settings.c.key == NAME).values(value=_value(pepper, vault), updated_at=now_us())
    await connection.execute(query)
    return True


async def _kept(connection: AsyncConnection) -> dict[str, str] | None:
    query = select(settings.c.value).where(settings.c.key == NAME)
    return cast("dict[str, str] | None", (await connection.execute(query)).scalar())


def _value(pepper: bytes, vault: Vault) -> dict[str, str]:
    text = base64.b64encode(pepper).decode()
    return {"sealed": vault.seal(Secret(text), _PLACE)} if vault.is_open else {"plain": text}
