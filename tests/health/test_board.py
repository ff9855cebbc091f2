"""Health is asked before a call and told after it; each error is held against whoever was its reason."""

import json
import math
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule
from tests.health.clocks import Clock

from wye.catalog.schema import LatencyTier, ModelInfo
from wye.core import errors
from wye.core.errors import (
    ConnectionFailedError,
    ConnectionTimeoutError,
    ContextLengthError,
    DeadlineExceededError,
    InvalidRequestError,
    MalformedResponseError,
    OverloadedError,
    ProviderAuthenticationError,
    ProviderModelMissingError,
    ProviderPermissionError,
    QuotaExceededError,
    RateLimitError,
    StreamInterruptedError,
    UpstreamError,
    UpstreamTimeoutError,
    WyeError,
)
from wye.core.plan import Attempt, Outcome
from wye.core.secret import Secret
from wye.core.usage import Usage
from wye.health import BreakerConfig, Health, Mark, Permit, ProviderKeys
from wye.health.board import Subject

A = Attempt(provider="one", model="a")
B = Attempt(provider="one", model="b")
ELSEWHERE = Attempt(provider="two", model="a")
KEYS = tuple(Secret(f"sk-canary-{number}-0123456789abcdef") for number in range(3))


def watched(*keys: Secret, clock: Clock | None = None, config: BreakerConfig | None = None) -> tuple[Health, Clock]:
    clock = clock or Clock()
    health = Health(config, clock=clock, wall=clock.wall)
    health.configure({"one": ProviderKeys(keys=keys), "two": ProviderKeys()}, {})
    return health, clock


def permit(health: Health, attempt: Attempt = A) -> Permit:
    granted = health.acquire(attempt)
    assert granted is not None, f"{attempt.full_id} is left alone: {health.view()}"
    return granted


def ended(
    health: Health,
    granted: Permit,
    error: WyeError | None = None,
    *,
    duration: float = 1.0,
    first_token: float | None = None,
) -> None:
    usage = Usage(output_tokens=100) if error is None else None
    health.observe(
        granted,
        Outcome(attempt=A, started=0.0, duration=duration, first_token=first_token, usage=usage, error=error),
    )


def fail(health: Health, error: WyeError, times: int = 1, attempt: Attempt = A, duration: float = 1.0) -> None:
    for _ in range(times):
        ended(health, permit(health, attempt), error, duration=duration)


def answer(health: Health, times: int = 1, attempt: Attempt = A, first_token: float | None = None) -> None:
    for _ in range(times):
        ended(health, permit(health, attempt), first_token=first_token)


FAILURES = [
    ConnectionFailedError("refused"),
    UpstreamError("500"),
    OverloadedError("529"),
    MalformedResponseError("<html>"),
    StreamInterruptedError("cut"),
    UpstreamTimeoutError("504", upstream_status=504),
    ConnectionTimeoutError("nobody took the connection"),
]


@pytest.mark.parametrize("error", FAILURES, ids=lambda error: error.code)
def test_a_failing_provider_is_left_alone_after_five_and_for_a_minute(error: WyeError) -> None:
    health, clock = watched()
    fail(health, error, 4)
    assert health.view().blocked("one", "one/a") is None
    fail(health, error)
    mark = health.view().blocked("one", "one/a")
    assert mark is not None
    assert mark.code == "breaker_open"
    assert mark.until == pytest.approx(clock.wall() + 60)
    assert health.acquire(A) is None
    assert health.acquire(B) is None
    assert health.acquire(ELSEWHERE) is not None
    assert health.ready_in(A) == 60.0
    clock.now += 60
    assert health.view().blocked("one", "one/a") is None
    assert permit(health).is_probe


NOBODYS = [
    InvalidRequestError("400"),
    ContextLengthError("too long"),
    errors.ContentFilteredError("no"),
    errors.UnsupportedParameterError("temperature"),
    errors.ConfigurationError("settings"),
    errors.RequestTooLargeError("413"),
    ProviderPermissionError("403"),
    DeadlineExceededError("over"),
    UpstreamTimeoutError("gave up after 1 s of the 30 it may take"),
]


@pytest.mark.parametrize("error", NOBODYS, ids=lambda error: type(error).__name__)
def test_what_a_caller_is_the_reason_of_is_held_against_nobody(error: WyeError) -> None:
    health, _ = watched(*KEYS)
    before = health.view()
    fail(health, error, 50)
    assert health.view() is before
    assert health.describe()["one"].status == "connected"


