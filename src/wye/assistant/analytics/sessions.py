"""`session_analysis`: conversations beside each other, or the requests of one, one after another."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

from msgspec import Meta

from wye.assistant.analytics.asked import Books, Name, Rows, Viewer, When
from wye.assistant.analytics.tables import (
    Cell,
    Chart,
    Column,
    Finding,
    Table,
    milliseconds,
    per,
    percent,
    period_of,
    usd,
)  # fmt: skip
from wye.core.errors import InvalidRequestError
from wye.core.record import UsageRecord
from wye.core.sums import Sums
from wye.insights import usage
from wye.insights.spans import iso_us
from wye.store import requests
from wye.store.reports import Filters, Reach, Span
from wye.store.requests import Sought

NAME: Final = "session_analysis"
DESCRIPTION: Final = (
    "Conversations (sessions): without `session` the dearest ones with their requests, tokens, cost, errors and mean "
    "duration; with a session's id every request of it in order, and what it came to. `session` may be `current`."
)
_LIST: Final = (
    Column("session"), Column("requests", "count"), Column("input_tokens", "tokens"),
    Column("output_tokens", "tokens"), Column("cost", "USD"), Column("errors", "count"), Column("mean_duration", "ms"),
)  # fmt: skip
_ONE: Final = (
    Column("at"), Column("request"), Column("model"), Column("status"), Column("input_tokens", "tokens"),
    Column("output_tokens", "tokens"), Column("cost", "USD"), Column("first_token", "ms"), Column("duration", "ms"),
    Column("part_of"),
)  # fmt: skip


class Arguments(When, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which session, and when."""

    session: Annotated[Name, Meta(description="A conversation's id, or `current`.")] | None = None
    limit: Rows = 50


async def answer(books: Books, asked: Arguments, viewer: Viewer) -> Finding:
    """Return sessions, or one."""
    reach, span = viewer.reach, asked.span(viewer)
    session = viewer.conversation if asked.session == "current" else asked.session
    if asked.session == "current" and session is None:
        message = "this is no conversation that is kept; name a session, or leave it out to see which there are"
        raise InvalidRequestError(message, param="session")
    if session is not None:
        return await _one(books, reach, span, session, asked.limit)
    async with books.source.read() as connection:
        found = await usage.report(connection, reach, span, Filters(), by="conversation", limit=asked.limit)
    rows = [[group.name[0], *_figures(group.sums)] for group in found.groups]
    return Finding(
        period=period_of(span),
        summary={"sessions": f"{len(rows)} or more"} if len(rows) == asked.limit else _counted(found),
        table=Table(_LIST, rows),
        chart=Chart(kind="bar", x="session", y=["cost"]),
    )


def _counted(found: usage.Report) -> dict[str, Any]:
    """Return how many sessions there are, where all of them are known, and what was asked outside of any."""
    within = sum(group.sums.requests for group in found.groups)
    return {"sessions": len(found.groups), "requests_outside_sessions": max(0, found.all.sums.requests - within)}


def _figures(sums: Sums) -> list[Cell]:
    return [
        sums.requests,
        sums.input_tokens,
        sums.output_tokens,
        usd(sums.cost),
        sums.errors,
        milliseconds(per(sums.duration, sums.answered)),
    ]


async def _one(books: Books, reach: Reach, span: Span, session: str, limit: int) -> Finding:
    filters = Filters(conversation=session)
    async with books.source.read() as connection:
        found = await requests.page(connection, reach, span, filters, Sought(), limit=limit)
        whole = (await usage.report(connection, reach, span, filters)).all.sums
    if not found:
        raise InvalidRequestError(f"there is no session {session!r} in that time, or it is not yours")
    found.reverse()
    return Finding(
        period=period_of(span),
        summary=_summary(session, whole, found),
        table=Table(_ONE, [_row(record) for record in found]),
        chart=Chart(kind="line", x="at", y=["input_tokens", "output_tokens"]),
        notes=[f"these are the last {len(found)} of {whole.requests} requests"] if len(found) < whole.requests else [],
    )


def _summary(session: str, whole: Sums, found: Sequence[UsageRecord]) -> dict[str, Any]:
    inputs = [record.input_tokens for record in found if record.status == "ok"]
    return {
        "session": session,
        "requests": whole.requests,
        "cost_usd": usd(whole.cost),
        "requests_of_unknown_cost": whole.unknown_costs,
        "error_rate_percent": percent(whole.errors, whole.requests),
        "minutes_from_first_to_last": round((found[-1].at - found[0].at) / 60e6, 1),
        "input_tokens_of_first_and_last": [inputs[0], inputs[-1]] if inputs else None,
        "input_tokens_from_providers_caches_percent": percent(whole.cache_read_tokens, whole.input_tokens),
        "models": list(dict.fromkeys(f"{one.provider}/{one.model}" for one in found if one.provider)),
    }


def _row(record: UsageRecord) -> list[Cell]:
    return [
        iso_us(record.at),
        record.id,
        f"{record.provider}/{record.model}" if record.provider else None,
        record.status if record.error is None else f"{record.status}: {record.error}",
        record.input_tokens,
        record.output_tokens,
        usd(record.cost),
        milliseconds(record.first_token),
        milliseconds(record.duration),
        record.parent,
    ]
