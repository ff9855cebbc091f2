"""Divides amounts among processes by the tables `leases` and `budget_periods`: one transaction for many asks."""

import asyncio
from collections.abc import Sequence
from typing import Final

from sqlalchemy import BigInteger, delete, literal, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from wye.core.errors import StoreUnavailableError
from wye.core.leases import Ask, Grant, divided
from wye.store import tables
from wye.store.database import Database, now_us
from wye.store.upsert import insert

_MOST_AT_ONCE: Final = 100
_KEPT: Final = 24 * 3_600_000_000
"""A process that comes back within this time finds what it had spent; until then its row only counts as spent."""
_rows: Final = tables.leases.c
_periods: Final = tables.budget_periods.c


class StoreLeases:
    """One process' way to what the database keeps for all.

    A slice of a process that was not heard of for `seconds` is anybody's again. `timeout` is how long an exchange may
    take, in seconds.
    """

    def __init__(self, database: Database, holder: str, *, seconds: float, timeout: float) -> None:
        """Speak for `holder`, a name that no other process has."""
        self._database = database
        self._holder = holder
        self._lasting = int(seconds * 1_000_000)
        self._timeout = timeout

    async def exchange(self, asks: Sequence[Ask]) -> list[Grant]:
        """Answer each ask. Raises `StoreUnavailableError`."""
        found: dict[Ask, Grant] = {}
        ordered = sorted(set(asks), key=lambda ask: (ask.kind, ask.subject, ask.starts_at))  # as `budgets.charge` does
        for at in range(0, len(ordered), _MOST_AT_ONCE):
            some = ordered[at : at + _MOST_AT_ONCE]
            try:
                async with asyncio.timeout(self._timeout), self._database.begin() as connection:
                    granted = {ask: await self._one(connection, ask, now_us()) for ask in some}
            except TimeoutError:
                raise StoreUnavailableError("the database took too long to divide what is left") from None
            found |= granted
        return [found[ask] for ask in asks]

    async def _one(self, connection: AsyncConnection, ask: Ask, now: int) -> Grant:
        subject = (_rows.kind == ask.kind, _rows.subject == ask.subject)
        whole = await (_period(connection, ask) if ask.kind == "budget" else _alone(connection, ask))
        query = select(_rows.holder, _rows.amount, _rows.spent, _rows.expires_at, _rows.updated_at)
        rows = (await connection.execute(query.where(*subject, _rows.starts_at == ask.starts_at))).all()
        mine = next((row.spent for row in rows if row.holder == self._holder), None)
        if mine is None:
            await connection.execute(delete(tables.leases).where(*subject, _rows.expires_at < now - _KEPT))
        since = 0 if ask.counts_for is None else now - ask.counts_for
        others = [row for row in rows if row.holder != self._holder and row.updated_at > since]
        alive = [row for row in others if row.expires_at > now]
        if ask.kind == "budget":
            booked = ask.booked if mine is None else mine
            room = booked + ask.amount - whole - sum(max(0, row.amount - row.spent) for row in alive)
        else:
            booked = ask.booked
            whole = booked + sum(row.spent for row in others)
            room = ask.amount - sum(row.amount if row.expires_at > now else row.spent for row in others)
        grant = divided(ask, room, spent=whole, holders=len(alive) + 1, booked=booked)
        await self._keep(connection, ask, grant, now)
        return grant

    async def _keep(self, connection: AsyncConnection, ask: Ask, grant: Grant, now: int) -> None:
        changing = {"amount": grant.granted, "expires_at": now + self._lasting, "updated_at": now}
        if ask.kind == "rate":
            changing["spent"] = ask.booked
        row = {
            "id": f"{ask.kind}:{ask.subject}:{ask.starts_at}:{self._holder}",
            "kind": ask.kind,
            "subject": ask.subject,
            "starts_at": ask.starts_at,
            "holder": self._holder,
            "spent": grant.booked,
        }
        statement = insert(connection, tables.leases).values(row | changing)
        await connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=changing))

    async def aclose(self) -> None:
        """Give back what is in hand, where that is possible."""
        mine = update(tables.leases).where(_rows.holder == self._holder)
        try:
            async with asyncio.timeout(self._timeout), self._database.begin() as connection:
                await connection.execute(mine.values(expires_at=now_us()))
        except (StoreUnavailableError, TimeoutError):
            return  # it runs out by itself


async def _period(connection: AsyncConnection, ask: Ask) -> int:
    """Return what was spent of a budget, whose period nobody else divides until the transaction is over.

    Nothing is left of a budget that the database does not have.
    """
    spent = select(_periods.spent + _periods.reserved)
    spent = spent.where(_periods.budget_id == ask.subject, _periods.starts_at == ask.starts_at).with_for_update()
    found = (await connection.execute(spent)).scalar()
    if found is None:
        budget = select(tables.budgets.c.id, literal(ask.starts_at), literal(ask.ends_at, BigInteger))
        budget = budget.where(tables.budgets.c.id == ask.subject)  # it may be gone meanwhile, or not there yet
        names = ["budget_id", "starts_at", "ends_at"]
        begun = insert(connection, tables.budget_periods).from_select(names, budget).on_conflict_do_nothing()
        await connection.execute(begun)
        found = (await connection.execute(spent)).scalar()
    return int(found) if found is not None else ask.amount


async def _alone(connection: AsyncConnection, ask: Ask) -> int:
    """Wait until nobody else divides this; SQLite has one writer at a time anyway."""
    if connection.dialect.name == "postgresql":
        name = f"{ask.subject}:{ask.starts_at}"
        await connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name})
    return 0
