"""Vercel's `ai` with its OpenAI-compatible provider, run by Node.

npm installs it into `.cache` beside this file, by the lock file in `vercel`, when a machine runs these tests first.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from tests.support.gateway import PATIENCE, Running, environment

pytestmark = [pytest.mark.clients, pytest.mark.timeout(200)]

Json: TypeAlias = Any

SOURCES = Path(__file__).parent / "vercel"
CACHE = Path(__file__).parent / ".cache"
OLDEST_NODE = 18
INSTALL_SECONDS = 150
NO_NETWORK = re.compile(
    r"\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT)\b"
)


@pytest.fixture(scope="module")
def heard(gateway: Running) -> Json:
    """Return what the program heard from the gateway, by scene."""
    program = installed() / "chat.mjs"
    shutil.copy(SOURCES / "chat.mjs", program)
    ran = subprocess.run(
        ["node", program, gateway.url],
        env=environment(NO_PROXY="127.0.0.1"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=3 * PATIENCE,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stderr
    return json.loads(ran.stdout)


def installed() -> Path:
    """Return the folder of what the lock file names, installed if it was not; skip where that cannot be."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"there is no {program} on this machine")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.lstrip("v").split(".")[0]) < OLDEST_NODE:
        pytest.skip(f"node is {version}, and Vercel's ai needs {OLDEST_NODE} or newer")
    lock = (SOURCES / "package-lock.json").read_bytes()
    folder = CACHE / f"vercel-{hashlib.sha256(lock).hexdigest()[:16]}"
    if not folder.exists():
        CACHE.mkdir(exist_ok=True)
        # Installed elsewhere and renamed, so that what was interrupted is never taken for whole.
        with tempfile.TemporaryDirectory(dir=CACHE) as name:
            fresh = Path(name, "vercel")
            fresh.mkdir()
            install_into(fresh)
            fresh.rename(folder)
    return folder


def install_into(folder: Path) -> None:
    """Install what the lock file names."""
    for source in ("package.json", "package-lock.json"):
        shutil.copy(SOURCES / source, folder)
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=20000"]
    try:
        ran = subprocess.run(
            ["npm", "ci", *options],
            cwd=folder,
            env={**os.environ, "npm_config_update_notifier": "false"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm could not install Vercel's ai within {INSTALL_SECONDS} seconds")
    if ran.returncode and (found := NO_NETWORK.search(ran.stderr)):
        pytest.skip(f"npm could not install Vercel's ai for lack of a network: {found[0]}")
    assert ran.returncode == 0, ran.stderr


def test_generate_text_answers_with_reasoning_and_usage(heard: Json) -> None:
    assert heard["whole"] == {
        "text": "Mock response",
        "finishReason": "stop",
        "usage": [1, 6],
        "reasoningText": "Let me think.",
        "model": "mock/mock-fast",
    }


def test_stream_text_comes_in_pieces_with_usage(heard: Json) -> None:
    assert heard["streamed"] == {"pieces": ["Mock", " response"], "finishReason": "stop", "usage": [1, 2]}


@pytest.mark.parametrize("scene", ["toolLoop", "streamedToolLoop"])
def test_a_tool_is_called_and_its_result_answered(heard: Json, scene: str) -> None:
    called, answered = heard[scene]
    assert called == {
        "finish": "tool-calls",
        "calls": [{"toolName": "weather", "input": {"city": "example"}}],
        "results": ["rain in example"],
        "text": "",
    }
    assert answered == {"finish": "stop", "calls": [], "results": [], "text": "The tool answered: rain in example"}


def test_structured_output_fits_its_schema(heard: Json) -> None:
    assert heard["structured"]["city"] == "example"
    assert isinstance(heard["structured"]["degrees"], int)


def test_an_unknown_model_is_a_call_error_with_the_gateways_words(heard: Json) -> None:
    assert heard["unknownModel"]["isCallError"] is True
    assert heard["unknownModel"]["status"] == 404
    assert "none-such" in heard["unknownModel"]["message"]


def test_a_stream_that_is_cut_is_an_error_after_what_was_said(heard: Json) -> None:
    assert heard["cut"]["text"] == ["one", " two"]
    assert len(heard["cut"]["errors"]) == 1
    assert "cut off" in heard["cut"]["errors"][0]
