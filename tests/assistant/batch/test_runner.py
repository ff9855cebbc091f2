"""One process at a time works on a batch, and whichever comes next goes on where the last line was stored."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from wye import catalog
from wye.assistant.batch import run
from wye.assistant.batch.desk import Desk
from wye.assistant.batch.files import Files
from wye.assistant.batch.run import Timing
from wye.assistant.batch.runner import Runner
from wye.config import Settings
from wye.core.caller import LOCAL, Caller
from wye.core.errors import BudgetExceededError, WyeError
from wye.core.request import ChatRequest
from wye.core.response import Choice, ModelResponse
from wye.core.usage import Usage
from wye.dispatch.in_process import BaseModelProvider, ModelCapabilities
from wye.engine import Engine
from wye.store import batch_work
from wye.store.batch_work import Held, Line, Result, Spent
from wye.store.batches import Batch
from wye.store.config import StoreConfig
from wye.store.database import Database, now_us
from wye.store.opened import Store
from wye.store.tables import batch_lines, batches, chores, file_parts, files

CHAT = "/v1/chat/completions"
QUICK = Timing(lease=0.6, poll=0.05, pause=0.01, longest_pause=0.05, caller=0.0, grace=5.0)
DAY = 24 * 3600 * 1_000_000


class Scripted(BaseModelProvider):
    """Answers with what it was asked, once it may; raises what is put into `fails`."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Counter[str] = Counter()
        self.may = asyncio.Event()
        self.may.set()
        self.fails: dict[str, WyeError] = {}

    async def generate(self, request: ChatRequest) -> ModelResponse:
        text = request.messages[-1].text
        self.asked[text] += 1
        await self.may.wait()
        if text in self.fails:
            raise self.fails[text]
        return ModelResponse(choices=(Choice(content=text),), usage=Usage(input_tokens=2, output_tokens=3))

    def capabilities(self) -> ModelCapabilities:
        return ModelCapabilities(supported_models=("one",))


class House:
    """An engine with a scripted provider, and whatever runners a test starts in it."""

    def __init__(self, config: StoreConfig) -> None:
        self.store = Store(config)
        self.provider = Scripted()
        self.engine = Engine(Settings(), catalog.load(), store=self.store)
        self.engine.register("scripted", self.provider)
        self.files, self.desk = Files(self.engine), Desk(self.engine)
        self.offset = 0
        self.caller: Caller | Exception = LOCAL
        self.runners: list[Runner] = []

    @property
    def database(self) -> Database:
        return self.store.database

    async def asking(self, user: str, key: str | None) -> Caller:
        assert (user, key) == ("local", None)
        if isinstance(self.caller, Exception):
            raise self.caller
        return self.caller

    def runner(self) -> Runner:
        runner = Runner(self.engine, self.store, self.asking, timing=QUICK, clock=lambda: now_us() + self.offset)
        runner.start()
        self.runners.append(runner)
        return runner

    async def order(self, *texts: str, owner: str = "local") -> str:
        lines = [
            {"custom_id": text, "method": "POST", "url": CHAT, "body": {"model": "scripted/one", "messages": [
                {"role": "user", "content": text}]}}
            for text in texts
        ]  # fmt: skip
        async with self.files.draft(owner) as draft:
            await draft.write("\n".join(map(json.dumps, lines)).encode())
            file = await draft.finish("lines.jsonl")
        return (await self.desk.order(LOCAL, input_file_id=file.id, endpoint=CHAT)).id

    async def until(self, batch_id: str, holds: Callable[[Batch], Any]) -> Batch:
        async with asyncio.timeout(30):
            while True:
                found = await self.desk.one("local", batch_id)
                if holds(found):
                    return found
                await asyncio.sleep(0.01)

    async def ended(self, batch_id: str) -> Batch:
        return await self.until(batch_id, lambda one: one.ended_at)

    async def read(self, file_id: str | None) -> list[Any]:
        assert file_id is not None
        row = await self.files.one("local", file_id)
        content = b"".join([piece async for piece in self.files.content("local", row)])
        assert len(content) == row.size
        return [json.loads(line) for line in content.splitlines()]


@pytest_asyncio.fixture
async def house(store_config: StoreConfig) -> AsyncIterator[House]:
    made = House(store_config)
    yield made
    made.provider.may.set()
    for runner in made.runners:
        await runner.aclose()
    await made.store.aclose()


def texts(count: int) -> list[str]:
    return [f"text {at}" for at in range(count)]


async def test_all_lines_are_asked_once_and_written_in_their_order(house: House) -> None:
    house.runner()
    house.runner()
    done = await house.ended(await house.order(*texts(50)))
    assert (done.status, done.total, done.completed, done.failed) == ("completed", 50, 50, 0)
    assert (done.input_tokens, done.output_tokens, done.unknown_costs) == (100, 150, 50)
    assert [line["custom_id"] for line in await house.read(done.output_file_id)] == texts(50)
    assert house.provider.asked == Counter(texts(50))
    assert done.error_file_id is None


