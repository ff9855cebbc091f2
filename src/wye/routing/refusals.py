"""What to say where a plan holds no attempt: what is missing, and what to do about it."""

from collections.abc import Mapping
from typing import Final

from wye.core.errors import (
    ContextLengthError,
    InvalidRequestError,
    ModelNotFoundError,
    PermissionDeniedError,
    ProviderAuthenticationError,
    UnsupportedOperationError,
    WyeError,
)
from wye.core.operations import NAMES
from wye.core.plan import Dropped, Plan, Wanted
from wye.routing.names import CHATTING, Names

_NEAREST: Final[Mapping[str, int]] = {
    code: at
    for at, codes in enumerate(
        (
            ("too_expensive", "price_unknown"),
            ("provider_not_allowed", "model_not_allowed"),
            ("context_length", "output_length"),
            ("below_quality",),
            ("lacks_tag",),
            ("lacks_ability",),
        )
    )
    for code in codes
}
"""The later a filter comes, the nearer was a candidate that only it held back."""


def refusal(plan: Plan, wanted: Wanted, names: Names) -> WyeError:
    """Return the error for a plan without attempts."""
    nearest = min((_NEAREST[drop.code] for drop in plan.dropped if drop.code in _NEAREST), default=None)
    held_back = [drop for drop in plan.dropped if drop.code in _NEAREST and _NEAREST[drop.code] == nearest]
    if held_back:
        return _held_back(held_back, wanted, names)
    for drop in plan.dropped:
        if drop.code == "bad_key":
            return ProviderAuthenticationError(drop.reason, provider=drop.provider)
    if plan.dropped:
        return ModelNotFoundError(f"no provider in use serves {wanted.model!r} ({_said(plan.dropped)})", param="model")
    near = ", ".join(names.near(wanted.model)) or "'wye models' and GET /v1/models list them"
    return ModelNotFoundError(f"there is no model {wanted.model!r}; near names: {near}", param="model")


def _held_back(dropped: list[Dropped], wanted: Wanted, names: Names) -> WyeError:
    code, asked, said = dropped[0].code, repr(wanted.model), _said(dropped)
    if code in {"too_expensive", "price_unknown"}:
        message = f"no model for {asked} is expected to cost at most ${wanted.max_cost} ({said})"
        return InvalidRequestError(message, code="max_cost_exceeded", param="x-wye-max-cost-usd")
    if code == "provider_not_allowed":
        return PermissionDeniedError(f"no provider that the caller may use serves {asked} ({said})", param="model")
    if code == "model_not_allowed":
        message = f"the caller may not ask {asked} ({said})"
        return PermissionDeniedError(message, code="model_not_allowed", param="model")
    if code in {"context_length", "output_length"}:
        return ContextLengthError(f"the request is too long for every model of {asked} ({said})", param="messages")
    if code in {"below_quality", "lacks_tag"}:
        what = "x-wye-tags" if code == "lacks_tag" else "x-wye-min-quality"
        return InvalidRequestError(f"no model for {asked} fits ({said})", code="no_model_fits", param=what)
    operation = wanted.operation
    if operation is not None and operation not in CHATTING:
        near = ", ".join(names.able_ones(operation)[:3]) or "none in the catalog"
        message = f"{asked} cannot do {NAMES[operation]}; models that can: {near}"
        return UnsupportedOperationError(message, param="model")
    message = f"no model for {asked} can do all that the request asks for ({said})"
    return UnsupportedOperationError(message, param="model")


def _said(dropped: tuple[Dropped, ...] | list[Dropped]) -> str:
    """Say of the first few why they were dropped."""
    shown = "; ".join(f"{drop.provider}: {drop.reason}" for drop in dropped[:3])
    return f"{shown}; and {len(dropped) - 3} more" if len(dropped) > 3 else shown
