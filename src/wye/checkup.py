"""Tries a provider out: asks it for its models and, if wanted, for one tiny answer, and says what to mend."""

import time
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from wye.core.errors import ConfigurationError, WyeError
from wye.core.refresh import Refreshed
from wye.engine import Engine
from wye.library import ModelRouter


class Step(Struct, frozen=True, kw_only=True):
    """One question to a provider: `step` is `models` or `answer`, `told` what came of it in a sentence.

    `ok` is `None` where the question has no answer here: a provider without a list of models works all the same.
    """

    step: str
    ok: bool | None
    told: str
    seconds: float
    code: str = ""


class Checkup(Struct, frozen=True, kw_only=True):
    """What came of trying a provider out."""

    provider: str
    ok: bool
    steps: tuple[Step, ...]


async def check_up(engine: Engine, provider: str, *, model: str | None = None, complete: bool = False) -> Checkup:
    """Ask a provider, by its id or alias, for its models; with `complete` or a `model` also for one tiny answer.

    Raises `InvalidRequestError` for a name that is no provider's.
    """
    (report,) = await engine.refresh([provider])
    steps = [_listed(report, engine)]
    if (complete or model is not None) and steps[0].ok is not False:
        steps.append(await _answered(engine, report.provider, model))
    return Checkup(provider=report.provider, ok=all(step.ok is not False for step in steps), steps=tuple(steps))


def has_no_list(error: WyeError) -> bool:
    """Tell a provider that keeps no list of models from one that failed."""
    return isinstance(error, ConfigurationError) and error.param == "listing"


def _listed(report: Refreshed, engine: Engine) -> Step:
    error = report.error
    if error is None:
        default = engine.snapshot.catalog.providers[report.provider].default_model
        told = f"{report.models} models"
        here = engine.snapshot.listed[report.provider]
        row = engine.snapshot.catalog.find(report.provider, default) if default else None
        if default and f"{report.provider}/{row.id if row else default}" not in here:
            told += f"; its default model {default!r} is not among them: set default_model or <P>_MODEL"
        return Step(step="models", ok=True, told=told, seconds=report.seconds)
    if has_no_list(error):
        told = f'{error.message}; ask for an answer (--complete, "complete": true)'
        return Step(step="models", ok=None, told=told, seconds=report.seconds, code=error.code)
    return Step(step="models", ok=False, told=advice_on(error), seconds=report.seconds, code=error.code)


async def _answered(engine: Engine, provider: str, model: str | None) -> Step:
    began = time.perf_counter()
    try:
        answer = await ModelRouter(engine).send_message("Say ok.", provider=provider, model=model)
    except WyeError as error:
        seconds = time.perf_counter() - began
        return Step(step="answer", ok=False, told=advice_on(error), seconds=seconds, code=error.code)
    told = f"{answer.provider}/{answer.model} answered {answer.finish_reason!r}"
    return Step(step="answer", ok=True, told=told, seconds=time.perf_counter() - began)


_ADVICE: Final[Mapping[str, str]] = {
    "provider_authentication_failed": "check the key: it is the provider that refused it",
    "provider_permission_denied": "the key is valid, but may not do this: check its scopes at the provider",
    "insufficient_quota": "the account has no credit left: check its billing",
    "rate_limit_exceeded": "the key works; wait a moment",
    "overloaded": "the provider has too much to do: wait a moment, or see its status page",
    "connection_failed": "check base_url, and that the server runs",
    "address_refused": "set allow_private_network = true if the address is meant",
    "timeout": "check base_url; a slow server needs a larger timeout",
    "malformed_response": "check base_url: what answers there does not speak this wire format",
    "model_not_found": "check base_url and the model's name: 'wye models refresh' lists what there is",
    "upstream_error": "check base_url, and the provider's status page",
}


def advice_on(error: WyeError) -> str:
    """Say what went wrong, and what to mend."""
    advice = _ADVICE.get(error.code)
    return f"{error.message} [{error.code}]: {advice}" if advice else f"{error.message} [{error.code}]"
