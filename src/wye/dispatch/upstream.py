"""What a plan's attempt is sent to: a provider behind a wire format, or one that lives in this process."""

import asyncio
from collections.abc import Awaitable, Coroutine, Mapping, Sequence
from typing import Any, Protocol

from msgspec import structs

from wye.adapters import Adapter, Target, load, operator, response_reader
from wye.catalog.addressing import is_plain, path_of
from wye.catalog.schema import ModelInfo, Provider
from wye.core.effort import effort_of
from wye.core.errors import MalformedResponseError, StreamInterruptedError, UpstreamTimeoutError, WyeError
from wye.core.exchange import Exchange
from wye.core.operations import (
    EmbeddingsAnswer,
    OperationAnswer,
    OperationCall,
    joined,
    total,
    unsupported,
)
from wye.core.plan import Attempt
from wye.core.request import Call
from wye.core.response import ModelResponse, StreamChunk
from wye.core.secret import Secret
from wye.core.sink import Sink
from wye.core.wire import ServerEvent, StreamState, WireRequest
from wye.dispatch.attachments import with_bytes
from wye.dispatch.defaults import NO_DEFAULTS, Defaults, as_whole, for_caller, with_defaults
from wye.dispatch.discovery import list_models
from wye.dispatch.in_process import as_chunks
from wye.transport import LARGEST_ANSWER, HttpReply, HttpStream, Transport
from wye.transport.framing import decoder
from wye.transport.seam import too_large

_MAX_ERROR_BYTES = 1024 * 1024
_JSON = "application/json"
_BEGIN_OF_A_LINE = frozenset((b":", b"d", b"e", b"i", b"r"))
"""With what the lines of an event stream begin: a comment's colon, `data`, `event`, `id`, `retry`."""
_MORE_AFTER_DONE_SECONDS = 0.25
_NOTHING: frozenset[str] = frozenset()
_PARTS_AT_ONCE = 8
"""How many requests one caller's request may make of a provider at a time, where a wire takes its texts one by one."""


class Upstream(Protocol):
    """Answers attempts, with the `key` that is given or, where none is, the provider's first."""

    async def complete(
        self, exchange: Exchange, attempt: Attempt, seconds: float, key: Secret | None = None
    ) -> ModelResponse:
        """Return the whole answer within `seconds`, or raise a `WyeError`."""

    async def perform(
        self, exchange: Exchange, attempt: Attempt, seconds: float, key: Secret | None = None
    ) -> OperationAnswer:
        """Answer what is not chat (an `OperationCall`) within `seconds`, or raise a `WyeError`."""

    async def stream(self, exchange: Exchange, attempt: Attempt, sink: Sink, key: Secret | None = None) -> None:
        """Put the answer's chunks into `sink`, those together that came together; raise where it breaks off.

        Cancelling ends the call at the provider.
        """

    async def list_models(self, seconds: float, key: Secret | None = None) -> tuple[ModelInfo, ...]:
        """Return what the provider lists, within `seconds`; raise its error, or say that it has no list."""

    def knowing(self, models: Mapping[str, ModelInfo]) -> "Upstream":
        """Return the same upstream with another catalog (by full id); what is held is shared."""

    async def aclose(self) -> None:
        """Give back what is held."""


