"""Who was refused how often is known afterwards, by key and by what refused it, and is no usage."""

import asyncio
from collections.abc import Sequence

from wye.core.caller import Caller
from wye.core.errors import RefusedBy, StoreUnavailableError
from wye.core.record import HOUR_US
from wye.ledger.refused import Refused
from wye.store import refusals
from wye.store.database import Database, now_us
from wye.store.refusals import Refusal
from wye.store.reports import Reach

ANN = Caller(user="ann", key="k1", team="t1")
BOB = Caller(user="bob")
OFTEN = RefusedBy("limit", "key", "k1", "requests_per_minute")
DEAR = RefusedBy("budget", "global", "", "month")
ALL = Reach(user=None)


async def known(database: Database, reach: Reach = ALL) -> Sequence[tuple[Refusal, int]]:
    async with database.read() as connection:
        return await refusals.since(connection, reach, now_us() // HOUR_US - 1)


async def test_refusals_add_up_over_processes_by_whose_they_are_and_by_what(database: Database) -> None:
    one, two = Refused(database, every=3600), Refused(database, every=3600)
    for counts in (one, two):
        for _ in range(3):
            counts.refused(ANN, OFTEN)
        counts.refused(BOB, DEAR)
        await counts.aclose()
    found = [
        (one.user_id, one.team_id, one.key_id, one.by, one.scope, one.measure, n) for one, n in await known(database)
    ]
    assert found == [
        ("ann", "t1", "k1", "limit", "key", "requests_per_minute", 6),
        ("bob", "", "", "budget", "global", "month", 2),
    ]


async def test_each_sees_its_own(database: Database) -> None:
    counts = Refused(database, every=3600)
    counts.refused(ANN, OFTEN)
    counts.refused(BOB, DEAR)
    await counts.aclose()
    assert [one.user_id for one, _ in await known(database, Reach(user="bob"))] == ["bob"]


async def test_they_are_written_by_themselves(database: Database) -> None:
    counts = Refused(database, every=0.01)
    counts.refused(ANN, OFTEN)
    async with asyncio.timeout(10):
        while not await known(database):  # noqa: ASYNC110 - it is written in the background
            await asyncio.sleep(0.01)
    await counts.aclose()


async def test_what_the_database_does_not_take_waits(database: Database) -> None:
    class Away:
        def begin(self) -> object:
            raise StoreUnavailableError("away")

    counts = Refused(Away(), every=3600)  # type: ignore[arg-type]
    counts.refused(ANN, OFTEN)
    await counts.flush()
    counts._database = database
    counts.refused(ANN, OFTEN)
    await counts.aclose()
    assert [n for _, n in await known(database)] == [2]
