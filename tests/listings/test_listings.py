"""Lists of models, recorded and made up, become rows; nothing but a `WyeError` comes of any bytes."""

import datetime
import json
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.recordings import Recording, every, needs_recordings

from wye import listings
from wye.catalog.schema import ModelInfo, Price
from wye.core.errors import WyeError

LISTERS = ("openai_chat", "anthropic_messages", "gemini", "cohere_chat", "ollama_chat")


def parsed(name: str, value: Any) -> dict[str, ModelInfo]:
    lister = listings.load(name)
    assert lister is not None
    page = lister.parse_models(value if isinstance(value, bytes) else json.dumps(value).encode())
    return {model.id: model for model in page.models}


def next_page(name: str, value: Any) -> str | None:
    lister = listings.load(name)
    assert lister is not None
    return lister.parse_models(json.dumps(value).encode()).next


def is_list(recording: Recording) -> bool:
    path = urlsplit(recording.url).path
    return recording.method == "GET" and recording.status == 200 and ("/models" in path or path.endswith("/tags"))


def lister_of(recording: Recording) -> str:
    if recording.url.endswith("/api/tags"):
        return "ollama_chat"
    host = urlsplit(recording.url).netloc
    if host.endswith("googleapis.com"):
        return "gemini"
    if host.endswith("cohere.com"):
        return "cohere_chat"
    return "anthropic_messages" if host.endswith("anthropic.com") else "openai_chat"


def ids_in(body: bytes) -> set[str]:
    """Read the names out of a recorded list without our own reader."""
    data = json.loads(body)
    if isinstance(data, dict) and "data" in data:
        return {item["id"] for item in data["data"]}
    listed = data.get("models", [data])
    return {item["name"].removeprefix("models/") for item in listed}


@needs_recordings
def test_every_model_of_every_recorded_list_is_found_and_nothing_else() -> None:
    seen = 0
    for recording in filter(is_list, every()):
        found = parsed(lister_of(recording), recording.response_body)
        assert set(found) == ids_in(recording.response_body), recording.id
        assert all(model.context_window != 0 for model in found.values())
        seen += 1
    assert seen


def test_prices_per_token_become_prices_per_million() -> None:
    item = {
        "id": "maker/model",
        "name": "Maker: Model",
        "context_length": 1000000,
        "architecture": {"input_modalities": ["text", "image", "file"], "output_modalities": ["text"]},
        "pricing": {
            "prompt": "0.000003", "completion": "0.000015", "request": "0", "web_search": "0.01", "image": "0",
            "input_cache_read": "0.0000003", "input_cache_write": "0.00000375", "internal_reasoning": "0",
            "overrides": [{"min_prompt_tokens": 200000, "prompt": "0.000006", "completion": "0.0000225"}],
        },
        "top_provider": {"max_completion_tokens": 64000},
        "supported_parameters": ["tools", "reasoning", "structured_outputs", "response_format", "temperature"],
    }  # fmt: skip
    row = parsed("openai_chat", {"data": [item]})["maker/model"]
    price = row.price
    assert (price.input, price.output, price.cache_read, price.cache_write) == (
        Decimal(3), Decimal(15), Decimal("0.3"), Decimal("3.75"),
    )  # fmt: skip
    assert (price.per_search, price.per_request, price.reasoning) == (Decimal("0.01"), None, None)
    (tier,) = price.tiers
    assert (tier.above_input_tokens, tier.input, tier.output) == (200000, Decimal(6), Decimal("22.5"))
    assert (row.context_window, row.max_output_tokens) == (1000000, 64000)
    assert row.capabilities == {
        "text", "streaming", "vision", "pdf", "function-calling", "reasoning", "json-schema", "json-mode",
    }  # fmt: skip


@pytest.mark.parametrize("said", ["-1", "free", None, True, [], "NaN", "1e99"])
def test_a_price_that_is_none_stays_unknown(said: Any) -> None:
    item = {"id": "auto", "pricing": {"prompt": said, "completion": said}}
    assert parsed("openai_chat", {"data": [item]})["auto"].price == Price()


def test_a_free_model_costs_nothing_and_that_is_known() -> None:
    item = {"id": "x:free", "pricing": {"prompt": "0", "completion": "0", "input_cache_read": "0"}}
    price = parsed("openai_chat", {"data": [item]})["x:free"].price
    assert (price.input, price.output, price.cache_read) == (Decimal(0), Decimal(0), None)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"context_window": 131072, "max_completion_tokens": 8192, "active": True}, (131072, 8192)),
        ({"max_model_len": 4096}, (4096, None)),
        ({"meta": {"n_ctx": 2048, "n_ctx_train": 40960}}, (2048, None)),
        ({"max_context_length": 32768.0}, (32768, None)),
        ({"context_length": None, "context_window": "big"}, (None, None)),
        ({}, (None, None)),
    ],
)
def test_context_and_output_are_found_under_every_name(item: Any, expected: Any) -> None:
    row = parsed("openai_chat", {"object": "list", "data": [{"id": "m", **item}]})["m"]
    assert (row.context_window, row.max_output_tokens) == expected


