"""Guessing gets slower and slower; whoever goes on with one old key guesses nothing; memory stays bounded."""

import pytest

from wye.core.errors import TooManyAttemptsError
from wye.identity.throttle import FREE, KEPT, LONGEST_WAIT, Throttle

HERE = "192.0.2.7"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def fail(throttle: Throttle, times: int, address: str = HERE, first: int = 0) -> None:
    for at in range(times):
        throttle.failed(address, b"%d" % (first + at))


def wait_of(throttle: Throttle, address: str = HERE) -> float:
    try:
        throttle.check(address)
    except TooManyAttemptsError as error:
        return error.retry_after or 0.0
    return 0.0


def test_some_wrong_keys_are_forgiven_and_each_further_one_doubles_the_wait() -> None:
    throttle = Throttle(Clock())
    fail(throttle, FREE)
    assert wait_of(throttle) == 0
    waits = []
    for at in range(12):
        fail(throttle, 1, first=FREE + at)
        waits.append(wait_of(throttle))
    assert waits[:4] == [1, 2, 4, 8]
    assert waits[-1] == LONGEST_WAIT


def test_after_the_wait_another_key_may_be_tried() -> None:
    clock = Clock()
    throttle = Throttle(clock)
    fail(throttle, FREE + 1)
    with pytest.raises(TooManyAttemptsError):
        throttle.check(HERE)
    clock.now += 1
    throttle.check(HERE)


def test_the_same_wrong_key_again_and_again_is_one_attempt() -> None:
    throttle = Throttle(Clock())
    for _ in range(1000):
        throttle.failed(HERE, b"an old key")
    assert wait_of(throttle) == 0


def test_the_right_key_ends_it_and_so_does_a_quiet_while() -> None:
    clock = Clock()
    throttle = Throttle(clock)
    fail(throttle, FREE + 5)
    throttle.succeeded(HERE)
    assert wait_of(throttle) == 0
    fail(throttle, FREE + 5)
    clock.now += 3600
    fail(throttle, 1)
    assert wait_of(throttle) == 0


def test_others_do_not_wait() -> None:
    throttle = Throttle(Clock())
    fail(throttle, FREE + 5)
    assert wait_of(throttle, "192.0.2.8") == 0


def test_all_addresses_of_one_network_of_ipv6_count_as_one() -> None:
    throttle = Throttle(Clock())
    for at in range(FREE + 3):
        throttle.failed(f"2001:db8:1:2::{at:x}", b"%d" % at)
    assert wait_of(throttle, "2001:db8:1:2:ffff::1") > 0
    assert wait_of(throttle, "2001:db8:1:3::1") == 0
    assert wait_of(throttle, "no:address") == 0


def test_memory_is_bounded_by_addresses_and_by_keys() -> None:
    throttle = Throttle(Clock())
    for at in range(KEPT + 500):
        throttle.failed(f"10.{at >> 16}.{at >> 8 & 255}.{at & 255}", b"x")
    fail(throttle, 10_000)
    assert len(throttle._known) == KEPT
    assert max(len(one.keys) for one in throttle._known.values()) <= 32
