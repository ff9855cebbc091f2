"""Reads what Converse answers, whole or in events."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct, field

from wye.adapters import Index, count, decoded, made_call_id, tier_of
from wye.adapters.bedrock_converse.content import WIRE
from wye.adapters.bedrock_converse.failure import raised_in_stream, refusal
from wye.core.content import Citation, FunctionCall, Opaque, Reasoning, ToolCall
from wye.core.errors import MalformedResponseError, WyeError
from wye.core.response import Choice, ChoiceDelta, ModelResponse, StreamChunk, ToolCallDelta
from wye.core.usage import Usage
from wye.core.wire import ServerEvent, StreamState

FINISH_REASONS: Final[Mapping[str, str]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "malformed_model_output": "length",  # the answer was broken off
    "malformed_tool_use": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}
_OWN_TOOL: Final = "server_tool_use"
_NULL: Final = Raw(b"null")
"""Stands for an absent member: msgspec reads `Raw | None` as null and nothing else."""


class _Text(Struct):
    text: str | None = None


class _Span(Struct):
    index: int | float | None = field(default=None, name="documentIndex")
    start: int | float | None = None


class _Web(Struct):
    url: str | None = None


class _Location(Struct):
    web: _Web | None = None
    page: _Span | None = field(default=None, name="documentPage")
    character: _Span | None = field(default=None, name="documentChar")
    chunk: _Span | None = field(default=None, name="documentChunk")


class _Citation(Struct):
    title: str | None = None
    source: str | None = None
    said: list[_Text] | None = field(default=None, name="sourceContent")
    location: _Location | None = None


class _Cited(Struct):
    content: list[_Text] | None = None
    citations: list[_Citation] | None = None


class _Thought(Struct):
    text: str | None = None
    signature: str | None = None


class _Reasoning(_Thought):
    """A block has `reasoningText`; a piece of a stream has its members at once."""

    whole: _Thought | None = field(default=None, name="reasoningText")
    redacted: str | None = field(default=None, name="redactedContent")


class _ToolUse(Struct):
    id: str | None = field(default=None, name="toolUseId")
    name: str | None = None
    type: str | None = None
    input: Raw = Raw(b"{}")


class _Source(Struct):
    bytes: str | None = None


class _Image(Struct):
    format: str | None = None
    source: _Source | None = None


class _Block(Struct):
    text: str | None = None
    tool_use: _ToolUse | None = field(default=None, name="toolUse")
    tool_result: Raw = field(default=_NULL, name="toolResult")
    reasoning: _Reasoning | None = field(default=None, name="reasoningContent")
    cited: _Cited | None = field(default=None, name="citationsContent")
    image: _Image | None = None


class _Message(Struct):
    content: list[Raw] | None = None


class _Output(Struct):
    message: _Message | None = None


class _CacheDetail(Struct):
    ttl: str | None = None
    tokens: int | float | None = field(default=None, name="inputTokens")


class _Usage(Struct):
    input: int | float | None = field(default=None, name="inputTokens")
    output: int | float | None = field(default=None, name="outputTokens")
    read: int | float | None = field(default=None, name="cacheReadInputTokens")
    written: int | float | None = field(default=None, name="cacheWriteInputTokens")
    details: list[_CacheDetail] | None = field(default=None, name="cacheDetails")


class _Tier(Struct):
    type: str | None = None


class _Answer(Struct):
    output: _Output | None = None
    stop: str | None = field(default=None, name="stopReason")
    usage: _Usage | None = None
    trace: Raw = _NULL
    additional: Raw = field(default=_NULL, name="additionalModelResponseFields")
    tier: _Tier | None = field(default=None, name="serviceTier")


class _Start(Struct):
    tool_use: _ToolUse | None = field(default=None, name="toolUse")
    tool_result: Raw = field(default=_NULL, name="toolResult")
    image: _Image | None = None


class _ToolPiece(Struct):
    input: str | None = None


class _Delta(Struct):
    text: str | None = None
    tool_use: _ToolPiece | None = field(default=None, name="toolUse")
    tool_result: list[Raw] | None = field(default=None, name="toolResult")
    reasoning: _Reasoning | None = field(default=None, name="reasoningContent")
    citation: _Citation | None = None
    image: _Image | None = None


class _Event(Struct):
    """The members of every kind of event; which kind it is stands in the frame's header."""

    index: Index = field(default=0, name="contentBlockIndex")
    start: _Start | None = None
    delta: _Delta | None = None
    stop: str | None = field(default=None, name="stopReason")
    usage: _Usage | None = None
    trace: Raw = _NULL
    additional: Raw = field(default=_NULL, name="additionalModelResponseFields")
    tier: _Tier | None = field(default=None, name="serviceTier")