async def test_a_process_that_falls_silent_is_followed_by_another(house: House) -> None:
    house.provider.may.clear()
    house.runner()
    batch = await house.order(*texts(4))
    await house.until(batch, lambda one: one.status == "in_progress" and len(house.provider.asked) == 4)
    await silence(house, batch)
    house.runner()
    house.provider.may.set()
    done = await house.ended(batch)
    assert (done.status, done.completed) == ("completed", 4)
    assert set(house.provider.asked.values()) == {2}, "those under way are asked again"
    assert [line["custom_id"] for line in await house.read(done.output_file_id)] == texts(4)


async def silence(house: House, batch_id: str) -> None:
    """Let the batch be somebody else's, as it is once its holder has said nothing for too long."""
    async with house.database.begin() as connection:
        mine = batches.update().where(batches.c.id == batch_id)
        await connection.execute(mine.values(holder="another", held_until=0))


async def test_a_process_does_not_take_its_own_batch_up_again_when_its_lease_has_run_out(house: House) -> None:
    house.provider.may.clear()
    runner = house.runner()
    batch = await house.order(*texts(4))
    await house.until(batch, lambda _: len(house.provider.asked) == 4)
    async with house.database.begin() as connection:  # as after a clock that jumps
        await connection.execute(batches.update().where(batches.c.id == batch).values(held_until=0))
    assert not await runner._take()
    house.provider.may.set()
    assert (await house.ended(batch)).completed == 4
    assert set(house.provider.asked.values()) == {1}


async def test_each_run_holds_its_batch_under_a_name_of_its_own(house: House) -> None:
    house.provider.may.clear()
    runner = house.runner()
    batches_made = [await house.order(text) for text in texts(2)]
    await house.until(batches_made[1], lambda _: len(house.provider.asked) == 2)
    holders = {run._held.holder for run in runner._runs.values()}
    assert len(holders) == 2


async def test_what_a_process_finds_out_that_lost_its_batch_goes_nowhere(house: House) -> None:
    batch = await house.order("a")
    async with house.database.begin() as connection:
        found = await batch_work.claim(connection, "first", now=now_us(), until=now_us() + DAY)
        assert found is not None
        assert found.id == batch
        assert await batch_work.claim(connection, "second", now=now_us(), until=now_us() + DAY) is None
    first = Held(holder="first", owner="local", batch_id=batch)
    result = Result(position=1, ok=True, text=b"{}\n")
    async with house.database.begin() as connection:
        assert await batch_work.renew(connection, first, until=1, waits_for=None) == "validating"
        taken = await batch_work.claim(connection, "second", now=now_us(), until=now_us() + DAY)
        assert taken is not None
        assert await batch_work.renew(connection, first, until=2, waits_for=None) is None
        assert await batch_work.answered(connection, first, [result]) is None
        assert not await batch_work.checked(connection, first, now=1, total=1, model=None)
        await batch_work.release(connection, first)
        await batch_work.begin_anew(connection, first)
    assert (await house.desk.one("local", batch)).completed == 0
    stranger = Held(holder="second", owner="somebody else", batch_id=batch)
    async with house.database.begin() as connection:
        assert await batch_work.renew(connection, stranger, until=3, waits_for=None) is None


async def test_an_answer_that_is_stored_twice_is_counted_once(house: House) -> None:
    batch = await house.order("a", "b")
    held = Held(holder="first", owner="local", batch_id=batch)
    lines = [Line(position=at, custom_id=str(at), body=b"{}") for at in (1, 2)]
    first, second = (
        Result(position=at, ok=at == 1, text=b"{}\n", spent=Spent(input_tokens=5, cost=7)) for at in (1, 2)
    )
    async with house.database.begin() as connection:
        await batch_work.claim(connection, "first", now=now_us(), until=now_us() + DAY)
        await batch_work.add_lines(connection, held, lines)
        assert await batch_work.checked(connection, held, now=1, total=2, model=None)
    for results in ([first], [first], [first, second], [second]):  # nobody was told of the first of each
        async with house.database.begin() as connection:
            assert await batch_work.answered(connection, held, results) == "in_progress"
    found = await house.desk.one("local", batch)
    assert (found.completed, found.failed, found.input_tokens, found.cost) == (1, 1, 10, 14)


async def test_long_lines_are_not_all_in_memory_at_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    held_at_once: list[int] = []

    def noting(do: Callable[..., Any]) -> Callable[..., Any]:
        async def noted(connection: Any, held: Held, *given: Any, **named: Any) -> Any:
            found = await do(connection, held, *given, **named)
            held_at_once.append(sum(len(line.body) for line in (given[0] if given else found)))
            return found

        return noted

    monkeypatch.setattr(run, "_BYTES_AT_ONCE", 1200)
    monkeypatch.setattr(batch_work, "add_lines", noting(batch_work.add_lines))
    monkeypatch.setattr(batch_work, "waiting", noting(batch_work.waiting))
    house.runner()
    long = [text + "x" * 400 for text in texts(12)]
    done = await house.ended(await house.order(*long))
    assert (done.completed, done.failed) == (12, 0)
    assert house.provider.asked == Counter(long)
    assert 400 < max(held_at_once) < 1200 + 600, "no more than the bound and a line"


