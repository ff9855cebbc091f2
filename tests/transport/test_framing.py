"""A byte stream is cut into the same events wherever the network cut it."""

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.frames import frame_bounds
from tests.support.recordings import RECHUNKINGS, WIRES, Recording, Wire, rechunk, recordings_for

from wye.adapters import load
from wye.core.errors import MalformedResponseError
from wye.core.wire import Framing, ServerEvent
from wye.transport.framing import Decoder, NdjsonDecoder, SseDecoder, decoder

Events = list[tuple[bytes, str | None]]


def events(how: Framing, *pieces: bytes) -> Events:
    reading = decoder(how)
    found: list[ServerEvent] = []
    for piece in pieces:
        found += reading.feed(piece)
    found += reading.close()
    return [(event.data, event.name) for event in found]


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"", []),
        (b"data: 1\n\ndata: 2\n\n", [(b"1", None), (b"2", None)]),
        (b"data:1\n\n", [(b"1", None)]),
        (b"data:  1 \n\n", [(b" 1 ", None)]),
        (b"data: 1\r\n\r\ndata: 2\r\n\r\n", [(b"1", None), (b"2", None)]),
        (b"data: 1\r\rdata: 2\r\r", [(b"1", None), (b"2", None)]),
        (b"data: 1\r\n\ndata: 2\n\r\ndata: 3\r\r\n", [(b"1", None), (b"2", None), (b"3", None)]),
        (b"\xef\xbb\xbfdata: 1\n\n", [(b"1", None)]),
        (b"\xef\xbb\xbf\n\ndata: 1\n\n", [(b"1", None)]),
        (b"data: \xef\xbb\xbf1\n\n\xef\xbb\xbfdata: 2\n\n", [(b"\xef\xbb\xbf1", None)]),
        (b": a comment\n\n:\n\ndata: 1\n: another\ndata: 2\n\n", [(b"1\n2", None)]),
        (b"data: 1\ndata: 2\ndata:\ndata\ndata: 3\n\n", [(b"1\n2\n\n\n3", None)]),
        (b"event: delta\ndata: 1\n\ndata: 2\n\n", [(b"1", "delta"), (b"2", None)]),
        (b"data: 1\nevent:delta\n\n", [(b"1", "delta")]),
        (b"event: a\nevent: b\ndata: 1\n\n", [(b"1", "b")]),
        (b"event: ping\n\ndata: 1\n\n", [(b"1", None)]),
        (b"event: \xff\ndata: \xff\n\n", [(b"\xff", "\ufffd")]),
        (b"id: 7\nretry: 10\nunknown: x\ndata: 1\n\n", [(b"1", None)]),
        (b"data\n\ndata\ndata\n\ndata:\n\n", [(b"", None), (b"\n", None), (b"", None)]),
        (b" data: 1\n\nDATA: 2\n\ndatax: 3\n\n", []),
        (b"data: a: b\n\n", [(b"a: b", None)]),
        (b"\n\n\n\ndata: 1\n\n\n\n\ndata: 2\n\n\n", [(b"1", None), (b"2", None)]),
        (b"data: 1\n\ndata: 2\n", [(b"1", None), (b"2", None)]),
        (b"data: 1\n\ndata: 2", [(b"1", None), (b"2", None)]),
        (b"data: 1\r\n\r\ndata: 2\r", [(b"1", None), (b"2", None)]),
        ("data: é\u2028\u0085\n\n".encode(), [("é\u2028\u0085".encode(), None)]),
    ],
)
def test_server_sent_events_are_read_by_the_standard(stream: bytes, expected: Events) -> None:
    assert events("sse", stream) == expected
    assert events("sse", *rechunk(stream, "bytes")) == expected


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"", []),
        (b'{"a":1}\n{"b":2}\n', [b'{"a":1}', b'{"b":2}']),
        (b'{"a":1}\r\n\r\n \n{"b":2}', [b'{"a":1}', b'{"b":2}']),
        (b"  1  \n", [b"1"]),
        (b"1\n\n", [b"1"]),
    ],
)
def test_every_line_of_ndjson_is_an_event(stream: bytes, expected: list[bytes]) -> None:
    assert events("ndjson", stream) == [(line, None) for line in expected]
    assert events("ndjson", *rechunk(stream, "bytes")) == [(line, None) for line in expected]


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_an_event_is_there_as_soon_as_its_blank_line_is(line_end: bytes) -> None:
    reading = decoder("sse")
    assert reading.feed(b"data: 1" + line_end) == []
    assert reading.feed(line_end) == [ServerEvent(b"1")]
    assert reading.feed(b"data: 2" + line_end + line_end) == [ServerEvent(b"2")]
    assert reading.close() == []


