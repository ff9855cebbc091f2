"""A person's afternoon with the gateway, from the first key to the last answer: one program, one story.

`wye serve` runs in a process of its own, with a store. Behind it stand two providers on this machine, which answer as
providers once did where there is a recording of it; the calls of tools are made up, for no provider was ever recorded
calling these.
"""

import base64
import csv
import io
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.asking import call, calling, calling_in_pieces
from tests.support.gateway import PATIENCE, Answer, Process, process, provider
from tests.support.openai_wire import answer, refusal, stream
from tests.support.oracle import expect
from tests.support.recordings import Recording, Wire, load, needs_recordings
from tests.support.replaying import replay
from tests.support.toolturns import told_of
from tests.support.upstream import Received, Reply, Upstream

ADMIN_KEY = "wye-admin-0123456789abcdefghij"
FIRST_KEY, SECOND_KEY = "sk-first-0123456789abcdefghij", "sk-ant-second-0123456789abcdefghij"
PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def recorded(wire: Wire, name: str) -> Recording:
    (found,) = [one for one in load(wire) if one.id.endswith(name)]
    return found


def text_of(wire: Wire, recording: Recording) -> str:
    return expect(wire, recording.response_body, recording.streamed).choices[0].text


AGAIN = "test_anthropic_cache_real_api.yaml#0"
"""A question that was once asked of the second provider."""
TITLE = "A potato and an invoice"
TITLE_COST = (3 * Decimal("0.15") + 2 * Decimal("0.60")) / 10**6


class Provider(Upstream):
    """A provider that says what it is told to, in order, and finds titles for conversations in between."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Reply] = []
        self.otherwise = refusal(503)
        self.asked: list[Received] = []
        self.handler = self._reply

    def says(self, *replies: Reply) -> None:
        self.waiting += replies

    def _reply(self, request: Received) -> Reply:
        if b"Write a title" in request.body:
            return answer(TITLE)
        self.asked.append(request)
        return self.waiting.pop(0) if self.waiting else self.otherwise


@dataclass
class Afternoon:
    """The person's desk: the gateway, and the two providers behind it."""

    gateway: Process
    first: Provider
    second: Provider
    spent: list[Decimal] = field(default_factory=list)

    def asked(self, method: str, path: str, body: Any = None) -> Answer:
        sent = None if body is None else json.dumps(body).encode()
        return self.gateway.request(method, path, sent, {"authorization": f"Bearer {ADMIN_KEY}"})

    def get(self, path: str) -> Any:
        answer = self.asked("GET", path)
        assert answer.status == 200, answer.body
        return answer.json

    def post(self, path: str, **body: Any) -> Any:
        answer = self.asked("POST", path, body)
        assert answer.status in {200, 201}, answer.body
        return answer.json

    def until(self, path: str, there: Callable[[Any], object]) -> Any:
        """Return what is at a path as soon as it is so: what the books say is there a moment later."""
        deadline = time.monotonic() + PATIENCE
        while not there(found := self.get(path)):
            assert time.monotonic() < deadline, found
            time.sleep(0.05)
        return found

    def say(self, message: str, **more: Any) -> Any:
        """Say something in the chat; what it cost is remembered."""
        told = self.post("/api/chat/message", message=message, **more)
        self.spent.append(Decimal(str(told["cost"])))
        return told

    def until_said(self, message: str, conversation: str, *, status: int) -> Answer:
        """Say the same again until it is answered with `status`."""
        deadline = time.monotonic() + PATIENCE
        body = {"message": message, "conversation": conversation}
        while (told := self.asked("POST", "/api/chat/message", body)).status != status:
            assert time.monotonic() < deadline, told.body
            time.sleep(0.1)
        return told

    def hear(self, message: str, **more: Any) -> list[Any]:
        """Say something, and hear the answer as it comes."""
        answer = self.asked("POST", "/api/chat/message/stream", {"message": message, **more})
        assert answer.status == 200, answer.body
        events = [json.loads(event) for event in answer.events]
        self.spent.append(Decimal(str(events[-1]["cost"])))
        return events


