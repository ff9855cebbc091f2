"""Gemini's list of models: https://ai.google.dev/api/models#method:-models.list."""

from typing import Any, Final
from urllib.parse import quote

from wye.catalog.schema import Capability, ModelInfo
from wye.listings import Page, abilities, decoded, figure, rows, text, words

PATH: Final = "/models?pageSize=1000"

_METHODS: Final[dict[str, Capability]] = {
    "generateContent": "text",
    "streamGenerateContent": "streaming",
    "embedContent": "embeddings",
    "createCachedContent": "prompt-caching",
}


def parse_models(body: bytes) -> Page:
    """Read a page."""
    data = decoded(body)
    listed = tuple(_row(name, item) for item in rows(data, "models") if (name := text(item.get("name"))))
    more = text(data.get("nextPageToken")) if isinstance(data, dict) else ""
    return Page(listed, f"{PATH}&pageToken={quote(more, safe='')}" if more else None)


def _row(name: str, item: dict[str, Any]) -> ModelInfo:
    model = name.removeprefix("models/")
    can = abilities(_METHODS, words(item.get("supportedGenerationMethods")))
    if "text" in can:
        can |= {"streaming"}  # not listed, but there for every model that answers
    return ModelInfo(
        id=model,
        name=text(item.get("displayName")) or model,
        description=text(item.get("description"))[:500],
        context_window=figure(item.get("inputTokenLimit")),
        max_output_tokens=figure(item.get("outputTokenLimit")),
        capabilities=can | {"reasoning"} if item.get("thinking") is True else can,
    )
