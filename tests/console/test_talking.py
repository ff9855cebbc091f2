"""Conversations that are kept, questions about the books, tools by hand."""

import json
import re

from playwright.sync_api import expect
from tests.console.seed import House
from tests.console.talks import MERGING
from tests.console.visitor import Console

MODEL = "openai/gpt-4o-mini"


def begin(house: House, message: str, title: str | None = None) -> str:
    """Hold a conversation of one question; return its id."""
    body = json.dumps({"message": message, "model": MODEL}).encode()
    answer = house.gateway.request("POST", "/api/chat/message", body)
    assert answer.status == 200, answer.body
    found = str(answer.json["conversation"])
    if title is not None:
        changed = house.gateway.request("PATCH", f"/api/conversations/{found}", json.dumps({"title": title}).encode())
        assert changed.status == 200, changed.body
    return found


def test_a_conversation_is_found_by_what_was_said_renamed_and_gone_on_with(console: Console, seeded: House) -> None:
    begin(seeded, "the quarterly zebra report", "Reports")
    console.open("/conversations")
    console.page.get_by_role("searchbox", name="Search titles and messages").fill("zebra")
    expect(console.page.get_by_role("row")).to_have_count(2)
    expect(console.page.get_by_role("row").nth(1)).to_contain_text("quarterly zebra report")
    expect(console.page).to_have_url(re.compile("q=zebra"))
    console.page.get_by_role("button", name="What to do with Reports").click()
    console.page.get_by_role("menuitem", name="Rename").click()
    console.page.get_by_role("textbox", name="Title").fill("Stripes")
    console.page.get_by_role("button", name="Rename").click()
    console.page.get_by_role("link", name="Stripes").click()
    expect(console.heading).to_have_text("Playground")
    expect(console.page.get_by_text("Stripes")).to_be_visible()
    console.page.get_by_role("textbox", name="Message").fill("and now?")
    console.page.keyboard.press("Enter")
    said = console.page.get_by_role("list", name="Conversation").locator("> li")
    expect(said).to_have_count(4)
    expect(said.nth(1)).to_contain_text("echo: the quarterly zebra report")
    expect(said.nth(3)).to_contain_text("echo: and now?")


def test_a_conversation_is_exported_and_deleted_after_being_asked(console: Console, seeded: House) -> None:
    begin(seeded, "leave no trace", "Ephemeral")
    console.open("/conversations")
    console.check_axe()
    console.page.get_by_role("button", name="What to do with Ephemeral").click()
    with console.page.expect_download() as saved:
        console.page.get_by_role("menuitem", name="Export as Markdown").click()
    assert "leave no trace" in saved.value.path().read_text(encoding="utf-8")
    console.page.get_by_role("button", name="What to do with Ephemeral").click()
    console.page.get_by_role("menuitem", name="Delete").click()
    expect(console.page.get_by_role("dialog")).to_contain_text("What it cost stays on the books")
    console.page.get_by_role("button", name="Delete", exact=True).click()
    expect(console.page.get_by_role("link", name="Ephemeral")).to_have_count(0)


def test_a_question_about_the_books_brings_their_tables_and_charts_into_the_answer(console: Console) -> None:
    console.open(f"/analytics?model={MODEL}")
    console.page.get_by_role("textbox", name="Question").fill(
        'call advanced_analytics {"by": "provider", "metrics": ["cost", "requests"]}\n'
        'call advanced_analytics {"step": "day", "by": "model", "since": "7d", "limit": 3}'
    )
    console.page.keyboard.press("Enter")
    answer = console.page.get_by_role("list", name="Questions and answers").locator("> li").first
    bars = answer.get_by_role("list", name="Advanced analytics by provider, by size")
    expect(bars.get_by_role("listitem").first).to_contain_text("anthropic")
    table = answer.get_by_role("region", name="Advanced analytics by provider: table")
    expect(table.get_by_role("row").nth(1)).to_contain_text("$")
    expect(answer.locator("canvas")).to_have_count(1)
    expect(answer.get_by_text("results:")).to_be_visible()
    console.check_axe()


def test_a_tool_is_run_by_hand_with_what_its_schema_asks_for(console: Console) -> None:
    console.open("/agents")
    console.page.get_by_role("row", name=re.compile("calculator")).click()
    expect(console.page).to_have_url(re.compile("tool=calculator"))
    arguments = console.page.get_by_role("textbox", name="Run it with")
    expect(arguments).to_have_value(re.compile('"expression": ""'))
    arguments.fill('{"expression": ')
    expect(console.page.get_by_role("button", name="Run", exact=True)).to_be_disabled()
    arguments.fill('{"expression": "6 * 7"}')
    console.page.get_by_role("button", name="Run", exact=True).click()
    expect(console.page.get_by_role("dialog")).to_contain_text('"result": "42"')
    arguments.focus()
    console.check_axe()


def test_a_tool_that_is_off_says_what_to_do_about_it(console: Console) -> None:
    console.open("/agents?tool=filesystem")
    expect(console.page.get_by_role("dialog")).to_contain_text("set 'enabled = true' in [tools.filesystem]")


def test_where_no_agent_is_described_the_page_says_how_to_describe_one(console: Console) -> None:
    console.open("/agents?tab=agents")
    expect(console.page.get_by_text("No agents yet")).to_be_visible()
    expect(console.page.get_by_role("group", name="Code").first).to_contain_text("[agents.analyst]")
    console.check_axe()


def test_a_conversation_of_before_is_opened_with_its_tools_code_and_cost(console: Console) -> None:
    console.open(f"/playground?conversation={MERGING}")
    said = console.page.get_by_role("list", name="Conversation").locator("> li")
    expect(said).to_have_count(4)
    expect(said.nth(1).get_by_role("group", name="Code, python")).to_contain_text("def merge")
    expect(said.nth(3).get_by_role("button", name=re.compile("calculator answered"))).to_be_visible()
    expect(said.nth(3).get_by_role("cell", name="1,919")).to_be_visible()
    expect(said.nth(3)).to_contain_text("anthropic/claude-sonnet-5")
    expect(said.nth(3)).not_to_contain_text("attempts")
    console.check_axe()
