"""Callers say in headers how a model is to be chosen, on every wire, and can be told how it was."""

import json
from collections.abc import Iterator

import pytest
from tests.support.gateway import Running, provider, serving
from tests.support.openai_wire import answer
from tests.support.upstream import Upstream

from wye.core.plan import Attempt, Candidate, Dropped, Plan
from wye.gateway.wishes import summary

MODELS = """
[models."up/cheap"]
input_cost_per_million = 0.1
output_cost_per_million = 0.1
quality_tier = "good"
[models."up/best"]
input_cost_per_million = 10.0
output_cost_per_million = 10.0
quality_tier = "highest"
tags = ["eu"]
[aliases]
turns = [{ model = "up/cheap", weight = 2 }, "up/best"]
"""


@pytest.fixture(scope="module")
def _upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        running.reply_with(answer())
        yield running


@pytest.fixture(scope="module")
def house(_upstream: Upstream) -> Iterator[Running]:
    with serving(provider("up", _upstream.url, 'default_model = "cheap"') + MODELS) as running:
        yield running


@pytest.mark.parametrize(
    ("model", "headers", "chosen"),
    [
        ("auto", {}, "cheap"),
        ("auto:cost", {}, "cheap"),
        ("auto:quality", {}, "best"),
        ("auto", {"x-wye-strategy": "quality"}, "best"),
        ("auto", {"x-wye-strategy": "QUALITY_OPTIMIZED"}, "best"),
        ("auto:cost", {"x-wye-tags": "eu"}, "best"),
        ("auto:cost", {"x-wye-min-quality": "highest"}, "best"),
        ("auto:quality", {"x-wye-max-cost-usd": "0.001"}, "cheap"),
    ],
)
def test_headers_decide_who_answers(house: Running, model: str, headers: dict[str, str], chosen: str) -> None:
    told = house.chat(model, headers=headers)
    assert (told.status, told.headers["x-wye-model"]) == (200, chosen)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("x-wye-strategy", "cheapest"),
        ("x-wye-max-cost-usd", "much"),
        ("x-wye-max-cost-usd", "-1"),
        ("x-wye-max-cost-usd", "nan"),
        ("x-wye-min-quality", "superb"),
        ("x-wye-tags", " , "),
        ("x-wye-explain", "perhaps"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1/embeddings"])
def test_a_header_that_cannot_be_read_is_refused_by_name(house: Running, header: str, value: str, path: str) -> None:
    body = {"model": "auto", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}], "input": "Hi"}
    refused = house.request("POST", path, json.dumps(body).encode(), {header: value})
    assert refused.status == 400
    assert header in refused.error["message"] or header == "x-wye-strategy"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/messages", {"model": "auto:quality", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}),
        ("/v1/responses", {"model": "auto:quality", "input": "Hi"}),
        ("/v1beta/models/auto:quality:generateContent", {"contents": [{"parts": [{"text": "Hi"}]}]}),
        ("/v1/completions", {"model": "auto:quality", "prompt": "Hi"}),
    ],
)
def test_strategies_are_models_on_every_api(house: Running, path: str, body: dict[str, object]) -> None:
    told = house.request("POST", path, json.dumps(body).encode())
    assert (told.status, told.headers.get("x-wye-model")) == (200, "best"), told.body


def test_weights_of_an_alias_give_turns(house: Running) -> None:
    chosen = [house.chat("turns").headers["x-wye-model"] for _ in range(6)]
    assert (chosen.count("cheap"), chosen.count("best")) == (4, 2)


def test_the_choice_is_explained_on_request_and_only_then(house: Running) -> None:
    told = json.loads(house.chat("auto:cost", headers={"x-wye-explain": "true"}).headers["x-wye-explain"])
    assert told["strategy"] == "cost"
    assert told["attempts"][0]["model"] == "up/cheap"
    assert told["candidates"][0]["parts"].keys() == {"cost", "quality", "speed", "reliability"}
    assert told["dropped"]["stand_in"] == 1
    assert "x-wye-explain" not in house.chat("auto:cost").headers


def test_an_explanation_fits_a_header_whatever_models_are_called() -> None:
    name = "é\n\x7f" * 200
    attempts = tuple(Attempt(provider="up", model=f"{name}{at}", score=0.5) for at in range(5))
    judged = tuple(
        Candidate(provider="up", model=one.model, score=0.5, parts={"cost": 1}, expected_cost=1e-9, speed_from="tier")
        for one in attempts
    )
    dropped = tuple(Dropped(provider="up", model="x", code="deprecated", reason="r") for _ in range(2000))
    line = summary(Plan(requested="auto", attempts=attempts, dropped=dropped, strategy="cost", candidates=judged))
    assert len(line) <= 2000
    assert line.decode().isascii()
    assert line.decode().isprintable()
    assert json.loads(line)["dropped"] == {"deprecated": 2000}


@pytest.mark.parametrize("value", [" , ", ",".join(map(str, range(21))), "x" * 101])
def test_tags_for_the_books_that_make_no_sense_are_refused(house: Running, value: str) -> None:
    refused = house.chat("auto", headers={"x-wye-usage-tags": value})
    assert (refused.status, refused.error["param"]) == (400, "x-wye-usage-tags")


def test_tags_for_the_books_decide_nothing_and_are_what_usage_is_reported_by(house: Running) -> None:
    for tags in ("Nightly, project-7", "project-7"):
        assert house.chat("auto", headers={"x-wye-usage-tags": tags}).headers["x-wye-model"] == "cheap"
    groups = house.get("/api/usage?by=tag").json["groups"]
    assert {group["name"]: group["usage"]["requests"] for group in groups} == {"project-7": 2, "Nightly": 1}
