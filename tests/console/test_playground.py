"""The playground: first answers without any key, an answer that is stopped and given again, models side by side."""

import dataclasses
import json
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, FilePayload, Locator, expect
from tests.console.seed import House
from tests.console.visitor import Console
from tests.support.databases import config_for
from tests.support.gateway import serving
from tests.support.upstream import Hold, Received, Reply

MINI = "model=openai/gpt-4o-mini"


@pytest.fixture
def keyless(built: None, browser: Browser) -> Iterator[Console]:
    """Visit a gateway that knows no key of any provider."""
    with tempfile.TemporaryDirectory() as folder:
        store = config_for(f"sqlite:///{folder}/wye.db")
        with serving(store=store) as gateway, Console.visiting(browser, gateway.url) as visitor:
            yield visitor


def say(console: Console, text: str) -> None:
    """Write a message and send it."""
    console.page.get_by_role("textbox", name="Message").fill(text)
    console.page.keyboard.press("Enter")


def said(console: Console) -> Locator:
    """What was said, question and answer by turns."""
    return console.page.get_by_role("list", name="Conversation").locator("> li")


@contextmanager
def held(house: House) -> Iterator[None]:
    """Let providers stop after the first piece of an answer until they are let go."""
    upstream, let_go = house.imitation.upstream, threading.Event()
    before = upstream.handler
    assert before is not None

    def slowly(received: Received) -> Reply:
        reply = before(received)
        pieces = list(reply.pieces)
        return dataclasses.replace(reply, pieces=[*pieces[:3], Hold(let_go), *pieces[3:]])

    upstream.handler = slowly
    try:
        yield
    finally:
        let_go.set()
        upstream.handler = before


def test_the_first_run_has_no_key_and_yet_an_answer_that_is_said_to_be_made_up(keyless: Console) -> None:
    keyless.open("/playground")
    expect(keyless.page.get_by_text("so the mock answers")).to_be_visible()
    keyless.page.get_by_role("button", name=re.compile("Explain what an LLM gateway does")).click()
    keyless.page.get_by_role("button", name="Send", exact=True).click()
    expect(said(keyless).last).to_contain_text("Mock response")
    expect(said(keyless).last).to_contain_text("mock/mock-fast")
    expect(keyless.page).to_have_url(re.compile("conversation=conv_"))
    keyless.check_axe()


def test_an_answer_is_markdown_and_says_who_gave_it_and_what_it_took(console: Console) -> None:
    console.open(f"/playground?{MINI}")
    say(console, "Look:\n\n## Merging\n\n- **one**\n\n```python\ndef merge(): ...\n```\n\n<b>no HTML</b>")
    answer = said(console).nth(1)
    expect(answer.get_by_role("heading", name="Merging")).to_be_visible()
    expect(answer.get_by_role("group", name="Code, python")).to_contain_text("def merge(): ...")
    expect(answer.locator("strong")).to_have_text("one")
    expect(answer.get_by_text("openai/gpt-4o-mini")).to_be_visible()
    expect(answer.get_by_text(re.compile(r"^\d+ in, \d+ out$"))).to_be_visible()
    expect(answer.get_by_text(re.compile(r"^\$0\.0000"))).to_be_visible()
    expect(answer.get_by_role("link", name="Request")).to_have_attribute("href", re.compile(r"request=req_"))
    console.check_axe()


def test_tools_are_shown_step_by_step_with_what_they_were_told_and_answered(console: Console) -> None:
    console.open(f"/playground?{MINI}&tools=calculator")
    say(console, 'call calculator {"expression": "2340 * 0.18"}')
    step = said(console).nth(1).get_by_role("button", name=re.compile("calculator answered"))
    step.click()
    expect(said(console).nth(1).get_by_role("group", name="Code").first).to_contain_text("2340 * 0.18")
    expect(said(console).nth(1)).to_contain_text('results: {"result":"421.2"')
    console.check_axe()


def test_a_stopped_answer_keeps_what_was_said_and_is_given_again(console: Console, seeded: House) -> None:
    console.open(f"/playground?{MINI}")
    with held(seeded):
        say(console, "one two three four five six")
        expect(said(console).nth(1)).to_contain_text("echo:")
        console.page.get_by_role("button", name="Stop").click()
        expect(said(console).nth(1)).to_contain_text("Stopped here.")
    expect(said(console).nth(1)).not_to_contain_text("six")
    expect(console.page).to_have_url(re.compile("conversation=conv_"))
    console.page.get_by_role("button", name="Answer again").click()
    expect(said(console).nth(1)).to_contain_text("echo: one two three four five six")
    expect(said(console).nth(1)).to_contain_text("2 of 2")
    said(console).nth(1).get_by_role("button", name="The one before").click()
    expect(said(console).nth(1)).to_contain_text("1 of 2")
    expect(said(console).nth(1)).not_to_contain_text("six")


def test_a_question_is_said_otherwise_on_a_branch_of_its_own_and_the_old_one_stays(console: Console) -> None:
    console.open(f"/playground?{MINI}")
    say(console, "first")
    expect(said(console).nth(1)).to_contain_text("echo: first")
    say(console, "second")
    expect(said(console).nth(3)).to_contain_text("echo: second")
    said(console).nth(0).get_by_role("button", name="Say something else instead").click()
    console.page.get_by_role("textbox", name="Say instead").fill("changed")
    console.page.get_by_role("button", name="Ask this instead").click()
    expect(said(console)).to_have_count(2)
    expect(said(console).nth(1)).to_contain_text("echo: changed")
    said(console).nth(0).get_by_role("button", name="The one before").click()
    expect(said(console)).to_have_count(4)
    expect(said(console).nth(3)).to_contain_text("echo: second")


