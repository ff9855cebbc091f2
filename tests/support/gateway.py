"""The real gateway for tests to call: in a thread of this process, or as `wye serve` in a process of its own.

Both are configured as an operator would, by a settings file::

    with Upstream() as upstream, serving(provider("up", upstream.url)) as gateway:
        upstream.reply_with(Reply.json(...))
        answer = gateway.chat("up/some-model")
        assert answer.json["choices"][0]["message"]["content"] == "Hello"
"""

import functools
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TextIO, TypeAlias, cast

from msgspec import structs

from wye import catalog
from wye.engine import Engine
from wye.gateway.app import Gateway
from wye.gateway.reload import Source
from wye.gateway.serve import Server, listen
from wye.store.config import StoreConfig
from wye.store.opened import Store
from wye.telemetry.log import LogWriter

Json: TypeAlias = Any  # a test indexes into decoded JSON freely

PATIENCE = 20.0
"""Seconds; longer than anything here takes, so that only what is broken runs into it."""

catalog_rows = functools.cache(catalog.load)


def provider(name: str, url: str, *lines: str) -> str:
    """Return a section of settings for a provider that is on this machine; `lines` are further ones of it."""
    return "\n".join([f"[providers.{name}]", f'base_url = "{url}"', "allow_private_network = true", *lines, ""])


def chat_body(model: str, text: str = "Hi", **members: Json) -> Json:
    """Return a chat completion request; `members` are further ones of it."""
    return {"model": model, "messages": [{"role": "user", "content": text}], **members}


@dataclass(frozen=True)
class Answer:
    """What came back; header names are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Json:
        """The body, decoded."""
        return json.loads(self.body)

    @property
    def error(self) -> Json:
        """The error in OpenAI's envelope."""
        return self.json["error"]

    @property
    def events(self) -> list[bytes]:
        """The data of each server-sent event, in order."""
        return [block[6:] for block in self.body.split(b"\n\n") if block.startswith(b"data: ")]

    @property
    def comments(self) -> list[bytes]:
        """What the stream said to nobody in particular."""
        return [block[2:] for block in self.body.split(b"\n\n") if block.startswith(b": ")]


def read(response: http.client.HTTPResponse) -> Answer:
    """Read what is left of an answer."""
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, response.read())


class Address:
    """Where a gateway listens, and one connection to it that is kept between requests."""

    def __init__(self, port: int) -> None:
        """Connect when there is something to say."""
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)

    def open(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> http.client.HTTPResponse:
        """Send a request and leave the answer's body to be read: all of it, before the next request."""
        self._connection.request(method, path, body, {"content-type": "application/json", **(headers or {})})
        return self._connection.getresponse()

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request and read the whole answer."""
        return read(self.open(method, path, body, headers))

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a GET."""
        return self.request("GET", path, headers=headers)

    def post(self, body: object, headers: Mapping[str, str] | None = None) -> Answer:
        """Ask for a chat completion with a body of any kind: bytes as they are, the rest as JSON."""
        encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.request("POST", "/v1/chat/completions", encoded, headers)

    def chat(self, model: str, text: str = "Hi", headers: Mapping[str, str] | None = None, **members: Json) -> Answer:
        """Ask a model something; `members` are further ones of the request."""
        return self.post(chat_body(model, text, **members), headers)

    def begin(self, model: str, text: str = "Hi", **members: Json) -> http.client.HTTPResponse:
        """Ask a model something and wait for the answer's headers only."""
        body = json.dumps(chat_body(model, text, **members)).encode()
        return self.open("POST", "/v1/chat/completions", body)

    def hang_up(self) -> None:
        """Close the connection; the next request opens another."""
        self._connection.close()


class _Written:
    """A log's stream, of whose lines one can be waited for."""

    def __init__(self) -> None:
        self.text = ""
        self._more = threading.Condition()

    def write(self, text: str) -> int:
        with self._more:
            self.text += text
            self._more.notify_all()
        return len(text)

    def flush(self) -> None:
        pass

    def wait(self, facts: Mapping[str, object]) -> Json:
        found: list[Json] = []

        def seen() -> bool:
            lines = [json.loads(line) for line in self.text.splitlines()]
            found[:] = [line for line in lines if facts.items() <= line.items()]
            return bool(found)

        with self._more:
            assert self._more.wait_for(seen, PATIENCE), f"no line of the log says {facts}:\n{self.text}"
        return found[-1]


class Running(Address):
    """A gateway in a thread of this process."""

    def __init__(self, port: int, gateway: Gateway, server: Server, written: _Written) -> None:
        """Stand beside `gateway`, which writes its log into `written`."""
        super().__init__(port)
        self.gateway = gateway
        self.server = server
        self._written = written

    @property
    def log(self) -> str:
        """Everything that was written to the log so far."""
        return self._written.text

    def wait_line(self, **facts: object) -> Json:
        """Return the last line of the log that says all of `facts`, as soon as there is one."""
        return self._written.wait(facts)


@contextmanager
def serving(
    settings: str = "", *, environ: Mapping[str, str] | None = None, store: StoreConfig | None = None
) -> Iterator[Running]:
    """Serve with a settings file of this content, from a thread of this process.

    What fails is asked again all the same, since tests share a gateway and make its providers fail: settings with a
    section `[breaker]` of their own get what it says. And nothing is asked twice, so that each test sees the failures
    it made: every attempt of a plan is made once, unless there is a section `[retry]`.
    """
    if "[breaker]" not in settings:
        settings += "\n[breaker]\nenabled = false\n"
    rows = catalog_rows()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "wye.toml")
        path.write_text(settings, encoding="utf-8")
        # A request that a test leaves behind must not hold its end up.
        overrides = {"server.port": 0, "server.shutdown_grace": 0.5, "server.reload": False}
        source = Source(rows, path, overrides, environ=environ or {})
        with _served(source, settings, store) as running:
            yield running


