"""Routing as an operator looks at it: where a prompt would go, what chooses, aliases, and what would have been."""

import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, expect
from tests.console.seed import House
from tests.console.visitor import Console
from tests.support.gateway import Json

PARTS = re.compile(r"cost [\d.]+%, speed [\d.]+%, quality [\d.]+%, reliability [\d.]+%")


def _setting(house: House, key: str) -> Json:
    found = house.gateway.get("/api/settings").json["settings"]
    return next((one["value"] for one in found if one["key"] == key), None)


def _take_back(house: House, key: str) -> None:
    house.gateway.request("DELETE", f"/api/settings?key={quote(key)}", b"")


def test_a_prompts_way_is_drawn_with_scores_and_with_who_was_left_out(console: Console) -> None:
    console.open("/routing")
    console.page.get_by_label("Prompt").fill("What is in this picture?")
    console.page.get_by_role("button", name="Explain", exact=True).click()
    first = console.page.get_by_role("list", name="Candidates").get_by_role("listitem").first
    expect(first).to_contain_text("best of 5 under balanced")
    expect(first.get_by_role("img")).to_have_attribute("aria-label", PARTS)
    console.page.get_by_label("Strategy", exact=True).first.select_option("cost")
    console.page.get_by_label("Images").check()
    console.page.get_by_label("Prompt").press("Control+Enter")
    expect(first).to_contain_text("under cost")
    console.page.get_by_text("Lacks ability").click()
    expect(console.page.get_by_text("it has no vision").first).to_be_visible()
    assert "needs=vision" in console.page.url
    assert "picture" not in console.page.url, "what is typed stays out of the address"
    console.check_axe()


def test_a_plan_that_cannot_be_says_why(console: Console) -> None:
    console.open("/routing?model=nobody%2Fhas-this")
    console.page.get_by_label("Prompt").fill("Hello")
    console.page.get_by_role("button", name="Explain", exact=True).click()
    expect(console.page.get_by_text("nobody would answer")).to_be_visible()
    expect(console.page.get_by_text("has a model of this name")).to_be_visible()


def test_the_strategy_and_the_weights_are_changed_and_given_back(console: Console, seeded: House) -> None:
    console.open("/routing")
    console.page.get_by_role("radio", name="Round robin").check()
    assert _setting(seeded, "routing.strategy") == "balanced", "nothing changes before it is saved"
    console.page.get_by_role("button", name="Save strategy").click()
    expect(console.page.get_by_text("“Round robin” chooses from now on.").first).to_be_visible()
    assert _setting(seeded, "routing.strategy") == "round-robin"
    weight = console.page.get_by_label("Weight of OpenAI")
    weight.fill("0")
    expect(console.page.get_by_role("button", name="Save weights")).to_be_disabled()
    weight.fill("3")
    console.page.get_by_role("button", name="Save weights").click()
    expect(console.page.get_by_text("The weights are kept.").first).to_be_visible()
    assert _setting(seeded, "routing.weights") == {"openai": 3}
    console.page.get_by_role("button", name="Back to the file's").click()
    expect(console.page.get_by_role("radio", name="Balanced")).to_be_checked()
    _take_back(seeded, "routing.weights")


def test_an_alias_is_added_and_taken_back(console: Console, seeded: House) -> None:
    console.open("/routing")
    console.page.get_by_role("button", name="Add an alias").click()
    dialog = console.page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("house")
    for model in ("openai/gpt-4o-mini", "mistral/mistral-large-4"):
        dialog.get_by_role("combobox").click()
        console.page.get_by_placeholder("Search…").fill(model)
        console.page.get_by_role("option", name=model).first.click()
    dialog.get_by_role("button", name="Move mistral/mistral-large-4 up").click()
    console.check_axe()
    dialog.get_by_role("button", name="Add alias").click()
    expect(dialog).to_have_count(0)
    assert _setting(seeded, "aliases.house") == ["mistral/mistral-large-4", "openai/gpt-4o-mini"]
    console.page.get_by_role("button", name="Take back what was set of house").click()
    expect(console.page.get_by_role("list", name="Aliases", exact=True)).not_to_contain_text("house")


def test_the_last_day_is_replayed_under_every_strategy(console: Console) -> None:
    console.open("/routing")
    console.page.get_by_role("button", name="Replay").click()
    strategies = console.page.get_by_role("list", name="Strategies").get_by_role("button")
    expect(strategies).to_have_count(8)
    strategies.filter(has_text="Quality").click()
    told = console.page.get_by_role("region", name="Under Quality")
    expect(told).to_contain_text("requests, all answered")
    assert "under=quality" in console.page.url
    console.check_axe()


@pytest.fixture
def user(browser: Browser, locked: House) -> Iterator[Console]:
    """Visit as somebody who may ask and read, no more."""
    with Console.visiting(browser, locked.url) as visitor:
        answer = visitor.page.request.post(f"{locked.url}/api/session", data={"key": locked.keys["bob"]})
        assert answer.ok, answer.text()
        yield visitor


def test_who_administers_nothing_may_ask_for_the_way_and_changes_nothing(user: Console) -> None:
    user.open("/routing")
    expect(user.page.get_by_role("button", name="Replay")).to_be_visible()
    expect(user.page.get_by_role("radiogroup", name="Strategy")).to_have_count(0)
    expect(user.page.get_by_role("button", name="Add an alias")).to_have_count(0)
    user.page.get_by_label("Prompt").fill("Hello")
    user.page.get_by_role("button", name="Explain", exact=True).click()
    expect(user.page.get_by_role("list", name="Candidates")).to_be_visible()
    user.check_axe()
