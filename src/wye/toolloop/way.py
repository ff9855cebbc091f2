"""How a model is told of tools: as its wire has it, in words where it cannot call any, or not at all."""

from contextlib import suppress
from typing import Final

from msgspec import structs

from wye.catalog.schema import QUALITY_TIERS, ModelInfo
from wye.core.caller import Caller
from wye.core.errors import UnsupportedOperationError
from wye.core.plan import NO_WISHES, Attempt, Wishes
from wye.engine import Engine
from wye.toolloop.instructed import Form
from wye.toolloop.letter import Letter
from wye.toolloop.values import Ask

_CALLING: Final = "function-calling"
_FORMS: Final[tuple[tuple[Form, str], ...]] = (("json_schema", "json-schema"), ("json_object", "json-mode"))
_SPECIAL: Final = frozenset({"audio-output", "image-output", "deep-research", "multi-agent"})
_NEAR_AT_MOST: Final = 3


def choose(engine: Engine, ask: Ask, letter: Letter, *, stream: bool) -> tuple[Form | None, Wishes | None]:
    """Return the form in which the model writes calls down, `None` where it calls tools itself, and what it needs.

    Raises `UnsupportedOperationError`, which names models near by, where it can neither call tools nor be held to JSON.
    """
    if not letter.offers:
        return None, ask.wishes
    wishes = needing(ask.wishes, _CALLING)
    with suppress(UnsupportedOperationError):
        plan = engine.plan_call(letter.call(stream=stream), wishes, ask.caller)
        if any(_calls(engine, attempt, ask.caller) for attempt in plan.attempts):
            return None, wishes
    if ask.call.chat.response_format is not None:
        raise _refusal(engine, ask.caller, ask.call.model, "and would need the answer's form to write calls down in")
    for form, ability in _FORMS:
        wishes = needing(ask.wishes, ability)
        try:
            engine.plan_call(letter.call(stream=stream, form=form), wishes, ask.caller)
        except UnsupportedOperationError:
            continue
        return form, wishes
    raise _refusal(engine, ask.caller, ask.call.model, "nor be held to JSON in which it could write calls down")


def _calls(engine: Engine, attempt: Attempt, caller: Caller) -> bool:
    """Tell whether a model that nobody said anything of may call tools: not where its provider wants that said."""
    known = engine.seen_by(caller).catalog
    provider, row = known.providers.get(attempt.provider), known.models.get(attempt.full_id)
    if provider is None or not provider.wire.tools_by_model:
        return True
    return row is not None and _CALLING in row.capabilities


def needing(wishes: Wishes | None, ability: str) -> Wishes:
    """Return wishes that ask for one more ability."""
    wishes = wishes or NO_WISHES
    return structs.replace(wishes, needs=wishes.needs | {ability})


def _refusal(engine: Engine, caller: Caller, model: str, why: str) -> UnsupportedOperationError:
    near = ", ".join(_near(engine, caller, model)) or "none of the providers in use"
    return UnsupportedOperationError(f"{model!r} cannot call tools, {why}; models that can: {near}", param="model")


def _near(engine: Engine, caller: Caller, model: str) -> list[str]:
    """Return a few models that call tools: of the same provider first, then those that providers are asked for."""
    known = engine.seen_by(caller).catalog.providers
    asked = model.partition("/")[0]
    able = [
        row
        for row in engine.models_for(caller)
        if _CALLING in row.capabilities
        and _SPECIAL.isdisjoint(row.capabilities)
        and not (row.deprecated or known[row.provider].stand_in)
    ]

    def near(row: ModelInfo) -> tuple[bool, bool, int]:
        usual = known[row.provider].default_model == row.id
        return row.provider != asked, not usual, QUALITY_TIERS.index(row.quality_tier)

    return [row.full_id for row in sorted(able, key=near)[:_NEAR_AT_MOST]]
