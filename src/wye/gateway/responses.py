"""The state behind `/v1/responses`: answers that a caller goes on from, looks up, and deletes.

Who keeps an answer: a provider that speaks this wire format and says so in it (`"store": true`) does, and a request
that goes on from it is sent there and nowhere else. For every other provider, Wye keeps the turns and sends the whole
conversation each time, to whichever model is asked. It also keeps the turns of answers that a provider keeps, so that
a model of another provider can go on from them.
"""

from collections.abc import Awaitable
from contextlib import suppress
from typing import Final
from urllib.parse import quote

import msgspec
from msgspec import Raw, Struct

from wye.core.caller import Caller
from wye.core.errors import (
    ProviderError,
    RouteNotFoundError,
    UnsupportedOperationError,
    UnsupportedParameterError,
    WyeError,
)
from wye.core.exchange import Exchange
from wye.core.request import NOTHING_ASKED, Asked, Call
from wye.core.response import ModelResponse
from wye.core.wire import splice
from wye.engine import Engine
from wye.gateway import unfinished
from wye.gateway.http import Header
from wye.gateway.outlet import Outlet
from wye.state.responses import KeptResponse, ResponseStore
from wye.surfaces import AnswerStream, openai_responses
from wye.surfaces.openai_responses.references import reference
from wye.surfaces.openai_responses.stream import ResponsesStream


class _Asks(Struct):
    model: str | None = None
    previous_response_id: str | None = None
    conversation: Raw = Raw(b"null")
    store: bool | None = None
    input: str | list[Raw] | None = None


class _Item(Struct):
    type: str | None = None
    id: str | None = None


class _Answer(Struct):
    id: str = ""
    store: bool | None = None
    output: list[Raw] = []


_NOBODYS: Final = (
    "a conversation that the provider keeps may be anybody's here: go on from an answer with 'previous_response_id' "
    "instead, or bring a key of your own for the provider"
)

_decode_asks = msgspec.json.Decoder(_Asks).decode
_decode_item = msgspec.json.Decoder(_Item).decode
_decode_answer = msgspec.json.Decoder(_Answer).decode
_encode = msgspec.json.Encoder().encode


class Turn:
    """One request for a response, and a `Surface` that keeps hold of what is answered to it.

    `body` is the request as it goes on: with the conversation it goes on from, where that is kept here. `provider` is
    the only one that may answer, where it keeps that conversation.
    """

    WIRE = openai_responses.WIRE
    FORWARDED = openai_responses.FORWARDED

    def __init__(self, body: bytes, asks: "_Asks") -> None:
        """Begin with a request as it came in."""
        self.body = body
        self.provider: str | None = None
        self._asks = asks
        self._stream: ResponsesStream | None = None
        self._whole: bytes | None = None
        self._raw = False

    @property
    def kept(self) -> bool:
        """Whether the answer is to be kept."""
        return self._asks.store is not False

    def parse_request(self, body: bytes, asked: Asked = NOTHING_ASKED) -> Call:
        """Read the request."""
        return openai_responses.parse_request(body, asked)

    def render_response(self, response: ModelResponse, call: Call, *, model: str, request_id: str) -> bytes:
        """Write the answer and keep hold of it."""
        self._whole = openai_responses.render_response(
            response, call, model=model, request_id=request_id, previous=self._asks.previous_response_id
        )
        self._raw = response.wire == self.WIRE
        return self._whole

    def open_stream(self, call: Call, *, request_id: str) -> AnswerStream:
        """Begin to write the answer and keep hold of it."""
        previous = self._asks.previous_response_id
        self._stream = openai_responses.open_stream(call, request_id=request_id, previous=previous)
        return self._stream

    def render_error(self, error: WyeError) -> bytes:
        """Write an error."""
        return openai_responses.render_error(error)

    def answered(self, exchange: Exchange, engine: Engine) -> KeptResponse | None:
        """Return the answer as it is to be kept, where there is one; one that is still worked on owes its cost."""
        body, raw = self._whole, self._raw
        if self._stream is not None:
            body, raw = self._stream.finished, self._stream.passed_on
        if body is None or exchange.attempt is None:
            return None
        try:
            answer = _decode_answer(body)
            said = tuple((_decode_item(item).id or "", bytes(item)) for item in answer.output)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None  # not ours to complain about: the caller has it as the provider sent it
        if not answer.id:
            return None
        native = raw and answer.store is True
        owed = native and unfinished.is_worked_on(body)
        return KeptResponse(
            id=answer.id,
            provider=exchange.attempt.provider,
            body=body,
            given=_items(self._asks.input),
            said=said,
            previous=self._asks.previous_response_id,
            native=native,
            owed=unfinished.debt(exchange, engine.seen_by(exchange.caller).catalog) if owed else None,
        )


