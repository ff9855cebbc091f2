"""One amount that requests count against, a limit's or a budget's, with this process' part of it in the current period.

A line without `refill` is this process' alone: all of its amount is granted at once. Otherwise slices are, by whoever
keeps the amount (`wye.ledger.refill`).
"""

import math
from typing import Final, Literal, Protocol, TypeAlias

from wye.core.leases import Ask, Grant, Kind
from wye.core.limits import Measure
from wye.core.periods import Period, bounds
from wye.ledger.allowance import SLICES, Allowance

Counts: TypeAlias = Measure | Literal["money"]
_LOW: Final = 2
"""A slice is filled up again once less than this part of it is left."""
_EMPTY_SECONDS: Final = 0.1
"""For how long it is believed that nothing is left, before that is asked again."""


class Filler(Protocol):
    """Who fills up the slices of lines."""

    @property
    def away(self) -> bool:
        """Whether nobody answers at the moment."""

    def now(self) -> float:
        """Return seconds on a clock that only goes forward."""

    def soon(self, line: "Line") -> None:
        """Fill a line's slice up, or give it back, without anybody waiting for it."""

    async def wait(self, line: "Line", number: int) -> None:
        """Ask for more of a line at once; return when that is answered, whatever the answer is."""


class Line:
    """An amount, by the name that all processes know it by (`subject`).

    `scope` and `target` say whose it is. A line that is not `hard` is counted and never refuses. `warn_at` are parts of
    the amount at which to warn. Moments (`at`) are microseconds since the epoch, `now` is seconds on a clock that only
    goes forward.
    """

    __slots__ = (
        "allowance",
        "amount",
        "counts",
        "empty_until",
        "hard",
        "holders",
        "low",
        "name",
        "period",
        "place",
        "quiet",
        "refill",
        "renewed",
        "subject",
        "until",
        "waiting",
        "warn_at",
        "warn_from",
    )

    def __init__(
        self,
        subject: str,
        *,
        counts: Counts,
        place: tuple[str, str],
        period: Period,
        amount: int,
        name: str = "",
        refill: Filler | None = None,
    ) -> None:
        """Begin with nothing known, hard and without a warning."""
        self.subject = subject
        self.counts: Counts = counts
        self.place = place
        self.period: Period = period
        self.name = name
        self.refill = refill
        self.until = 0.0
        self.low: float = -math.inf
        self.waiting = 0
        self.renewed = -math.inf
        self.empty_until = -math.inf
        self.holders = 1
        self.quiet = -1
        self.allowance = Allowance(amount)
        self.describe(amount)

    def describe(self, amount: int, *, hard: bool = True, warn_at: tuple[float, ...] = ()) -> None:
        """Take over what the operator says of it now."""
        self.allowance.change(amount, alone=self.refill is None)
        self.amount = amount
        self.hard = hard
        self.warn_at = tuple(sorted({*warn_at, *(() if hard else (1.0,))}))
        self.warn_from = round(amount * self.warn_at[0]) if self.warn_at else math.inf
        self.empty_until = -math.inf

    @property
    def kind(self) -> Kind:
        """Who charges it: the books, or this process itself."""
        return "budget" if self.counts == "money" else "rate"

    def current(self, at: int) -> Allowance:
        """Return what this process has of the period that `at` is in."""
        if at < self.until:
            return self.allowance
        known = self.allowance
        starts_at, ends_at = bounds(self.period, at)
        if self.until == 0 or starts_at > known.starts_at:
            granted = self.amount if self.refill is None else 0
            known = self.allowance = Allowance(self.amount, starts_at=starts_at, ends_at=ends_at, granted=granted)
            self.low, self.empty_until = -math.inf, -math.inf
        elif self.refill is not None:
            known.trim(0)  # what was not heard of for so long may be anybody's by now
        self.until = math.inf if ends_at is None else ends_at
        return known

    def is_over(self, at: int) -> bool:
        """Tell whether the period that is known here has ended."""
        ends_at = self.allowance.ends_at
        return ends_at is not None and at >= ends_at

    def ask(self, *, idle: bool) -> Ask:
        """Return what to ask for; what is asked back is not spent any more from here on."""
        allowance = self.allowance
        keep = 0 if idle or not self.hard else allowance.slice() if allowance.is_sliced else 0
        if self.waiting:
            wanted = allowance.floor + self.waiting + keep
        else:
            # What is in hand beyond a slice goes back, what is missing of one is asked for.
            allowance.trim(max(keep, 0))
            wanted = allowance.floor + keep
        return Ask(
            kind=self.kind,
            subject=self.subject,
            starts_at=allowance.starts_at,
            ends_at=allowance.ends_at,
            amount=self.amount,
            booked=allowance.booked if self.kind == "budget" else allowance.spent,
            floor=allowance.floor,
            wanted=wanted,
        )

    def hear(self, asked: Ask, grant: Grant, *, now: float, at: int, lasting: float) -> None:
        """Take over what was granted, which is this process' for `lasting` seconds from `now` on."""
        allowance = self.allowance
        if asked.starts_at != allowance.starts_at:
            return  # of a period that is over
        allowance.grant(grant)
        self.holders = grant.holders
        self.renewed = now
        lasts = at + round(lasting * 1_000_000)
        self.until = float(lasts if allowance.ends_at is None else min(lasts, allowance.ends_at))
        self.low = float(allowance.slice() // _LOW) if allowance.is_sliced and self.hard else -math.inf
        self.empty_until = now + _EMPTY_SECONDS if grant.remaining == 0 else -math.inf

    def share_alone(self) -> int:
        """Return what this process may take while nobody can be asked: a part that leaves the others theirs."""
        if self.kind == "budget":
            return self.allowance.left // SLICES
        return min(max(1, self.amount // max(2, self.holders)), self.allowance.remaining)
