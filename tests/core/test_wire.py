"""A body that is passed on keeps its bytes, except for what had to change."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wye.core.wire import replace_model, splice

NAMES = st.text(max_size=12) | st.sampled_from(["model", "messages", '"model"', "\\", "é", "\u2028"])
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
BODIES = st.dictionaries(NAMES, VALUES, max_size=5)
MODELS = st.text(min_size=1, max_size=12)
COMPACT = (None, (",", ":"))
WRITTEN = st.sampled_from([COMPACT, (None, (", ", ": ")), (2, (",", ": ")), ("\t", (" ,\n", " :\r\n "))])


def written(value: Any, style: tuple[int | str | None, tuple[str, str]], *, ascii_only: bool) -> bytes:
    indent, separators = style
    return json.dumps(value, indent=indent, separators=separators, ensure_ascii=ascii_only).encode(
        "utf-8", "surrogatepass"
    )


@given(
    body=BODIES,
    old=MODELS,
    new=MODELS,
    style=WRITTEN,
    ascii_only=st.booleans(),
    at=st.integers(min_value=0, max_value=5),
)
@example(body={"a": {"model": "x"}}, old="x", new="y", style=COMPACT, ascii_only=False, at=0)
@example(body={"a": "model"}, old="x", new="y", style=COMPACT, ascii_only=False, at=1)
@example(body={"a": '"model":"x"'}, old="x", new="y", style=COMPACT, ascii_only=False, at=1)
def test_only_the_model_changes(
    *, body: dict[str, Any], old: str, new: str, style: tuple[Any, Any], ascii_only: bool, at: int
) -> None:
    members = [(name, value) for name, value in body.items() if name != "model"]
    members.insert(at, ("model", old))
    before = dict(members)
    after = replace_model(written(before, style, ascii_only=ascii_only), old, new)
    assert json.loads(after) == {**before, "model": new}


@given(BODIES, st.dictionaries(NAMES, VALUES, max_size=3), WRITTEN)
def test_splicing_sets_members_and_keeps_the_others(
    body: dict[str, Any], changes: dict[str, Any], style: tuple[Any, Any]
) -> None:
    encoded = {name: json.dumps(value).encode() for name, value in changes.items()}
    assert json.loads(splice(written(body, style, ascii_only=True), encoded)) == {**body, **changes}


def test_all_other_bytes_are_kept_where_the_model_is_named_once() -> None:
    body = b'{ "messages" : [{"role":"user", "content":"\\u00e9 \xc3\xa9 1.0"}],\n  "model" : "fast" ,"n":1.0, "x":1e2}'
    after = replace_model(body, "fast", "openai/gpt-4o")
    assert after == body.replace(b'"fast"', b'"openai/gpt-4o"')


def test_members_keep_their_bytes_where_the_model_is_named_more_than_once() -> None:
    body = b'{"metadata":{"model":"fast","at":1.50},"model":"fast","messages":[ 1, 2 ]}'
    after = replace_model(body, "fast", "new")
    assert after == b'{"metadata":{"model":"fast","at":1.50},"model":"new","messages":[ 1, 2 ]}'


def test_the_same_name_changes_nothing() -> None:
    body = b'{"model":  "same", "model": "same"}'
    assert replace_model(body, "same", "same") is body


def test_a_model_that_is_written_in_escapes_is_found() -> None:
    assert json.loads(replace_model(b'{"model":"f\\u0061st","a":1}', "fast", "new")) == {"model": "new", "a": 1}


def test_the_last_of_several_models_counts_and_only_one_is_sent() -> None:
    assert replace_model(b'{"model":"first","model":"last"}', "last", "new") == b'{"model":"new"}'


def test_a_surrogate_in_another_member_survives() -> None:
    body = b'{"model":"a","user":"\\ud800"}'
    assert replace_model(body, "a", "b") == b'{"model":"b","user":"\\ud800"}'


@pytest.mark.parametrize("body", [b"", b"[]", b"1", b'{"a":', b'{"a":1}x', b'{"a" 1}'])
def test_what_is_no_object_cannot_be_spliced(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        splice(body, {"a": b"1"})
