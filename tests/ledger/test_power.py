"""With `durable = "power"` nobody is asked before the journal is on the disk, and many share the way there."""

import asyncio
import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Literal

import pytest
from tests.support.openai_wire import answer
from tests.support.upstream import Upstream

from wye import catalog
from wye.config import load_settings
from wye.core.errors import BooksUnavailableError
from wye.core.record import UsageRecord
from wye.core.secret import Secret
from wye.engine import Engine
from wye.gateway.serve import open_books, open_store
from wye.ledger.journal import Journal
from wye.ledger.power import OnDisk, to_disk
from wye.store.config import StoreConfig
from wye.store.database import Database, now_us
from wye.surfaces.openai_chat import parse_request
from wye.telemetry.log import LogWriter

ROWS = catalog.load()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal(tmp_path, limit=1 << 20)
    made.for_power = True
    made.open()
    yield made
    made.close()


def record(number: int, asked: str = "") -> UsageRecord:
    return UsageRecord(id=f"req_{number}", at=now_us(), user="u", status="lost", asked=asked)


async def test_those_who_come_meanwhile_share_one_way_to_the_disk(journal: Journal) -> None:
    times: list[list[str]] = []

    def write(paths: Iterable[Path]) -> None:
        times.append([path.name for path in paths])

    disk = OnDisk(journal, write)
    await asyncio.gather(*(disk.wait() for _ in range(200)))
    assert 1 <= len(times) <= 3
    assert times[0] == ["0000000001.journal", journal.folder.name], "the file, and that it is there"
    await disk.wait()
    assert times[-1] == ["0000000001.journal"]


async def test_files_that_filled_up_meanwhile_go_to_the_disk_as_well(journal: Journal) -> None:
    journal.unsafe()
    for number in range(30):
        journal.admitted(record(number, asked="x" * 3000))
        journal.settled(record(number, asked="x" * 3000))
    names = [path.name for path in journal.unsafe()]
    assert names[:2] == ["0000000001.journal", "0000000002.journal"]
    assert "0000000001.journal" not in [path.name for path in journal.unsafe()]


async def test_a_disk_that_takes_nothing_lets_nobody_in(journal: Journal) -> None:
    def write(_paths: Iterable[Path]) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    disk = OnDisk(journal, write)
    waiting = [asyncio.ensure_future(disk.wait()) for _ in range(3)]
    for one in waiting:
        with pytest.raises(BooksUnavailableError, match="Input/output error"):
            await one


@pytest.mark.parametrize("error", [OSError(errno.EIO, os.strerror(errno.EIO)), RuntimeError("no more threads")])
async def test_what_did_not_get_to_the_disk_is_brought_there_the_next_time(journal: Journal, error: Exception) -> None:
    times: list[list[str]] = []

    def write(paths: Iterable[Path]) -> None:
        times.append([path.name for path in paths])
        if len(times) == 1:
            raise error

    for number in range(30):
        journal.admitted(record(number, asked="x" * 3000))
        journal.settled(record(number, asked="x" * 3000))
    disk = OnDisk(journal, write)
    with pytest.raises(BooksUnavailableError, match="nothing is let in until it can"):
        async with asyncio.timeout(10):
            await disk.wait()
    await disk.wait()
    assert journal.folder.name in times[0]
    assert "0000000001.journal" in times[0]
    assert sorted(times[1]) == sorted(times[0])


def test_what_is_gone_need_not_be_on_the_disk(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"x")
    to_disk([tmp_path / "gone", tmp_path / "there", tmp_path])


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture
def made(upstream: Upstream, tmp_path: Path) -> Engine:
    path = tmp_path / "wye.toml"
    path.write_text(
        f'[store]\nurl = "sqlite:///{tmp_path / "wye.db"}"\ndurable = "power"\n'
        f'[providers.here]\nbase_url = "{upstream.url}/v1"\nallow_private_network = true\n'
    )
    settings = load_settings(ROWS, path=path, environ={})
    store = open_store(settings)
    return Engine(settings, ROWS, store=store, books=open_books(settings, store, LogWriter()))


async def test_a_request_is_on_the_disk_before_it_is_sent(
    made: Engine, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").readlink().suffix == ".journal":
            synced.append(len(upstream.received))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    upstream.reply_with(answer("Hi"))
    async with aclosing(made):
        await made.start()
        asked = b'{"model":"here/m","messages":[{"role":"user","content":"hi"}]}'
        await made.complete(made.begin(parse_request(asked)))
    assert synced == [0], "once, when nobody had been asked"


@pytest.mark.parametrize(("durable", "level"), [("process", 1), ("power", 2)])
async def test_sqlite_syncs_each_commit_where_what_leaves_the_journal_must_last(
    tmp_path: Path, durable: Literal["process", "power"], level: int
) -> None:
    config = StoreConfig(url=Secret(f"sqlite:///{tmp_path / 'wye.db'}"), durable=durable)
    database = Database(config)
    async with database.read() as connection:
        assert (await connection.exec_driver_sql("PRAGMA synchronous")).scalar() == level
    await database.aclose()
