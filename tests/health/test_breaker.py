"""A breaker opens after failures in a row, lets few try after a while, and believes only what is new."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from wye.health.breaker import NO_PROBE, Breaker
from wye.health.config import BreakerConfig

RULES = BreakerConfig()


def opened(now: float = 0.0) -> Breaker:
    breaker = Breaker(RULES)
    for _ in range(RULES.failure_threshold):
        breaker.failed(NO_PROBE, now)
    return breaker


def test_five_failures_in_a_row_open_it_for_a_minute() -> None:
    breaker = Breaker(RULES)
    assert [breaker.failed(NO_PROBE, 10.0) for _ in range(5)] == [False, False, False, False, True]
    assert breaker.claim(10.0) is None
    assert breaker.claim(69.9) is None
    assert breaker.claim(70.0) is not None
    assert breaker.state == "HALF_OPEN"


def test_a_success_between_failures_begins_the_count_again() -> None:
    breaker = Breaker(RULES)
    for _ in range(20):
        for _ in range(4):
            breaker.failed(NO_PROBE, 0.0)
        breaker.succeeded(NO_PROBE)
    assert (breaker.state, breaker.failures) == ("CLOSED", 0)


def test_three_probes_and_no_fourth_try_at_a_time() -> None:
    breaker = opened()
    claims = [breaker.claim(60.0) for _ in range(5)]
    assert [claim is not None for claim in claims] == [True, True, True, False, False]


def test_three_successes_close_it() -> None:
    breaker = opened()
    claims = [breaker.claim(60.0) or 0 for _ in range(3)]
    assert [breaker.succeeded(claim) for claim in claims] == [False, False, True]
    assert (breaker.state, breaker.failures, breaker.claim(60.0)) == ("CLOSED", 0, NO_PROBE)


def test_one_failed_probe_opens_it_again_and_the_other_probes_say_nothing_any_more() -> None:
    breaker = opened()
    first, second, third = (breaker.claim(60.0) or 0 for _ in range(3))
    assert breaker.failed(first, 61.0)
    assert not breaker.succeeded(second)
    assert not breaker.failed(third, 100.0)
    assert (breaker.state, breaker.until) == ("OPEN", 121.0)
    fresh = breaker.claim(121.0)
    assert not breaker.failed(second, 121.0), "a claim of the phase before must not count in this one"
    assert fresh not in (None, NO_PROBE, first)


def test_calls_from_before_it_opened_change_nothing() -> None:
    breaker = opened()
    assert not breaker.succeeded(NO_PROBE)
    assert not breaker.failed(NO_PROBE, 30.0)
    assert (breaker.state, breaker.until) == ("OPEN", 60.0)


def test_a_probe_that_was_given_up_makes_room_for_another() -> None:
    breaker = opened()
    for _ in range(10):
        claims = [breaker.claim(60.0) or 0 for _ in range(3)]
        assert breaker.claim(60.0) is None
        for claim in claims:
            breaker.released(claim)
    assert breaker.state == "HALF_OPEN"


def test_probes_of_which_nobody_says_anything_do_not_hold_it_forever() -> None:
    breaker = opened()
    lost = [breaker.claim(60.0) or 0 for _ in range(3)]
    assert breaker.frees_at(60.0) == 120.0
    assert breaker.claim(119.0) is None
    late = breaker.claim(120.0)
    assert late is not None
    assert not any(breaker.succeeded(claim) for claim in lost)
    assert [breaker.claim(120.0) is not None for _ in range(3)] == [True, True, False]


def test_what_another_process_found_is_believed_for_no_longer_than_its_own_rules_say() -> None:
    breaker = Breaker(RULES)
    breaker.adopt(10.0, 10_000.0)
    assert (breaker.state, breaker.until) == ("OPEN", 70.0)
    breaker.adopt(10.0, None)
    assert breaker.claim(10.0) == NO_PROBE


class BreakerMachine(RuleBasedStateMachine):
    """Any calls in any order, ending in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.config = BreakerConfig(failure_threshold=3, open_seconds=10, half_open_max_requests=2)
        self.breaker = Breaker(self.config)
        self.now = 0.0
        self.claims: list[int] = []
        self.opened_at = 0.0
        self.was = "CLOSED"

    @rule(seconds=st.floats(0, 25))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def begin(self) -> None:
        allowed, frees_at = self.breaker.allows(self.now), self.breaker.frees_at(self.now)
        claim = self.breaker.claim(self.now)
        assert (claim is not None) == allowed
        assert (frees_at <= self.now) == allowed
        if claim is not None:
            self.claims.append(claim)
        if self.was == "OPEN" and claim is not None:
            assert self.now >= self.opened_at + self.config.open_seconds

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), how=st.sampled_from(["ok", "failed", "left"]))
    def end(self, data: st.DataObject, how: str) -> None:
        claim = self.claims.pop(data.draw(st.integers(0, len(self.claims) - 1)))
        before = self.breaker.state
        if how == "left":
            self.breaker.released(claim)
            assert self.breaker.state == before
        elif how == "ok":
            assert self.breaker.succeeded(claim) == (before != self.breaker.state)
            assert self.breaker.state in {before, "CLOSED"}
        else:
            changed = self.breaker.failed(claim, self.now)
            assert changed == (before != self.breaker.state)
            if changed:
                assert self.breaker.state == "OPEN"
                self.opened_at = self.now

    @invariant()
    def probes_are_bounded(self) -> None:
        current = [claim for claim in self.claims if claim != NO_PROBE and claim == self.breaker._epoch]
        if self.breaker.state == "HALF_OPEN":
            assert len(current) == self.breaker._probes <= self.config.half_open_max_requests

    @invariant()
    def it_never_stays_shut(self) -> None:
        later = max(self.breaker.frees_at(self.now), self.now)
        assert later <= self.now + self.config.open_seconds
        assert self.breaker.allows(later)

    @invariant()
    def remember(self) -> None:
        self.was = self.breaker.state
        if self.was == "CLOSED":
            assert self.breaker.failures < self.config.failure_threshold


TestAnyCalls = BreakerMachine.TestCase
TestAnyCalls.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