@contextmanager
def _served(source: Source, settings: str, store: StoreConfig | None) -> Iterator[Running]:
    loaded, rows = source.load(), source.catalog
    written = _Written()
    engine = Engine(loaded, rows, store=None if store is None else Store(store))
    if "[retry]" not in settings:
        engine.rules = structs.replace(engine.rules, retry=None)
    gateway = Gateway(engine, loaded.server, LogWriter(cast("TextIO", written)), source)
    listener = listen(loaded)
    server = Server(gateway, loaded.server)
    running = Running(listener.getsockname()[1], gateway, server, written)
    thread = threading.Thread(target=server.run, args=([listener],), name="gateway")
    thread.start()
    try:
        yield running
    finally:
        running.hang_up()
        server.handle_exit(signal.SIGTERM, None)
        thread.join(PATIENCE)
        assert not thread.is_alive(), "the gateway did not stop"


class Process(Address):
    """`wye serve` as a program; `wye.toml` and the log lie in `folder`."""

    def __init__(self, port: int, program: subprocess.Popen[str], folder: Path, said: str) -> None:
        """Stand beside `program`, which has said `said` on its standard output."""
        super().__init__(port)
        self.program = program
        self.folder = folder
        self.said = said

    @property
    def log(self) -> str:
        """Everything that was written to standard error so far."""
        return (self.folder / "stderr").read_text()

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run another command of `wye` where this one runs, to its end."""
        return subprocess.run(
            command(*words),
            cwd=self.folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def tell(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.program.send_signal(number)

    def wait(self) -> int:
        """Wait for the end and return the exit status."""
        return self.program.wait(PATIENCE)


def command(*arguments: str) -> list[str]:
    """Return the words that run `wye` in a process of its own."""
    return [sys.executable, "-m", "wye", *arguments]


def environment(**variables: str) -> dict[str, str]:
    """Return an environment that holds no provider's key, whatever this machine's does."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "PYTHONWARNINGS": "error", **variables}


@contextmanager
def process(settings: str = "", *arguments: str, **variables: str) -> Iterator[Process]:
    """Run `wye serve` on a free port with a settings file of this content."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "wye.toml").write_text(settings, encoding="utf-8")
        with (folder / "stderr").open("w") as log, _started(folder, log, arguments, variables) as program:
            try:
                said = _announcement(program)
                found = re.search(r"http://[0-9.]+:(\d+)", said)
                assert found, said or (folder / "stderr").read_text()
                running = Process(int(found[1]), program, folder, said)
                try:
                    yield running
                finally:
                    running.hang_up()
            finally:
                _end(program)


def _started(
    folder: Path, log: IO[str], arguments: tuple[str, ...], variables: Mapping[str, str]
) -> subprocess.Popen[str]:
    return subprocess.Popen(  # our own program
        command("serve", "--port", "0", *arguments),
        cwd=folder,
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        process_group=0,
    )


def _end(program: subprocess.Popen[str]) -> None:
    """Kill a program and its workers, which outlive it where it has no time to tell them."""
    with suppress(ProcessLookupError):
        os.killpg(program.pid, signal.SIGKILL)


def _announcement(program: subprocess.Popen[str]) -> str:
    assert program.stdout is not None
    return program.stdout.readline()
