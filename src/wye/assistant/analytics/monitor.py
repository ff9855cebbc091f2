"""`system_monitor`: how providers are now, how they did, and what is wrong."""

from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from wye.assistant.analytics.asked import Books, Name, Viewer
from wye.assistant.analytics.tables import Cell, Chart, Column, Finding, Table, milliseconds, percent, period_of, usd
from wye.core.errors import InvalidRequestError
from wye.health import ProviderReport
from wye.insights import findings, metrics
from wye.insights.metrics import Metrics
from wye.insights.spans import iso_us, span_of

NAME: Final = "system_monitor"
DESCRIPTION: Final = (
    "How the providers of language models are now (status, circuit breaker) and how they did lately: requests, error "
    "rate, latency percentiles, cost, alerts and the last errors. Use it for questions on health, outages and speed."
)
_ERRORS: Final = 10
_ALERTS: Final = 10
_COLUMNS: Final = (
    Column("provider"), Column("status"), Column("breaker"), Column("requests", "count"), Column("error_rate", "%"),
    Column("first_token_p50", "ms"), Column("first_token_p95", "ms"), Column("duration_p95", "ms"),
    Column("cost", "USD"),
)  # fmt: skip


class Arguments(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to look at."""

    hours: Annotated[int, Meta(ge=1, le=metrics.MOST_HOURS, description="The last so many hours.")] = 24
    provider: Annotated[Name, Meta(description="Only this provider, by its id.")] | None = None


async def answer(books: Books, asked: Arguments, viewer: Viewer) -> Finding:
    """Return how all providers in use are, or one."""
    now, reach = viewer.now, viewer.reach
    reports = books.engine.providers()
    row = books.engine.snapshot.catalog.provider(asked.provider) if asked.provider else None
    if asked.provider is not None and row is None:
        raise InvalidRequestError(f"there is no provider {asked.provider!r}; there are: {', '.join(sorted(reports))}")
    span = span_of(now, None, hours=asked.hours)
    async with books.source.read() as connection:
        did = await metrics.current(connection, reach, span, provider=row.id if row else None)
        found = await findings.find(connection, reach, now, {})
    alerts = [one for one in found.alerts if row is None or one.provider == row.id]
    errors = sorted((error for one in did.providers.values() for error in one.errors), key=lambda one: -one.at)
    return Finding(
        period=period_of(span),
        summary={
            "requests": did.all.sums.requests,
            "error_rate_percent": percent(did.all.sums.errors, did.all.sums.requests),
            "cost_usd": usd(did.all.sums.cost),
            "alerts": [
                {"severity": one.severity, "code": one.code, "message": one.message} for one in alerts[:_ALERTS]
            ],
            "last_errors": [
                {"at": iso_us(one.at), "provider": one.provider, "model": one.model, "error": one.error}
                for one in errors[:_ERRORS]
            ],
        },
        table=Table(_COLUMNS, _rows(books, reports, did, row.id if row else None)),
        chart=Chart(kind="bar", x="provider", y=["first_token_p50", "first_token_p95"]),
        notes=[]
        if reach.is_all
        else ["requests, errors and latencies are those you may see; the status is everybody's"],
    )


def _rows(books: Books, reports: dict[str, ProviderReport], did: Metrics, only: str | None) -> list[list[Cell]]:
    used = books.engine.snapshot.availability.configured | did.providers.keys()
    names = [only] if only is not None else sorted(used & reports.keys())
    return [_row(name, reports[name], did) for name in names]


def _row(name: str, report: ProviderReport, did: Metrics) -> list[Cell]:
    seen: Any = did.providers.get(name)
    cells: list[Cell] = [name, report.status, report.breaker.state]
    if seen is None:
        return [*cells, 0, None, None, None, None, 0.0]
    measured = seen.measured
    return [
        *cells,
        measured.sums.requests,
        percent(measured.sums.errors, measured.sums.requests),
        milliseconds(measured.first_token.p50),
        milliseconds(measured.first_token.p95),
        milliseconds(measured.total.p95),
        usd(measured.sums.cost),
    ]
