"""Time that only tests move."""


class Clock:
    """A clock that is read by calling it; `wall` is another that may be set to anything."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self.epoch = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.epoch + self.now
