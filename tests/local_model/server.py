"""The inference server, started as anybody would start it, and a relay that hears what passes between it and Wye."""

import asyncio
import os
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

SWITCH: Final = "WYE_LOCAL_MODEL"
"""The environment variable that lets these tests run."""

CACHE: Final = Path(__file__).parent / ".cache"
ENVIRONMENT: Final = CACHE / "venv"
MODEL: Final = CACHE / "models" / "wye-tiny"

_START_SECONDS: Final = 120.0
_STOP_SECONDS: Final = 10.0


@contextmanager
def inference_server() -> Iterator[int]:
    """Run `transformers serve` with the tiny model; yield its port."""
    port = _free_port()
    command = (ENVIRONMENT / "bin" / "transformers", "serve", MODEL.name, "--host", "127.0.0.1", "--port", str(port))
    # One thread computes such a small model fastest. The server reads a model's folder from where it is started.
    quiet = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(CACHE / "hub"), "OMP_NUM_THREADS": "1", "NO_COLOR": "1"}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            (*command, "--device", "cpu"), cwd=MODEL.parent, env={**os.environ, **quiet}, stdout=log, stderr=log
        )
        try:
            _wait_until_healthy(port, process)
            yield port
        except BaseException:
            log.seek(0)
            print("transformers serve:", log.read().decode(errors="replace")[-4000:], sep="\n")  # noqa: T201
            raise
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _wait_until_healthy(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"transformers serve ended with {process.returncode}; delete {CACHE} to make it anew")
        with (
            suppress(urllib.error.URLError, OSError),
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1) as answer,
        ):
            if answer.status == 200:
                return
        time.sleep(0.2)
    raise RuntimeError(f"transformers serve is not healthy after {_START_SECONDS:g} s")


class Conversation:
    """One connection through the relay, and who ended it."""

    def __init__(self) -> None:
        """Begin with nothing said."""
        self.asked = bytearray()
        self.answered = bytearray()
        self.ended_by: Literal["gateway", "server"] | None = None


class Relay:
    """Stands between Wye and the server, passes every byte on as it comes and remembers it.

    It runs on an event loop in a thread of its own.
    """

    def __init__(self, port: int) -> None:
        """Listen, and pass on to `port` of this machine."""
        self._to = port
        self._conversations: list[Conversation] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._listener: asyncio.Server | None = None
        self.port = 0

    def conversations(self) -> list[Conversation]:
        """Return the connections since the last `forget`, and those that were open then."""
        return list(self._conversations)

    def forget(self) -> None:
        """Forget what was said so far, and whoever has left."""
        self._conversations = [conversation for conversation in self._conversations if not conversation.ended_by]
        for conversation in self._conversations:
            conversation.asked.clear()
            conversation.answered.clear()

    def answered(self) -> bytes:
        """Return all the server has said since the last `forget`."""
        return b"".join(conversation.answered for conversation in self.conversations())

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._thread.start()
        listening = asyncio.start_server(self._meet, "127.0.0.1", 0)
        self._listener = asyncio.run_coroutine_threadsafe(listening, self._loop).result()
        self.port = self._listener.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up on everybody."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _stop(self) -> None:
        if self._listener is not None:
            self._listener.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _meet(self, from_gateway: asyncio.StreamReader, to_gateway: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection("127.0.0.1", self._to)
        conversation = Conversation()
        self._conversations.append(conversation)
        asking = asyncio.create_task(_pass_on(from_gateway, to_server, conversation.asked))
        answering = asyncio.create_task(_pass_on(from_server, to_gateway, conversation.answered))
        try:
            await asyncio.wait((asking, answering), return_when=asyncio.FIRST_COMPLETED)
            conversation.ended_by = "gateway" if asking.done() else "server"
        finally:
            asking.cancel()
            answering.cancel()
            to_gateway.close()
            to_server.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, memory: bytearray) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            memory += data
            writer.write(data)
            await writer.drain()
