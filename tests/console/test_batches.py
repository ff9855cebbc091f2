"""Batches in the console: a file is handed in and watched, what is wrong with one is told, answers are saved."""

import json
import re
from pathlib import Path

from playwright.sync_api import Browser, expect
from tests.console.seed import House
from tests.console.visitor import Console
from tests.support.batches import ended, file_of, library, line, lines_of, ordered


def written(folder: Path, name: str, content: bytes) -> Path:
    file = folder / name
    file.write_bytes(content)
    return file


def test_with_no_batches_the_page_says_what_to_do_and_its_sample_works(console: Console) -> None:
    console.open("/batches")
    page = console.page
    expect(page.get_by_text("No batches yet")).to_be_visible()
    page.get_by_role("button", name="Create batch").click()
    dialog = page.get_by_role("dialog", name="Create a batch")
    console.check_axe()
    dialog.get_by_role("button", name="Use this sample").click()
    expect(dialog.get_by_label("Name")).to_have_value("sample.jsonl")
    console.check_axe()
    dialog.get_by_role("button", name="Create batch").click()
    sheet = page.get_by_role("dialog", name="sample.jsonl")
    expect(sheet.get_by_text("completed")).to_be_visible()
    expect(sheet.get_by_text("2 of 2, 100%")).to_be_visible()
    console.check_axe()
    with page.expect_download() as saving:
        sheet.get_by_role("link", name="Answers").click()
    told = Path(saving.value.path()).read_text().splitlines()
    assert [json.loads(one)["custom_id"] for one in told] == ["greeting-1", "greeting-2"]
    sheet.get_by_role("button", name="Close").click()
    expect(page.get_by_role("region", name="Batches").get_by_role("row")).to_have_count(2)
    console.check_axe()
    page.get_by_role("row", name=re.compile("sample")).click()
    sheet.get_by_role("link", name="What was asked, one by one").click()
    expect(console.heading).to_have_text("Requests")
    expect(page.get_by_role("region", name="Requests").get_by_role("row")).to_have_count(3)
    page.get_by_role("button", name=re.compile("Made for")).click()
    expect(page).not_to_have_url(re.compile("parent="))


def test_a_file_that_is_none_is_refused_before_it_is_sent(console: Console, tmp_path: Path) -> None:
    console.open("/batches")
    page = console.page
    page.get_by_role("button", name="Create batch").first.click()
    dialog = page.get_by_role("dialog", name="Create a batch")
    dialog.get_by_label("JSONL file").set_input_files(written(tmp_path, "table.csv", b"id,prompt\n1,Hi\n"))
    expect(dialog.get_by_text("Its first line is not JSON")).to_be_visible()
    expect(dialog.get_by_role("button", name="Create batch")).to_be_disabled()
    good = written(tmp_path, "good.jsonl", file_of(line("a", "openai/gpt-4o", url="/v1/embeddings", input="Hi")))
    dialog.get_by_label("JSONL file").set_input_files(good)
    expect(dialog.get_by_label("Asks for")).to_have_value("/v1/embeddings")
    expect(dialog.get_by_role("button", name="Create batch")).to_be_enabled()


def test_what_is_wrong_with_a_file_is_told_with_its_lines(console: Console, seeded: House) -> None:
    with library(seeded.gateway) as client:
        lines = file_of(line("a", "openai/gpt-4o"), line("a", "openai/gpt-4o"), line("b", "no-such-model"))
        batch = ended(client, ordered(client, lines, metadata={"name": "broken.jsonl", "team": "research"}).id)
    console.open(f"/batches?batch={batch.id}")
    sheet = console.page.get_by_role("dialog", name="broken.jsonl")
    expect(sheet.get_by_text("each line needs its own")).to_be_visible()
    expect(sheet.get_by_role("row").nth(2)).to_contain_text("model_not_found")
    expect(sheet.get_by_text("research")).to_be_visible()
    console.check_axe()


def test_a_batch_that_waits_says_for_what_and_can_be_cancelled(console: Console, seeded: House) -> None:
    seeded.broken.add("openai")
    try:
        with library(seeded.gateway) as client:
            lines = file_of(*(line(str(at), "openai/gpt-4o") for at in range(3)))
            batch = ordered(client, lines, metadata={"name": "patient.jsonl"})
            console.open(f"/batches?batch={batch.id}")
            sheet = console.page.get_by_role("dialog", name="patient.jsonl")
            expect(sheet.get_by_text("It waits, and goes on by itself")).to_be_visible(timeout=15_000)
            console.check_axe()
            sheet.get_by_role("button", name="Cancel batch").click()
            console.page.get_by_role("dialog", name=re.compile("Cancel")).get_by_role(
                "button", name="Cancel batch"
            ).click()
            expect(sheet.get_by_text("cancelled")).to_be_visible(timeout=15_000)
            told = lines_of(client, ended(client, batch.id).error_file_id)
            assert {one["error"]["code"] for one in told if one["error"]} == {"batch_cancelled"}
    finally:
        seeded.broken.discard("openai")


def test_who_is_signed_in_with_a_key_sees_and_makes_their_own(browser: Browser, locked: House) -> None:
    with library(locked.gateway, locked.keys["ann"]) as client:
        ordered(client, file_of(line("a", "openai/gpt-4o")), metadata={"name": "of ann.jsonl"})
    with Console.visiting(browser, locked.url) as visitor:
        answer = visitor.page.request.post(f"{locked.url}/api/session", data={"key": locked.keys["bob"]})
        assert answer.ok
        visitor.open("/batches")
        expect(visitor.page.get_by_text("No batches yet")).to_be_visible()
        visitor.page.get_by_role("button", name="Create batch").click()
        dialog = visitor.page.get_by_role("dialog", name="Create a batch")
        dialog.get_by_role("button", name="Use this sample").click()
        dialog.get_by_role("button", name="Create batch").click()
        sheet = visitor.page.get_by_role("dialog", name="sample.jsonl")
        expect(sheet.get_by_text("completed")).to_be_visible(timeout=20_000)


def test_batches_fit_a_phone(phone: Console, seeded: House) -> None:
    with library(seeded.gateway) as client:
        ended(client, ordered(client, file_of(line("a", "openai/gpt-4o")), metadata={"name": "one.jsonl"}).id)
    phone.open("/batches")
    row = phone.page.get_by_role("row", name=re.compile(r"one\.jsonl")).first
    expect(row).to_be_visible()
    phone.check_width()
    row.click()
    expect(phone.page.get_by_role("dialog", name="one.jsonl").get_by_role("link", name="Answers")).to_be_visible()
    phone.check_axe()
    phone.check_width()
