"""A secret shows itself only when it is asked to."""

import copy
import json
import pickle
import traceback

import msgspec
import pytest

from wye.config import ProviderSettings
from wye.core.secret import Secret

VALUE = "sk-live-0123456789abcdefghij"


@pytest.mark.parametrize(
    "shown",
    [
        repr(Secret(VALUE)),
        str(Secret(VALUE)),
        f"{Secret(VALUE)}",
        f"{Secret(VALUE)!r:>40}",
        f"{Secret(VALUE):>40}",
        "%s %r" % (Secret(VALUE), Secret(VALUE)),  # noqa: UP031 - the old form is what loggers use
        "{0} {0!s} {0!a}".format(Secret(VALUE)),
        str([Secret(VALUE)]),
        str({"key": Secret(VALUE)}),
        repr(ProviderSettings(api_keys=(Secret(VALUE),))),
    ],
)
def test_no_way_of_printing_shows_the_value(shown: str) -> None:
    assert VALUE not in shown
    assert "live" not in shown


def test_a_traceback_with_locals_does_not_show_the_value() -> None:
    def fail(key: Secret) -> None:
        raise ValueError(f"bad key {key}")

    try:
        fail(Secret(VALUE))
    except ValueError as error:
        shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "key = Secret(…)" in shown
    assert VALUE not in shown.replace(f"VALUE = {VALUE!r}", "")


@pytest.mark.parametrize("encode", [json.dumps, msgspec.json.encode])
def test_a_secret_cannot_be_written_as_json(encode: object) -> None:
    assert callable(encode)
    with pytest.raises(TypeError) as raised:
        encode({"key": Secret(VALUE)})
    assert VALUE not in str(raised.value)


def test_joining_a_secret_to_a_string_is_an_error() -> None:
    with pytest.raises(TypeError):
        "".join(["Bearer ", Secret(VALUE)])  # type: ignore[list-item]


def test_a_secret_reaches_a_worker_process_whole() -> None:
    secret = Secret(VALUE)
    for copied in (pickle.loads(pickle.dumps(secret)), copy.copy(secret), copy.deepcopy(secret)):  # noqa: S301
        assert copied == secret
        assert copied.reveal() == VALUE


def test_secrets_compare_and_hash_by_value() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert Secret("é") != Secret("e")
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert Secret("a")
    assert not Secret("")


@pytest.mark.parametrize(
    ("value", "mask"),
    [("", "…"), ("short-key", "…"), ("x" * 19, "…"), (VALUE, "sk-live…ghij"), ("0123456789" * 2, "0123456…6789")],
)
def test_a_mask_tells_long_keys_apart_and_shows_nothing_of_short_ones(value: str, mask: str) -> None:
    assert Secret(value).masked() == mask