_decode_answer = msgspec.json.Decoder(_Answer).decode
_decode_block = msgspec.json.Decoder(_Block).decode
_decode_event = msgspec.json.Decoder(_Event).decode
_decode_members = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode


def parse_response(body: bytes) -> ModelResponse:
    """Read a whole answer. The wire gives it no id and does not say which model answered."""
    data = decoded(_decode_answer, body, "a Converse answer")
    if data.output is None or data.output.message is None:
        error = refusal(500, {}, body)
        if not error.message.startswith("the provider answered"):
            raise error
        raise MalformedResponseError("the provider's answer holds no message")
    whole = _Whole()
    for raw in data.output.message.content or ():
        whole.add(decoded(_decode_block, bytes(raw), "a Converse answer"), raw)
    return ModelResponse(
        choices=(whole.choice(_finish(data.stop)),),
        usage=_usage(data.usage, data.tier),
        extra=_extra(data),
        wire=WIRE,
        raw=body,
    )


class _Whole:
    """Collects the blocks of an answer."""

    def __init__(self) -> None:
        self.text = ""
        self.spoke = False
        self.reasoning: list[Reasoning] = []
        self.calls: list[ToolCall] = []
        self.citations: list[Citation] = []
        self.opaque: list[Opaque] = []
        self.images: list[Any] = []

    def add(self, block: _Block, raw: Raw) -> None:
        if block.text is not None:
            self.say(block.text)
        if _given(block.tool_result) or (block.tool_use is not None and block.tool_use.type == _OWN_TOOL):
            self.opaque.append(Opaque(wire=WIRE, raw=Raw(bytes(raw))))
        elif (call := block.tool_use) is not None:
            given = bytes(call.input).decode()
            call_id = call.id or made_call_id("", len(self.calls))
            self.calls.append(ToolCall(call_id, FunctionCall(call.name or "", "{}" if given == "null" else given)))
        if block.reasoning is not None:
            self.reasoning.append(_thought(block.reasoning))
        if block.cited is not None:
            start = len(self.text)
            self.say("".join(piece.text or "" for piece in block.cited.content or ()))
            self.citations += [_citation(each, start, len(self.text)) for each in block.cited.citations or ()]
        if block.image is not None and (image := _image(block.image.format, block.image)):
            self.images.append(image)

    def say(self, text: str) -> None:
        self.text += text
        self.spoke = True

    def choice(self, finish: str | None) -> Choice:
        return Choice(
            content=self.text if self.text or not self.calls else None,
            reasoning=tuple(self.reasoning),
            tool_calls=tuple(self.calls),
            citations=tuple(self.citations),
            opaque=tuple(self.opaque),
            finish_reason=finish,
            extra={"images": Raw(_encode(self.images))} if self.images else {},
        )


def _given(raw: Raw) -> bool:
    return bytes(raw) != b"null"


def _thought(source: _Reasoning) -> Reasoning:
    inner = source.whole or source
    return Reasoning(
        text=inner.text or "",
        signature=inner.signature or None,
        encrypted=source.redacted or None,
        origin=WIRE,
    )


def _citation(source: _Citation, start: int, end: int) -> Citation:
    """Place a source beside the text it stands for; where in the source it was found is its page at most."""
    where = source.location or _Location()
    span = where.page or where.character or where.chunk
    address = where.web.url if where.web else source.source
    return Citation(
        url=address if address and address.startswith(("http://", "https://")) else None,
        title=source.title,
        cited_text="".join(piece.text or "" for piece in source.said or ()) or None,
        start=start,
        end=end,
        file_id=str(count(span.index)) if span is not None and span.index is not None else None,
        page=count(where.page.start) if where.page is not None and where.page.start is not None else None,
    )


def _image(kind: str | None, image: _Image) -> dict[str, Any] | None:
    data = image.source.bytes if image.source else None
    url = {"url": f"data:image/{kind or 'png'};base64,{data}"}
    return {"type": "image_url", "image_url": url} if data else None


def _finish(reason: str | None) -> str | None:
    return FINISH_REASONS.get(reason, "stop") if reason else None


def _usage(source: _Usage | None, tier: _Tier | None) -> Usage | None:
    """Read the counts. `inputTokens` leaves out what was read from a cache and written to it."""
    if source is None:
        return None
    read, written = count(source.read), count(source.written)
    return Usage(
        input_tokens=count(source.input) + read + written,
        output_tokens=count(source.output),
        cache_read_tokens=read,
        cache_write_tokens=written,
        cache_write_1h_tokens=sum(count(detail.tokens) for detail in source.details or () if detail.ttl == "1h"),
        service=tier_of(tier.type if tier is not None else None),
    )


