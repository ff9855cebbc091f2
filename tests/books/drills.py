"""The drills: each loads a gateway, does something to it, and compares its books with the provider's log."""

import asyncio
import contextlib
import os
import sqlite3
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Final, Literal, TypeAlias

from tests.books.callers import STAGES, Callers
from tests.books.house import House
from tests.books.provider import Provider
from tests.books.recount import Finding, Recount
from tests.support.postgres import Server
from tests.support.redis import Server as Redis
from tests.support.redis import redis_server

LITTLE_USD: Final = Decimal("0.02")
"""What about a hundred requests cost."""
DatabaseKind: TypeAlias = Literal["sqlite", "postgresql"]


class Scene:
    """One drill under way. `size` is how much of everything there is, 1 in short."""

    def __init__(self, house: House, provider: Provider, redis: Redis, size: int) -> None:
        """Begin with a gateway that runs."""
        self.redis = redis
        self.house = house
        self.provider = provider
        self.size = size
        self.callers = Callers()
        self.callers.port = house.start()
        self.may_be_lost = False

    @contextmanager
    def database_away(self) -> Iterator[None]:
        """Stop PostgreSQL, or keep SQLite's file locked."""
        postgres = self.house.postgres
        if postgres is not None:
            postgres.stop()
            try:
                yield
            finally:
                postgres.start()
            return
        connection = sqlite3.connect(self.house.folder / "wye.db", isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA busy_timeout = 5000")
            connection.execute("BEGIN IMMEDIATE")
            yield
        finally:
            connection.close()


async def kill_9(scene: Scene) -> None:
    """Killed under load, twice, and started again."""
    scene.may_be_lost = True
    crowd = asyncio.create_task(scene.callers.crowd(24 * scene.size))
    for _ in range(2):
        await asyncio.sleep(0.8 * scene.size)
        await asyncio.to_thread(scene.house.kill)
        scene.callers.port = await asyncio.to_thread(scene.house.start)
    await asyncio.sleep(0.5)
    scene.callers.stop()
    await crowd


async def sigterm(scene: Scene) -> None:
    """Told to stop under load: what is quick finishes, what is slow is cut and billed for what it had."""
    quick = asyncio.create_task(scene.callers.crowd(12 * scene.size))
    slow = asyncio.create_task(scene.callers.crowd(12 * scene.size, pace="slow"))
    await asyncio.sleep(0.7 * scene.size)
    await asyncio.to_thread(scene.house.stop)
    scene.callers.stop()
    await asyncio.gather(quick, slow)


async def database_stopped(scene: Scene) -> None:
    """The database goes under load and comes back: nobody notices."""
    crowd = asyncio.create_task(scene.callers.crowd(12 * scene.size))
    await asyncio.sleep(0.4)
    away = scene.database_away()
    await asyncio.to_thread(away.__enter__)
    await asyncio.sleep(1.2 * scene.size)
    await asyncio.to_thread(away.__exit__, None, None, None)
    await asyncio.sleep(0.4)
    scene.callers.stop()
    await crowd


async def killed_while_the_database_is_away(scene: Scene) -> None:
    """Killed with everything on its own disk alone."""
    scene.may_be_lost = True
    crowd = asyncio.create_task(scene.callers.crowd(12 * scene.size))
    await asyncio.sleep(0.4)
    away = scene.database_away()
    await asyncio.to_thread(away.__enter__)
    await asyncio.sleep(0.6 * scene.size)
    await asyncio.to_thread(scene.house.kill)
    await asyncio.to_thread(away.__exit__, None, None, None)
    scene.callers.port = await asyncio.to_thread(scene.house.start)
    await asyncio.sleep(0.3)
    scene.callers.stop()
    await crowd


async def redis_stopped(scene: Scene) -> None:
    """What processes share goes and comes back under load."""
    crowd = asyncio.create_task(scene.callers.crowd(12 * scene.size))
    await asyncio.sleep(0.4)
    await asyncio.to_thread(scene.redis.kill)
    await asyncio.sleep(0.8 * scene.size)
    await asyncio.to_thread(scene.redis.start)
    await asyncio.sleep(0.4)
    scene.callers.stop()
    await crowd


async def spool_full(scene: Scene) -> None:
    """The database is away until the spool is full: requests are refused at the door, and let in again afterwards."""
    callers = scene.callers
    away = scene.database_away()
    await asyncio.to_thread(away.__enter__)
    crowd = asyncio.create_task(callers.crowd(40, pace="quick"))
    await callers.refused.wait()
    callers.stop()
    await crowd
    await asyncio.to_thread(away.__exit__, None, None, None)
    for _ in range(100):
        if (await callers.ask(stream=False, pace="quick")).status == 200:
            return
        await asyncio.sleep(0.2)
    raise AssertionError("nobody was let in again")


async def disk_full(scene: Scene) -> None:
    """The same where the spool's own disk is full before its limit is reached."""
    await spool_full(scene)


async def killed_with_little_money(scene: Scene) -> None:
    """Killed twice while a budget runs out: what was lost is charged with what was held, and no more is spent."""
    scene.may_be_lost = True
    crowd = asyncio.create_task(scene.callers.crowd(24 * scene.size))
    for _ in range(2):
        await asyncio.sleep(0.5 * scene.size)
        await asyncio.to_thread(scene.house.kill)
        scene.callers.port = await asyncio.to_thread(scene.house.start)
    await scene.callers.refused.wait()
    scene.callers.stop()
    await crowd


async def callers_gone(scene: Scene) -> None:
    """Callers leave at every stage of a stream, and of an answer in one piece."""
    callers = scene.callers
    streams = [callers.ask(stream=True, leave=stage) for _ in range(6 * scene.size) for stage in STAGES]
    whole = [callers.ask(stream=False, leave="head") for _ in range(6 * scene.size)]
    stay = [callers.ask(stream=True) for _ in range(6)]
    await asyncio.gather(*streams, *whole, *stay)
    await asyncio.sleep(0.5)


DRILLS: Final[dict[str, Callable[[Scene], Awaitable[None]]]] = {
    "kill -9 under load": kill_9,
    "SIGTERM under load": sigterm,
    "database stopped and started": database_stopped,
    "killed while the database is away": killed_while_the_database_is_away,
    "Redis stopped and started": redis_stopped,
    "killed while a budget runs out": killed_with_little_money,
    "spool full": spool_full,
    "disk of the spool full": disk_full,
    "callers gone at every stage": callers_gone,
}


def run(name: str, database: DatabaseKind, postgres: Server | None, *, size: int = 1) -> Finding:
    """Run a drill and return what it found."""
    finding = Finding(name, database)
    with tempfile.TemporaryDirectory() as folder, Provider() as provider, redis_server() as redis:
        url = "sqlite:///wye.db"
        if database == "postgresql":
            assert postgres is not None
            own = f"drill_{os.urandom(4).hex()}"
            postgres.psql(f"CREATE DATABASE {own}")
            url = postgres.url(own)
        lines = ["[server]", "shutdown_grace = 0.5"]
        drill, here, small = DRILLS[name], contextlib.ExitStack(), None
        if drill is redis_stopped:
            lines += ["[state]", f'url = "{redis.url}"']
        if drill is disk_full:
            try:
                small = here.enter_context(small_disk(Path(folder) / "small"))
            except subprocess.CalledProcessError:
                finding.skipped = "a file system can be mounted by root alone"
                return finding
        house = House(
            Path(folder),
            provider.port,
            url,
            *lines,
            postgres=postgres if database == "postgresql" else None,
            usd=str(LITTLE_USD * size) if drill is killed_with_little_money else "1000",
            spool=small,
        )
        try:
            scene = Scene(house, provider, redis, size)
            asyncio.run(_play(scene, DRILLS[name]))
            house.stop()
            if house.waiting:
                finding.wrong.append(f"the journal was not brought to the database: {house.waiting}")
            recount = Recount(finding, may_be_lost=scene.may_be_lost)
            recount.compare(house.rows(), house.summed(), provider.log, scene.callers.told)
            recount.compare_budget(house.amount, house.standing())
            if '"bug"' in house.log:
                finding.wrong.append(next(line for line in house.log.splitlines() if '"bug"' in line))
        finally:
            house.kill()
            here.close()
    return finding


@contextmanager
def small_disk(place: Path) -> Iterator[Path]:
    """Mount a disk of half a megabyte. Raises `CalledProcessError` where that is not allowed."""
    place.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k,mode=700", "tmpfs", place],
        check=True,
        capture_output=True,
    )
    try:
        yield place / "spool"
    finally:
        subprocess.run(["umount", "-l", place], check=True)


async def _play(scene: Scene, drill: Callable[[Scene], Awaitable[None]]) -> None:
    async with asyncio.timeout(120):
        while (await scene.callers.ask(stream=False, pace="quick")).status != 200:  # noqa: ASYNC110 - it begins late
            await asyncio.sleep(0.1)
        await drill(scene)
