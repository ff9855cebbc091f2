"""Slices of an amount that several processes share: what one asks of whoever keeps it, and what it gets.

All figures of a process are counted from the beginning of the period on and only say how things stand, so that an ask
that is repeated, since its answer was lost, changes nothing. A process asks for a sum (`wanted`) and is granted what
there is room for, but never less than what it has spent and holds already (`floor`).
"""

from collections.abc import Sequence
from typing import Literal, Protocol, TypeAlias

from msgspec import Struct

Kind: TypeAlias = Literal["budget", "rate"]


class Ask(Struct, frozen=True, kw_only=True):
    """What a process would like to have of an amount, in the amount's own unit.

    `subject` names the amount, `starts_at` its period (microseconds since the epoch) and `ends_at` where that is over,
    `None` for one that never is. `booked` is what this process has spent: of a budget as far as it knows that it is in
    the books, where the amount itself is charged by whoever writes them. `counts_for` is how long (microseconds) what a
    process had spent counts after it was last heard of, where that is not to the end of the period.
    """

    kind: Kind
    subject: str
    starts_at: int
    ends_at: int | None
    amount: int
    booked: int
    floor: int
    wanted: int
    counts_for: int | None = None


class Grant(Struct, frozen=True, kw_only=True):
    """What a process has of an amount, counted as in `Ask`.

    `remaining` is what nobody has, `spent` what was spent by all of them, as far as that is known, `holders` how many
    processes have a part.
    """

    granted: int
    remaining: int
    spent: int
    holders: int
    booked: int


class Leases(Protocol):
    """Whoever keeps the amounts and divides them."""

    async def exchange(self, asks: Sequence[Ask]) -> list[Grant]:
        """Answer each ask, in one step each. Raises a `WyeError` with status 503 where it is away."""

    async def aclose(self) -> None:
        """Let go."""


def divided(ask: Ask, room: int, *, spent: int, holders: int, booked: int) -> Grant:
    """Divide: `room` is the most that this process may have, counted from the beginning of the period."""
    granted = max(ask.floor, min(ask.wanted, room))
    return Grant(granted=granted, remaining=max(0, room - granted), spent=spent, holders=holders, booked=booked)
