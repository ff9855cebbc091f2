"""Brings the ways Google's JSON can be written to one: camelCase names, and lists where a single item may stand."""

import re
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import Raw

Shape: TypeAlias = "Mapping[str, Shape] | list[Shape] | None"
"""What a member holds: an object with these members, a list of such, or `None` for anything, left as it is."""

_PART: Final[Mapping[str, Shape]] = {
    "text": None, "thought": None, "thoughtSignature": None,
    "inlineData": {"mimeType": None, "data": None, "displayName": None},
    "fileData": {"mimeType": None, "fileUri": None, "displayName": None},
    "functionCall": None,
    "functionResponse": {
        "id": None, "name": None, "response": None,
        "parts": [{"inlineData": {"mimeType": None, "data": None}, "fileData": {"mimeType": None, "fileUri": None}}],
    },
    "executableCode": None, "codeExecutionResult": None, "toolCall": None, "toolResponse": None, "videoMetadata": None,
    "mediaResolution": None,
}  # fmt: skip
_CONTENT: Final[Mapping[str, Shape]] = {"role": None, "parts": [_PART]}
_TOOL: Final[Mapping[str, Shape]] = {
    "functionDeclarations": [{"name": None, "description": None, "parameters": None, "parametersJsonSchema": None}],
    "googleSearch": None, "googleSearchRetrieval": None, "codeExecution": None, "urlContext": None, "fileSearch": None,
    "enterpriseWebSearch": None, "googleMaps": None, "computerUse": None, "mcpServers": None,
}  # fmt: skip
_CONFIG: Final[Mapping[str, Shape]] = dict.fromkeys((
    "temperature", "topP", "topK", "candidateCount", "maxOutputTokens", "stopSequences", "seed", "presencePenalty",
    "frequencyPenalty", "responseLogprobs", "logprobs", "responseMimeType", "responseSchema", "responseJsonSchema",
    "responseModalities", "mediaResolution", "speechConfig", "imageConfig", "audioTimestamp",
    "enableEnhancedCivicAnswers", "routingConfig", "modelSelectionConfig",
)) | {"thinkingConfig": dict.fromkeys(("includeThoughts", "thinkingBudget", "thinkingLevel"))}  # fmt: skip
REQUEST: Final[Mapping[str, Shape]] = {
    "contents": [_CONTENT],
    "systemInstruction": _CONTENT,
    "tools": [_TOOL],
    "toolConfig": {
        "functionCallingConfig": {"mode": None, "allowedFunctionNames": None},
        "retrievalConfig": None, "includeServerSideToolInvocations": None,
    },
    "generationConfig": _CONFIG,
    "safetySettings": None, "cachedContent": None, "labels": None, "serviceTier": None, "store": None, "model": None,
}  # fmt: skip

_UNDERSCORED: Final = re.compile(r"_([a-z0-9])")
_SNAKE: Final = re.compile(rb'"[a-z]+_[a-z_]+"\s*:')
_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_items = msgspec.json.Decoder(list[Raw]).decode
_encode = msgspec.json.Encoder().encode


def has_snake_names(body: bytes) -> bool:
    """Tell whether any member of the JSON in `body`, however deep, has a snake_case name."""
    return _SNAKE.search(body) is not None


def camel(name: str) -> str:
    """Return a snake_case name in camelCase."""
    return _UNDERSCORED.sub(lambda found: found[1].upper(), name) if "_" in name else name


def brought_to_form(value: Raw | bytes, shape: Shape = REQUEST) -> Any:
    """Return JSON with the names in `shape` written in camelCase and single items put into their lists.

    What `shape` does not name keeps its bytes. Raises `msgspec.DecodeError` for what is not JSON at all.
    """
    first = bytes(memoryview(value)[:1])
    if isinstance(shape, list):
        if first == b"[":
            return [brought_to_form(item, shape[0]) for item in _decode_items(value)]
        return [brought_to_form(value, shape[0])] if first == b"{" else value
    if shape is None or first != b"{":
        return value
    members: dict[str, Any] = {}
    for name, member in _decode_members(value).items():
        written = camel(name)
        if written in shape:
            members[written] = brought_to_form(member, shape[written])
        else:
            members[name] = member
    return members


def encoded_in_form(body: bytes) -> bytes:
    """Return a request's body in the one form."""
    return _encode(brought_to_form(body.lstrip()))


_LISTS: Final = frozenset({"anyOf", "oneOf", "allOf"})
_COUNTS: Final = frozenset({"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"})
_TYPES: Final = ("TYPE_UNSPECIFIED", "string", "number", "integer", "boolean", "array", "object", "null")
"""Google's types by number."""


def json_schema(schema: Any) -> Any:
    """Return the JSON schema of one in Google's own form: https://ai.google.dev/api/caching#Schema.

    Types become lower case, `nullable` becomes a type of its own, counts that came as text become numbers.
    """
    if not isinstance(schema, dict):
        return schema
    out: dict[str, Any] = {}
    for name, value in ((camel(name), value) for name, value in schema.items()):
        if name == "type":
            out["type"] = _type(value)
        elif name in {"properties", "$defs", "defs"} and isinstance(value, dict):
            out["$defs" if name == "defs" else name] = {key: json_schema(item) for key, item in value.items()}
        elif name == "items":
            out[name] = json_schema(value)
        elif name in _LISTS and isinstance(value, list):
            out[name] = [json_schema(item) for item in value]
        elif name in _COUNTS and isinstance(value, str) and value.isdigit():
            out[name] = int(value)
        elif name not in {"nullable", "propertyOrdering", "example"} and not (name == "format" and value == "enum"):
            out[name] = value
    return _nullable(out) if schema.get("nullable") is True else out


def _type(value: Any) -> Any:
    if isinstance(value, int) and 0 < value < len(_TYPES):
        return _TYPES[value]
    if isinstance(value, list):
        return [_type(item) for item in value]
    return value.lower() if isinstance(value, str) else value


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    kind = schema.get("type")
    if isinstance(kind, str):
        values = {"enum": [*schema["enum"], None]} if isinstance(schema.get("enum"), list) else {}
        return {**schema, "type": [kind, "null"], **values}
    if isinstance(schema.get("anyOf"), list):
        return {**schema, "anyOf": [*schema["anyOf"], {"type": "null"}]}
    return schema
