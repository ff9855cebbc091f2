"""What this process may take of one amount in one period, without asking anybody.

    granted   what it was given, since the period began
    spent     what it has used up
    held      what is set aside for requests under way
    free      granted - spent - held: what may be taken; below zero it is a debt

`take` never makes a debt; only `settle` does, where a request used more than was set aside for it, and what is granted
next covers that first. All figures are whole numbers of one unit: requests, tokens or picodollars.
"""

from typing import Final

from wye.core.leases import Grant

SLICES: Final = 16
"""A slice is this part of what is left, so that slices shrink as an amount is used up."""
SMALLEST_SLICE: Final = 10
"""An amount whose slice would be fewer than so many requests' worth is not sliced: each is asked for."""


class Allowance:
    """One process' part of an amount.

    `remaining` is what nobody had, and `total` what all processes had spent, `booked` of it this one, at the last word
    from whoever keeps the amount. `typical` is what a request takes, about.
    """

    __slots__ = (
        "alone_left",
        "amount",
        "booked",
        "ends_at",
        "granted",
        "held",
        "remaining",
        "spent",
        "starts_at",
        "total",
        "typical",
        "warned",
    )

    def __init__(self, amount: int, *, starts_at: int = 0, ends_at: int | None = None, granted: int = 0) -> None:
        """Begin a period; its bounds are microseconds since the epoch, `ends_at` is `None` where it has no end."""
        self.amount = amount
        self.starts_at = starts_at
        self.ends_at = ends_at
        self.granted = granted
        self.remaining = max(0, amount - granted)
        self.spent = 0
        self.held = 0
        self.total = 0
        self.booked = 0
        self.typical = 1
        self.warned = 0
        self.alone_left: int | None = None

    @property
    def free(self) -> int:
        """What may be taken at once; a debt where it is below zero."""
        return self.granted - self.spent - self.held

    @property
    def debt(self) -> int:
        """What was used beyond what was granted."""
        return max(0, -self.free)

    @property
    def left(self) -> int:
        """What is left of the whole amount, as far as is known here: what others hold counts as used."""
        return max(0, self.remaining + self.free)

    @property
    def floor(self) -> int:
        """What this process must have, since it is spent or held."""
        return self.spent + self.held

    def take(self, number: int) -> bool:
        """Set `number` aside, or change nothing and tell that it is not there."""
        if self.granted - self.spent - self.held < number:
            return False
        self.held += number
        return True

    def hold(self, number: int) -> None:
        """Set `number` aside whether it is there or not: for amounts that warn and do not refuse."""
        self.held += number

    def settle(self, held: int, used: int) -> None:
        """Spend `used` of what was set aside, or more, and give back the rest."""
        self.held -= held
        self.spent += used

    def give_back(self, held: int) -> None:
        """Put back what was set aside."""
        self.held -= held

    @property
    def used(self) -> int:
        """What all processes have spent, as far as is known here."""
        return self.total + self.spent - self.booked

    def grant(self, grant: Grant) -> None:
        """Take over the word of whoever keeps the amount."""
        self.granted, self.remaining = grant.granted, grant.remaining
        self.total, self.booked = grant.spent, grant.booked
        self.alone_left = None

    def take_alone(self, number: int, share: int) -> bool:
        """Take from a share that this process has for as long as whoever keeps the amount cannot be asked."""
        if self.alone_left is None:
            self.alone_left = share
        lacking = max(0, number - self.free)
        if lacking > self.alone_left:
            return False
        self.alone_left -= lacking
        self.remaining = max(0, self.remaining - lacking)
        self.granted += lacking
        return self.take(number)

    def change(self, amount: int, *, alone: bool) -> None:
        """Let the amount be another one from now on."""
        if alone:
            self.granted += amount - self.amount
        else:
            self.remaining = max(0, self.remaining + amount - self.amount)
        self.amount = amount

    def trim(self, keep: int) -> int:
        """Keep no more than `keep` free, and return what is granted from now on."""
        self.granted = min(self.granted, self.floor + keep)
        return self.granted

    def slice(self, needed: int = 0) -> int:
        """Return how much a process should have free: a part of what is left, and at least what is `needed`."""
        return max(self.left // SLICES, needed)

    @property
    def is_sliced(self) -> bool:
        """Whether there is enough left that slices of it are worth keeping."""
        return self.left // SLICES >= SMALLEST_SLICE * self.typical
