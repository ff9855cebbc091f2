"""The error tree is what its docstring draws, and says of every error what caller and retry loop need."""

import pickle
import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest

import wye
from wye.core import errors
from wye.core.errors import ProviderError, RequestError, WyeError, error_class


class Drawn(NamedTuple):
    name: str
    parent: str
    status: int | None
    code: str | None
    retryable: bool


def drawn() -> Iterator[Drawn]:
    """Read the tree out of the module's docstring."""
    lineage: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"^([ │├└─]*)(\w+Error)\b\s*(?:(\d{3})\s+(\w+))?(.*)$", line)
        if match is None:
            continue
        indent, name, status, code, rest = match.groups()
        while lineage and lineage[-1][0] >= len(indent):
            lineage.pop()
        yield Drawn(name, lineage[-1][1] if lineage else "", int(status) if status else None, code, "retryable" in rest)
        lineage.append((len(indent), name))


def every_class(root: type[WyeError] = WyeError) -> Iterator[type[WyeError]]:
    yield root
    for child in root.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from every_class(child)


CLASSES = list(every_class())
TREE = {row.name: row for row in drawn()}


def test_the_docstring_draws_every_class_and_no_other() -> None:
    assert sorted(TREE) == sorted(kind.__name__ for kind in CLASSES)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_a_class_is_what_the_docstring_says(kind: type[WyeError]) -> None:
    row = TREE[kind.__name__]
    assert row.parent == ("" if kind is WyeError else kind.__bases__[0].__name__)
    if row.status is not None:
        assert (kind.status_code, kind.default_code) == (row.status, row.code)
    assert kind.retryable is row.retryable


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_error_says_status_type_code_and_whether_to_try_again(kind: type[WyeError]) -> None:
    error = kind("what happened")
    assert 400 <= error.status_code <= 599
    assert error.type.islower()
    assert re.fullmatch(r"[a-z_]+", error.code)
    assert (str(error), error.message) == ("what happened", "what happened")
    assert (error.param, error.provider, error.retry_after, error.upstream_status) == (None, None, None, None)
    assert not (error.retryable and isinstance(error, RequestError)), "the same request would be refused again"
    assert error.fails_over or not error.retryable, "what may be tried again may be tried elsewhere"


def test_codes_tell_classes_apart_except_where_callers_see_the_same() -> None:
    codes: dict[str, set[str]] = {}
    for kind in CLASSES:
        if kind not in {WyeError, RequestError, ProviderError}:
            codes.setdefault(kind.default_code, set()).add(kind.__name__)
    shared = {code: names for code, names in codes.items() if len(names) > 1}
    assert shared == {
        "model_not_found": {"ModelNotFoundError", "ProviderModelMissingError"},
        "timeout": {"UpstreamTimeoutError", "ConnectionTimeoutError"},  # the one is a kind of the other
        "rate_limit_exceeded": {"LimitExceededError", "RateLimitError"},  # ours and a provider's, as callers know it
    }


def test_the_caller_s_mistakes_are_4xx_and_keep_their_own_type() -> None:
    for kind in CLASSES:
        if issubclass(kind, RequestError):
            assert 400 <= kind.status_code < 500, kind
        assert not (issubclass(kind, RequestError) and issubclass(kind, ProviderError))


def test_every_error_a_program_may_want_to_catch_is_public_or_a_leaf_of_a_public_one() -> None:
    for kind in CLASSES:
        assert any(getattr(wye, parent.__name__, None) is parent for parent in kind.__mro__), kind


def test_an_error_keeps_the_first_provider_it_was_traced_to() -> None:
    error = errors.RateLimitError("slow down", retry_after=2.5, upstream_status=429)
    assert error.at("first") is error
    assert error.at("second").provider == "first"


def test_an_error_crosses_a_process_boundary_whole() -> None:
    error = errors.RateLimitError("slow down", code="tokens", param="model", retry_after=2.5, upstream_status=429)
    copied = pickle.loads(pickle.dumps(error.at("here")))  # noqa: S301
    assert type(copied) is type(error)
    assert copied.__dict__ == error.__dict__


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (302, errors.UpstreamError),
        (400, errors.InvalidRequestError),
        (401, errors.ProviderAuthenticationError),
        (402, errors.QuotaExceededError),
        (403, errors.ProviderPermissionError),
        (404, errors.ProviderModelMissingError),
        (408, errors.UpstreamTimeoutError),
        (413, errors.RequestTooLargeError),
        (418, errors.InvalidRequestError),
        (422, errors.InvalidRequestError),
        (429, errors.RateLimitError),
        (500, errors.UpstreamError),
        (502, errors.UpstreamError),
        (503, errors.OverloadedError),
        (504, errors.UpstreamTimeoutError),
        (524, errors.UpstreamError),
        (529, errors.OverloadedError),
    ],
)
def test_a_provider_s_status_has_one_class(status: int, kind: type[WyeError]) -> None:
    assert error_class(status) is kind
