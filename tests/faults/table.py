"""The table: what goes wrong at a provider, what the caller sees of it, who was asked, who was let go."""

from dataclasses import replace
from typing import Literal

from tests.faults.rows import (
    END,
    ROLE,
    Place,
    Row,
    Sees,
    Told,
    body,
    both,
    cut_at,
    events,
    in_an_hour,
    late,
    said,
    slowly,
)
from tests.support.openai_wire import refusal, words
from tests.support.upstream import Cut, Hang, Pause, Piece, Reply

UP = said("Hello")
FAILED = both(refusal(500))
OVERLOADED = both(refusal(503))
LIMITED = both(refusal(429, "slow down", "rate_limit_exceeded"))
LIMITED_LONG = both(refusal(429, "slow down", "rate_limit_exceeded", retry_after="30"))
LIMITED_TO_A_DATE = both(refusal(429, "slow down", "rate_limit_exceeded", retry_after=in_an_hour()))
LIMITED_IN_WORDS = both(refusal(429, "Rate limit reached. Please try again in 30s.", "rate_limit_exceeded"))
LIMITED_BRIEFLY = both(refusal(429, "slow down", "rate_limit_exceeded", retry_after_ms="150"))
SILENT = both(Reply.silence())
SIGN_IN_PAGE = both(Reply.raw(b"<html><body>Sign in to the network</body></html>", "text/html"))
WAITING: list[Piece] = [b": wait\n\n", Pause(0.1)] * 30
NO_JSON = b'data: {"choices": [{"delta"\n\n'
NONSENSE = Told(Reply.raw(b'{"choices": [{"mess', "application/json"), events(ROLE, NO_JSON, Hang()))
NOISE = b"\xff\xfe\x00%%% no event at all \x00\n\n"

Model = Literal["up/m", "either"]


def row(fault: str, model: Model, told: list[Told], whole: Sees, streamed: Sees | None = None, **more: object) -> Row:
    """Make a row, whose caller sees the same whole and streamed where nothing else is said."""
    return Row(fault, model, told, whole, streamed or whole, **more)  # type: ignore[arg-type]


def everywhere(fault: str, told: Told, status: int, code: str, *, streamed: str = "") -> list[Row]:
    """Make two rows of a fault before the first word that may be over the next time: alone, and with a spare.

    `streamed` is the code where the answer is streamed, if that is another.
    """
    alone = Sees(status, code=code, calls="up up up up")
    saved = Sees(text="Other", calls="up spare")
    return [
        row(fault, "up/m", [told], alone, replace(alone, code=streamed or code)),
        row(fault, "either", [told], saved),
    ]


def silent(fault: str, told: Told) -> list[Row]:
    """Make two rows of a provider that takes the request and says nothing of the answer.

    Providers are silent while they think. So a whole answer may take all the time there is, of which half is kept for
    whom else might be asked; only a stream has its word to say within a silence's time.
    """
    whole = Sees(504, code="deadline_exceeded", cancelled="up")
    streamed = Sees(504, code="timeout", calls="up up up up", cancelled="up up up up")
    saved = Sees(text="Other", calls="up spare", cancelled="up")
    return [row(fault, "up/m", [told], whole, streamed), row(fault, "either", [told], saved)]


def unreachable(fault: str, place: Place) -> list[Row]:
    """Make two rows of a provider that no request reaches."""
    alone = Sees(502, code="connection_failed", calls="", tries=4)
    saved = Sees(text="Other", calls="spare", tries=2)
    return [row(fault, "up/m", [UP], alone, place=place), row(fault, "either", [UP], saved, place=place)]


def final(fault: str, told: Told, status: int, code: str) -> list[Row]:
    """Make two rows of an error that the same provider would give again and another one may not."""
    saved = Sees(text="Other", calls="up spare")
    return [row(fault, "up/m", [told], Sees(status, code=code)), row(fault, "either", [told], saved)]


