"""A local provider that costs almost nothing: `python -m bench.upstream --port 19000`.

It answers every POST whose path ends in `/chat/completions`, in OpenAI's shape, or in `/messages`, in Anthropic's: with
one answer, or, when the body says `"stream": true`, with a stream whose chunks are written one by one, `--chunk-ms`
apart, the first at once. `GET /bench/stats` tells what it has served so far.
"""

import argparse
import asyncio
import re
import signal
import socket
from typing import cast

import httptools
import msgspec
import uvloop

from bench import messages, payloads

PHASES = 5
"""Streams are spread over this many instants of one chunk period, so that they do not all wake a gateway at once."""

WINDOW = 4096
"""Bytes at each end of a request body that are searched for flags; a long prompt lies between."""

STREAM = re.compile(rb'"stream"\s*:\s*true')
INCLUDE_USAGE = re.compile(rb'"include_usage"\s*:\s*true')


class Stats(msgspec.Struct):
    """What was served since the start: finished JSON answers, started streams, written chunks, received body bytes."""

    completions: int = 0
    streams: int = 0
    chunks: int = 0
    body_bytes: int = 0


class Stream:
    """One response being written, a chunk at a time."""

    __slots__ = ("_stats", "_transport", "_writes")

    def __init__(self, transport: asyncio.Transport, writes: tuple[bytes, ...], stats: Stats) -> None:
        self._transport = transport
        self._writes = iter(writes)
        self._stats = stats

    def advance(self) -> bool:
        """Write the next chunk; False when there is none or nobody listens."""
        chunk = next(self._writes, None)
        if chunk is None or self._transport.is_closing():
            return False
        self._transport.write(chunk)
        self._stats.chunks += 1
        return True


class Pacer:
    """Advances every stream once per period, all of them from one timer."""

    def __init__(self, loop: asyncio.AbstractEventLoop, period: float) -> None:
        """`period` is the time between two chunks of a stream, in seconds."""
        self._loop = loop
        self._interval = period / PHASES
        self._phases: list[list[Stream]] = [[] for _ in range(PHASES)]
        self._tick = 0
        self._active = 0
        self._due = 0.0

    def add(self, stream: Stream) -> None:
        """Take over a stream; its next chunk goes out within one period."""
        self._phases[self._tick % PHASES].append(stream)
        self._active += 1
        if self._active == 1:
            self._due = self._loop.time() + self._interval
            self._loop.call_at(self._due, self._on_tick)

    def _on_tick(self) -> None:
        self._tick += 1
        phase = self._tick % PHASES
        streams = self._phases[phase]
        going = [stream for stream in streams if stream.advance()]
        self._phases[phase] = going
        self._active -= len(streams) - len(going)
        if self._active:
            # A late tick is not made up for: chunks in a burst would no longer be separate reads.
            self._due = max(self._due + self._interval, self._loop.time())
            self._loop.call_at(self._due, self._on_tick)


class Answers:
    """Everything the connections share: ready-made responses, the pacer and the counters."""

    def __init__(self, pacer: Pacer, chunks: int) -> None:
        self.pacer = pacer
        self.stats = Stats()
        self.completion = payloads.completion()
        self.not_found = payloads.json_response(b'{"error":{"message":"no such path"}}', "404 Not Found")
        self.head = payloads.stream_head()
        self.plain = payloads.stream_writes(chunks, usage=False)
        self.with_usage = payloads.stream_writes(chunks, usage=True)
        self.message = messages.message()
        self.events = messages.stream_writes(chunks)


class Connection(asyncio.Protocol):
    """One keep-alive connection; only the events it needs are parsed, headers are skipped."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport
        self._url = b""
        self._body: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where answers are written."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Parse on."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_url(self, url: bytes) -> None:
        """Keep the path of the request that begins."""
        self._url = url

    def on_body(self, body: bytes) -> None:
        """Keep a piece of its body."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Answer it."""
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._body = []
        answers = self._answers
        if self._url.endswith((b"/chat/completions", b"/messages")):
            answers.stats.body_bytes += len(body)
            self._complete(body if len(body) <= 2 * WINDOW else body[:WINDOW] + body[-WINDOW:])
        elif self._url == b"/bench/stats":
            self._transport.write(payloads.json_response(msgspec.json.encode(answers.stats)))
        else:
            self._transport.write(answers.not_found)

    def _complete(self, flags: bytes) -> None:
        answers = self._answers
        other_wire = self._url.endswith(b"/messages")
        if STREAM.search(flags) is None:
            self._transport.write(answers.message if other_wire else answers.completion)
            answers.stats.completions += 1
            return
        answers.stats.streams += 1
        same_wire = answers.with_usage if INCLUDE_USAGE.search(flags) else answers.plain
        stream = Stream(self._transport, answers.events if other_wire else same_wire, answers.stats)
        self._transport.write(answers.head)
        stream.advance()
        answers.pacer.add(stream)


async def serve(port: int, period: float, chunks: int) -> None:
    """Serve on 127.0.0.1 until SIGTERM or SIGINT; `period` in seconds."""
    loop = asyncio.get_running_loop()
    answers = Answers(Pacer(loop, period), chunks)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    with socket.create_server(("127.0.0.1", port), backlog=4096) as listener:
        listener.setblocking(False)
        accepting: set[asyncio.Task[object]] = set()
        loop.add_reader(listener, _accept_all, loop, listener, answers, accepting)
        await stop.wait()


def _accept_all(
    loop: asyncio.AbstractEventLoop, listener: socket.socket, answers: Answers, accepting: set[asyncio.Task[object]]
) -> None:
    """Take every waiting connection; uvloop's own server takes one per turn of the loop, too few under heavy load."""
    while True:
        try:
            client, _ = listener.accept()
        except BlockingIOError:
            return
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task: asyncio.Task[object] = loop.create_task(loop.connect_accepted_socket(lambda: Connection(answers), client))
        accepting.add(task)
        task.add_done_callback(accepting.discard)


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--chunk-ms", type=float, default=5.0, help="milliseconds between two chunks of a stream")
    parser.add_argument("--chunks", type=int, default=payloads.CHUNKS, help="content chunks in a stream")
    options = parser.parse_args()
    uvloop.run(serve(options.port, options.chunk_ms / 1000, options.chunks))


if __name__ == "__main__":
    main()
