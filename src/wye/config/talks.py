"""The `[chat]` and `[agents.<name>]` sections: how conversations are held, and who can be talked to."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, TypeAlias

from msgspec import Meta, Struct

from wye.core.errors import ConfigurationError

_Share: TypeAlias = Annotated[float, Meta(gt=0, le=1)]
_Rounds: TypeAlias = Annotated[int, Meta(ge=0, le=50)]
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class ChatConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Conversations under `/api/chat` and `/api/conversations`.

    With `keep = false` no turn is kept, whatever a request says. `title_model` gives a conversation its title, any name
    of a model; with an empty text its first words stay. `tools` are offered to the model where a request names none.
    `max_rounds` is how often tools are run for one answer at most, `max_cost_usd` what it may cost with all its rounds.

    A conversation may fill `context_share` of the model's context; of a longer one the oldest turns are left out
    (`history = "truncate"`), summed up by `summary_model` (`"summarise"`), or it is refused (`"refuse"`).

    One message may have `max_attachments`, each of `max_attachment_bytes`, and `max_message_characters`; one
    conversation has at most `max_messages` and `max_conversation_bytes` of attachments in all its branches.
    """

    keep: bool = True
    title_model: str = "auto:cost"
    tools: tuple[str, ...] = ()
    max_rounds: _Rounds = 3
    max_cost_usd: Decimal | None = None
    history: Literal["truncate", "summarise", "refuse"] = "truncate"
    summary_model: str = "auto:cost"
    context_share: _Share = 0.9
    max_attachments: Annotated[int, Meta(ge=0, le=100)] = 8
    max_attachment_bytes: Annotated[int, Meta(ge=1, le=256 * 1024 * 1024)] = 10 * 1024 * 1024
    max_message_characters: Annotated[int, Meta(ge=1, le=10_000_000)] = 500_000
    max_messages: Annotated[int, Meta(ge=2, le=1_000_000)] = 10_000
    max_conversation_bytes: Annotated[int, Meta(ge=1, le=1024 * 1024 * 1024)] = 100 * 1024 * 1024

    def __post_init__(self) -> None:
        """Refuse a bound that lets nothing be asked."""
        _check_cost(self.max_cost_usd)


class AgentConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody to talk to by a name of its own: `instructions` it follows, tools it has, and the model it speaks with.

    `model` is any name of a model, left to the request or to routing where there is none. `tools` are all it has,
    whatever a request names. `max_rounds` and `max_cost_usd` replace those of `[chat]`; a request may lower them.
    """

    description: str = ""
    instructions: str = ""
    model: str | None = None
    tools: tuple[str, ...] = ()
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    max_tokens: Annotated[int, Meta(ge=1, le=10**9)] | None = None
    max_rounds: _Rounds | None = None
    max_cost_usd: Decimal | None = None

    def __post_init__(self) -> None:
        """Refuse a bound that lets nothing be asked."""
        _check_cost(self.max_cost_usd)


def _check_cost(most: Decimal | None) -> None:
    if most is not None and not most > 0:
        raise ValueError("max_cost_usd is above 0")


def agents_of(
    data: Mapping[str, Any], section: Callable[[type[AgentConfig], str, Mapping[str, Any]], AgentConfig]
) -> dict[str, AgentConfig]:
    """Read `[agents.<name>]`. Raises `ConfigurationError`."""
    found: dict[str, AgentConfig] = {}
    for name, values in data.get("agents", {}).items():
        where = f"agents.{name}"
        if not _NAME.fullmatch(name):
            message = f"[{where}]: an agent's name is up to 64 letters, digits, '-' and '_'"
            raise ConfigurationError(message, param=where)
        if not isinstance(values, dict):
            raise ConfigurationError(f"[{where}] must be a table", param=where)
        found[name] = section(AgentConfig, where, values)
    return found
