"""Keys that were planted wherever a key can be are found nowhere else: in no log, answer, row or journal."""

import json
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.gateway import Answer, Process, chat_body, process, provider
from tests.support.openai_wire import answer, stream
from tests.support.upstream import Reply, Upstream

ADMIN = "sk-wye-admin-canary-4b1f0a77c2d94e6f"
PROVIDERS = "sk-proj-canary-93ac5de8120b47f6a1d0"
WRONG = "sk-wye-wrong-canary-77aa01bb22cc33dd"
BOTH = {"authorization": f"Bearer {ADMIN}"}


class Told:
    """Everything that anybody was told."""

    def __init__(self, gateway: Process) -> None:
        self.gateway = gateway
        self.text = ""

    def note(self, told: Answer) -> Answer:
        self.text += f"{told.status} {told.headers} {told.body.decode(errors='replace')}\n"
        return told

    def get(self, path: str) -> Answer:
        return self.note(self.gateway.get(path, BOTH))

    def chat(self, key: str, *, streamed: bool = False) -> Answer:
        body = json.dumps(chat_body("up/m", stream=streamed)).encode()
        headers = {"authorization": f"Bearer {key}"}
        return self.note(self.gateway.request("POST", "/v1/chat/completions", body, headers))


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


def echo(status: int) -> Reply:
    """Refuse as providers do who quote what they were sent."""
    said = {"error": {"message": f"Incorrect API key provided: {PROVIDERS}.", "type": "invalid_request_error"}}
    return Reply.json(said, status=status)


def everything_in(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != "wye.toml":
            yield str(path.relative_to(folder)), path.read_bytes()


def test_planted_keys_are_found_nowhere(upstream: Upstream) -> None:
    settings = f'[server]\nadmin_key = "{ADMIN}"\n[retry]\nmax_retries = 0\n[breaker]\nenabled = false\n'
    settings += provider("up", upstream.url + "/v1", f'api_keys = ["{PROVIDERS}"]')
    settings += '[models."up/m"]\ninput_cost_per_million = 1\noutput_cost_per_million = 2\n'
    with process(settings, "--debug") as gateway:
        told = Told(gateway)
        made = gateway.request("POST", "/api/keys", b'{"name": "canary"}', BOTH)
        assert made.status == 201, made.body
        virtual = made.json["key"]
        assert len(virtual) > 20
        for key in (ADMIN, virtual):
            upstream.reply_with(answer("Hi"))
            assert told.chat(key).status == 200
            upstream.reply_with(stream("Hi"))
            assert told.chat(key, streamed=True).status == 200
            upstream.reply_with(echo(401))
            assert told.chat(key).status >= 400
            upstream.reply_with(echo(500))
            assert told.chat(key).status >= 400
        assert told.chat(WRONG).status == 401
        for path in ("/api/keys", "/api/usage", "/api/audit", "/api/llm-providers/status", "/metrics",
                     "/api/llm-providers/telemetry/export?format=csv", "/api/llm-providers/telemetry"):  # fmt: skip
            assert told.get(path).status == 200, path
        lock = sqlite3.connect(gateway.folder / "wye.db", isolation_level=None)
        lock.execute("PRAGMA busy_timeout = 5000")
        lock.execute("BEGIN IMMEDIATE")  # so that what comes now stays in the journal
        upstream.reply_with(answer("Hi"))
        assert told.chat(virtual).status == 200
        for words in (("config", "show"), ("providers",)):
            shown = gateway.command(*words)
            told.text += shown.stdout + shown.stderr
        gateway.tell(signal.SIGKILL)
        gateway.wait()
        lock.close()
        journals = [name for name, _ in everything_in(gateway.folder) if name.endswith(".journal")]
        assert journals
        with sqlite3.connect(gateway.folder / "wye.db") as database:
            rows = "\n".join(database.iterdump())
        database.close()
        for canary in (ADMIN, PROVIDERS, WRONG, virtual):
            assert canary not in told.text
            assert canary not in rows
            found = [name for name, data in everything_in(gateway.folder) if canary.encode() in data]
            assert found == []
