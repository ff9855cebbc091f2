"""What the processes of one deployment tell each other: marks that end by themselves, claims, and counters.

Nobody who answers a request waits for this. What others said is heard from a task in the background, what is said is
put into a bounded queue and goes out from there, and a counter is a number in this process that others move on.
"""

from collections.abc import Callable
from typing import Literal, Protocol, TypeAlias

Hearer: TypeAlias = Callable[[str, bytes | None, float], None]
"""Takes a mark's name, its value and the seconds it has left; a value of `None` says that somebody took it back."""
Condition: TypeAlias = Literal["ok", "degraded"]
Noticed: TypeAlias = Callable[[Condition, str], None]
"""Takes the condition that the state came into, and a sentence that says why."""


class SharedState(Protocol):
    """What is shared, wherever it is kept."""

    alone: bool
    """Whether there is nobody to tell anything."""
    hearer: Hearer | None
    noticed: Noticed | None
    condition: Condition
    dropped: int
    """Marks that were never told to anybody, since the queue was full while the others could not be reached."""

    def publish(self, name: str, value: bytes, seconds: float) -> None:
        """Tell the others of a mark that ends in so many seconds; it takes the place of one of the same name."""

    def retract(self, name: str) -> None:
        """Tell the others that a mark is over before its end."""

    def turn(self, name: str) -> int:
        """Return the next number of a counter; processes take turns, so that a number may come twice or never."""

    async def claim(self, name: str, seconds: float) -> bool:
        """Claim `name` for so many seconds; tell whether this process has it.

        A claim that this process holds is made longer. Where the others cannot be reached, everybody has it.
        """

    async def start(self) -> None:
        """Begin to listen to the others; they need not be there."""

    async def aclose(self) -> None:
        """Say what is left to be said, shortly, and let go."""


class MemoryState:
    """The state of a process that is alone: there is nobody to tell."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.alone = True
        self.hearer: Hearer | None = None
        self.noticed: Noticed | None = None
        self.condition: Condition = "ok"
        self.dropped = 0
        self._turns: dict[str, int] = {}

    def publish(self, name: str, value: bytes, seconds: float) -> None:
        """Say it to nobody."""

    def retract(self, name: str) -> None:
        """Say it to nobody."""

    def turn(self, name: str) -> int:
        """Return the next number."""
        number = self._turns.get(name, 0)
        self._turns[name] = number + 1
        return number

    async def claim(self, name: str, seconds: float) -> bool:
        """Have it: there is nobody else."""
        del name, seconds
        return True

    async def start(self) -> None:
        """Nothing to begin."""

    async def aclose(self) -> None:
        """Nothing to let go."""
