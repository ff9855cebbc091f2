"""Judgements are read in pages, by owner, and forgotten with the usage of their time."""

from typing import Any

from wye.store import evaluations
from wye.store.config import RetentionConfig
from wye.store.database import Database
from wye.store.evaluations import Evaluation, Sought
from wye.store.reports import Reach
from wye.store.retention import DAY_US, sweep

NOW = 500 * DAY_US


def judged(row_id: str, at: int, **more: Any) -> Evaluation:
    plain: dict[str, Any] = {"user_id": "ann", "kind": "pairwise", "judge": "j", "model_a": "x", "model_b": "y"}
    return Evaluation(**{**plain, "id": row_id, "at": at, **more})


async def written(database: Database, *rows: Evaluation) -> None:
    async with database.begin() as connection:
        for row in rows:
            await evaluations.add(connection, row.user_id, row)


async def ids(database: Database, reach: Reach | None = None, sought: Sought | None = None, **more: Any) -> list[str]:
    async with database.read() as connection:
        found = await evaluations.page(connection, reach or Reach(), 0, NOW, sought or Sought(), **more)
    return [row.id for row in found]


async def test_pages_follow_each_other_also_where_two_were_at_once(database: Database) -> None:
    await written(database, *(judged(name, at) for name, at in (("a", 5), ("b", 5), ("c", 7), ("d", 3))))
    assert await ids(database) == ["c", "b", "a", "d"]
    assert await ids(database, limit=2) == ["c", "b"]
    assert await ids(database, before=(5, "b")) == ["a", "d"]


async def test_they_are_found_by_what_they_are_of(database: Database) -> None:
    rows = [
        judged("a", 1, name="spring"),
        judged("b", 2, kind="rubric", model_a="z", model_b=None, scores={"tone": 3}, score=500, cost=7),
        judged("c", 3, user_id="bob", team_id="blue"),
    ]
    await written(database, *rows)
    assert await ids(database, sought=Sought(name="spring")) == ["a"]
    assert await ids(database, sought=Sought(kind="rubric")) == ["b"]
    assert await ids(database, sought=Sought(model="y")) == ["c", "a"]
    assert await ids(database, Reach(user="ann")) == ["b", "a"]
    assert await ids(database, Reach(user="ann", team="blue")) == ["c", "b", "a"]
    async with database.read() as connection:
        found = await evaluations.page(connection, Reach(), 0, NOW, Sought(kind="rubric"))
    assert found == [rows[1]]


async def test_old_ones_are_forgotten_with_the_usage_of_their_time(database: Database) -> None:
    await written(database, judged("old", NOW - 31 * DAY_US), judged("new", NOW - 29 * DAY_US))
    gone = await sweep(database, RetentionConfig(usage_days=30), NOW)
    assert gone["evaluations"] == 1
    assert await ids(database) == ["new"]
