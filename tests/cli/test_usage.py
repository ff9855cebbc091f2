"""`wye usage` and `wye telemetry export` say what the books of the configured store say."""

import asyncio
import csv
import io
import json
from pathlib import Path

import pytest
from msgspec import structs
from tests.cli.conftest import Wye
from tests.support.books import used, write
from tests.support.databases import config_for
from tests.support.gateway import Json

from wye.cli.usage import bar
from wye.store.database import Database, now_us
from wye.store.upgrade import upgrade


@pytest.fixture
def books(tmp_path: Path, wye: Wye) -> None:
    """A store in the working folder in which Ann and Bob have used something just now."""

    async def seed() -> None:
        database = Database(config_for(f"sqlite:///{tmp_path}/wye.db"))
        await upgrade(database)
        now = now_us()
        records = [
            used(cost=2 * 10**12, saved=10**11, cached=True),
            used(cost=3 * 10**12, model="=cmd()"),
            used(user="bob", cost=None),
        ]
        await write(database, [structs.replace(one, at=now) for one in records])
        await database.aclose()

    asyncio.run(seed())


@pytest.mark.usefixtures("books")
def test_usage_is_shown_by_whatever_is_asked_with_bars(wye: Wye) -> None:
    done = wye("usage", "--by", "user")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[1].split()[:2] == ["ann", "2"]
    assert "$5.00" in lines[1]
    assert "█" * 20 in lines[1]
    assert "█" not in lines[2]
    assert "1 of unknown cost" in done.stdout
    assert "which saved $0.10" in done.stdout


@pytest.mark.usefixtures("books")
def test_usage_is_written_for_programs(wye: Wye) -> None:
    rows: Json = json.loads(wye("usage", "--by", "model", "--json").stdout)
    assert {row["model"]: row["cost"] for row in rows} == {"openai/=cmd()": 3, "openai/gpt-4o": 2}
    table = list(csv.DictReader(io.StringIO(wye("usage", "--step", "day", "--csv").stdout)))
    assert sum(int(row["requests"]) for row in table) == 3
    assert all(row["day"].endswith("T00:00:00Z") for row in table)


@pytest.mark.usefixtures("books")
def test_metrics_are_exported(wye: Wye) -> None:
    rows: Json = json.loads(wye("telemetry", "export", "--format", "json").stdout)
    assert sum(row["requests"] for row in rows) == 3
    table = list(csv.DictReader(io.StringIO(wye("telemetry", "export", "-f", "csv").stdout)))
    assert {row["model"] for row in table} == {"gpt-4o", "'=cmd()"}, "no cell is a formula"


def test_where_nothing_is_kept_it_is_said(wye: Wye, tmp_path: Path) -> None:
    done = wye("usage")
    assert done.returncode == 2
    assert "wye db check" in done.stderr
    (tmp_path / "wye.toml").write_text('[store]\nurl = "memory://"\n')
    assert "nothing is kept here" in wye("usage").stderr


@pytest.mark.usefixtures("books")
def test_a_time_that_makes_no_sense_is_misuse(wye: Wye) -> None:
    done = wye("usage", "--since", "yesterday")
    assert done.returncode == 2
    assert "--since" in done.stderr


def test_bars_are_as_long_as_their_part() -> None:
    assert (bar(0, 10), bar(10, 10), bar(5, 10), bar(1, 10**6)) == ("", "█" * 20, "█" * 10, "▏")
