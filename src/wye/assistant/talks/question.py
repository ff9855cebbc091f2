"""What somebody says in a chat, and of whom an answer is wanted."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct

from wye.assistant.talks.sent import Sent
from wye.core.caller import LIBRARY, Caller
from wye.core.plan import Wishes
from wye.core.reuse import Reuse


class Question(Struct, frozen=True, kw_only=True):
    """What somebody says, and of whom an answer is wanted.

    `members` are those of a request in OpenAI's form without model and messages. `tools` are names, `None` what the
    settings say. `conversation` is the id of one that is gone on with; without `keep` the turn is kept in none, and a
    new one is begun only with it. `after` is the message that the question follows, where that is not the last one;
    `again` is the message of a user that gets another answer. The rest is as in `wye.toolloop.Ask`.

    `messages` are a whole conversation in OpenAI's form that somebody else keeps, instead of all that; `instructions`
    go before it.
    """

    text: str
    model: str
    sent: Sequence[Sent] = ()
    messages: Sequence[Mapping[str, Any]] | None = None
    caller: Caller = LIBRARY
    wishes: Wishes | None = None
    members: Mapping[str, Any] = {}
    tools: Sequence[str] | None = None
    agent: str | None = None
    instructions: str = ""
    conversation: str | None = None
    keep: bool = True
    after: str | None = None
    at_root: bool = False
    again: str | None = None
    drop_unsupported: bool = False
    request_id: str | None = None
    reuse: Reuse | None = None
    traceparent: str | None = None
    timeout: float | None = None
    max_rounds: int | None = None
    max_cost: Decimal | None = None
    tags: tuple[str, ...] = ()
