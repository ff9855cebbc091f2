"""The tools over the books answer from the books, in one form, within their room, for what their caller may see."""

from typing import Any

import pytest
from msgspec import structs
from tests.assistant.analytics.conftest import ANN, BOB, Ask, Json
from tests.support.books import NOW, failed, used, write

from wye import catalog
from wye.assistant.tools.books import NAMES
from wye.assistant.tools.box import build
from wye.assistant.tools.seam import Toolbox
from wye.config import Settings
from wye.config.tools import ToolsConfig, ToolSettings
from wye.core.caller import Caller
from wye.engine import Engine
from wye.store import evaluations
from wye.store.database import Database
from wye.store.evaluations import Evaluation
from wye.store.opened import Store

USD = 10**12
DAY = 24


async def seeded(database: Database) -> None:
    """Write what Ann and Bob did in the last weeks."""
    records = [
        used(cost=2 * USD, hours_ago=1, conversation="c1", input_tokens=100, cache_read_tokens=40),
        used(cost=3 * USD, hours_ago=0.5, conversation="c1", model="gpt-4o-mini", input_tokens=300),
        used(cost=0, saved=USD, cached=True, hours_ago=2, conversation="c2", first_token=None),
        failed(hours_ago=0.2, provider="gemini", model="gemini-1.5-pro"),
        used(user="bob", cost=USD, hours_ago=3, conversation="c3", team="blue"),
        used(user="bob", cost=USD, hours_ago=15 * DAY, provider="gemini", model="gemini-1.5-pro"),
        used(user="ann", cost=USD, hours_ago=22 * DAY),
    ]
    await write(database, records)


@pytest.mark.parametrize("name", NAMES)
async def test_every_tool_answers_an_empty_house_in_one_form(ask: Ask, name: str) -> None:
    told = await ask(name)
    if name == "export_data":
        assert (told["rows"], told["complete"]) == (1, True)
        return
    assert told["period"].keys() == {"from", "to"}
    assert all(column.keys() == {"name", "unit"} for column in told["table"]["columns"])
    assert all(len(row) == len(told["table"]["columns"]) for row in told["table"]["rows"])


@pytest.mark.parametrize("name", NAMES)
async def test_who_may_not_read_gets_nothing_and_a_stranger_sees_nothing_of_others(
    ask: Ask, box: Toolbox, database: Database, name: str
) -> None:
    await seeded(database)
    asks_only = Caller(user="ann", scopes=frozenset({"use"}))
    assert not box.usable(asks_only)
    assert str(await ask(name, caller=asks_only)).startswith("error: ")
    stranger = Caller(user="carl", scopes=frozenset({"use", "read"}))
    told = await ask(name, caller=stranger, **({"by": "user"} if name in {"cache_metrics", "export_data"} else {}))
    assert "ann" not in str(told)
    assert "c1" not in str(told)


@pytest.mark.parametrize("name", NAMES)
async def test_what_makes_no_sense_is_told_to_the_model(ask: Ask, name: str) -> None:
    assert "do not fit" in await ask(name, nonsense=1)
    wrong: Json = {"hours": 0} if name == "system_monitor" else {"since": "when the moon was full"}
    assert "error: " in await ask(name, **wrong)


async def test_the_monitor_says_how_providers_are_and_how_they_did(ask: Ask, database: Database) -> None:
    await seeded(database)
    told = await ask("system_monitor")
    assert told["by"]["openai"] == {
        "provider": "openai", "status": "unconfigured", "breaker": "CLOSED", "requests": 4, "error_rate": 0.0,
        "first_token_p50": pytest.approx(200, rel=0.06), "first_token_p95": pytest.approx(200, rel=0.06),
        "duration_p95": pytest.approx(1000, rel=0.06), "cost": 6.0,
    }  # fmt: skip
    assert told["by"]["gemini"]["error_rate"] == 100.0
    assert told["summary"]["last_errors"][0]["error"] == "overloaded"
    only = await ask("system_monitor", provider="google")
    assert list(only["by"]) == ["gemini"]
    assert "there is no provider 'nobody'" in await ask("system_monitor", provider="nobody")


