"""Providers as an operator steers them: test, add a key, switch, reorder; and one that breaks and comes back."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, expect
from tests.console.seed import House
from tests.console.visitor import Console
from tests.support.gateway import Json

STATUS = "/api/llm-providers/status"


def _row(console: Console, provider: str) -> Locator:
    return console.page.locator(f'[data-provider="{provider}"]')


def _status(house: House) -> Json:
    return house.gateway.get(STATUS).json


def _ask(house: House, model: str) -> int:
    body = {"model": model, "messages": [{"role": "user", "content": "hello"}]}
    return house.gateway.request("POST", "/v1/chat/completions", json.dumps(body).encode()).status


def _without_setting(house: House, key: str) -> None:
    house.gateway.request("DELETE", f"/api/settings?key={key}", b"")


def test_a_test_says_which_step_failed_and_what_to_mend(console: Console, seeded: House) -> None:
    console.open("/providers")
    console.page.get_by_role("button", name="Test OpenAI").click()
    told = _row(console, "openai").get_by_role("status", name="Test")
    expect(told).to_contain_text("It works")
    seeded.broken.add("openai")
    try:
        _row(console, "openai").get_by_role("button", name="Test connection").click()
        expect(told).to_contain_text("It does not work")
        expect(told).to_contain_text("What to do:")
    finally:
        seeded.broken.discard("openai")
    console.check_axe()


def test_a_provider_breaks_and_comes_back_while_the_page_is_open(console: Console, seeded: House) -> None:
    console.open("/providers?provider=mistral")
    row = _row(console, "mistral")
    expect(row).to_contain_text("connected")
    seeded.broken.add("mistral")
    try:
        for _ in range(4):
            assert _ask(seeded, "mistral/mistral-large-4") >= 500
        expect(row.get_by_text("open", exact=True).first).to_be_visible()
        expect(console.page.get_by_text("Mistral AI is unavailable:")).to_be_visible()
        console.check_axe()
    finally:
        seeded.broken.discard("mistral")
    expect(row.get_by_text("half open").first).to_be_visible(timeout=10_000)
    for _ in range(3):
        assert _ask(seeded, "mistral/mistral-large-4") == 200
    expect(console.page.get_by_text("Mistral AI answers again")).to_be_visible()
    expect(row).to_contain_text("connected")


def test_a_key_of_ones_own_is_added_and_taken_away(console: Console) -> None:
    console.open("/providers?provider=deepseek")
    row = _row(console, "deepseek")
    expect(row).to_contain_text("DEEPSEEK_API_KEY=…")
    row.get_by_role("button", name="Add your key").click()
    console.page.get_by_label("Key", exact=True).fill("sk-0123456789abcdef0123456789abcdef")
    console.page.get_by_role("button", name="Add key").click()
    expect(row).to_contain_text("sk-0123…cdef")
    expect(row).to_contain_text("for your requests alone")
    row.get_by_role("button", name="Change your key").click()
    console.page.get_by_role("button", name="Delete it").click()
    expect(row.get_by_role("button", name="Add your key")).to_be_visible()


def test_the_fallback_order_is_moved_with_keys_and_kept(console: Console, seeded: House) -> None:
    before = _status(seeded)["fallbackOrder"]
    console.open("/providers")
    grip = console.page.get_by_role("button", name="Move Groq: arrow keys")
    grip.focus()
    for _ in before[1:]:
        console.page.keyboard.press("ArrowUp")
    expect(console.page.get_by_text("Not kept yet")).to_be_visible()
    console.page.get_by_role("button", name="Save order").click()
    expect(console.page.get_by_text("The fallback order is kept.").first).to_be_visible()
    assert _status(seeded)["fallbackOrder"] == ["groq", *(one for one in before if one != "groq")]
    console.page.get_by_role("button", name="Back to the file's").click()
    expect(console.page.get_by_text("The order is the settings file's again.").first).to_be_visible()
    assert _status(seeded)["fallbackOrder"] == before


def test_one_is_switched_off_and_on_again(console: Console, seeded: House) -> None:
    console.open("/providers?provider=gemini")
    row = _row(console, "gemini")
    switch = row.get_by_role("switch", name="In use")
    switch.click()
    expect(row).to_contain_text("switched off")
    assert _status(seeded)["providers"]["gemini"]["enabled"] is False
    switch.click()
    expect(row).to_contain_text("connected")
    assert _status(seeded)["providers"]["gemini"]["available"] is True
    _without_setting(seeded, "providers.gemini.enabled")


def test_another_one_goes_first_until_the_strategy_chooses_again(console: Console, seeded: House) -> None:
    console.open("/providers?provider=anthropic")
    _row(console, "anthropic").get_by_role("button", name="Let it go first").click()
    expect(console.page.get_by_text("somebody switched to it")).to_be_visible()
    assert _status(seeded)["current"] == "anthropic"
    console.page.get_by_role("button", name="Let the strategy choose again").click()
    expect(console.page.get_by_text("chooses it")).to_be_visible()


def test_a_provider_of_ones_own_is_added_changed_and_deleted(console: Console, seeded: House) -> None:
    console.open("/providers")
    console.page.get_by_role("button", name="Add a provider").click()
    dialog = console.page.get_by_role("dialog")
    dialog.get_by_label("Id", exact=True).fill("House")
    expect(dialog).to_contain_text("Lower case letters")
    dialog.get_by_label("Id", exact=True).fill("house")
    dialog.get_by_label("Name").fill("House model")
    dialog.get_by_label("Address").fill("https://llm.example/v1")
    dialog.get_by_label("Key").fill("sk-house-0123456789abcdef")
    dialog.get_by_label("Models").fill("small\nlarge")
    dialog.get_by_label("Default model").fill("small")
    console.check_axe()
    dialog.get_by_role("button", name="Add provider").click()
    row = _row(console, "house")
    expect(row).to_contain_text("https://llm.example/v1")
    expect(row).to_contain_text("sk-h")
    row.get_by_role("button", name="Change", exact=True).click()
    dialog.get_by_label("Name").fill("House models")
    dialog.get_by_role("button", name="Save").click()
    expect(row.get_by_role("heading")).to_contain_text(["House models"])
    row.get_by_role("button", name="Delete", exact=True).click()
    dialog.get_by_role("button", name="Delete provider").click()
    expect(row).to_have_count(0)
    assert "house" not in _status(seeded)["providers"]


@pytest.fixture
def user(browser: Browser, locked: House) -> Iterator[Console]:
    """Visit as somebody who may ask and read, no more."""
    with Console.visiting(browser, locked.url) as visitor:
        answer = visitor.page.request.post(f"{locked.url}/api/session", data={"key": locked.keys["bob"]})
        assert answer.ok, answer.text()
        yield visitor


def test_who_administers_nothing_sees_how_providers_are_and_changes_nothing(user: Console) -> None:
    user.open("/providers?provider=openai")
    row = _row(user, "openai")
    expect(row).to_contain_text("connected")
    for name in ("Test", "Let it go first", "Add your key", "Save order", "Switch", "Move"):
        expect(user.page.get_by_role("button", name=name)).to_have_count(0)
    expect(row).not_to_contain_text("sk-imit")
    user.check_axe()
