"""What the modules of this surface share: the wire format's name, and how an absent member is told."""

from typing import Final, TypeVar

from msgspec import Raw

from wye.core.errors import InvalidRequestError

WIRE: Final = "openai_responses"
NULL: Final = Raw(b"null")
"""Stands for an absent member: msgspec reads `Raw | None` as null and nothing else."""
_T = TypeVar("_T")


def given(raw: Raw) -> Raw | None:
    """Return a member that is there."""
    return None if bytes(raw) == b"null" else raw


def need(value: _T | None, param: str) -> _T:
    """Return a member that must be there."""
    if value is None:
        raise InvalidRequestError(f"'{param}' is required", code="missing_field", param=param)
    return value
