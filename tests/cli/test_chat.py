"""`wye chat` shows an answer as it comes, keeps it apart from what is about it, and says by its status how it went."""

import base64
import json
import os
import re
import signal
import struct
import subprocess
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.cli.conftest import Wye
from tests.support.gateway import PATIENCE, command, environment
from tests.support.openai_wire import DONE, USAGE, answer, event, refusal, stream, words
from tests.support.upstream import Cut, Hang, Hold, Reply, Upstream


def png() -> bytes:
    """Return the smallest picture there is: one grey pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\0\x80")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@contextmanager
def begun(folder: Path, *arguments: str, stdin: int = subprocess.DEVNULL) -> Iterator["subprocess.Popen[bytes]"]:
    """Run `wye` and look at it while it runs."""
    with subprocess.Popen(  # our own program
        command(*arguments),
        cwd=folder,
        env=environment(),
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def read_until(running: "subprocess.Popen[bytes]", text: bytes) -> bytes:
    assert running.stdout is not None
    seen = b""
    while text not in seen:
        piece = os.read(running.stdout.fileno(), 4096)
        assert piece, seen
        seen += piece
    return seen


# --- What is shown ---


def test_the_answer_is_all_of_standard_output_and_the_summary_is_beside_it(program: Wye) -> None:
    done = program("chat", "one two three")
    assert done.returncode == 0
    assert done.stdout == "Mock response\n"
    assert re.fullmatch(
        r"mock/mock-fast · 3 in, 2 out · \$0\.00 · first token after \d\.\d\d s, all after \d\.\d\d s\n", done.stderr
    )


def test_words_are_shown_as_they_come(tmp_path: Path, upstream: Upstream) -> None:
    let_go = threading.Event()
    upstream.reply_with(
        Reply.stream([*words("Hel"), Hold(let_go), event(content="lo"), event(finish_reason="stop"), DONE])
    )
    with begun(tmp_path, "chat", "Hi", "-m", "up/m") as running:
        assert read_until(running, b"Hel") == b"Hel"
        let_go.set()
        assert read_until(running, b"\n") == b"lo\n"
        assert running.wait(PATIENCE) == 0


def test_words_of_the_prompt_need_no_quotes(program: Wye, upstream: Upstream) -> None:
    upstream.reply_with(stream("Hello"))
    program("chat", "-m", "up/m", "what", "is", "a", "wye?")
    assert upstream.received[-1].json["messages"] == [{"role": "user", "content": "what is a wye?"}]


def test_options_reach_the_provider(program: Wye, upstream: Upstream) -> None:
    upstream.reply_with(stream("Hello"))
    program("chat", "Hi", "--model", "up/m", "--system", "Be brief.", "--temperature", "0.5", "--max-tokens", "7")
    asked = upstream.received[-1].json
    assert asked["messages"][0] == {"role": "system", "content": "Be brief."}
    assert (asked["temperature"], asked["max_tokens"], asked["stream"]) == (0.5, 7, True)


def test_an_alias_answers_under_the_name_of_who_did(program: Wye, tmp_path: Path, upstream: Upstream) -> None:
    with (tmp_path / "wye.toml").open("a") as settings:
        settings.write('[aliases]\nquick = ["up/their-model"]\n')
    upstream.reply_with(stream("Hello"))
    done = program("chat", "Hi", "-m", "quick")
    assert done.stderr.startswith("up/their-model · 3 in, 2 out · unknown · ")


def test_thoughts_are_beside_the_answer(program: Wye, upstream: Upstream) -> None:
    pieces = [event(reasoning_content="Let me"), event(reasoning_content=" think."), event(content="Four.")]
    upstream.reply_with(Reply.stream([*pieces, event(finish_reason="stop"), DONE]))
    done = program("chat", "2 + 2?", "-m", "up/m")
    assert done.stdout == "Four.\n"
    assert done.stderr.startswith("Let me think.\nup/m · ")


def test_calls_of_tools_are_shown_each_on_its_line(program: Wye, upstream: Upstream) -> None:
    calls = [
        {"index": 0, "id": "a", "function": {"name": "capital", "arguments": '{"of": '}},
        {"index": 0, "function": {"arguments": '"[France]"}'}},
        {"index": 1, "id": "b", "function": {"name": "clock", "arguments": "{}"}},
    ]
    pieces = [event(content="Let me see."), *(event(tool_calls=[call]) for call in calls)]
    upstream.reply_with(Reply.stream([*pieces, event(finish_reason="tool_calls"), DONE]))
    done = program("chat", "Hi", "-m", "up/m")
    assert done.stdout == 'Let me see.\ncapital {"of": "[France]"}\nclock {}\n'


def test_json_is_the_whole_answer_for_a_program(program: Wye, upstream: Upstream) -> None:
    upstream.reply_with(answer("Hello"))
    done = program("chat", "Hi", "-m", "up/m", "--json")
    assert done.returncode == 0
    assert done.stderr == ""
    told = json.loads(done.stdout)
    assert (told["content"], told["provider"], told["model"]) == ("Hello", "up", "m")
    assert (told["finish_reason"], told["cost_usd"], told["tool_calls"]) == ("stop", None, [])
    assert told["usage"]["input_tokens"] == USAGE["prompt_tokens"]


def test_what_it_cost_is_a_number_in_json(program: Wye) -> None:
    assert json.loads(program("chat", "Hi", "--json").stdout)["cost_usd"] == 0


# --- What goes in ---


def test_a_picture_is_sent_with_its_type(program: Wye, tmp_path: Path, upstream: Upstream) -> None:
    upstream.reply_with(stream("A pixel."))
    (tmp_path / "pixel.png").write_bytes(png())
    done = program("chat", "What is this?", "-m", "up/m", "--image", "pixel.png", "-i", "https://example.com/a.jpg")
    assert done.returncode == 0
    text, first, second = upstream.received[-1].json["messages"][0]["content"]
    assert text == {"type": "text", "text": "What is this?"}
    head, _, data = first["image_url"]["url"].partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(data) == png()
    assert second == {"type": "image_url", "image_url": {"url": "https://example.com/a.jpg"}}


@pytest.mark.parametrize(("name", "said"), [("none.png", "cannot be read"), ("notes.txt", "no image but text/plain")])
def test_a_picture_that_is_none_is_wrong_use(program: Wye, tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "notes.txt").write_text("notes")
    done = program("chat", "What is this?", "--image", name)
    assert done.returncode == 2
    assert said in done.stderr


@pytest.mark.parametrize("arguments", [(), ("-",)])
def test_without_words_the_prompt_is_what_is_piped_in(
    program: Wye, upstream: Upstream, arguments: tuple[str, ...]
) -> None:
    upstream.reply_with(stream("Hello"))
    program("chat", *arguments, "-m", "up/m", piped="piped in\n")
    assert upstream.received[-1].json["messages"][0]["content"] == "piped in"


def test_what_is_piped_in_follows_the_words(program: Wye, upstream: Upstream) -> None:
    upstream.reply_with(stream("Hello"))
    program("chat", "Sum this up:", "-m", "up/m", piped="line one\nline two\n")
    assert upstream.received[-1].json["messages"][0]["content"] == "Sum this up:\n\nline one\nline two"


def test_a_program_that_takes_its_time_is_waited_for(tmp_path: Path, upstream: Upstream) -> None:
    upstream.reply_with(stream("Hello"))
    with begun(tmp_path, "chat", "Sum this up:", "-m", "up/m", stdin=subprocess.PIPE) as running:
        assert running.stderr is not None
        assert b"waiting for the program that pipes into this one" in running.stderr.readline()
        running.communicate(b"piped in late", timeout=PATIENCE)
    assert upstream.received[-1].json["messages"][0]["content"] == "Sum this up:\n\npiped in late"


@pytest.mark.parametrize("piped", [None, "", " \n"])
def test_an_empty_prompt_is_wrong_use(program: Wye, piped: str | None) -> None:
    done = program("chat", piped=piped)
    assert done.returncode == 2
    assert "the prompt is empty" in done.stderr


# --- How it ends ---


def test_an_unknown_model_is_wrong_use_and_near_names_are_told(program: Wye) -> None:
    done = program("chat", "Hi", "-m", "mock-fats")
    assert (done.returncode, done.stdout) == (2, "")
    assert "mock/mock-fast" in done.stderr


def test_a_model_without_a_key_is_wrong_use_and_the_variable_is_told(program: Wye) -> None:
    done = program("chat", "Hi", "-m", "openai/gpt-4o-mini")
    assert done.returncode == 2
    assert "OPENAI_API_KEY" in done.stderr


@pytest.mark.parametrize("arguments", [(), ("--json",)])
@pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
def test_a_provider_that_fails_is_a_failure(
    program: Wye, upstream: Upstream, status: int, arguments: tuple[str, ...]
) -> None:
    upstream.reply_with(refusal(status, "what [it] said"))
    done = program("chat", "Hi", "-m", "up/m", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error up: what [it] said\n"


def test_a_stream_that_breaks_off_leaves_its_words_and_says_so(program: Wye, upstream: Upstream) -> None:
    upstream.reply_with(Reply.stream([*words("Hel"), Cut()]))
    done = program("chat", "Hi", "-m", "up/m")
    assert (done.returncode, done.stdout) == (1, "Hel\n")
    assert done.stderr.startswith("error up: ")


def test_control_c_ends_the_call_at_the_provider(tmp_path: Path, upstream: Upstream) -> None:
    upstream.reply_with(Reply.stream([*words("Hel"), Hang()]))
    with begun(tmp_path, "chat", "Hi", "-m", "up/m") as running:
        read_until(running, b"Hel")
        running.send_signal(signal.SIGINT)
        rest, said = running.communicate(timeout=PATIENCE)
        assert running.returncode == 1
    assert rest == b"\n"
    assert said == b"stopped\n"
    assert upstream.wait_disconnect(PATIENCE)


def test_a_reader_that_leaves_is_no_reason_for_a_traceback(tmp_path: Path) -> None:
    with begun(tmp_path, "models") as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.readline()
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait(PATIENCE) == 1


@pytest.mark.parametrize(
    "arguments", [("--temperature", "hot"), ("--max-tokens", "many"), ("--no-such-option",), ("--config", "none.toml")]
)
def test_options_that_make_no_sense_are_wrong_use(program: Wye, arguments: tuple[str, ...]) -> None:
    assert program("chat", "Hi", *arguments).returncode == 2