def test_a_picture_and_a_text_go_along(console: Console) -> None:
    console.open(f"/playground?{MINI}")
    picture = bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
        "1f15c4890000000a49444154789c63000100000500010d0a2db40000000049454e44ae426082"
    )
    console.page.get_by_label("Pictures and files to send along").set_input_files(
        [
            FilePayload(name="dot.png", mimeType="image/png", buffer=picture),
            FilePayload(name="notes.md", mimeType="text/markdown", buffer=b"# Notes of today"),
        ]
    )
    expect(console.page.get_by_role("list", name="Sent along").get_by_role("listitem")).to_have_count(2)
    say(console, "look")
    expect(said(console).nth(1)).to_contain_text(f"[image/png {len(picture)} bytes]")
    expect(said(console).nth(1)).to_contain_text("Notes of today")
    expect(said(console).nth(0).get_by_role("img", name="dot.png")).to_be_visible()


def test_an_error_says_what_happened_and_the_question_can_be_asked_again(console: Console, seeded: House) -> None:
    console.excused.append("status of 4")
    upstream = seeded.imitation.upstream
    before = upstream.handler
    upstream.handler = lambda _: Reply.json({"error": {"message": "the prompt is not liked"}}, 400)
    console.open(f"/playground?{MINI}")
    try:
        say(console, "hello")
        expect(said(console).nth(1).get_by_role("alert")).to_contain_text("The prompt is not liked.")
    finally:
        upstream.handler = before
    console.page.get_by_role("button", name="Ask again").click()
    expect(said(console).nth(1)).to_contain_text("echo: hello")


def test_models_are_compared_on_one_prompt_by_time_tokens_and_cost(console: Console) -> None:
    names = ["openai/gpt-4o-mini", "anthropic/claude-opus-5", "groq/llama-3.1-8b-instant", "auto:cost"]
    console.open(f"/playground?mode=compare&models={','.join(names[:3])}")
    console.page.get_by_role("button", name="Add a model").click()
    console.page.get_by_role("combobox", name="Model 4").click()
    console.page.get_by_role("option", name=re.compile("auto:cost")).click()
    console.page.get_by_role("textbox", name="Prompt").fill("compare **us**")
    console.page.get_by_role("button", name="Ask all 4").click()
    lanes = console.page.get_by_role("list", name="Models side by side").locator("> li")
    expect(lanes).to_have_count(4)
    for at, name in enumerate(names):
        expect(lanes.nth(at)).to_contain_text("echo: compare us")
        if not name.startswith("auto"):
            expect(lanes.nth(at)).to_contain_text(name)
        expect(lanes.nth(at).get_by_text(re.compile(r"^<?\$0")).first).to_be_visible()
    expect(console.page.get_by_text("(best)").first).to_be_attached()
    console.check_axe()


def test_a_question_is_copied_as_curl_and_as_python(console: Console) -> None:
    console.open(f"/playground?{MINI}&temperature=0.2")
    console.page.get_by_role("textbox", name="Message").fill("it's me")
    console.page.get_by_role("button", name="Copy as").click()
    console.page.get_by_role("menuitem", name="Python").click()
    copied = console.page.evaluate("navigator.clipboard.readText()")
    compile(copied, "copied", "exec")
    assert '"it\'s me"' in copied
    assert "temperature=0.2" in copied
    console.page.get_by_role("button", name="Copy as").click()
    console.page.get_by_role("menuitem", name="curl").click()
    curl = console.page.evaluate("navigator.clipboard.readText()")
    body = json.loads(curl.split("-d '")[1].removesuffix("'").replace("'\\''", "'"))
    assert body["messages"] == [{"role": "user", "content": "it's me"}]
    assert body["model"] == "openai/gpt-4o-mini"
    assert curl.startswith(f"curl {console.url}/v1/chat/completions")


def test_the_model_selector_narrows_by_what_a_model_can_do(console: Console) -> None:
    console.open("/playground")
    console.page.get_by_role("combobox", name="Model").click()
    options = console.page.get_by_role("option")
    expect(options.filter(has_text="careful")).to_be_visible()
    expect(options.filter(has_text="auto:coding")).to_be_visible()
    console.page.get_by_role("button", name="Open weights").click()
    expect(options.filter(has_text="auto:coding")).to_have_count(0)
    console.page.get_by_placeholder("Search…").fill("gpt-oss-120b")
    options.filter(has_text="groq/openai/gpt-oss-120b").click()
    expect(console.page).to_have_url(re.compile("model=groq"))


def test_the_playground_fits_a_phone_with_its_parameters_and_four_models(phone: Console) -> None:
    phone.open(f"/playground?{MINI}")
    say(phone, "a " + "very " * 60 + "long line\n\n| a | b | c |\n|---|---|---|\n| " + "wide " * 20 + "| 2 | 3 |")
    expect(said(phone).nth(1)).to_contain_text("echo:")
    phone.check_width()
    phone.check_axe()
    phone.page.get_by_role("button", name="Parameters").click()
    phone.page.get_by_role("spinbutton", name="Temperature").fill("0.5")
    phone.check_axe()
