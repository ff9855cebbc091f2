"""Ollama's list of pulled models, and what `/api/show` tells of each: https://docs.ollama.com/api."""

from typing import Any, Final

import msgspec
from msgspec import structs

from wye.catalog.schema import Capability, ModelInfo
from wye.core.errors import MalformedResponseError
from wye.listings import Inquiry, Page, abilities, decoded, figure, mapping, rows, text, words

PATH: Final = "/api/tags"

_ABILITIES: Final[dict[str, Capability]] = {
    "completion": "text",
    "tools": "function-calling",
    "vision": "vision",
    "thinking": "reasoning",
    "embedding": "embeddings",
    "audio": "audio",
}


def parse_models(body: bytes) -> Page:
    """Read the list; a model's name without `:latest` means the same one."""
    return Page(tuple(_row(name, item) for item in rows(decoded(body), "models") if (name := _name(item))))


def _name(item: dict[str, Any]) -> str:
    return text(item.get("name")) or text(item.get("model"))


def _row(name: str, item: dict[str, Any]) -> ModelInfo:
    short = name.removesuffix(":latest")
    known = abilities(_ABILITIES, words(item.get("capabilities")))
    return ModelInfo(
        id=name,
        name=name,
        aliases=(short,) if short != name else (),
        capabilities=known or frozenset({"text", "streaming"}),
        open_source=True,
    )


def ask_about(model: ModelInfo) -> Inquiry:
    """Ask for a model's abilities and context."""
    return Inquiry("/api/show", msgspec.json.encode({"model": model.id}))


def parse_details(model: ModelInfo, body: bytes) -> ModelInfo:
    """Read them."""
    try:
        data = mapping(decoded(body))
    except MalformedResponseError:
        return model
    known = abilities(_ABILITIES, words(data.get("capabilities")))
    lengths = [value for name, value in mapping(data.get("model_info")).items() if name.endswith(".context_length")]
    return structs.replace(
        model,
        capabilities=(known | {"streaming"} if "text" in known else known) or model.capabilities,
        context_window=figure(*lengths),
    )
