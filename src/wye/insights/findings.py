"""Gathers from the books what the rules want to know, and lets them speak."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from wye.catalog.schema import ModelInfo
from wye.core.record import HOUR_US, PICO_PER_USD
from wye.core.sums import Sums
from wye.core.usage import Usage
from wye.insights import rules
from wye.insights.metrics import added, merge
from wye.insights.rules import Alert, Alternative, Recommendation, Refused, SpentBudget, Trend, UnusedKey
from wye.ledger import price
from wye.store import budgets, leftovers, refusals, reports
from wye.store.reports import Filters, Line, Reach, Span

_WEEK: Final = 7
_NO_FILTERS: Final = Filters()


class Findings(Struct, frozen=True, kw_only=True):
    """What is wrong, the gravest first, and what could be better, what saves most first."""

    alerts: Sequence[Alert]
    recommendations: Sequence[Recommendation]


async def find(
    connection: AsyncConnection, reach: Reach, now: int, models: Mapping[str, ModelInfo], *, since: int = 0
) -> Findings:
    """Return what there is to say at `now`, from the books after `since` (both microseconds since the epoch).

    `models` are those that may be advised, by their full ids. Budgets are told to who may see everything.
    """
    hour, first = now // HOUR_US, since // HOUR_US
    week = _span(first, hour - 24 * (_WEEK + 1) + 1, hour + 1)
    alerts: list[Alert] = []
    for trend in await _trends(connection, reach, first, hour):
        alerts += [*rules.degrading_provider(trend, now), *rules.slower_provider(trend, now)]
    recent = await reports.error_counts(connection, reach, _span(first, hour - 1, hour + 1))
    before = await reports.error_counts(connection, reach, _span(first, hour - 25, hour - 1))
    alerts += rules.error_burst(recent, before, now)
    by_hour = await reports.totals(connection, reach, week, _NO_FILTERS, step="hour")
    by_model = await reports.totals(connection, reach, _span(first, hour - 23, hour + 1), _NO_FILTERS, by="model")
    days = [_cost(by_hour, hour + 1 - 24 * (day + 1), hour + 1 - 24 * day) for day in range(_WEEK + 1)]
    dearest = "/".join(by_model[0].name) if by_model else ""
    alerts += rules.cost_jump(days[0], days[1:], dearest, now)
    alerts += rules.lost_requests(added(line.sums for line in by_model), now)
    for whose, count in await refusals.since(connection, reach, max(first, hour - 1)):
        alerts += rules.refused_requests(_refused(whose, count))
    if reach.is_all:
        for found in await _budgets(connection, now):
            alerts += rules.budget_running_out(found, now)
    recommendations = [*rules.unknown_costs({"/".join(line.name): line.sums for line in by_model if all(line.name)})]
    spent = await reports.totals(
        connection, reach, _span(first, hour - 24 * _WEEK + 1, hour + 1), _NO_FILTERS, by="model"
    )
    for alternative in alternatives({"/".join(line.name): line.sums for line in spent}, models):
        recommendations += rules.cheaper_model(alternative)
    horizon = now - rules.UNUSED_DAYS * 24 * HOUR_US
    for key, name, made, last in await leftovers.idle_keys(connection, reach, horizon, horizon):
        unused = UnusedKey(key=key, name=name, created_at=made, last_used_at=last)
        recommendations += rules.unused_key(unused, now)
    recommendations.sort(key=lambda one: -(one.saves or 0))
    return Findings(alerts=rules.by_severity(alerts), recommendations=recommendations)


def _refused(whose: refusals.Refusal, count: int) -> Refused:
    return Refused(
        user=whose.user_id,
        key=whose.key_id or None,
        by=whose.by,
        scope=whose.scope,
        target=whose.target,
        measure=whose.measure,
        count=count,
        since=whose.hour * HOUR_US,
    )


def _span(first: int, start: int, end: int) -> Span:
    return Span(min(max(first, start), end), end)


def _cost(lines: Sequence[Line], start: int, end: int) -> int:
    return sum(line.sums.cost for line in lines if start <= line.start < end)


async def _trends(connection: AsyncConnection, reach: Reach, first: int, hour: int) -> list[Trend]:
    span = _span(first, hour - 25, hour + 1)
    hours: dict[str, dict[int, Sums]] = defaultdict(dict)
    for line in await reports.totals(connection, reach, span, _NO_FILTERS, by="provider", step="hour"):
        hours[line.name[0]][line.start] = line.sums
    recent: reports.Sketches = {}
    earlier: reports.Sketches = {}
    if reach.is_all:
        recent = await reports.latencies(connection, _span(first, hour - 1, hour + 1))
        earlier = await reports.latencies(connection, _span(first, hour - 25, hour - 1))
    return [
        Trend(
            provider=name,
            hours=sums,
            recent_first_tokens=merge([recent.get((name,), {}).get("first_token", {})]),
            earlier_first_tokens=merge([earlier.get((name,), {}).get("first_token", {})]),
        )
        for name, sums in hours.items()
        if name
    ]


async def _budgets(connection: AsyncConnection, now: int) -> list[SpentBudget]:
    known = await budgets.all_in_force(connection)
    standings = await budgets.standings(connection, known, now)
    return [
        SpentBudget(budget=one, spent=stands.spent, starts_at=stands.starts_at, ends_at=stands.ends_at)
        for one in known
        if (stands := standings.get(one.id)) is not None
    ]


def alternatives(spent: Mapping[str, Sums], models: Mapping[str, ModelInfo]) -> list[Alternative]:
    """Return, for each model that was used, the cheapest of the same tier that can do all it can, for its tokens."""
    found = []
    for name, sums in spent.items():
        row = models.get(name)
        usage = Usage(
            input_tokens=max(sums.input_tokens, 0),
            output_tokens=max(sums.output_tokens, 0),
            cache_read_tokens=max(sums.cache_read_tokens, 0),
            cache_write_tokens=max(sums.cache_write_tokens, 0),
        )
        if row is None or sums.cost <= 0:
            continue
        costs = [
            (cost, other.full_id)
            for other in models.values()
            if other is not row and is_as_good(other, row) and (cost := price.cost(other.price, usage)) is not None
        ]
        if costs:
            cost, other_name = min(costs)
            pico = round(cost * Decimal(PICO_PER_USD))
            found.append(
                Alternative(
                    model=name, cost=sums.cost, days=_WEEK, other=other_name, other_cost=pico, tier=row.quality_tier
                )
            )
    return found


def is_as_good(other: ModelInfo, row: ModelInfo) -> bool:
    """Tell whether a model is of the same tier as another, can do all it can, holds as much, and is here to stay."""
    return (
        other.quality_tier == row.quality_tier
        and not other.deprecated
        and other.capabilities >= row.capabilities
        and (row.context_window is None or (other.context_window or 0) >= row.context_window)
        and not other.price.is_free  # a price of nothing is a machine of one's own, which costs otherwise
    )
