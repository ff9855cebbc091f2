"""What a caller says of answers that are kept: whether one will do, and whether this one may be kept."""

from typing import Final, Literal, TypeAlias

from msgspec import Struct

Verdict: TypeAlias = Literal["hit", "miss", "bypass"]
"""What became of a request at the cache: answered from it, not known to it, or not looked up."""


class Reuse(Struct, frozen=True, kw_only=True):
    """A caller's wish.

    `read` lets a kept answer do, if it is not older than `max_age` (seconds); `store` lets the new one be kept.
    """

    read: bool = True
    store: bool = True
    max_age: float | None = None


ANY_AGE: Final = Reuse()
"""What holds where a caller says nothing."""
