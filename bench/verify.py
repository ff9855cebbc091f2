"""Before a figure counts: the gateway must give the right answer to each kind of request."""

from typing import Any

import msgspec

from bench import payloads, scenarios
from bench.processes import fetch
from bench.upstream import Stats

PATH = "/v1/chat/completions"


class WrongAnswerError(RuntimeError):
    """A gateway answered something else than the upstream said; the message shows the beginning of it."""


def verify(port: int, upstream: int, chunks: int) -> int:
    """Ask each scenario once, streams having `chunks` content chunks.

    Returns how many server-sent events a whole stream has behind this gateway.
    """
    _verify_completion(port)
    events = _verify_stream(port, chunks)
    _verify_long_prompt(port, upstream)
    return events


def upstream_stats(upstream: int) -> Stats:
    """Ask the upstream what it has served so far."""
    status, body = fetch(upstream, "GET", "/bench/stats")
    if status != 200:
        raise WrongAnswerError(f"the upstream answered {status}")
    return msgspec.json.decode(body, type=Stats)


def _verify_completion(port: int) -> None:
    answer = msgspec.json.decode(_ask(port, scenarios.SMALL.body))
    _expect(answer["choices"][0]["message"]["content"] == payloads.ANSWER, "another text", answer)
    _expect(answer["usage"]["total_tokens"] == payloads.USAGE["total_tokens"], "another usage", answer)


def _verify_stream(port: int, chunks: int) -> int:
    body = _ask(port, scenarios.STREAM.body)
    events = body.decode().replace("\r\n", "\n").split("\n\n")
    _expect(events.pop() == "", "an unfinished event", body)
    _expect(events[-1] == "data: [DONE]", "no [DONE] at the end", events[-1])
    deltas = [_content(event) for event in events[:-1]]
    texts = [delta for delta in deltas if delta]
    _expect(len(texts) == chunks, f"{len(texts)} content chunks for {chunks}", body)
    _expect("".join(texts) == payloads.stream_text(chunks), "another text", texts)
    return len(events)


def _verify_long_prompt(port: int, upstream: int) -> None:
    before = upstream_stats(upstream).body_bytes
    _ask(port, scenarios.LONG.body)
    arrived = upstream_stats(upstream).body_bytes - before
    _expect(arrived >= 400_000, f"a body of {arrived} bytes at the upstream", "")


def _ask(port: int, body: bytes) -> bytes:
    status, answer = fetch(port, "POST", PATH, body)
    _expect(status == 200, f"status {status}", answer)
    return answer


def _content(event: str) -> str:
    if not event.startswith("data: "):
        return ""
    chunk: dict[str, Any] = msgspec.json.decode(event.removeprefix("data: "))
    return "".join(choice["delta"].get("content") or "" for choice in chunk["choices"])


def _expect(holds: bool, what: str, seen: object) -> None:  # noqa: FBT001
    if not holds:
        raise WrongAnswerError(f"{what}: {str(seen)[:300]}")