def test_a_silence_as_long_as_the_provider_may_keep_is_a_failure() -> None:
    health, _ = watched()
    fail(health, UpstreamTimeoutError("silent"), 5, duration=30.0)
    assert health.acquire(A) is None


def test_a_caller_who_leaves_says_nothing_of_the_provider() -> None:
    health, clock = watched()
    fail(health, UpstreamError("500"), 4)
    for _ in range(20):
        health.observe(permit(health), Outcome(attempt=A, started=0.0, duration=40.0, cancelled=True))
    fail(health, UpstreamError("500"))
    clock.now += 60
    for _ in range(20):
        health.observe(permit(health), Outcome(attempt=A, started=0.0, duration=1.0, cancelled=True))
    assert permit(health).is_probe


def test_a_permit_counts_once_however_often_it_is_handed_back() -> None:
    health, _ = watched()
    granted = permit(health)
    for _ in range(10):
        ended(health, granted, UpstreamError("500"))
        health.release(granted)
    assert health.view().blocked("one", "one/a") is None
    assert health.providers["one"].ring.keys[0].in_flight == 0


def test_a_rate_limit_cools_the_key_and_is_no_failure() -> None:
    health, clock = watched(*KEYS)
    used = [permit(health) for _ in range(3)]
    for granted in used[:2]:
        ended(health, granted, RateLimitError("slow down", retry_after=7.0))
    assert {permit(health).key for _ in range(4)} == {used[2].key}
    ended(health, used[2], RateLimitError("slow down", retry_after=9.0))
    mark = health.view().blocked("one", "one/b")
    assert mark is not None
    assert mark.code == "cooling_down"
    assert mark.until == pytest.approx(clock.wall() + 7)
    assert (health.acquire(A), health.ready_in(A)) == (None, 7.0)
    clock.now += 7
    assert permit(health).key in {granted.key for granted in used[:2]}
    assert health.providers["one"].breaker.failures == 0


def test_a_refused_key_is_retired_until_it_is_changed() -> None:
    health, clock = watched(*KEYS[:2])
    first = permit(health)
    ended(health, first, ProviderAuthenticationError("401"))
    clock.now += 1e7
    assert {permit(health).key for _ in range(5)} == {KEYS[1]}
    ended(health, permit(health), ProviderAuthenticationError("401"))
    mark = health.view().blocked("one", "one/a")
    assert mark is not None
    assert (mark.code, mark.until) == ("no_healthy_key", None)
    assert health.ready_in(A) == math.inf
    health.configure({"one": ProviderKeys(keys=KEYS[1:])}, {})
    assert health.view().blocked("one", "one/a") is None
    assert {permit(health).key for _ in range(5)} == {KEYS[2]}


def test_an_exhausted_key_gives_way_to_the_others() -> None:
    health, _ = watched(*KEYS[:2])
    granted = permit(health)
    ended(health, granted, QuotaExceededError("no credit"))
    assert granted.key not in {permit(health).key for _ in range(5)}


def test_a_model_that_is_missing_is_only_itself_left_alone() -> None:
    health, clock = watched()
    fail(health, ProviderModelMissingError("404"))
    mark = health.view().blocked("one", "one/a")
    assert mark is not None
    assert mark.code == "model_missing"
    assert health.acquire(A) is None
    assert health.acquire(B) is not None
    clock.now += 300
    assert health.acquire(A) is not None


def test_a_dead_model_does_not_hold_its_provider_down() -> None:
    health, clock = watched()
    fail(health, UpstreamError("500"), 5)
    clock.now += 60
    for _ in range(10):
        fail(health, UpstreamError("500"))
        answer(health, 3, B)
        assert health.acquire(A) is None
        clock.now += 60
    assert health.describe()["one"].status == "degraded"


def test_a_provider_that_cannot_be_reached_stays_open_whatever_model_is_tried() -> None:
    health, clock = watched()
    fail(health, ConnectionFailedError("refused"), 5)
    clock.now += 60
    fail(health, ConnectionFailedError("refused"))
    assert health.acquire(B) is None


def test_at_most_three_try_at_a_time_and_the_first_of_a_stream_is_enough() -> None:
    health, clock = watched()
    fail(health, UpstreamError("500"), 5)
    clock.now += 60
    probes = [permit(health) for _ in range(3)]
    assert health.acquire(A) is None
    for probe in probes:
        health.answered(probe)
    assert not permit(health).is_probe, "streams may go on for minutes; that they began is the proof"
    for probe in probes:
        ended(health, probe)
    assert health.describe()["one"].status == "connected"


