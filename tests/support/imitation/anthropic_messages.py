"""Imitates Anthropic's Messages: https://docs.claude.com/en/api/messages and its streaming page."""

import json
import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct
from tests.support.imitation import mind
from tests.support.imitation.mind import Called, Heard, RefusedError, Result, Said, Seen, Turn
from tests.support.imitation.says import event, key_of, sse
from tests.support.upstream import Received, Reply

WIRE = "anthropic_messages"
PATH = "/messages"
TOOL_ID = re.compile(r"[a-zA-Z0-9_-]+")
FINISH = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}


class _Strict(Struct, forbid_unknown_fields=True):
    """`Extra inputs are not permitted`, says the real one."""


class _Block(_Strict):
    type: str
    text: str | None = None
    source: dict[str, Any] | None = None
    title: str | None = None
    context: str | None = None
    citations: Any = None
    id: str | None = None
    name: str | None = None
    input: dict[str, Any] | None = None
    tool_use_id: str | None = None
    content: "str | list[_Block] | None" = None
    is_error: bool | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    cache_control: dict[str, Any] | None = None
    caller: dict[str, Any] | None = None


class _Message(_Strict):
    role: str
    content: str | list[_Block]


class _Tool(_Strict):
    name: str
    input_schema: dict[str, Any] | None = None
    type: str | None = None
    description: str | None = None
    strict: bool | None = None
    cache_control: dict[str, Any] | None = None
    eager_input_streaming: bool | None = None
    max_uses: int | None = None
    user_location: Any = None
    allowed_domains: Any = None
    blocked_domains: Any = None


class _Choice(_Strict):
    type: str
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class _Thinking(_Strict):
    type: str
    budget_tokens: int | None = None
    display: str | None = None


class _OutputConfig(_Strict):
    effort: str | None = None
    format: dict[str, Any] | None = None


class _Request(_Strict):
    model: str
    messages: list[_Message]
    max_tokens: int
    system: str | list[_Block] | None = None
    metadata: dict[str, str] | None = None
    stop_sequences: list[str] | None = None
    stream: bool | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    tools: list[_Tool] | None = None
    tool_choice: _Choice | None = None
    thinking: _Thinking | None = None
    output_config: _OutputConfig | None = None
    cache_control: dict[str, Any] | None = None
    service_tier: str | None = None
    container: Any = None
    context_management: Any = None
    inference_geo: str | None = None
    mcp_servers: Any = None


_decode = msgspec.json.Decoder(_Request).decode


def authorised(headers: Mapping[str, str]) -> bool:
    return bool(key_of(headers, "x-api-key") or key_of(headers, "authorization").startswith("Bearer "))


def hear(received: Received) -> Heard:
    """Read a request, refusing what Anthropic refuses."""
    if "anthropic-version" not in received.headers:
        raise RefusedError("anthropic-version: header is required")
    return understand(received.body)


def understand(body: bytes) -> Heard:
    """Read a request's body."""
    try:
        data = _decode(body)
    except msgspec.ValidationError as error:
        raise RefusedError(str(error)) from None
    _check(data)
    choice = data.tool_choice
    tools = {tool.name: tool.input_schema or {} for tool in data.tools or () if tool.type in {None, "custom"}}
    config = data.output_config or _OutputConfig()
    return Heard(
        model=data.model,
        turns=tuple(_turns(data.messages)),
        system=data.system if isinstance(data.system, str) else "".join(b.text or "" for b in data.system or ()),
        tools=tools,
        choice="auto"
        if choice is None
        else {"any": "required", "tool": choice.name or ""}.get(choice.type, choice.type),
        parallel=not (choice and choice.disable_parallel_tool_use),
        schema=config.format["schema"] if config.format else None,
        thinking=bool(data.thinking and data.thinking.type in {"enabled", "adaptive"}),
        stream=bool(data.stream),
        limit=data.max_tokens,
        stop=tuple(data.stop_sequences or ()),
    )


