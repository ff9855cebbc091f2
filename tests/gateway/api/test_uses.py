"""Data sets are checked and answers judged over HTTP; verdicts are kept by owner, texts never."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.api.test_isolation import ADMIN_KEY, As, caller
from tests.support.databases import config_for
from tests.support.gateway import Json, provider, serving
from tests.support.openai_wire import answer
from tests.support.upstream import Received, Reply, Upstream

GOOD = {"messages": [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "Because."}]}
ASKED: Json = {
    "question": "SECRET question",
    "answers": [{"text": "SECRET one", "model": "x"}, {"text": "SECRET two", "model": "y"}],
    "judge": "up/judge",
    "name": "spring",
}


def judge(request: Received) -> Reply:
    """Prefer the answer `SECRET one`, wherever it stands."""
    text = json.dumps(request.json["messages"])
    first = text.split("answer_b")[0]
    return answer(json.dumps({"reason": "r", "winner": "A" if "SECRET one" in first else "B"}))


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        running.handler = judge
        yield running


@pytest.fixture
def file(sqlite_template: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "wye.db"
    shutil.copy(sqlite_template, copy)
    return copy


@pytest.fixture
def admin(file: Path, upstream: Upstream) -> Iterator[As]:
    models = '[models."up/judge"]\ninput_cost_per_million = 1.0\noutput_cost_per_million = 1.0\n'
    settings = f'[server]\nadmin_key = "{ADMIN_KEY}"\n' + provider("up", upstream.url) + models
    with serving(settings, store=config_for(f"sqlite:///{file}")) as running:
        yield As(running, ADMIN_KEY)


def test_a_data_set_is_checked_with_its_lines(admin: As) -> None:
    content = "\ufeff" + json.dumps(GOOD) + "\r\n" + "{\n" + json.dumps(GOOD) + "\n"
    told = admin("POST", "/api/datasets/validate", {"content": content}).json
    assert (told["verdict"], told["lines"], told["valid"], told["duplicates"]) == ("errors", 3, 2, 1)
    assert [(one["line"], one["code"]) for one in told["problems"]] == [
        (2, "invalid_json"),
        (3, "duplicate"),
        (0, "too_few_examples"),
    ]
    short = admin("POST", "/api/datasets/validate", {"content": json.dumps(GOOD), "maxTokens": 2}).json
    assert short["counts"]["too_long"] == 1


def test_a_verdict_is_told_with_its_cost_and_kept_without_the_texts(admin: As, file: Path) -> None:
    told = admin("POST", "/api/evaluations/judge", ASKED).json
    assert (told["kind"], told["winner"], told["agreed"], told["verdicts"]) == ("pairwise", "a", True, ["a", "a"])
    assert (told["judge"], told["models"], told["kept"]) == ("up/judge", ["x", "y"], True)
    assert told["cost"] > 0
    assert len(told["requests"]) == 2
    admin("POST", "/api/evaluations/judge", {**ASKED, "keep": False})
    (listed,) = admin("GET", "/api/evaluations?name=spring").json["evaluations"]
    assert listed == {name: told[name] for name in listed}
    assert admin("GET", "/api/evaluations?model=z").json["evaluations"] == []
    rows = sqlite3.connect(file).execute("SELECT * FROM evaluations").fetchall()
    assert len(rows) == 1
    assert "SECRET" not in str(rows)


def test_marks_are_given_by_criterion(admin: As, upstream: Upstream) -> None:
    upstream.handler = lambda _: answer(json.dumps({"reason": "r", "mark_1": 5, "mark_2": 3}))
    form = {**ASKED, "answers": ASKED["answers"][:1], "criteria": {"truth": "is it so", "tone": ""}}
    told = admin("POST", "/api/evaluations/judge", form).json
    assert (told["kind"], told["marks"], told["score"]) == ("rubric", {"truth": 5, "tone": 3}, 0.75)


def test_a_judge_that_keeps_to_no_form_is_told_of_and_nothing_is_kept(admin: As, upstream: Upstream) -> None:
    upstream.handler = lambda _: answer("I like both.")
    refused = admin("POST", "/api/evaluations/judge", ASKED)
    assert (refused.status, refused.error["code"]) == (502, "malformed_response")
    assert admin("GET", "/api/evaluations").json["evaluations"] == []


def test_judging_is_on_the_callers_books_and_lists_are_the_callers_own(admin: As) -> None:
    ann, bob = caller(admin, "ann"), caller(admin, "bob")
    for asks in (ann, bob, bob):
        assert asks("POST", "/api/evaluations/judge", ASKED).status == 200
    assert len(ann("GET", "/api/evaluations").json["evaluations"]) == 1
    assert len(bob("GET", "/api/evaluations").json["evaluations"]) == 2
    assert len(admin("GET", "/api/evaluations").json["evaluations"]) == 3
    first = bob("GET", "/api/evaluations?limit=1").json
    (second,) = bob("GET", f"/api/evaluations?limit=1&before={first['next']}").json["evaluations"]
    assert second["id"] != first["evaluations"][0]["id"]
    told = ann("POST", "/api/tools/evaluation_metrics", {"arguments": {}}).json
    assert json.loads(told["text"])["summary"]["judgements"] == 1


@pytest.mark.parametrize(
    ("form", "param"),
    [
        ({**ASKED, "answers": []}, "answers"),
        ({**ASKED, "answers": ASKED["answers"] * 2}, "answers"),
        ({**ASKED, "question": ""}, "question"),
        ({**ASKED, "criteria": {str(number): "" for number in range(11)}}, "criteria"),
        ({**ASKED, "judge": "nobody/knows"}, "model"),
    ],
)
def test_wrong_use_is_told(admin: As, form: dict[str, Any], param: str) -> None:
    refused = admin("POST", "/api/evaluations/judge", form)
    assert refused.status in {400, 404}
    assert refused.error["param"] == param
