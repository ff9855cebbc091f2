"""A process never takes more than it was granted; only a request that used more than it set aside makes a debt."""

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from wye.core.leases import Grant
from wye.ledger.allowance import SLICES, Allowance

NUMBERS = st.integers(0, 1000)


def grant(granted: int, remaining: int = 0) -> Grant:
    return Grant(granted=granted, remaining=remaining, spent=0, holders=1, booked=0)


class Spending(RuleBasedStateMachine):
    """Whatever is granted, taken, spent and given back."""

    holds = Bundle("holds")

    def __init__(self) -> None:
        super().__init__()
        self.allowance = Allowance(1000)
        self.beyond = 0
        """Used beyond what was set aside for it."""

    @rule(number=NUMBERS)
    def grant(self, number: int) -> None:
        self.allowance.grant(grant(self.allowance.granted + number))

    @rule(keep=NUMBERS)
    def trim(self, keep: int) -> None:
        before = self.allowance.granted
        assert self.allowance.trim(keep) == self.allowance.granted <= before
        assert self.allowance.free <= max(keep, 0)

    @rule(target=holds, number=NUMBERS)
    def take(self, number: int) -> int:
        free = self.allowance.free
        taken = self.allowance.take(number)
        assert taken == (number <= free)
        assert self.allowance.free == free - number * taken
        return number * taken

    @rule(hold=consumes(holds), used=NUMBERS)
    def settle(self, hold: int, used: int) -> None:
        self.allowance.settle(hold, used)
        self.beyond += max(0, used - hold)

    @rule(hold=consumes(holds))
    def give_back(self, hold: int) -> None:
        self.allowance.give_back(hold)

    @invariant()
    def no_more_is_spent_than_was_granted_and_declared_a_debt(self) -> None:
        allowance = self.allowance
        assert allowance.spent + allowance.held == allowance.granted - allowance.free
        assert allowance.spent + allowance.held <= allowance.granted + allowance.debt
        assert allowance.debt <= self.beyond
        assert allowance.held >= 0


TestSpending = Spending.TestCase


def test_a_slice_shrinks_with_what_is_left_and_holds_what_is_needed() -> None:
    allowance = Allowance(SLICES * 100)
    assert allowance.slice() == 100
    assert allowance.slice(needed=300) == 300
    allowance.remaining = SLICES * 4
    assert allowance.slice() == 4


def test_what_is_left_too_small_to_slice_is_known_by_what_a_request_takes() -> None:
    allowance = Allowance(SLICES * 100)
    assert allowance.is_sliced
    allowance.typical = 20
    assert not allowance.is_sliced


def test_a_debt_comes_first() -> None:
    allowance = Allowance(100, granted=10)
    assert allowance.take(10)
    allowance.settle(10, 25)
    assert allowance.debt == 15
    allowance.grant(grant(30))
    assert allowance.free == 5
    assert not allowance.take(6)


def test_alone_a_process_takes_no_more_than_its_share_until_it_hears_again() -> None:
    allowance = Allowance(100)
    assert allowance.take_alone(4, share=6)
    assert not allowance.take_alone(3, share=6)
    assert allowance.take_alone(2, share=6)
    allowance.grant(grant(6))
    assert allowance.free == 0
    assert allowance.take_alone(6, share=6)


def test_what_all_have_used_counts_what_is_not_yet_in_the_books() -> None:
    allowance = Allowance(100, granted=50)
    allowance.take(30)
    allowance.settle(30, 30)
    assert allowance.used == 30
    allowance.grant(Grant(granted=50, remaining=10, spent=40, holders=2, booked=20))
    assert allowance.used == 50
