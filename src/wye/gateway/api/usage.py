"""Routes about usage and cost: reports, models beside each other, single requests, and requests as they end."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from litestar import get, post
from litestar.di import NamedDependency, Provide
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response.base import ASGIResponse
from msgspec import Struct

from wye import replay
from wye.core.errors import InvalidRequestError, RouteNotFoundError
from wye.core.plan import Wanted
from wye.core.record import PICO_PER_USD, Status, UsageRecord
from wye.core.usage import Usage
from wye.gateway.api.figures import (
    CallView,
    PercentilesView,
    RequestView,
    SpanView,
    SumsView,
    call_view,
    percentiles_view,
    request_view,
    span_view,
    sums_view,
)
from wye.gateway.api.forms import OTHERS_REPLAY, ReplayForm
from wye.gateway.api.here import Here
from wye.gateway.api.pieces import Pieces
from wye.gateway.api.telemetry import READS, download
from wye.gateway.api.views import View
from wye.insights import export, spans
from wye.insights import usage as reporting
from wye.insights.reach import reach_of
from wye.insights.spans import iso
from wye.insights.usage import Compared, Group, Report
from wye.routing.names import AUTO
from wye.routing.strategies import strategy_named
from wye.store import requests
from wye.store.database import now_us
from wye.store.reports import Dimension, Filters, Line, Span, Step
from wye.store.requests import Sought

_encode = msgspec.json.Encoder().encode
_Text: TypeAlias = Annotated[str | None, QueryParameter(max_length=256)]
_Time: TypeAlias = Annotated[
    str | None,
    QueryParameter(max_length=40, description="a time in ISO 8601 (UTC), a day, or so long ago: 36h, 30d, 2w"),
]
_Limit: TypeAlias = Annotated[int | None, QueryParameter(ge=1, le=500)]
_AT_ONCE: Final = 50
"""Requests that are planned again before others have a turn: some milliseconds' worth."""
_FILTERS: Final = ("provider", "model", "user", "key", "team", "conversation", "tag")
_WHEN: Final = ("since", "until")


class Asked(Struct, frozen=True):
    """What every report can be cut by: a time and filters."""

    span: Span
    filters: Filters


async def asked(  # noqa: PLR0913, PLR0917 - one parameter for each filter
    since: _Time = None,
    until: _Time = None,
    provider: _Text = None,
    model: Annotated[
        str | None, QueryParameter(max_length=256, description="as `provider/model`, or the id alone")
    ] = None,
    user: _Text = None,
    key: _Text = None,
    team: _Text = None,
    conversation: _Text = None,
    tag: _Text = None,
) -> Asked:
    """Return what a query says of time and filters."""
    if model is not None and "/" in model and provider is None:
        provider, _, model = model.partition("/")
    filters = Filters(provider=provider, model=model, user=user, key=key, team=team, conversation=conversation, tag=tag)
    return Asked(spans.span_of(now_us(), since, until, hours=30 * 24), filters)


def _query(*more: str) -> Any:
    return {**READS, "query": dict.fromkeys((*_WHEN, *_FILTERS, *more), False)}


_ASKED: Final = {"asked": Provide(asked)}


class StepView(SumsView, frozen=True, kw_only=True):
    """One step of time."""

    start: str


class GroupView(View, frozen=True, kw_only=True):
    """One group. `name` is what it is grouped by, empty where there is none of it; a model's is its full id."""

    name: str
    usage: SumsView
    before: SumsView | None
    steps: Sequence[StepView]


class ReportView(View, frozen=True, kw_only=True):
    """Usage and cost over a time: all together, the dearest groups, and what all others had together.

    `before` is the same length of time before it, where `compare` asks for that.
    """

    period: SpanView
    by: str | None
    step: str | None
    total: GroupView
    groups: Sequence[GroupView]
    others: GroupView | None


