"""What a request of this wire can and cannot say to a provider, and what is told of it to the caller."""

from collections.abc import Mapping
from typing import Any, Final

from wye.adapters import ADVISORY, Target, cannot_express

WIRE: Final = "openai_chat"

NEUTRAL: Final[Mapping[str, Any]] = {
    "temperature": 1, "top_p": 1, "n": 1, "presence_penalty": 0, "frequency_penalty": 0, "parallel_tool_calls": True,
    "logprobs": False, "logit_bias": {}, "store": False, "metadata": {}, "stop": (), "modalities": ["text"],
    "service_tier": "auto",
}  # fmt: skip
"""Values that ask for what happens anyway."""

LIMITS: Final[Mapping[str, str]] = {
    "max_tokens": "max_completion_tokens",
    "max_completion_tokens": "max_tokens",
}
"""The two names of the output's limit: where a provider refuses one, it takes the other."""


def refusals(target: Target, effort: str | None) -> frozenset[str]:
    """Return the members that the provider refuses for this model; thinking none, a model takes what others take."""
    traits = target.traits
    effort = effort or target.model.default_effort
    if traits.reasoning_refuses and effort != "none" and target.model.reasons:
        return traits.refuses | traits.reasoning_refuses
    return traits.refuses


class Notes:
    """Collects what was left out of a request and what was said by other means."""

    __slots__ = ("allowed", "dropped", "emulated")

    def __init__(self, *, drop: bool) -> None:
        """Begin with nothing; `drop` is the caller's leave to leave parameters out."""
        self.allowed = drop
        self.dropped: list[str] = []
        self.emulated: list[str] = []

    def leave_out(self, param: str) -> None:
        """Leave a parameter out; raise `UnsupportedParameterError` if that changes the answer and nobody allowed it."""
        if not self.allowed and param not in ADVISORY:
            raise cannot_express(param, WIRE)
        self.drop(param)

    def drop(self, param: str) -> None:
        """Report what was left out because it changes nothing, or cannot be said at all."""
        if param not in self.dropped:
            self.dropped.append(param)

    def emulate(self, param: str) -> None:
        """Report what was said by other means."""
        if param not in self.emulated:
            self.emulated.append(param)
