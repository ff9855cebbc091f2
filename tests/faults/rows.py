"""The words of the table of faults: what a provider does, what is seen of it.

Two providers, `up` and `spare`, serve the same model; the alias `either` means both, in this order. `up` says `Hello`
where it answers, `spare` says `Other`. Every row is asked for whole and streamed; times are seconds.
"""

import datetime
import json
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import format_datetime
from typing import Literal, TypeAlias

from tests.support.openai_wire import DONE, USAGE, answer, completion, event, stream
from tests.support.upstream import Pause, Piece, Reply

SILENCE = 0.8
"""How long a provider may be silent."""
DEADLINE = 8.0
"""How long a request may take where its row does not say."""
MAX_RETRIES = 3
PAUSE = 0.02
"""The base delay before a further round."""


@dataclass(frozen=True)
class Told:
    """What a provider does with one request, by how it is asked."""

    whole: Reply
    streamed: Reply


Place: TypeAlias = Literal["http", "nobody", "tls", "no_name", "resets"]
"""What is at the first provider's address: a server, nobody, one with a certificate that nobody trusts, a name that
does not exist, a server that resets every connection."""


@dataclass(frozen=True)
class Sees:
    """What is seen of a request.

    `text` is the answer's, `code` the error's; a stream that broke off has its first `text` and the `code` of its error
    event. `calls` are the requests that arrived, in their order, `cancelled` those of which the answer was not waited
    for. `tries` are all attempts, also those that reached no server. `gap` is at least between the first two calls.
    """

    status: int = 200
    text: str = ""
    code: str = ""
    calls: str = "up"
    cancelled: str = ""
    tries: int | None = None
    gap: float = 0.0
    retry_after: tuple[int, int] | None = None

    @property
    def order(self) -> list[str]:
        """The providers that were asked."""
        return self.calls.split()


@dataclass(frozen=True)
class Row:
    """A fault, and what is to be seen where the answer is asked for whole and where it is streamed.

    `up` is told for one request after another, the last of it again and again.
    """

    fault: str
    model: Literal["either", "up/m"]
    up: Sequence[Told]
    whole: Sees
    streamed: Sees
    spare: Sequence[Told] = ()
    place: Place = "http"
    deadline: float = DEADLINE
    keys: int = 1
    server: str = ""

    @property
    def id(self) -> str:
        """The row's name in a report."""
        return f"{self.fault}, {'one provider' if self.model == 'up/m' else 'two providers'}".replace(" ", "_")


def both(reply: Reply) -> Told:
    """Do the same however it is asked."""
    return Told(reply, reply)


def body(*pieces: Piece, content_type: str = "application/json") -> Reply:
    """Answer with a chunked body, piece by piece."""
    return Reply.stream(pieces, content_type)


def events(*pieces: Piece) -> Reply:
    """Answer with a stream of these pieces."""
    return Reply.stream(pieces)


def said(text: str) -> Told:
    """Answer as a healthy provider."""
    return Told(answer(text), stream(text))


def cut_at(text: str, piece: Piece) -> Reply:
    """Begin a whole answer, announced in full, and stop in its middle."""
    document = completion_bytes(text)
    headers = {"content-type": "application/json", "content-length": str(len(document))}
    return Reply(200, headers, (document[:40], piece), framing="length")


def in_an_hour() -> str:
    """Return an HTTP date, so late that it is still to come when its row is played."""
    return format_datetime(datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1), usegmt=True)


def slowly(pause: float) -> Told:
    """Answer `Hello` in small pieces, each after a pause."""
    document = completion_bytes("Hello")
    parts = [document[at : at + 80] for at in range(0, len(document), 80)]
    letters = [event(content=letter) for letter in "Hello"]
    return Told(
        body(*(piece for part in parts for piece in (Pause(pause), part))),
        events(ROLE, *(piece for letter in letters for piece in (Pause(pause), letter)), *END),
    )


def late(pause: float) -> Told:
    """Answer `Hello` at once, but not soon."""
    return Told(
        Reply(200, {"content-type": "application/json"}, (completion_bytes("Hello"),), before=Pause(pause)),
        events(ROLE, Pause(pause), event(content="Hello"), *END),
    )


def completion_bytes(text: str) -> bytes:
    """Return a whole answer."""
    return json.dumps(completion(text)).encode()


ROLE = event(role="assistant", content="")
END = (event(finish_reason="stop"), event(usage=USAGE), DONE)