def _check(data: _Request) -> None:
    if data.max_tokens < 1:
        raise RefusedError("max_tokens: Input should be greater than or equal to 1")
    thinking = data.thinking
    if thinking and thinking.type == "enabled":
        if (thinking.budget_tokens or 0) < 1024:
            raise RefusedError("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
        if (thinking.budget_tokens or 0) >= data.max_tokens:
            raise RefusedError("`max_tokens` must be greater than `thinking.budget_tokens`")
        if data.tool_choice and data.tool_choice.type in {"any", "tool"}:
            raise RefusedError("Thinking may not be enabled when tool_choice forces tool use.")
        if data.temperature not in {None, 1}:
            raise RefusedError("`temperature` may only be set to 1 when thinking is enabled.")
    if data.tool_choice and not data.tools:
        raise RefusedError("tool_choice may only be specified while providing tools")
    for tool in data.tools or ():
        if tool.type in {None, "custom"} and (tool.input_schema or {}).get("type") != "object":
            raise RefusedError("tools.0.custom.input_schema.type: Field required")


def _turns(messages: list[_Message]) -> list[Turn]:
    if not messages:
        raise RefusedError("messages: at least one message is required")
    if messages[0].role != "user":
        raise RefusedError('messages: first message must use the "user" role')
    turns: list[Turn] = []
    waiting: dict[str, str] = {}
    for at, message in enumerate(messages):
        if message.role not in {"user", "assistant"}:
            raise RefusedError(f"messages.{at}.role: Input should be 'user' or 'assistant'")
        blocks = [_Block(type="text", text=message.content)] if isinstance(message.content, str) else message.content
        if not blocks and at < len(messages) - 1:
            raise RefusedError(f"messages.{at}: all messages must have non-empty content")
        turn = _turn(message.role, blocks, waiting, at)
        answered = {result.id for result in turn.results}
        if waiting.keys() - answered:
            missing = ", ".join(waiting.keys() - answered)
            raise RefusedError(f"messages.{at}: `tool_use` ids were found without `tool_result` blocks: {missing}")
        waiting = {call.id: call.name for call in turn.calls}
        turns.append(turn)
    if waiting:
        raise RefusedError("`tool_use` ids were found without `tool_result` blocks immediately after")
    return turns


def _turn(role: str, blocks: list[_Block], waiting: Mapping[str, str], at: int) -> Turn:  # noqa: C901, PLR0912 - one kind of block each
    texts, media, calls, results, thoughts = [], [], [], [], []
    for block in blocks:
        match block.type:
            case "text":
                if not block.text:
                    raise RefusedError("messages: text content blocks must be non-empty")
                texts.append(block.text)
            case "image" | "document" if role == "user":
                media.append(_seen(block.source or {}))
            case "tool_use" if role == "assistant":
                if not TOOL_ID.fullmatch(block.id or "") or block.input is None:
                    raise RefusedError(f"messages.{at}.content.0.tool_use.id: String should match pattern")
                calls.append(Called(block.id or "", block.name or "", block.input))
            case "tool_result" if role == "user":
                if block.tool_use_id not in waiting:
                    raise RefusedError(f"messages.{at}: unexpected `tool_use_id` found in `tool_result` blocks")
                if texts:
                    raise RefusedError("`tool_result` blocks must come before other content")
                text, pictures = _result(block)
                media += pictures
                name = waiting[block.tool_use_id or ""]
                results.append(Result(block.tool_use_id or "", name, text, bool(block.is_error)))
            case "thinking" if role == "assistant":
                if block.signature != mind.sign(block.thinking or "", WIRE):
                    raise RefusedError(f"messages.{at}.content.0: Invalid `signature` in `thinking` block")
                if calls or texts:
                    raise RefusedError("Expected `thinking` first")
                thoughts.append((block.thinking or "", block.signature))
            case other:
                raise RefusedError(f"messages.{at}.content.0: Input tag '{other}' is not expected")
    return Turn(
        "assistant" if role == "assistant" else "user",
        texts=tuple(texts),
        media=tuple(media),
        calls=tuple(calls),
        results=tuple(results),
        thoughts=tuple(thoughts),
    )


def _result(block: _Block) -> tuple[str, list[Seen]]:
    if isinstance(block.content, str):
        return block.content, []
    inner = block.content or []
    return "".join(one.text or "" for one in inner), [_seen(one.source or {}) for one in inner if one.type == "image"]


def _seen(source: dict[str, Any]) -> Seen:
    match source:
        case {"type": "base64", "media_type": str(media_type), "data": str(data)}:
            return mind.seen(media_type, data)
        case {"type": "url", "url": str(url)}:
            return Seen(url=url)
    raise RefusedError("source: Input does not match any of the expected tags")


def _usage(said: Said) -> dict[str, Any]:
    return {
        "input_tokens": said.input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": said.output_tokens,
        "service_tier": "standard",
    }


def _blocks(said: Said) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if said.thoughts:
        blocks.append({"type": "thinking", "thinking": said.thoughts, "signature": said.signature})
    if said.text:
        blocks.append({"type": "text", "text": said.text})
    uses = ({"type": "tool_use", "id": _id(c), "name": c.name, "input": c.arguments} for c in said.calls)
    return [*blocks, *uses]


def _id(call: Called) -> str:
    return call.id.replace("call_", "toolu_")


def _message(heard: Heard, content: Any, stop: str | None, usage: Any) -> dict[str, Any]:
    head = {"id": "msg_imitated", "type": "message", "role": "assistant", "model": heard.model}
    return {**head, "content": content, "stop_reason": stop, "stop_sequence": None, "usage": usage}


def whole(heard: Heard, said: Said) -> Reply:
    headers = {"request-id": "req_imitated"}
    return Reply.json(_message(heard, _blocks(said), FINISH[said.finish], _usage(said)), headers=headers)


def stream(heard: Heard, said: Said) -> Reply:
    return sse([event(value, value["type"]) for value in events(heard, said)])


def events(heard: Heard, said: Said) -> list[dict[str, Any]]:
    """List a stream's events in order."""
    start = _message(heard, [], None, {**_usage(said), "output_tokens": 1})
    out: list[dict[str, Any]] = [{"type": "message_start", "message": start}, {"type": "ping"}]
    for at, block in enumerate(_blocks(said)):
        empty, deltas = _told(block)
        out.append({"type": "content_block_start", "index": at, "content_block": empty})
        out += [{"type": "content_block_delta", "index": at, "delta": delta} for delta in deltas]
        out.append({"type": "content_block_stop", "index": at})
    delta = {"stop_reason": FINISH[said.finish], "stop_sequence": None}
    usage = {"output_tokens": said.output_tokens}
    return [*out, {"type": "message_delta", "delta": delta, "usage": usage}, {"type": "message_stop"}]


def _told(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    match block["type"]:
        case "thinking":
            deltas = [{"type": "thinking_delta", "thinking": piece} for piece in mind.cut(block["thinking"])]
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
            return {**block, "thinking": "", "signature": ""}, deltas
        case "text":
            return {**block, "text": ""}, [{"type": "text_delta", "text": piece} for piece in mind.cut(block["text"])]
    pieces = ["", *mind.cut(json.dumps(block["input"]))]
    return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]


def refuse(error: RefusedError) -> Reply:
    body = {"type": error.kind or "invalid_request_error", "message": error.message}
    return Reply.json({"type": "error", "error": body, "request_id": "req_imitated"}, error.status)


def no_key() -> Reply:
    return refuse(RefusedError("x-api-key header is required", status=401, kind="authentication_error"))
