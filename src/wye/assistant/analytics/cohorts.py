"""`user_cohorts`: users by when they came, how many came back, and what they use."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

from msgspec import Struct

from wye.assistant.analytics.asked import Books, Viewer, When
from wye.assistant.analytics.tables import Cell, Chart, Column, Finding, Table, percent, period_of, usd
from wye.core.sums import Sums
from wye.insights.metrics import added
from wye.insights.spans import iso
from wye.store import reports
from wye.store.reports import Filters, Line, Span

NAME: Final = "user_cohorts"
DESCRIPTION: Final = (
    "Users by the week or month of their first request: how many came back in each later one (retention in percent), "
    "their requests and cost; beside it who is new, active or gone, and how much of the cost the heaviest tenth is."
)
_PERIODS_AT_MOST: Final = 26
_TOP: Final = 5


class Arguments(When, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When, and how long a period is."""

    period: Literal["week", "month"] = "week"


class Cohort(Struct, kw_only=True):
    """Users who came in one period: how many were there so many periods later, and all that they used."""

    start: int
    users: int
    there: list[int]
    sums: Sums


async def answer(books: Books, asked: Arguments, viewer: Viewer) -> Finding:
    """Return the cohorts of the users that may be seen."""
    reach, span = viewer.reach, asked.span(viewer, days=84 if asked.period == "week" else 365)
    async with books.source.read() as connection:
        lines = await reports.totals(connection, reach, span, Filters(), by="user", step=asked.period)
        first = await reports.first_hours(connection, reach)
    lines = [line for line in lines if line.sums.requests]
    periods = _periods(span, asked.period)[-_PERIODS_AT_MOST:]
    found = cohorts_of(
        lines, {name: reports.start_of_step(asked.period, hour) for name, hour in first.items()}, periods
    )
    later = [Column(f"+{number}", "%") for number in range(1, len(periods))]
    columns = (Column("cohort"), Column("users", "count"), Column("requests", "count"), Column("cost", "USD"), *later)
    notes = ["a cohort is everybody whose first request was in that period; +1 is the share there one period later"]
    if not reach.is_all:
        notes.append("only users that you may see are counted")
    return Finding(
        period=period_of(span),
        summary=_summary(lines, first, periods),
        table=Table(columns, [_row(one, len(periods)) for one in found]),
        chart=Chart(kind="bar", x="cohort", y=["users"]),
        notes=notes,
    )


def cohorts_of(lines: Iterable[Line], came: Mapping[str, int], periods: Sequence[int]) -> list[Cohort]:
    """Return the cohorts of `periods` (first hours, in order); `came` is the period in which each user was new."""
    place = {start: at for at, start in enumerate(periods)}
    seen: dict[str, set[int]] = defaultdict(set)
    sums: dict[str, list[Sums]] = defaultdict(list)
    for line in lines:
        if line.start in place:
            seen[line.name[0]].add(place[line.start])
            sums[line.name[0]].append(line.sums)
    members: dict[int, list[str]] = defaultdict(list)
    for user in seen:
        members[came.get(user, periods[min(seen[user])])].append(user)
    return [
        Cohort(
            start=start,
            users=len(members[start]),
            there=[sum(at in seen[user] for user in members[start]) for at in range(place[start] + 1, len(periods))],
            sums=added(one for user in members[start] for one in sums[user]),
        )
        for start in periods
        if members[start]
    ]


def _periods(span: Span, step: Literal["week", "month"]) -> list[int]:
    starts = {reports.start_of_step(step, hour) for hour in range(span.start, span.end, 24)}
    return sorted(starts | {reports.start_of_step(step, span.end - 1)})


def _row(one: Cohort, periods: int) -> list[Cell]:
    later: list[Cell] = [percent(count, one.users) for count in one.there]
    empty: list[Cell] = [None] * (periods - 1 - len(later))
    return [iso(one.start)[:10], one.users, one.sums.requests, usd(one.sums.cost), *later, *empty]


def _summary(lines: Sequence[Line], first: Mapping[str, int], periods: Sequence[int]) -> dict[str, Any]:
    by_user: dict[str, list[Sums]] = defaultdict(list)
    for line in lines:
        by_user[line.name[0]].append(line.sums)
    costs = sorted(((added(sums).cost, user) for user, sums in by_user.items()), reverse=True)
    whole, heavy = sum(cost for cost, _ in costs), max(1, len(costs) // 10)
    last = periods[-1]
    now = {line.name[0] for line in lines if line.start == last}
    before = {line.name[0] for line in lines if len(periods) > 1 and line.start == periods[-2]}
    return {
        "users": len(by_user),
        "active_in_last_period": len(now),
        "new_in_last_period": sum(first.get(user, last) >= last for user in now),
        "came_back_from_period_before_percent": percent(len(now & before), len(before)),
        "gone_since_period_before": len(before - now),
        "share_of_cost_of_heaviest_tenth_percent": percent(sum(cost for cost, _ in costs[:heavy]), whole),
        "heaviest": [{"user": user, "cost_usd": usd(cost)} for cost, user in costs[:_TOP]],
    }
