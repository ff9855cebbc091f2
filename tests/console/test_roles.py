"""Whoever has one scope alone sees each page that it may, none that it may not, and nothing is asked in vain."""

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from tests.console.seed import ADMIN_KEY, House
from tests.console.visitor import Console, entries

SCOPES = ("admin", "manage", "use", "read")
REFUSAL = "Your key may not see this page"


@pytest.fixture(params=SCOPES)
def scope(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def role(browser: Browser, locked: House, scope: str) -> Iterator[Console]:
    """Visit with a key that has this scope and no other."""
    headers = {"authorization": f"Bearer {ADMIN_KEY}"}
    body = json.dumps({"name": f"{scope} alone", "userId": "dee", "scopes": [scope]}).encode()
    made = locked.gateway.request("POST", "/api/keys", body, headers)
    assert made.status == 201, made.body
    with Console.visiting(browser, locked.url) as visitor:
        answer = visitor.page.request.post(f"{locked.url}/api/session", data={"key": made.json["key"]})
        assert answer.ok, answer.text()
        yield visitor


def address(visit: Console, path: str) -> re.Pattern[str]:
    """What the address of a page is, whatever stands behind it."""
    return re.compile(f"^{re.escape(f'{visit.url}/console{path}'.rstrip('/'))}/?([?].*)?$")


def test_a_role_sees_the_pages_that_it_may_and_is_told_why_it_sees_no_other(role: Console, scope: str) -> None:
    may = [entry for entry in entries() if scope == "admin" or scope in entry.needs]
    role.page.goto(f"{role.url}/console/")
    role.heading.wait_for()
    expect(role.page).to_have_url(address(role, may[0].path))
    navigation = role.page.get_by_role("navigation", name="Pages").get_by_role("link")
    expect(navigation).to_have_text([entry.label for entry in may])
    for entry, link in zip(may, navigation.all(), strict=True):
        link.click()
        expect(role.page).to_have_url(address(role, entry.path))
        expect(link).to_have_attribute("aria-current", "page")
        role.heading.wait_for()
        role.settle()
        expect(role.page.get_by_text("You may not see this with your key")).to_have_count(0)
        expect(role.page.get_by_text(REFUSAL)).to_have_count(0)
    for entry in entries():
        if entry not in may and entry.path != "/":
            role.go(entry.path)
            expect(role.page.get_by_text(REFUSAL)).to_be_visible()
            expect(role.heading).to_have_text(entry.label)
    role.page.wait_for_load_state("networkidle")
    assert role.errors == [], "what was asked for was refused"
