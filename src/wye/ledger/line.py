"""One amount that requests count against, a limit's or a budget's, with this process' part of it in the current period.

A line without `refill` is this process' alone: all of its amount is granted at once. Otherwise slices are, by whoever
keeps the amount (`wye.ledger.refill`).

A minute is no period of the calendar but the last sixty seconds, whenever one looks: each second in which something is
asked has an allowance of its own, with what is left once the seconds before it are counted (`wye.ledger.past`). What
`granted` is among them all does not change as they go by; whoever keeps the amount knows of no seconds.
"""

import math
from typing import Final, Literal, Protocol, TypeAlias

from wye.core.leases import Ask, Grant, Kind
from wye.core.limits import Measure
from wye.core.periods import Period, bounds
from wye.ledger.allowance import SLICES, Allowance
from wye.ledger.past import COUNTS, SECOND, Past

Counts: TypeAlias = Measure | Literal["money"]
_LOW: Final = 2
"""A slice is filled up again once less than this part of it is left."""
_RESTING: Final = 2 * SECOND
"""A minute's limit lies idle once nothing was asked for so long."""
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
        "before",
        "counts",
        "empty_until",
        "hard",
        "heard_at",
        "holders",
        "leased",
        "low",
        "name",
        "past",
        "period",
        "place",
        "quiet",
        "refill",
        "renewed",
        "subject",
        "told",
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
        self.past = Past() if period == "minute" else None
        self.before = 0
        self.leased = math.inf if refill is None else 0.0
        self.heard_at = -math.inf
        self.told = 0
        self.allowance = Allowance(amount, granted=amount if refill is None and period == "minute" else 0)
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
        if self.past is not None:
            return self._this_second(at, self.past)
        known = self.allowance
        starts_at, ends_at = bounds(self.period, at)
        if self.until == 0 or starts_at > known.starts_at:
            granted = self.amount if self.refill is None else 0
            known = self.allowance = Allowance(self.amount, starts_at=starts_at, ends_at=ends_at, granted=granted)
            self.low, self.empty_until, self.told = -math.inf, -math.inf, 0
        elif self.refill is not None:
            known.trim(0)  # what was not heard of for so long may be anybody's by now
        self.until = math.inf if ends_at is None else ends_at
        return known

    def _this_second(self, at: int, past: Past) -> Allowance:
        """Return what this process has in the second that `at` is in, once those before it are counted."""
        known, before = self.allowance, self.before
        starts_at = at - at % SECOND
        if self.until and starts_at <= known.starts_at:
            known.trim(0)  # what was not heard of for so long may be anybody's by now
            self.until = float(known.starts_at + SECOND)
            return known
        if self.until:
            past.add(known)
        past.forget(starts_at)
        self.before = past.floor()
        granted = before + known.granted - self.before
        if at >= self.leased:
            granted = min(granted, 0)
        made = Allowance(self.amount, starts_at=starts_at, ends_at=starts_at + COUNTS, granted=granted)
        made.remaining, made.total, made.typical = known.remaining, known.total, known.typical
        made.booked = known.booked + before - self.before
        self.allowance = made
        ends_at = float(starts_at + SECOND)
        self.until = self.leased if at < self.leased < ends_at else ends_at
        return made

    def set_back(self, now: int) -> None:
        """Follow the wall clock, which tells `now`, where it was set back; the minute would last until it caught up.

        It is looked at where a request is refused. What was asked counts as if it had been before that, and of what is
        shared nothing is in hand any more.
        """
        known, past = self.allowance, self.past
        by = known.starts_at - (now - now % SECOND)
        if past is None or not self.until or by <= _RESTING:
            return
        past.shift(by)
        known.starts_at -= by
        known.ends_at = known.starts_at + COUNTS
        self.until = float(known.starts_at + SECOND)
        if self.refill is not None:
            known.trim(0)
            self.heard_at -= float(by)
            self.leased = 0.0

    def rests(self, at: int) -> bool:
        """Tell whether nothing was asked since this was asked before; of a minute's, for a second or two."""
        allowance = self.allowance
        if self.past is not None:
            return not allowance.held and at - allowance.starts_at >= _RESTING
        idle = not allowance.held and self.quiet == allowance.spent
        self.quiet = allowance.spent
        return idle

    def back_at(self, number: int) -> int | None:
        """Return when `number` is there again, as far as this process knows; `None` where that is never."""
        allowance = self.allowance
        known = None if self.past is None else self.past.back_at(number - allowance.left)
        return known or allowance.ends_at

    def is_over(self, at: int) -> bool:
        """Tell whether the period that is known here has ended."""
        ends_at = self.allowance.ends_at
        return ends_at is not None and at >= ends_at

    def ask(self, at: int, *, idle: bool) -> Ask:
        """Return what to ask for; what is asked back is not spent any more from here on."""
        allowance, past = self.allowance, self.past
        if past is not None:
            past.forget(at)
            self._count(past.floor())
        keep = 0 if idle or not self.hard else allowance.slice() if allowance.is_sliced else 0
        if self.waiting:
            wanted = self.before + allowance.floor + self.waiting + keep
        else:
            # What is in hand beyond a slice goes back, what is missing of one is asked for.
            allowance.trim(max(keep, 0))
            wanted = self.before + allowance.floor + keep
        floor = self.before + allowance.floor
        return Ask(
            kind=self.kind,
            subject=self.subject,
            starts_at=allowance.starts_at if past is None else 0,
            ends_at=allowance.ends_at,
            amount=self.amount,
            booked=self._booked(),
            floor=floor,
            wanted=wanted,
            counts_for=None if past is None else COUNTS,
        )

    def _booked(self) -> int:
        """Return what counts as spent once this process is not heard of any more."""
        allowance = self.allowance
        if self.past is not None:
            return self.before + allowance.floor
        return allowance.booked if self.kind == "budget" else allowance.spent

    @property
    def is_told(self) -> bool:
        """Whether whoever keeps the amount knows all that was spent of it here; of budgets it is told by the books."""
        return self.kind == "budget" or self.told == self._booked()

    def _count(self, before: int) -> None:
        """Take over what the seconds before come to by now."""
        allowance, less = self.allowance, self.before - before
        allowance.granted += less
        allowance.booked += less
        self.before = before

    def hear(self, asked: Ask, grant: Grant, *, now: float, at: int, lasting: float) -> None:
        """Take over what was granted, which is this process' for `lasting` seconds from `now` on."""
        allowance = self.allowance
        if self.past is None and asked.starts_at != allowance.starts_at:
            return  # of a period that is over
        allowance.grant(grant)
        self.holders = grant.holders
        self.told = asked.booked
        self.renewed = now
        self.heard_at = float(at)
        lasts = at + round(lasting * 1_000_000)
        ends_at = allowance.ends_at
        if self.past is not None:
            allowance.granted -= self.before
            allowance.booked -= self.before
            ends_at = allowance.starts_at + SECOND
        self.leased = float(lasts)
        self.until = float(lasts if ends_at is None else min(lasts, ends_at))
        self.low = float(allowance.slice() // _LOW) if allowance.is_sliced and self.hard else -math.inf
        self.empty_until = now + _EMPTY_SECONDS if grant.remaining == 0 else -math.inf

    def share_alone(self) -> int:
        """Return what this process may take while nobody can be asked: a part that leaves the others theirs."""
        allowance = self.allowance
        if self.kind == "budget":
            return allowance.left // SLICES
        share = max(1, self.amount // max(2, self.holders))
        if self.past is None:
            return min(share, allowance.remaining)
        share -= self.before + max(allowance.granted, allowance.floor)
        if allowance.starts_at - self.heard_at < COUNTS:
            share = min(share, allowance.remaining)  # what others had at the last word still counts
        return max(0, share)
