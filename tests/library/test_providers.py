"""Every provider of the catalog is in use with its variables alone, or two lines of settings, and is called right.

An imitation notes where a request went and with which credential; what is expected is written here by hand.
"""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.openai_wire import answer
from tests.support.upstream import Received, Reply, Upstream

from wye import catalog
from wye.config import load_settings
from wye.core.errors import ModelNotFoundError, ProviderAuthenticationError, WyeError
from wye.engine import Engine
from wye.library import ModelRouter

ROWS = catalog.load()
KEY = "CANARY0123456789abcdef"

OPENAI_SHAPED: dict[str, tuple[str, str, str]] = {
    # provider: (the variable of its key, the path below its own base URL, the header)
    "openai": ("OPENAI_API_KEY", "/chat/completions", "authorization"),
    "azure": ("AZURE_OPENAI_API_KEY", "/openai/v1/chat/completions", "api-key"),
    "openrouter": ("OPENROUTER_API_KEY", "/chat/completions", "authorization"),
    "grok4": ("XAI_API_KEY", "/chat/completions", "authorization"),
    "mistral": ("MISTRAL_API_KEY", "/chat/completions", "authorization"),
    "deepseek": ("DEEPSEEK_API_KEY", "/chat/completions", "authorization"),
    "groq": ("GROQ_API_KEY", "/chat/completions", "authorization"),
    "cerebras": ("CEREBRAS_API_KEY", "/chat/completions", "authorization"),
    "together": ("TOGETHER_API_KEY", "/chat/completions", "authorization"),
    "fireworks": ("FIREWORKS_API_KEY", "/chat/completions", "authorization"),
    "huggingface": ("HF_TOKEN", "/chat/completions", "authorization"),
    "vllm": ("VLLM_API_KEY", "/chat/completions", "authorization"),
    "llamacpp": ("LLAMACPP_API_KEY", "/chat/completions", "authorization"),
    "lmstudio": ("LMSTUDIO_API_KEY", "/chat/completions", "authorization"),
    "runpod": ("RUNPOD_API_KEY", "/chat/completions", "authorization"),
}
HOSTS = {
    "openai": "https://api.openai.com/v1",
    "anthropic": "https://api.anthropic.com/v1",
    "openrouter": "https://openrouter.ai/api/v1",
    "grok4": "https://api.x.ai/v1",
    "mistral": "https://api.mistral.ai/v1",
    "deepseek": "https://api.deepseek.com",
    "groq": "https://api.groq.com/openai/v1",
    "cerebras": "https://api.cerebras.ai/v1",
    "together": "https://api.together.xyz/v1",
    "fireworks": "https://api.fireworks.ai/inference/v1",
    "huggingface": "https://router.huggingface.co/v1",
    "perplexity": "https://api.perplexity.ai",
    "cohere": "https://api.cohere.com/v2",
    "gemini": "https://generativelanguage.googleapis.com/v1beta",
    "vllm": "http://localhost:8000/v1",
    "llamacpp": "http://localhost:8080/v1",
    "lmstudio": "http://localhost:1234/v1",
    "ollama": "http://localhost:11434",
}


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        running.reply_with(answer())
        yield running


@asynccontextmanager
async def router(tmp_path: Path, text: str = "", **environ: str) -> AsyncIterator[ModelRouter]:
    file = tmp_path / "wye.toml"
    file.write_text(text)
    async with ModelRouter(Engine(load_settings(ROWS, path=file, environ=environ), ROWS)) as made:
        yield made


def url_variable(name: str) -> str:
    row = ROWS.providers[name]
    return row.base_url_env[0] if row.base_url_env else f"{row.env_prefix}_BASE_URL"


@pytest.mark.parametrize(("name", "expected"), OPENAI_SHAPED.items(), ids=list(OPENAI_SHAPED))
async def test_variables_alone_put_a_provider_to_use(
    tmp_path: Path, upstream: Upstream, name: str, expected: tuple[str, str, str]
) -> None:
    variable, path, header = expected
    async with router(tmp_path, **{variable: KEY, url_variable(name): upstream.url}) as made:
        response = await made.send_message("hi", model=f"{name}/some-model")
    assert (response.content, response.provider) == ("Hello", name)
    (request,) = upstream.received
    assert (request.method, request.path, request.json["model"]) == ("POST", path, "some-model")
    assert request.headers[header] == (KEY if header == "api-key" else f"Bearer {KEY}")