@pytest.mark.parametrize(("tier", "bound"), [("very-fast", 2.0), ("fast", 2.0), ("medium", 5.0), ("slow", 15.0)])
def test_slow_first_tokens_degrade_a_model_by_its_tier_and_never_open(tier: LatencyTier, bound: float) -> None:
    health, clock = watched()
    health.configure({"one": ProviderKeys()}, {"one/a": ModelInfo(id="a", provider="one", latency_tier=tier)})
    answer(health, 50, first_token=bound - 0.1)
    assert not health.view().is_degraded("one", "one/a")
    answer(health, 50, first_token=bound + 0.1)
    assert health.view().is_degraded("one", "one/a")
    assert not health.view().is_degraded("one", "one/b")
    assert health.view().blocked("one", "one/a") is None
    assert health.describe()["one"].status == "degraded"
    answer(health, 3, first_token=0.1)
    assert not health.view().is_degraded("one", "one/a")
    answer(health, 3, first_token=bound + 0.1)
    clock.now += 60
    assert not health.view().is_degraded("one", "one/a"), "or nobody would ever ask it again"


def test_what_was_observed_is_told_once_there_is_enough_of_it() -> None:
    health, clock = watched()
    answer(health, 15, first_token=0.3)
    fail(health, UpstreamError("500"), 4)
    clock.now += 2
    assert "one/a" not in health.view().observed
    answer(health, first_token=0.3)
    clock.now += 2
    seen = health.view().observed["one/a"]
    assert (seen.requests, seen.success_rate, seen.first_token_p50) == (20, 0.8, 0.3)
    assert (seen.duration_p50, seen.output_tokens_mean) == (1.0, 100.0)
    clock.now += 3700
    assert health.view().observed == {}


def test_a_view_is_the_same_value_until_something_changes() -> None:
    health, clock = watched()
    first = health.view()
    answer(health, 30)
    assert health.view() is first
    clock.now += 5
    second = health.view()
    assert second.version != first.version
    clock.now += 5
    assert health.view() is second


@pytest.mark.parametrize("jump", [-1e9, -3600.0, 3600.0, 1e9])
def test_a_wall_clock_that_jumps_neither_opens_nor_holds_anything(jump: float) -> None:
    health, clock = watched(*KEYS[:1])
    fail(health, UpstreamError("500"), 5)
    fail(health, ProviderModelMissingError("404"), attempt=ELSEWHERE)
    clock.epoch += jump
    assert health.acquire(A) is None
    assert health.ready_in(A) == 60.0
    clock.now += 60
    answer(health, 3)
    ended(health, permit(health), RateLimitError("429", retry_after=5.0))
    clock.epoch -= 2 * jump
    assert health.acquire(A) is None
    clock.now += 5
    assert health.acquire(A) is not None
    assert health.view().blocked("one", "one/a") is None


def test_turned_off_it_holds_nothing_against_anybody() -> None:
    health, _ = watched(*KEYS[:1])
    health.configure({"one": ProviderKeys(keys=KEYS[:1])}, {}, BreakerConfig(enabled=False))
    for error in (
        *FAILURES,
        RateLimitError("429"),
        ProviderAuthenticationError("401"),
        ProviderModelMissingError("404"),
    ):
        fail(health, error, 10)
    assert health.acquire(A) is not None


def test_a_report_says_how_a_provider_is_and_shows_no_key() -> None:
    health, clock = watched(*KEYS)
    ended(health, permit(health), RateLimitError("slow down", retry_after=30.0))
    ended(health, permit(health), ProviderAuthenticationError("the key was refused"))
    answer(health, 2)
    report = health.describe()["one"]
    assert (report.status, report.reason) == ("degraded", "2 of 3 keys left alone")
    assert [key.status for key in report.keys] == ["cooling_down", "refused", "healthy"]
    assert [key.until for key in report.keys] == [pytest.approx(clock.wall() + 30), None, None]
    assert report.last_error is not None
    assert report.last_error.code == "provider_authentication_failed"
    assert report.requests == 4
    assert report.last_answer_at == pytest.approx(clock.wall())
    text = json.dumps(msgspec.to_builtins(health.describe())) + repr(health.describe()) + repr(health.view())
    assert not any(key.reveal() in text for key in KEYS)
    assert report.keys[0].key == "sk-cana…cdef"


def test_a_report_says_when_all_that_was_asked_fails() -> None:
    health, clock = watched()
    fail(health, UpstreamError("500"), 5)
    assert health.describe()["one"].status == "unavailable"
    assert health.describe()["one"].breaker.state == "OPEN"
    clock.now += 60
    assert health.describe()["one"].breaker.state == "HALF_OPEN"
    assert health.describe()["one"].status == "degraded"
    fail(health, UpstreamError("500"))
    assert health.describe()["one"].status == "unavailable"
    assert health.describe()["two"].status == "connected"


