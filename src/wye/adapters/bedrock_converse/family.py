"""What the makers of Bedrock's models have not agreed on: the same wire, other words for what is the model's own."""

import re
from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias

from msgspec import Struct

from wye.adapters import Target

Thinking: TypeAlias = Literal["adaptive", "budget", "nova", "effort", "config", "always", "unknown"]
"""How a model is told to think: by a level or a budget in Anthropic's words, in Nova's, by `reasoning_effort`, by
`reasoning_config`; some think whatever they are told, and of some nobody knows."""

_THINKERS: Final = frozenset({"reasoning", "extended-thinking", "adaptive-thinking"})
_CLAUDE: Final = re.compile(r"(^|[./])(anthropic\.)?claude-")
_OLD_CLAUDE: Final = re.compile(r"claude-(v2|instant|3-(opus|sonnet|haiku))")


class Family(Struct, frozen=True, kw_only=True):
    """What a model's maker changes.

    `caches`: it takes cache points in system and messages, `caches_tools`: among tools as well. `top_k` says that
    parameter among the model's own. `one_call_at_a_time`: it can be told to. `json_results`: it wants tools' results as
    JSON objects.
    """

    thinking: Thinking
    caches: bool
    caches_tools: bool = False
    top_k: Callable[[Any], dict[str, Any]]
    one_call_at_a_time: bool = False
    hosted_tools: bool = False
    json_results: bool = False
    strict_tools: bool = False

    @property
    def reasons(self) -> bool:
        """Whether an effort means something to it."""
        return self.thinking != "unknown"


def family_of(target: Target) -> Family:
    """Tell a model's family by its id, its profile's id, or the name of what it is served as elsewhere."""
    name = " ".join(filter(None, (target.name, target.model.id, target.model.family))).lower()
    model = target.model
    can = model.capabilities
    thinks = not can.isdisjoint(_THINKERS)
    unknown = model.context_window is None and can <= {"text"}  # no row of the catalog, so only its name tells
    strict = "json-schema" in can
    if _CLAUDE.search(name) or "anthropic." in name:
        new = not _OLD_CLAUDE.search(name)
        return Family(
            thinking="adaptive"
            if "adaptive-thinking" in can
            else "budget"
            if thinks or (unknown and new)
            else "unknown",
            caches="prompt-caching" in can or (unknown and new),
            caches_tools=True,
            top_k=_plain_top_k,
            one_call_at_a_time=True,
            strict_tools=strict,
        )
    if "amazon.nova" in name:
        second = "nova-2" in name
        return Family(
            thinking="nova" if second else "unknown",
            caches="prompt-caching" in can or unknown,
            top_k=_nova_top_k,
            hosted_tools=second or "nova-premier" in name,
            strict_tools=strict,
        )
    return Family(
        thinking=_thinking_of(name, thinks=thinks),
        caches="prompt-caching" in can,
        top_k=_short_top_k if "cohere." in name else _plain_top_k,
        json_results="mistral." in name,
        strict_tools=strict,
    )


def _thinking_of(name: str, *, thinks: bool) -> Thinking:
    if "openai." in name:
        return "effort"
    if "qwen" in name:
        return "config" if thinks or "qwen3-32b" in name else "unknown"
    return "always" if thinks or "deepseek.r1" in name else "unknown"


def _plain_top_k(value: Any) -> dict[str, Any]:
    return {"top_k": value}


def _short_top_k(value: Any) -> dict[str, Any]:
    return {"k": value}


def _nova_top_k(value: Any) -> dict[str, Any]:
    return {"inferenceConfig": {"topK": value}}
