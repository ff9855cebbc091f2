"""What choosing and surviving cost a request: the engine's way with a provider that answers at once, less that answer.

Everything of `routing/`, `health/` and `dispatch/` runs: reading what is wanted, the plan, the breaker's and the key's
permits, the retry budget, slots, outcomes. Each request is read anew, by both, which is in neither figure. The books
are left out, they have a figure of their own. Where other work disturbs, a round only gets slower: the quickest counts.
"""

import math
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import uvloop
from msgspec import Struct
from rich.console import Console
from rich.table import Table

from bench.compiled import kind as measured
from wye import adapters, catalog
from wye.catalog.schema import ModelInfo, Provider
from wye.config import load_settings
from wye.core.response import ModelResponse
from wye.core.secret import Secret
from wye.dispatch.factory import ModelProviderFactory
from wye.dispatch.upstream import Upstream, WireUpstream
from wye.engine import Engine
from wye.gateway.serve import collect_rarely
from wye.surfaces import openai_chat
from wye.transport import HttpReply, HttpStream

LIMIT_MICROSECONDS = 30.0
_ADDRESS = "http://127.0.0.1:9/v1"
_ANSWER = (
    b'{"id":"chatcmpl-1","object":"chat.completion","created":1731456253,"model":"bench-model","choices":[{"index":0,'
    b'"message":{"role":"assistant","content":"Paris."},"finish_reason":"stop"}],"usage":{"prompt_tokens":31,'
    b'"completion_tokens":8,"total_tokens":39}}'
)
BODY = b'{"model":"%b","messages":[{"role":"system","content":"Be brief"},{"role":"user","content":"Peru: capital?"}]}'
_SETTINGS = """
[store]
url = "memory://"
[aliases]
either = ["one/bench-model", "two/bench-model"]
[retry]
base_delay = 0.001
"""
PROVIDER = """
[providers.{name}]
adapter = "openai_chat"
base_url = "http://127.0.0.1:9/v1"
api_keys = ["bench-key-1", "bench-key-2"]
allow_private_network = true
[models."{name}/bench-model"]
context_window = 128000
input_cost_per_million = 0.15
output_cost_per_million = 0.60
capabilities = ["text", "streaming"]
"""
_MODELS = {
    "a named model, two keys": b"one/bench-model",
    "an alias of two providers": b"either",
    "auto:balanced": b"auto:balanced",
}


class Figure(Struct, frozen=True):
    """CPU of one request in microseconds: all of it, the bare call of its provider, and what is between them."""

    kind: str
    whole: float
    bare: float

    @property
    def cost(self) -> float:
        """What choosing and surviving take."""
        return self.whole - self.bare


class _AtOnce:
    """A transport whose answer is already there."""

    async def send(self, path: str, headers: Mapping[str, str], body: bytes, deadline: float) -> HttpReply:
        """Answer."""
        del path, headers, body, deadline
        return HttpReply(200, dict, _ANSWER)

    async def get(self, path: str, headers: Mapping[str, str], deadline: float) -> HttpReply:
        """Answer."""
        return await self.send(path, headers, b"", deadline)

    def stream(self, path: str, headers: Mapping[str, str], body: bytes, deadline: float = math.inf) -> HttpStream:
        """Refuse: nothing here is streamed."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Close nothing."""


class WithoutNetwork(ModelProviderFactory):
    """Makes providers, those of `PROVIDER` with a transport that answers at once."""

    def build(
        self, provider: Provider, *, models: Mapping[str, ModelInfo], keys: tuple[Secret, ...] = (), **more: Any
    ) -> Upstream:
        """Return an upstream of a wire format, all others as they are."""
        if provider.base_url != _ADDRESS:
            return super().build(provider, models=models, keys=keys, **more)
        return WireUpstream(
            provider, adapters.load(provider.adapter), _AtOnce(), models=models, keys=keys, silence=30.0
        )


def measure(rounds: int = 20, requests: int = 1000) -> list[Figure]:
    """Ask `rounds` times for `requests` of each kind; the quickest round counts: only other work is slow."""
    return uvloop.run(_measure(rounds, requests))


async def _measure(rounds: int, requests: int) -> list[Figure]:
    engine = _engine()
    collect_rarely()
    figures = []
    for kind, model in _MODELS.items():
        body = BODY % model
        done = engine.begin(openai_chat.parse_request(body))
        await engine.complete(done)
        attempt = done.outcomes[-1].attempt
        upstream, key = engine.snapshot.upstreams[attempt.provider], Secret("bench-key-1")

        async def whole() -> ModelResponse:
            exchange = engine.begin(openai_chat.parse_request(body))  # noqa: B023 - called within the round
            exchange.settled = True  # the books have a figure of their own
            return await engine.complete(exchange)

        async def bare() -> ModelResponse:
            done.call = openai_chat.parse_request(body)  # noqa: B023 - called within the round
            return await upstream.complete(done, attempt, 30.0, key)  # noqa: B023

        figures.append(Figure(kind, await _least(whole, rounds, requests), await _least(bare, rounds, requests)))
    await engine.aclose()
    return figures


def _engine() -> Engine:
    rows = catalog.load()
    text = _SETTINGS + "".join(PROVIDER.format(name=name) for name in ("one", "two"))
    with tempfile.TemporaryDirectory() as folder:
        (path := Path(folder, "wye.toml")).write_text(text)
        settings = load_settings(rows, path=path, environ={})
    return Engine(settings, rows, WithoutNetwork())


async def _least(ask: Callable[[], Awaitable[object]], rounds: int, requests: int) -> float:
    least = float("inf")
    for _ in range(rounds):
        began = time.process_time()
        for _ in range(requests):
            await ask()
        least = min(least, time.process_time() - began)
    return least / requests * 1e6


def print_figures(console: Console, figures: list[Figure]) -> bool:
    """Print the figures; tell whether all are under the limit."""
    table = Table(title=f"choosing and surviving, µs of CPU per request ({measured()})")
    for title in ("request", "engine", "bare provider", "cost"):
        table.add_column(title, justify="left" if title == "request" else "right")
    for one in figures:
        table.add_row(one.kind, f"{one.whole:.1f}", f"{one.bare:.1f}", f"{one.cost:.1f}")
    console.print(table)
    good = all(one.cost < LIMIT_MICROSECONDS for one in figures)
    console.print(f"{'under' if good else 'OVER'} the limit of {LIMIT_MICROSECONDS:.0f} µs")
    return good
