"""What is known of every provider, model and key: asked before a call, told after it.

Nothing here waits, and nothing is written down elsewhere: `acquire` and `observe` are a few microseconds of plain
reads and writes within one event loop. Time is measured on a clock that never goes back; the wall clock only says until
when, to whoever reads it.
"""

import math
import time
from collections.abc import Callable, Mapping
from typing import Final, Literal, TypeAlias

from msgspec import structs

from wye.catalog.schema import LatencyTier, ModelInfo
from wye.core.errors import DeadlineExceededError, UpstreamTimeoutError, WyeError
from wye.core.plan import Attempt, Outcome
from wye.core.secret import Secret
from wye.health import marks, report
from wye.health.breaker import NO_PROBE
from wye.health.config import BreakerConfig
from wye.health.keys import Key
from wye.health.observed import ENOUGH, STALE_SECONDS, Watch
from wye.health.records import ModelHealth, Permit, ProviderHealth, ProviderKeys
from wye.health.report import ProviderReport
from wye.health.verdict import KEYS_OWN, Verdict, verdict
from wye.health.view import ALL_WELL, HealthView, Mark, Observed

MISSING_SECONDS: Final = 300.0
"""How long a model that its provider does not know is not asked for."""
_MODELS_AT_MOST: Final = 10_000
"""Names of models may come from callers."""
_REFRESH_SECONDS: Final = 1.0
"""How old what was observed may be in a view."""
_FORGET_EVERY_SECONDS: Final = 60.0
_SLOW_STEPS: Final = 3
"""Slow answers, less the quick ones between them, that mark a model as degraded."""
_STRETCH: Final[Mapping[LatencyTier, float]] = {"very-fast": 1.0, "fast": 1.0, "medium": 2.5, "slow": 7.5}
"""How much longer than the fast tiers a tier may take to its first token: its own bound where theirs is 2 s."""

Subject: TypeAlias = Literal["provider", "model", "key"]
"""What a mark is about; a key is named `provider/fingerprint`."""
Listener: TypeAlias = Callable[[Subject, str, Mark | None], None]


