"""What keeps a candidate out of a plan: each reason has a stable code, and a sentence that is written when asked for.

Codes: `lacks_ability`, `lacks_tag`, `below_quality`, `specialised`, `placeholder`, `deprecated`, `retired`,
`not_listed`, `provider_not_allowed`, `context_length`, `output_length`, `price_unknown`, `too_expensive`, and those of
health (`wye.health.Mark`).
"""

import datetime
import difflib
from collections.abc import Iterable, Mapping
from typing import Final, get_args

from wye.catalog import capability_name
from wye.catalog.schema import QUALITY_TIERS, Capability, ModelInfo, QualityTier
from wye.core.errors import InvalidRequestError
from wye.core.plan import Dropped, Wanted
from wye.health import HealthView, Mark
from wye.routing.scores import TYPICAL_OUTPUT_TOKENS, expected_cost, expected_output, quality_bits
from wye.routing.shapes import Bar, Entry

_CAPABILITIES: Final[tuple[str, ...]] = get_args(Capability)
_QUALITY_AT: Final = len(_CAPABILITIES)
_PLAIN: Final = 1 << (_QUALITY_AT + len(QUALITY_TIERS))
"""Set for models that are made for conversation, and not for sound, pictures or long research alone."""
_CURRENT: Final = _PLAIN << 1
"""Set for models that can be had: neither deprecated nor retired, nor missing from their provider's list."""
_KNOWN: Final = _CURRENT << 1
"""Set for models of which somebody said what they can do beyond text."""
_NOBODY: Final = _KNOWN << 1
"""Never set."""
_FIRST_TAG: Final = _NOBODY << 1

_BIT: Final[Mapping[str, int]] = {name: 1 << at for at, name in enumerate(_CAPABILITIES)}
_EVERY_ABILITY: Final = (1 << _QUALITY_AT) - 1
_SPECIAL: Final = frozenset({"image-output", "audio-output", "deep-research", "multi-agent"})
_IMPLIED: Final[Mapping[str, frozenset[str]]] = {
    "reasoning": frozenset({"extended-thinking", "adaptive-thinking"}),
    "json-mode": frozenset({"json-schema"}),
}
"""Abilities that a model has which has one of those."""


class Masks:
    """Abilities, quality and tags of the models of one snapshot as bits."""

    def __init__(self, rows: Iterable[ModelInfo]) -> None:
        """Give every tag of these rows a bit."""
        tags = sorted({tag for row in rows for tag in row.tags})
        self._tags = {tag: _FIRST_TAG << at for at, tag in enumerate(tags)}

    def of(self, row: ModelInfo, day: datetime.date, *, listed: bool = True) -> int:
        """Return what a model has."""
        mask = quality_bits(row.quality_tier) << _QUALITY_AT
        for ability in row.capabilities:
            mask |= _BIT[ability]
        for name, by in _IMPLIED.items():
            if not by.isdisjoint(row.capabilities):
                mask |= _BIT[name]
        mask |= _EVERY_ABILITY if row.capabilities <= {"text", "streaming"} else _KNOWN
        for tag in row.tags:
            mask |= self._tags[tag]
        if _SPECIAL.isdisjoint(row.capabilities):
            mask |= _PLAIN
        if listed and not (row.deprecated or row.is_retired(day) or "placeholder" in row.tags):
            mask |= _CURRENT
        return mask

    def of_unknown(self) -> int:
        """Return what is held of a model that nobody knows: everything but tags."""
        return _FIRST_TAG - 1 - _NOBODY

    def needed(self, wanted: Wanted, *, named: bool) -> int:
        """Return what a request needs; a model that was `named` may be deprecated or made for something else."""
        need = 0 if named else _CURRENT
        if not named and _SPECIAL.isdisjoint(wanted.needs):
            need |= _PLAIN
        if not named and wanted.needs - {"text", "streaming"}:
            need |= _KNOWN
        for name in wanted.needs:
            need |= _BIT.get(capability_name(name), _NOBODY)
        for tag in wanted.tags:
            need |= self._tags.get(tag, _NOBODY)
        if wanted.min_quality is not None:
            need |= 1 << (_QUALITY_AT + QUALITY_TIERS.index(quality_named(wanted.min_quality, "min_quality")))
        return need


def drops(bar: Bar, entry: Entry) -> str | None:
    """Return the code of what keeps a candidate out, `None` where nothing does."""
    if entry.mask & bar.need != bar.need:
        return "lacks_ability"
    if bar.tokens > entry.context and not bar.fits:
        return "context_length"
    if bar.requested is not None and bar.requested > entry.max_output and not bar.fits:
        return "output_length"
    if bar.providers is not None and entry.provider not in bar.providers:
        return "provider_not_allowed"
    if bar.models is not None and not is_among(entry.full_id, entry.provider, bar.models):
        return "model_not_allowed"
    if entry.provider in bar.provider_marks or entry.full_id in bar.model_marks:
        return "unhealthy"
    return _dear(bar, entry) if bar.cap is not None else None


