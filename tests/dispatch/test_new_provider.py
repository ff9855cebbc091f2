"""Adding a provider is one file, and adding a wire format is two: shown on a copy of the package that has them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.dispatch.wires import OPENAI
from tests.support.upstream import Received, Reply
from tests.support.upstream import Upstream as Server

import wye

PACKAGE = Path(wye.__file__).parent

ACME = """
[provider]
id = "acme"
name = "Acme"
adapter = "openai_chat"
base_url = "{url}/v1"
auth = "header"
auth_header = "x-acme-key"
key_env = ["ACME_API_KEY"]
env_prefix = "ACME"
model_prefixes = ["rocket-"]
default_model = "rocket-1"

[[models]]
id = "rocket-1"
context_window = 4096
price = {{ input = 1, output = 10, source = "their page", date = 2026-01-01 }}
"""

TELEGRAPH = """
[provider]
id = "telegraph"
name = "Telegraph"
adapter = "morse"
base_url = "{url}"
key_env = ["TELEGRAPH_API_KEY"]
env_prefix = "TELEGRAPH"
default_model = "cable"

[[models]]
id = "cable"
upstream_id = "transatlantic-cable"
price = {{ input = 1, output = 10, source = "their page", date = 2026-01-01 }}
"""

MORSE = '''
"""A wire format nobody has heard of: one line of JSON for the request, dots and dashes back."""

import json

from wye.core.errors import MalformedResponseError, RateLimitError
from wye.core.response import Choice, ChoiceDelta, ModelResponse, StreamChunk
from wye.core.usage import Usage
from wye.core.wire import WireRequest

WIRE = "morse"
FRAMING = "ndjson"


def build_request(call, target):
    text = " ".join(message.text for message in call.chat.messages)
    body = json.dumps({"to": target.name, "say": text, "stream": call.stream}).encode()
    return WireRequest(path="/key", body=body)


def parse_response(body):
    said = json.loads(body)
    if "said" not in said:
        raise MalformedResponseError("no signal")
    usage = Usage(input_tokens=said["in"], output_tokens=said["out"])
    return ModelResponse(choices=(Choice(content=said["said"], finish_reason="stop"),), usage=usage, wire=WIRE)


def parse_event(event, state):
    said = json.loads(event.data)
    if "stop" in said:
        state.done = True
        usage = Usage(input_tokens=said["in"], output_tokens=said["out"])
        return (StreamChunk(choices=(ChoiceDelta(finish_reason="stop"),), usage=usage, wire=WIRE),)
    return (StreamChunk(choices=(ChoiceDelta(content=said["said"]),), wire=WIRE),)


def parse_error(status, headers, body):
    return RateLimitError(body.decode(), upstream_status=status)
'''

PROGRAM = """
import asyncio, json, sys
import wye

HI = [{"role": "user", "content": "hi"}]

async def ask(router, name):
    whole = await router.route(HI, model=name)
    chunks = [chunk async for chunk in router.route_stream(HI, model=name)]
    said = "".join(chunk.content for chunk in chunks)
    return [whole.content, whole.provider, whole.model, str(whole.cost), said, str(chunks[-1].cost)]

async def main(names):
    async with wye.ModelRouter.from_env() as router:
        planned = [attempt.full_id for attempt in router.explain(names[0]).attempts]
        told = [await ask(router, name) for name in names]
        print(json.dumps({"file": wye.__file__, "planned": planned, "told": told}))

asyncio.run(main(sys.argv[1:]))
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PACKAGE, tmp_path / "copy" / "wye", ignore=shutil.ignore_patterns("__pycache__")))


def run(package: Path, *names: str, **environment: str) -> Any:
    """Ask these models through the copy of the package and return what was told."""
    path = {"PATH": os.environ["PATH"], "PYTHONPATH": str(package.parent), "HOME": str(package.parent)}
    command = [sys.executable, "-W", "error", "-c", PROGRAM, *names]
    done = subprocess.run(
        command, cwd=package.parent, env=path | environment, capture_output=True, text=True, check=False, timeout=30
    )
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert Path(told["file"]).is_relative_to(package)
    return told


def test_a_provider_of_a_known_wire_is_one_file(package: Path, server: Server) -> None:
    (package / "catalog" / "data" / "acme.toml").write_text(ACME.format(url=server.url))
    server.handler = lambda received: OPENAI.stream() if received.json.get("stream") else Reply.json(OPENAI.whole)
    told = run(package, "acme/rocket-1", "rocket-1", "rocket-unheard-of", "auto", ACME_API_KEY="sk-acme")
    assert told["planned"] == ["acme/rocket-1"]
    priced = ["hello you", "acme", "rocket-1", "0.000023", "hello you", "0.000023"]
    assert told["told"] == [
        priced,
        priced,
        ["hello you", "acme", "rocket-unheard-of", "None", "hello you", "None"],
        priced,
    ]
    for received in server.received:
        assert (received.path, received.headers["x-acme-key"]) == ("/v1/chat/completions", "sk-acme")
        assert "authorization" not in received.headers
    assert {received.json["model"] for received in server.received} == {"rocket-1", "rocket-unheard-of"}


def test_a_wire_format_is_two_files(package: Path, server: Server) -> None:
    (package / "adapters" / "morse.py").write_text(MORSE)
    (package / "catalog" / "data" / "telegraph.toml").write_text(TELEGRAPH.format(url=server.url))

    def answer(received: Received) -> Reply:
        if received.json["stream"]:
            lines = [{"said": ".... "}, {"said": ".."}, {"stop": True, "in": 3, "out": 2}]
            return Reply.stream([json.dumps(line).encode() + b"\n" for line in lines])
        return Reply.json({"said": ".... ..", "in": 3, "out": 2})

    server.handler = answer
    told = run(package, "telegraph/cable", "cable", "auto", TELEGRAPH_API_KEY="sk-tele")
    assert told["told"] == [[".... ..", "telegraph", "cable", "0.000023", ".... ..", "0.000023"]] * 3
    first = server.received[0]
    assert (first.path, first.json["to"], first.json["say"]) == ("/key", "transatlantic-cable", "hi")
    assert first.headers["authorization"] == "Bearer sk-tele"