class ComparedView(SumsView, frozen=True, kw_only=True):
    """One model beside others. `costPerRequest` and `costPerMillionTokens` are USD of what is known."""

    provider: str
    model: str
    name: str
    cost_per_request: float | None
    cost_per_million_tokens: float | None
    output_tokens_per_second: float | None
    first_token_ms: PercentilesView
    duration_ms: PercentilesView


class ComparisonView(View, frozen=True, kw_only=True):
    """Models beside each other, the dearest first."""

    period: SpanView
    models: Sequence[ComparedView]


class RequestsView(View, frozen=True, kw_only=True):
    """A page of requests, the latest first; `next` is `before` of the page that follows, `null` on the last one."""

    requests: Sequence[RequestView]
    next: str | None


class OneRequestView(View, frozen=True, kw_only=True):
    """One request, the calls made for it where there was more than one or an error, and requests made on its behalf."""

    request: RequestView
    attempts: Sequence[CallView]
    children: Sequence[RequestView]


class ReplayedModelView(View, frozen=True, kw_only=True):
    """How many requests a model would have answered, and what they would have cost as far as that is known (USD)."""

    model: str
    requests: int
    cost: float


class ReplayView(View, frozen=True, kw_only=True):
    """What requests cost and would have cost under another strategy, USD, of those where both are known."""

    strategy: str
    requests: int
    compared: int
    unanswered: int
    was_cost: float
    now_cost: float
    models: Sequence[ReplayedModelView]


_REPORT: Final = {
    200: ResponseSpec(ReportView, generate_examples=False, description="The report, or with `format=csv` a CSV")
}
_LIST: Final = {
    200: ResponseSpec(
        RequestsView, generate_examples=False, description="A page, or with `format=csv` a CSV of all of them"
    )
}
_EVENTS: Final = {
    200: ResponseSpec(
        str,
        generate_examples=False,
        media_type="text/event-stream",
        description="Server-sent events: `request` for each request that ends, `missed` with a count where the reader "
        "was too slow",
    )
}


@get("/", opt=_query("by", "step", "compare", "limit", "format"), dependencies=_ASKED, responses=_REPORT)
async def report(
    here: NamedDependency[Here],
    asked: NamedDependency[Asked],
    by: Annotated[Dimension | None, QueryParameter(description="what to group by")] = None,
    step: Annotated[Step | None, QueryParameter(description="also over time, in steps of this (UTC)")] = None,
    compare: Annotated[bool | None, QueryParameter(description="beside the same time before")] = None,
    limit: _Limit = None,
    form: Annotated[Literal["json", "csv"] | None, QueryParameter(name="format")] = None,
) -> ASGIResponse:
    """Report usage and cost.

    By model, provider, user, key, team, conversation or tag, per hour, day, week or month, beside the time before.
    """
    async with here.books.read() as connection:
        found = await reporting.report(
            connection,
            reach_of(here.caller),
            asked.span,
            asked.filters,
            by=by,
            step=step,
            compare=bool(compare),
            limit=limit or 50,
        )
    if form == "csv":
        return download(here, _once(reporting.rows_of(found, by, step)), "csv", "wye-usage")
    return Pieces(here, "application/json", _once(_encode(_report_view(found, by, step))))


async def _once(value: Any) -> AsyncIterator[Any]:
    yield value


def _report_view(found: Report, by: Dimension | None, step: Step | None) -> ReportView:
    return ReportView(
        period=span_view(found.span),
        by=by,
        step=step,
        total=_group(found.all),
        groups=[_group(group) for group in found.groups],
        others=None if found.others is None else _group(found.others),
    )


def _group(found: Group) -> GroupView:
    return GroupView(
        name="/".join(found.name) if any(found.name) else "",
        usage=sums_view(found.sums),
        before=None if found.before is None else sums_view(found.before),
        steps=[_step(line) for line in found.steps],
    )


def _step(line: Line) -> StepView:
    return StepView(start=iso(line.start), **_fields(sums_view(line.sums)))


def _fields(view: View) -> dict[str, Any]:
    return {name: getattr(view, name) for name in view.__struct_fields__}


