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


async def current(connection: AsyncConnection, reach: Reach, span: Span, *, provider: str | None = None) -> Metrics:
    """Return how providers and models did over `span`."""
    filters = Filters(provider=provider)
    lines = [
        line for line in await reports.totals(connection, reach, span, filters, by="model") if line.name != ("", "")
    ]
    sketches = await _sketches(connection, reach, span, provider)
    errors = await reports.failures(connection, reach, span.start * HOUR_US, provider=provider, limit=_RECENT)
    names = dict.fromkeys(line.name[0] for line in lines)
    found = {name: _provider(name, lines, sketches, errors) for name in names}
    return Metrics(span=span, all=_measured(lines, sketches), providers=found)


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
    found: Sketches = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))
    for one in await requests.times(connection, reach, span, provider=provider):
        kinds = found[one.provider, one.model]
        kinds["total"][sketch.bucket(one.duration)] += 1
        if one.first_token is not None:
            kinds["first_token"][sketch.bucket(one.first_token)] += 1
    return found


async def history(connection: AsyncConnection, reach: Reach, span: Span, *, provider: str | None = None) -> list[Line]:
    """Return sums by the hour and provider, in order of time; hours without any request are not there."""
    filters = Filters(provider=provider)
    lines = await reports.totals(connection, reach, span, filters, by="provider", step="hour")
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
