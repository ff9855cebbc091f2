"""Anthropic's list of models: https://docs.anthropic.com/en/api/models-list."""

from typing import Any, Final
from urllib.parse import quote

from wye.catalog.schema import Capability, ModelInfo
from wye.listings import Page, abilities, decoded, figure, mapping, rows, text

PATH: Final = "/models?limit=1000"

_ABILITIES: Final[dict[str, Capability]] = {
    "image_input": "vision",
    "pdf_input": "pdf",
    "citations": "citations",
    "code_execution": "code-execution",
    "structured_outputs": "json-schema",
    "thinking": "extended-thinking",
}


def parse_models(body: bytes) -> Page:
    """Read a page."""
    data = decoded(body)
    listed = tuple(_row(name, item) for item in rows(data, "data") if (name := text(item.get("id"))))
    last = text(data.get("last_id")) if isinstance(data, dict) else ""
    more = isinstance(data, dict) and data.get("has_more") is True and last
    return Page(listed, f"{PATH}&after_id={quote(last, safe='')}" if more else None)


def _row(name: str, item: dict[str, Any]) -> ModelInfo:
    can = [word for word, said in mapping(item.get("capabilities")).items() if mapping(said).get("supported") is True]
    return ModelInfo(
        id=name,
        name=text(item.get("display_name")) or name,
        context_window=figure(item.get("max_input_tokens")),
        max_output_tokens=figure(item.get("max_tokens")),
        capabilities=abilities(_ABILITIES, can, "text", "streaming", "function-calling"),
    )