def test_what_a_decoder_gave_out_at_the_end_it_gives_out_once() -> None:
    for how, tail in (("sse", b"data: 1"), ("ndjson", b"1")):
        reading = decoder("sse" if how == "sse" else "ndjson")
        assert reading.feed(tail) == []
        assert reading.close() == [ServerEvent(b"1")]
        assert reading.close() == []


LIKELY = st.sampled_from(
    [
        b"data: ",
        b"data:",
        b"data",
        b"event: x",
        b":",
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b"\xef\xbb\xbf",
        b"\xc3",
        b"\xa9",
        b"1",
    ]
)
STREAMS = st.lists(LIKELY | st.binary(max_size=3), max_size=24).map(b"".join)


@given(stream=STREAMS, cuts=st.lists(st.integers(0, 80), max_size=12), how=st.sampled_from(["sse", "ndjson"]))
def test_any_bytes_cut_anyhow_give_the_same_events_as_whole(stream: bytes, cuts: list[int], how: Framing) -> None:
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[start:end] for start, end in itertools.pairwise(places)]
    assert events(how, *pieces) == events(how, stream)


@given(
    data=st.lists(st.text(), min_size=1),
    name=st.none() | st.text(min_size=1),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_what_was_written_by_the_standard_is_read_back(data: list[str], name: str | None, end: str) -> None:
    lines = [line.replace("\r", "").replace("\n", "") for line in data]
    kind = name.replace("\r", "").replace("\n", "") if name else None
    block = [f"event: {kind}"] if kind else []
    block += [f"data: {line}" for line in lines]
    stream = (end.join([*block, "", ""]) * 2).encode()
    assert events("sse", stream) == [("\n".join(lines).encode(), kind or None)] * 2


BYTE_BY_BYTE = 16 * 1024
"""How much of a recording is fed byte by byte, which is slow; the other ways of cutting take all of it."""


def is_framed(recording: Recording) -> bool:
    """Whether it is a stream of events: Gemini's others are one array of JSON."""
    return recording.streamed and not recording.response_body.startswith(b"[")


STREAMED = [
    pytest.param(wire, *parameter.values, id=f"{wire}-{parameter.id}", marks=parameter.marks)
    for wire in WIRES
    for parameter in recordings_for(wire)
    if parameter.marks or is_framed(parameter.values[0])  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("wire", "recording"), STREAMED)
def test_a_recorded_stream_is_the_same_events_however_it_is_cut(wire: Wire, recording: Recording) -> None:
    how = load(wire).FRAMING
    whole = events(how, recording.response_body)
    assert whole
    for cut in RECHUNKINGS:
        if cut != "bytes":
            assert events(how, *rechunk(recording.response_body, cut)) == whole, cut
    head = recording.response_body[:BYTE_BY_BYTE]
    if how == "eventstream":  # where half a frame is an error
        head = head[: max(end for _, end in frame_bounds(recording.response_body) if end <= BYTE_BY_BYTE)]
    assert events(how, *rechunk(head, "bytes")) == events(how, head)


@pytest.mark.parametrize("made", [SseDecoder, NdjsonDecoder])
def test_an_event_longer_than_allowed_is_refused_before_it_fills_the_memory(made: Callable[..., Decoder]) -> None:
    reading = made(longest=1000)
    for _ in range(10):
        reading.feed(b"x" * 100)
    with pytest.raises(MalformedResponseError, match="longer than 1000 bytes"):
        reading.feed(b"x")


@pytest.mark.parametrize("made", [SseDecoder, NdjsonDecoder])
def test_many_events_may_be_longer_than_one_may_be(made: Callable[..., Decoder]) -> None:
    reading = made(longest=1000)
    line = b"data: " + b"x" * 90 + b"\n\n"
    assert sum(len(reading.feed(line[:50])) + len(reading.feed(line[50:])) for _ in range(100)) == 100
