"""The recordings are all there or visibly left out, and a body cut up any way is still the same body."""

from pathlib import Path

import pytest
from tests.support.recordings import (
    COUNTS,
    RECHUNKINGS,
    WIRES,
    Rechunking,
    Wire,
    load,
    load_errors,
    needs_recordings,
    rechunk,
    recordings_for,
)

BODY = 'data: {"é€😀"}\r\n\r\ndata: plain\n\ndata: last'.encode()


@pytest.mark.parametrize("how", RECHUNKINGS)
@pytest.mark.parametrize("body", [b"", b"x", BODY, b'{"a": 1}\n{"b": 2}\n' * 50])
def test_the_pieces_of_a_body_join_to_it_and_none_is_empty(how: Rechunking, body: bytes) -> None:
    pieces = rechunk(body, how)
    assert b"".join(pieces) == body
    assert all(pieces)


def test_utf8_cuts_inside_every_character_of_several_bytes() -> None:
    assert rechunk("aé€b".encode(), "utf8") == [b"a\xc3", b"\xa9\xe2", b"\x82", b"\xacb"]


def test_crlf_cuts_inside_every_line_end_and_every_blank_line() -> None:
    assert rechunk(b"a\r\n\r\nb\n\nc", "crlf") == [b"a\r", b"\n", b"\r", b"\nb\n", b"\nc"]


def test_events_are_one_piece_each() -> None:
    assert rechunk(b"a: 1\nb: 2\n\nc\r\n\r\nd", "events") == [b"a: 1\nb: 2\n\n", b"c\r\n\r\n", b"d"]
    assert rechunk(b'{"a": 1}\n{"b": 2}\n', "events") == [b'{"a": 1}\n', b'{"b": 2}\n']


def test_random_cuts_are_the_same_each_time_and_at_most_64_bytes() -> None:
    pieces = rechunk(BODY * 100, "random")
    assert pieces == rechunk(BODY * 100, "random")
    assert {len(piece) for piece in pieces} >= {1, 64}
    assert max(map(len, pieces)) == 64


@needs_recordings
@pytest.mark.parametrize("wire", WIRES)
def test_all_recordings_are_there_with_names_of_their_own(wire: Wire) -> None:
    assert (len(load(wire)), len(load_errors(wire))) == COUNTS[wire]
    names = {parameters.id for errors in (False, True) for parameters in recordings_for(wire, errors=errors)}
    assert len(names) == sum(COUNTS[wire])


@needs_recordings
def test_openais_thread_messages_are_not_the_anthropic_wire() -> None:
    assert {recording.provider for recording in load("anthropic_messages")} == {"anthropic"}


def test_missing_recordings_are_one_skipped_parameter_that_says_how_many_it_stands_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WYE_RECORDINGS", str(tmp_path))
    (parameters,) = recordings_for("ollama_chat")
    (mark,) = parameters.marks
    assert (parameters.id, getattr(mark, "name", None)) == ("no-recordings", "skip")
    assert "57 recorded ollama_chat answers left out" in str(getattr(mark, "kwargs", None))
