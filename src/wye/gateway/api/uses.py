"""Routes about data sets and about judging answers."""

import asyncio
import datetime
import io
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody, QueryParameter
from msgspec import structs

from wye.assistant.uses.datasets import Report, Spread, check_lines
from wye.assistant.uses.judging import CRITERIA, Marks, Pair, judge_by_rubric, judge_pair
from wye.assistant.uses.problems import Code, Severity
from wye.core.errors import InvalidRequestError, StoreUnavailableError
from wye.core.record import HOUR_US, PICO_PER_USD
from wye.gateway.api.here import Here
from wye.gateway.api.people_views import moment
from wye.gateway.api.telemetry import READS
from wye.gateway.api.uses_forms import DatasetForm, JudgeForm
from wye.gateway.api.views import View
from wye.identity.issuing import new_id
from wye.insights import spans
from wye.insights.reach import reach_of
from wye.store import evaluations
from wye.store.database import now_us
from wye.store.evaluations import Evaluation, Kind, Sought, Winner


class ProblemView(View, frozen=True, kw_only=True):
    """Something about one line, counted from 1, or about the whole where that is 0."""

    line: int
    severity: Severity
    code: Code
    message: str


class SpreadView(View, frozen=True, kw_only=True):
    """How a number is spread over the examples."""

    total: int
    smallest: int
    median: float
    mean: float
    p95: float
    largest: int


class DatasetView(View, frozen=True, kw_only=True):
    """What a data set is like.

    `verdict` is `ok`, `warnings` or `errors`. `problems` are the first 200 in order of lines, `counts` are of all by
    code. `tokens` are estimates of the examples without an error, of which there are `valid`.
    """

    verdict: str
    lines: int
    examples: int
    valid: int
    errors: int
    warnings: int
    problems: Sequence[ProblemView]
    counts: Mapping[str, int]
    tokens: SpreadView
    messages: SpreadView
    roles: Mapping[str, int]
    with_tools: int
    duplicates: int
    near_duplicates: int


class JudgedView(View, frozen=True, kw_only=True):
    """A judgement, as it is kept: `cost` is USD, `score` from 0 to 1, `marks` from 1 to 5 by criterion.

    `winner` is `a`, `b` or `tie`, and a tie where `agreed` is false: the judge said something else once the answers
    were swapped.
    """

    id: str
    at: datetime.datetime
    kind: Kind
    name: str
    judge: str
    models: Sequence[str]
    winner: Winner | None
    agreed: bool
    marks: Mapping[str, int] | None
    score: float | None
    cost: float | None


class JudgementView(JudgedView, frozen=True, kw_only=True):
    """A judgement with the judge's reasons; `verdicts` are with the first answer first, and the other way round.

    `kept` tells whether it is in the lists; `requests` are those that the judge was asked with.
    """

    reasons: Sequence[str]
    verdicts: Sequence[Winner]
    requests: Sequence[str]
    kept: bool


class JudgementsView(View, frozen=True, kw_only=True):
    """A page of judgements, the latest first; `next` is `before` of the page that follows, `null` on the last one."""

    evaluations: Sequence[JudgedView]
    next: str | None


@post("/validate", status_code=200, opt={"needs": ("use", "read", "manage")})
async def validate_dataset(here: NamedDependency[Here], data: JSONBody[DatasetForm]) -> DatasetView:
    """Check a data set of chat examples.

    Form, roles, lengths, tools, and what is there twice or nearly so, with the lines. No model is asked.
    """
    del here
    # Not on the event loop: a large one takes seconds.
    report = await asyncio.to_thread(check_lines, io.StringIO(data.content, newline=None), max_tokens=data.max_tokens)
    return _dataset(report)


def _dataset(report: Report) -> DatasetView:
    plain: dict[str, Any] = structs.asdict(report)
    plain["problems"] = [ProblemView(**structs.asdict(one)) for one in report.problems]
    for name in ("tokens", "messages"):
        spread: Spread = plain[name]
        plain[name] = SpreadView(**structs.asdict(spread))
    return DatasetView(**plain)


@post("/judge", status_code=200, opt={"needs": ("use",)})
async def judge_answers(here: NamedDependency[Here], data: JSONBody[JudgeForm]) -> JudgementView:
    """Let a model judge answers: mark one by criteria, or say which of two is better.

    A pair is judged twice, with its answers swapped the second time; a judge that changes its mind makes it a tie.
    What it costs is on the caller's books, under the tag `evaluation`.
    """
    row, told = await _judged(here, data)
    kept = data.keep and await _keep(here, row)
    view = _view(row)
    return JudgementView(
        **{name: getattr(view, name) for name in view.__struct_fields__},
        reasons=told.reasons if isinstance(told, Pair) else [told.reason],
        verdicts=told.verdicts if isinstance(told, Pair) else [],
        requests=told.requests,
        kept=kept,
    )


