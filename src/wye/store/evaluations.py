"""What judges said of answers, by whose request it was."""

from typing import Any, Final, Literal, TypeAlias

from msgspec import Struct, structs
from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from wye.store.reports import Reach, seen
from wye.store.tables import evaluations

Kind: TypeAlias = Literal["pairwise", "rubric"]
Winner: TypeAlias = Literal["a", "b", "tie"]
MOST: Final = 10_000
"""Rows returned at once, at most."""


class Evaluation(Struct, frozen=True, kw_only=True):
    """One judgement.

    `at` is microseconds since the epoch, `cost` picodollars. `model_a` and `model_b` are what the caller said the
    answers are from. `winner` is there for a pair, `scores` (by criterion) and `score` (their mean in thousandths of
    the best) for a rubric. `agreed` is false where the judge said something else once the answers were swapped.
    """

    id: str
    at: int
    user_id: str
    team_id: str | None = None
    kind: Kind
    name: str = ""
    judge: str
    model_a: str = ""
    model_b: str | None = None
    winner: Winner | None = None
    agreed: bool = True
    scores: dict[str, int] | None = None
    score: int | None = None
    cost: int | None = None


class Sought(Struct, frozen=True, kw_only=True):
    """Which judgements are wanted; `model` is in either of the two places."""

    name: str | None = None
    kind: Kind | None = None
    model: str | None = None


async def add(connection: AsyncConnection, owner: str, row: Evaluation) -> None:
    """Keep a judgement of `owner`."""
    await connection.execute(evaluations.insert().values(**{**structs.asdict(row), "user_id": owner}))


async def page(
    connection: AsyncConnection,
    reach: Reach,
    since: int,
    until: int,
    sought: Sought,
    *,
    before: tuple[int, str] | None = None,
    limit: int = 50,
) -> list[Evaluation]:
    """Return the judgements from `since` to `until` (microseconds since the epoch), the latest first.

    `before` is time and id of the last one of the page before.
    """
    c = evaluations.c
    where: list[Any] = [c.at >= since, c.at < until, seen(evaluations, reach)]
    if sought.name is not None:
        where.append(c.name == sought.name)
    if sought.kind is not None:
        where.append(c.kind == sought.kind)
    if sought.model is not None:
        where.append(or_(c.model_a == sought.model, c.model_b == sought.model))
    if before is not None:
        at, last = before
        where.append(or_(c.at < at, and_(c.at == at, c.id < last)))
    query = select(evaluations).where(*where).order_by(c.at.desc(), c.id.desc()).limit(min(limit, MOST))
    return [Evaluation(**row) for row in (await connection.execute(query)).mappings()]
