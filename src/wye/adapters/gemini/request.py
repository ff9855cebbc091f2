"""Says a call as a generateContent request."""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, urlsplit

import msgspec
from msgspec import Raw

from wye.adapters import Target, added, arguments_object, asks_to_think, cannot_express, json_instruction, left_out
from wye.adapters.gemini.thoughts import SKIP_VALIDATION, WIRE, can_think, is_before_3, respelled, thinking
from wye.catalog.schema import ModelInfo
from wye.core.content import (
    Audio,
    File,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from wye.core.errors import InvalidRequestError
from wye.core.request import Call, ChatRequest, ResponseFormat, Tool, ToolChoice
from wye.core.wire import WireRequest

_EXPRESSED: Final = frozenset({
    "frequency_penalty", "logprobs", "modalities", "n", "presence_penalty", "reasoning_budget", "reasoning_effort",
    "reasoning_summary", "response_format", "seed", "stop", "temperature", "top_k", "top_logprobs", "top_p",
    "hosted_tools", "web_search_options",
})  # fmt: skip
_MEDIA_TYPES: Final[Mapping[str, str]] = {
    "png": "image/png", "webp": "image/webp", "gif": "image/gif", "heic": "image/heic", "heif": "image/heif",
    "jpg": "image/jpeg", "jpeg": "image/jpeg", "pdf": "application/pdf", "txt": "text/plain", "md": "text/markdown",
    "csv": "text/csv", "html": "text/html", "json": "application/json", "mp4": "video/mp4", "webm": "video/webm",
    "mov": "video/quicktime", "wav": "audio/wav", "mp3": "audio/mp3", "ogg": "audio/ogg", "flac": "audio/flac",
}  # fmt: skip
_HOSTED: Final[Mapping[str, str]] = {
    "web_search": "googleSearch", "code_execution": "codeExecution", "url_context": "urlContext",
}  # fmt: skip
"""Google's names for tools that providers run, of those that need no settings."""
_OWN: Final = frozenset({None, WIRE})
"""Where a signature must come from to go back; of one that says nothing it is taken to be so."""

_encode = msgspec.json.Encoder().encode
_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode


def build_request(call: Call, target: Target) -> WireRequest:
    """Say a call as a generateContent request; one of the same wire format keeps its bytes."""
    method = "streamGenerateContent?alt=sse" if call.stream else "generateContent"
    path = f"/models/{quote(target.name, safe='')}:{method}"
    if call.wire == WIRE:
        return WireRequest(path=path, body=respelled(call.body, target), headers=dict(call.headers))
    chat = call.chat
    thinks = can_think(target.model) or asks_to_think(chat)
    dropped = list(left_out(call, WIRE, _EXPRESSED if thinks else _EXPRESSED - {"reasoning_summary"}))
    emulated: list[str] = []
    tools, config = _tools(call, target.model, dropped, emulated)
    system, contents = _conversation(chat, target.model, dropped, emulated)
    generation = _generation_config(chat, target.model, system, emulated)
    body: dict[str, Any] = {"contents": contents or [{"role": "user", "parts": [{"text": ""}]}]}
    if system:
        body["systemInstruction"] = {"parts": system}
    if tools:
        body["tools"] = tools
    if config:
        body["toolConfig"] = config
    extra = added(call, dropped)
    if "top_k" in extra:
        generation["topK"] = extra.pop("top_k")
    generation |= _members(extra.pop("generationConfig", None), "generationConfig")
    if generation:
        body["generationConfig"] = generation
    return WireRequest(
        path=path,
        body=_encode({**body, **extra}),
        dropped=tuple(dropped),
        emulated=tuple(emulated),
    )


def _members(raw: Raw | None, param: str) -> dict[str, Raw]:
    try:
        return _decode_members(raw) if raw is not None else {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        message = f"'{param}' must be a JSON object"
        raise InvalidRequestError(message, code="invalid_type", param=param) from None


def _generation_config(
    chat: ChatRequest, model: ModelInfo, system: list[dict[str, Any]], emulated: list[str]
) -> dict[str, Any]:
    config: dict[str, Any] = {
        "temperature": chat.temperature,
        "topP": chat.top_p,
        "topK": chat.top_k,
        "maxOutputTokens": chat.max_output_tokens,
        "stopSequences": chat.stop or None,
        "seed": chat.seed,
        "presencePenalty": chat.presence_penalty,
        "frequencyPenalty": chat.frequency_penalty,
        "candidateCount": chat.n,
        "responseLogprobs": chat.options.get("logprobs"),
        "logprobs": chat.options.get("top_logprobs"),
        "thinkingConfig": thinking(chat, model, emulated),
    }
    if (modalities := chat.options.get("modalities")) is not None:
        config["responseModalities"] = Raw(bytes(modalities).upper())
    if chat.response_format is not None:
        config |= _response_format(chat, chat.response_format, model, system, emulated)
    return {name: value for name, value in config.items() if value is not None}


def _response_format(
    chat: ChatRequest, form: ResponseFormat, model: ModelInfo, system: list[dict[str, Any]], emulated: list[str]
) -> dict[str, Any]:
    """Ask for JSON natively where the model can, and by instruction for what it cannot.

    The models before the third generation refuse to be asked for JSON and to be given tools at once.
    """
    free = not (chat.tools or chat.hosted_tools) or not is_before_3(model)
    if free and form.schema is not None and "json-schema" in model.capabilities:
        return {"responseMimeType": "application/json", "responseJsonSchema": form.schema}
    native = free and not model.capabilities.isdisjoint({"json-mode", "json-schema"})
    if not native or form.schema is not None:
        system.append({"text": json_instruction(form)})
        emulated.append("response_format")
    return {"responseMimeType": "application/json"} if native else {}


def _conversation(
    chat: ChatRequest, model: ModelInfo, dropped: list[str], emulated: list[str]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Split system text from turns, and join neighbouring turns of one role as the wire wants them."""
    system: list[dict[str, Any]] = []
    turns: list[dict[str, Any]] = []
    names: dict[str, str] = {}
    for index, message in enumerate(chat.messages):
        where = f"messages[{index}]"
        if message.role in {"system", "developer"}:
            if turns:
                emulated.append(f"{where}.role")  # the wire knows system text at the beginning only
            system += _system_parts(message, where)
            continue
        names |= {part.id: part.name for part in message.parts if isinstance(part, ToolCall)}
        role = "model" if message.role == "assistant" else "user"
        dropped += (
            f"{where}.content[{at}]"
            for at, part in enumerate(message.parts)
            if isinstance(part, Opaque) and part.wire != WIRE
        )
        parts = _signed(message, where, model) if role == "model" else list(_parts(message, where, names))
        if not parts:
            continue
        if turns and turns[-1]["role"] == role:
            turns[-1]["parts"] += parts
        else:
            turns.append({"role": role, "parts": parts})
    return system, turns


def _system_parts(message: Message, where: str) -> Iterator[dict[str, Any]]:
    for at, part in enumerate(message.parts):
        if not isinstance(part, Text):
            raise cannot_express(f"{where}.content[{at}]", WIRE)
        if part.text:
            yield {"text": part.text}


def _signed(message: Message, where: str, model: ModelInfo) -> list[dict[str, Any]]:
    """Say a turn of the model's, its text and first call carrying the signatures they came with.

    Thought text stays behind: the wire has no use for it. A signature without text to carry it goes on an empty one.
    """
    parts = list(_parts(message, where, {}))
    calls = [part for part in parts if "functionCall" in part]
    if calls and "thoughtSignature" not in calls[0] and not is_before_3(model):
        calls[0]["thoughtSignature"] = SKIP_VALIDATION
    thoughts = (part for part in reversed(message.parts) if isinstance(part, Reasoning) and part.origin in _OWN)
    signature = next((thought.signature for thought in thoughts if thought.signature), None)
    if signature is not None:
        carrier = next((part for part in reversed(parts) if "text" in part), None)
        if carrier is None:
            carrier = {"text": ""}
            parts.insert(0, carrier)
        carrier["thoughtSignature"] = signature
    return parts


def _parts(message: Message, where: str, names: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for at, part in enumerate(message.parts):
        here = f"{where}.content[{at}]"
        match part:
            case Text(text="") | Reasoning():
                continue
            case Opaque(wire=wire, raw=raw):
                if wire == WIRE:
                    yield dict(_members(raw, here))
            case ToolResult():
                yield from _tool_result(part, where, names)
            case ToolCall():
                yield _tool_call(part, where)
            case _:
                yield _part(part, here)


def _part(part: Part, where: str) -> dict[str, Any]:
    match part:
        case Text(text=text) | Refusal(text=text):
            return {"text": text}
        case Image():
            return _media(part.data, part.url, part.media_type or _media_type(part.url, "image/jpeg"))
        case Audio():
            return _media(part.data, None, _MEDIA_TYPES.get(part.format, f"audio/{part.format}"))
        case File():
            guessed = _media_type(part.filename, _media_type(part.url, "application/pdf"))
            return _media(part.data, part.url or part.file_id, part.media_type or guessed)
        case _:
            raise cannot_express(where, WIRE)


def _media(data: str | None, uri: str | None, media_type: str) -> dict[str, Any]:
    """Say a file by its data, or by an address that Google fetches: https, Cloud Storage or its own files."""
    if data is not None:
        return {"inlineData": {"mimeType": media_type, "data": data}}
    return {"fileData": {"mimeType": media_type, "fileUri": uri}}


def _media_type(name: str | None, default: str) -> str:
    """Guess from the end of a path; the standard library's `mimetypes` would read files."""
    try:
        path = urlsplit(name or "").path
    except ValueError:
        path = ""
    return _MEDIA_TYPES.get(path.rpartition(".")[2].lower(), default)


def _tool_call(call: ToolCall, where: str) -> dict[str, Any]:
    function = {"id": call.id, "name": call.name, "args": arguments_object(call.arguments, where)}
    signature = {"thoughtSignature": call.signature} if call.signature and call.origin in _OWN else {}
    return {"functionCall": function, **signature}


def _tool_result(result: ToolResult, where: str, names: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Say a result under its function's name; media in it follow as parts of their own."""
    name = names.get(result.call_id)
    if name is None:
        message = f"'{where}.tool_call_id' is {result.call_id!r}, which no tool call before it has as its id"
        raise InvalidRequestError(message, code="invalid_value", param=f"{where}.tool_call_id")
    text = "".join(part.text for part in result.parts if isinstance(part, Text))
    response = {"error" if result.is_error else "result": text}
    yield {"functionResponse": {"id": result.call_id, "name": name, "response": response}}
    yield from (_part(part, where) for part in result.parts if not isinstance(part, Text))


def _tools(
    call: Call, model: ModelInfo, dropped: list[str], emulated: list[str]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Say functions, the tools that Google runs, and the choice among the former."""
    chat = call.chat
    tools: list[dict[str, Any]] = []
    config: dict[str, Any] = {}
    if chat.tools:
        tools.append({"functionDeclarations": [_tool(tool) for tool in chat.tools]})
        if choice := _tool_choice(chat.tool_choice):
            config["functionCallingConfig"] = choice
    for hosted in chat.hosted_tools:
        if hosted.wire == WIRE:
            tools.append(dict(_members(hosted.raw, "tools")))
        elif (name := _HOSTED.get(hosted.kind)) is not None:
            tools.append({name: {}})
            emulated.append(f"tools.{hosted.kind}")  # what its settings say stays behind
        elif call.drop_unsupported:
            dropped.append(f"tools.{hosted.kind}")
        else:
            raise cannot_express(f"tools.{hosted.kind}", WIRE)
    if "web_search_options" in chat.options and not any("googleSearch" in tool for tool in tools):
        tools.append({"googleSearch": {}})
        emulated.append("web_search_options")
    if len(tools) > bool(chat.tools) > 0 and not is_before_3(model):
        config["includeServerSideToolInvocations"] = True  # without it functions and other tools do not go together
    return tools, config


def _tool(tool: Tool) -> dict[str, Any]:
    body: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        body["description"] = tool.description
    if tool.parameters is not None:
        body["parametersJsonSchema"] = tool.parameters
    return body


def _tool_choice(choice: ToolChoice | None) -> dict[str, Any] | None:
    match choice:
        case ToolChoice(mode="none"):
            return {"mode": "NONE"}
        case ToolChoice(mode="required"):
            return {"mode": "ANY"}
        case ToolChoice(mode="named", name=name):
            return {"mode": "ANY", "allowedFunctionNames": [name]}
    return None
