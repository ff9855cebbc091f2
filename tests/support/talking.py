"""A gateway that holds conversations, with a provider whose answers a test chooses and two users.

A test folder takes it by `from tests.support.talking import *  # noqa: F403` in its conftest.py.
"""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support import openai_wire as wire
from tests.support.databases import config_for
from tests.support.gateway import PATIENCE, Address, Answer, Json, Running, provider, serving
from tests.support.postgres import Server
from tests.support.upstream import Received, Reply, Upstream

__all__ = ["ann", "bob", "chief", "model", "talking"]

ADMIN_KEY = "wye-admin-0123456789abcdefghij"
SETTINGS = """
[server]
admin_key = "{admin}"

{provider}
[models."up/large"]
context_window = 100000
input_cost_per_million = 1.0
output_cost_per_million = 10.0
capabilities = ["text", "function-calling", "vision", "pdf", "streaming"]

[models."up/small"]
context_window = 600
capabilities = ["text", "streaming"]

[models."up/other"]
context_window = 100000
capabilities = ["text", "function-calling", "streaming"]

[models."up/titler"]
context_window = 100000

[chat]
title_model = "up/titler"
max_attachment_bytes = 20000
max_attachments = 3
max_message_characters = 5000
max_messages = 30
max_conversation_bytes = 30000

[agents.pirate]
description = "Talks like one"
instructions = "You are a pirate."
model = "up/other"
tools = ["calculator"]
temperature = 0.1
max_rounds = 1
"""


class Scripted:
    """The provider behind the gateway: answers what `says` returns, which gets the decoded request."""

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        self.says: Callable[[Json], Reply | str] = lambda _: "Hello"
        self.title = "Greetings Among Friends"
        upstream.handler = self._answer

    @property
    def asked(self) -> list[Json]:
        """The requests so far, but for those of titles."""
        return [one.json for one in self.upstream.received if one.json["model"] != "titler"]

    def _answer(self, request: Received) -> Reply:
        asked = request.json
        said = self.title if asked["model"] == "titler" else self.says(asked)
        if isinstance(said, Reply):
            return said
        return wire.stream(said) if asked.get("stream") else wire.answer(said)


def calls(asked: Json, *called: tuple[str, Json]) -> Reply:
    """Answer with calls of tools, whole or streamed as `asked`."""
    listed = [
        {"id": f"call_{at}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
        for at, (name, arguments) in enumerate(called)
    ]
    if not asked.get("stream"):
        return Reply.json(wire.completion(None, finish_reason="tool_calls", tool_calls=listed))
    pieces = [wire.event(tool_calls=[{"index": at, **one}]) for at, one in enumerate(listed)]
    ends = [wire.event(finish_reason="tool_calls"), wire.event(usage=wire.USAGE), wire.DONE]
    return Reply.stream([*pieces, *ends])


class Talker:
    """Somebody with a key of their own."""

    def __init__(self, gateway: Address, key: str, user: str) -> None:
        self.gateway = gateway
        self.user = user
        self.key = key

    def __call__(self, method: str, path: str, body: Any = None) -> Answer:
        """Send a request: bytes as they are, nothing for `None`, the rest as JSON."""
        sent = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        return self.gateway.request(method, path, sent, {"authorization": f"Bearer {self.key}"})

    def says(self, message: str, **members: Any) -> Json:
        """Send a message to the large model unless told otherwise, and return what came of it."""
        answer = self("POST", "/api/chat/message", {"message": message, "model": "up/large", **members})
        assert answer.status == 200, answer.body
        return answer.json

    def hears(self, message: str, **members: Any) -> list[Json]:
        """Do the same and return the events."""
        answer = self("POST", "/api/chat/message/stream", {"message": message, "model": "up/large", **members})
        assert answer.status == 200, answer.body
        return [json.loads(event) for event in answer.events]

    def told(self, conversation: str, head: str | None = None) -> list[Json]:
        """Return the messages of a conversation."""
        query = "" if head is None else f"?head={head}"
        messages: list[Json] = self("GET", f"/api/conversations/{conversation}/messages{query}").json["messages"]
        return messages

    def shown(self, conversation: str) -> Json:
        """Return a conversation."""
        return self("GET", f"/api/conversations/{conversation}").json

    def waits_until(self, conversation: str, fits: Callable[[Json], bool]) -> Json:
        """Return a conversation once it fits."""
        until = time.monotonic() + PATIENCE
        while not fits(found := self.shown(conversation)):
            assert time.monotonic() < until, found
            time.sleep(0.02)
        return found


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def talking(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Running, Upstream]]:
    """Serve on a database of each kind."""
    if request.param == "sqlite":
        file: Path = tmp_path_factory.mktemp("talking") / "wye.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), file)
        url, drop = f"sqlite:///{file}", ""
    else:
        server: Server = request.getfixturevalue("postgres")
        name = f"talking_{request.module.__name__.rpartition('.')[2]}"
        template = request.getfixturevalue("postgres_template")
        server.psql(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        url, drop = server.url(name), f"DROP DATABASE {name} WITH (FORCE)"
    with Upstream() as upstream:
        settings = SETTINGS.format(admin=ADMIN_KEY, provider=provider("up", upstream.url))
        with serving(settings, store=config_for(url)) as running:
            yield running, upstream
    if drop:
        request.getfixturevalue("postgres").psql(drop)


@pytest.fixture
def model(talking: tuple[Running, Upstream]) -> Scripted:
    """Return the provider, as if nothing had been asked of it."""
    talking[1].received.clear()
    return Scripted(talking[1])


def _talker(gateway: Running, user: str) -> Talker:
    admin = Talker(gateway, ADMIN_KEY, "admin")
    if admin("GET", f"/api/users/{user}").status == 404:
        assert admin("POST", "/api/users", {"name": user, "id": user}).status == 201
    made = admin("POST", "/api/keys", {"userId": user, "scopes": ["use", "read", "manage"]})
    assert made.status == 201, made.body
    return Talker(gateway, made.json["key"], user)


@pytest.fixture
def ann(talking: tuple[Running, Upstream], model: Scripted) -> Talker:
    """Return somebody whose conversations these are."""
    del model
    return _talker(talking[0], "ann")


@pytest.fixture
def chief(talking: tuple[Running, Upstream]) -> Talker:
    """Return the administrator."""
    return Talker(talking[0], ADMIN_KEY, "admin")


@pytest.fixture
def bob(talking: tuple[Running, Upstream]) -> Talker:
    """Return somebody else."""
    return _talker(talking[0], "bob")
