"""`cache_metrics`: how often answers came from the cache, what that saved, and what providers' own caches held."""

from typing import Final, Literal, TypeAlias

from wye.assistant.analytics.asked import Asked, Books, Rows, Viewer
from wye.assistant.analytics.tables import Cell, Chart, Column, Finding, Table, percent, period_of, usd
from wye.core.sums import Sums
from wye.insights import usage
from wye.insights.spans import iso

NAME: Final = "cache_metrics"
DESCRIPTION: Final = (
    "How well caching works: share of requests answered from the gateway's own cache and what that saved, and the "
    "share of input tokens that providers read from their prompt caches; by model, provider, user, or over time."
)
By: TypeAlias = Literal["model", "provider", "user", "key", "team", "tag", "day"]
_FIGURES: Final = (
    Column("requests", "count"), Column("answered_from_cache", "count"), Column("hit_rate", "%"),
    Column("saved", "USD"), Column("input_tokens", "tokens"), Column("tokens_from_prompt_cache", "tokens"),
    Column("prompt_cache_rate", "%"), Column("tokens_written_to_prompt_cache", "tokens"),
)  # fmt: skip


class Arguments(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When, of what, and by what."""

    by: By = "model"
    limit: Rows = 50


async def answer(books: Books, asked: Arguments, viewer: Viewer) -> Finding:
    """Return how caches did."""
    reach, span, filters = viewer.reach, asked.span(viewer), asked.filters()
    over_time = asked.by == "day"
    async with books.source.read() as connection:
        if asked.by == "day":
            found = await usage.report(connection, reach, span, filters, step="day")
            rows = [[iso(line.start)[:10], *_figures(line.sums)] for line in found.all.steps]
        else:
            found = await usage.report(connection, reach, span, filters, by=asked.by, limit=asked.limit)
            rows = [["/".join(filter(None, group.name)), *_figures(group.sums)] for group in found.groups]
    cache, whole = books.engine.snapshot.settings.cache, found.all.sums
    notes = [] if cache.enabled else ["the gateway's own cache is off: [cache] enabled = true turns it on"]
    names = [column.name for column in _FIGURES]
    return Finding(
        period=period_of(span),
        summary={
            "gateway_cache": {"enabled": cache.enabled, "ttl_seconds": cache.ttl},
            **dict(zip(names, _figures(whole), strict=True)),
        },
        table=Table((Column(asked.by), *_FIGURES), rows),
        chart=Chart(kind="line" if over_time else "bar", x=asked.by, y=["hit_rate", "prompt_cache_rate"]),
        notes=notes,
    )


def _figures(sums: Sums) -> list[Cell]:
    return [
        sums.requests,
        sums.cached,
        percent(sums.cached, sums.requests),
        usd(sums.saved),
        sums.input_tokens,
        sums.cache_read_tokens,
        percent(sums.cache_read_tokens, sums.input_tokens),
        sums.cache_write_tokens,
    ]
