"""Asking providers for their models adds what is new, marks what is there and forgets nothing."""

import datetime
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.gateway import provider
from tests.support.openai_wire import answer
from tests.support.upstream import Received, Reply, Upstream

from wye import catalog
from wye.catalog.schema import Price
from wye.config import load_settings
from wye.core.errors import InvalidRequestError, MalformedResponseError, ProviderAuthenticationError
from wye.engine import Engine
from wye.library import ModelRouter
from wye.registry import ModelRegistry
from wye.transport import connect

ROWS = catalog.load()
CANARY = "sk-canary-0123456789abcdef"


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture
def spare() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@asynccontextmanager
async def registry(tmp_path: Path, text: str) -> AsyncIterator[ModelRegistry]:
    file = tmp_path / "wye.toml"
    file.write_text(text)
    found = ModelRegistry(Engine(load_settings(ROWS, path=file, environ={}), ROWS))
    try:
        yield found
    finally:
        await found.aclose()


def openai(url: str) -> str:
    return provider("openai", url, f'api_keys = ["{CANARY}"]')


async def test_unknown_models_are_added_with_unknown_prices_and_known_ones_stay(
    tmp_path: Path, upstream: Upstream
) -> None:
    listed = [{"id": "gpt-4o-mini", "context_window": 1}, {"id": "gpt-99", "owned_by": "openai"}]
    upstream.reply_with(Reply.json({"object": "list", "data": listed}))
    async with registry(tmp_path, openai(upstream.url)) as models:
        (report,) = await models.refresh()
        assert (report.provider, report.models, report.new, report.error) == ("openai", 2, ("openai/gpt-99",), None)
        assert "openai/gpt-5.2" in report.missing
        assert models.models["openai/gpt-99"].price == Price()
        assert models.models["openai/gpt-4o-mini"] == ROWS.models["openai/gpt-4o-mini"]
        available = {name for name, row in models.models.items() if row.provider != "mock" and models.is_available(row)}
        assert available == {"openai/gpt-4o-mini", "openai/gpt-99"}
        assert models.get("gpt-99") == models.models["openai/gpt-99"]
    (request,) = upstream.received
    assert (request.method, request.path, request.body) == ("GET", "/models", b"")
    assert request.headers["authorization"] == f"Bearer {CANARY}"


async def test_a_new_model_can_be_asked_at_once(tmp_path: Path, upstream: Upstream) -> None:
    def reply(request: Received) -> Reply:
        return Reply.json({"data": [{"id": "gpt-99"}]}) if request.method == "GET" else answer()

    upstream.handler = reply
    async with registry(tmp_path, openai(upstream.url)) as models:
        await models.refresh(["openai"])
        router = ModelRouter(models._engine)
        assert (await router.send_message("hi", model="gpt-99")).provider == "openai"
    assert upstream.received[-1].json["model"] == "gpt-99"


async def test_a_price_that_the_list_gives_has_its_source_and_day(tmp_path: Path, upstream: Upstream) -> None:
    item = {"id": "new/one", "pricing": {"prompt": "0.000001", "completion": "0.000002"}}
    upstream.reply_with(Reply.json({"data": [item]}))
    async with registry(tmp_path, provider("openrouter", upstream.url, 'api_keys = ["k"]')) as models:
        await models.refresh()
        price = models.models["openrouter/new/one"].price
        assert (price.input, price.output) == (Decimal(1), Decimal(2))
        assert price.source == f"{upstream.url}/models"
        assert price.date == datetime.datetime.now(datetime.UTC).date()


async def test_a_provider_that_is_away_changes_nothing_and_is_reported(
    tmp_path: Path, upstream: Upstream, spare: Upstream
) -> None:
    upstream.reply_with(Reply.json({"data": [{"id": "gpt-99"}]}), Reply.json({"error": {"message": "x"}}, status=503))
    spare.refusing = True
    async with registry(tmp_path, openai(upstream.url) + provider("groq", spare.url, 'api_keys = ["k"]')) as models:
        away, there = await models.refresh()
        assert (away.provider, away.error is not None, there.error) == ("groq", True, None)
        assert {name for name in models.models if name.startswith("groq/")} == {
            name for name in ROWS.models if name.startswith("groq/")
        }
        assert models.is_available(models.models["groq/openai/gpt-oss-120b"]), "nobody said otherwise"
        _, down = await models.refresh()
        assert down.error is not None
        assert "openai/gpt-99" in models.models


async def test_a_refused_key_is_an_error_that_does_not_repeat_it(tmp_path: Path, upstream: Upstream) -> None:
    upstream.reply_with(Reply.json({"error": {"message": f"Incorrect API key provided: {CANARY}"}}, status=401))
    async with registry(tmp_path, openai(upstream.url)) as models:
        (report,) = await models.refresh()
    assert isinstance(report.error, ProviderAuthenticationError)
    assert CANARY not in report.error.message


