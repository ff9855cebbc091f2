"""Signing in: with the admin key or one's own, seeing what it may, and no key left in the browser."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from tests.console.seed import ADMIN_KEY, House
from tests.console.visitor import Console


@pytest.fixture
def visit(browser: Browser, locked: House) -> Iterator[Console]:
    """Stand before the door of a gateway with an admin key."""
    with Console.visiting(browser, locked.url) as visitor:
        visitor.page.goto(f"{locked.url}/console/models")
        expect(visitor.page.get_by_role("heading", name="Sign in to Wye")).to_be_visible()
        yield visitor


def enter(visit: Console, key: str) -> None:
    visit.page.get_by_label("Key").fill(key)
    visit.page.get_by_role("button", name="Sign in").click()


def test_the_admin_signs_in_where_she_wanted_to_go_and_out_again(visit: Console) -> None:
    visit.check_axe()
    enter(visit, ADMIN_KEY)
    expect(visit.heading).to_have_text("Models")
    visit.check_axe()
    visit.page.get_by_role("button", name="You and how this looks").click()
    visit.page.get_by_role("menuitem", name="Sign out").click()
    expect(visit.page.get_by_role("heading", name="Sign in to Wye")).to_be_visible()
    visit.excused.append("401")
    visit.page.goto(f"{visit.url}/console/")
    expect(visit.page.get_by_role("heading", name="Sign in to Wye")).to_be_visible()


def test_a_wrong_key_is_told_beside_the_button(visit: Console) -> None:
    visit.excused.append("401")
    enter(visit, "not a key")
    expect(visit.page.get_by_role("alert")).to_have_text("The API key is wrong.")
    expect(visit.page.get_by_label("Key")).to_have_value("not a key")


def test_a_person_sees_the_pages_that_the_key_may_see(visit: Console, locked: House) -> None:
    enter(visit, locked.keys["bob"])
    expect(visit.heading).to_have_text("Models")
    pages = visit.page.get_by_role("navigation", name="Pages")
    expect(pages.get_by_role("link", name="Overview")).to_be_visible()
    expect(pages.get_by_role("link", name="Settings")).to_have_count(0)
    expect(pages.get_by_role("link", name="Keys and users")).to_have_count(0)
    visit.page.get_by_role("link", name="Overview").click()
    expect(visit.heading).to_have_text("Overview")
    visit.settle()


def test_the_key_is_nowhere_in_the_browser(visit: Console) -> None:
    enter(visit, ADMIN_KEY)
    expect(visit.heading).to_have_text("Models")
    kept = visit.page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, document.documentElement.outerHTML])"
    )
    assert ADMIN_KEY not in kept
    (cookie,) = visit.page.context.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == ("wye_session", True, "Strict")
    assert ADMIN_KEY not in cookie["value"]


def test_a_key_that_is_revoked_while_the_page_is_open_leads_back_to_the_door(visit: Console, locked: House) -> None:
    enter(visit, locked.keys["chi"])
    expect(visit.heading).to_have_text("Models")
    admin = {"authorization": f"Bearer {ADMIN_KEY}"}
    (key,) = [one for one in locked.gateway.get("/api/keys", admin).json["keys"] if one["userId"] == "chi"]
    locked.gateway.request("DELETE", f"/api/keys/{key['id']}", None, admin)
    visit.excused.append("401")
    visit.page.wait_for_timeout(1500)
    visit.page.get_by_role("link", name="Overview").click()
    expect(visit.page.get_by_role("heading", name="Sign in to Wye")).to_be_visible()


def test_a_key_that_may_only_ask_begins_where_it_may_and_is_told_what_it_lacks(visit: Console, locked: House) -> None:
    admin = {"authorization": f"Bearer {ADMIN_KEY}"}
    body = json.dumps({"name": "for a program", "scopes": ["use"]}).encode()
    made = locked.gateway.request("POST", "/api/keys", body, admin).json
    visit.page.goto(f"{visit.url}/console/")
    enter(visit, made["key"])
    pages = visit.page.get_by_role("navigation", name="Pages")
    expect(pages.get_by_role("link", name="Models")).to_be_visible()
    expect(pages.get_by_role("link", name="Overview")).to_have_count(0)
    expect(visit.heading).not_to_have_text("Overview")
    visit.settle()
    visit.page.goto(f"{visit.url}/console/settings")
    expect(visit.page.get_by_text("Your key may not see this page")).to_be_visible()
    visit.check_axe()