ROWS: list[Row] = [
    row("nothing", "either", [UP], Sees(text="Hello")),
    # --- No connection ---
    *unreachable("refuses connections", "nobody"),
    *unreachable("resets connections", "resets"),
    *unreachable("certificate nobody trusts", "tls"),
    *unreachable("name that does not exist", "no_name"),
    *everywhere("resets once asked", both(Reply.reset()), 502, "connection_failed"),
    # --- Silence ---
    *silent("hangs before headers", SILENT),
    *silent("hangs after headers", both(body(Hang()))),
    *silent("hangs before the first word", Told(cut_at("Hello", Hang()), events(ROLE, Hang()))),
    *silent("says comments and nothing else", Told(body(Hang()), events(*WAITING, Hang()))),
    row(
        "hangs after the first word",
        "either",
        [Told(cut_at("Hello", Hang()), events(*words("Hello"), Hang()))],
        Sees(text="Other", calls="up spare", cancelled="up"),
        Sees(text="Hello", code="timeout", cancelled="up"),
    ),
    row(
        "hangs longer than the deadline",
        "up/m",
        [SILENT],
        Sees(504, code="deadline_exceeded", cancelled="up"),
        deadline=0.25,
    ),
    row(
        "hang, all of them, longer than the deadline",
        "either",
        [SILENT],
        Sees(504, code="deadline_exceeded", calls="up spare", cancelled="up spare"),
        spare=[SILENT],
        deadline=1.2,
    ),
    row(
        "hangs while the caller gets comments",
        "up/m",
        [SILENT],
        Sees(504, code="deadline_exceeded", cancelled="up"),
        Sees(200, code="timeout", calls="up up up up", cancelled="up up up up"),
        server="keep_alive = 0.1",
    ),
    row(
        "hangs while the caller gets comments, then the spare answers",
        "either",
        [SILENT],
        Sees(text="Other", calls="up spare", cancelled="up"),
        server="keep_alive = 0.1",
    ),
    # --- Slowness, which is no fault ---
    row("slow first token", "either", [late(0.2)], Sees(text="Hello")),
    row("slow chunks, longer than a silence in all", "either", [slowly(0.3)], Sees(text="Hello")),
    # --- Rate limits ---
    row("429 without a hint", "up/m", [LIMITED, UP], Sees(text="Hello", calls="up up")),
    row("429 without a hint", "either", [LIMITED], Sees(text="Other", calls="up spare")),
    row("429 for a moment", "up/m", [LIMITED_BRIEFLY, UP], Sees(text="Hello", calls="up up", gap=0.15)),
    row("429 for a moment", "either", [LIMITED_BRIEFLY], Sees(text="Other", calls="up spare")),
    row("429 for long", "up/m", [LIMITED_LONG], Sees(429, code="rate_limit_exceeded", retry_after=(28, 31))),
    row("429 for long", "either", [LIMITED_LONG], Sees(text="Other", calls="up spare")),
    row("429 to a date", "up/m", [LIMITED_TO_A_DATE], Sees(429, code="rate_limit_exceeded", retry_after=(1800, 3601))),
    row("429 in words", "up/m", [LIMITED_IN_WORDS], Sees(429, code="rate_limit_exceeded", retry_after=(28, 31))),
    row(
        "429 for long, from all",
        "either",
        [LIMITED_LONG],
        Sees(429, code="rate_limit_exceeded", calls="up spare", retry_after=(28, 31)),
        spare=[LIMITED_LONG],
    ),
    row("429 of one key of two", "up/m", [LIMITED_LONG, UP], Sees(text="Hello", calls="up up"), keys=2),
    row(
        "429 of all of three keys",
        "up/m",
        [LIMITED_LONG],
        Sees(429, code="rate_limit_exceeded", calls="up up up", retry_after=(28, 31)),
        keys=3,
    ),
    row(
        "429 of more keys than there are retries",
        "up/m",
        [LIMITED_LONG],
        Sees(429, code="rate_limit_exceeded", calls="up up up up"),
        keys=6,
    ),
    # --- Failures inside ---
    *everywhere("500", FAILED, 502, "upstream_error"),
    *everywhere("503", OVERLOADED, 503, "overloaded"),
    *everywhere("529", both(refusal(529)), 503, "overloaded"),
    *everywhere("408", both(refusal(408)), 504, "timeout"),
    row("a burst of 5xx", "up/m", [FAILED, OVERLOADED, FAILED, UP], Sees(text="Hello", calls="up up up up")),
    row("a burst of 5xx too long", "up/m", [FAILED] * 4 + [UP], Sees(502, code="upstream_error", calls="up up up up")),
    row(
        "a burst of 5xx everywhere",
        "either",
        [FAILED, UP],
        Sees(text="Hello", calls="up spare up"),
        spare=[FAILED],
    ),
    row(
        "5xx everywhere",
        "either",
        [FAILED],
        Sees(503, code="overloaded", calls="up spare up spare"),
        spare=[OVERLOADED],
    ),
    row(
        "503 for a moment",
        "up/m",
        [both(refusal(503, retry_after_ms="150")), UP],
        Sees(text="Hello", calls="up up", gap=0.15),
    ),
    row("503 for long", "up/m", [both(refusal(503, retry_after="30"))], Sees(503, code="overloaded")),
    # --- What another time would not mend ---
    *final("401", both(refusal(401)), 401, "provider_authentication_failed"),
    *final("402", both(refusal(402)), 429, "insufficient_quota"),
    *final("403", both(refusal(403)), 403, "provider_permission_denied"),
    *final("404", both(refusal(404)), 404, "model_not_found"),
    *final("no quota", both(refusal(429, "no", "insufficient_quota")), 429, "insufficient_quota"),
    row("400", "up/m", [both(refusal(400))], Sees(400, code="invalid_request")),
    row("400", "either", [both(refusal(400))], Sees(400, code="invalid_request")),
    row("401 of one key of two", "up/m", [both(refusal(401)), UP], Sees(text="Hello", calls="up up"), keys=2),
    row(
        "401, and the spare fails",
        "either",
        [both(refusal(401)), UP],
        Sees(502, code="upstream_error", calls="up spare spare spare"),
        spare=[FAILED],
    ),
    # --- Answers that are none ---
    # Where a stream goes on after the fault, whoever sends it is let go.
    row(
        "malformed JSON",
        "up/m",
        [NONSENSE],
        Sees(502, code="malformed_response", calls="up up up up"),
        Sees(502, code="malformed_response", calls="up up up up", cancelled="up up up up"),
    ),
    row(
        "malformed JSON",
        "either",
        [NONSENSE],
        Sees(text="Other", calls="up spare"),
        Sees(text="Other", calls="up spare", cancelled="up"),
    ),
    *everywhere("JSON of another kind", both(Reply.json([1, 2])), 502, "malformed_response"),
    *everywhere("wrong content type", SIGN_IN_PAGE, 502, "malformed_response"),
    row(
        "malformed JSON after the first word",
        "either",
        [Told(UP.whole, events(*words("Hello"), NO_JSON, Hang()))],
        Sees(text="Hello"),
        Sees(text="Hello", code="malformed_response", cancelled="up"),
    ),
    *everywhere("malformed events", Told(body(NOISE), events(NOISE)), 502, "malformed_response"),
    row(
        "noise among events", "either", [Told(UP.whole, events(ROLE, NOISE, *words("Hello"), *END))], Sees(text="Hello")
    ),
    # --- Cuts ---
    *everywhere(
        "cut before the first word", Told(cut_at("Hello", Cut()), events(ROLE, Cut())), 502, "stream_interrupted"
    ),
    *everywhere(
        "ends without a word", Told(body(), events(ROLE)), 502, "malformed_response", streamed="stream_interrupted"
    ),
    row(
        "cut after the first word",
        "either",
        [Told(cut_at("Hello", Cut()), events(*words("Hello"), Cut()))],
        Sees(text="Other", calls="up spare"),
        Sees(text="Hello", code="stream_interrupted"),
    ),
    row(
        "reset after the first word",
        "either",
        [Told(cut_at("Hello", Cut(reset=True)), events(*words("Hello"), Pause(0.1), Cut(reset=True)))],
        Sees(text="Other", calls="up spare"),
        Sees(text="Hello", code="stream_interrupted"),
    ),
    row(
        "ends without its end marker",
        "either",
        [Told(UP.whole, events(*words("Hello")))],
        Sees(text="Hello"),
        Sees(text="Hello", code="stream_interrupted"),
    ),
    row(
        "an error among the events after the first word",
        "either",
        [Told(UP.whole, events(*words("Hello"), b'data: {"error": {"message": "no", "code": 500}}\n\n', Hang()))],
        Sees(text="Hello"),
        Sees(text="Hello", code="upstream_error", cancelled="up"),
    ),
]