async def test_what_is_no_list_is_malformed(tmp_path: Path, upstream: Upstream) -> None:
    upstream.reply_with(Reply.raw(b"<html>", "text/html"))
    async with registry(tmp_path, openai(upstream.url)) as models:
        (report,) = await models.refresh()
    assert isinstance(report.error, MalformedResponseError)


async def test_pages_are_read_to_the_last(tmp_path: Path, upstream: Upstream) -> None:
    def reply(request: Received) -> Reply:
        if "after_id" in request.path:
            return Reply.json({"data": [{"id": "claude-99"}], "has_more": False})
        return Reply.json({"data": [{"id": "claude-98"}], "has_more": True, "last_id": "claude-98"})

    upstream.handler = reply
    async with registry(tmp_path, provider("anthropic", f"{upstream.url}/v1", 'api_keys = ["k"]')) as models:
        (report,) = await models.refresh()
    assert report.new == ("anthropic/claude-98", "anthropic/claude-99")
    assert [request.path for request in upstream.received] == [
        "/v1/models?limit=1000",
        "/v1/models?limit=1000&after_id=claude-98",
    ]
    assert upstream.received[0].headers["x-api-key"] == "k"


async def test_a_list_that_never_ends_does(tmp_path: Path, upstream: Upstream) -> None:
    upstream.reply_with(Reply.json({"data": [{"id": "claude-98"}], "has_more": True, "last_id": "claude-98"}))
    async with registry(tmp_path, provider("anthropic", upstream.url, 'api_keys = ["k"]')) as models:
        (report,) = await models.refresh()
    assert report.models == 1
    assert len(upstream.received) <= 50


async def test_a_local_server_is_asked_about_each_of_its_models(tmp_path: Path, upstream: Upstream) -> None:
    def reply(request: Received) -> Reply:
        if request.method == "GET":
            return Reply.json({"models": [{"name": "qwen99:4b"}, {"name": "broken:latest"}]})
        if request.json["model"] == "broken:latest":
            return Reply.json({"error": "no such model"}, status=404)
        return Reply.json({"capabilities": ["completion", "tools"], "model_info": {"q.context_length": 4096}})

    upstream.handler = reply
    async with registry(tmp_path, provider("ollama", upstream.url)) as models:
        (report,) = await models.refresh()
        assert report.new == ("ollama/qwen99:4b", "ollama/broken:latest")
        row = models.models["ollama/qwen99:4b"]
    assert (row.context_window, "function-calling" in row.capabilities) == (4096, True)
    assert {(request.method, request.path) for request in upstream.received} == {
        ("GET", "/api/tags"),
        ("POST", "/api/show"),
    }


async def test_a_list_beside_the_base_url_is_found(upstream: Upstream) -> None:
    upstream.reply_with(Reply.json({"models": []}))
    transport = connect(f"{upstream.url}/api/v2")
    reply = await transport.get("/../v1/models?page_size=1000", {}, 5.0)
    await transport.aclose()
    assert json.loads(reply.body) == {"models": []}
    assert upstream.received[0].path == "/api/v1/models?page_size=1000"


async def test_a_provider_without_a_list_says_so(tmp_path: Path, upstream: Upstream) -> None:
    text = provider("azure", upstream.url, 'api_keys = ["k"]')
    async with registry(tmp_path, text) as models:
        (report,) = await models.refresh()
    assert report.error is not None
    assert (report.error.param, upstream.received) == ("listing", [])


async def test_only_those_asked_for_are_asked_by_any_of_their_names(tmp_path: Path, upstream: Upstream) -> None:
    upstream.reply_with(Reply.json({"data": []}))
    text = openai(upstream.url) + provider("grok4", upstream.url, 'api_keys = ["k"]')
    async with registry(tmp_path, text) as models:
        reports = await models.refresh(["xai"])
        assert [report.provider for report in reports] == ["grok4"]
        (not_set,) = await models.refresh(["groq"])
        assert not_set.error is not None
        assert not_set.error.message == "set GROQ_API_KEY"
        with pytest.raises(InvalidRequestError, match="nobody"):
            await models.refresh(["nobody"])


async def test_registering_a_provider_later_keeps_what_was_learnt(tmp_path: Path, upstream: Upstream) -> None:
    from wye.dispatch.mock import MockProvider

    upstream.reply_with(Reply.json({"data": [{"id": "gpt-99"}]}))
    async with registry(tmp_path, openai(upstream.url)) as models:
        await models.refresh()
        engine: Any = models._engine
        engine.register("mine", MockProvider())
        assert models.is_available(models.models["openai/gpt-99"])
        assert not models.is_available(models.models["openai/gpt-5.2"])