class WireUpstream:
    """A provider as the catalog describes it: an adapter for the words, a transport for the way."""

    def __init__(
        self,
        provider: Provider,
        adapter: Adapter,
        transport: Transport,
        *,
        models: Mapping[str, ModelInfo],
        keys: tuple[Secret, ...],
        silence: float,
        defaults: Defaults = NO_DEFAULTS,
        largest: int = LARGEST_ANSWER,
    ) -> None:
        """Join the parts; `models` is the catalog by full id, `silence` the seconds allowed without content."""
        self._provider = provider
        self._adapter = adapter
        self._transport = transport
        self._models = models
        self._keys = keys
        self._silence = silence
        self._largest = largest
        self._plain = is_plain(provider)
        self._needs: frozenset[str] = getattr(adapter, "NEEDS_BYTES", _NOTHING)
        if provider.wire.images == "data":
            self._needs |= {"image"}
        if provider.wire.files == "document_url" or "file_url" in provider.wire.takes:
            self._needs -= {"file"}
        self._defaults = defaults
        # One mapping a key, kept: connections know headers they have seen by their identity.
        self._headers = {key: _headers(provider, key) for key in keys or (None,)}

    async def complete(
        self, exchange: Exchange, attempt: Attempt, seconds: float, key: Secret | None = None
    ) -> ModelResponse:
        """Send the request and read the whole answer."""
        target = self._target(attempt)
        adapter = self._adapter_for(target.model, exchange.call)
        call = self._call_for(exchange, attempt, target, whole=True)
        if needs := self._needs_of(adapter, call):
            call = await _filled(exchange, call, needs)
            seconds = min(seconds, max(exchange.deadline - asyncio.get_running_loop().time(), 0.001))
        request = self._build(exchange, call, adapter, target)
        headers = self._with(key, _traced(exchange, request.headers))
        reply = await self._transport.send(request.path, headers, request.body, seconds)
        if not 200 <= reply.status < 300:
            raise self._scrubbed(adapter.parse_error(reply.status, reply.headers, reply.body))
        try:
            return response_reader(adapter, exchange.call)(reply.body)
        except WyeError as error:
            raise self._scrubbed(error) from None

    async def perform(
        self, exchange: Exchange, attempt: Attempt, seconds: float, key: Secret | None = None
    ) -> OperationAnswer:
        """Send the request, or all the parts of it that the wire wants apart, and read the answers."""
        call = exchange.call
        if not isinstance(call, OperationCall):
            raise TypeError("only an OperationCall can be performed")
        target = self._target(attempt)
        adapter = self._adapter_for(target.model, call)
        does = operator(adapter, call.operation)
        if does is None:
            raise unsupported(call.operation, attempt.full_id)
        requests = does.build(call, target)
        exchange.dropped, exchange.emulated = requests[0].dropped, requests[0].emulated
        room, clock = asyncio.Semaphore(_PARTS_AT_ONCE), asyncio.get_running_loop().time
        until = clock() + seconds

        async def part(request: WireRequest) -> OperationAnswer:
            path = request.path if self._plain else path_of(self._provider, request.path, target.name)
            async with room:
                left = max(until - clock(), 0.001)
                reply = await self._transport.send(
                    path, self._with(key, _traced(exchange, request.headers)), request.body, left
                )
            if not 200 <= reply.status < 300:
                raise self._scrubbed(adapter.parse_error(reply.status, reply.headers, reply.body))
            try:
                return does.parse(reply.body, reply.headers, call)
            except WyeError as error:
                raise self._scrubbed(error) from None

        return await _all_parts([part(request) for request in requests])

    async def stream(self, exchange: Exchange, attempt: Attempt, sink: Sink, key: Secret | None = None) -> None:
        """Send the request and pass the answer on as it comes; end without an error only where the wire ended it."""
        if not self._defaults.stream:
            return await self._in_one_piece(exchange, attempt, sink, key)
        target = self._target(attempt)
        adapter = self._adapter_for(target.model, exchange.call)
        call = self._call_for(exchange, attempt, target)
        if needs := self._needs_of(adapter, call):
            call = await _filled(exchange, call, needs)
        request = self._build(exchange, call, adapter, target)
        state = StreamState(raw_events=exchange.call.raw_events and exchange.call.wire == adapter.WIRE)
        headers = self._with(key, _traced(exchange, request.headers))
        async with self._transport.stream(request.path, headers, request.body) as answer:
            if not 200 <= answer.status < 300:
                error = adapter.parse_error(answer.status, answer.headers, await _read_some(answer))
                if self._provider.wire.stream_optional and "stream" in error.message.lower():
                    return await self._in_one_piece(exchange, attempt, sink, key)
                raise self._scrubbed(error)
            if self._provider.wire.stream_optional and answer.headers.get("content-type", "").startswith(_JSON):
                return await self._whole_after_all(adapter, answer, sink)
            reader = _EventReader(adapter, state, sink, silence=self._silence, largest=self._largest)
            try:
                await answer.pump(reader)
                if not state.done and (wait := reader.close()) is not None:
                    await wait
            except WyeError as error:
                raise self._scrubbed(error) from None
            if state.done:
                await _read_to_end(answer)
        if not (state.done or (state.finish_seen and self._provider.wire.stream_end == "finish")):
            raise StreamInterruptedError("the provider's stream ended before its end marker")
        return None

    async def _in_one_piece(self, exchange: Exchange, attempt: Attempt, sink: Sink, key: Secret | None) -> None:
        """Ask for the whole answer and pass it on as one chunk."""
        left = exchange.deadline - asyncio.get_running_loop().time()
        response = await self.complete(exchange, attempt, left, key)
        if (wait := sink.put(as_chunks(response))) is not None:
            await wait

    async def fetch(self, wire: str, path: str, seconds: float) -> bytes:
        """GET what lies at `path`, which a wire format has beside what models are asked for."""
        path = path if self._plain else path_of(self._provider, path)
        reply = await self._transport.get(path, self._with(None, {}), seconds)
        if not 200 <= reply.status < 300:
            raise self._scrubbed(load(wire).parse_error(reply.status, reply.headers, reply.body))
        return reply.body

    async def _whole_after_all(self, adapter: Adapter, answer: HttpStream, sink: Sink) -> None:
        """Pass on the whole answer of a back end that was asked for a stream."""
        try:
            response = adapter.parse_response(await _read_all(answer, self._largest))
        except WyeError as error:
            raise self._scrubbed(error) from None
        if (wait := sink.put(as_chunks(response))) is not None:
            await wait

    async def list_models(self, seconds: float, key: Secret | None = None) -> tuple[ModelInfo, ...]:
        """Ask for the list of models."""

        def refused(reply: HttpReply) -> WyeError:
            return self._scrubbed(self._adapter.parse_error(reply.status, reply.headers, reply.body))

        return await list_models(self._provider, self._transport, self._with(key, {}), refused, seconds)

    def knowing(self, models: Mapping[str, ModelInfo]) -> "WireUpstream":
        """Return the same upstream with another catalog."""
        other = type(self)(
            self._provider,
            self._adapter,
            self._transport,
            models=models,
            keys=self._keys,
            silence=self._silence,
            defaults=self._defaults,
            largest=self._largest,
        )
        other._headers = self._headers  # noqa: SLF001 - its own kind
        return other

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    def _call_for(self, exchange: Exchange, attempt: Attempt, target: Target, *, whole: bool = False) -> Call:
        """Return the call with what it leaves open, in the words of its own wire; `whole` asks for no stream."""
        call = exchange.call
        defaults = for_caller(self._defaults, exchange.caller, own=attempt.provider in exchange.own)
        if defaults is not NO_DEFAULTS:
            call = with_defaults(call, defaults, target.model, target.traits)
        return as_whole(call) if whole and call.stream else call

    def _needs_of(self, adapter: Adapter, call: Call) -> frozenset[str]:
        """Return what the wire format wants the bytes of, where the call may hold addresses of it; else nothing."""
        if call.wire == adapter.WIRE or b"://" not in call.body:
            return _NOTHING
        own: frozenset[str] = getattr(adapter, "NEEDS_BYTES", _NOTHING)
        return self._needs if adapter is self._adapter else self._needs | own

    def _build(self, exchange: Exchange, call: Call, adapter: Adapter, target: Target) -> WireRequest:
        request = adapter.build_request(call, target)
        exchange.dropped, exchange.emulated = request.dropped, request.emulated
        if exchange.call.operation == "completions" and exchange.call.wire != adapter.WIRE:
            exchange.emulated = ("completions", *request.emulated)
        if not self._plain:
            request = structs.replace(request, path=path_of(self._provider, request.path, target.name))
        return request

    def _target(self, attempt: Attempt) -> Target:
        model = self._models.get(attempt.full_id) or ModelInfo(id=attempt.model, provider=attempt.provider)
        return Target(model, self._provider.wire, attempt.alias)

    def _adapter_for(self, model: ModelInfo, call: Call) -> Adapter:
        """Return the model's own wire format, else the caller's where the provider understands it, else its usual."""
        if model.adapter:
            return load(model.adapter)
        spoken = self._provider.also_speaks
        if model.tools_adapter in spoken and _thinks_with_tools(call, model):
            return load(model.tools_adapter)
        if call.wire in spoken:
            return load(call.wire)
        hosted = self._provider.wire.hosted_tools_adapter
        if hosted in spoken and call.wire != self._adapter.WIRE and _has_hosted_tools(call):
            return load(hosted)
        return self._adapter

    def _with(self, key: Secret | None, more: dict[str, str]) -> Mapping[str, str]:
        """Return the headers of every request with `key`, and `more` of them."""
        if key is None and self._keys:
            key = self._keys[0]
        headers = self._headers.get(key)
        if headers is None:  # the settings have changed since this was built, and the new key holds
            headers = _headers(self._provider, key)
            self._headers[key] = headers
        return {**headers, **more} if more else headers

    def _scrubbed(self, error: WyeError) -> WyeError:
        """Take our own keys out of what the provider says about them."""
        for key in self._headers:
            if key and key.reveal() in error.message:
                error.message = error.message.replace(key.reveal(), "…")
                error.args = (error.message,)
        return error


