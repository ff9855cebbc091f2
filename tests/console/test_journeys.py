"""What people come for: the first run, finding a model, going anywhere by typing, seeing trouble come and go."""

import json
import re
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect
from tests.console.crowd import many
from tests.console.seed import House, house
from tests.console.visitor import Console
from tests.support.gateway import PATIENCE, Running, serving
from tests.support.upstream import Reply


@pytest.fixture(scope="module")
def empty(built: None) -> Iterator[Running]:
    """Serve a gateway on its first day: no keys, no settings, nothing asked."""
    with serving() as running:
        yield running


# --- The first run ---


def test_the_first_run_says_what_to_do_and_the_first_request_shows(browser: Browser, empty: Running) -> None:
    with Console.visiting(browser, empty.url) as visit:
        visit.open("/")
        steps = visit.page.get_by_role("region", name="First steps")
        expect(steps).to_contain_text("A stand-in answers for now")
        expect(steps.get_by_role("link", name="Add a provider key")).to_be_visible()
        expect(visit.page.get_by_text("Nobody has asked anything yet")).to_be_visible()
        visit.check_axe()
        assert empty.chat("mock/mock-fast").status == 200
        expect(visit.page.get_by_role("link", name="mock/mock-fast")).to_be_visible()


# --- Models ---


def test_models_are_found_filtered_and_sorted_and_the_address_says_how(console: Console) -> None:
    console.open("/models")
    page = console.page
    page.get_by_role("searchbox", name="Search models").fill("claude vision")
    page.get_by_label("Context at least").select_option("200000")
    expect(page.get_by_role("status").filter(has_text="models")).not_to_have_text("164 models")
    page.get_by_role("button", name="In $/M").click()
    first = page.get_by_role("row").nth(1)
    expect(first).to_contain_text("claude")
    assert re.search(r"[?&]sort=in(&|$)", page.url)
    assert "q=claude+vision" in page.url
    page.reload()
    expect(page.get_by_role("searchbox", name="Search models")).to_have_value("claude vision")
    expect(page.get_by_role("columnheader", name="In $/M")).to_have_attribute("aria-sort", "ascending")


def test_a_search_that_finds_nothing_says_how_to_go_on(console: Console) -> None:
    console.open("/models?q=nothing-like-that&provider=openai&price=1")
    console.page.get_by_role("button", name="Show all models").click()
    expect(console.page.get_by_role("searchbox", name="Search models")).to_have_value("")
    expect(console.page.get_by_role("row").nth(1)).to_be_visible()


def test_models_are_compared_and_the_best_of_each_row_stands_out(console: Console) -> None:
    console.open("/models")
    page = console.page
    for name in ("openai/gpt-4o-mini", "anthropic/claude-sonnet-5"):
        page.get_by_role("checkbox", name=f"Compare {name}", exact=True).check()
    page.get_by_role("button", name="Compare 2").click()
    dialog = page.get_by_role("dialog", name="Compare models")
    row = dialog.get_by_role("row", name=re.compile("^Input, per million"))
    expect(row.get_by_role("cell").first).to_have_text("$0.15 (best)")
    expect(dialog.get_by_role("row", name=re.compile("^Requests in 30 days"))).not_to_contain_text("–")
    console.check_axe()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_a_row_opens_by_keyboard_and_gives_the_focus_back(console: Console) -> None:
    console.open("/models")
    row = console.page.get_by_role("row").nth(1)
    row.focus()
    console.page.keyboard.press("ArrowDown")
    expect(console.page.get_by_role("row").nth(2)).to_be_focused()
    console.page.keyboard.press("Enter")
    sheet = console.page.get_by_role("dialog")
    expect(sheet).to_contain_text("As seen in 30 days")
    console.check_axe()
    console.page.keyboard.press("Escape")
    expect(console.page.get_by_role("row").nth(2)).to_be_focused()


def test_models_are_recommended_with_their_reasons(console: Console) -> None:
    console.open("/models?tab=recommend")
    console.page.get_by_label("Task").select_option("coding")
    console.page.get_by_label("Vision").check()
    console.page.get_by_role("button", name="Recommend").click()
    first = console.page.locator("main ol > li").first
    expect(console.page.get_by_role("meter").first).to_be_visible()
    expect(first).to_contain_text(re.compile("documented|observed|tokens"))
    console.check_axe()


def test_a_model_of_ones_own_is_added_with_its_key_and_the_key_is_masked(console: Console, seeded: House) -> None:
    seeded.imitation.mount("mine", "openai_chat")
    console.open("/models?tab=own")
    page = console.page
    page.get_by_role("button", name="Add a model of your own").last.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("my-model")
    dialog.get_by_label("Model id").fill("some-model")
    dialog.get_by_label("Address").fill("https://llm.invalid/v1")
    dialog.get_by_label("Key").fill("sk-a-key-that-nobody-should-see-0123")
    console.check_axe()
    dialog.get_by_role("button", name="Add model").click()
    row = page.get_by_role("row", name=re.compile("my-model"))
    expect(row).to_contain_text("some-model")
    expect(row).not_to_contain_text("nobody-should-see")
    row.get_by_role("button", name="More for my-model").click()
    page.get_by_role("menuitem", name="Delete").click()
    page.get_by_role("button", name="Delete model").click()
    expect(page.get_by_text("You brought no model along")).to_be_visible()