def _items(given: str | list[Raw] | None) -> tuple[bytes, ...]:
    if isinstance(given, str):
        return (_encode({"role": "user", "content": given}),)
    return tuple(bytes(item) for item in given or ())


async def read_turn(engine: Engine, store: ResponseStore, body: bytes, caller: Caller) -> Turn:
    """Read what a request goes on from, and put what is kept here in its place.

    A provider that keeps the conversation gets the request as it is, as long as the model asked for is one of its.
    What is not known here goes to the provider as it is only for admins and where the caller's own key pays: at the
    operator's account it may be anybody's, and the provider would not ask whose. Raises `RouteNotFoundError` else.
    """
    try:
        asks = _decode_asks(body)
        refers = [reference(raw) for raw in asks.input] if isinstance(asks.input, list) else []
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Turn(body, _Asks(store=False))  # the surface says what is wrong with it
    turn = Turn(body, asks)
    elsewhere = bytes(asks.conversation) != b"null"
    if asks.previous_response_id is None and not any(refers) and not elsewhere:
        return turn
    providers = {attempt.provider for attempt in engine.explain(asks.model or "", caller).attempts}
    own = next(iter(providers)) if len(providers) == 1 and providers <= engine.seen_by(caller).own else None
    trusted = caller.may("admin") or own is not None
    if not trusted:
        if elsewhere:
            raise UnsupportedParameterError(_NOBODYS, param="conversation")
        if asks.previous_response_id:
            await _found(store, caller.user, asks.previous_response_id)
        await _all_found(store, caller.user, refers)
    holders = {name: found for name in refers if name and (found := await store.holder(caller.user, name))}
    before = await _before(engine, store, caller, asks.previous_response_id)
    turn.provider = next(
        (
            kept.provider
            for kept in (before, *holders.values())
            if kept is not None and kept.native and kept.provider in providers
        ),
        own,
    )
    changes: dict[str, bytes] = {}
    items = _put_in_place(asks.input, refers, holders, turn.provider)
    if before is not None and not (before.native and before.provider == turn.provider):
        turns = await store.conversation(caller.user, before.id)
        if turns is not None:
            items = [*(item for kept in turns for item in _portable(kept)), *(items or _items(asks.input))]
            changes["previous_response_id"] = b"null"
        elif not trusted:
            raise _not_kept(before.id)  # a provider of the caller's own may have made the name up
    if items is not None:
        changes["input"] = _encode([Raw(item) for item in items])
        turn.body = splice(body, changes)
    return turn


async def _before(engine: Engine, store: ResponseStore, caller: Caller, name: str | None) -> KeptResponse | None:
    """Return the answer that is gone on from; where it was still worked on when it was last asked for, as it is now."""
    if not name:
        return None
    found = await store.get(caller.user, name)
    if found is not None and found.owed is not None:
        with suppress(ProviderError):
            await look_up(engine, store, caller, name)
        found = await store.get(caller.user, name)
    return found


def _put_in_place(
    given: str | list[Raw] | None,
    refers: list[str | None],
    holders: dict[str, KeptResponse],
    provider: str | None,
) -> list[bytes] | None:
    """Return the input with the items in place that it refers to; `None` where there are none of ours.

    Those that `provider`, which is to answer, keeps itself stay references.
    """
    if not isinstance(given, list) or not holders:
        return None
    items = []
    for raw, name in zip(given, refers, strict=True):
        kept = holders.get(name) if name else None
        if kept is None or (kept.native and kept.provider == provider):
            items.append(bytes(raw))
            continue
        items += [said for at, said in kept.said if at == name and _travels(kept, said)]
    return items


def _portable(kept: KeptResponse) -> list[bytes]:
    """Return the items of a turn as any provider may be sent them."""
    return [*kept.given, *(said for _, said in kept.said if _travels(kept, said))]


def _travels(kept: KeptResponse, item: bytes) -> bool:
    """Tell whether an item means something without the provider that keeps it: its own reasoning does not."""
    return not kept.native or _decode_item(item).type != "reasoning"