def _extra(data: _Answer | _Event) -> dict[str, Raw]:
    extra = {"trace": data.trace, "additional_model_response_fields": data.additional}
    found = {name: Raw(bytes(raw)) for name, raw in extra.items() if _given(raw)}
    if data.tier is not None and data.tier.type:
        found["service_tier"] = Raw(_encode(data.tier.type))
    return found


def parse_event(event: ServerEvent, state: StreamState) -> Iterable[StreamChunk]:
    """Read one frame of a streamed answer.

    Blocks of text, reasoning and citations begin with their first piece, those of tools with a frame of their own.
    """
    if event.failed:
        raise raised_in_stream(event.name, event.data)
    data = decoded(_decode_event, event.data, "a Converse event")
    match event.name:
        case "contentBlockDelta" if data.delta is not None:
            choice = _piece(data.delta, data.index, state)
        case "contentBlockStart" if data.start is not None:
            choice = _begin(data.start, data.index, state)
        case "contentBlockStop":
            choice = _end(data.index, state)
        case "messageStop":
            state.finish_seen = True
            state.done = "ended" in state.held
            finish = ChoiceDelta(finish_reason=_finish(data.stop) or "stop")
            return (StreamChunk(choices=(finish,), wire=WIRE, extra=_extra(data)),)
        case "metadata":
            state.held["ended"] = True
            state.done = state.finish_seen
            return (StreamChunk(usage=_usage(data.usage, data.tier), wire=WIRE, extra=_extra(data)),)
        case _:
            return ()
    return (StreamChunk(choices=(choice,), wire=WIRE),) if choice is not None else ()


def _begin(start: _Start, index: int, state: StreamState) -> ChoiceDelta | None:
    if _given(start.tool_result):
        result = decoded(_decode_members, bytes(start.tool_result), "a Converse event")
        state.held[index] = {"toolResult": {**result, "content": []}}
    elif start.image is not None:
        state.held[index] = start.image.format
    elif (tool := start.tool_use) is not None and tool.type == _OWN_TOOL:
        begun = {"toolUseId": tool.id, "name": tool.name, "type": tool.type}
        state.held[index] = {"toolUse": begun | {"input": ""}}
    elif tool is not None:
        slot = state.slots[index] = state.tools
        state.tools += 1
        state.bare_tools.add(index)
        piece = ToolCallDelta(index=slot, id=tool.id or made_call_id("", slot), name=tool.name or "")
        return ChoiceDelta(tool_calls=(piece,))
    return None


def _piece(delta: _Delta, index: int, state: StreamState) -> ChoiceDelta | None:
    if delta.text:
        state.length += len(delta.text)
        return ChoiceDelta(content=delta.text)
    if delta.tool_use is not None:
        return _arguments(delta.tool_use.input or "", index, state)
    if delta.reasoning is not None:
        return ChoiceDelta(reasoning=_thought(delta.reasoning))
    if delta.citation is not None:
        cited = state.held.setdefault(index, [])
        if isinstance(cited, list):
            cited.append((delta.citation, state.length))
    if delta.image is not None and (image := _image(state.held.get(index), delta.image)):
        return ChoiceDelta(extra={"images": Raw(_encode([image]))})
    if delta.tool_result and isinstance(held := state.held.get(index), dict) and "toolResult" in held:
        held["toolResult"]["content"] += delta.tool_result
    return None


def _arguments(text: str, index: int, state: StreamState) -> ChoiceDelta | None:
    if isinstance(held := state.held.get(index), dict) and "toolUse" in held:
        held["toolUse"]["input"] += text
        return None
    if not text or index not in state.slots:
        return None
    state.bare_tools.discard(index)
    return ChoiceDelta(tool_calls=(ToolCallDelta(index=state.slots[index], arguments=text),))


def _end(index: int, state: StreamState) -> ChoiceDelta | None:
    """Close a block: a tool that got no arguments takes none; a block only this wire knows goes out whole."""
    if index in state.bare_tools:
        state.bare_tools.discard(index)
        return ChoiceDelta(tool_calls=(ToolCallDelta(index=state.slots[index], arguments="{}"),))
    held = state.held.pop(index, None)
    if isinstance(held, list):
        # A source comes before the text it stands for, and is placed when that is there.
        return ChoiceDelta(citations=tuple(_citation(source, start, state.length) for source, start in held))
    if not isinstance(held, dict):
        return None
    if (tool := held.get("toolUse")) is not None:
        try:
            tool["input"] = msgspec.json.decode(tool["input"] or "{}")
        except (msgspec.DecodeError, RecursionError):
            raise MalformedResponseError("the arguments of a tool the provider runs are not JSON") from None
    return ChoiceDelta(opaque=(Opaque(wire=WIRE, raw=Raw(_encode(held))),))


def parse_error(status: int, headers: Mapping[str, str], body: bytes) -> WyeError:
    """Read a refused request."""
    return refusal(status, headers, body)
