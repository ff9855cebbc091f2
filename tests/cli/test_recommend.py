"""`wye recommend` names models that fit, says why, and what is in the way of using them."""

import json

import pytest
from tests.cli.conftest import Wye
from tests.support.gateway import Json


def recommended(wye: Wye, *wishes: str, **variables: str) -> list[Json]:
    done = wye("recommend", *wishes, "--json", **variables)
    assert done.returncode == 0, done.stderr
    rows: list[Json] = json.loads(done.stdout)
    return rows


def test_the_documents_wish_is_answered_with_what_can_be_asked(wye: Wye) -> None:
    wishes = (
        "--capability",
        "text",
        "--capability",
        "function_calling",
        "--max-cost",
        "0.005",
        "--max-latency",
        "5000",
    )
    best = recommended(wye, *wishes, OPENAI_API_KEY="sk-test")[0]
    assert (best["provider"], best["available"], best["why_not"]) == ("openai", True, None)
    assert "function-calling" in best["capabilities"]
    assert (best["input_cost_per_million"] + best["output_cost_per_million"]) / 2 <= 5
    assert best["observed"] == []
    assert {"cost", "speed", "quality", "reliability"} <= best["parts"].keys()
    assert best["reasons"][0] == "can do function-calling"


def test_without_a_key_it_says_which_one_is_missing(wye: Wye) -> None:
    best = recommended(wye, "--provider", "openai", "-n", "1")
    assert [(one["available"], one["why_not"]) for one in best] == [(False, "set OPENAI_API_KEY")]
    done = wye("recommend", "--provider", "openai")
    assert "none of what is configured fits" in done.stdout
    assert "not available: set OPENAI_API_KEY" in " ".join(done.stdout.split())


def test_the_table_ranks_as_the_json_does(wye: Wye) -> None:
    done = wye("recommend", "coding", OPENAI_API_KEY="sk-test")
    names = [line.split()[1] for line in done.stdout.splitlines()[1:]]
    assert names == [one["model"] for one in recommended(wye, "coding", OPENAI_API_KEY="sk-test")]


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        (("juggling",), "no task"),
        (("--capability", "none-such"), "there is no capability"),
        (("--max-cost", "little"), "'little' is not an amount"),
        (("--min-quality", "best"), "known are highest"),
        (("--provider", "none-such"), "there is no provider"),
        (("--limit", "0"), "limit"),
    ],
)
def test_what_makes_no_sense_is_wrong_use(wye: Wye, wishes: tuple[str, ...], said: str) -> None:
    done = wye("recommend", *wishes)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr.lower()


def test_nothing_that_fits_is_a_failure_that_says_what_to_do(wye: Wye) -> None:
    done = wye("recommend", "--min-context", "999999999")
    assert (done.returncode, done.stdout) == (1, "")
    assert "loosen a bound" in done.stderr