# --- Anywhere by typing ---


def test_any_page_and_any_model_is_reached_by_typing(console: Console) -> None:
    console.open("/")
    page = console.page
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox", name="Find")).to_be_focused()
    page.keyboard.type("spend")
    page.keyboard.press("Enter")
    expect(console.heading).to_have_text("Usage and cost")
    page.keyboard.press("Control+k")
    console.check_axe()
    page.keyboard.type("gpt-4o-mini")
    page.get_by_role("option", name="openai/gpt-4o-mini", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text("openai/gpt-4o-mini")


def test_light_and_dark_are_chosen_and_stay(console: Console) -> None:
    console.open("/")
    console.page.get_by_role("button", name="You and how this looks").click()
    console.page.get_by_role("menuitem", name="Dark").click()
    assert "dark" in (console.page.locator("html").get_attribute("class") or "")
    console.page.reload()
    assert "dark" in (console.page.locator("html").get_attribute("class") or "")
    console.heading.wait_for()
    console.check_axe()


# --- Trouble ---


def test_what_is_wrong_comes_first_with_its_evidence(console: Console) -> None:
    console.open("/")
    trouble = console.page.get_by_role("region", name="Needs attention")
    first = trouble.get_by_role("listitem").first
    expect(first).to_contain_text("Mistral")
    expect(first).to_contain_text("critical")
    first.get_by_role("button", name="Evidence").click()
    expect(first).to_contain_text("Failures")
    first.get_by_role("link", name="See the provider").click()
    expect(console.heading).to_have_text("Providers")
    assert "provider=mistral" in console.page.url


def test_requests_are_seen_as_they_end(console: Console, seeded: House) -> None:
    console.open("/")
    expect(console.page.get_by_text("Live", exact=True)).to_be_visible()
    assert seeded.gateway.chat("groq/llama-3.1-8b-instant").status == 200
    expect(console.page.get_by_role("link", name="groq/llama-3.1-8b-instant local")).to_be_visible()


def test_a_provider_breaks_and_comes_back_while_the_page_is_open(browser: Browser, built: None) -> None:
    with house(requests=200, open_seconds=3) as made, Console.visiting(browser, made.url) as visit:
        visit.open("/")
        heal = made.imitation.upstream.handler
        made.imitation.upstream.handler = lambda _: Reply.json({"error": {"message": "down"}}, 503)
        for _ in range(4):
            assert made.gateway.chat("groq/llama-3.1-8b-instant").status >= 500
        trouble = visit.page.get_by_role("listitem").filter(has_text="answers nothing")
        expect(trouble).to_contain_text("Groq", timeout=25_000)
        made.imitation.upstream.handler = heal
        until(lambda: made.gateway.chat("groq/llama-3.1-8b-instant").status == 200)  # its breaker is open for a while
        expect(trouble).to_have_count(0, timeout=25_000)


# --- Speed ---


def test_the_first_page_is_small_and_soon_usable(browser: Browser, seeded: House) -> None:
    with Console.visiting(browser, seeded.url, first=True) as visit:
        session = visit.page.context.new_cdp_session(visit.page)
        session.send("Network.enable")
        sizes: dict[str, float] = {}
        kinds: dict[str, str] = {}
        session.on("Network.responseReceived", lambda told: kinds.update({told["requestId"]: told["type"]}))
        session.on("Network.loadingFinished", lambda told: sizes.update({told["requestId"]: told["encodedDataLength"]}))
        visit.open("/")
        visit.settle()
        scripts = sum(size for name, size in sizes.items() if kinds.get(name) == "Script")
        assert 0 < scripts < 250_000, f"{scripts} bytes of JavaScript before the overview stands"


def test_what_is_asked_early_is_asked_once(console: Console) -> None:
    asked: list[str] = []
    console.page.on("request", lambda request: asked.append(request.url) if "/api/" in request.url else None)
    console.open("/")
    console.settle()
    expect(console.page.get_by_label("Requests in this time")).to_be_visible()
    once = [url for url in asked if not url.endswith("/status")]  # which is looked at again and again
    assert len(once) > 4
    assert sorted(set(once)) == sorted(once), "public/boot.js asks what nobody waits for"


def test_ten_thousand_rows_are_a_few_in_the_page(console: Console) -> None:
    console.page.route(
        re.compile(r"/api/models$"),
        lambda route: route.fulfill(body=json.dumps(many(10_000)), content_type="application/json"),
    )
    console.open("/models?show=all")
    page = console.page
    expect(page.get_by_role("status").filter(has_text="10,000 models")).to_be_visible()
    assert page.get_by_role("row").count() < 120
    table = page.get_by_role("region", name="Models")
    for _ in range(8):
        table.evaluate("box => { box.scrollTop += 9000; return new Promise(requestAnimationFrame) }")
    assert page.get_by_role("row").count() < 120
    expect(page.get_by_role("checkbox", name="Compare up/model-00001")).to_have_count(0)
    table.evaluate("box => box.scrollTop = box.scrollHeight")
    expect(page.get_by_role("checkbox", name="Compare up/model-10000")).to_be_visible()


def until(holds: Callable[[], bool]) -> None:
    """Wait for something of the gateway's."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.3)
