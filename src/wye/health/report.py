"""How providers are, for pages and people: plain values that hold no secret."""

from typing import Literal, TypeAlias

from msgspec import Struct

from wye.health import marks
from wye.health.breaker import Breaker, State
from wye.health.keys import Key
from wye.health.records import ModelHealth, ProviderHealth
from wye.health.view import Mark, Observed

Status: TypeAlias = Literal["connected", "degraded", "unavailable", "unconfigured"]
_MESSAGE_AT_MOST = 300


class BreakerReport(Struct, frozen=True, kw_only=True):
    """A breaker; `until` is when an open one lets the first call try again, in seconds since the epoch."""

    state: State = "CLOSED"
    failure_count: int = 0
    until: float | None = None


class KeyReport(Struct, frozen=True, kw_only=True):
    """A key, masked. `status` is `healthy`, `cooling_down`, `quota_exceeded` or `refused`; `until` as of a breaker."""

    key: str
    status: str = "healthy"
    reason: str | None = None
    until: float | None = None
    in_flight: int = 0
    used: int = 0
    last_error: str | None = None


class ModelReport(Struct, frozen=True, kw_only=True):
    """A model that was asked; `degraded` means slow to its first token, `observed` what was seen of it lately."""

    breaker: BreakerReport
    mark: Mark | None = None
    degraded: bool = False
    observed: Observed | None = None


class LastError(Struct, frozen=True, kw_only=True):
    """The last error a provider was the reason of; `at` is seconds since the epoch."""

    code: str
    message: str
    at: float


class ProviderReport(Struct, frozen=True, kw_only=True):
    """A provider. `models` are those that were asked, by their full ids; times are seconds since the epoch.

    `connected` means that nothing is held against it, `degraded` that it may be called although something is,
    `unavailable` that it is left alone for now, `unconfigured` that something is missing, which `reason` names.
    """

    provider: str
    status: Status
    reason: str | None = None
    breaker: BreakerReport = BreakerReport()
    keys: tuple[KeyReport, ...] = ()
    models: dict[str, ModelReport] = {}
    requests: int = 0
    last_answer_at: float | None = None
    last_error: LastError | None = None


def of_provider(provider: ProviderHealth, models: list[ModelHealth], now: float, epoch: float) -> ProviderReport:
    """Describe a provider at `now`; `epoch` is what makes that seconds since the epoch."""
    asked = {model.full_id: of_model(model, now, epoch) for model in models}
    mark = marks.of_provider(provider, now, epoch)
    status, reason = _status(provider, asked, mark, now)
    error = provider.last_error
    return ProviderReport(
        provider=provider.id,
        status=status,
        reason=reason,
        breaker=_of_breaker(provider.breaker, now, epoch),
        keys=tuple(_of_key(key, now, epoch) for key in provider.ring.keys if key.secret is not None),
        models=asked,
        requests=provider.requests,
        last_answer_at=provider.last_ok_at + epoch if provider.last_ok_at else None,
        last_error=None
        if error is None
        else LastError(code=error.code, message=error.message[:_MESSAGE_AT_MOST], at=provider.last_error_at + epoch),
    )


def of_model(model: ModelHealth, now: float, epoch: float) -> ModelReport:
    """Describe a model."""
    return ModelReport(
        breaker=_of_breaker(model.breaker, now, epoch),
        mark=marks.of_model(model, now, epoch),
        degraded=now < model.slow_until,
        observed=model.watch.summary() if model.watch.requests else None,
    )


def _status(
    provider: ProviderHealth, asked: dict[str, ModelReport], mark: Mark | None, now: float
) -> tuple[Status, str | None]:
    if mark is not None:
        return "unavailable", mark.reason
    down = [name for name, report in asked.items() if report.mark is not None and report.mark.code == "breaker_open"]
    if down and len(down) == len(asked):
        return "unavailable", f"{', '.join(sorted(down))}: {asked[down[0]].breaker.failure_count} failures in a row"
    if provider.breaker.state != "CLOSED":
        return "degraded", "it is being tried again"
    troubles = [f"{name}: {report.mark.reason}" for name, report in asked.items() if report.mark is not None]
    troubles += [f"{name} is slow to its first token" for name, report in asked.items() if report.degraded]
    troubles += [
        f"{name} is being tried again"
        for name, report in asked.items()
        if report.mark is None and report.breaker.state != "CLOSED"
    ]
    resting = [key for key in provider.ring.keys if now < key.until]
    if resting:
        troubles.append(f"{len(resting)} of {len(provider.ring.keys)} keys left alone")
    return ("degraded", "; ".join(troubles)) if troubles else ("connected", None)


def _of_breaker(breaker: Breaker, now: float, epoch: float) -> BreakerReport:
    opened = breaker.state == "OPEN" and now < breaker.until
    state: State = "HALF_OPEN" if breaker.state == "OPEN" and not opened else breaker.state
    return BreakerReport(state=state, failure_count=breaker.failures, until=breaker.until + epoch if opened else None)


def _of_key(key: Key, now: float, epoch: float) -> KeyReport:
    mark = marks.of_key(key, now, epoch)
    return KeyReport(
        key=key.masked,
        status=mark.code if mark else "healthy",
        reason=mark.reason if mark else None,
        until=mark.until if mark else None,
        in_flight=key.in_flight,
        used=key.used,
        last_error=key.last_error or None,
    )