class KeepingOutlet:
    """Keeps an answer before its last bytes leave, so that nobody asks for it before it is there."""

    def __init__(self, outlet: Outlet, engine: Engine, store: ResponseStore, turn: Turn, exchange: Exchange) -> None:
        """Stand before `outlet`."""
        self._engine = engine
        self._outlet = outlet
        self._store = store
        self._turn = turn
        self._exchange = exchange

    async def _keep(self) -> None:
        if self._turn.kept and (answer := self._turn.answered(self._exchange, self._engine)) is not None:
            await self._store.put(self._exchange.caller.user, answer)

    async def answer(self, status: int, headers: list[Header], body: bytes) -> None:
        """Keep the answer and send it."""
        await self._keep()
        await _done(self._outlet.answer(status, headers, body))

    def begin(self, status: int, headers: list[Header]) -> None:
        """Begin to send."""
        self._outlet.begin(status, headers)

    def write(self, data: bytes) -> Awaitable[None] | None:
        """Send a piece."""
        return self._outlet.write(data)

    async def finish(self, data: bytes) -> None:
        """Keep the answer and send its end."""
        await self._keep()
        await _done(self._outlet.finish(data))


async def _done(wait: Awaitable[None] | None) -> None:
    if wait is not None:
        await wait


# --- Looking up and deleting ---


async def look_up(engine: Engine, store: ResponseStore, caller: Caller, response_id: str) -> bytes:
    """Return a response; one that its provider still works on is asked for there, and booked once it has ended."""
    found = await _found(store, caller.user, response_id)
    if not found.native or not unfinished.is_worked_on(found.body):
        return found.body
    now = await engine.fetch(
        found.provider, openai_responses.WIRE, f"/responses/{quote(response_id, safe='')}", caller=caller
    )
    answer = _decode_answer(now)
    said = tuple((_decode_item(item).id or "", bytes(item)) for item in answer.output)
    owed = found.owed
    if owed is not None and not unfinished.is_worked_on(now):
        before = await store.get(caller.user, response_id)
        rest = unfinished.paid(owed, now, engine.seen_by(caller).catalog)
        if rest is not None and (before is None or before.owed is not None):  # nobody else was quicker
            engine.books.add(rest)
        owed = None
    await store.put(caller.user, msgspec.structs.replace(found, body=now, said=said, owed=owed))
    return now


async def input_items(store: ResponseStore, owner: str, response_id: str) -> bytes:
    """Return the items that a response was the answer to, the latest first."""
    found = await _found(store, owner, response_id)
    items = []
    for at, raw in enumerate(found.given):
        members = msgspec.json.decode(raw, type=dict[str, Raw])
        named = {"id": Raw(_encode(f"item_{response_id.removeprefix('resp_')}_{at}"))}
        kind = {} if "type" in members else {"type": Raw(b'"message"')}
        items.append({**named, **kind, **members})
    items.reverse()
    ids = [msgspec.json.decode(item["id"]) for item in items]
    ends = {"first_id": ids[0] if ids else None, "last_id": ids[-1] if ids else None}
    return _encode({"object": "list", "data": items, **ends, "has_more": False})


async def delete(store: ResponseStore, owner: str, response_id: str) -> bytes:
    """Forget a response; one that its provider keeps as well cannot be deleted from here."""
    found = await _found(store, owner, response_id)
    if found.native:
        message = f"{found.provider} keeps the response {response_id!r} itself; delete it there"
        raise UnsupportedOperationError(message, param="response_id")
    await store.delete(owner, response_id)
    return _encode({"id": response_id, "object": "response", "deleted": True})


async def _all_found(store: ResponseStore, owner: str, items: list[str | None]) -> None:
    for name in items:
        if name and await store.holder(owner, name) is None:
            message = f"there is no item {name!r}: the answer it was in was never stored, or is no longer kept"
            raise RouteNotFoundError(message, code="item_not_found", param="input")


async def _found(store: ResponseStore, owner: str, response_id: str) -> KeptResponse:
    found = await store.get(owner, response_id)
    if found is None:
        raise _not_kept(response_id)
    return found


def _not_kept(response_id: str) -> RouteNotFoundError:
    message = f"there is no response {response_id!r}: it was never stored, or is no longer kept"
    return RouteNotFoundError(message, code="response_not_found", param="response_id")
