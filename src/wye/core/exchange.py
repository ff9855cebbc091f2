"""One request's way through the house, filled in as it goes: the only value on that way that changes."""

import time
from decimal import Decimal
from typing import Any

from wye.core.caller import LIBRARY, Caller
from wye.core.plan import Attempt, Outcome, Plan, Wishes
from wye.core.request import Call
from wye.core.reuse import Reuse, Verdict
from wye.core.trace import Trace
from wye.core.usage import Usage


class Exchange:
    """A call, the plan made for it, and what became of it.

    `deadline` is on the event loop's clock, in seconds. `attempt` is the one under way, or the last. `dropped` and
    `emulated` name parameters that did not reach the provider as sent. `cost` is the sum over attempts, USD, or `None`
    where any of it is unknown; `cost_text` writes it without an exponent. `provider` is the only one that may answer,
    where that is so, `wishes` what else the caller said of the choice. `prefixes` are
    hashes of the conversation's beginnings and their length in tokens, where the choice looked at them. `caller` owns
    what the exchange leaves behind; `parent` is the id of the exchange it is part of, `conversation` that of the
    conversation, `tags` are added to the caller's on the record.

    The books' part: `at` is when it was accepted, in microseconds since the epoch; `allowance` is whatever the limits
    keep of it, `hold` what they set aside for it, in picodollars, `None` where nobody can tell. `admitted` is true
    once it is in the books. `cached` says that the answer came from the cache, and `saved` (picodollars) what it would
    have cost.

    The cache's part: `reuse` is what the caller said of answers that are kept, `cache` what became of the request
    there, `age` how old the answer is, in seconds, and `spared` what it took when it was made.

    `trace` follows it, where requests are traced, below `traceparent`, which the caller sent.
    """

    __slots__ = (
        "admitted",
        "age",
        "allowance",
        "at",
        "attempt",
        "cache",
        "cached",
        "call",
        "caller",
        "conversation",
        "cost",
        "cost_text",
        "deadline",
        "dropped",
        "emulated",
        "hold",
        "id",
        "outcomes",
        "parent",
        "plan",
        "prefixes",
        "provider",
        "reuse",
        "saved",
        "settled",
        "spared",
        "tags",
        "trace",
        "traceparent",
        "wishes",
    )

    def __init__(self, call: Call, *, id: str, deadline: float, caller: Caller = LIBRARY) -> None:  # noqa: A002 - the field's own name
        """Begin an exchange."""
        self.call = call
        self.id = id
        self.deadline = deadline
        self.caller = caller
        self.parent: str | None = None
        self.conversation: str | None = None
        self.tags: tuple[str, ...] = ()
        self.at = time.time_ns() // 1000
        self.allowance: Any = None
        self.hold: int | None = 0
        self.admitted = False
        self.cached = False
        self.saved: int | None = None
        self.reuse: Reuse | None = None
        self.cache: Verdict | None = None
        self.age: int | None = None
        self.spared: Usage | None = None
        self.traceparent: str | None = None
        self.trace: Trace | None = None
        self.plan: Plan | None = None
        self.provider: str | None = None
        self.attempt: Attempt | None = None
        self.outcomes: list[Outcome] = []
        self.dropped: tuple[str, ...] = ()
        self.emulated: tuple[str, ...] = ()
        self.cost: Decimal | None = None
        self.cost_text: str | None = None
        self.settled = False
        self.wishes: Wishes | None = None
        self.prefixes: tuple[tuple[int, int], ...] = ()

    @property
    def usage(self) -> Usage | None:
        """The usage of the attempt that answered, where it was reported."""
        return self.outcomes[-1].usage if self.outcomes else None

    def twin(self) -> "Exchange":
        """Return one of the same call and plan, for a call that may outlive this exchange."""
        other = Exchange(self.call, id=self.id, deadline=self.deadline, caller=self.caller)
        other.plan, other.provider, other.wishes, other.reuse = self.plan, self.provider, self.wishes, self.reuse
        other.trace = self.trace
        other.parent, other.conversation, other.tags = self.parent, self.conversation, self.tags
        return other