async def test_sessions_are_listed_and_one_is_told_request_by_request(ask: Ask, database: Database) -> None:
    await seeded(database)
    told = await ask("session_analysis")
    assert list(told["by"]) == ["c1", "c3", "c2"]
    assert told["by"]["c1"]["cost"] == 5.0
    assert told["summary"] == {"sessions": 3, "requests_outside_sessions": 3}
    assert (await ask("session_analysis", limit=2))["summary"] == {"sessions": "2 or more"}
    one = await ask("session_analysis", session="c1")
    assert [row[2] for row in one["table"]["rows"]] == ["openai/gpt-4o", "openai/gpt-4o-mini"]
    assert one["summary"]["cost_usd"] == 5.0
    assert one["summary"]["input_tokens_of_first_and_last"] == [100, 300]
    assert one["summary"]["minutes_from_first_to_last"] == 30.0
    assert (await ask("session_analysis", session="current", conversation="c1"))["summary"] == one["summary"]
    assert "no conversation that is kept" in await ask("session_analysis", session="current")
    assert "or it is not yours" in await ask("session_analysis", session="c1", caller=BOB)
    assert list((await ask("session_analysis", caller=BOB))["by"]) == ["c3"]


async def test_cache_metrics_tell_both_caches_apart(ask: Ask, database: Database) -> None:
    await seeded(database)
    told = await ask("cache_metrics", caller=ANN, since="2d")
    assert told["summary"]["hit_rate"] == 25.0
    assert told["summary"]["saved"] == 1.0
    assert told["by"]["openai/gpt-4o"]["prompt_cache_rate"] == 20.0
    assert told["summary"]["gateway_cache"]["enabled"] is False
    days = await ask("cache_metrics", by="day")
    assert days["chart"]["kind"] == "line"
    assert set(days["by"]) == {"2026-06-19", "2026-06-26", "2026-07-10", "2026-07-11"}


async def test_cohorts_say_who_came_when_and_who_came_back(ask: Ask, database: Database) -> None:
    await seeded(database)
    told = await ask("user_cohorts")
    rows = told["by"]
    assert rows["2026-06-15"]["users"] == rows["2026-06-22"]["users"] == 1
    assert [rows["2026-06-15"][f"+{week}"] for week in (1, 2, 3)] == [0.0, 0.0, 100.0]
    assert [rows["2026-06-22"][f"+{week}"] for week in (1, 2)] == [0.0, 100.0]
    summary = told["summary"]
    assert (summary["users"], summary["active_in_last_period"], summary["new_in_last_period"]) == (2, 2, 0)
    assert summary["heaviest"] == [{"user": "ann", "cost_usd": 6.0}, {"user": "bob", "cost_usd": 2.0}]
    # Who came before the time that is looked at is no newcomer of it.
    assert (await ask("user_cohorts", since="2d"))["by"] == {}
    assert (await ask("user_cohorts", caller=BOB))["summary"]["users"] == 1
    monthly = await ask("user_cohorts", period="month")
    assert monthly["by"]["2026-06-01"]["+1"] == 100.0


async def test_exports_are_whole_rows_and_say_where_the_rest_is(ask: Ask, database: Database) -> None:
    await write(database, [used(model="=cmd()", hours_ago=at / 100) for at in range(60)])
    told = await ask("export_data", what="requests", room=4000)
    lines = told["data"].splitlines()
    assert told["cut"] is True
    assert (told["complete"], told["rows"]) == (False, len(lines) - 1)
    assert 0 < told["rows"] < 60
    assert "'=cmd()" in lines[1]
    assert told["link"].startswith("/api/usage/requests?since=2026-06-11T01%3A00%3A00Z&until=")
    rows = await ask("export_data", what="usage", format="json", by="model", provider="openai")
    assert rows["data"][0]["requests"] == 60
    assert "by=model" in rows["link"]
    assert "provider=openai" in rows["link"]
    assert (await ask("export_data", what="metrics", format="json"))["data"][0]["model"] == "=cmd()"


