"""One request's way through the house, filled in as it goes: the only value on that way that changes."""

import time
from decimal import Decimal
from typing import Any

from msgspec import Struct, field

from wye.core.caller import LIBRARY, Caller
from wye.core.plan import Attempt, Outcome, Plan, Wishes
from wye.core.request import Call
from wye.core.reuse import Reuse, Verdict
from wye.core.trace import Trace
from wye.core.usage import Usage


class Exchange(Struct, eq=False):
    """A call, the plan made for it, and what became of it.

    `deadline` is on the event loop's clock, in seconds. `attempt` is the one under way, or the last. `dropped` and
    `emulated` name parameters that did not reach the provider as sent. `fetched` is what lay at addresses in the call
    that providers wanted the bytes of. `cost` is the sum over attempts, USD, or
    `None` where any of it is unknown; `cost_text` writes it without an exponent, `estimated` tells that a count
    behind it is. `provider` is the only one that may answer, where that is so, `wishes` what else the caller said
    of the choice. `prefixes` are hashes of the conversation's beginnings and their length in tokens, where the
    choice looked at them. `caller` owns what the exchange leaves behind; `parent` is the id of the exchange it is
    part of, `conversation` that of the conversation, `tags` are added to the caller's on the record.

    The books' part: `at` is when it was accepted, in microseconds since the epoch; `allowance` is whatever the limits
    keep of it, `hold` what they set aside for it, in picodollars, `None` where nobody can tell. `admitted` is true
    once it is in the books. `cached` says that the answer came from the cache, and `saved` (picodollars) what it would
    have cost. `own` are the providers that are called with the caller's own
    keys; where only those are asked, and that is the operator's rule, the request is `uncharged`.

    The cache's part: `reuse` is what the caller said of answers that are kept, `cache` what became of the request
    there, `age` how old the answer is, in seconds, and `spared` what it took when it was made.

    `trace` follows it, where requests are traced, below `traceparent`, which the caller sent.
    """

    call: Call
    id: str
    deadline: float
    caller: Caller = LIBRARY
    parent: str | None = None
    conversation: str | None = None
    tags: tuple[str, ...] = ()
    at: int = field(default_factory=lambda: time.time_ns() // 1000)
    allowance: Any = None
    hold: int | None = 0
    admitted: bool = False
    cached: bool = False
    saved: int | None = None
    own: frozenset[str] = frozenset()
    uncharged: bool = False
    reuse: Reuse | None = None
    cache: Verdict | None = None
    age: int | None = None
    spared: Usage | None = None
    plan: Plan | None = None
    provider: str | None = None
    attempt: Attempt | None = None
    outcomes: list[Outcome] = field(default_factory=list)
    dropped: tuple[str, ...] = ()
    emulated: tuple[str, ...] = ()
    fetched: dict[str, Any] | None = None
    cost: Decimal | None = None
    cost_text: str | None = None
    estimated: bool = False
    settled: bool = False
    wishes: Wishes | None = None
    prefixes: tuple[tuple[int, int], ...] = ()
    traceparent: str | None = None
    trace: Trace | None = None

    @property
    def usage(self) -> Usage | None:
        """The usage of the attempt that answered, where it was reported."""
        return self.outcomes[-1].usage if self.outcomes else None

    def twin(self) -> "Exchange":
        """Return one of the same call and plan, for a call that may outlive this exchange."""
        other = Exchange(self.call, id=self.id, deadline=self.deadline, caller=self.caller)
        other.plan, other.provider, other.wishes, other.reuse = self.plan, self.provider, self.wishes, self.reuse
        other.trace, other.allowance, other.hold = self.trace, self.allowance, self.hold
        other.parent, other.conversation, other.tags = self.parent, self.conversation, self.tags
        other.own, other.uncharged = self.own, self.uncharged
        return other
