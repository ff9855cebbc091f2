"""The seconds before the one under way, for as long as what was asked in them counts against a minute."""

from collections import deque
from typing import Final

from wye.core.periods import MINUTE
from wye.ledger.allowance import Allowance

SECOND: Final = 1_000_000
COUNTS: Final = MINUTE + SECOND
"""What was asked in a second counts for so long from its beginning on, so that no minute has more than a limit says."""


class Past:
    """What a limit of a minute remembers: an allowance for each second in which something was asked, oldest first.

    Requests that were let in then settle there, whenever they end.
    """

    __slots__ = ("_seconds",)

    def __init__(self) -> None:
        """Begin with nothing asked."""
        self._seconds: deque[Allowance] = deque()

    def add(self, second: Allowance) -> None:
        """Remember a second that is over."""
        self._seconds.append(second)

    def forget(self, at: int) -> None:
        """Forget what does not count any more at a moment (microseconds since the epoch)."""
        seconds = self._seconds
        while seconds and seconds[0].starts_at + COUNTS <= at:
            seconds.popleft()

    def shift(self, by: int) -> None:
        """Have all of it begun so many microseconds earlier: the clock that it was timed by was set back."""
        for second in self._seconds:
            second.starts_at -= by

    def floor(self) -> int:
        """Return what was spent and is held of all of them."""
        total = 0
        for second in self._seconds:
            total += second.spent + second.held
        return total

    def back_at(self, number: int) -> int | None:
        """Return when so much of it will be there again, `None` where it is not so much."""
        for second in self._seconds:
            number -= second.spent + second.held
            if number <= 0:
                return second.starts_at + COUNTS
        return None