@pytest.mark.parametrize(("name", "expected"), OPENAI_SHAPED.items(), ids=list(OPENAI_SHAPED))
async def test_two_lines_of_settings_do_as_well(
    tmp_path: Path, upstream: Upstream, name: str, expected: tuple[str, str, str]
) -> None:
    text = f'[providers.{name}]\nbase_url = "{upstream.url}"\nallow_private_network = true\n'
    async with router(tmp_path, text, **{expected[0]: KEY}) as made:
        assert (await made.send_message("hi", model=f"{name}/some-model")).provider == name
    assert upstream.received[0].path == expected[1]
    assert KEY in upstream.received[0].headers[expected[2]]


def test_every_provider_has_the_address_its_documents_name() -> None:
    assert {name: ROWS.providers[name].base_url for name in HOSTS} == HOSTS


async def test_any_server_of_openais_shape_is_two_lines_of_settings(tmp_path: Path, upstream: Upstream) -> None:
    text = f'[providers.mine]\nbase_url = "{upstream.url}/any/v1"\nallow_private_network = true\n'
    async with router(tmp_path, text) as made:
        assert (await made.send_message("hi", model="mine/a/b:c")).provider == "mine"
    (request,) = upstream.received
    assert (request.path, request.json["model"]) == ("/any/v1/chat/completions", "a/b:c")
    assert "authorization" not in request.headers


async def test_azure_reaches_a_deployment_by_its_name_and_version(tmp_path: Path, upstream: Upstream) -> None:
    environ = {
        "AZURE_OPENAI_API_KEY": KEY,
        "AZURE_OPENAI_ENDPOINT": f"{upstream.url}/",
        "AZURE_OPENAI_DEPLOYMENT": "my deployment",
        "AZURE_OPENAI_API_VERSION": "2024-10-21",
    }
    text = '[models."azure/gpt-4o"]\nupstream_id = "four-o"\n'
    async with router(tmp_path, text, **environ) as made:
        await made.send_message("hi")
        await made.send_message("hi", model="azure/gpt-4o")
    paths = [request.path for request in upstream.received]
    assert paths == [
        "/openai/deployments/my%20deployment/chat/completions?api-version=2024-10-21",
        "/openai/deployments/four-o/chat/completions?api-version=2024-10-21",
    ]
    assert upstream.received[1].json["model"] == "four-o"


# A provider whose models another one serves.


def through(upstream: Upstream) -> dict[str, str]:
    return {"OPENROUTER_API_KEY": "k", "OPENROUTER_BASE_URL": upstream.url}


@pytest.mark.parametrize(
    ("asked", "there"),
    [
        ("grok4/grok-4.3", "x-ai/grok-4.3"),
        ("xai/grok-4.3", "x-ai/grok-4.3"),
        ("grok-4.3", "x-ai/grok-4.3"),
        ("grok4/grok-4-1-fast-reasoning", "x-ai/grok-4.1-fast"),
        ("grok4/grok-99", "x-ai/grok-99"),
        ("grok-99", "x-ai/grok-99"),
    ],
)
async def test_grok_is_answered_through_openrouter_where_only_that_key_is_set(
    tmp_path: Path, upstream: Upstream, asked: str, there: str
) -> None:
    async with router(tmp_path, **through(upstream)) as made:
        response = await made.send_message("hi", model=asked)
        (attempt,) = made.explain(asked).attempts
    assert (response.provider, response.model) == ("openrouter", there)
    assert upstream.received[0].json["model"] == there
    assert "XAI_API_KEY" in attempt.reason
    assert "OpenRouter" in attempt.reason


async def test_grok_is_asked_itself_where_it_has_a_key(tmp_path: Path, upstream: Upstream) -> None:
    own = {"XAI_API_KEY": "xai-k", "XAI_BASE_URL": upstream.url}
    async with router(tmp_path, **through(upstream), **own) as made:
        assert (await made.send_message("hi", model="xai/grok-4.3")).provider == "grok4"


async def test_grok_as_the_default_provider_is_reached_through_openrouter(tmp_path: Path, upstream: Upstream) -> None:
    async with router(tmp_path, **through(upstream), LLM_PROVIDER="grok4") as made:
        response = await made.send_message("hi")
    assert response.model == f"x-ai/{ROWS.providers['grok4'].default_model}"


async def test_nobody_stands_in_for_a_provider_without_that_word(tmp_path: Path, upstream: Upstream) -> None:
    async with router(tmp_path, **through(upstream)) as made:
        with pytest.raises(ModelNotFoundError, match="GROQ_API_KEY"):
            await made.send_message("hi", model="groq/openai/gpt-oss-120b")


