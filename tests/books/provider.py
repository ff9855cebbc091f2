"""A provider that keeps a log of its own of what it answered: what the books are compared with."""

import asyncio
import json
import re
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Self

INPUT_PICO: Final = 1_250_000
OUTPUT_PICO: Final = 7_500_000
"""Picodollars per token: what the settings of the drills say of the model, 1.25 and 7.50 USD per million."""
PIECES: Final = 24
OUTPUT: Final = 23
"""Tokens of every answer."""
_ASKED: Final = re.compile(r"call (\d+) (\w+)")


@dataclass
class Answered:
    """What the provider knows of one request: `text` is the bytes of answer it sent, `told` that it sent its usage."""

    number: int
    prompt: int
    times: int = 0
    text: int = 0
    told: bool = False

    @property
    def tokens(self) -> tuple[int, int]:
        """Input and output as the provider counts them.

        Never what the rule would say, which is four and a quarter of the prompt, and no more than is likely by any
        reckoning: less input than the body is long, and answers of one length.
        """
        return -(-self.prompt // 4) + 1 + self.number % 3, OUTPUT

    @property
    def cost(self) -> int:
        """What that comes to, in picodollars."""
        read, written = self.tokens
        return read * INPUT_PICO + written * OUTPUT_PICO


class Provider:
    """Serves OpenAI's chat completions in a thread; requests say `call NUMBER PACE`."""

    def __init__(self) -> None:
        """Serve when entered."""
        self.log: dict[int, Answered] = {}
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="provider", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0, backlog=2048)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        connections = asyncio.all_tasks() - {asyncio.current_task()}
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = re.search(rb"(?i)content-length: *(\d+)", head)
                body = await reader.readexactly(int(length[1]) if length else 0)
                await self._answer(json.loads(body), writer)
        writer.transport.abort()

    async def _answer(self, asked: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        prompt = asked["messages"][0]["content"]
        found = _ASKED.search(prompt)
        assert found
        number, pace = int(found[1]), found[2]
        entry = self.log.setdefault(number, Answered(number, len(prompt)))
        entry.times += 1
        read, written = entry.tokens
        usage = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
        seconds = {"quick": 0.0, "steady": 0.01, "slow": 0.1}[pace]
        if asked.get("stream"):
            await self._stream(entry, usage, seconds, writer)
            return
        await asyncio.sleep(seconds * PIECES / 2)
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "word " * PIECES}}
        body = json.dumps(
            {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
        )
        entry.text += 5 * PIECES
        entry.told = True
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body))
        writer.write(body.encode())
        await writer.drain()

    async def _stream(
        self, entry: Answered, usage: dict[str, int], seconds: float, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        envelope = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}

        async def say(event: bytes) -> None:
            data = b"data: %b\n\n" % event
            writer.write(b"%x\r\n%b\r\n" % (len(data), data))
            await writer.drain()

        def piece(delta: dict[str, str], finish: str | None = None) -> bytes:
            choice = {"index": 0, "delta": delta, "finish_reason": finish}
            return json.dumps({**envelope, "choices": [choice]}, separators=(",", ":")).encode()

        await say(piece({"role": "assistant", "content": ""}))
        for _ in range(PIECES):
            await asyncio.sleep(seconds)
            entry.text += 5
            await say(piece({"content": "word "}))
        await say(piece({}, "stop"))
        await asyncio.sleep(seconds)
        entry.told = True
        await say(json.dumps({**envelope, "choices": [], "usage": usage}, separators=(",", ":")).encode())
        await say(b"[DONE]")
        writer.write(b"0\r\n\r\n")
        await writer.drain()
