"""`wye models` and `wye explain` say what the catalog and the planner know, to people and to programs."""

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Wye
from tests.support.gateway import Json, catalog_rows
from tests.support.upstream import Upstream


def listed(wye: Wye, *filters: str, **variables: str) -> list[Json]:
    done = wye("models", *filters, "--json", **variables)
    assert done.returncode == 0, done.stderr
    rows: list[Json] = json.loads(done.stdout)
    return rows


# --- wye models ---


def test_every_model_is_listed_for_a_program_with_all_that_is_known(wye: Wye) -> None:
    rows = listed(wye)
    assert {row["full_id"] for row in rows} == catalog_rows().models.keys()
    mini = next(row for row in rows if row["full_id"] == "openai/gpt-4o-mini")
    assert mini["price"]["input"] == 0.15
    assert mini["context_window"] == 128000
    assert mini["available"] is False


def test_the_table_lists_what_the_json_does(wye: Wye) -> None:
    done = wye("models", "--provider", "anthropic")
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert names[0] == "model"
    assert names[1:-1] == [row["full_id"] for row in listed(wye, "--provider", "anthropic")]
    assert done.stdout.splitlines()[-1].startswith(f"{len(names) - 2} models")


def test_filters_narrow_the_list(wye: Wye) -> None:
    assert {row["provider"] for row in listed(wye, "--provider", "xai")} == {"grok4"}
    both = listed(wye, "--capability", "vision", "--capability", "function_calling")
    assert both
    assert all({"vision", "function-calling"} <= set(row["capabilities"]) for row in both)
    cheap = listed(wye, "--max-cost", "0.001")
    assert cheap
    assert all((row["price"]["input"] + (row["price"]["output"] or row["price"]["input"])) / 2 <= 1 for row in cheap)
    long = listed(wye, "--min-context", "1000000")
    assert long
    assert all(row["context_window"] >= 1_000_000 for row in long)
    assert all(row["open_source"] for row in listed(wye, "--open-source"))
    quick = listed(wye, "--max-latency", "500", "--min-quality", "good", "--tag", "free")
    assert all(row["latency_tier"] == "very-fast" and "free" in row["tags"] for row in quick)
    assert {row["quality_tier"] for row in listed(wye, "--quality-tier", "testing")} == {"testing"}
    assert {row["latency_tier"] for row in listed(wye, "--latency-tier", "slow")} == {"slow"}


def test_what_can_be_used_now_can_be_listed(wye: Wye) -> None:
    assert {row["provider"] for row in listed(wye, "--usable")} == {"mock"}
    with_key = listed(wye, "--usable", OPENAI_API_KEY="sk-test")
    assert {row["provider"] for row in with_key} == {"mock", "openai"}
    assert all(row["available"] for row in with_key)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--provider", "none-such"), "there is no provider 'none-such'"),
        (("--capability", "none-such"), "there is no capability 'none-such'"),
        (("--max-cost", "little"), "'little' is not an amount"),
        (("--max-cost", "nan"), "'nan' is not an amount"),
        (("--min-context", "much"), "min-context"),
        (("show",), "name"),
        (("show", "gpt-4o-minni"), "openai/gpt-4o-mini"),
    ],
)
def test_what_makes_no_sense_is_wrong_use(wye: Wye, arguments: tuple[str, ...], said: str) -> None:
    done = wye("models", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr.lower()


def test_nothing_found_is_an_answer_too(wye: Wye) -> None:
    assert listed(wye, "--min-context", "999999999") == []
    assert "0 models" in wye("models", "--min-context", "999999999").stdout


# --- wye models show ---


@pytest.mark.parametrize("name", ["openai/gpt-4o-mini", "openai/gpt-4o-mini-2024-07-18"])
def test_a_model_is_shown_by_its_names(wye: Wye, name: str) -> None:
    shown = wye("models", "show", name).stdout
    assert shown.startswith("openai/gpt-4o-mini  GPT-4o Mini\n")
    for fact in ("128,000", "16,384", "$0.15 per million tokens", "$0.60 per million tokens", "$0.075 per million"):
        assert fact in shown
    told = json.loads(wye("models", "show", name, "--json").stdout)
    assert (told["id"], told["price"]["output"]) == ("gpt-4o-mini", 0.6)


def test_a_name_that_several_providers_serve_shows_them_all(wye: Wye) -> None:
    shown = wye("models", "show", "gpt-4o-mini").stdout
    assert "azure/gpt-4o-mini" in shown
    assert "openai/gpt-4o-mini" in shown
    assert len(json.loads(wye("models", "show", "gpt-4o-mini", "--json").stdout)) == 2


def test_a_model_of_the_settings_is_shown_with_their_figures(wye: Wye, tmp_path: Path, upstream: Upstream) -> None:
    with (tmp_path / "wye.toml").open("a") as settings:
        settings.write('[models."up/mine"]\ncontext_window = 4096\ninput_cost_per_million = 0.125\n')
    shown = wye("models", "show", "up/mine").stdout
    assert "4,096" in shown
    assert "$0.125 per million tokens" in shown
    assert "unknown per million tokens" not in shown
    assert listed(wye, "--provider", "up")[0]["price"]["input"] == 0.125


# --- wye explain ---


def test_a_plan_is_told_with_the_reason_of_each_attempt(wye: Wye) -> None:
    done = wye("explain", "Hello", "-m", "gpt-4o-mini", OPENAI_API_KEY="sk-test")
    assert done.returncode == 0
    attempt, dropped = (
        next(line for line in done.stdout.splitlines() if name in line) for name in ("openai/", "azure/")
    )
    assert attempt.split()[:4] == ["1", "openai/gpt-4o-mini", "0.15", "0.60"]
    assert dropped.endswith("set AZURE_OPENAI_API_KEY or AZURE_OPENAI_USE_ENTRA")


def test_a_plan_is_told_to_a_program(wye: Wye) -> None:
    done = wye("explain", "-m", "gpt-4o-mini", "--json", OPENAI_API_KEY="sk-test")
    plan = json.loads(done.stdout)
    assert plan["requested"] == "gpt-4o-mini"
    assert [f"{step['provider']}/{step['model']}" for step in plan["attempts"]] == ["openai/gpt-4o-mini"]
    assert plan["dropped"][0]["code"] == "not_configured"


def test_an_alias_is_explained_in_its_order_and_nothing_is_sent(wye: Wye, tmp_path: Path, upstream: Upstream) -> None:
    with (tmp_path / "wye.toml").open("a") as settings:
        settings.write('[aliases]\nquick = ["up/first", "openai/gpt-4o", "up/second"]\n')
    done = wye("explain", "Hello", "-m", "quick")
    lines = [line.split() for line in done.stdout.splitlines() if "up/" in line]
    assert [line[:2] for line in lines] == [["1", "up/first"], ["2", "up/second"]]
    assert "openai/gpt-4o" in done.stdout
    assert upstream.connections == 0


def test_words_in_brackets_are_not_taken_for_colours(wye: Wye, upstream: Upstream) -> None:
    done = wye("explain", "-m", "auto")
    assert "[routing] default_models names none for up" in done.stdout


@pytest.mark.parametrize("arguments", [(), ("--json",)])
@pytest.mark.parametrize(("name", "said"), [("none-such", "there is no model"), ("openai/gpt-4o", "OPENAI_API_KEY")])
def test_a_plan_without_an_attempt_is_wrong_use(wye: Wye, name: str, said: str, arguments: tuple[str, ...]) -> None:
    done = wye("explain", "-m", name, *arguments)
    assert done.returncode == 2
    assert said in done.stderr
