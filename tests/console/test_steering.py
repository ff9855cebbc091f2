"""Steering who may do what: keys, users, budgets that bite, settings, and the log of all that."""

import re
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect
from tests.console.seed import House, house
from tests.console.visitor import Console
from tests.support.gateway import PATIENCE, Answer, Process, process

MODEL = "openai/gpt-4o-mini"


@pytest.fixture(scope="module")
def steered(built: None) -> Iterator[House]:
    """Serve a gateway of its own, since these tests change it."""
    with house(requests=400) as made:
        yield made


@pytest.fixture
def console(browser: Browser, steered: House) -> Iterator[Console]:
    with Console.visiting(browser, steered.url) as visitor:
        yield visitor


def _until(ask: Callable[[], Answer], status: int) -> Answer:
    """Ask until the answer is what a change makes it, which takes up to two seconds to hold."""
    end = time.monotonic() + PATIENCE
    while (answer := ask()).status != status and time.monotonic() < end:
        time.sleep(0.2)
    assert answer.status == status, answer.body
    return answer


@pytest.fixture
def spending(built: None) -> Iterator[Process]:
    """Serve a gateway as an operator runs it, whose model has a price."""
    price = '[models."mock/mock-fast"]\ninput_cost_per_million = 1000\noutput_cost_per_million = 1000\n'
    with process(price) as running:
        yield running


def test_a_budget_is_set_and_bites(browser: Browser, spending: Process) -> None:
    with Console.visiting(browser, spending.url) as visitor:
        page = visitor.page
        visitor.open("/budgets")
        expect(page.get_by_text("Nothing limits spending yet")).to_be_visible()
        page.get_by_role("button", name="Create budget").first.click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("For", exact=True).select_option("user")
        dialog.get_by_role("combobox", name="User").click()
        page.get_by_role("option", name="this machine").click()
        dialog.get_by_label("Amount in USD").fill("0.03")
        dialog.get_by_label("Name").fill("pocket money")
        visitor.check_axe()
        dialog.get_by_role("button", name="Create budget").click()
        row = page.get_by_role("listitem", name="pocket money")
        expect(row).to_contain_text("$0.030 left")
        refused = _until(lambda: spending.chat("mock/mock-fast", max_tokens=4), 402)
        assert refused.error["code"] == "budget_exceeded", refused.body
        visitor.open("/budgets")
        expect(row).not_to_contain_text("$0.030 left")
        row.get_by_role("button", name="More about").click()
        page.get_by_role("menuitem", name="Delete").click()
        page.get_by_role("button", name="Delete budget").click()
        expect(row).to_have_count(0)
        _until(lambda: spending.chat("mock/mock-fast"), 200)


def test_a_key_is_shown_once_restricted_and_revoked(console: Console, steered: House) -> None:
    page = console.page
    console.open("/keys")
    page.get_by_role("button", name="Create key").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("nightly job")
    dialog.get_by_label("Models", exact=True).fill("openai/gpt-4o-mini,")
    dialog.get_by_label("Requests a minute").fill("many")
    expect(dialog.get_by_text("A whole number, 1 or more.")).to_be_visible()
    dialog.get_by_label("Requests a minute").fill("60")
    dialog.get_by_role("button", name="Create key").click()
    secret = re.search(r"wye-sk-\S+", page.get_by_role("group", name="Code: wye-sk").inner_text())
    assert secret is not None
    console.check_axe()
    key = {"authorization": f"Bearer {secret[0]}"}
    assert steered.gateway.chat(MODEL, headers=key).status == 200
    page.get_by_role("button", name="I have copied it").click()
    assert secret[0] not in page.content()
    row = page.get_by_role("row", name="nightly job")
    expect(row).to_contain_text("60 req/min")
    row.click()
    sheet = page.get_by_role("dialog")
    sheet.get_by_label("Requests a minute").fill("120")
    sheet.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("It holds everywhere").first).to_be_visible()
    console.check_axe()
    sheet.get_by_role("button", name="Revoke").click()
    page.get_by_role("button", name="Revoke key").click()
    expect(page.get_by_text("“nightly job” is revoked.").first).to_be_visible()
    _until(lambda: steered.gateway.chat(MODEL, headers=key), 401)


def test_a_user_is_added_limited_and_switched_off(console: Console, steered: House) -> None:
    page = console.page
    console.open("/keys?tab=users")
    page.get_by_role("button", name="Add user").click()
    sheet = page.get_by_role("dialog")
    sheet.get_by_label("Name", exact=True).fill("Eve Ito")
    sheet.get_by_label("Id", exact=True).fill("eve")
    sheet.get_by_label("Team", exact=True).select_option("support")
    sheet.get_by_label("Requests a day").fill("1000")
    sheet.get_by_role("button", name="Add user").click()
    row = page.get_by_role("row", name="Eve Ito")
    expect(row).to_contain_text("1,000 req/day")
    row.click()
    sheet.get_by_role("switch").click()
    sheet.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("It holds everywhere").first).to_be_visible()
    sheet.get_by_role("button", name="Close").click()
    expect(row).to_contain_text("off")
    assert not steered.gateway.get("/api/users/eve").json["enabled"]


def test_a_setting_is_changed_taken_back_and_written_down(console: Console, steered: House) -> None:
    page = console.page
    console.open("/settings?q=deadline")
    row = page.get_by_role("button", name=re.compile("deadline"))
    expect(row).to_contain_text("default")
    row.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Value").fill("soon")
    expect(dialog.get_by_text("A number.")).to_be_visible()
    dialog.get_by_label("Value").fill("45")
    console.check_axe()
    dialog.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("runtime")
    expect(row).to_contain_text("45")
    row.click()
    dialog.get_by_role("button", name="Take back").click()
    expect(row).to_contain_text("default")
    console.open("/audit?target=setting")
    rows = page.locator("tr[data-index]")
    expect(rows.first).to_contain_text("delete")
    expect(rows.nth(1)).to_contain_text("routing.deadline")
    rows.nth(1).click()
    expect(page.get_by_role("dialog")).to_contain_text("45")
    console.check_axe()


def test_everybody_sees_what_is_theirs_and_no_more(browser: Browser, locked: House) -> None:
    with Console.visiting(browser, locked.url) as visitor:
        page = visitor.page
        page.goto(f"{visitor.url}/console/")
        page.get_by_label("Key").fill(locked.keys["bob"])
        page.get_by_role("button", name="Sign in").click()
        pages = page.get_by_role("navigation", name="Pages")
        expect(pages.get_by_role("link", name="Usage and cost")).to_be_visible()
        for hidden in ("Keys and users", "Settings", "Audit log"):
            expect(pages.get_by_role("link", name=hidden)).to_have_count(0)
        visitor.open("/usage?by=user")
        rows = page.get_by_role("region", name="Usage by user").locator("tr[data-index]")
        expect(rows).to_have_count(1)
        visitor.open("/budgets")
        expect(page.get_by_role("listitem", name="Support desk")).to_be_visible()
        expect(page.get_by_role("listitem", name="Everything")).to_have_count(0)
        expect(page.get_by_role("button", name="Create budget")).to_have_count(0)
        visitor.check_axe()