async def test_judgements_are_tallied(ask: Ask, database: Database) -> None:
    plain: dict[str, Any] = {"at": NOW - 1, "user_id": "ann", "judge": "j/one", "model_a": "x", "model_b": "y"}
    rows = [
        Evaluation(id="1", kind="pairwise", winner="a", **plain),
        Evaluation(id="2", kind="pairwise", winner="tie", agreed=False, cost=USD, **plain),
        Evaluation(id="3", kind="rubric", scores={"clear": 4}, score=750, **{**plain, "model_b": None}),
        Evaluation(id="4", kind="pairwise", winner="b", **{**plain, "user_id": "bob"}),
    ]
    async with database.begin() as connection:
        for row in rows:
            await evaluations.add(connection, row.user_id, row)
    told = await ask("evaluation_metrics", caller=ANN)
    assert told["by"]["x"] == {
        "model": "x", "judged": 3, "wins": 1, "losses": 0, "ties": 1, "win_rate": 75.0, "mean_score": 0.75,
        "order_mattered": 50.0,
    }  # fmt: skip
    assert told["by"]["y"]["win_rate"] == 25.0
    assert told["summary"]["judgements_of_unknown_cost"] == 2
    assert list((await ask("evaluation_metrics", by="name"))["by"]) == ["(unnamed)"]
    everybody = await ask("evaluation_metrics", by="judge")
    assert everybody["by"]["j/one"]["judged"] == 4
    assert (await ask("export_data", what="evaluations", format="json", caller=BOB))["data"][0]["winner"] == "b"


async def test_figures_stand_beside_those_of_the_time_before(ask: Ask, database: Database) -> None:
    await seeded(database)
    told = await ask("advanced_analytics", by="user", metrics=["cost"], compare=True, since="14d")
    assert told["by"]["ann"] == {"user": "ann", "cost": 5.0, "cost_before": 1.0, "cost_change": 400.0}
    assert told["summary"]["before"] == {"cost": 2.0}
    filtered = await ask("advanced_analytics", model="openai/gpt-4o-mini", metrics=["requests", "tokens"])
    assert filtered["summary"]["all"] == {"requests": 1, "tokens": 350}
    assert filtered["by"] == {"": {"all": "", "requests": 1, "tokens": 350}}
    assert "leave out 'step'" in await ask("advanced_analytics", step="day", compare=True)
    cut = await ask("advanced_analytics", by="model", limit=1)
    assert len(cut["table"]["rows"]) == 1
    assert "others" in cut["summary"]


async def test_trends_and_what_is_out_of_the_ordinary_are_found(ask: Ask, database: Database) -> None:
    base = used(hours_ago=0)
    rows = []
    for day in range(1, 21):
        at = NOW - day * DAY * 3_600_000_000
        count = 40 if day == 7 else 2 + day % 2
        rows += [structs.replace(base, id=f"{day}-{number}", at=at) for number in range(count)]
    await write(database, rows)
    told = await ask("advanced_analytics", step="day", metrics=["requests", "mean_duration"], since="21d")
    assert told["chart"] == {"kind": "line", "x": "day", "y": ["requests"], "series": None}
    (odd,) = told["summary"]["anomalies"]["found"]
    assert (odd["at"][:10], odd["value"]) == ("2026-07-04", 40)
    (trend,) = told["summary"]["trends"]["found"]
    assert trend["direction"] == "unclear"
    assert told["by"]["2026-07-11T00:00:00Z"] == {"day": "2026-07-11T00:00:00Z", "requests": 0, "mean_duration": None}


async def test_a_table_that_is_too_long_is_cut_after_a_row_and_stays_json(ask: Ask, database: Database) -> None:
    await write(database, [used(model=f"model-{number:03}") for number in range(150)])
    told = await ask("advanced_analytics", by="model", limit=200, room=3000)
    assert told["cut"] is True
    kept = len(told["table"]["rows"])
    assert 10 < kept < 150
    assert told["notes"][-1].startswith(f"only the first {kept} of 150 rows are here")


async def test_each_can_be_switched_off_and_none_works_without_books(database: Database) -> None:
    switched = structs.replace(Settings(), tools=ToolsConfig(user_cohorts=ToolSettings(enabled=False)))
    kept = Engine(switched, catalog.load(), store=Store(database.config))
    reasons = {tool.name: why for tool, why in build(kept).listed(ANN) if tool.name in NAMES}
    assert {name for name, why in reasons.items() if why is not None} == {"user_cohorts"}
    nothing = Engine(Settings(), catalog.load())
    told = {tool.name: why for tool, why in build(nothing).listed(ANN) if tool.name in NAMES}
    assert all("set 'url' in [store]" in (why or "") for why in told.values())
    await kept.aclose()
    await nothing.aclose()
