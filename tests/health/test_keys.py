"""The keys of a provider take turns; one that is refused, limited or without quota is left alone."""

import math

import pytest

from wye.core.secret import Secret
from wye.health.keys import KeyRing, fingerprint

ONE, TWO, THREE = (Secret(f"sk-canary-{name}-0123456789") for name in ("one", "two", "three"))


def picked(ring: KeyRing, now: float = 0.0) -> Secret | None:
    key = ring.pick(now)
    assert key is not None
    return key.secret


def test_the_key_with_the_fewest_calls_under_way_is_next() -> None:
    ring = KeyRing([ONE, TWO, THREE])
    first, second, third = (ring.pick(0.0) for _ in range(3))
    assert first is not None
    assert second is not None
    assert third is not None
    assert {first.secret, second.secret, third.secret} == {ONE, TWO, THREE}
    second.in_flight -= 1
    assert picked(ring) == second.secret


def test_idle_keys_take_turns() -> None:
    ring = KeyRing([ONE, TWO, THREE])
    order = []
    for _ in range(6):
        key = ring.pick(0.0)
        assert key
        order.append(key.secret)
        key.in_flight -= 1
    assert order == [ONE, TWO, THREE] * 2


def test_a_hint_is_kept_to_the_second_and_nothing_absurd_is_believed() -> None:
    key = KeyRing([ONE]).keys[0]
    key.limited(100.0, 7.5)
    assert key.until == 107.5
    key.limited(100.0, 1e9)
    assert key.until == 3700.0


def test_a_shorter_hint_does_not_shorten_a_longer_one() -> None:
    key = KeyRing([ONE]).keys[0]
    key.limited(100.0, 60.0)
    key.limited(101.0, 1.0)
    assert key.until == 160.0


def test_without_a_hint_cooldowns_grow_until_an_answer_comes() -> None:
    key = KeyRing([ONE]).keys[0]
    now, waits = 0.0, []
    for _ in range(8):
        key.limited(now, None)
        waits.append(key.until - now)
        now = key.until
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    key.worked()
    key.limited(now, None)
    assert key.until - now == 1


def test_many_limits_at_once_are_one() -> None:
    key = KeyRing([ONE]).keys[0]
    for _ in range(20):
        key.limited(5.0, None)
    assert key.until == 6.0


def test_a_refused_key_is_never_used_again_and_the_others_are() -> None:
    ring = KeyRing([ONE, TWO])
    ring.keys[0].refused(0.0)
    assert {picked(ring, 1e9) for _ in range(5)} == {TWO}
    ring.keys[1].refused(0.0)
    assert ring.pick(1e9) is None
    assert ring.frees_at() == math.inf


def test_a_refused_sign_in_is_tried_again_later() -> None:
    ring = KeyRing()
    ring.keys[0].refused(0.0)
    assert ring.pick(29.0) is None
    assert picked(ring, 30.0) is None
    ring.keys[0].refused(30.0)
    assert ring.frees_at() == 90.0


def test_a_key_without_quota_rests_for_an_hour() -> None:
    ring = KeyRing([ONE])
    ring.keys[0].exhausted(0.0, None)
    assert (ring.pick(3599.0), ring.frees_at()) == (None, 3600.0)


def test_keys_that_stay_keep_their_health_and_changed_ones_begin_anew() -> None:
    ring = KeyRing([ONE, TWO])
    for key in ring.keys:
        key.refused(0.0)
    ring.replace([TWO, THREE])
    assert [(key.secret, key.until) for key in ring.keys] == [(TWO, math.inf), (THREE, 0.0)]


def test_the_same_key_twice_is_one() -> None:
    assert len(KeyRing([ONE, ONE, TWO]).keys) == 2


@pytest.mark.parametrize("secret", [ONE, TWO])
def test_a_key_s_name_tells_nothing_of_it(secret: Secret) -> None:
    name = fingerprint(secret)
    assert name == fingerprint(Secret(secret.reveal()))
    assert not any(secret.reveal()[at : at + 4] in name for at in range(len(secret.reveal()) - 3))
    assert fingerprint(ONE) != fingerprint(TWO)
