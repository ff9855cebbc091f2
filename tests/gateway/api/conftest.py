"""A gateway whose providers are the documents' own, each answered by a server of ours."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.gateway import Answer, Running, provider, serving
from tests.support.openai_wire import answer
from tests.support.talking import *  # noqa: F403
from tests.support.upstream import Received, Reply, Upstream

OPENAI_KEY = "sk-openai-0123456789abcdefghij"
GEMINI_KEY = "AIzaSy0123456789abcdefghijklmnopqrstuvw"
PREFIXES = ("/api/llm-providers", "/api/settings/llm-providers")


def everything(request: Received) -> Reply:
    """Answer as OpenAI does, and its list with a model that the catalog has not."""
    if request.method == "GET":
        return Reply.json({"data": [{"id": "gpt-4o"}, {"id": "gpt-4o-mini"}, {"id": "gpt-of-tomorrow"}]})
    return answer()


@pytest.fixture(scope="module")
def _openai() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture
def openai(_openai: Upstream) -> Upstream:
    """Return the server behind OpenAI, as if nothing had been asked of it."""
    _openai.received.clear()
    _openai.disconnects = 0
    _openai.handler = everything
    return _openai


@pytest.fixture(scope="module")
def shared(_openai: Upstream) -> Iterator[Running]:
    """Serve OpenAI and Gemini, and the mock."""
    _openai.handler = everything
    settings = [
        provider("openai", _openai.url, f'api_keys = ["{OPENAI_KEY}"]'),
        provider("gemini", _openai.url, f'api_keys = ["{GEMINI_KEY}"]'),
    ]
    with serving("\n".join(settings)) as running:
        yield running


@pytest.fixture
def api(shared: Running, openai: Upstream) -> "Api":
    """Return the application API of the gateway, whose upstream is as if nothing had been asked of it."""
    return Api(shared)


class Api:
    """Asks the application API."""

    def __init__(self, gateway: Running) -> None:
        """Ask `gateway`."""
        self.gateway = gateway

    def get(self, path: str) -> Answer:
        """Send a GET."""
        return self.gateway.get(path)

    def post(self, path: str, body: Any = None) -> Answer:
        """Send a POST: bytes as they are, nothing at all for `None`, the rest as JSON."""
        encoded = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        return self.gateway.request("POST", path, encoded)
