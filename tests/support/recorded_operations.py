"""Recorded embeddings, rankings and pictures, and an oracle that reads their bytes by itself.

A recording belongs to a wire format by its path: what Bedrock was asked by InvokeModel counts where it embeds.
"""

import base64
import functools
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import pytest
from tests.support.recordings import Recording, _absence, _lines, available

from wye.core.request import Operation

Kind: TypeAlias = Literal["embeddings", "rerank", "images"]

COUNTS: dict[Kind, tuple[int, int]] = {"embeddings": (164, 17), "rerank": (13, 2), "images": (4, 2)}
"""How many answers and errors there are of each kind."""

OPERATIONS: dict[Kind, Operation] = {"embeddings": "embeddings", "rerank": "rerank", "images": "image_generation"}


@dataclass(frozen=True)
class Recorded:
    """A recording, the wire format it is in, and what it is about."""

    kind: Kind
    wire: str
    recording: Recording


@dataclass(frozen=True)
class Expected:
    """What an answer says: vectors, or (index, score) in order; and tokens and searches, `None` where it is silent."""

    vectors: list[list[float]] | None = None
    ranking: list[tuple[int, float]] | None = None
    input_tokens: int | None = None
    searches: int | None = None


@functools.cache
def recorded() -> list[Recorded]:
    """Return everything there is, errors too."""
    found = []
    for line in _lines():
        model = line.model or ""
        url = line.request.url
        kind: Kind | None = None
        match line.api:
            case "embeddings" | "predict":
                kind = "embeddings"
            case "rerank" | "images":
                kind = "rerank" if line.api == "rerank" else "images"
            case "invoke" if "embed" in model:
                kind = "embeddings"
            case "invoke" if "rerank" in model:
                kind = "rerank"
        if kind is not None:
            found.append(Recorded(kind, _wire(line.provider, url), line.recording()))
    return found


def _wire(provider: str, url: str) -> str:
    if "bedrock-runtime" in url:
        return "bedrock_converse"
    if ":predict" in url or "EmbedContents" in url or ":embedContent" in url:
        return "gemini"
    if url.endswith(("/api/embeddings", "/api/embed")):
        return "ollama_chat"
    return "cohere_chat" if "api.cohere" in url else "openai_chat"


def parameters(kind: Kind, *, errors: bool = False) -> list[pytest.ParameterSet]:
    """Return the answers of one kind, or its errors, as parameters; one that is skipped and says so without any."""
    if not available():
        reason = f"{COUNTS[kind][errors]} recorded {kind} left out: {_absence()}"
        return [pytest.param(None, id="no-recordings", marks=pytest.mark.skip(reason=reason))]
    return [
        pytest.param(one, id=f"{one.wire}-{at}-{one.recording.id.rpartition('/')[2]}")
        for at, one in enumerate(recorded())
        if one.kind == kind and (one.recording.status >= 400) is errors
    ]


def read(one: Recorded) -> Expected:
    """Read an answer's bytes."""
    document = json.loads(one.recording.response_body)
    if one.kind == "rerank":
        return _ranking(document)
    return Expected(vectors=_vectors(document), input_tokens=_tokens(document, one.recording.response_headers))


def _vectors(document: Any) -> list[list[float]]:
    if "predictions" in document:
        return [row["embeddings"]["values"] for row in document["predictions"]]
    if "data" in document:
        rows = sorted(document["data"], key=lambda row: row["index"])
        return [_floats(row["embedding"]) for row in rows]
    if "embedding" in document:
        one = document["embedding"]
        return [one["values"] if isinstance(one, dict) else one]
    many = document["embeddings"]
    if isinstance(many, dict):
        return next(iter(many.values()))  # one type is asked for
    return [row if isinstance(row, list) else row.get("values") or row.get("embedding") for row in many]


def _floats(value: str | list[float]) -> list[float]:
    if isinstance(value, list):
        return value
    data = base64.b64decode(value)
    return list(struct.unpack(f"<{len(data) // 4}f", data))


def _tokens(document: Any, headers: Mapping[str, str]) -> int | None:
    billed = (document.get("meta") or {}).get("billed_units") or {}
    statistics = [row["embeddings"]["statistics"]["token_count"] for row in document.get("predictions") or []]
    told = [
        (document.get("usage") or {}).get("prompt_tokens"),
        (document.get("usageMetadata") or {}).get("promptTokenCount"),
        document.get("inputTextTokenCount"),
        document.get("prompt_eval_count"),
        sum(statistics) if statistics else None,
        headers.get("x-amzn-bedrock-input-token-count"),
        billed.get("input_tokens"),
    ]
    first = next((count for count in told if count is not None), None)
    return None if first is None else int(first)


def _ranking(document: Any) -> Expected:
    return Expected(
        ranking=[(row["index"], row["relevance_score"]) for row in document["results"]],
        input_tokens=(document.get("usage") or {}).get("prompt_tokens"),
        searches=((document.get("meta") or {}).get("billed_units") or {}).get("search_units"),
    )