class Health:
    """Breakers, keys and observations of one process."""

    def __init__(
        self,
        config: BreakerConfig | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Begin with everything well; `clock` never goes back, `wall` is seconds since the epoch."""
        self._config = config or BreakerConfig()
        self._clock = clock
        self._wall = wall
        self._catalog: Mapping[str, ModelInfo] = {}
        self.providers: dict[str, ProviderHealth] = {}
        self.models: dict[str, ModelHealth] = {}
        self.listener: Listener | None = None
        """Told of every mark that is set or taken back by what happened here, so that it can be shared."""
        self._view = ALL_WELL
        self._view_until = -math.inf
        self._observed: dict[str, Observed] = {}
        self._forget_at = 0.0
        self._seen: set[ModelHealth] = set()
        self._troubled: set[ModelHealth] = set()

    def configure(
        self,
        providers: Mapping[str, ProviderKeys],
        catalog: Mapping[str, ModelInfo],
        config: BreakerConfig | None = None,
    ) -> None:
        """Take over the providers in use, and the models by their full ids.

        What is known of providers and keys that stay is kept. Other rules for breakers begin with closed ones.
        """
        if config is not None and config != self._config:
            self._config = config
            self.providers.clear()
            self.models.clear()
            self._troubled.clear()
        self._catalog = catalog
        for provider_id, said in providers.items():
            provider = self._provider(provider_id)
            provider.ring.replace(said.keys)
            provider.patience = said.patience
        for model in self.models.values():
            model.slow_after = self._slow_after(model.full_id)
        self._changed()

    def revive(self, provider_id: str) -> None:
        """Forget what is held against the keys of a provider: somebody may have mended them."""
        provider = self.providers.get(provider_id)
        for key in provider.ring.keys if provider is not None else ():
            if key.until > 0.0:
                key.revive()
                self._tell("key", f"{provider_id}/{key.name}", None)
        self._changed()

    def forget(self, provider_id: str) -> None:
        """Begin anew with a provider: what was learnt of it was learnt of another place."""
        self.revive(provider_id)
        if self.providers.pop(provider_id, None) is not None:
            self._tell("provider", provider_id, None)
        for model in [model for model in self.models.values() if model.provider.id == provider_id]:
            del self.models[model.full_id]
            self._troubled.discard(model)
            self._seen.discard(model)
            self._observed = {name: seen for name, seen in self._observed.items() if name != model.full_id}
        self._changed()

    def acquire(self, attempt: Attempt) -> Permit | None:
        """Return leave to make this attempt, with the key to use, or `None` where it must not be made now.

        Whoever gets a permit hands it to `observe` once, whatever happened, cancellation included.
        """
        now = self._clock()
        model = self.models.get(attempt.full_id) or self._model(attempt)
        provider = model.provider
        if model.absent_until > now:
            return None
        # Nearly always both are closed: then there is nothing to claim.
        provider_claim = NO_PROBE if provider.breaker.state == "CLOSED" else provider.breaker.claim(now)
        if provider_claim is None:
            return None
        model_claim = NO_PROBE if model.breaker.state == "CLOSED" else model.breaker.claim(now)
        if model_claim is not None:
            key = provider.ring.pick(now)
            if key is not None:
                return Permit(model, key, provider_claim, model_claim)
            model.breaker.released(model_claim)
        provider.breaker.released(provider_claim)
        return None

    def ready_in(self, attempt: Attempt) -> float:
        """Return the seconds until this attempt may be made: 0 where it may be now, infinity where it never will."""
        now = self._clock()
        model = self.models.get(attempt.full_id) or self._model(attempt)
        breakers = max(model.provider.breaker.frees_at(now), model.breaker.frees_at(now))
        return max(breakers, model.absent_until, model.provider.ring.frees_at(), now) - now

    def answered(self, permit: Permit) -> None:
        """Say that the first of an answer is there: a probe has passed, however long the answer goes on."""
        if permit.is_probe:
            self._passed(permit)

    def observe(self, permit: Permit, outcome: Outcome) -> None:
        """Learn from what became of a call."""
        if permit.settled:
            return
        if outcome.cancelled:
            self.release(permit)
            return
        permit.settled = True
        permit.used_key.in_flight -= 1
        if outcome.error is None:
            self._worked(permit, outcome)
        else:
            self._went_wrong(permit, outcome, outcome.error)

    def release(self, permit: Permit) -> None:
        """Take a permit back of which nothing was learnt; one that was observed stays so."""
        if not permit.settled:
            permit.settled = True
            permit.used_key.in_flight -= 1
            self._released(permit)

    def keys(self, provider_id: str) -> tuple[Secret | None, ...]:
        """Return every key of a provider, well or not; one `None` where it needs none."""
        provider = self.providers.get(provider_id)
        return tuple(key.secret for key in provider.ring.keys) if provider is not None else ()

    def checked(self, provider_id: str, used: Secret | None, error: WyeError | None) -> None:
        """Learn from a provider's answer to a question that was asked for its own sake.

        An answer proves that a refused key is good again and that an open provider can be reached: its next call may
        try at once. It does not prove that its models work.
        """
        provider = self.providers.get(provider_id)
        key = next((key for key in provider.ring.keys if key.secret == used), None) if provider is not None else None
        if provider is None or key is None or not self._config.enabled:
            return
        now = self._clock()
        if error is None:
            if key.code == "refused":
                key.revive()
                self._tell("key", f"{provider_id}/{key.name}", None)
            provider.breaker.hasten(now)
        else:
            kind = verdict(error, math.inf, provider.patience)
            if kind not in {"neutral", "missing"}:  # a list that is not there says nothing
                provider.last_error, provider.last_error_at = error, now
            if kind in KEYS_OWN:
                self._blame(provider, key, kind, error, now)
            elif kind in {"unreachable", "failed", "timed_out"} and provider.breaker.failed(NO_PROBE, now):
                self._tell("provider", provider.id, marks.of_provider(provider, now, self._epoch()))
        self._changed()

    def _worked(self, permit: Permit, outcome: Outcome) -> None:
        model = permit.model
        now = self._clock()
        model.provider.requests += 1
        model.provider.last_ok_at = now
        permit.used_key.strikes = 0
        self._passed(permit)
        model.watch.add(outcome, now, ok=True)
        self._seen.add(model)
        first_token = outcome.first_token
        if first_token is not None and (first_token > model.slow_after or model.slow_score):
            self._paced(model, now, slow=first_token > model.slow_after)

    def _went_wrong(self, permit: Permit, outcome: Outcome, error: WyeError) -> None:
        model, key, now = permit.model, permit.used_key, self._clock()
        provider = model.provider
        kind = verdict(error, outcome.duration, provider.patience)
        if kind == "neutral":
            self._released(permit)
            if outcome.duration > model.slow_after and isinstance(error, (UpstreamTimeoutError, DeadlineExceededError)):
                self._paced(model, now, slow=True)
            return
        provider.requests += 1
        provider.last_error, provider.last_error_at = error, now
        if not self._config.enabled:
            self._released(permit)
            return
        if kind in {"unreachable", "failed", "timed_out"}:
            self._failed(permit, now, of_provider=kind == "unreachable")
            model.watch.add(outcome, now, ok=False)
            self._seen.add(model)
            return
        self._released(permit)
        if kind == "missing":
            model.absent_until = now + MISSING_SECONDS
            self._troubled.add(model)
            self._tell("model", model.full_id, marks.of_model(model, now, self._epoch()))
        else:
            self._blame(provider, key, kind, error, now)
        self._changed()

    def _blame(self, provider: ProviderHealth, key: Key, kind: Verdict, error: WyeError, now: float) -> None:
        """Hold an error against a key."""
        key.last_error = error.code
        if kind == "limited":
            key.limited(now, error.retry_after)
        elif kind == "exhausted":
            key.exhausted(now, error.retry_after)
        else:
            key.refused(now)
        self._tell("key", f"{provider.id}/{key.name}", marks.of_key(key, now, self._epoch()))

    def _passed(self, permit: Permit) -> None:
        """Settle a permit's claims with a success; what comes later is no probe's any more."""
        model = permit.model
        if not (permit.is_probe or model.breaker.failures or model.provider.breaker.failures):
            return  # a success among successes changes nothing
        if model.provider.breaker.succeeded(permit.provider_claim):
            self._tell("provider", model.provider.id, None)
            self._changed()
        if model.breaker.succeeded(permit.model_claim):
            self._tell("model", model.full_id, None)
            self._changed()
        permit.provider_claim = permit.model_claim = NO_PROBE

    def _released(self, permit: Permit) -> None:
        permit.model.provider.breaker.released(permit.provider_claim)
        permit.model.breaker.released(permit.model_claim)

    def _failed(self, permit: Permit, now: float, *, of_provider: bool) -> None:
        """Settle a permit's claims with a failure.

        A model that was only being tried says nothing of its provider by failing again, or a dead model would hold down
        its provider's others; a connection that fails does.
        """
        model, provider = permit.model, permit.model.provider
        if of_provider or permit.model_claim == NO_PROBE:
            if provider.breaker.failed(permit.provider_claim, now):
                self._tell("provider", provider.id, marks.of_provider(provider, now, self._epoch()))
                self._changed()
        else:
            provider.breaker.released(permit.provider_claim)
        if model.breaker.failed(permit.model_claim, now):
            self._troubled.add(model)
            self._tell("model", model.full_id, marks.of_model(model, now, self._epoch()))
            self._changed()

    def _paced(self, model: ModelHealth, now: float, *, slow: bool) -> None:
        """Count a slow answer, or a quick one after slow ones; the mark ends by itself, so that it is tried again."""
        model.slow_score = min(model.slow_score + 1, _SLOW_STEPS) if slow else model.slow_score - 1
        was_slow = now < model.slow_until
        if model.slow_score == 0:
            model.slow_until = 0.0
        elif slow and model.slow_score >= _SLOW_STEPS:
            model.slow_until = now + self._config.open_seconds
            self._troubled.add(model)
        if was_slow != (now < model.slow_until):
            self._changed()

    def adopt(self, subject: Subject, name: str, mark: Mark | None) -> None:
        """Take over what another process found out; a mark of `None` takes one back. Unknown names are left alone."""
        now = self._clock()
        until = math.inf if mark is None or mark.until is None else mark.until - self._epoch()
        if subject == "provider" and (provider := self.providers.get(name)) is not None:
            provider.breaker.adopt(now, until if mark else None)
        elif subject == "model":
            provider_id, _, model_id = name.partition("/")
            model = self.models.get(name) or self._model(Attempt(provider=provider_id, model=model_id))
            if mark is not None and mark.code == "model_missing":
                model.absent_until = min(until, now + MISSING_SECONDS)
            else:
                model.absent_until = 0.0
                model.breaker.adopt(now, until if mark else None)
            self._troubled.add(model)
        elif subject == "key":
            provider_id, _, key_name = name.partition("/")
            for key in self.providers[provider_id].ring.keys if provider_id in self.providers else ():
                if key.name == key_name:
                    key.rest(mark.code, until) if mark else key.revive()
        self._changed()

    def view(self) -> HealthView:
        """Return what the planner may know: the same value until something changes or ends."""
        now = self._clock()
        if now >= self._view_until:
            self._look(now)
        return self._view

    def describe(self) -> dict[str, ProviderReport]:
        """Return how every provider in use is, by its id."""
        now, epoch = self._clock(), self._epoch()
        asked: dict[str, list[ModelHealth]] = {}
        for model in self.models.values():
            asked.setdefault(model.provider.id, []).append(model)
        return {
            name: report.of_provider(provider, asked.get(name, []), now, epoch)
            for name, provider in self.providers.items()
        }

    def _look(self, now: float) -> None:
        epoch = self._epoch()
        ends: list[float] = []
        blocked = {}
        for provider in self.providers.values():
            if (mark := marks.of_provider(provider, now, epoch)) is not None:
                blocked[provider.id] = mark
                ends += [provider.breaker.until, provider.ring.frees_at()]
        missing = {}
        slow = set()
        for model in tuple(self._troubled):
            mark = marks.of_model(model, now, epoch)
            if mark is not None:
                missing[model.full_id] = mark
            if now < model.slow_until:
                slow.add(model.full_id)
            elif mark is None:
                self._troubled.discard(model)
            ends += [model.breaker.until, model.absent_until, model.slow_until]
        seen = self._observe_now(now)
        was = self._view
        fresh = HealthView(
            version=was.version, providers=blocked, models=missing, degraded=frozenset(slow), observed=seen
        )
        if fresh != was:
            self._view = structs.replace(fresh, version=was.version + 1)
        self._view_until = min([end for end in ends if end > now], default=math.inf)
        self._view_until = min(self._view_until, now + _REFRESH_SECONDS)

    def _observe_now(self, now: float) -> dict[str, Observed]:
        """Return what was observed of the models that were seen often enough, and not too long ago."""
        fresh = {model.full_id: model.watch.summary() for model in self._seen if model.watch.requests >= ENOUGH}
        self._seen.clear()
        if now >= self._forget_at:
            self._forget_at = now + _FORGET_EVERY_SECONDS
            for model in self.models.values():
                if model.watch.requests and now - model.watch.last > STALE_SECONDS:
                    model.watch = Watch()
                    self._observed = {name: seen for name, seen in self._observed.items() if name != model.full_id}
        if fresh:
            self._observed = self._observed | fresh
        return self._observed

    def _provider(self, provider_id: str) -> ProviderHealth:
        provider = self.providers.get(provider_id)
        if provider is None:
            provider = self.providers[provider_id] = ProviderHealth(provider_id, self._config)
        return provider

    def _model(self, attempt: Attempt) -> ModelHealth:
        full_id = attempt.full_id
        model = ModelHealth(full_id, self._provider(attempt.provider), self._config, self._slow_after(full_id))
        if len(self.models) >= _MODELS_AT_MOST:
            self.models = {name: known for name, known in self.models.items() if name in self._catalog}
            self._troubled.intersection_update(self.models.values())
        self.models[full_id] = model
        return model

    def _slow_after(self, full_id: str) -> float:
        row = self._catalog.get(full_id)
        return self._config.latency_threshold_ms / 1000 * _STRETCH[row.latency_tier if row is not None else "medium"]

    def _epoch(self) -> float:
        return self._wall() - self._clock()

    def _changed(self) -> None:
        self._view_until = -math.inf

    def _tell(self, subject: Subject, name: str, mark: Mark | None) -> None:
        if self.listener is not None:
            self.listener(subject, name, mark)