class _EventReader:
    """Turns the pieces of a body into chunks for a sink; done with the wire's end marker.

    A back end that does not stream may answer with one JSON object where events were asked for; it is read as a whole.
    """

    def __init__(self, adapter: Adapter, state: StreamState, sink: Sink, *, silence: float, largest: int) -> None:
        self._events = decoder(adapter.FRAMING)
        self._read_whole = adapter.parse_response
        self._unsure = adapter.FRAMING == "sse"
        self._whole: bytearray | None = None
        self._foreign = False
        """Whether what has come began as no event stream does, and held no event so far."""
        self._parse = adapter.parse_event
        self._state = state
        self._sink = sink
        self._silence = silence
        self._largest = largest
        self._clock = asyncio.get_running_loop().time
        self._heard = self._clock()
        self.done = False

    def feed(self, piece: bytes) -> Awaitable[None] | None:
        """Pass on what `piece` completes."""
        if self._unsure and (begin := piece.lstrip()[:1]):
            self._unsure = False
            self._whole = bytearray() if begin == b"{" else None
            self._foreign = begin not in _BEGIN_OF_A_LINE
        if self._whole is not None:
            self._whole += piece
            if len(self._whole) > self._largest:
                raise too_large(self._largest)
            return None
        return self._pass_on(self._events.feed(piece))

    def close(self) -> Awaitable[None] | None:
        """Pass on what the body's end completes."""
        if self._whole is not None:
            chunks = as_chunks(self._read_whole(bytes(self._whole)))
            self.done = self._state.done = True
            return self._sink.put(chunks)
        wait = self._pass_on(self._events.close())
        if self._foreign:
            raise MalformedResponseError("the provider's answer is no event stream")
        return wait

    def _pass_on(self, events: Sequence[ServerEvent]) -> Awaitable[None] | None:
        chunks: list[StreamChunk] = []
        if events:
            self._foreign = False
        try:
            for event in events:
                chunks += self._parse(event, self._state)
        except WyeError:
            if chunks:
                self._sink.put(chunks)  # the last word before the error; nothing follows that would have to wait
            raise
        self.done = self._state.done
        if chunks:
            self._heard = self._clock()
            return self._sink.put(chunks)
        if self._clock() - self._heard > self._silence:  # comments keep the connection busy, but say nothing
            raise UpstreamTimeoutError(f"the provider's stream held no content for {self._silence:g} s")
        return None