async def _judged(here: Here, data: JudgeForm) -> tuple[Evaluation, Pair | Marks]:
    engine, caller, answers = here.engine, here.caller, data.answers
    told: Pair | Marks
    if len(answers) == 2:
        told = await judge_pair(
            engine,
            caller,
            judge=data.judge,
            question=data.question,
            answers=(answers[0].text, answers[1].text),
            reference=data.reference,
            criteria=[f"{name} ({meaning})" if meaning else name for name, meaning in (data.criteria or {}).items()],
        )
        verdict: dict[str, Any] = {"kind": "pairwise", "winner": told.winner, "agreed": told.agreed}
    else:
        told = await judge_by_rubric(
            engine,
            caller,
            judge=data.judge,
            question=data.question,
            answer=answers[0].text,
            reference=data.reference,
            criteria=data.criteria or CRITERIA,
        )
        verdict = {"kind": "rubric", "scores": dict(told.marks), "score": round(told.score * 1000)}
    row = Evaluation(
        id=new_id("eval"),
        at=now_us(),
        user_id=caller.user,
        team_id=caller.team,
        name=data.name,
        judge=told.judge,
        model_a=answers[0].model,
        model_b=answers[1].model if len(answers) == 2 else None,
        cost=None if told.cost is None else round(told.cost * PICO_PER_USD),
        **verdict,
    )
    return row, told


async def _keep(here: Here, row: Evaluation) -> bool:
    """Keep a judgement, where there is something to keep it in; it was paid for, so it is told in any case."""
    try:
        async with here.database.begin() as connection:
            await evaluations.add(connection, row.user_id, row)
    except StoreUnavailableError:
        return False
    return True


@get(
    "/",
    opt={**READS, "query": dict.fromkeys(("since", "until", "name", "model", "kind", "before", "limit"), False)},
)
async def list_evaluations(
    here: NamedDependency[Here],
    since: Annotated[str | None, QueryParameter(max_length=40, description="a time, a day, or as 30d")] = None,
    until: Annotated[str | None, QueryParameter(max_length=40)] = None,
    name: Annotated[str | None, QueryParameter(max_length=200, description="what they are part of")] = None,
    model: Annotated[str | None, QueryParameter(max_length=200, description="what an answer is from")] = None,
    kind: FromQuery[Kind | None] = None,
    before: Annotated[str | None, QueryParameter(max_length=100, description="`next` of the page before")] = None,
    limit: Annotated[int | None, QueryParameter(ge=1, le=500)] = None,
) -> JudgementsView:
    """List judgements, the latest first: the caller's own; the team's for a manager, all for an admin."""
    span, size = spans.span_of(now_us(), since, until, hours=30 * 24), limit or 50
    async with here.database.read() as connection:
        found = await evaluations.page(
            connection,
            reach_of(here.caller),
            span.start * HOUR_US,
            span.end * HOUR_US,
            Sought(name=name, model=model, kind=kind),
            before=_cursor(before),
            limit=size,
        )
    following = f"{found[-1].at}.{found[-1].id}" if len(found) == size else None
    return JudgementsView(evaluations=[_view(row) for row in found], next=following)


def _cursor(text: str | None) -> tuple[int, str] | None:
    if text is None:
        return None
    at, _, name = text.partition(".")
    if not (at.isascii() and at.isdigit() and len(at) <= 17 and name):
        raise InvalidRequestError("'before' is 'next' of the page before", code="invalid_value", param="before")
    return int(at), name


def _view(row: Evaluation) -> JudgedView:
    return JudgedView(
        id=row.id,
        at=moment(row.at),
        kind=row.kind,
        name=row.name,
        judge=row.judge,
        models=[row.model_a, *([row.model_b] if row.model_b is not None else [])],
        winner=row.winner,
        agreed=row.agreed,
        marks=row.scores,
        score=None if row.score is None else row.score / 1000,
        cost=None if row.cost is None else row.cost / PICO_PER_USD,
    )


DATASET_HANDLERS: Final = (validate_dataset,)
EVALUATION_HANDLERS: Final = (judge_answers, list_evaluations)
