"""Routes about providers: how they are, which goes first, and whether one works."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from wye.catalog.schema import Provider
from wye.checkup import Checkup, check_up
from wye.core.errors import InvalidRequestError, ModelNotFoundError, StoreUnavailableError
from wye.core.plan import Wanted
from wye.engine import Engine
from wye.gateway.api import choosing
from wye.gateway.api.asking import at_provider, known_provider
from wye.gateway.api.forms import SwitchForm, TryForm
from wye.gateway.api.here import Here
from wye.gateway.api.views import View
from wye.health.report import BreakerReport, ModelReport, ProviderReport, Status

_FIRST: Final = "routing.first"
"""The runtime setting that says what goes first."""


class BreakerView(View, frozen=True, kw_only=True):
    """A breaker: CLOSED lets requests through, OPEN none until `until`, HALF_OPEN a few to see whether all is well."""

    state: Literal["CLOSED", "OPEN", "HALF_OPEN"]
    failure_count: int
    until: float | None


class KeyView(View, frozen=True, kw_only=True):
    """One key, masked; `status` is `healthy`, `cooling_down`, `quota_exceeded` or `refused`."""

    key: str
    status: str
    reason: str | None
    until: float | None
    in_flight: int


class AskedView(View, frozen=True, kw_only=True):
    """A model that was asked lately: what is held against it, and what was seen of it; times are milliseconds."""

    circuit_breaker: BreakerView
    reason: str | None
    degraded: bool
    requests: int
    success_rate: float | None
    first_token_ms: float | None
    duration_ms: float | None


class ErrorView(View, frozen=True, kw_only=True):
    """The last error the provider was the reason of."""

    code: str
    message: str
    at: float


class ProviderView(View, frozen=True, kw_only=True):
    """One provider; points in time are seconds since the epoch.

    `needs` says what is missing before it can be used; one that is not `enabled` was switched off. `models` counts
    those that are known of it, `asked` are those that were asked, by their full ids.
    """

    id: str
    name: str
    status: Status
    available: bool
    enabled: bool
    reason: str | None
    circuit_breaker: BreakerView
    keys: Sequence[KeyView]
    needs: str | None
    adapter: str
    base_url: str | None
    default_model: str | None
    local: bool
    models: int
    asked: Mapping[str, AskedView]
    requests: int
    last_answer_at: float | None
    last_error: ErrorView | None


class StatusView(View, frozen=True, kw_only=True):
    """How providers are. `current` and `currentModel` answer first where a request names no model."""

    providers: Mapping[str, ProviderView]
    current: str | None
    current_model: str | None
    fallback_order: Sequence[str]


class ChosenView(View, frozen=True, kw_only=True):
    """A provider and its model."""

    provider: str | None
    model: str | None


class SwitchView(View, frozen=True, kw_only=True):
    """What goes first now, and what did before; `kept` where it holds on every replica and after a restart."""

    current: str
    model: str
    previous: ChosenView
    kept: bool


class StepView(View, frozen=True, kw_only=True):
    """One question to a provider; `ok` is `null` where the question has no answer there."""

    step: str
    ok: bool | None
    told: str
    seconds: float
    code: str | None


class TryView(View, frozen=True, kw_only=True):
    """What came of trying a provider out."""

    provider: str
    ok: bool
    steps: Sequence[StepView]


def provider_views(engine: Engine, *, inside: bool) -> dict[str, ProviderView]:
    """Return every provider that is known, by its id; keys and addresses only for who may see the `inside`."""
    known = engine.snapshot.catalog
    counts = Counter(model.provider for model in known.models.values())
    reports = engine.providers()
    return {
        row.id: _provider(engine, row, reports[row.id], counts[row.id], inside=inside)
        for row in known.providers.values()
    }


def _provider(engine: Engine, row: Provider, report: ProviderReport, models: int, *, inside: bool) -> ProviderView:
    can, error = engine.snapshot.availability, report.last_error
    said = engine.snapshot.settings.providers.get(row.id)
    return ProviderView(
        id=row.id,
        name=row.name,
        status=report.status,
        available=report.status in {"connected", "degraded"},
        enabled=said is None or said.enabled,
        reason=report.reason,
        circuit_breaker=_breaker(report.breaker),
        keys=[
            KeyView(key=key.key, status=key.status, reason=key.reason, until=key.until, in_flight=key.in_flight)
            for key in (report.keys if inside else ())
        ],
        needs=can.missing.get(row.id) if row.id not in can.configured else None,
        adapter=row.adapter,
        base_url=row.base_url if inside else None,
        default_model=engine.snapshot.settings.routing.default_models.get(row.id) or row.default_model,
        local=row.local,
        models=models,
        asked={name: _asked(one) for name, one in report.models.items()},
        requests=report.requests,
        last_answer_at=report.last_answer_at,
        last_error=None if error is None else ErrorView(code=error.code, message=error.message, at=error.at),
    )


def _breaker(report: BreakerReport) -> BreakerView:
    return BreakerView(state=report.state, failure_count=report.failure_count, until=report.until)


def _asked(report: ModelReport) -> AskedView:
    seen = report.observed
    return AskedView(
        circuit_breaker=_breaker(report.breaker),
        reason=report.mark.reason if report.mark else None,
        degraded=report.degraded,
        requests=seen.requests if seen else 0,
        success_rate=seen.success_rate if seen else None,
        first_token_ms=_milliseconds(seen.first_token_p50) if seen else None,
        duration_ms=_milliseconds(seen.duration_p50) if seen else None,
    )


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)


def current(engine: Engine) -> ChosenView:
    """Return what answers first where a request names no model."""
    attempts = engine.explain("auto").attempts
    return (
        ChosenView(provider=attempts[0].provider, model=attempts[0].model)
        if attempts
        else ChosenView(provider=None, model=None)
    )


@get("/status", opt=choosing.LOOKING)
async def status(here: NamedDependency[Here]) -> StatusView:
    """Show how every provider is: its state, its breaker, its keys (masked), and what it still needs."""
    first = current(here.engine)
    return StatusView(
        providers=provider_views(here.engine, inside=here.caller.may("admin")),
        current=first.provider,
        current_model=first.model,
        fallback_order=here.engine.snapshot.settings.routing.fallback_order,
    )


@post("/switch", status_code=200)
async def switch(here: NamedDependency[Here], data: JSONBody[SwitchForm]) -> SwitchView:
    """Let another provider and model go first where a request names none.

    Requests under way keep theirs. With a store it is kept as the runtime setting `routing.first`, which goes before
    what the environment and the settings file say; deleting that takes it back. Without one, or while it is away, it
    holds in this process until it stops.
    """
    engine, before = here.engine, current(here.engine)
    row = known_provider(engine, data.provider)
    can = engine.snapshot.availability
    if row.id not in can.configured:
        reason = can.bad_keys.get(row.id) or can.missing.get(row.id) or f"add [providers.{row.id}] to the configuration"
        message = f"{row.name} is not in use: {reason}"
        raise InvalidRequestError(message, code="provider_not_configured", param="provider")
    _, _, model = at_provider(engine, row.id, data.model).partition("/")
    known = engine.snapshot.catalog
    found = known.find(row.id, model)
    if found is None and not row.local and any(one.provider == row.id for one in known.models.values()):
        near = ", ".join(known.near(f"{row.id}/{model}")) or "GET models lists them"
        message = f"{row.name} has no model {model!r}; near names: {near}. POST discover asks it for its models"
        raise ModelNotFoundError(message, param="model")
    kept = await _kept(here, f"{row.id}/{model}")
    return SwitchView(current=row.id, model=found.id if found else model, previous=before, kept=kept)


async def _kept(here: Here, first: str) -> bool:
    """Let `first` go first; tell whether it could be written down."""
    engine, store = here.engine, here.engine.store
    if store is None or here.takes_over is None:
        engine.switch(first)
        return False
    from wye.store import audit, runtime_settings  # a gateway without a store need not load it

    try:
        async with store.database.begin() as connection:
            before = (await runtime_settings.everything(connection)).get(_FIRST)
            await runtime_settings.put(connection, _FIRST, first, by=here.caller.user)
            action = "update" if before is not None else "create"
            told = {"before": before and before.value, "after": first}
            await audit.add(connection, here.caller, action, "setting", _FIRST, request_id=here.request.id, **told)
        engine.switch(None)
        await here.takes_over.hear_runtime_settings()
        if engine.snapshot.settings.routing.first != first:
            await here.takes_over.reload("switched to what was written down already")
    except StoreUnavailableError:
        engine.switch(first)  # whoever switches while all is on fire is not sent away
        return False
    return True


@post("/test", status_code=200)
async def test(here: NamedDependency[Here], data: JSONBody[TryForm]) -> TryView:
    """Try a provider out: ask it for its models and, if wanted, for one tiny answer; say what to mend."""
    return await tried(here.engine, data)


async def tried(engine: Engine, form: TryForm) -> TryView:
    """Return what came of trying out a provider, or the one that a model's name says."""
    provider, model = form.provider, form.model
    if provider is None:
        if model is None:
            raise InvalidRequestError("'provider' or 'model' is required", code="missing_field", param="provider")
        attempts = engine.snapshot.planner.plan(Wanted(model=model)).attempts
        provider, model = attempts[0].provider, attempts[0].alias or attempts[0].model
    row = known_provider(engine, provider)
    if model is not None:
        _, _, model = at_provider(engine, row.id, model).partition("/")
    wants_answer = form.complete if form.complete is not None else model is not None
    return _view(await check_up(engine, row.id, model=model if wants_answer else None, complete=wants_answer))


def _view(found: Checkup) -> TryView:
    steps = [
        StepView(step=step.step, ok=step.ok, told=step.told, seconds=round(step.seconds, 3), code=step.code or None)
        for step in found.steps
    ]
    return TryView(provider=found.provider, ok=found.ok, steps=steps)


HANDLERS: Final = (status, switch, test)
