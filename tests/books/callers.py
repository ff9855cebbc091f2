"""Callers under load: each asks one thing on a connection of its own, and may leave in the midst of it."""

import asyncio
import itertools
import json
import random
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Stage: TypeAlias = Literal["asking", "head", "opened", "first", "middle", "usage", "end"]
"""When a caller leaves: in the midst of its question, once that is out, when the stream has begun and nothing is said
yet, at the first piece, in the midst, before the end marker, at it."""
STAGES: Final[tuple[Stage, ...]] = ("asking", "head", "opened", "first", "middle", "usage", "end")
_MARKS: Final[dict[Stage, bytes]] = {
    "opened": b'"role":"assistant"',
    "first": b"word ", "middle": b"word ", "usage": b'"finish_reason":"stop"', "end": b"[DONE]",
}  # fmt: skip
MOST: Final = 40
"""Tokens of answer that a question allows; the provider gives fewer."""
_PIECES_TO_THE_MIDDLE: Final = 9


@dataclass
class Told:
    """What a caller got: `status` 0 is nothing, `whole` an answer to its end."""

    number: int
    status: int = 0
    whole: bool = False
    code: str = ""


class Callers:
    """Each question has a number; what was told to each is in `told`. `refused` is set once nothing more is let in."""

    def __init__(self, seed: int = 1) -> None:
        """Ask nothing yet."""
        self.told: dict[int, Told] = {}
        self.port = 0
        self.refused = asyncio.Event()
        self._numbers = itertools.count(1)
        self._random = random.Random(seed)
        self._stop = False

    async def crowd(self, count: int, *, pace: str = "steady") -> None:
        """Let `count` callers ask one thing after the other until `stop`."""
        await asyncio.gather(*(self._keep_asking(pace) for _ in range(count)))

    def stop(self) -> None:
        """Let everybody finish what they asked."""
        self._stop = True

    async def _keep_asking(self, pace: str) -> None:
        while not self._stop:
            told = await self.ask(stream=self._random.random() < 0.5, pace=pace)
            if told.status != 200:  # nobody is there, or nobody is let in
                await asyncio.sleep(0.02 if told.status else 0.2)

    async def ask(self, *, stream: bool, pace: str = "steady", leave: Stage | None = None) -> Told:
        """Ask once; where `leave` says so, close the connection then."""
        number = next(self._numbers)
        told = self.told[number] = Told(number)
        question = f"call {number} {pace} " + "x" * (number % 97)
        messages = [{"role": "user", "content": question}]
        asked = {"model": f"n{number}", "stream": stream, "max_tokens": MOST, "messages": messages}
        body = json.dumps(asked).encode()
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return told
        try:
            sent = body[: len(body) // 2] if leave == "asking" else body
            writer.write(
                b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
                b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), sent)
            )
            await self._read(told, reader, leave, stream=stream)
        except OSError:
            pass
        finally:
            writer.transport.abort()
        return told

    async def _read(self, told: Told, reader: asyncio.StreamReader, leave: Stage | None, *, stream: bool) -> None:
        if leave in {"asking", "head"}:
            await asyncio.sleep(self._random.random() * 0.1)
            return
        got = b""
        while data := await reader.read(65536):
            got += data
            if leave is not None and got.count(_MARKS[leave]) >= (_PIECES_TO_THE_MIDDLE if leave == "middle" else 1):
                break
        head, _, body = got.partition(b"\r\n\r\n")
        if head:
            told.status = int(head.split()[1])
            told.whole = body.rstrip().endswith(b"[DONE]\n\n\r\n0") if stream else body.rstrip().endswith(b"}")
            if told.status >= 400 and (at := body.find(b'"code":"')) >= 0:
                told.code = body[at + 8 :].split(b'"')[0].decode()
            if told.code in {"books_unavailable", "budget_exceeded"}:
                self.refused.set()
