"""Whatever a provider refuses with, each client API says the same of it, in its own envelope and with one status.

What is refused is in `tests.support.error_table`; here every row of a wire goes through the running gateway to a client
of every API, and every error event and every cut comes in the middle of a stream.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.support.callers import callers
from tests.support.callers.talk import Ask
from tests.support.catalog_house import chat_surfaces
from tests.support.error_table import ADVICE, IN_STREAM, KINDS, ROWS, Row
from tests.support.gateway import Answer, Running, provider, serving
from tests.support.imitation import KEY, wire, wires
from tests.support.imitation.mind import Heard, Said, Turn
from tests.support.upstream import Cut, Reply, Upstream

from wye import adapters
from wye.core.errors import StreamInterruptedError, WyeError

CALLERS = {name: caller for name, caller in callers().items() if name in chat_surfaces()}
WIRES = sorted(adapters.built_in() & wires())

OPENAI = {
    "bad key": "authentication_error",
    "unknown model": "invalid_request_error",
    "bad request": "invalid_request_error",
    "too long": "invalid_request_error",
    "rate limit": "rate_limit_error",
    "no credit": "insufficient_quota",
    "no permission": "permission_error",
    "overload": "overloaded_error",
    "server error": "api_error",
    "timeout": "timeout_error",
}
WORDS: dict[str, dict[str, str]] = {
    "openai_chat": OPENAI,
    "openai_completions": OPENAI,
    "openai_responses": OPENAI,
    "anthropic_messages": {
        **OPENAI,
        "unknown model": "not_found_error",
        "no credit": "billing_error",
    },
    "gemini": {
        "bad key": "UNAUTHENTICATED",
        "unknown model": "NOT_FOUND",
        "bad request": "INVALID_ARGUMENT",
        "too long": "INVALID_ARGUMENT",
        "rate limit": "RESOURCE_EXHAUSTED",
        "no credit": "RESOURCE_EXHAUSTED",
        "no permission": "PERMISSION_DENIED",
        "overload": "UNAVAILABLE",
        "server error": "UNAVAILABLE",
        "timeout": "DEADLINE_EXCEEDED",
    },
}
"""The client API's own word for each kind of error."""


def reaches(surface: str, wire: str) -> bool:
    """Tell whether a client API can be said on a wire that there is: a chat is no prompt."""
    return wire in WIRES and (wire != "openai_completions" or surface == wire)


@dataclass(frozen=True)
class House:
    upstream: Upstream
    gateway: Running

    def ask(self, surface: str, wire: str, reply: Reply, *, stream: bool = False) -> Answer:
        caller = CALLERS[surface]
        self.upstream.reply_with(reply)
        request = caller.request(Ask(model=f"far-{wire.replace('_', '-')}/m", items=caller.user("hi"), stream=stream))
        return self.gateway.request("POST", request.path, request.encoded, request.headers)


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with Upstream() as upstream:
        sections = [
            provider(f"far-{name.replace('_', '-')}", upstream.url, f'adapter = "{name}"', f'api_keys = ["{KEY}"]')
            for name in WIRES
        ]
        with serving("\n".join(sections)) as gateway:
            yield House(upstream, gateway)


WHOLE = [(surface, row) for surface in sorted(CALLERS) for row in ROWS if reaches(surface, row.whom)]


@pytest.mark.parametrize(("surface", "row"), WHOLE, ids=[f"{surface}-{row.id}" for surface, row in WHOLE])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_refusal_is_said_in_the_callers_words(surface: str, row: Row, stream: bool, house: House) -> None:  # noqa: FBT001 - a parameter
    reply = Reply.raw(row.encoded, "application/json", status=row.status, headers=row.headers)
    answer = house.ask(surface, row.whom, reply, stream=stream)
    code, status, _, _ = ADVICE[KINDS[row.kind]]
    failure = CALLERS[surface].failure(answer.body)
    assert (answer.status, failure.code) == (status, code), failure.message
    assert failure.type == WORDS[surface][row.kind]
    assert failure.message
    if row.retry_after is not None:
        assert 0 <= int(answer.headers["retry-after"]) - row.retry_after < 1


def begun(name: str) -> list[Any]:
    """Return a wire's stream as far as its first words."""
    words = Said(text="one two three four", input_tokens=3, output_tokens=4)
    pieces = list(wire(name).stream(Heard(model="m", turns=(Turn("user", ("hi",)),), stream=True), words).pieces)
    at = next(at for at, piece in enumerate(pieces) if b"two" in piece)
    return pieces[: at + 1]


def content_type(name: str) -> str:
    reply = wire(name).stream(Heard(model="m", turns=(Turn("user", ("hi",)),), stream=True), Said(text="x"))
    return str(reply.headers["content-type"])


CUT: list[tuple[str, Any, type[WyeError]]] = [(name, Cut(), StreamInterruptedError) for name in WIRES]
BROKEN = [
    (surface, name, piece, kind)
    for surface in sorted(CALLERS)
    for name, piece, kind in (*IN_STREAM, *CUT)
    if name in WIRES and reaches(surface, name)
]


@pytest.mark.parametrize(
    ("surface", "name", "piece", "kind"),
    BROKEN,
    ids=[f"{surface}-{name}-{kind.__name__}-{at}" for at, (surface, name, _, kind) in enumerate(BROKEN)],
)
def test_a_stream_that_breaks_ends_in_an_error_event(
    surface: str, name: str, piece: Any, kind: type[WyeError], house: House
) -> None:
    reply = Reply.stream([*begun(name), piece], content_type(name))
    answer = house.ask(surface, name, reply, stream=True)
    failure = CALLERS[surface].broken(answer.body)
    assert (answer.status, failure.code) == (200, ADVICE[kind][0]), failure.message
    assert b"one" in answer.body
    assert b"[DONE]" not in answer.body
    assert b"message_stop" not in answer.body


FIRST = [(surface, *row) for surface in sorted(CALLERS) for row in IN_STREAM if reaches(surface, row[0])]


@pytest.mark.parametrize(
    ("surface", "name", "piece", "kind"),
    FIRST,
    ids=[f"{surface}-{name}-{kind.__name__}-{at}" for at, (surface, name, _, kind) in enumerate(FIRST)],
)
def test_an_error_before_the_first_word_has_a_status(
    surface: str, name: str, piece: bytes, kind: type[WyeError], house: House
) -> None:
    answer = house.ask(surface, name, Reply.stream([piece], content_type(name)), stream=True)
    code, status, _, _ = ADVICE[kind]
    assert (answer.status, CALLERS[surface].failure(answer.body).code) == (status, code)


def test_every_client_api_has_its_words() -> None:
    assert chat_surfaces().keys() <= WORDS.keys()
    assert all(words.keys() == KINDS.keys() for words in WORDS.values())


def test_every_wire_breaks_in_its_own_way() -> None:
    assert {name for name, _, _ in IN_STREAM} >= adapters.built_in() - {"vertex_anthropic"}
