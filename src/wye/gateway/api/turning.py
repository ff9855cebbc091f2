"""Turns of a chat over HTTP: a form becomes a question, what comes of it an answer or a stream of events."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing
from decimal import Decimal
from typing import Any, Final, TypeAlias

import msgspec
from litestar.response.base import ASGIResponse
from msgspec import Struct, structs

from wye.assistant.talks.question import Question
from wye.assistant.talks.sent import Sent, Upload, accept
from wye.assistant.talks.turn import Turn, TurnEvent
from wye.core.errors import InvalidRequestError, WyeError
from wye.core.reuse import Reuse
from wye.gateway import chat
from wye.gateway.answered import Answered
from wye.gateway.api import turn_views as views
from wye.gateway.api.answers import error_event, event
from wye.gateway.api.asking import model_of, wishes_of
from wye.gateway.api.chat_forms import AnsweringForm, AttachmentForm
from wye.gateway.api.forms import Choosing, Context, Options
from wye.gateway.api.here import Here
from wye.gateway.http import JSON, STREAM, Header

_NO_CONTEXT: Final = Context()
_encode = msgspec.json.Encoder(decimal_format="number").encode
_EVENTS: Final[Header] = (b"content-type", b"text/event-stream; charset=utf-8")
Shape: TypeAlias = Callable[[Turn, str], object]
"""Makes an answer of a turn and of the request's id."""


class _Heeded(Struct):
    """What headers say."""

    tags: tuple[str, ...] = ()
    reuse: Reuse | None = None
    traceparent: str | None = None


def question_of(here: Here, form: AnsweringForm, **said: Any) -> Question:
    """Return what a form asks; `said` are the members of the question that only its route knows.

    Raises `InvalidRequestError` that names the member at fault.
    """
    engine, headers = here.engine, here.request.headers
    context = form.context or _NO_CONTEXT
    if form.strategy is not None:
        if context.strategy is not None:
            raise InvalidRequestError("give 'strategy' or 'context.strategy'", code="invalid_value", param="strategy")
        context = structs.replace(context, strategy=form.strategy)
    choosing = Choosing(provider=form.provider, model=form.model, context=context)
    wishes = wishes_of(engine, context, headers)
    heeded = _Heeded()
    chat.heed(engine, heeded, headers)
    bounds = [one for one in (wishes.max_cost, _amount(form.max_cost_usd)) if one is not None]
    members = structs.asdict(form.options or Options())
    return Question(
        model=model_of(engine, choosing, here.caller),
        caller=here.caller,
        wishes=structs.replace(wishes, max_cost=None),
        members={name: value for name, value in members.items() if value is not None},
        tools=form.tools,
        agent=form.agent,
        drop_unsupported=chat.wants_dropping(engine, headers),
        request_id=here.request.id,
        reuse=heeded.reuse,
        traceparent=heeded.traceparent,
        timeout=context.timeout or chat.timeout_of(headers),
        max_rounds=form.max_rounds,
        max_cost=min(bounds, default=None),
        tags=heeded.tags,
        **said,
    )


def attachments_of(here: Here, forms: list[AttachmentForm]) -> list[Sent]:
    """Return what is sent along, checked."""
    uploads = [Upload(name=one.name, data=one.data, text=one.text) for one in forms]
    return accept(uploads, here.turns.config)


def _amount(dollars: float | None) -> Decimal | None:
    return None if dollars is None else Decimal(str(dollars))


class TurnAnswer(ASGIResponse):
    """The answer of a turn, whole or as events, which the gateway sends itself."""

    __slots__ = ("_here", "_question", "_shape", "_stream")

    def __init__(self, here: Here, question: Question, shape: Shape, *, stream: bool = False) -> None:
        """Answer `question`; the whole of it is told in `shape`."""
        super().__init__()
        self._here = here
        self._question = question
        self._shape = shape
        self._stream = stream

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Send the answer; an error before its first byte is raised."""
        del scope, receive, send
        try:
            await (self._send_events() if self._stream else self._send_whole())
        except asyncio.CancelledError:
            if not self._here.departure.absorb():
                raise
            self._here.status = 499
        finally:
            self._here.departure.end()

    async def _send_whole(self) -> None:
        here = self._here
        turn = await here.turns.answer(self._question)
        here.departure.end()
        self._note(turn)
        body = _encode(self._shape(turn, here.request.id))
        here.status = 200
        if (wait := here.request.outlet.answer(200, [JSON, *_headers(here, turn)], body)) is not None:
            await wait

    async def _send_events(self) -> None:
        here = self._here
        head = [_EVENTS, *STREAM, (b"x-request-id", here.request.id.encode())]
        out = chat.Paced(here.request.outlet, here.keep_alive, lambda: head, b": keep-alive\n\n")
        try:
            async with aclosing(here.turns.stream(self._question)) as events:
                async for one in events:
                    out.start()
                    here.status = 200
                    data = self._told(one)
                    if data and (wait := out.send(data)) is not None:
                        await wait
        except WyeError as error:
            if not out.started:
                raise
            here.status = 200
            await out.finish(event(error_event(error, here.request.id)))
            return
        finally:
            out.close()
        here.departure.end()
        await out.finish(b"")

    def _note(self, turn: Turn) -> None:
        """Write down for the log what came of the turn."""
        answer = turn.answer
        self._here.request.answered = Answered(
            stream=self._stream,
            asked=self._question.model,
            provider=answer.response.provider or None,
            model=answer.response.model or None,
            attempts=answer.attempts,
            usage=answer.usage,
            cost=answer.cost,
        )

    def _told(self, one: TurnEvent) -> bytes:
        if isinstance(one, Turn):
            self._note(one)
            done: Any = msgspec.to_builtins(self._shape(one, self._here.request.id), builtin_types=(Decimal,))
            return event({"type": "done", **done})
        told: Mapping[str, Any] | None = views.told(one, self._here.request.id)
        return b"" if told is None else event(told)


def _headers(here: Here, turn: Turn) -> list[Header]:
    answer = turn.answer
    found = [(b"x-request-id", here.request.id.encode()), (b"x-wye-attempts", b"%d" % answer.attempts)]
    if answer.response.provider:
        found += [*chat.who(answer.response.provider, answer.response.model)]
    if answer.cost is not None:
        found.append((b"x-wye-cost-usd", f"{answer.cost:f}".encode()))
        if answer.estimated:
            found.append((b"x-wye-estimated", b"x-wye-cost-usd"))
    return found
