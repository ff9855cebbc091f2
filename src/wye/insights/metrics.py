"""How providers and models do: counts, money, percentiles of latency, what failed last, and all of it by the hour.

Percentiles come from sketches and are at most 5% away from the exact ones (`wye.core.sketch.ERROR`), whatever stretch
of time they are of. A caller who may not see everybody's requests gets them from the latest 5,000 of their own.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from wye.core import sketch
from wye.core.record import HOUR_US
from wye.core.sums import SUMMED, Sums
from wye.store import reports, requests
from wye.store.reports import Failure, Filters, Line, Reach, Sketches, Span

SHARES: Final = (0.5, 0.9, 0.95, 0.99)
_RECENT: Final = 20
MOST_HOURS: Final = 31 * 24
"""How far back a history goes by the hour."""


class Percentiles(Struct, frozen=True, kw_only=True):
    """Microseconds within which a share of what is counted was done; `None` where there was nothing."""

    p50: float | None = None
    p90: float | None = None
    p95: float | None = None
    p99: float | None = None


class Measured(Struct, frozen=True, kw_only=True):
    """What one group of requests came to."""

    sums: Sums
    first_token: Percentiles = Percentiles()
    total: Percentiles = Percentiles()


class Provider(Struct, frozen=True, kw_only=True):
    """One provider and its models."""

    measured: Measured
    models: Mapping[str, Measured]
    errors: Sequence[Failure]


class Metrics(Struct, frozen=True, kw_only=True):
    """How all did over a span; what answered nothing and failed nothing is not there."""

    span: Span
    all: Measured
    providers: Mapping[str, Provider]


async def current(
    connection: AsyncConnection, reach: Reach, span: Span, *, provider: str | None = None, since: int = 0
) -> Metrics:
    """Return how providers and models did over `span`, from `since` (microseconds since the epoch) on."""
    whole, part = _parts(span, since)
    filters = Filters(provider=provider)
    lines = await reports.totals(connection, reach, whole, filters, by="model")
    sketches = await _sketches(connection, reach, whole, provider)
    if part is not None:
        lines = _joined(lines + await reports.totals(connection, reach, part, filters, by="model", since=since))
        _time(sketches, await requests.times(connection, reach, part, provider=provider, since=since))
    lines = [line for line in lines if line.name != ("", "")]
    begun = max(span.start * HOUR_US, since)
    errors = await reports.failures(connection, reach, begun, provider=provider, limit=_RECENT)
    names = dict.fromkeys(line.name[0] for line in lines)
    found = {name: _provider(name, lines, sketches, errors) for name in names}
    return Metrics(span=span, all=_measured(lines, sketches), providers=found)


def _parts(span: Span, since: int) -> tuple[Span, Span | None]:
    """Return the whole hours of a span that begins at `since`, and the hour that is cut, if one is."""
    hour = since // HOUR_US
    if since <= span.start * HOUR_US or hour >= span.end:
        return (span if since <= span.start * HOUR_US else Span(span.end, span.end)), None
    if since % HOUR_US == 0:
        return Span(hour, span.end), None
    return Span(hour + 1, span.end), Span(hour, hour + 1)


def _joined(lines: Sequence[Line]) -> list[Line]:
    found: dict[tuple[str, ...], Line] = {}
    for line in lines:
        known = found.get(line.name)
        found[line.name] = line if known is None else Line(line.name, known.start, added([known.sums, line.sums]))
    return list(found.values())


def _time(sketches: Sketches, timed: Iterable[requests.Timed]) -> None:
    """Add single requests to sketches."""
    for one in timed:
        kinds = sketches[one.provider, one.model]
        for kind, took in (("total", one.duration), ("first_token", one.first_token)):
            if took is not None:
                number = sketch.bucket(took)
                kinds[kind][number] = kinds[kind].get(number, 0) + 1


def _provider(name: str, lines: Sequence[Line], sketches: Sketches, errors: Sequence[Failure]) -> Provider:
    ours = [line for line in lines if line.name[0] == name]
    return Provider(
        measured=_measured(ours, sketches),
        models={line.name[1]: _measured([line], sketches) for line in ours},
        errors=[one for one in errors if one.provider == name],
    )


def _measured(lines: Sequence[Line], sketches: Sketches) -> Measured:
    merged = {kind: merge(sketches[line.name][kind] for line in lines if line.name in sketches) for kind in _KINDS}
    return Measured(
        sums=added(line.sums for line in lines),
        first_token=percentiles(merged["first_token"]),
        total=percentiles(merged["total"]),
    )


_KINDS: Final = ("first_token", "total")


async def _sketches(connection: AsyncConnection, reach: Reach, span: Span, provider: str | None) -> Sketches:
    if reach.is_all:
        return await reports.latencies(connection, span, by=("provider", "model"), provider=provider)
    found: Sketches = defaultdict(lambda: defaultdict(dict))
    _time(found, await requests.times(connection, reach, span, provider=provider))
    return found


async def history(
    connection: AsyncConnection, reach: Reach, span: Span, *, provider: str | None = None, since: int = 0
) -> list[Line]:
    """Return sums by the hour and provider, in order of time; hours without any request are not there."""
    whole, part = _parts(span, since)
    filters = Filters(provider=provider)
    lines = await reports.totals(connection, reach, whole, filters, by="provider", step="hour")
    if part is not None:
        first = await reports.totals(connection, reach, part, filters, by="provider", step="hour", since=since)
        lines = first + lines
    return [line for line in lines if line.name != ("",)]


def merge(counts: Iterable[Mapping[int, int]]) -> dict[int, int]:
    """Return one sketch of several."""
    merged: dict[int, int] = defaultdict(int)
    for one in counts:
        for number, count in one.items():
            merged[number] += count
    return merged


def percentiles(counts: Mapping[int, int]) -> Percentiles:
    """Return the percentiles of a sketch."""
    p50, p90, p95, p99 = (sketch.quantile(counts, share) for share in SHARES)
    return Percentiles(p50=p50, p90=p90, p95=p95, p99=p99)


def added(several: Iterable[Sums]) -> Sums:
    """Return sums of sums."""
    total = Sums()
    for sums in several:
        for name in SUMMED:
            setattr(total, name, getattr(total, name) + getattr(sums, name))
    return total
