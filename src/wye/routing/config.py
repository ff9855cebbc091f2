"""The `[routing]` section."""

from collections.abc import Mapping
from typing import Annotated, TypeAlias

from msgspec import Meta, Struct, field

Weight: TypeAlias = Annotated[int, Meta(ge=1, le=100)]


class RoutingConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a name becomes a plan.

    `fallback_order` lists providers by id or alias for `auto` and for a bare name that several serve, `default_models`
    what each answers `auto` with, `default_provider` goes first. `first`, as `provider/model`, goes before all of
    these: it is what somebody switched to while the gateway ran. `deadline` is seconds for the whole chain of attempts,
    until an answer is complete or a stream has begun. `strategy` chooses among the default models; the
    fallback order says who stands in for the chosen one. `weights` says how often providers come round in turns, 1
    where it says nothing. `fallbacks` maps a model's name to those that may answer in its place once all that serve
    that model have failed.
    `unsupported_parameters` is "error" or "drop": what happens to a parameter the chosen wire cannot express.
    """

    strategy: str = "balanced"
    default_provider: str | None = None
    first: str | None = None
    fallback_order: tuple[str, ...] = ("bedrock", "gemini", "perplexity", "grok4", "openai", "openrouter", "mock")
    default_models: Mapping[str, str] = field(default_factory=dict)
    weights: Mapping[str, Weight] = field(default_factory=dict)
    fallbacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    deadline: float = 120.0
    unsupported_parameters: str = "error"