@contextmanager
def afternoon(folder: Path) -> Iterator[Afternoon]:
    files = folder / "files"
    files.mkdir()
    (files / "invoice.txt").write_text("Net 1250.00 EUR, VAT 19 %\n")
    settings = f"""
[server]
admin_key = "{ADMIN_KEY}"
[identity]
charge_own_keys = true
[tools.filesystem]
enabled = true
root = "{files}"
[chat]
title_model = "openai/gpt-4o-mini"
[routing]
default_models = {{ openai = "gpt-4o", anthropic = "claude-3-haiku-20240307" }}
[retry]
max_retries = 1
base_delay = 0.01
"""
    with Provider() as first, Provider() as second:
        settings += provider("openai", f"{first.url}/v1") + provider("anthropic", f"{second.url}/v1")
        with process(settings, WYE_SECRET_KEY="a secret for this afternoon") as gateway:
            yield Afternoon(gateway, first, second)


@needs_recordings
@pytest.mark.timeout(120)
def test_a_persons_afternoon(tmp_path: Path) -> None:
    with afternoon(tmp_path) as here:
        tries_the_mock(here)
        sets_two_keys(here)
        looks_at_models(here)
        switches(here)
        conversation = chats_with_a_picture(here)
        uses_tools(here, conversation)
        loses_the_provider(here, conversation)
        reads_what_it_cost(here, conversation)
        exports_telemetry(here)
        hits_a_budget_and_raises_it(here, conversation)
        finishes(here, conversation)


def tries_the_mock(here: Afternoon) -> None:
    told = here.say("Hello", keep=False)
    assert (told["provider"], told["cost"]) == ("mock", 0)


def sets_two_keys(here: Afternoon) -> None:
    for name, key in (("openai", FIRST_KEY), ("anthropic", SECOND_KEY)):
        told = here.asked("PUT", f"/api/provider-keys/{name}", {"apiKey": key})
        assert told.status == 200, told.body
        assert key not in told.body.decode()
    kept = {one["provider"]: one["apiKey"] for one in here.get("/api/provider-keys")["providerKeys"]}
    assert kept.keys() == {"openai", "anthropic"}


def looks_at_models(here: Afternoon) -> None:
    there = here.get("/api/llm-providers/models?available=true")["models"]
    assert {one["provider"] for one in there} - {"mock"} == {"openai", "anthropic"}
    some = here.get("/api/llm-providers/models?provider=openai&capability=vision&maxCost=0.01&available=true")["models"]
    assert 0 < len(some) < len(there)
    assert all(one["provider"] == "openai" and "vision" in one["capabilities"] for one in some)
    best = here.post("/api/llm-providers/models/recommend", capabilities=["vision", "function-calling"])
    assert best["recommendation"]["available"]
    assert best["recommendation"]["fullId"] in {one["fullId"] for one in there}


def switches(here: Afternoon) -> None:
    for name in ("anthropic", "openai"):
        told = here.asked("PUT", "/api/preferences", {"preferredLlmProvider": name})
        assert told.json["preferredLlmProvider"] == name
    plan = here.post("/api/llm-providers/explain", prompt="Hello")
    assert plan["attempts"][0]["provider"] == "openai"


def chats_with_a_picture(here: Afternoon) -> str:
    seen = recorded("openai_chat", "test_image_url_tool_response.yaml#1")
    here.first.says(replay("openai_chat", seen))
    sent = f"data:image/png;base64,{base64.b64encode(PICTURE).decode()}"
    told = here.say("What is in this picture?", attachments=[{"name": "field.png", "data": sent}])
    assert told["response"] == text_of("openai_chat", seen)
    assert (told["provider"], told["model"]) == ("openai", "gpt-4o")
    asked = here.first.asked[-1]
    assert asked.headers["authorization"] == f"Bearer {FIRST_KEY}"
    assert sent in [part.get("image_url", {}).get("url") for part in asked.json["messages"][-1]["content"]]
    conversation = str(told["conversation"])
    shown = here.until(f"/api/conversations/{conversation}", lambda told: told["titleSource"] == "model")
    assert shown["title"] == TITLE
    return conversation