async def _filled(exchange: Exchange, call: Call, needs: frozenset[str]) -> Call:
    """Return the call with the bytes that the wire format wants in place of addresses.

    They are in the decoded request only, so that nothing may be changed in its body after this.
    """
    if exchange.fetched is None:
        exchange.fetched = {}
    left = exchange.deadline - asyncio.get_running_loop().time()
    return await with_bytes(call, needs, exchange.fetched, left)


def _has_hosted_tools(call: Call) -> bool:
    return not isinstance(call, OperationCall) and b'"tools"' in call.body and bool(call.chat.hosted_tools)


def _thinks_with_tools(call: Call, model: ModelInfo) -> bool:
    """Tell whether a model is to think over functions; only a call that may have any is decoded."""
    if isinstance(call, OperationCall) or not (b'"tools"' in call.body or b'"functions"' in call.body):
        return False
    chat = call.chat
    effort = effort_of(chat.reasoning_budget) if chat.reasoning_budget is not None else None
    return bool(chat.tools) and model.thinks_at(chat.reasoning_effort or effort)


def _traced(exchange: Exchange, headers: dict[str, str]) -> dict[str, str]:
    """Return the headers of a call, with the name of its trace where there is one."""
    return headers if exchange.trace is None else {**headers, **exchange.trace.headers}


def _headers(provider: Provider, key: Secret | None) -> Mapping[str, str]:
    return {"content-type": "application/json", **provider.headers, **_credential(provider, key)}


def _credential(provider: Provider, key: Secret | None) -> dict[str, str]:
    if key is None or provider.auth == "none":
        return {}
    if provider.auth == "header":
        return {provider.auth_header or "x-api-key": key.reveal()}
    return {"authorization": f"Bearer {key.reveal()}"}


async def _all_parts(parts: Sequence[Coroutine[Any, Any, OperationAnswer]]) -> OperationAnswer:
    """Return the answer made of all parts; where one fails, say what the others have used up."""
    if len(parts) == 1:
        return await parts[0]
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        answers = await asyncio.gather(*tasks)
    except WyeError as error:
        error.usage = total([task.result().usage for task in tasks if task.done() and not task.exception()])
        raise
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return joined([answer for answer in answers if isinstance(answer, EmbeddingsAnswer)])


async def _read_some(answer: HttpStream) -> bytes:
    """Read a body, as a rule a refusal's, as far as anybody would look at it."""
    body = bytearray()
    while len(body) < _MAX_ERROR_BYTES and (piece := await answer.read()) is not None:
        body += piece
    return bytes(body)


async def _read_all(answer: HttpStream, largest: int) -> bytes:
    """Read a whole body; raise where it is longer than that."""
    body = bytearray()
    while (piece := await answer.read()) is not None:
        body += piece
        if len(body) > largest:
            raise too_large(largest)
    return bytes(body)


async def _read_to_end(answer: HttpStream) -> None:
    """Wait a moment for the end of a stream whose end marker has come, so that its connection can be used again."""
    try:
        async with asyncio.timeout(_MORE_AFTER_DONE_SECONDS):
            while await answer.read() is not None:
                pass
    except (TimeoutError, WyeError):
        pass