# Keys that cannot be right.


@pytest.mark.parametrize("model", ["openai/gpt-4o-mini", "gpt-4o-mini", "auto"])
async def test_a_key_that_cannot_be_right_is_refused_before_the_first_call(tmp_path: Path, model: str) -> None:
    async with router(tmp_path, OPENAI_API_KEY=f"sk-ant-{KEY}") as made:
        with pytest.raises(ProviderAuthenticationError) as caught:
            await made.send_message("hi", model=model)
        assert made.engine.snapshot.problems
    error = caught.value
    assert (error.status_code, error.provider) == (401, "openai")
    assert error.message.startswith("OPENAI_API_KEY is no key of OpenAI, which begins with 'sk-'")
    assert KEY not in error.message


async def test_other_keys_of_the_same_provider_are_used(tmp_path: Path) -> None:
    async with router(tmp_path, OPENAI_API_KEYS=f"{KEY},sk-{KEY}") as made:
        assert made.explain("openai/gpt-4o-mini").attempts
        (problem,) = made.engine.snapshot.problems
    assert problem.startswith("OPENAI_API_KEYS, key 1, is no key of OpenAI")


async def test_the_check_can_be_switched_off(tmp_path: Path) -> None:
    text = f'[providers.openai]\napi_keys = ["{KEY}"]\ncheck_keys = false\n'
    async with router(tmp_path, text) as made:
        assert made.explain("openai/gpt-4o-mini").attempts
        assert not made.engine.snapshot.problems


async def test_a_bad_key_does_not_hold_back_another_provider(tmp_path: Path, upstream: Upstream) -> None:
    environ = {"OPENAI_API_KEY": KEY, "GROQ_API_KEY": "k", "GROQ_BASE_URL": upstream.url}
    async with router(tmp_path, **environ) as made:
        assert (await made.send_message("hi")).provider == "groq"
        dropped = {drop.provider: drop.code for drop in made.explain("auto").dropped}
    assert dropped["openai"] == "bad_key"


# What holds where a request says nothing.


def asked(upstream: Upstream) -> Any:
    return upstream.received[-1].json


async def test_defaults_of_a_provider_hold_where_a_request_says_nothing(tmp_path: Path, upstream: Upstream) -> None:
    environ = {
        "MISTRAL_API_KEY": "k", "MISTRAL_BASE_URL": upstream.url, "MISTRAL_TEMPERATURE": "0.7",
        "MISTRAL_MAX_TOKENS": "2000",
    }  # fmt: skip
    async with router(tmp_path, **environ) as made:
        await made.send_message("hi", model="mistral/m")
        assert (asked(upstream)["temperature"], asked(upstream)["max_tokens"]) == (0.7, 2000)
        await made.send_message("hi", model="mistral/m", temperature=0, max_completion_tokens=5)
        assert (asked(upstream)["temperature"], asked(upstream)["max_tokens"]) == (0, 5)


async def test_a_default_for_tokens_has_the_name_the_provider_takes(tmp_path: Path, upstream: Upstream) -> None:
    text = f'[providers.openai]\nbase_url = "{upstream.url}"\nmax_tokens = 9\nallow_private_network = true\n'
    async with router(tmp_path, text, OPENAI_API_KEY="k") as made:
        await made.send_message("hi", model="openai/m")
    assert (asked(upstream)["max_completion_tokens"], "max_tokens" in asked(upstream)) == (9, False)


async def test_defaults_reach_another_wire_too(tmp_path: Path, upstream: Upstream) -> None:
    def reply(_: Received) -> Reply:
        said = {"model": "m", "message": {"role": "assistant", "content": "Hello"}, "done": True, "done_reason": "stop"}
        return Reply.json(said)

    upstream.handler = reply
    environ = {"OLLAMA_BASE_URL": upstream.url, "OLLAMA_TEMPERATURE": "0.25", "OLLAMA_MAX_TOKENS": "7"}
    async with router(tmp_path, **environ) as made:
        await made.send_message("hi", model="ollama/m")
    assert (asked(upstream)["options"]["temperature"], asked(upstream)["options"]["num_predict"]) == (0.25, 7)


