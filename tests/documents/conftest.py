"""A gateway as the documents' environment describes it, each provider answered by a server of ours in its own wire."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support import openai_wire as wire
from tests.support.databases import *  # noqa: F403
from tests.support.databases import config_for
from tests.support.gateway import Answer, Running, provider, serving
from tests.support.upstream import Received, Reply, Upstream

ENVIRONMENT = {
    "LLM_PROVIDER": "openai",
    "OPENAI_API_KEY": "sk-proj-0123456789abcdefghijABCDEFGHIJ",
    "OPENAI_MODEL": "gpt-4o-mini",
    "OPENAI_TEMPERATURE": "0.7",
    "OPENAI_MAX_TOKENS": "2000",
    "ANTHROPIC_API_KEY": "sk-ant-api03-0123456789abcdefghijABCDEFGHIJ",
    "ANTHROPIC_MODEL": "claude-3-5-sonnet-20241022",
    "GEMINI_API_KEY": "AIzaSy0123456789abcdefghijklmnopqrstuvw",
    "WYE_SECRET_KEY": "a secret for these tests",
}


def in_its_wire(request: Received) -> Reply:
    """Answer `from <wire>: <model>` in the form that the path is of."""
    if "generateContent" in request.path:
        model = request.path.rpartition("/")[2].partition(":")[0]
        said = {"role": "model", "parts": [{"text": f"from gemini: {model}"}]}
        counted = {"promptTokenCount": 10, "candidatesTokenCount": 20, "totalTokenCount": 30}
        return Reply.json({"candidates": [{"content": said, "finishReason": "STOP"}], "usageMetadata": counted})
    model = request.json["model"]
    if request.path.endswith("/messages"):
        return Reply.json(
            {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "model": model,
                "content": [{"type": "text", "text": f"from anthropic: {model}"}],
                "stop_reason": "end_turn",
                "usage": {"input_tokens": 10, "output_tokens": 20},
            }
        )
    if request.path.endswith("/api/chat"):
        said = {"role": "assistant", "content": f"from ollama: {model}"}
        return Reply.json({"model": model, "message": said, "done": True, "done_reason": "stop"})
    return wire.answer(f"from openai: {model}")


@pytest.fixture(scope="module")
def _behind() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture
def behind(_behind: Upstream) -> Upstream:
    """Return the server behind all providers, as if nothing had been asked of it."""
    _behind.received.clear()
    _behind.handler = in_its_wire
    return _behind


@pytest.fixture(scope="module")
def _running(_behind: Upstream, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    file = tmp_path_factory.mktemp("documents") / "wye.db"
    shutil.copy(sqlite_template, file)
    named = ("openai", "anthropic", "gemini", "ollama", "vllm")
    settings = [provider(name, _behind.url) for name in named]
    settings.append("[identity]\nprivate_endpoints = true\n[chat]\ntitle_model = ''\n")
    with serving("\n".join(settings), environ=ENVIRONMENT, store=config_for(f"sqlite:///{file}")) as running:
        yield running


@pytest.fixture
def gateway(_running: Running, behind: Upstream) -> "Asked":
    """Return the gateway."""
    del behind
    return Asked(_running)


class Asked:
    """Asks the gateway in JSON."""

    def __init__(self, running: Running) -> None:
        """Ask `running`."""
        self.running = running

    def post(self, path: str, body: Any) -> Answer:
        """Send a POST."""
        return self.running.request("POST", path, json.dumps(body).encode())

    def get(self, path: str) -> Answer:
        """Send a GET."""
        return self.running.get(path)
