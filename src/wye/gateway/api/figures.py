"""How sums, percentiles and requests are shown: money in USD, durations in milliseconds, times in ISO 8601 (UTC)."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import field

from wye.core.record import AttemptRecord, UsageRecord
from wye.core.sums import Sums
from wye.gateway.api.views import View
from wye.insights.metrics import Measured, Percentiles
from wye.insights.spans import iso, iso_us
from wye.store.reports import Span

Evidence = Mapping[str, float | int | str | None]


class SpanView(View, frozen=True, kw_only=True):
    """The stretch of time that was looked at: whole hours, the last one not included."""

    since: str
    until: str


class SumsView(View, frozen=True, kw_only=True):
    """What requests came to.

    `failures` are requests that ended in an error, `failedCalls` single calls that a provider is to blame for. Money
    is USD and counts what is known: `unknownCosts` and `estimatedCosts` are the numbers of requests whose cost is not
    known, or rests on an estimate of tokens. `saved` is what answers from the cache would have cost.
    """

    requests: int
    successes: int
    failures: int
    cancelled: int
    lost: int
    cached: int
    streams: int
    success_rate: float | None
    calls: int
    failed_calls: int
    retries: int
    failovers: int
    input_tokens: int
    output_tokens: int
    total_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    audio_tokens: int
    cost: float
    reported_cost: float
    saved: float
    unknown_costs: int
    estimated_costs: int
    average_duration_ms: float | None
    average_first_token_ms: float | None


class PercentilesView(View, frozen=True, kw_only=True):
    """Milliseconds within which that part of the requests was done; `null` where there were none."""

    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None


class MeasuredView(SumsView, frozen=True, kw_only=True):
    """Sums with percentiles, of which each is at most `errorBound` off."""

    first_token_ms: PercentilesView
    duration_ms: PercentilesView


class CallView(View, frozen=True, kw_only=True):
    """One call to a provider."""

    provider: str
    model: str
    at: str
    duration_ms: float
    first_token_ms: float | None
    error: str | None
    cancelled: bool
    input_tokens: int | None
    output_tokens: int | None
    cost: float | None
    reported_cost: float | None
    estimated: bool


class RequestView(View, frozen=True, kw_only=True):
    """One request. `cost` is `null` where it is unknown, `tries` the number of calls to providers."""

    id: str
    at: str
    status: str
    error: str | None
    user: str
    key: str | None
    team: str | None
    parent: str | None
    conversation: str | None
    tags: Sequence[str]
    operation: str
    surface: str
    asked: str
    provider: str | None
    model: str | None
    stream: bool
    cached: bool
    tries: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    audio_tokens: int
    cost: float | None
    reported_cost: float | None
    estimated: bool
    saved: float | None
    hold: float | None
    first_token_ms: float | None
    duration_ms: float
    prices: str | None = field(default=None)


def span_view(span: Span) -> SpanView:
    """Return a span as it is shown."""
    return SpanView(since=iso(span.start), until=iso(span.end))


def sums_view(sums: Sums) -> SumsView:
    """Return sums as they are shown."""
    return SumsView(**_sums(sums))


def measured_view(found: Measured) -> MeasuredView:
    """Return sums with percentiles as they are shown."""
    return MeasuredView(
        **_sums(found.sums),
        first_token_ms=percentiles_view(found.first_token),
        duration_ms=percentiles_view(found.total),
    )


def percentiles_view(found: Percentiles) -> PercentilesView:
    """Return percentiles as they are shown."""
    return PercentilesView(p50=_ms(found.p50), p90=_ms(found.p90), p95=_ms(found.p95), p99=_ms(found.p99))


def _sums(sums: Sums) -> dict[str, Any]:
    good = sums.requests - sums.errors - sums.cancelled - sums.lost
    judged = good + sums.errors
    return {
        "requests": sums.requests,
        "successes": good,
        "failures": sums.errors,
        "cancelled": sums.cancelled,
        "lost": sums.lost,
        "cached": sums.cached,
        "streams": sums.streams,
        "success_rate": round(good / judged, 4) if judged > 0 else None,
        "calls": sums.tries,
        "failed_calls": sums.failures,
        "retries": sums.retries,
        "failovers": sums.failovers,
        "input_tokens": sums.input_tokens,
        "output_tokens": sums.output_tokens,
        "total_tokens": sums.input_tokens + sums.output_tokens,
        "cache_read_tokens": sums.cache_read_tokens,
        "cache_write_tokens": sums.cache_write_tokens,
        "reasoning_tokens": sums.reasoning_tokens,
        "audio_tokens": sums.audio_tokens,
        "cost": dollars(sums.cost),
        "reported_cost": dollars(sums.reported_cost),
        "saved": dollars(sums.saved),
        "unknown_costs": sums.unknown_costs,
        "estimated_costs": sums.estimated_costs,
        "average_duration_ms": _ms(sums.duration / sums.answered) if sums.answered else None,
        "average_first_token_ms": _ms(sums.first_token / sums.first_tokens) if sums.first_tokens else None,
    }


def request_view(record: UsageRecord) -> RequestView:
    """Return a request as it is shown."""
    names = set(RequestView.__struct_fields__) & set(UsageRecord.__struct_fields__)
    plain = {name: getattr(record, name) for name in names}
    money = {name: _known(getattr(record, name)) for name in ("cost", "reported_cost", "saved", "hold")}
    times = {"first_token_ms": _ms(record.first_token), "duration_ms": record.duration / 1000}
    return RequestView(**{**plain, **money, **times, "at": iso_us(record.at)})


def call_view(call: AttemptRecord) -> CallView:
    """Return a call as it is shown."""
    names = set(CallView.__struct_fields__) & set(AttemptRecord.__struct_fields__)
    plain = {name: getattr(call, name) for name in names}
    money = {name: _known(getattr(call, name)) for name in ("cost", "reported_cost")}
    times = {"first_token_ms": _ms(call.first_token), "duration_ms": call.duration / 1000}
    return CallView(**{**plain, **money, **times, "at": iso_us(call.at)})


def dollars(pico: int) -> float:
    """Return picodollars in USD: 15 digits are exact."""
    return pico / 10**12


def _known(pico: int | None) -> float | None:
    return None if pico is None else dollars(pico)


def _ms(microseconds: float | None) -> float | None:
    return None if microseconds is None else round(microseconds / 1000, 1)
