"""OpenAI's list of models, with what other providers tell in it beyond the name: context, abilities, prices.

Shape: https://platform.openai.com/docs/api-reference/models/list. Seen beside it: OpenRouter's architecture, pricing
(USD per token) and supported parameters, Mistral's capabilities and deprecations, Groq's and Together's context and
prices (USD per million), the hosts behind Hugging Face's router, vLLM's and llama.cpp's context.
"""

import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from wye.catalog.schema import Capability, ModelInfo, Price, PriceTier
from wye.listings import Page, abilities, decoded, figure, mapping, rows, text, words

PATH: Final = "/models"

_ABILITIES: Final[dict[str, Capability]] = {
    "function_calling": "function-calling",
    "supports_tools": "function-calling",
    "tools": "function-calling",
    "vision": "vision",
    "supports_image_input": "vision",
    "multimodal": "vision",
    "in:image": "vision",
    "in:file": "pdf",
    "audio": "audio",
    "in:audio": "audio",
    "in:video": "video",
    "out:image": "image-output",
    "out:audio": "audio-output",
    "out:embeddings": "embeddings",
    "reasoning": "reasoning",
    "response_format": "json-mode",
    "structured_outputs": "json-schema",
    "supports_structured_output": "json-schema",
    "logprobs": "logprobs",
    "web_search_options": "web-search",
}
_PER_TOKEN: Final = {
    "prompt": "input",
    "completion": "output",
    "input_cache_read": "cache_read",
    "input_cache_write": "cache_write",
    "input_cache_write_1h": "cache_write_1h",
    "internal_reasoning": "reasoning",
    "audio": "audio_input",
}
_PER_MILLION: Final = {"input": "input", "output": "output", "cached_input": "cache_read"}


def parse_models(body: bytes) -> Page:
    """Read a list; entries without a name are passed over."""
    data = decoded(body)
    beside = {text(item.get("name")): item for item in rows(data, "models")} if _has_second_list(data) else {}
    found: dict[str, ModelInfo] = {}
    for item in rows(data, "data"):
        if name := text(item.get("id")):
            found.setdefault(name, _row(name, item, mapping(beside.get(name))))
    return Page(tuple(found.values()))


def _has_second_list(data: Any) -> bool:
    return isinstance(data, dict) and isinstance(data.get("models"), list)


def _row(name: str, item: dict[str, Any], beside: dict[str, Any]) -> ModelInfo:
    best = mapping(item.get("top_provider"))
    hosts = [host for host in item["providers"] if isinstance(host, dict)] if _is_list(item, "providers") else []
    retires = _day(item.get("deprecation") or item.get("expiration_date"))
    return ModelInfo(
        id=name,
        name=text(item.get("display_name")) or text(item.get("name")) or name,
        description=text(item.get("description"))[:500],
        aliases=tuple(dict.fromkeys([*words(item.get("aliases")), *_pinned(name, hosts)])),
        context_window=figure(
            item.get("context_window"),
            item.get("context_length"),
            item.get("max_context_length"),
            item.get("max_model_len"),
            mapping(item.get("meta")).get("n_ctx"),
            max((figure(host.get("context_length")) or 0 for host in hosts), default=0),
        ),
        max_output_tokens=figure(
            item.get("max_completion_tokens"), best.get("max_completion_tokens"), item.get("max_output_tokens")
        ),
        capabilities=_abilities(name, item, beside, hosts),
        price=_price(mapping(item.get("pricing"))),
        deprecated=retires is not None,
        retires_on=retires,
        replaced_by=text(item.get("deprecation_replacement_model")) or None,
    )


def _is_list(item: dict[str, Any], key: str) -> bool:
    return isinstance(item.get(key), list)


def _pinned(name: str, hosts: list[dict[str, Any]]) -> list[str]:
    """Return the names that choose a host: `model:host`."""
    return [f"{name}:{host['provider']}" for host in hosts if isinstance(host.get("provider"), str)]


def _abilities(
    name: str, item: dict[str, Any], beside: dict[str, Any], hosts: list[dict[str, Any]]
) -> frozenset[Capability]:
    said = words(item.get("supported_parameters")) + words(beside.get("capabilities"))
    said += words(item.get("capabilities"))
    for flags in (item, mapping(item.get("capabilities")), *hosts):
        said += [word for word, value in flags.items() if value is True]
    shape = mapping(item.get("architecture"))
    said += [f"in:{word}" for word in words(shape.get("input_modalities"))]
    said += [f"out:{word}" for word in words(shape.get("output_modalities"))]
    embeds = "embed" in name.lower() or item.get("type") == "embedding"
    return abilities(_ABILITIES, said, *(("embeddings",) if embeds else ("text", "streaming")))


def _price(said: dict[str, Any]) -> Price:
    """Read prices; those of a router, which chooses the model and with it the price, are negative: unknown."""
    if "prompt" not in said and "completion" not in said:
        return Price(**_rates(said, _PER_MILLION, 1)) if mapping(said) else Price()
    fees = {
        ours: amount
        for theirs, ours in (("request", "per_request"), ("web_search", "per_search"))
        if (amount := _amount(said.get(theirs)))
    }
    tiers = [
        PriceTier(above_input_tokens=above, **_rates(override, _PER_TOKEN, 1_000_000))
        for override in (said["overrides"] if _is_list(said, "overrides") else [])
        if isinstance(override, dict) and (above := figure(override.get("min_prompt_tokens")))
    ]
    rates: dict[str, Any] = {**_rates(said, _PER_TOKEN, 1_000_000), **fees}
    return Price(**rates, tiers=tuple(tiers))


def _rates(said: dict[str, Any], names: dict[str, str], factor: int) -> dict[str, Any]:
    amounts = {ours: _amount(said.get(theirs)) for theirs, ours in names.items()}
    found = {ours: amount * factor for ours, amount in amounts.items() if amount is not None}
    # Only the main prices may be nothing: elsewhere zero stands for "not charged apart".
    return {ours: amount for ours, amount in found.items() if amount or ours in {"input", "output"}}


def _amount(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount.normalize() if amount.is_finite() and 0 <= amount < 1_000_000 else None


def _day(value: Any) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(text(value)[:10])
    except ValueError:
        return None
