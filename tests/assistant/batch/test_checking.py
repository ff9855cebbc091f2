"""Lines are found wherever a file is cut into pieces, with the numbers that an editor shows."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from wye import catalog
from wye.assistant.batch import checking
from wye.assistant.batch.checking import MOST_MISTAKES, Checker, lines_of
from wye.config import Settings
from wye.core.caller import LOCAL
from wye.core.errors import ContextLengthError, InvalidRequestError, RequestError, UnsupportedOperationError
from wye.engine import Engine

CONTENT = b"\xef\xbb\xbffirst\r\n\n  \nfourth\nf\xc3\xbcnfte"


async def cut(content: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(content), size):
        yield content[at : at + size]


@pytest.mark.parametrize("size", [1, 2, 7, 100])
async def test_lines_have_their_numbers_however_the_file_is_cut(size: int) -> None:
    found = [one async for one in lines_of(cut(CONTENT, size))]
    assert found == [(1, b"first"), (4, b"fourth"), (5, "fünfte".encode())]


async def test_a_line_without_an_end_is_not_gathered_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "LONGEST_LINE", 100)
    assert [one async for one in lines_of(cut(b"a\n" + b"x" * 500, 50))] == [(1, b"a"), (2, None)]


def checker(most: int = 1000, endpoint: str = "/v1/chat/completions") -> Checker:
    return Checker(Engine(Settings(), catalog.load()), LOCAL, endpoint, most)


def test_a_file_of_mistakes_is_read_no_further_than_it_helps() -> None:
    checks = checker()
    read = 0
    while not checks.full:
        read += 1
        assert checks.check(read, b"nonsense") is None
    assert (read, len(checks.mistakes)) == (MOST_MISTAKES, MOST_MISTAKES)


def test_a_file_that_is_too_long_is_read_no_further() -> None:
    checks = checker(most=2)
    for number in range(1, 4):
        checks.check(number, b"nonsense")
    assert checks.full
    assert checks.mistakes[-1].code == "too_many_tasks"


@pytest.mark.parametrize(
    "raw", [b'"\\ud800"', b'{"custom_id": "\\ud800"}', b"[" * 100_000, b"\xff", b"null", b"1e999", b'{"body": 1}']
)
def test_no_bytes_break_it(raw: bytes) -> None:
    checks = checker()
    assert checks.check(1, raw) is None
    assert checks.mistakes


@pytest.mark.parametrize(
    "item",
    [
        {"type": "item_reference", "id": "msg_of_someone_else"},
        {"id": "msg_of_someone_else"},
        {"type": "image_generation_call", "id": "ig_of_someone_else"},
    ],
)
def test_no_line_reaches_what_somebodys_provider_keeps(item: dict[str, Any]) -> None:
    checks = checker(endpoint="/v1/responses")
    said = [{"role": "user", "content": "Go on"}, item]
    raw = {"custom_id": "a", "method": "POST", "url": "/v1/responses", "body": {"model": "auto", "input": said}}
    assert checks.check(1, msgspec.json.encode(raw)) is None
    assert [(one.code, one.param) for one in checks.mistakes] == [("invalid_request", "body.input[1]")]


@pytest.mark.parametrize(
    "error", [ContextLengthError("too long"), UnsupportedOperationError("no vision"), InvalidRequestError("too dear")]
)
def test_a_line_that_is_too_much_for_its_model_is_not_held_against_the_others(
    monkeypatch: pytest.MonkeyPatch, error: RequestError
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Engine, "plan_call", refuse)
    checks = checker()
    for number in (1, 2):
        body = {"model": "auto", "messages": [{"role": "user", "content": "Hello"}]}
        raw = {"custom_id": str(number), "method": "POST", "url": "/v1/chat/completions", "body": body}
        assert checks.check(number, msgspec.json.encode(raw)) is not None
    assert checks.mistakes == []


def test_a_model_that_cannot_do_what_the_batch_is_for_is_a_mistake() -> None:
    checks = checker(endpoint="/v1/embeddings")
    body = {"model": "mock/mock-fast", "input": "Hello"}
    raw = {"custom_id": "a", "method": "POST", "url": "/v1/embeddings", "body": body}
    assert checks.check(1, msgspec.json.encode(raw)) is None
    assert [(one.code, one.param) for one in checks.mistakes] == [("unsupported_operation", "body.model")]
