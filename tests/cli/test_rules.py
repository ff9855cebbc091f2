"""`wye budgets` and `wye limits` say which rules are in force, whoever wrote them down, and how budgets stand."""

import asyncio
import json
from pathlib import Path

import pytest
from tests.cli.conftest import Wye
from tests.support.databases import config_for
from tests.support.gateway import Json

from wye.core.limits import Budget, Limit, Limits
from wye.core.record import PICO_PER_USD
from wye.store import budgets, limits
from wye.store.database import Database, now_us
from wye.store.tables import budget_periods
from wye.store.upgrade import upgrade

FILE = """
[[budgets]]
scope = "global"
amount = 500.0
period = "month"
[[limits]]
scope = "user"
target = "*"
requests_per_minute = 600
concurrent_requests = 8
"""


@pytest.fixture
def kept(tmp_path: Path, wye: Wye) -> None:
    """A store with a budget that is half spent, one that is used up, and limits of a user."""

    async def seed() -> None:
        database = Database(config_for(f"sqlite:///{tmp_path}/wye.db"))
        await upgrade(database)
        now = now_us()
        async with database.begin() as connection:
            for name, amount, hard in (("half", 20, True), ("all", 10, False)):
                made = Budget(
                    id=f"bud_{name}", scope="user", target="ann", amount=amount * PICO_PER_USD, period="day", hard=hard,
                    created_at=now, updated_at=now,
                )  # fmt: skip
                await budgets.put(connection, made)
            await connection.execute(budget_periods.update().values(spent=10 * PICO_PER_USD))
            await limits.put(
                connection, Limit(scope="user", target="admin", limits=Limits(input_tokens_per_day=1_000_000))
            )
        await database.aclose()

    asyncio.run(seed())
    (tmp_path / "wye.toml").write_text(FILE)


@pytest.mark.usefixtures("kept")
def test_budgets_are_listed_with_what_is_left_and_what_happens_then(wye: Wye) -> None:
    done = wye("budgets")
    assert done.returncode == 0, done.stderr
    rows = {line.split()[-1]: line for line in done.stdout.splitlines()[1:]}
    assert "user ann" in rows["bud_half"]
    assert "$10.00" in rows["bud_half"]
    assert "█" * 10 + " " in rows["bud_half"]
    assert "refuses" in rows["bud_half"]
    assert "now" in rows["bud_all"]
    assert "warns" in rows["bud_all"]
    assert "everybody" in rows["file:global::month:hard"]
    told: Json = {row["id"]: row for row in json.loads(wye("budgets", "--json").stdout)}
    assert (told["bud_half"]["spent_usd"], told["bud_half"]["left_usd"], told["bud_half"]["source"]) == (10, 10, "api")
    assert told["bud_all"]["runs_out_at"] is not None
    assert (told["file:global::month:hard"]["spent_usd"], told["file:global::month:hard"]["source"]) == (0, "file")


@pytest.mark.usefixtures("kept")
def test_limits_are_listed_with_where_they_are_from(wye: Wye) -> None:
    wye("keys", "create", "--name", "plain")
    lines = wye("limits").stdout.splitlines()
    assert lines[1].split("  ")[0] == "each user"
    assert "600 requests a minute, 8 concurrent requests" in lines[1]
    assert lines[1].endswith("settings")
    assert "user admin" in lines[2]
    assert "1,000,000 input tokens a day" in lines[2]
    assert len(lines) == 3
    told = json.loads(wye("limits", "--json").stdout)
    assert told[1] == {"scope": "user", "target": "admin", "source": "api", "input_tokens_per_day": 1_000_000}


def test_where_there_is_none_it_is_told_how_to_make_one(wye: Wye) -> None:
    assert wye("db", "upgrade").returncode == 0
    assert "[[budgets]]" in wye("budgets").stdout
    assert "[[limits]]" in wye("limits").stdout
