"""What a provider works on in the background is booked with what it really took, once, as soon as that is known."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.gateway.api.test_budgets import ADMIN_KEY, As
from tests.gateway.test_responses import forgetful, response
from tests.support.gateway import PATIENCE, process, provider
from tests.support.upstream import Reply, Upstream

INPUT, OUTPUT = 1000, 2000
COST = (INPUT * 0.15 + OUTPUT * 0.6) / 1e6
"""What they cost at gpt-4o-mini, in USD."""


@pytest.fixture(scope="module")
def _upstream() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream


@pytest.fixture
def one(_upstream: Upstream) -> Upstream:
    return forgetful(_upstream)


@pytest.fixture(scope="module")
def admin(_upstream: Upstream) -> Iterator[As]:
    settings = f'[server]\nadmin_key = "{ADMIN_KEY}"\n[retry]\nmax_retries = 0\n'
    settings += provider(
        "openai", _upstream.url, 'adapter = "openai_responses"', 'api_keys = ["sk-operator-0123456789"]'
    )
    with process(settings, WYE_SECRET_KEY="a secret for these tests") as running:
        yield As(running, ADMIN_KEY)


def person(admin: As, user: str) -> As:
    admin.made("/api/users", name=user, id=user)
    return As(admin.gateway, admin.made("/api/keys", userId=user, scopes=["use", "read"])["key"])


def working(name: str, status: str = "queued") -> Reply:
    return Reply.json({**response(name, status=status), "usage": None})


def ended(name: str, status: str = "completed") -> Reply:
    return Reply.json({**response(name), "status": status, "usage": {"input_tokens": INPUT, "output_tokens": OUTPUT}})


def begin(who: As, one: Upstream, name: str) -> None:
    one.reply_with(working(name))
    asked = {"model": "openai/gpt-4o-mini", "input": "write a book", "background": True}
    assert who("POST", "/v1/responses", asked).json["status"] == "queued"


def booked(admin: As, user: str, count: int) -> list[Any]:
    """Return a user's records, the first one first, as soon as there are so many."""
    until = time.monotonic() + PATIENCE
    while len(found := admin("GET", f"/api/usage/requests?user={user}").json["requests"]) < count:
        assert time.monotonic() < until, found
        time.sleep(0.05)
    return sorted(found, key=lambda one: len(one["id"]))


def test_an_answer_is_booked_at_its_end_once_with_what_the_first_record_lacks(admin: As, one: Upstream) -> None:
    ann = person(admin, "ann")
    budget = admin.made("/api/budgets", scope="user", target="ann", amount=1, period="day")["id"]
    begin(ann, one, "resp_book")
    one.reply_with(working("resp_book", "in_progress"))
    assert ann("GET", "/v1/responses/resp_book").json["status"] == "in_progress"
    [first] = booked(admin, "ann", 1)
    one.reply_with(ended("resp_book"))
    for _ in range(3):
        assert ann("GET", "/v1/responses/resp_book").json["status"] == "completed"
    one.reply_with(Reply.json(response("resp_next")))
    assert ann("POST", "/v1/responses", {"model": "openai/gpt-4o-mini", "input": "hi"}).status == 200
    found = [one for one in booked(admin, "ann", 3) if one["id"].startswith(first["id"])]
    assert [(one["id"], one["parent"]) for one in found] == [(first["id"], None), (f"{first['id']}-end", first["id"])]
    assert sum(one["inputTokens"] for one in found) == INPUT
    assert sum(one["outputTokens"] for one in found) == OUTPUT
    assert sum(one["cost"] for one in found) == pytest.approx(COST)
    assert not found[1]["estimated"]
    spent = admin("GET", f"/api/budgets/{budget}").json["spent"]
    assert spent == pytest.approx(COST + (3 * 0.15 + 2 * 0.6) / 1e6)


def test_whoever_goes_on_from_an_answer_without_asking_for_it_pays_for_it_as_well(admin: As, one: Upstream) -> None:
    bob = person(admin, "bob")
    begin(bob, one, "resp_on")
    one.handler = lambda asked: ended("resp_on") if asked.path.endswith("/resp_on") else ended("resp_after")
    asked = {"model": "openai/gpt-4o-mini", "input": "go on", "previous_response_id": "resp_on"}
    assert bob("POST", "/v1/responses", asked).status == 200
    assert one.received[-1].json["previous_response_id"] == "resp_on"
    assert sum(one["outputTokens"] for one in booked(admin, "bob", 3)) == 2 * OUTPUT


def test_an_answer_that_was_cut_short_is_paid_as_far_as_it_came(admin: As, one: Upstream) -> None:
    eve = person(admin, "eve")
    begin(eve, one, "resp_cut")
    one.reply_with(ended("resp_cut", "cancelled"))
    assert eve("GET", "/v1/responses/resp_cut").json["status"] == "cancelled"
    first, rest = booked(admin, "eve", 2)
    assert (first["status"], rest["status"]) == ("ok", "cancelled")
    assert first["cost"] + rest["cost"] == pytest.approx(COST)
    assert json.dumps(rest).count("gpt-4o-mini") >= 1
