"""Budgets as they are written down, and what was spent of them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from wye.core.charges import Place, charges_of
from wye.core.ids import process_of
from wye.core.limits import Budget
from wye.core.periods import bounds
from wye.core.record import HOUR_US, UsageRecord
from wye.store import tables
from wye.store.database import now_us
from wye.store.upsert import insert

TOPIC: Final = "budgets"
"""What `changes` calls them."""
_rows: Final = tables.budgets.c
_periods: Final = tables.budget_periods.c
_leases: Final = tables.leases.c
_columns: Final = [_rows[name] for name in Budget.__struct_fields__]


class Standing(Struct, frozen=True, kw_only=True):
    """How a budget stands in one period; amounts are picodollars, times microseconds since the epoch.

    `reserved` is what requests of unknown cost had set aside, `leased` what processes have in hand.
    """

    starts_at: int
    ends_at: int | None
    spent: int = 0
    reserved: int = 0
    leased: int = 0


async def all_in_force(connection: AsyncConnection) -> list[Budget]:
    """Return every budget."""
    found = await connection.execute(select(*_columns).where(_rows.disabled_at.is_(None)).order_by(_rows.id))
    return [_budget(row) for row in found]


async def get(connection: AsyncConnection, budget_id: str) -> Budget | None:
    """Return a budget."""
    query = select(*_columns).where(_rows.id == budget_id, _rows.disabled_at.is_(None))
    row = (await connection.execute(query)).first()
    return None if row is None else _budget(row)


async def put(connection: AsyncConnection, budget: Budget) -> None:
    """Write a budget down, in the place of one of the same id.

    A new one of a day, week or month begins with what was spent in its period before, as far as the sums by the hour
    know it; a total counts from its beginning.
    """
    now = now_us()
    values = {name: getattr(budget, name) for name in Budget.__struct_fields__} | {"warn_at": list(budget.warn_at)}
    values |= {"created_at": budget.created_at or now, "updated_at": now, "disabled_at": None}
    known = (await connection.execute(select(_rows.period).where(_rows.id == budget.id))).scalar()
    kept = {name: value for name, value in values.items() if name not in {"id", "created_at"}}
    await connection.execute(
        insert(connection, tables.budgets).values(values).on_conflict_do_update(index_elements=["id"], set_=kept)
    )
    if known is None or known != budget.period:
        await connection.execute(delete(tables.budget_periods).where(_periods.budget_id == budget.id))
        starts, ends = bounds(budget.period, now)
        spent = 0 if ends is None else await _spent_before(connection, budget, starts)
        row = {"budget_id": budget.id, "starts_at": starts, "ends_at": ends, "spent": spent}
        await connection.execute(insert(connection, tables.budget_periods).values(row))


async def drop(connection: AsyncConnection, budget_id: str) -> bool:
    """Forget a budget and what was spent of it; tell whether there was one."""
    found = await connection.execute(delete(tables.budgets).where(_rows.id == budget_id))
    await connection.execute(delete(tables.leases).where(_leases.kind == "budget", _leases.subject == budget_id))
    return bool(found.rowcount)


async def adopt(connection: AsyncConnection, written: Sequence[Budget]) -> bool:
    """Write down the budgets of the settings file and forget those it held before; tell whether anything changed."""
    before = {budget.id: budget for budget in await all_in_force(connection) if budget.source == "file"}
    changed = False
    for budget in written:
        known = before.pop(budget.id, None)
        if known is None or msgspec.structs.replace(known, created_at=0, updated_at=0) != budget:
            await put(connection, budget)
            changed = True
    for budget_id in before:
        await drop(connection, budget_id)
        changed = True
    return changed


async def standings(connection: AsyncConnection, budgets: Sequence[Budget], now: int) -> dict[str, Standing]:
    """Return how budgets stand at `now`, by id."""
    where = {budget.id: bounds(budget.period, now) for budget in budgets}
    found = {name: Standing(starts_at=starts, ends_at=ends) for name, (starts, ends) in where.items()}
    if not found:
        return found
    query = select(_periods.budget_id, _periods.starts_at, _periods.spent, _periods.reserved)
    for name, starts, spent, reserved in await connection.execute(query.where(_periods.budget_id.in_(list(found)))):
        if starts == found[name].starts_at:
            found[name] = msgspec.structs.replace(found[name], spent=spent, reserved=reserved)
    held = select(_leases.subject, _leases.starts_at, _leases.amount, _leases.spent, _leases.expires_at)
    held = held.where(_leases.kind == "budget", _leases.subject.in_(list(found)))
    for name, starts, amount, spent, expires in await connection.execute(held):
        if starts == found[name].starts_at and expires > now and amount > spent:
            found[name] = msgspec.structs.replace(found[name], leased=found[name].leased + amount - spent)
    return found


async def charge(connection: AsyncConnection, records: Sequence[UsageRecord]) -> None:
    """Raise what was spent of every budget that these records count against.

    To be called in the transaction that writes them, once for each: with those alone that were not there before. The
    slices of the processes that spent it shrink by as much.
    """
    charged = [(record, charges_of(record)) for record in _together(records)]
    matching = await _matching(connection, {target for _, places in charged for _, target in places})
    if not matching:
        return
    periods: dict[tuple[str, int], _Sum] = {}
    slices: dict[tuple[str, int, str], int] = defaultdict(int)
    for record, places in charged:
        holder = process_of(record.id)
        for place, amount in places.items():
            for budget in matching.get(place, ()) if amount else ():
                starts, ends = bounds(budget.period, record.at)
                whole = periods.setdefault((budget.id, starts), _Sum(ends))
                if record.cost is None:
                    whole.reserved += amount
                else:
                    whole.spent += amount
                if holder is not None:
                    slices[budget.id, starts, holder] += amount
    for (budget_id, starts), whole in sorted(periods.items(), key=lambda one: one[0]):  # as all processes sort them
        row = {"budget_id": budget_id, "starts_at": starts, "ends_at": whole.ends_at}
        statement = insert(connection, tables.budget_periods)
        statement = statement.values(row | {"spent": whole.spent, "reserved": whole.reserved})
        added = {"spent": _periods.spent + whole.spent, "reserved": _periods.reserved + whole.reserved}
        statement = statement.on_conflict_do_update(index_elements=["budget_id", "starts_at"], set_=added)
        await connection.execute(statement)
    for (budget_id, starts, holder), amount in sorted(slices.items()):
        mine = (_leases.kind == "budget", _leases.subject == budget_id, _leases.starts_at == starts)
        spent = update(tables.leases).where(*mine, _leases.holder == holder)
        await connection.execute(spent.values(spent=_leases.spent + amount))


def _together(records: Sequence[UsageRecord]) -> list[UsageRecord]:
    """Return the records with those that count against the same, at known cost, made into one of what they cost.

    They are of one hour, and so of one period of any budget. A batch of many thus takes little more than one does.
    """
    alone: list[UsageRecord] = []
    costs: dict[tuple[Any, ...], int] = {}
    first: dict[tuple[Any, ...], UsageRecord] = {}
    for one in records:
        if one.attempts or one.cost is None or one.uncharged:
            alone.append(one)
            continue
        what = (process_of(one.id), one.at // HOUR_US, one.key, one.user, one.team, one.provider, one.model)
        costs[what] = costs.get(what, 0) + one.cost
        first.setdefault(what, one)
    return alone + [msgspec.structs.replace(one, cost=costs[what]) for what, one in first.items()]


class _Sum:
    """What is added to one period of one budget."""

    def __init__(self, ends_at: int | None) -> None:
        self.ends_at = ends_at
        self.spent = 0
        self.reserved = 0


async def _matching(connection: AsyncConnection, targets: Set[str]) -> Mapping[Place, Sequence[Budget]]:
    found: dict[Place, list[Budget]] = defaultdict(list)
    query = select(*_columns).where(_rows.disabled_at.is_(None), _rows.target.in_(targets))
    for row in await connection.execute(query):
        budget = _budget(row)
        found[budget.scope, budget.target].append(budget)
    return found


async def _spent_before(connection: AsyncConnection, budget: Budget, starts_at: int) -> int:
    hours = tables.usage_hours.c
    query = select(func.coalesce(func.sum(hours.cost - hours.uncharged), 0)).where(hours.hour >= starts_at // HOUR_US)
    if budget.scope == "model":
        provider, _, model = budget.target.partition("/")
        query = query.where(hours.provider == provider, hours.model == model)
    elif budget.scope != "global":
        column = {"key": hours.key_id, "user": hours.user_id, "team": hours.team_id, "provider": hours.provider}
        query = query.where(column[budget.scope] == budget.target)
    return int((await connection.execute(query)).scalar_one())


def _budget(row: Sequence[Any]) -> Budget:
    facts = dict(zip(Budget.__struct_fields__, row, strict=True))
    return msgspec.convert({**facts, "warn_at": facts["warn_at"] or ()}, Budget, strict=False)
