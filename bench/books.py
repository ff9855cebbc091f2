"""What exact books cost a request: sign-in by a key, limits, a budget's hold, settlement and record, writer included.

The whole gateway runs in this process, without its sockets and before a provider that answers at once: first open and
with nothing kept, then with a key, limits and a budget over each kind of store. The difference is what the books take.
"""

import asyncio
import io
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import msgspec
import uvloop
from msgspec import Struct
from rich.console import Console
from rich.table import Table
from tests.support.postgres import postgres_server
from tests.support.redis import redis_server

from bench.compiled import kind
from bench.hotpath import BODY, PROVIDER, WithoutNetwork
from wye import catalog
from wye.config import load_settings
from wye.engine import Engine
from wye.gateway import serve
from wye.gateway.app import Gateway
from wye.gateway.http import Message
from wye.ledger.stored import StoredPages
from wye.telemetry.log import LogWriter

LIMIT_MICROSECONDS = 45.0
_ADMIN: Final = "bench-admin-key"
_AT_ONCE: Final = 32
_SETTINGS: Final = """
[metrics]
enabled = false
[store]
url = "{store}"
spool = "{folder}/journal"
[state]
url = "{state}"
"""
_BOOKS: Final = f"""
[server]
admin_key = "{_ADMIN}"
[[limits]]
scope = "user"
target = "*"
requests_per_minute = 100000000
input_tokens_per_minute = 1000000000000
[[budgets]]
scope = "global"
amount = 1000000.0
period = "month"
"""


class Figure(Struct, frozen=True):
    """CPU of one request in microseconds."""

    kind: str
    microseconds: float


class _Asks:
    """Asks a gateway as its server would, in this process."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._told: asyncio.Queue[Message] = asyncio.Queue()
        self._life: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Start it."""
        started: asyncio.Queue[Message] = asyncio.Queue()
        self._life = asyncio.create_task(self._gateway({"type": "lifespan"}, self._told.get, started.put))
        await self._told.put({"type": "lifespan.startup"})
        said = await started.get()
        if said["type"] != "lifespan.startup.complete":
            raise RuntimeError(said["message"])

    async def end(self) -> None:
        """Stop it; what is still to be written is written."""
        await self._told.put({"type": "lifespan.shutdown"})
        if self._life is not None:
            await self._life

    async def post(self, path: str, body: bytes, key: str | None) -> bytes:
        """Return the body of an answer, which has to be a good one."""
        headers = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json")]
        if key is not None:
            headers.append((b"authorization", b"Bearer " + key.encode()))
        scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": headers}
        pieces: list[bytes] = []
        status = 0

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            pieces.append(message.get("body", b""))

        await self._gateway(scope, receive, send)
        if not 200 <= status < 300:
            raise RuntimeError(f"{path}: {status} {b''.join(pieces)[:300]!r}")
        return b"".join(pieces)


def measure(requests: int = 10_000, rounds: int = 5) -> list[Figure]:
    """Ask `requests` times with each kind of store, in turns; the median of the rounds counts."""
    with ExitStack() as stack:
        postgres, redis = stack.enter_context(postgres_server()), stack.enter_context(redis_server())
        kinds = {
            "open, nothing kept": ("memory://", "memory://"),
            "key, limits, budget; SQLite": ("sqlite:///{folder}/wye.db", "memory://"),
            "key, limits, budget; PostgreSQL and Redis": (postgres.url(), redis.url),
        }
        took: dict[str, list[float]] = {kind: [] for kind in kinds}
        for _ in range(rounds):
            for kind, (store, state) in kinds.items():
                with tempfile.TemporaryDirectory() as folder:
                    text = _SETTINGS.format(store=store.format(folder=folder), state=state, folder=folder)
                    took[kind].append(uvloop.run(_measure(text, requests, books=state != store)))
        return [Figure(kind, statistics.median(microseconds)) for kind, microseconds in took.items()]


async def _measure(text: str, requests: int, *, books: bool) -> float:
    gateway = _gateway(text + (_BOOKS if books else "") + PROVIDER.format(name="one"))
    asks, key = _Asks(gateway), None
    await asks.begin()
    serve.collect_rarely()
    if books:
        made = await asks.post("/api/keys", b'{"name":"bench","limits":{"requestsPerDay":100000000}}', _ADMIN)
        key = msgspec.json.decode(made)["key"]
    body = BODY % b"one/bench-model"

    async def some(count: int) -> None:
        for _ in range(count):
            await asks.post("/v1/chat/completions", body, key)
            await asyncio.sleep(0)  # as a socket would, let others have their turn

    await some(500)
    began = time.process_time()
    await asyncio.gather(*(some(requests // _AT_ONCE) for _ in range(_AT_ONCE)))
    await _written(gateway)
    took = time.process_time() - began
    await asks.end()
    return took / (requests // _AT_ONCE * _AT_ONCE) * 1e6


def _gateway(text: str) -> Gateway:
    """Compose one as `wye serve` does, but for the provider's network and the log, which goes nowhere."""
    rows = catalog.load()
    with tempfile.TemporaryDirectory() as folder:
        (path := Path(folder, "wye.toml")).write_text(text)
        settings = load_settings(rows, path=path, environ={})
    log = LogWriter(io.StringIO())
    store = serve.open_store(settings)
    books = serve.open_books(settings, store, log)
    return Gateway(Engine(settings, rows, WithoutNetwork(), books=books, store=store), settings.server, log)


async def _written(gateway: Gateway) -> None:
    """Wait until all that was settled is in the database."""
    pages = gateway.engine.books.pages
    while isinstance(pages, StoredPages) and pages.journal.settled_waiting:
        pages.writer.wake()
        await asyncio.sleep(0.02)


def print_figures(console: Console, figures: list[Figure]) -> bool:
    """Print the figures; tell whether what the books take is under the limit with every store."""
    plain = figures[0].microseconds
    table = Table(title=f"exact books, µs of CPU per request, the writer's included ({kind()})")
    for title in ("gateway", "in all", "books"):
        table.add_column(title, justify="left" if title == "gateway" else "right")
    for one in figures:
        more = "" if one is figures[0] else f"{one.microseconds - plain:.1f}"
        table.add_row(one.kind, f"{one.microseconds:.1f}", more)
    console.print(table)
    good = all(one.microseconds - plain <= LIMIT_MICROSECONDS for one in figures)
    console.print(f"{'within' if good else 'OVER'} the limit of {LIMIT_MICROSECONDS:.0f} µs")
    return good