@get("/models", opt=_query("limit"), dependencies=_ASKED)
async def compare(here: NamedDependency[Here], asked: NamedDependency[Asked], limit: _Limit = None) -> ComparisonView:
    """Compare models: what they cost, how fast they are, how often they fail."""
    async with here.books.read() as connection:
        found = await reporting.models(connection, reach_of(here.caller), asked.span, asked.filters, limit=limit or 50)
    return ComparisonView(period=span_view(asked.span), models=[_compared(one) for one in found])


def _compared(found: Compared) -> ComparedView:
    sums = found.sums
    known = sums.requests - sums.unknown_costs
    tokens, seconds = sums.input_tokens + sums.output_tokens, sums.duration / 1e6
    usd = sums.cost / PICO_PER_USD
    return ComparedView(
        **_fields(sums_view(sums)),
        provider=found.provider,
        model=found.model,
        name=f"{found.provider}/{found.model}",
        cost_per_request=round(usd / known, 9) if known > 0 else None,
        cost_per_million_tokens=round(usd / tokens * 1e6, 6) if tokens > 0 and known > 0 else None,
        output_tokens_per_second=round(sums.output_tokens / seconds, 1) if seconds > 0 else None,
        first_token_ms=percentiles_view(found.first_token),
        duration_ms=percentiles_view(found.total),
    )


@get(
    "/requests",
    opt=_query("status", "error", "parent", "longerThanMs", "before", "limit", "format"),
    dependencies=_ASKED,
    responses=_LIST,
)
async def list_requests(  # noqa: PLR0913, PLR0917 - what a query may say are parameters of its handler
    here: NamedDependency[Here],
    asked: NamedDependency[Asked],
    status: Annotated[Status | None, QueryParameter(description="how it ended")] = None,
    error: _Text = None,
    parent: Annotated[
        str | None, QueryParameter(max_length=100, description="the request or the batch they were made for")
    ] = None,
    longer_than: Annotated[
        int | None, QueryParameter(name="longerThanMs", ge=0, le=10**9, description="those that took longer")
    ] = None,
    before: Annotated[str | None, QueryParameter(max_length=100, description="`next` of the page before")] = None,
    limit: _Limit = None,
    form: Annotated[Literal["json", "csv"] | None, QueryParameter(name="format")] = None,
) -> ASGIResponse:
    """List single requests, the latest first, in pages; as CSV all of them."""
    longer = None if longer_than is None else longer_than * 1000
    sought = Sought(status=status, error=error, parent=parent, longer=longer)
    reach, size = reach_of(here.caller), limit or 50
    if form == "csv":
        rows = export.request_rows(here.books, reach, asked.span, asked.filters, sought)
        return download(here, rows, "csv", "wye-requests")
    async with here.books.read() as connection:
        found = await requests.page(
            connection, reach, asked.span, asked.filters, sought, before=_cursor(before), limit=size
        )
    following = f"{found[-1].at}.{found[-1].id}" if len(found) == size else None
    page = RequestsView(requests=[request_view(record) for record in found], next=following)
    return Pieces(here, "application/json", _once(_encode(page)))


def _cursor(text: str | None) -> tuple[int, str] | None:
    if text is None:
        return None
    at, _, name = text.partition(".")
    if not (at.isascii() and at.isdigit() and len(at) <= 17 and name):
        raise InvalidRequestError("'before' is 'next' of the page before", code="invalid_value", param="before")
    return int(at), name