async def test_a_batch_that_is_not_done_in_a_day_expires_with_what_was_answered(house: House) -> None:
    house.runner()
    house.provider.fails["wait"] = BudgetExceededError("come back", retry_after=3600)
    batch = await house.order("quick", "wait", *texts(3))
    await house.until(batch, lambda one: one.completed >= 1 and one.waits_for)
    house.offset = DAY + 1
    done = await house.ended(batch)
    assert done.status == "expired"
    assert done.completed >= 1
    assert done.completed + done.failed == done.total == 5
    told = await house.read(done.error_file_id)
    assert {line["error"]["code"] for line in told} == {"batch_expired"}
    assert {line["custom_id"] for line in told} >= {"wait"}


async def test_a_process_that_stops_lets_lines_under_way_be_answered_and_asks_no_more(house: House) -> None:
    house.provider.may.clear()
    runner = house.runner()
    batch = await house.order(*texts(20))
    await house.until(batch, lambda _: len(house.provider.asked) == 8)
    stopping = asyncio.create_task(runner.aclose())
    await asyncio.sleep(0.05)
    house.provider.may.set()
    await stopping
    left = await house.desk.one("local", batch)
    assert (left.status, left.completed) == ("in_progress", 8)
    house.runner()
    assert (await house.ended(batch)).completed == 20
    assert set(house.provider.asked.values()) == {1}


async def test_a_key_that_has_lost_its_scope_asks_nothing(house: House) -> None:
    house.caller = Caller(user="local", scopes=frozenset({"read"}))
    house.runner()
    done = await house.ended(await house.order("a"))
    (told,) = await house.read(done.error_file_id)
    assert (told["response"]["status_code"], house.provider.asked) == (403, Counter())


async def test_a_mistake_of_ours_fails_lines_and_ends_the_batch_without_telling_what_it_was(house: House) -> None:
    house.provider.may.clear()
    house.runner()
    batch = await house.order(*texts(9))
    await house.until(batch, lambda _: len(house.provider.asked) == 8)
    house.caller = TypeError("a secret")
    house.provider.may.set()
    done = await house.ended(batch)
    assert (done.status, done.completed, done.failed) == ("completed", 8, 1)
    (told,) = await house.read(done.error_file_id)
    assert told["response"]["status_code"] == 500
    assert "secret" not in str(told)


async def test_old_files_and_batches_are_forgotten_with_all_that_is_in_them(house: House) -> None:
    runner = house.runner()
    first = await house.ended(await house.order("a"))
    house.provider.fails["b"] = BudgetExceededError("later", retry_after=100)
    going = await house.order("b")
    await house.until(going, lambda one: one.waits_for)
    await runner.aclose()
    house.runners.clear()
    async with house.database.begin() as connection:
        await connection.execute(batches.update().where(batches.c.id == going).values(expires_at=now_us() + 90 * DAY))
        await connection.execute(chores_due())
    house.offset = 31 * DAY
    house.runner()
    async with asyncio.timeout(20):
        while True:
            if await rows(house, files) == 1:
                break
            await asyncio.sleep(0.02)
    assert (await rows(house, batches), await rows(house, file_parts), await rows(house, batch_lines)) == (1, 1, 1)
    with pytest.raises(WyeError):
        await house.desk.one("local", first.id)
    assert (await house.desk.one("local", going)).ended_at is None


def chores_due() -> Any:
    return chores.update().values(done_at=0, held_until=0)


async def rows(house: House, table: Any) -> int:
    async with house.database.read() as connection:
        return len((await connection.execute(table.select())).all())


async def test_a_file_that_never_became_whole_is_seen_by_nobody(house: House) -> None:
    draft = house.files.draft("local")
    await draft.__aenter__()
    await draft.write(b"x" * 2_000_000)
    assert await rows(house, file_parts) > 1
    assert await house.files.every("local") == []
    await draft.__aexit__(RuntimeError, RuntimeError(), None)
    assert await rows(house, files) == await rows(house, file_parts) == 0


async def test_a_large_file_is_read_in_pieces_of_bounded_size(house: House) -> None:
    content = bytes(range(256)) * 8000
    async with house.files.draft("local") as draft:
        for at in range(0, len(content), 70_000):
            await draft.write(content[at : at + 70_000])
        file = await draft.finish("big.jsonl")
    pieces = [piece async for piece in house.files.content("local", file)]
    assert b"".join(pieces) == content
    assert max(map(len, pieces)) <= 512 * 1024