def test_a_bare_list_with_prices_per_million_is_understood() -> None:
    item = {
        "id": "m",
        "type": "chat",
        "display_name": "M",
        "context_length": 8,
        "pricing": {"input": 0.2, "output": 0.6},
    }
    row = parsed("openai_chat", [item])["m"]
    assert (row.name, row.price.input, row.price.output) == ("M", Decimal("0.2"), Decimal("0.6"))


def test_abilities_deprecations_and_aliases_are_read() -> None:
    item = {
        "id": "m-1", "aliases": ["m-latest"],
        "capabilities": {"function_calling": True, "vision": False, "audio": True},
        "deprecation": "2026-08-31T12:00:00Z", "deprecation_replacement_model": "m-2",
    }  # fmt: skip
    row = parsed("openai_chat", {"data": [item]})["m-1"]
    assert row.aliases == ("m-latest",)
    assert row.capabilities == {"text", "streaming", "function-calling", "audio"}
    assert (row.deprecated, row.retires_on, row.replaced_by) == (True, datetime.date(2026, 8, 31), "m-2")


def test_hosts_behind_a_router_are_names_of_their_own() -> None:
    hosts = [
        {"provider": "one", "context_length": 8000, "supports_tools": True},
        {"provider": "two", "context_length": 16000, "pricing": {"input": 1, "output": 2}},
    ]
    row = parsed("openai_chat", {"data": [{"id": "org/m", "providers": hosts}]})["org/m"]
    assert row.aliases == ("org/m:one", "org/m:two")
    assert row.context_window == 16000
    assert "function-calling" in row.capabilities
    assert row.price == Price(), "it depends on the host"


def test_embedding_models_are_no_chat_models() -> None:
    found = parsed("openai_chat", {"data": [{"id": "text-embedding-3-small"}, {"id": "gpt-4o"}]})
    assert found["text-embedding-3-small"].capabilities == {"embeddings"}
    assert found["gpt-4o"].capabilities == {"text", "streaming"}


def test_pages_are_followed_by_each_wires_own_mark() -> None:
    assert next_page("anthropic_messages", {"data": [{"id": "a"}], "has_more": True, "last_id": "a b"}) == (
        "/models?limit=1000&after_id=a%20b"
    )
    assert next_page("anthropic_messages", {"data": [{"id": "a"}], "has_more": False, "last_id": "a"}) is None
    assert next_page("gemini", {"models": [], "nextPageToken": "x/y"}) == "/models?pageSize=1000&pageToken=x%2Fy"
    assert (
        next_page("cohere_chat", {"models": [], "next_page_token": "n"}) == "/../v1/models?page_size=1000&page_token=n"
    )
    assert next_page("openai_chat", {"data": [{"id": "a"}]}) is None


def test_gemini_names_lose_their_folder_and_methods_tell_abilities() -> None:
    item = {
        "name": "models/g",
        "supportedGenerationMethods": ["generateContent"],
        "inputTokenLimit": 9,
        "thinking": True,
    }
    embed = {"name": "models/e", "supportedGenerationMethods": ["embedContent"]}
    found = parsed("gemini", {"models": [item, embed]})
    assert found["g"].capabilities == {"text", "streaming", "reasoning"}
    assert found["e"].capabilities == {"embeddings"}


def test_anthropic_abilities_are_read_where_they_are_listed() -> None:
    can = {"image_input": {"supported": True}, "citations": {"supported": False}, "thinking": {"supported": True}}
    row = parsed("anthropic_messages", {"data": [{"id": "c", "max_input_tokens": 5, "capabilities": can}]})["c"]
    assert row.capabilities == {"text", "streaming", "function-calling", "vision", "extended-thinking"}


def test_ollama_tells_abilities_and_context_when_asked_about_a_model() -> None:
    lister: Any = listings.load("ollama_chat")
    (model,) = lister.parse_models(b'{"models":[{"name":"qwen3:latest"}]}').models
    assert model.aliases == ("qwen3",)
    inquiry = lister.ask_about(model)
    assert (inquiry.path, json.loads(inquiry.body)) == ("/api/show", {"model": "qwen3:latest"})
    told = b'{"capabilities":["completion","tools","thinking"],"model_info":{"qwen3.context_length":40960}}'
    row = lister.parse_details(model, told)
    assert row.capabilities == {"text", "streaming", "function-calling", "reasoning"}
    assert row.context_window == 40960
    assert lister.parse_details(model, b"<html>") == model


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(["data", "models", "id", "name", "pricing", "prompt", "overrides", "min_prompt_tokens",
                         "providers", "architecture", "capabilities", "aliases", "deprecation", "meta", "model_info",
                         "supported_parameters", "context_length", "nextPageToken", "last_id", "has_more"]),
        inner, max_size=5,
    ),
    max_leaves=25,
)  # fmt: skip


@pytest.mark.parametrize("name", LISTERS)
@given(value=JSON | st.binary(max_size=40))
def test_any_bytes_are_rows_or_an_error_of_ours(name: str, value: Any) -> None:
    lister: Any = listings.load(name)
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    try:
        page = lister.parse_models(body)
    except WyeError:
        return
    for model in page.models:
        assert model.id
        if hasattr(lister, "parse_details"):
            lister.parse_details(model, body)


def test_a_shape_that_nobody_knows_has_no_lister() -> None:
    assert listings.load("morse") is None
    assert listings.load("some.module") is None
