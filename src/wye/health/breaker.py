"""A circuit breaker: closed while things work, open once they fail, half open to try again."""

from typing import Final, Literal, TypeAlias

from wye.health.config import BreakerConfig

State: TypeAlias = Literal["CLOSED", "OPEN", "HALF_OPEN"]

NO_PROBE: Final = 0
"""The claim of a call through a closed breaker, which is no probe."""


class Breaker:
    """One breaker. Times are seconds on a clock that never goes back; the caller says what time it is.

    A call makes a claim first and settles it once, by `succeeded`, `failed` or `released`. Claims of an earlier
    half-open phase, and calls that began before the breaker opened, change nothing when they are settled.
    """

    __slots__ = ("_claimed_at", "_config", "_epoch", "_passed", "_probes", "failures", "state", "until")

    def __init__(self, config: BreakerConfig) -> None:
        """Begin closed."""
        self._config = config
        self.state: State = "CLOSED"
        self.failures = 0
        self.until = 0.0
        """When an open breaker lets the first call try again."""
        self._epoch = 0
        self._probes = 0
        self._passed = 0
        self._claimed_at = 0.0

    def claim(self, now: float) -> int | None:
        """Claim a call: `NO_PROBE` where the breaker is closed, another number for a probe, `None` if it is refused."""
        if self.state == "CLOSED":
            return NO_PROBE
        if not self.allows(now):
            return None
        if self.state == "OPEN":
            self._half_open()
        elif self._probes >= self._config.half_open_max_requests:
            self._half_open()  # nobody ever said what became of the probes
        self._probes += 1
        self._claimed_at = now
        return self._epoch

    def allows(self, now: float) -> bool:
        """Tell whether a claim would be granted."""
        if self.state == "CLOSED":
            return True
        if self.state == "OPEN":
            return now >= self.until
        return self._probes < self._config.half_open_max_requests or now >= self._claimed_at + self._config.open_seconds

    def frees_at(self, now: float) -> float:
        """Return when a claim will be granted at the latest; `now` where it would be at once."""
        if self.allows(now):
            return now
        return self.until if self.state == "OPEN" else self._claimed_at + self._config.open_seconds

    def succeeded(self, claim: int) -> bool:
        """Settle a claim with a success; tell whether the state changed."""
        if claim == NO_PROBE:
            if self.state == "CLOSED":
                self.failures = 0
            return False
        if not self._is_current(claim):
            return False
        self._probes -= 1
        self._passed += 1
        if self._passed < self._config.half_open_max_requests:
            return False
        self.close()
        return True

    def failed(self, claim: int, now: float) -> bool:
        """Settle a claim with a failure; tell whether the state changed."""
        if claim == NO_PROBE:
            if self.state != "CLOSED":
                return False
            self.failures += 1
            if self.failures < self._config.failure_threshold:
                return False
        elif not self._is_current(claim):
            return False
        else:
            self.failures += 1
        self._open(now + self._config.open_seconds)
        return True

    def released(self, claim: int) -> None:
        """Settle a claim of which nothing was learnt: the caller left, or the caller's request was at fault."""
        if claim != NO_PROBE and self._is_current(claim):
            self._probes -= 1

    def adopt(self, now: float, until: float | None) -> None:
        """Open until then, or close, because another process found reason to; its own rules bound for how long."""
        if until is None:
            self.close()
        else:
            self.failures = max(self.failures, self._config.failure_threshold)
            self._open(min(until, now + self._config.open_seconds))

    def hasten(self, now: float) -> None:
        """Let an open breaker try again at once."""
        if self.state == "OPEN":
            self.until = min(self.until, now)

    def close(self) -> None:
        """Close, whatever the state was."""
        self.state, self.failures, self.until = "CLOSED", 0, 0.0

    def _open(self, until: float) -> None:
        self.state, self.until = "OPEN", until

    def _half_open(self) -> None:
        self.state = "HALF_OPEN"
        self._epoch += 1
        self._probes = self._passed = 0

    def _is_current(self, claim: int) -> bool:
        return self.state == "HALF_OPEN" and claim == self._epoch
