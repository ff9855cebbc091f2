"""Budgets and limits are written down, seen by whom they concern, and hold on a running gateway within seconds."""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.databases import config_for
from tests.support.gateway import PATIENCE, Address, Answer, Process, process, serving

ADMIN_KEY = "wye-admin-0123456789abcdefghij"


class As:
    """Asks with a key."""

    def __init__(self, gateway: Address, key: str) -> None:
        self.gateway = gateway
        self.key = key

    def __call__(self, method: str, path: str, body: Any = None) -> Answer:
        sent = None if body is None else json.dumps(body).encode()
        return self.gateway.request(method, path, sent, {"authorization": f"Bearer {self.key}"})

    def made(self, path: str, **body: Any) -> Any:
        answer = self("POST", path, body)
        assert answer.status == 201, answer.body
        return answer.json


@pytest.fixture
def admin(sqlite_template: Path, tmp_path: Path) -> Iterator[As]:
    file = tmp_path / "wye.db"
    shutil.copy(sqlite_template, file)
    written = f'[server]\nadmin_key = "{ADMIN_KEY}"\n[[budgets]]\nscope = "global"\namount = 5\nperiod = "total"\n'
    with serving(
        written, environ={"WYE_SECRET_KEY": "a secret for these tests"}, store=config_for(f"sqlite:///{file}")
    ) as running:
        yield As(running, ADMIN_KEY)


def test_a_budget_is_made_shown_changed_and_deleted(admin: As) -> None:
    made = admin.made("/api/budgets", scope="user", target="ann", amount=12.5, period="month", warnAt=[0.5])
    assert (made["amount"], made["left"], made["spent"], made["source"]) == (12.5, 12.5, 0, "api")
    assert made["runsOutAt"] is None
    assert made["resetsAt"] > made["startsAt"]
    where = f"/api/budgets/{made['id']}"
    assert admin("PATCH", where, {"amount": 20, "hard": False}).json["amount"] == 20
    shown = admin("GET", where).json
    assert (shown["hard"], shown["warnAt"], shown["period"]) == (False, [0.5], "month")
    assert admin("GET", "/api/budgets?scope=user&target=ann").json["budgets"] == [shown]
    assert admin("DELETE", where).json == {"id": made["id"], "deleted": True}
    assert admin("GET", where).status == 404
    actions = [one["action"] for one in admin("GET", "/api/audit?target=budget").json["changes"]]
    assert actions == ["delete", "update", "create"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"scope": "key", "amount": 1, "period": "day"}, "target"),
        ({"scope": "global", "target": "x", "amount": 1, "period": "day"}, "target"),
        ({"scope": "global", "amount": -1, "period": "day"}, "amount"),
        ({"scope": "global", "amount": 1, "period": "year"}, "period"),
    ],
)
def test_a_budget_that_makes_no_sense_is_refused(admin: As, body: Any, param: str) -> None:
    answer = admin("POST", "/api/budgets", body)
    assert (answer.status, answer.error["param"]) == (400, param)


def test_others_see_their_own_budgets_and_change_none(admin: As) -> None:
    for user in ("ann", "bob"):
        admin.made("/api/users", name=user, id=user)
    of = {
        name: admin.made("/api/budgets", scope="user", target=name, amount=1, period="day") for name in ("ann", "bob")
    }
    ann = As(admin.gateway, admin.made("/api/keys", userId="ann", scopes=["use", "read", "manage"])["key"])
    assert [one["target"] for one in ann("GET", "/api/budgets").json["budgets"]] == ["ann"]
    assert ann("GET", f"/api/budgets/{of['bob']['id']}").status == 404
    assert ann("POST", "/api/budgets", {"scope": "user", "target": "ann", "amount": 9, "period": "day"}).status == 403
    assert ann("DELETE", f"/api/budgets/{of['ann']['id']}").status == 403
    assert ann("PUT", "/api/limits/users/ann", {}).status == 403


def test_limits_are_written_down_for_users_that_there_are(admin: As) -> None:
    admin.made("/api/users", name="ann", id="ann")
    told = admin("PUT", "/api/limits/users/ann", {"requestsPerMinute": 5})
    assert (told.status, told.json["limits"]) == (200, {"requestsPerMinute": 5})
    assert admin("GET", "/api/users/ann").json["limits"] == {"requestsPerMinute": 5}
    assert admin("PUT", "/api/limits/users/nobody", {}).status == 404
    assert admin("PUT", "/api/limits/teams/nobody", {}).status == 404


# On a gateway as an operator runs it.


@pytest.fixture
def running() -> Iterator[Process]:
    settings = '[[budgets]]\nscope = "global"\nname = "all"\namount = 5\nperiod = "total"\n'
    settings += "[[limits]]\nrequests_per_day = 1000\n"
    with process(settings) as gateway:
        yield gateway


def eventually(gateway: Process, status: int, **body: Any) -> Answer:
    until = time.monotonic() + PATIENCE
    while (answer := gateway.chat("mock/mock-fast", **body)).status != status and time.monotonic() < until:
        time.sleep(0.1)
    assert answer.status == status, answer.body
    return answer


def test_the_files_budgets_are_shown_and_changed_in_the_file_only(running: Process) -> None:
    [shown] = running.get("/api/budgets").json["budgets"]
    assert (shown["source"], shown["name"], shown["amount"]) == ("file", "all", 5)
    refused = running.request("DELETE", f"/api/budgets/{shown['id']}")
    assert (refused.status, refused.error["code"]) == (400, "read_only")


def test_what_is_left_of_limits_is_shown(running: Process) -> None:
    assert running.chat("mock/mock-fast").status == 200
    [shown] = running.get("/api/limits").json["limits"]
    assert (shown["measure"], shown["period"], shown["limit"], shown["left"]) == ("requests", "day", 1000, 999)


def test_a_limit_that_is_written_down_holds_within_seconds(running: Process) -> None:
    body = json.dumps({"requestsPerDay": 1}).encode()
    assert running.request("PUT", "/api/limits/users/local", body).status == 200
    refused = eventually(running, 429)
    assert "the user 'local' may have 1 requests a day" in refused.error["message"]
