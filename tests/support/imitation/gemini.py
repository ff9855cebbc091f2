"""Imitates generateContent: https://ai.google.dev/api/generate-content and the page on thought signatures."""

import base64
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec
from msgspec import Struct
from tests.support.imitation import mind
from tests.support.imitation.mind import Called, Heard, RefusedError, Result, Said, Seen, Turn
from tests.support.imitation.says import key_of
from tests.support.upstream import Received, Reply

WIRE = "gemini"
PATH = re.compile(r"/models/([^/:]+):(generateContent|streamGenerateContent)$")
FINISH = {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP"}
STAND_INS = frozenset({"c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=", "skip_thought_signature_validator"})
UNSIGNED_BEFORE = re.compile(r"gemini-[12]\.")


class _Strict(Struct, forbid_unknown_fields=True, rename="camel"):
    """`Invalid JSON payload received. Unknown name`, says the real one."""


class _Blob(_Strict):
    mime_type: str
    data: str
    display_name: str | None = None


class _FileData(_Strict):
    file_uri: str
    mime_type: str | None = None


class _Call(_Strict):
    name: str
    args: dict[str, Any] | None = None
    id: str | None = None


class _Response(_Strict):
    name: str
    response: dict[str, Any]
    id: str | None = None
    parts: "list[_Part] | None" = None


class _Part(_Strict):
    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    inline_data: _Blob | None = None
    file_data: _FileData | None = None
    function_call: _Call | None = None
    function_response: _Response | None = None
    executable_code: Any = None
    code_execution_result: Any = None


class _Content(_Strict):
    parts: list[_Part]
    role: str | None = None


class _Declared(_Strict):
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    parameters_json_schema: dict[str, Any] | None = None
    behavior: str | None = None
    response: Any = None
    response_json_schema: Any = None


class _Tool(_Strict):
    function_declarations: list[_Declared] | None = None
    google_search: Any = None
    code_execution: Any = None
    url_context: Any = None


class _CallingConfig(_Strict):
    mode: str | None = None
    allowed_function_names: list[str] | None = None


class _ToolConfig(_Strict):
    function_calling_config: _CallingConfig | None = None


class _ThinkingConfig(_Strict):
    include_thoughts: bool | None = None
    thinking_budget: int | None = None
    thinking_level: str | None = None


class _Config(_Strict):
    temperature: float | None = None
    top_p: float | None = None
    top_k: float | None = None
    max_output_tokens: int | None = None
    stop_sequences: list[str] | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    candidate_count: int | None = None
    response_logprobs: bool | None = None
    logprobs: int | None = None
    response_mime_type: str | None = None
    response_schema: dict[str, Any] | None = None
    response_json_schema: dict[str, Any] | None = None
    response_modalities: list[str] | None = None
    thinking_config: _ThinkingConfig | None = None
    media_resolution: str | None = None
    speech_config: Any = None
    image_config: Any = None


class _Request(_Strict):
    contents: list[_Content]
    system_instruction: _Content | None = None
    tools: list[_Tool] | None = None
    tool_config: _ToolConfig | None = None
    generation_config: _Config | None = None
    safety_settings: Any = None
    cached_content: str | None = None
    labels: dict[str, str] | None = None


_OPAQUE = frozenset({"args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema"})


def _camel(value: Any) -> Any:
    """Write members as the wire does; like every protobuf in JSON it takes `snake_case` as well."""
    if isinstance(value, list):
        return [_camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    named = {re.sub(r"_(.)", lambda found: found[1].upper(), name): item for name, item in value.items()}
    return {name: item if name in _OPAQUE else _camel(item) for name, item in named.items()}


def authorised(headers: Mapping[str, str]) -> bool:
    return bool(key_of(headers, "x-goog-api-key") or key_of(headers, "authorization").startswith("Bearer "))


def hear(received: Received) -> Heard:
    """Read a request, refusing what Google refuses."""
    found = PATH.search(urlsplit(received.path).path)
    if found is None:
        raise RefusedError("Not Found", status=404, kind="NOT_FOUND")
    model = unquote(found[1])
    try:
        data = msgspec.convert(_camel(json.loads(received.body)), _Request)
    except msgspec.ValidationError as error:
        raise RefusedError(f"Invalid JSON payload received. {error}") from None
    config = data.generation_config or _Config()
    if config.response_json_schema is not None and config.response_mime_type != "application/json":
        raise RefusedError("response_json_schema needs response_mime_type application/json")
    calling = (data.tool_config.function_calling_config if data.tool_config else None) or _CallingConfig()
    named = calling.allowed_function_names or []
    if named and calling.mode != "ANY":
        raise RefusedError("allowed_function_names should only be set when mode is ANY")
    thinking = config.thinking_config or _ThinkingConfig()
    if thinking.thinking_budget is not None and thinking.thinking_level is not None:
        raise RefusedError("thinking_budget and thinking_level cannot both be set")
    declared = [tool for group in data.tools or () for tool in group.function_declarations or ()]
    return Heard(
        model=model,
        turns=tuple(_turns(data.contents, signed=not UNSIGNED_BEFORE.search(model))),
        system="".join(part.text or "" for part in data.system_instruction.parts) if data.system_instruction else "",
        tools={tool.name: tool.parameters_json_schema or tool.parameters or {} for tool in declared},
        choice=named[0] if named else {"NONE": "none", "ANY": "required"}.get(calling.mode or "", "auto"),
        schema=config.response_json_schema or config.response_schema,
        json_mode=config.response_mime_type == "application/json",
        thinking=bool(thinking.include_thoughts),
        stream=found[2] == "streamGenerateContent",
        limit=config.max_output_tokens,
        stop=tuple(config.stop_sequences or ()),
    )


def _turns(contents: list[_Content], *, signed: bool) -> list[Turn]:
    if not contents:
        raise RefusedError("contents is not specified")
    turns: list[Turn] = []
    for at, content in enumerate(contents):
        if content.role not in {"user", "model", None}:
            raise RefusedError("Please use a valid role: user, model.")
        if not content.parts:
            raise RefusedError(f"GenerateContentRequest.contents[{at}].parts: contents.parts must not be empty.")
        turn = _turn(content)
        if turn.results and (not turns or len(turns[-1].calls) != len(turn.results)):
            raise RefusedError(
                "Please ensure that the number of function response parts is equal to the number of function call "
                "parts of the function call turn."
            )
        if turn.calls and (not turns or turns[-1].role == "assistant"):
            raise RefusedError("Please ensure that function call turn comes immediately after a user turn.")
        turns.append(turn)
    if signed:
        _check_signatures(turns)
    return turns


def _check_signatures(turns: list[Turn]) -> None:
    """Refuse a first call without a signature in any step since the user last said something."""
    begin = max((at for at, turn in enumerate(turns) if turn.role == "user" and turn.texts), default=0)
    for turn in turns[begin:]:
        if turn.calls and not turn.calls[0].signature:
            raise RefusedError(
                f"Function call is missing a thought_signature in functionCall parts: {turn.calls[0].name}"
            )


def _turn(content: _Content) -> Turn:
    texts: list[str] = []
    media: list[Seen] = []
    calls: list[Called] = []
    results: list[Result] = []
    thoughts: list[tuple[str, str]] = []
    for part in content.parts:
        signature = part.thought_signature or ""
        if signature and signature not in STAND_INS and not _ours(signature):
            raise RefusedError("Thought signature is not valid.")
        if part.thought:
            thoughts.append((part.text or "", signature))
        elif part.text is not None:
            texts += [part.text] if part.text else []
            if signature:
                thoughts.append(("", signature))
        if part.inline_data:
            media.append(mind.seen(part.inline_data.mime_type, part.inline_data.data))
        if part.file_data:
            media.append(Seen(url=part.file_data.file_uri))
        if part.function_call:
            call = part.function_call
            calls.append(Called(call.id or "", call.name, call.args or {}, signature))
        if part.function_response:
            answer = part.function_response
            results.append(_result(answer))
            blobs = [inner.inline_data for inner in answer.parts or () if inner.inline_data]
            media += [mind.seen(blob.mime_type, blob.data) for blob in blobs]
    role: mind.Speaker = "assistant" if content.role == "model" else "user"
    return Turn(role, tuple(texts), tuple(media), tuple(calls), tuple(results), tuple(thoughts))


def _ours(signature: str) -> bool:
    try:
        return base64.b64decode(signature, validate=True).startswith(b"gemini ")
    except ValueError:
        return False


def _result(answer: _Response) -> Result:
    """Google documents `output` and `error` as the keys it knows, and takes any."""
    value = next(iter(answer.response.values()), "")
    text = value if isinstance(value, str) else json.dumps(value)
    return Result(answer.id or "", answer.name, text, "error" in answer.response)


def _usage(said: Said) -> dict[str, Any]:
    usage = {
        "promptTokenCount": said.input_tokens,
        "candidatesTokenCount": said.output_tokens - said.reasoning_tokens,
        "totalTokenCount": said.input_tokens + said.output_tokens,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": said.input_tokens}],
    }
    return {**usage, "thoughtsTokenCount": said.reasoning_tokens} if said.reasoning_tokens else usage


def _parts(said: Said, pieces: list[str], thoughts: list[str]) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = [{"text": piece, "thought": True} for piece in thoughts if piece]
    parts += [{"text": piece} for piece in pieces if piece]
    if parts and said.signature and pieces and pieces != [""]:
        parts[-1]["thoughtSignature"] = said.signature
    for at, call in enumerate(said.calls):
        part: dict[str, Any] = {"functionCall": {"name": call.name, "args": call.arguments}}
        if at == 0:
            part["thoughtSignature"] = said.signature or mind.sign(call.name, WIRE)
        parts.append(part)
    return parts


def _body(heard: Heard, said: Said, parts: list[dict[str, Any]], finish: str | None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    head = {"modelVersion": heard.model, "responseId": "imitated"}
    return {"candidates": [candidate], "usageMetadata": _usage(said), **head}


def whole(heard: Heard, said: Said) -> Reply:
    parts = _parts(said, [said.text], [said.thoughts])
    return Reply.json(_body(heard, said, parts, FINISH[said.finish]))


def stream(heard: Heard, said: Said) -> Reply:
    """Stream in CRLF and without an end marker, as Google does."""
    parts = _parts(said, said.pieces(), mind.cut(said.thoughts))
    bodies = [_body(heard, said, [part], None) for part in parts]
    bodies.append(_body(heard, said, [{"text": ""}], FINISH[said.finish]))
    return Reply.stream([b"data: %b\r\n\r\n" % json.dumps(body).encode() for body in bodies])


def refuse(error: RefusedError) -> Reply:
    status = error.kind or "INVALID_ARGUMENT"
    return Reply.json({"error": {"code": error.status, "message": error.message, "status": status}}, error.status)


def no_key() -> Reply:
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]
    body = {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT", "details": details}
    return Reply.json({"error": body}, 400)