@get("/requests/{request_id:str}", opt=READS)
async def show_request(here: NamedDependency[Here], request_id: FromPath[str]) -> OneRequestView:
    """Show one request, the calls to providers that were made for it, and the requests made on its behalf."""
    reach, name = reach_of(here.caller), request_id.replace("\0", "")
    async with here.books.read() as connection:
        found = await requests.one(connection, reach, name)
        if found is None:
            raise RouteNotFoundError(f"there is no request {name!r}, or it is not yours", param="requestId")
        everything = Span(found.at // 3_600_000_000, now_us() // 3_600_000_000 + 1)
        children = await requests.page(connection, reach, everything, Filters(), Sought(parent=found.id), limit=200)
    return OneRequestView(
        request=request_view(found),
        attempts=[call_view(call) for call in found.attempts],
        children=[request_view(child) for child in reversed(children)],
    )


@get("/live", opt=READS, responses=_EVENTS)
async def live(here: NamedDependency[Here]) -> Pieces:
    """Watch requests as they end, as server-sent events."""
    return Pieces(here, "text/event-stream", _events(here))


async def _events(here: Here) -> AsyncIterator[bytes]:
    async for found, missed in here.live.watch(reach_of(here.caller), silence=here.keep_alive):
        told = [b"event: request\ndata: " + _encode(request_view(record)) + b"\n\n" for record in found]
        if missed:
            told.append(b'event: missed\ndata: {"count":%d}\n\n' % missed)
        yield b"".join(told) or b": \n\n"


@post("/replay", status_code=200, opt=READS)
async def replay_requests(here: NamedDependency[Here], data: JSONBody[ReplayForm]) -> ReplayView:
    """Tell what requests of the books would have cost under another strategy. Nothing is asked of any provider."""
    strategy = strategy_named(data.strategy, "strategy")
    if data.limit > OTHERS_REPLAY and not here.caller.may("admin"):
        raise InvalidRequestError(f"limit: at most {OTHERS_REPLAY} without the scope 'admin'", param="limit")
    span = spans.span_of(now_us(), data.since, data.until, hours=24)
    filters = Filters(provider=data.provider, model=data.model)
    async with here.books.read() as connection:
        found = await requests.page(
            connection, reach_of(here.caller), span, filters, Sought(status="ok"), limit=data.limit
        )
    now = here.engine.snapshot
    stored = [_stored(record) for record in found if record.operation == "chat" and not record.cached]
    return _replay_view(strategy, await in_turns(replay.replay(stored, now.planner, now.catalog, strategy)))


async def in_turns(replayed: Iterable[replay.Replayed]) -> list[replay.Replayed]:
    """Return all of it; whoever else waits for this process has a turn now and then, as each takes a plan."""
    found = []
    for one in replayed:
        found.append(one)
        if len(found) % _AT_ONCE == 0:
            await asyncio.sleep(0)
    return found


def _stored(record: UsageRecord) -> replay.Stored:
    usage = Usage(
        input_tokens=record.input_tokens,
        output_tokens=record.output_tokens,
        cache_read_tokens=record.cache_read_tokens,
        cache_write_tokens=record.cache_write_tokens,
        reasoning_tokens=record.reasoning_tokens,
    )
    return replay.Stored(
        wanted=Wanted(model=AUTO, input_tokens=record.input_tokens, output_tokens=record.output_tokens),
        served=f"{record.provider}/{record.model}",
        usage=usage,
        cost=export.usd(record.cost),
    )


def _replay_view(strategy: str, replayed: Any) -> ReplayView:
    models: dict[str, list[Any]] = {}
    count = compared = unanswered = 0
    was = now = 0.0
    for one in replayed:
        count += 1
        if one.now is None:
            unanswered += 1
            continue
        models.setdefault(one.now, []).append(one.now_cost)
        if one.was_cost is not None and one.now_cost is not None:
            compared, was, now = compared + 1, was + float(one.was_cost), now + float(one.now_cost)
    return ReplayView(
        strategy=strategy,
        requests=count,
        compared=compared,
        unanswered=unanswered,
        was_cost=round(was, 12),
        now_cost=round(now, 12),
        models=[
            ReplayedModelView(model=name, requests=len(costs), cost=float(sum(cost for cost in costs if cost)))
            for name, costs in sorted(models.items(), key=lambda item: -len(item[1]))
        ],
    )


HANDLERS: Final = (report, compare, list_requests, show_request, live)
