"""The planner sees what is blocked and what is slow, by provider and by model."""

from wye.health import ALL_WELL, HealthView, Mark

OPEN = Mark("breaker_open", "five failures in a row", 60.0)
GONE = Mark("model_missing", "the provider does not know it")


def test_a_provider_s_mark_holds_for_all_its_models() -> None:
    view = HealthView(providers={"one": OPEN}, models={"one/a": GONE, "two/a": GONE})
    assert view.blocked("one", "one/a") == OPEN
    assert view.blocked("one", "one/b") == OPEN
    assert view.blocked("two", "two/a") == GONE
    assert view.blocked("two", "two/b") is None


def test_a_degraded_provider_s_models_are_degraded() -> None:
    view = HealthView(degraded=frozenset({"one", "two/a"}))
    assert [view.is_degraded(name.partition("/")[0], name) for name in ("one/a", "two/a", "two/b")] == [
        True,
        True,
        False,
    ]


def test_nothing_is_held_against_anybody_before_something_happened() -> None:
    assert ALL_WELL.blocked("one", "one/a") is None
    assert not ALL_WELL.is_degraded("one", "one/a")
