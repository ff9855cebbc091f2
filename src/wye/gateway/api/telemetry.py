"""Routes about how providers do: metrics, insights, their export, and where they begin."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Annotated, Any, Final, Literal, TypeAlias

from litestar import get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody, QueryParameter

from wye.core.sketch import ERROR
from wye.gateway.api.asking import known_provider
from wye.gateway.api.figures import (
    Evidence,
    MeasuredView,
    SpanView,
    SumsView,
    dollars,
    measured_view,
    span_view,
    sums_view,
)
from wye.gateway.api.forms import ResetForm
from wye.gateway.api.here import Here
from wye.gateway.api.pieces import Pieces
from wye.gateway.api.views import View
from wye.insights import export, findings, metrics
from wye.insights.metrics import Metrics
from wye.insights.reach import reach_of
from wye.insights.rules import Alert, Recommendation
from wye.insights.spans import iso, iso_us
from wye.store import leftovers
from wye.store.database import now_us
from wye.store.reports import Failure, Line, Span


class FailureView(View, frozen=True, kw_only=True):
    """A call that failed, of the request `request`."""

    at: str
    provider: str
    model: str
    error: str
    request: str


class TelemetryProviderView(MeasuredView, frozen=True, kw_only=True):
    """One provider, its models by their ids, and the calls that failed last."""

    models: Mapping[str, MeasuredView]
    recent_errors: Sequence[FailureView]


class HourView(SumsView, frozen=True, kw_only=True):
    """One hour of one provider."""

    hour: str
    provider: str


class TelemetryView(View, frozen=True, kw_only=True):
    """How providers did over a time, and by the hour. Percentiles are at most `errorBound` (a part of 1) off."""

    period: SpanView
    reset_at: str | None
    error_bound: float
    total: MeasuredView
    providers: Mapping[str, TelemetryProviderView]
    history: Sequence[HourView]


class AlertView(View, frozen=True, kw_only=True):
    """Something is wrong; `evidence` are the figures that say so."""

    code: str
    severity: Literal["low", "medium", "high", "critical"]
    message: str
    since: str
    provider: str | None
    model: str | None
    evidence: Evidence


class AdviceView(View, frozen=True, kw_only=True):
    """Something could be better; `saves` is USD in 30 days, where it is about money."""

    code: str
    message: str
    provider: str | None
    model: str | None
    saves: float | None
    evidence: Evidence


class InsightsView(View, frozen=True, kw_only=True):
    """What the books give reason to say, the gravest first."""

    alerts: Sequence[AlertView]
    recommendations: Sequence[AdviceView]


class ResetView(View, frozen=True, kw_only=True):
    """From when on metrics are shown."""

    reset_at: str


_Provider: TypeAlias = Annotated[str | None, QueryParameter(description="a provider's id or alias")]
_Hours: TypeAlias = Annotated[
    int | None, QueryParameter(ge=1, le=metrics.MOST_HOURS, description="how far back, the hour under way included; 24")
]
_Format: TypeAlias = Annotated[Literal["json", "csv"] | None, QueryParameter(name="format", description="json, or csv")]
READS: Final = {"needs": ("read", "manage")}
"""The scopes of which one is needed to read usage; whose, is for `wye.insights.reach` to say."""
_EXPORTED: Final = {
    200: ResponseSpec(
        str,
        generate_examples=False,
        media_type="application/json",
        description="Rows by the hour, provider and model: a JSON array or a CSV (`text/csv`), sent as it is read",
    )
}


@get("/telemetry", opt={**READS, "query": {"provider": False, "hours": False}})
async def telemetry(here: NamedDependency[Here], provider: _Provider = None, hours: _Hours = None) -> TelemetryView:
    """Show how providers and models did.

    Requests, failures, tokens, cost, percentiles of latency, what failed last, and all of it by the hour. Who may not
    see everybody's requests is told of their own.
    """
    reach, name = reach_of(here.caller), _named(here, provider)
    async with here.books.read() as connection:
        since = await leftovers.shown_since(connection)
        span = _last(hours)
        found = await metrics.current(connection, reach, span, provider=name, since=since)
        lines = await metrics.history(connection, reach, span, provider=name, since=since)
    return telemetry_view(found, lines, since)


@get("/telemetry/insights", opt=READS)
async def insights(here: NamedDependency[Here]) -> InsightsView:
    """Show alerts and recommendations that the books give reason for."""
    reach, known = reach_of(here.caller), here.engine.snapshot
    models = {name: row for name, row in known.catalog.models.items() if row.provider in known.availability.configured}
    async with here.books.read() as connection:
        since = await leftovers.shown_since(connection)
        found = await findings.find(connection, reach, now_us(), models, since=since)
    return InsightsView(
        alerts=[alert_view(one) for one in found.alerts],
        recommendations=[advice_view(one) for one in found.recommendations],
    )


@get(
    "/telemetry/export",
    responses=_EXPORTED,
    opt={**READS, "query": {"format": False, "provider": False, "hours": False}},
)
async def export_telemetry(
    here: NamedDependency[Here], form: _Format = None, provider: _Provider = None, hours: _Hours = None
) -> Pieces:
    """Export metrics by the hour, provider and model, as JSON or CSV."""
    reach, name = reach_of(here.caller), _named(here, provider)
    async with here.books.read() as connection:
        since = await leftovers.shown_since(connection)
    span = _last(hours)
    cut = Span(min(max(span.start, since // 3_600_000_000), span.end), span.end)
    rows = export.metric_rows(here.books, reach, cut, provider=name)
    return download(here, rows, form or "json", "wye-telemetry")


def download(here: Here, rows: AsyncIterator[Sequence[export.Row]], form: export.Format, name: str) -> Pieces:
    """Return rows as a file."""
    media = "text/csv; charset=utf-8; header=present" if form == "csv" else "application/json"
    return Pieces(here, media, export.encoded(rows, form), filename=f"{name}.{form}")


@post("/telemetry/reset", status_code=200)
async def reset(here: NamedDependency[Here], data: JSONBody[ResetForm]) -> ResetView:
    """Begin anew: metrics and insights are shown from now on, or from `since`. Nothing is deleted from the books."""
    at = now_us() if data.since is None else round(data.since.timestamp() * 1_000_000)
    async with here.books.begin() as connection:
        await leftovers.show_from(connection, at, by=here.caller.user)
    return ResetView(reset_at=iso_us(at))


def _last(hours: int | None) -> Span:
    end = now_us() // 3_600_000_000 + 1
    return Span(end - (hours or 24), end)


def _named(here: Here, provider: str | None) -> str | None:
    return None if provider is None else known_provider(here.engine, provider).id


def telemetry_view(found: Metrics, lines: Sequence[Line], since: int = 0) -> TelemetryView:
    """Return metrics as they are shown."""
    return TelemetryView(
        period=span_view(found.span),
        reset_at=iso_us(since) if since else None,
        error_bound=round(ERROR, 4),
        total=measured_view(found.all),
        providers={
            name: TelemetryProviderView(
                **_fields(measured_view(one.measured)),
                models={model: measured_view(measured) for model, measured in one.models.items()},
                recent_errors=[_failure(error) for error in one.errors],
            )
            for name, one in found.providers.items()
        },
        history=[
            HourView(hour=iso(line.start), provider=line.name[0], **_fields(sums_view(line.sums))) for line in lines
        ],
    )


def _fields(view: View) -> dict[str, Any]:
    return {name: getattr(view, name) for name in view.__struct_fields__}


def _failure(found: Failure) -> FailureView:
    return FailureView(
        at=iso_us(found.at), provider=found.provider, model=found.model, error=found.error, request=found.usage_id
    )


def alert_view(found: Alert) -> AlertView:
    """Return an alert as it is shown."""
    return AlertView(
        code=found.code,
        severity=found.severity,
        message=found.message,
        since=iso_us(found.since),
        provider=found.provider,
        model=found.model,
        evidence=found.evidence,
    )


def advice_view(found: Recommendation) -> AdviceView:
    """Return a recommendation as it is shown."""
    return AdviceView(
        code=found.code,
        message=found.message,
        provider=found.provider,
        model=found.model,
        saves=None if found.saves is None else dollars(found.saves),
        evidence=found.evidence,
    )


HANDLERS: Final = (telemetry, insights, export_telemetry, reset)
