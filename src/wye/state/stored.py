"""Answers that a caller may go on from, kept in the database: they outlive every process, and belong to their owners.

Times are microseconds. An answer is there for `seconds` after it was given, or last gone on from; `[retention]` deletes
it from the disk, later at the latest.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from sqlalchemy import ColumnElement, RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from wye.core.errors import StoreUnavailableError
from wye.state.responses import KEPT_SECONDS, KeptResponse
from wye.store.database import Database, now_us
from wye.store.tables import response_items, responses
from wye.store.upsert import insert

LARGEST: Final = 64 * 1024 * 1024
"""Bytes of an answer with what was asked for it."""
_TOUCH_US: Final = 3600 * 1_000_000
"""How exactly the last use of an answer is known; to write each one down would be a write for every read."""
_SECOND_US: Final = 1_000_000


class StoredResponses:
    """Keeps answers in the store's tables."""

    def __init__(self, database: Database, *, seconds: float = KEPT_SECONDS, clock: Callable[[], int] = now_us) -> None:
        """Keep them for `seconds`; `clock` gives microseconds since the epoch."""
        self._database = database
        self._kept_us = round(seconds * _SECOND_US)
        self._clock = clock

    async def put(self, owner: str, response: KeptResponse) -> None:
        """Keep an answer; where the database is away, or it is too large, it is not kept: its caller has it anyway."""
        if response.size > LARGEST:
            return
        now = self._clock()
        row = {
            "user_id": owner,
            "id": response.id,
            "provider": response.provider,
            "previous_id": response.previous,
            "native": response.native,
            "body": response.body,
            "owed": response.owed,
            "created_at": now,
            "used_at": now,
        }
        given = [("given", at, "", body) for at, body in enumerate(response.given)]
        said = [("said", at, item_id, body) for at, (item_id, body) in enumerate(response.said)]
        items = [
            {"user_id": owner, "response_id": response.id, "kind": kind, "position": at, "item_id": name, "body": body}
            for kind, at, name, body in (*given, *said)
        ]
        with suppress(StoreUnavailableError):
            async with self._database.begin() as connection:
                await connection.execute(responses.delete().where(*_named(owner, response.id)))
                # The same answer may be given to several at a time: the first one keeps it.
                await connection.execute(insert(connection, responses).values(row).on_conflict_do_nothing())
                if items:
                    await connection.execute(insert(connection, response_items).on_conflict_do_nothing(), items)

    async def get(self, owner: str, response_id: str) -> KeptResponse | None:
        """Return an answer."""
        async with self._database.read() as connection:
            found = await self._read(connection, owner, responses.c.id == response_id)
        return found[0][0] if found else None

    async def delete(self, owner: str, response_id: str) -> bool:
        """Forget an answer."""
        async with self._database.begin() as connection:
            mine = responses.delete().where(*_named(owner, response_id), self._is_young())
            return (await connection.execute(mine)).rowcount > 0

    async def conversation(self, owner: str, response_id: str) -> list[KeptResponse] | None:
        """Return all turns, and count that as a use of each."""
        turn = responses.alias()
        chain = (
            select(responses.c.id, responses.c.previous_id)
            .where(*_named(owner, response_id), self._is_young())
            .cte("chain", recursive=True)
        )
        # A union, not all of them: one that goes round in a circle ends.
        chain = chain.union(
            select(turn.c.id, turn.c.previous_id).where(turn.c.user_id == owner, turn.c.id == chain.c.previous_id)
        )
        async with self._database.read() as connection:
            found = await self._read(connection, owner, responses.c.id.in_(select(chain.c.id)))
        known = {kept.id: kept for kept, _ in found}
        turns: list[KeptResponse] = []
        name: str | None = response_id
        while name is not None:
            kept = known.pop(name, None)
            if kept is None:
                return None
            turns.append(kept)
            name = kept.previous
        await self._touch(owner, min(used_at for _, used_at in found), [kept.id for kept in turns])
        return turns[::-1]

    async def holder(self, owner: str, item_id: str) -> KeptResponse | None:
        """Return the answer that holds an item."""
        if not item_id:
            return None
        items = response_items.c
        holders = select(items.response_id).where(items.user_id == owner, items.item_id == item_id)
        async with self._database.read() as connection:
            ids = list(await connection.scalars(holders))
            found = await self._read(connection, owner, responses.c.id.in_(ids)) if ids else []
        return max(found, key=lambda kept: kept[1])[0] if found else None

    async def aclose(self) -> None:
        """Nothing to let go: the database is its opener's to close."""

    def _is_young(self) -> ColumnElement[bool]:
        return responses.c.used_at > self._clock() - self._kept_us

    async def _read(
        self, connection: AsyncConnection, owner: str, chosen: ColumnElement[bool]
    ) -> list[tuple[KeptResponse, int]]:
        """Return the owner's answers among `chosen`, each with its last use."""
        mine = (responses.c.user_id == owner, chosen, self._is_young())
        rows = (await connection.execute(select(responses).where(*mine))).mappings().all()
        items = response_items.c
        asked = select(response_items).where(items.user_id == owner, items.response_id.in_([row["id"] for row in rows]))
        parts: dict[tuple[str, str], list[RowMapping]] = {}
        for part in (await connection.execute(asked.order_by(items.position))).mappings():
            parts.setdefault((part["response_id"], part["kind"]), []).append(part)
        return [(_kept(row, parts), row["used_at"]) for row in rows]

    async def _touch(self, owner: str, used_at: int, ids: list[str]) -> None:
        now = self._clock()
        if used_at > now - min(_TOUCH_US, self._kept_us // 2):
            return
        mine = responses.update().where(responses.c.user_id == owner, responses.c.id.in_(ids))
        with suppress(StoreUnavailableError):
            async with self._database.begin() as connection:
                await connection.execute(mine.values(used_at=now))


def _named(owner: str, response_id: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return responses.c.user_id == owner, responses.c.id == response_id


def _kept(row: RowMapping, parts: dict[tuple[str, str], list[Any]]) -> KeptResponse:
    name = row["id"]
    return KeptResponse(
        id=name,
        provider=row["provider"],
        body=row["body"],
        given=tuple(part["body"] for part in parts.get((name, "given"), ())),
        said=tuple((part["item_id"], part["body"]) for part in parts.get((name, "said"), ())),
        previous=row["previous_id"],
        native=row["native"],
        owed=row["owed"],
    )