async def test_a_provider_that_is_not_to_stream_answers_a_stream_in_one_piece(
    tmp_path: Path, upstream: Upstream
) -> None:
    environ = {"MISTRAL_API_KEY": "k", "MISTRAL_BASE_URL": upstream.url, "MISTRAL_STREAM": "false"}
    async with router(tmp_path, **environ) as made:
        messages = [{"role": "user", "content": "hi"}]
        options: Any = {"stream_options": {"include_usage": True}}
        chunks = [chunk async for chunk in made.route_stream(messages, model="mistral/m", **options)]
    assert "".join(chunk.content for chunk in chunks) == "Hello"
    assert chunks[-1].usage is not None
    assert json.loads(upstream.received[0].body).get("stream") in {None, False}
    assert "stream_options" not in asked(upstream)


async def test_a_back_end_that_answers_whole_though_asked_for_a_stream_is_understood(
    tmp_path: Path, upstream: Upstream
) -> None:
    async with router(tmp_path, HF_TOKEN="k", HUGGINGFACE_BASE_URL=upstream.url) as made:
        chunks = [chunk async for chunk in made.route_stream([{"role": "user", "content": "hi"}], model="hf/m")]
    assert "".join(chunk.content for chunk in chunks) == "Hello"
    assert chunks[-1].usage is not None
    assert len(upstream.received) == 1


async def test_a_back_end_that_refuses_to_stream_is_asked_for_the_whole_answer(
    tmp_path: Path, upstream: Upstream
) -> None:
    refusal = Reply.json({"error": {"message": "Streaming is not supported by this back end"}}, status=400)
    upstream.reply_with(refusal, answer())
    async with router(tmp_path, HF_TOKEN="k", HUGGINGFACE_BASE_URL=upstream.url) as made:
        chunks = [chunk async for chunk in made.route_stream([{"role": "user", "content": "hi"}], model="hf/m")]
    assert "".join(chunk.content for chunk in chunks) == "Hello"
    assert [request.json.get("stream") for request in upstream.received] == [True, False]


# The other wires, as far as address and credential go: the wires themselves have tests of their own.


@pytest.mark.parametrize(
    ("environ", "url", "model", "path", "header", "value"),
    [
        (
            {"ANTHROPIC_API_KEY": KEY}, "ANTHROPIC_BASE_URL", "anthropic/claude-x",
            "/messages", "x-api-key", KEY,
        ),
        (
            {"GEMINI_API_KEY": KEY}, "GEMINI_BASE_URL", "gemini/gemini-x",
            "/models/gemini-x:generateContent", "x-goog-api-key", KEY,
        ),
        (
            {"GOOGLE_API_KEY": KEY}, "GEMINI_BASE_URL", "google/gemini-x",
            "/models/gemini-x:generateContent", "x-goog-api-key", KEY,
        ),
        ({"COHERE_API_KEY": KEY}, "COHERE_BASE_URL", "cohere/command-x", "/chat", "authorization", f"Bearer {KEY}"),
        ({"CO_API_KEY": KEY}, "COHERE_BASE_URL", "cohere/command-x", "/chat", "authorization", f"Bearer {KEY}"),
        (
            {"PERPLEXITY_API_KEY": KEY}, "PERPLEXITY_BASE_URL", "perplexity/sonar-x",
            "/chat/completions", "authorization", f"Bearer {KEY}",
        ),
        ({}, "OLLAMA_BASE_URL", "ollama/x", "/api/chat", "host", None),
    ],
)  # fmt: skip
async def test_other_wires_go_to_their_own_path_with_their_own_header(
    tmp_path: Path,
    upstream: Upstream,
    environ: dict[str, str],
    url: str,
    model: str,
    path: str,
    header: str,
    value: Any,
) -> None:
    upstream.reply_with(Reply.json({"error": {"message": "no"}}, status=400))
    async with router(tmp_path, **environ, **{url: upstream.url}) as made:
        with pytest.raises(WyeError):
            await made.send_message("hi", model=model)
    (request,) = upstream.received
    assert (request.method, request.path) == ("POST", path)
    assert value is None or request.headers[header] == value


async def test_cohere_lists_its_models_beside_its_base_url(tmp_path: Path, upstream: Upstream) -> None:
    upstream.reply_with(Reply.json({"models": [{"name": "command-99", "endpoints": ["chat"]}]}))
    async with router(tmp_path, COHERE_API_KEY=KEY, COHERE_BASE_URL=f"{upstream.url}/v2") as made:
        (report,) = await made.registry.refresh()
    assert report.new == ("cohere/command-99",)
    assert upstream.received[0].path == "/v1/models?page_size=1000"
