"""What the planner may know of health: one immutable value, replaced whole when something changes."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct


class Mark(Struct, frozen=True):
    """Why something is not to be called: a stable `code`, a sentence, and until when (seconds since the epoch).

    Codes: `breaker_open`, `cooling_down`, `no_healthy_key`, `model_missing`, `full`.
    """

    code: str
    reason: str
    until: float | None = None


class Observed(Struct, frozen=True, kw_only=True):
    """What was seen of one model lately: how often it answered, and how fast (seconds)."""

    requests: int
    success_rate: float
    first_token_p50: float | None = None
    duration_p50: float | None = None
    output_tokens_mean: float | None = None


class HealthView(Struct, frozen=True, kw_only=True):
    """The state of providers by their ids and of models by their full ids; what is in no mapping is well.

    A `degraded` provider or model may be called and costs rank. `version` differs between any two views.
    """

    version: int = 0
    providers: Mapping[str, Mark] = {}
    models: Mapping[str, Mark] = {}
    degraded: frozenset[str] = frozenset()
    observed: Mapping[str, Observed] = {}

    def blocked(self, provider: str, full_id: str) -> Mark | None:
        """Return why a model must not be called now, `None` where it may."""
        return self.providers.get(provider) or self.models.get(full_id)

    def is_degraded(self, provider: str, full_id: str) -> bool:
        """Whether a model, or all of its provider, is slow or unsteady."""
        return provider in self.degraded or full_id in self.degraded


ALL_WELL: Final = HealthView()
"""The view before anything happened."""