def test_another_process_s_marks_hold_here_and_come_back_from_nobody() -> None:
    here, clock = watched(*KEYS)
    there, _ = watched(*KEYS, clock=clock)
    heard: list[str] = []

    def tell(subject: Subject, name: str, mark: Mark | None) -> None:
        heard.append(f"{subject} {name}")
        there.adopt(subject, name, mark)

    here.listener = tell
    there.listener = lambda subject, name, mark: pytest.fail(f"{subject} {name} {mark} was told again")
    ended(here, permit(here), RateLimitError("429", retry_after=10.0))
    fail(here, ProviderModelMissingError("404"), attempt=B)
    fail(here, UpstreamError("500"), 5)
    assert there.view() == msgspec.structs.replace(here.view(), version=there.view().version)
    assert (there.acquire(A), there.acquire(B)) == (None, None)
    clock.now += 60
    answer(here, 3)
    there.listener = None
    assert not permit(there).is_probe
    assert {name.partition(" ")[0] for name in heard} == {"provider", "model", "key"}
    assert not any(key.reveal() in name for key in KEYS for name in heard)


def test_names_that_callers_make_up_do_not_pile_up() -> None:
    health, _ = watched()
    health.configure({"one": ProviderKeys()}, {"one/a": ModelInfo(id="a", provider="one")})
    fail(health, ProviderModelMissingError("404"))
    for number in range(25_000):
        ended(health, permit(health, Attempt(provider="one", model=f"made-up-{number}")))
    assert len(health.models) <= 10_000
    assert health.acquire(A) is None, "what is known of the catalog's models stays"


def test_beginning_anew_with_a_provider_leaves_the_others_as_they_are() -> None:
    health, _ = watched()
    fail(health, UpstreamError("500"), 5)
    fail(health, UpstreamError("500"), 5, ELSEWHERE)
    health.forget("one")
    assert health.acquire(A) is not None
    assert health.acquire(ELSEWHERE) is None


ERRORS: Sequence[WyeError | None] = [
    None,
    *FAILURES,
    RateLimitError("429"),
    RateLimitError("429", retry_after=20.0),
    ProviderModelMissingError("404"),
    QuotaExceededError("402"),
    InvalidRequestError("400"),
]


class HealthMachine(RuleBasedStateMachine):
    """Any calls to two models of a provider with two keys, and any outcomes, in any order."""

    permits = Bundle("permits")

    def __init__(self) -> None:
        super().__init__()
        self.health, self.clock = watched(*KEYS[:2])
        self.open: list[Permit] = []

    @rule(seconds=st.floats(0, 100), jump=st.floats(-1e6, 1e6))
    def wait(self, seconds: float, jump: float) -> None:
        self.clock.now += seconds
        self.clock.epoch += jump

    @rule(attempt=st.sampled_from([A, B]), target=permits)
    def begin(self, attempt: Attempt) -> object:
        view, ready = self.health.view(), self.health.ready_in(attempt)
        granted = self.health.acquire(attempt)
        assert (granted is not None) == (ready == 0.0)
        if view.blocked(attempt.provider, attempt.full_id) is not None:
            assert granted is None
        if granted is None:
            return multiple()
        self.open.append(granted)
        return granted

    @rule(granted=consumes(permits), error=st.sampled_from(ERRORS))
    def end(self, granted: Permit, error: WyeError | None) -> None:
        self.open.remove(granted)
        ended(self.health, granted, error)

    @rule(granted=consumes(permits))
    def leave(self, granted: Permit) -> None:
        self.open.remove(granted)
        self.health.release(granted)

    @invariant()
    def calls_under_way_are_counted(self) -> None:
        assert sum(key.in_flight for key in self.health.providers["one"].ring.keys) == len(self.open)

    @invariant()
    def probes_are_bounded(self) -> None:
        for breaker in (self.health.providers["one"].breaker, *(m.breaker for m in self.health.models.values())):
            assert 0 <= breaker._probes <= 3

    @invariant()
    def nothing_is_shut_for_ever(self) -> None:
        now = self.clock.now
        for attempt in (A, B):
            wait = self.health.ready_in(attempt)
            assert wait <= 3600.001
            self.clock.now = now + wait + 0.001
            assert self.health.view().blocked(attempt.provider, attempt.full_id) is None
            self.clock.now = now
            self.health._view_until = -math.inf


TestAnyTraffic = HealthMachine.TestCase
TestAnyTraffic.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