def uses_tools(here: Afternoon, conversation: str) -> None:
    read = call('{"action": "read", "path": "invoice.txt"}', "call_read", "filesystem")
    count = call('{"expression": "1250.00 * 1.19"}', "call_count", "calculator")
    here.first.says(calling_in_pieces(read, count), stream("It comes to ", "1487.50 EUR."))
    events = here.hear(
        "What is on the invoice, with VAT?", conversation=conversation, tools=["filesystem", "calculator"]
    )
    kinds = [one["type"] for one in events]
    assert kinds[0] == "start"
    assert sorted(kinds[1:5]) == ["toolCall", "toolCall", "toolResult", "toolResult"]
    assert kinds[5:] == ["content", "content", "done"]
    results = {one["id"]: one["result"] for one in events if one["type"] == "toolResult"}
    assert "Net 1250.00 EUR" in results["call_read"]
    assert "1487.5" in results["call_count"]
    done = events[-1]
    assert (done["response"], done["rounds"]) == ("It comes to 1487.50 EUR.", 2)
    assert [(one["name"], one["success"]) for one in done["toolsCalled"]] == [
        ("filesystem", True),
        ("calculator", True),
    ]
    told = told_of("openai_chat", here.first.asked[-1].json)
    assert {one.id: one.result for one in told} == results


def loses_the_provider(here: Afternoon, conversation: str) -> None:
    """It falls ill between a tool and the answer, and is gone altogether at the next question."""
    half = call('{"expression": "1487.50 / 2"}', "call_half", "calculator")
    answered = recorded("anthropic_messages", AGAIN)
    here.first.says(calling(half))
    here.second.says(replay("anthropic_messages", answered))
    told = here.say("Halve it, and what is Python?", conversation=conversation, tools=["calculator"])
    assert (told["provider"], told["rounds"]) == ("anthropic", 2)
    assert told["attempts"] >= 3
    assert told["response"] == text_of("anthropic_messages", answered)
    asked = here.second.asked[-1]
    assert asked.headers["x-api-key"] == SECOND_KEY
    assert "It comes to 1487.50 EUR." in json.dumps(asked.json["messages"])
    assert [(one.id, one.result) for one in told_of("anthropic_messages", asked.json)] == [
        ("call_half", told["toolsCalled"][0]["result"])
    ]
    here.first.refusing = True
    here.second.says(replay("anthropic_messages", answered))
    assert here.say("Say that again.", conversation=conversation)["provider"] == "anthropic"


def reads_what_it_cost(here: Afternoon, conversation: str) -> None:
    whole = sum(here.spent, TITLE_COST)
    shown = here.until(
        f"/api/usage?by=conversation&conversation={conversation}",
        lambda told: told["groups"] and told["groups"][0]["usage"]["requests"] == 7,
    )
    (group,) = shown["groups"]
    assert group["name"] == conversation
    assert Decimal(str(group["usage"]["cost"])) == whole
    assert group["usage"]["failovers"] >= 1


def exports_telemetry(here: Afternoon) -> None:
    exported = here.asked("GET", "/api/llm-providers/telemetry/export?format=csv")
    assert exported.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(exported.body.decode())))
    assert {row["provider"] for row in rows} == {"openai", "anthropic", "mock"}
    assert sum(int(row["requests"]) for row in rows) == 8
    assert sum(int(row["failovers"]) for row in rows) >= 1
    assert sum(Decimal(row["cost"]) for row in rows) == sum(here.spent, TITLE_COST)


def hits_a_budget_and_raises_it(here: Afternoon, conversation: str) -> None:
    """What is written down holds a moment later."""
    here.second.otherwise = replay("anthropic_messages", recorded("anthropic_messages", AGAIN))
    spent = float(sum(here.spent))
    made = here.post("/api/budgets", scope="user", target="admin", amount=spent / 2, period="month")
    refused = here.until_said("One more?", conversation, status=402)
    assert refused.error["code"] == "budget_exceeded"
    raised = here.asked("PATCH", f"/api/budgets/{made['id']}", {"amount": spent + 5})
    assert raised.json["left"] > 0
    assert here.until_said("One more?", conversation, status=200).json["provider"] == "anthropic"


def finishes(here: Afternoon, conversation: str) -> None:
    path = f"/api/conversations/{conversation}"
    written = here.asked("GET", f"{path}/export?format=md").body.decode()
    assert written.startswith(f"# {TITLE}")
    assert "It comes to 1487.50 EUR." in written.replace("\\", "")
    assert here.asked("DELETE", path).status in {200, 204}
    assert here.asked("GET", path).status == 404
    for key in (FIRST_KEY, SECOND_KEY, ADMIN_KEY):
        assert key not in here.gateway.log