def _dear(bar: Bar, entry: Entry) -> str | None:
    rates = entry.rates
    if len(rates) == 1 and entry.full_id not in bar.health.observed:  # as `cost` says, for the many
        only = rates[0]
        produced = min(entry.max_output, bar.produced)
        usd: float | None = bar.input_tokens * only.input + produced * only.output + only.flat
    else:
        usd = _cost(bar, entry)
    if usd is None:
        return "price_unknown"
    return "too_expensive" if bar.cap is not None and usd > bar.cap else None


def _cost(bar: Bar, entry: Entry) -> float | None:
    """Return what the request is expected to cost there, in USD."""
    produced = expected_output(entry, bar.requested, bar.health.observed.get(entry.full_id))
    return expected_cost(entry, bar.input_tokens, produced)


def bar_of(wanted: Wanted, health: HealthView, need: int) -> Bar:
    """Work out what candidates must pass."""
    requested = wanted.output_tokens
    return Bar(
        need=need,
        input_tokens=wanted.input_tokens,
        requested=wanted.output_tokens,
        produced=min(TYPICAL_OUTPUT_TOKENS, TYPICAL_OUTPUT_TOKENS if requested is None else requested),
        tokens=wanted.input_tokens + (wanted.output_tokens or 0),
        cap=None if wanted.max_cost is None else float(wanted.max_cost),
        providers=wanted.providers,
        models=wanted.models,
        health=health,
        provider_marks=health.providers,
        model_marks=health.models,
    )


def explained(code: str, entry: Entry, wanted: Wanted, bar: Bar, day: datetime.date) -> Dropped:
    """Say in full why a candidate was dropped with `code`."""
    row = entry.row
    match code:
        case "lacks_ability":
            code, reason = _unmet(entry, wanted, day)
        case "context_length":
            reason = f"about {bar.tokens:,} tokens of input and answer do not fit its {entry.context:,}"
        case "output_length":
            reason = f"its answers have {entry.max_output:,} tokens at most, {bar.requested:,} were asked for"
        case "provider_not_allowed":
            reason = f"the caller may use {', '.join(sorted(bar.providers or ())) or 'no provider'}"
        case "model_not_allowed":
            shown = sorted(bar.models or ())
            more = f" and {len(shown) - 5} more" if len(shown) > 5 else ""
            reason = f"the caller may ask {', '.join(shown[:5]) or 'no model'}{more}"
        case "price_unknown":
            reason = "its price is not known, and the request has a limit"
        case "too_expensive":
            reason = f"about ${_cost(bar, entry):.6f} is more than the request's limit of ${wanted.max_cost}"
        case _:
            mark = bar.health.blocked(entry.provider, entry.full_id) or Mark("unhealthy", "it is not to be called now")
            code, reason = mark.code, mark.reason
    return Dropped(provider=row.provider, model=row.id, code=code, reason=reason)


def is_among(full_id: str, provider: str, models: frozenset[str]) -> bool:
    """Tell whether a model is one of those allowed: by its full id, or with all of its provider's (`provider/*`)."""
    return full_id in models or f"{provider}/*" in models


def _unmet(entry: Entry, wanted: Wanted, day: datetime.date) -> tuple[str, str]:
    row = entry.row
    lacking = [name for name in map(capability_name, sorted(wanted.needs)) if not entry.mask & _BIT.get(name, _NOBODY)]
    if lacking:
        return "lacks_ability", f"it has no {', '.join(lacking)}"
    if untagged := sorted(wanted.tags - row.tags):
        return "lacks_tag", f"it has no tag {', '.join(map(repr, untagged))}"
    if wanted.min_quality is not None and row.quality_tier not in QUALITY_TIERS[: _place(wanted.min_quality) + 1]:
        return "below_quality", f"its quality is {row.quality_tier!r}, at least {wanted.min_quality!r} was asked for"
    if "placeholder" in row.tags:
        return "placeholder", "it stands for a model of your own: name that one"
    if row.is_retired(day):
        return "retired", f"its provider stopped it on {row.retires_on}"
    if row.deprecated:
        return "deprecated", "its provider advises against it" + (f"; use {row.replaced_by}" if row.replaced_by else "")
    if not entry.mask & _KNOWN and wanted.needs - {"text", "streaming"}:
        return "lacks_ability", "nobody said what it can do beyond text"
    if not entry.mask & _PLAIN:
        made_for = ", ".join(sorted(_SPECIAL & row.capabilities))
        return "specialised", f"it is made for {made_for}, which the request does not ask for"
    return "not_listed", "its provider does not list it"


def capability_named(name: str) -> str:
    """Return the catalog's name of a capability; raise `InvalidRequestError` where there is none."""
    known = capability_name(name)
    if known not in _BIT:
        near = difflib.get_close_matches(known, _BIT, 3) or _BIT
        message = f"there is no capability {name[:60]!r}; near names: {', '.join(near)}"
        raise InvalidRequestError(message, code="invalid_value", param="required_capabilities")
    return known


def quality_named(name: str, param: str) -> QualityTier:
    """Return the quality tier of this name; raise `InvalidRequestError`, which names `param`, where there is none."""
    for tier in QUALITY_TIERS:
        if tier == name.strip().lower():
            return tier
    message = f"{param!r} must be one of {', '.join(QUALITY_TIERS)}"
    raise InvalidRequestError(message, code="invalid_value", param=param)


def _place(tier: str) -> int:
    return QUALITY_TIERS.index(quality_named(tier, "min_quality"))
