"""What a tool loop is asked, what it tells while it runs, and what it comes to."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, Literal, TypeAlias

from msgspec import Struct

from wye.core.caller import LIBRARY, Caller
from wye.core.content import Citation, ToolCall
from wye.core.errors import WyeError
from wye.core.plan import Wishes
from wye.core.request import Call
from wye.core.response import ModelResponse
from wye.core.reuse import Reuse
from wye.core.usage import Usage

Stopped: TypeAlias = Literal["rounds", "cost", "caller_tools"]
"""Why a loop ended while its model still called tools: their rounds were used up, or what it may cost, or the tools
that were called are the caller's own to run."""
_ENDS: Final[Mapping[Stopped, str]] = {"rounds": "max_rounds", "cost": "max_cost", "caller_tools": "tool_calls"}


class Ask(Struct, frozen=True, kw_only=True):
    """A request that may take several rounds.

    `call` is a chat completion in OpenAI's form; tools that stand in it and that nobody here runs are the caller's own.
    `max_rounds` is how often tools are run at most, before the model is asked for an answer without them; providers may
    take fewer. `max_cost` is USD for the whole loop, `timeout` seconds for it, where `None` leaves each round the
    configured deadline. `at_once` bounds the calls that run at a time.

    The others are those of an exchange: `request_id` is that of the first round.
    """

    call: Call
    wishes: Wishes | None = None
    caller: Caller = LIBRARY
    conversation: str | None = None
    parent: str | None = None
    tags: tuple[str, ...] = ()
    request_id: str | None = None
    reuse: Reuse | None = None
    traceparent: str | None = None
    timeout: float | None = None
    max_rounds: int = 3
    max_cost: Decimal | None = None
    at_once: int = 8


class ToolRun(Struct, frozen=True, kw_only=True):
    """A call that was run and what came of it; `text` is what the model is told, `seconds` how long it took.

    `repeated` tells that the same call with the same arguments had failed before, which the model is told too.
    """

    round: int
    id: str
    name: str
    arguments: str
    text: str
    is_error: bool
    cut: bool
    seconds: float
    repeated: bool = False


class Answered(Struct, frozen=True, kw_only=True):
    """What a loop came to.

    `response` is the last answer. `usage`, `cost` (USD) and `attempts` are sums over all rounds; the first two are
    `None` where they are unknown for one of them, and `estimated` tells that counts were made up by rule. `runs` are
    the calls that were run, in the order of the rounds and within one in the model's; `pending` those that were not.
    `turns` are the messages that the loop added to the conversation, in OpenAI's form, the last answer among them.
    `emulated` tells that the model cannot call tools and was instructed to write calls down; `adapted` and `dropped`
    name parameters that did not reach a provider as sent. `request_ids` are those of the rounds.
    """

    response: ModelResponse
    usage: Usage | None
    cost: Decimal | None
    estimated: bool
    attempts: int
    runs: tuple[ToolRun, ...]
    pending: tuple[ToolCall, ...]
    turns: tuple[Mapping[str, Any], ...]
    request_ids: tuple[str, ...]
    stopped: Stopped | None = None
    emulated: bool = False
    adapted: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()

    @property
    def rounds(self) -> int:
        """How often the model was asked."""
        return len(self.request_ids)

    @property
    def finish_reason(self) -> str | None:
        """Why the answer ended: `max_rounds` or `max_cost` where the loop was stopped by that."""
        return self.response.finish_reason if self.stopped is None else _ENDS[self.stopped]


class TextDelta(Struct, frozen=True, tag="text"):
    """A piece of text."""

    text: str


class ReasoningDelta(Struct, frozen=True, tag="reasoning"):
    """A piece of what the model thinks."""

    text: str


class RefusalDelta(Struct, frozen=True, tag="refusal"):
    """A piece of a refusal."""

    text: str


class Cited(Struct, frozen=True, tag="citation"):
    """A source of the text so far."""

    citation: Citation


class ToolCalled(Struct, frozen=True, kw_only=True, tag="tool_call"):
    """The model calls a tool, with whole `arguments` (JSON text); `pending` ones are the caller's own to run."""

    round: int
    id: str
    name: str
    arguments: str
    pending: bool = False


class ToolAnswered(Struct, frozen=True, tag="tool_result"):
    """A call was run."""

    run: ToolRun


class Done(Struct, frozen=True, tag="done"):
    """The loop came to its end."""

    answer: Answered


class Failed(Struct, frozen=True, kw_only=True, tag="error"):
    """The loop failed; what it had come to by then was paid for."""

    error: WyeError
    usage: Usage | None
    cost: Decimal | None
    attempts: int
    runs: tuple[ToolRun, ...]
    turns: tuple[Mapping[str, Any], ...]
    request_ids: tuple[str, ...]


Event: TypeAlias = TextDelta | ReasoningDelta | RefusalDelta | Cited | ToolCalled | ToolAnswered | Done | Failed
