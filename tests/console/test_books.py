"""What the books say: usage by anything, requests one by one, and why one of them was slow."""

import csv
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.console.seed import House
from tests.console.visitor import Console


def _slow(seeded: House) -> dict[str, object]:
    """Return a request that lost its time on a call that failed."""
    answer = seeded.gateway.get("/api/usage/requests?since=30d&longerThanMs=6000&limit=500")
    return next(one for one in answer.json["requests"] if one["tries"] > 1 and one["status"] == "ok")


def test_why_a_request_was_slow_is_found_and_said(console: Console, seeded: House) -> None:
    wanted = _slow(seeded)
    console.open("/requests?range=30d")
    console.page.get_by_label("How long it took").select_option("3")
    console.page.get_by_label("How it ended").select_option("ok")
    console.page.get_by_role("button", name="Find by model").click()
    console.page.get_by_label("Find a filter").fill(str(wanted["id"]))
    console.page.get_by_role("option", name="Open the request").click()
    detail = console.page.get_by_role("dialog")
    where = detail.get_by_role("region", name="Where the time went")
    expect(where.get_by_text("1 call to groq/llama-3.1-8b-instant failed: overloaded")).to_be_visible()
    expect(where.get_by_label("The calls of this request over time").get_by_text("overloaded after")).to_be_visible()
    expect(where.get_by_text("until the first token of")).to_be_visible()
    expect(detail.get_by_role("region", name="Its decision").get_by_text("stood in for it")).to_be_visible()
    detail.get_by_role("button", name="What would be chosen now?").click()
    expect(detail.get_by_role("region", name="What would be chosen now")).to_be_visible()
    expect(detail.get_by_role("region", name="Its money")).to_contain_text("Output")
    console.check_axe()
    assert "slower=3" in console.page.url
    assert f"request={wanted['id']}" in console.page.url


def test_requests_are_walked_through_by_keyboard_to_the_last(console: Console) -> None:
    console.open("/requests?range=7d")
    rows = console.page.locator("tr[data-index]")
    rows.first.focus()
    console.page.keyboard.press("ArrowDown")
    expect(console.page.locator('tr[data-index="1"]')).to_be_focused()
    console.page.keyboard.press("End")
    expect(console.page.locator('tr[data-index="199"]')).to_be_focused()
    expect(console.page.locator('tr[data-index="200"]')).to_be_attached()
    assert rows.count() < 80, "rows that are not seen are not made"
    console.page.keyboard.press("Enter")
    expect(console.page.get_by_role("dialog")).to_be_visible()
    console.page.keyboard.press("Escape")
    expect(console.page.get_by_role("dialog")).to_be_hidden()


def test_usage_is_looked_into_filtered_and_exported(console: Console, tmp_path: Path) -> None:
    page = console.page
    console.open("/usage?by=team")
    page.get_by_role("row", name="Support desk").click()
    expect(page.get_by_role("heading", name="By user")).to_be_visible()
    expect(page.get_by_role("button", name="Remove the filter Team Support desk")).to_be_visible()
    table = page.get_by_role("region", name="Usage by user")
    expect(table.get_by_text("Bob Achterberg")).to_be_visible()
    expect(table.get_by_text("Ann Lindqvist")).to_have_count(0)
    page.get_by_role("radio", name="Model").click()
    expect(page.get_by_role("region", name="Usage by model").get_by_text("openai/gpt-4o-mini")).to_be_visible()
    with page.expect_download() as loading:
        page.get_by_role("link", name="Export CSV").click()
    file = tmp_path / "usage.csv"
    loading.value.save_as(file)
    with file.open() as lines:
        rows = list(csv.DictReader(lines))
    assert {"openai/gpt-4o", "openai/gpt-4o-mini"} <= {row["model"] for row in rows}
    page.go_back()
    expect(page.get_by_role("heading", name="By team")).to_be_visible()


@pytest.mark.parametrize("by", ["provider", "key", "conversation", "tag"])
def test_usage_is_told_by_anything(console: Console, by: str) -> None:
    console.open(f"/usage?by={by}&range=7d&step=day")
    expect(console.page.get_by_role("region", name=f"Usage by {by}").locator("tr[data-index]").first).to_be_visible()


def test_what_nobody_asked_says_so(console: Console) -> None:
    console.open("/requests?user=nobody")
    expect(console.page.get_by_text("No request is like that")).to_be_visible()
    console.page.get_by_role("button", name="Remove the filter User nobody").click()
    expect(console.page.locator("tr[data-index]").first).to_be_visible()
    console.excused.append("404")
    console.open("/requests?request=req_nothing")
    expect(console.page.get_by_text("There is no such request")).to_be_visible()
