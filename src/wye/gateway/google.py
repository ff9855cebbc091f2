"""What Google's API has in its paths and query, and its small answers: the list of models, the count of tokens."""

import re
from collections.abc import MutableMapping
from typing import Any, Final
from urllib.parse import parse_qs

import msgspec
from msgspec import Raw, Struct

from wye.catalog.schema import ModelInfo
from wye.core.caller import Caller
from wye.core.errors import InvalidRequestError
from wye.core.estimate import estimate_input_tokens
from wye.core.request import Asked
from wye.engine import Engine
from wye.surfaces import gemini

_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode

_VERSION: Final = r"/(?:v1|v1alpha|v1beta|v1beta1)/(?:projects/[^/]+/locations/[^/]+/)?(?:publishers/google/)?"
_METHOD: Final = re.compile(_VERSION + r"models/(.+):(generateContent|streamGenerateContent|countTokens)")
_MODELS: Final = re.compile(r"/(?:v1alpha|v1beta|v1beta1)/(?:publishers/google/)?models(?:/(.+))?")
_MOST_LISTED: Final = 1000
_LISTED: Final = 50
"""How many models a page holds where nobody says; https://ai.google.dev/api/models#method:-models.list."""


class Called(Struct, frozen=True):
    """A path of Google's API: what is asked of which model; `models` asks for their list, or for one row of it."""

    method: str
    model: str


def parse(path: str) -> Called | None:
    """Read a path; `None` where it is none of Google's, or not one of theirs alone (`/v1/models`)."""
    if not path.startswith("/v1"):
        return None
    if found := _METHOD.fullmatch(path):
        return Called(found[2], found[1])
    if found := _MODELS.fullmatch(path):
        return Called("models", found[1] or "")
    return None


def speaks(path: str) -> bool:
    """Tell whether errors of a path that does not exist are to be written in Google's form."""
    return path.startswith(("/v1beta", "/v1alpha"))


def is_client(headers: MutableMapping[bytes, bytes]) -> bool:
    """Tell whether a request for a path that several APIs have comes from a client of Google's."""
    return b"x-goog-api-key" in headers or b"x-goog-api-client" in headers


def take_key(path: str, query: bytes, headers: MutableMapping[bytes, bytes]) -> None:
    """Put the key that Google's clients may write into the query (`?key=`) where the other ways of it are."""
    if parse(path) is not None and b"x-goog-api-key" not in headers:
        key = parse_qs(query.decode("latin-1")).get("key")
        if key:
            headers[b"x-goog-api-key"] = key[0].encode()


def asks_for_events(query: bytes) -> bool:
    """Tell whether a stream is to come as server-sent events."""
    return parse_qs(query.decode("latin-1")).get("alt", [""])[-1].partition(";")[0] == "sse"


def list_models(engine: Engine, query: bytes, caller: Caller) -> dict[str, Any]:
    """Return a page of the models of the providers in use, in Google's shape; `pageSize` and `pageToken` choose it."""
    rows = engine.models_for(caller)
    asked = parse_qs(query.decode("latin-1"))
    size = min(_number(asked, "pageSize") or _LISTED, _MOST_LISTED)
    start = _number(asked, "pageToken")
    page: dict[str, Any] = {"models": [_row(row) for row in rows[start : start + size]]}
    if start + size < len(rows):
        page["nextPageToken"] = str(start + size)
    return page


def _number(asked: dict[str, list[str]], name: str) -> int:
    text = asked.get(name, ["0"])[-1]
    if not text.isascii() or not text.isdigit():
        raise InvalidRequestError(f"'{name}' must be a whole number", code="invalid_value", param=name)
    return min(int(text), 1 << 30) if len(text) < 20 else 1 << 30


def count_tokens(model: str, body: bytes) -> dict[str, Any]:
    """Return the answer to `countTokens`, estimated.

    The body holds the turns, or a whole request (`generateContentRequest`):
    https://ai.google.dev/api/tokens#method:-models.counttokens.
    """
    try:
        members = _decode_members(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        members = {}
    whole = members.get("generateContentRequest") or members.get("generate_content_request")
    call = gemini.parse_request(bytes(whole) if whole is not None else body, Asked(model=model))
    return {"totalTokens": estimate_input_tokens(call.chat)}


def show_model(engine: Engine, name: str, caller: Caller) -> dict[str, Any]:
    """Return the model that a request for `name` would reach first, in Google's shape."""
    return _row(engine.model_for(caller, name, "chat"))


def _row(model: ModelInfo) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": f"models/{model.full_id}",
        "baseModelId": model.full_id,
        "version": "",
        "displayName": model.name or model.id,
        "description": model.description,
        "inputTokenLimit": model.context_window,
        "outputTokenLimit": model.max_output_tokens,
        "supportedGenerationMethods": ["generateContent", "streamGenerateContent", "countTokens"],
    }
    if "reasoning" in model.capabilities:
        row["thinking"] = True
    return {name: value for name, value in row.items() if value is not None}
