"""Cohere's list of models, which only its first API has: https://docs.cohere.com/reference/list-models."""

from typing import Any, Final
from urllib.parse import quote

from wye.catalog.schema import Capability, ModelInfo
from wye.listings import Page, abilities, decoded, figure, rows, text, words

PATH: Final = "/../v1/models?page_size=1000"

_ABILITIES: Final[dict[str, Capability]] = {
    "chat": "text",
    "embed": "embeddings",
    "json_mode": "json-mode",
    "json_schema": "json-schema",
    "tools": "function-calling",
    "vision": "vision",
    "reasoning": "reasoning",
}


def parse_models(body: bytes) -> Page:
    """Read a page, or the one model that was asked for by its name."""
    data = decoded(body)
    if isinstance(data, dict) and "name" in data:
        data = {"models": [data]}
    listed = tuple(_row(name, item) for item in rows(data, "models") if (name := text(item.get("name"))))
    more = text(data.get("next_page_token")) if isinstance(data, dict) else ""
    return Page(listed, f"{PATH}&page_token={quote(more, safe='')}" if more else None)


def _row(name: str, item: dict[str, Any]) -> ModelInfo:
    can = abilities(_ABILITIES, words(item.get("endpoints")) + words(item.get("features")))
    return ModelInfo(
        id=name,
        name=name,
        context_window=figure(item.get("context_length")),
        capabilities=can | {"streaming"} if "text" in can else can,
        deprecated=item.get("is_deprecated") is True,
    )
