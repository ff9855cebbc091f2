"""The books see every request in the same order, and write of each exactly once."""

import asyncio
import threading
from collections.abc import Awaitable, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest
from tests.support.openai_wire import DONE, USAGE, answer, event, refusal, stream
from tests.support.upstream import Hang, Hold, Reply, Upstream

from wye import catalog
from wye.cache import CacheConfig, connect
from wye.catalog import Catalog
from wye.config import load_settings
from wye.core.errors import BooksUnavailableError, ModelNotFoundError, OverloadedError, WyeError
from wye.core.exchange import Exchange
from wye.core.record import UsageRecord
from wye.engine import Engine
from wye.ledger.books import Books
from wye.surfaces.openai_chat import parse_request

ROWS = catalog.load()


class Notebook:
    idle = False
    """Pages in memory, allowances and a meter at once: it notes who was asked what, in order."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.records: list[UsageRecord] = []
        self.settlements: list[UsageRecord | None] = []
        self.full = False
        self.refuses: WyeError | None = None
        self.waits = False

    async def start(self) -> None:
        self.lines.append(("start", ""))

    async def aclose(self) -> None:
        self.lines.append(("close", ""))

    def check(self) -> None:
        if self.full:
            raise BooksUnavailableError("full")

    def admit(self, exchange: Exchange) -> None:
        assert exchange.plan is None
        self.lines.append(("admit", exchange.id))

    def hold(self, exchange: Exchange, catalog: Catalog) -> Awaitable[None] | None:
        assert exchange.plan is not None
        assert catalog.models
        self.lines.append(("hold", exchange.id))
        if self.refuses is not None:
            raise self.refuses
        exchange.hold = 7
        return asyncio.sleep(0) if self.waits else None

    def settle(self, exchange: Exchange, record: UsageRecord | None) -> None:
        self.lines.append(("settle", exchange.id))
        self.settlements.append(record)

    def charge(self, record: UsageRecord) -> None:
        self.lines.append(("charge", record.id))

    def follow(self, limits: object, budgets: object) -> None:
        del limits, budgets

    async def begin(self) -> None:
        pass

    async def release(self) -> None:
        pass

    def admitted(self, record: UsageRecord) -> None:
        self.lines.append(("admitted", record.id))
        assert (record.status, record.cost, record.hold) == ("lost", None, 7)

    def settled(self, record: UsageRecord) -> None:
        self.lines.append(("settled", record.id))
        self.records.append(record)

    def observe(self, record: UsageRecord) -> None:
        self.lines.append(("observed", record.id))

    @property
    def order(self) -> list[str]:
        return [word for word, _ in self.lines]


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture
def notebook() -> Notebook:
    return Notebook()


@pytest.fixture
def made(notebook: Notebook, upstream: Upstream, tmp_path: Path) -> Engine:
    path = tmp_path / "wye.toml"
    path.write_text(
        f'[retry]\nmax_retries = 0\n[providers.here]\nbase_url = "{upstream.url}/v1"\nallow_private_network = true\n'
        '[models."here/m"]\ninput_cost_per_million = 1\noutput_cost_per_million = 10\n'
    )
    books = Books(allowances=notebook, meters=[notebook], pages=notebook)
    return Engine(load_settings(ROWS, path=path, environ={}), ROWS, books=books)


@pytest.fixture
def keeping(made: Engine) -> Engine:
    """Return the same with a cache."""
    made.cache = connect(CacheConfig(enabled=True), made.snapshot.settings.state)
    return made


def begin(made: Engine, model: str = "here/m", *, stream: bool = False) -> Exchange:
    asked = b'{"model":"%b","stream":%b,"messages":[{"role":"user","content":"hi"}]}'
    return made.begin(parse_request(asked % (model.encode(), b"true" if stream else b"false")))


ALL = ["admit", "hold", "admitted", "settle", "settled", "observed"]


@pytest.mark.parametrize("waits", [False, True], ids=["at once", "later"])
async def test_a_request_is_written_down_before_it_is_sent_and_settled_after(
    made: Engine, notebook: Notebook, upstream: Upstream, *, waits: bool
) -> None:
    upstream.reply_with(answer("Hi"))
    notebook.waits = waits
    async with aclosing(made):
        await made.start()
        exchange = begin(made)
        await made.complete(exchange)
    assert notebook.order == ["start", *ALL, "close"]
    (record,) = notebook.records
    assert (record.status, record.cost, record.hold, record.tries) == ("ok", 23_000_000, 7, 1)
    assert (record.provider, record.model, record.asked) == ("here", "m", "here/m")
    assert record.id == exchange.id
    assert record.attempts == ()


async def test_an_error_is_a_record_that_names_it_and_its_attempts(
    made: Engine, notebook: Notebook, upstream: Upstream
) -> None:
    upstream.reply_with(refusal(503))
    async with aclosing(made):
        with pytest.raises(OverloadedError):
            await made.complete(begin(made))
    (record,) = notebook.records
    assert (record.status, record.error, record.cost) == ("error", "overloaded", 0)
    assert [attempt.error for attempt in record.attempts] == ["overloaded"]


async def test_a_request_that_no_provider_is_called_for_costs_nothing(
    made: Engine, notebook: Notebook, upstream: Upstream
) -> None:
    upstream.reply_with(refusal(503))
    async with aclosing(made):
        for _ in range(100):  # until nobody may call it any more
            with pytest.raises(OverloadedError):
                await made.complete(begin(made))
            if not notebook.records[-1].attempts:
                break
    last = notebook.records[-1]
    assert (last.tries, last.provider, last.cost, last.hold) == (0, None, 0, 7)


async def test_a_request_without_a_plan_leaves_nothing_but_is_given_back(made: Engine, notebook: Notebook) -> None:
    async with aclosing(made):
        with pytest.raises(ModelNotFoundError):
            await made.complete(begin(made, "nowhere"))
    assert notebook.order == ["admit", "settle", "close"]
    assert notebook.settlements == [None]


async def test_a_refused_hold_leaves_nothing_but_is_given_back(
    made: Engine, notebook: Notebook, upstream: Upstream
) -> None:
    notebook.refuses = WyeError("no money left")
    async with aclosing(made):
        with pytest.raises(WyeError, match="no money left"):
            await made.complete(begin(made))
    assert notebook.order == ["admit", "hold", "settle", "close"]
    assert upstream.received == []


async def test_without_room_to_write_nothing_is_let_in(made: Engine, notebook: Notebook, upstream: Upstream) -> None:
    notebook.full = True
    async with aclosing(made):
        with pytest.raises(BooksUnavailableError):
            await made.complete(begin(made))
    assert notebook.records == []
    assert upstream.received == []


async def test_a_caller_who_leaves_a_stream_is_settled_once_as_cancelled(
    made: Engine, notebook: Notebook, upstream: Upstream
) -> None:
    upstream.reply_with(Reply.stream([event(content="Hi"), Hang()]))
    async with aclosing(made):
        async with made.pieces(begin(made, stream=True)) as batches:
            await anext(batches)
        await asyncio.sleep(0)
    (record,) = notebook.records
    assert (record.status, record.stream, record.error) == ("cancelled", True, None)


async def test_a_stream_is_settled_before_it_is_over_for_its_reader(
    made: Engine, notebook: Notebook, upstream: Upstream
) -> None:
    upstream.reply_with(stream("Hi"))
    async with aclosing(made):
        async with made.pieces(begin(made, stream=True)) as batches:
            async for _ in batches:
                pass
        assert notebook.order == ALL


async def test_a_kept_answer_is_a_record_of_what_it_saved(
    keeping: Engine, notebook: Notebook, upstream: Upstream
) -> None:
    upstream.reply_with(answer("Hi"))
    async with aclosing(keeping):
        for _ in range(2):
            await keeping.complete(begin(keeping))
    assert notebook.order == [*ALL, *ALL, "close"]
    first, second = notebook.records
    assert (first.cached, first.cost, first.saved) == (False, 23_000_000, None)
    assert (second.cached, second.cost, second.saved) == (True, 0, 23_000_000)
    assert (second.provider, second.model, second.status) == ("here", "m", "ok")
    assert (second.input_tokens, second.output_tokens, second.tries) == (0, 0, 0)


async def test_a_stream_that_many_wait_for_is_on_the_books_of_whoever_is_left(
    keeping: Engine, notebook: Notebook, upstream: Upstream
) -> None:
    began, *rest = [event(content="Hi"), event(finish_reason="stop"), event(usage=USAGE), DONE]
    let_go = threading.Event()
    upstream.reply_with(Reply.stream([began, Hold(let_go), *rest]))
    async with aclosing(keeping):
        exchanges = [begin(keeping, stream=True) for _ in range(3)]
        first = asyncio.create_task(read(keeping, exchanges[0]))
        await asyncio.to_thread(upstream.wait_received, 5)
        others = [asyncio.create_task(read(keeping, exchange)) for exchange in exchanges[1:]]
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait([first])
        let_go.set()
        await asyncio.gather(*others)
    left, *stayed = notebook.records
    assert (left.id, left.status, left.cost) == (exchanges[0].id, "cancelled", 0)
    assert sorted((record.cost, record.saved, record.cached) for record in stayed) == [
        (0, 23_000_000, True),
        (23_000_000, None, False),
    ]
    assert len(upstream.received) == 1


async def read(made: Engine, exchange: Exchange) -> None:
    async with made.pieces(exchange) as batches:
        async for _ in batches:
            pass
