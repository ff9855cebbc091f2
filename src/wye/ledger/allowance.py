"""What this process may take of one amount in one period, without asking anybody.

    granted   what it was given, since the period began
    spent     what it has used up
    held      what is set aside for requests under way
    free      granted - spent - held: what may be taken; below zero it is a debt

`take` never makes a debt; only `settle` does, where a request used more than was set aside for it, and what is granted
next covers that first. All figures are whole numbers of one unit: requests, tokens or picodollars.
"""

from typing import Final

SLICES: Final = 16
"""A slice is this part of what is left, so that slices shrink as an amount is used up."""
SMALLEST_SLICE: Final = 10
"""An amount whose slice would be fewer than so many requests' worth is not sliced: each is asked for."""


class Allowance:
    """One process' part of an amount. `remaining` is what nobody had at the last word from whoever keeps it."""

    __slots__ = ("amount", "ends_at", "granted", "held", "remaining", "spent", "starts_at", "total", "typical")

    def __init__(self, amount: int, *, starts_at: int = 0, ends_at: int | None = None, granted: int = 0) -> None:
        """Begin a period; its bounds are microseconds since the epoch, `ends_at` is `None` where it has no end.

        `total` is what all processes spent and `typical` what a request takes, as far as that is known.
        """
        self.amount = amount
        self.starts_at = starts_at
        self.ends_at = ends_at
        self.granted = granted
        self.remaining = max(0, amount - granted)
        self.spent = 0
        self.held = 0
        self.total = 0
        self.typical = 1

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

    def grant(self, granted: int) -> None:
        """Take over what was granted; never less than what is spent and held."""
        self.granted = max(granted, self.floor)

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
