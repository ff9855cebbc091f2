"""What the books give reason to say: alerts and recommendations, one small rule each, from facts alone.

The thresholds are the constants beside each rule. Sums of the last hour are those of the last 60 to 120 minutes: of the
hour under way and the one before it, so that an hour that has just begun does not hide what is wrong.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from wye.core.limits import Budget
from wye.core.record import HOUR_US, PICO_PER_USD
from wye.core.sketch import quantile
from wye.core.sums import Sums

Severity: TypeAlias = Literal["low", "medium", "high", "critical"]
Evidence: TypeAlias = Mapping[str, float | int | str | None]
SEVERITIES: Final[tuple[Severity, ...]] = ("critical", "high", "medium", "low")


class Alert(Struct, frozen=True, kw_only=True):
    """Something is wrong, `since` a time in microseconds since the epoch; `evidence` are the figures it rests on."""

    code: str
    severity: Severity
    message: str
    since: int
    provider: str | None = None
    model: str | None = None
    evidence: Evidence = {}


class Recommendation(Struct, frozen=True, kw_only=True):
    """Something could be better; `saves` is picodollars in 30 days, where it is about money."""

    code: str
    message: str
    provider: str | None = None
    model: str | None = None
    saves: int | None = None
    evidence: Evidence = {}


class Trend(Struct, frozen=True, kw_only=True):
    """One provider lately and before: sums by hour, and sketches of its first tokens."""

    provider: str
    hours: Mapping[int, Sums]
    recent_first_tokens: Mapping[int, int] = {}
    earlier_first_tokens: Mapping[int, int] = {}


class Alternative(Struct, frozen=True, kw_only=True):
    """A model in use, as a full id, what it cost over `days`, and the cheapest that is as good, for the same tokens."""

    model: str
    cost: int
    days: int
    other: str
    other_cost: int
    tier: str


class UnusedKey(Struct, frozen=True, kw_only=True):
    """A virtual key by its id and name, and when it was made and last used, in microseconds since the epoch."""

    key: str
    name: str
    created_at: int
    last_used_at: int | None


class Refused(Struct, frozen=True, kw_only=True):
    """How often one key, or one user without a key, was refused by one limit or budget, `since` then (microseconds)."""

    user: str
    key: str | None
    by: str
    scope: str
    target: str
    measure: str
    count: int
    since: int


class SpentBudget(Struct, frozen=True, kw_only=True):
    """A budget and what was spent of it in the period under way, which began and ends then (microseconds)."""

    budget: Budget
    spent: int
    starts_at: int
    ends_at: int | None


DEGRADED_SHARE: Final = 0.2
CRITICAL_SHARE: Final = 0.5
LEAST_CALLS: Final = 10


def degrading_provider(trend: Trend, now: int) -> Iterator[Alert]:
    """Say that a fifth or more of a provider's calls fail, and twice the share of the day before, of ten or more."""
    hour = now // HOUR_US
    lately = _added(trend.hours, hour - 1, hour + 1)
    before = _added(trend.hours, hour - 25, hour - 1)
    share, usual = _share(lately.failures, lately.tries), _share(before.failures, before.tries)
    if lately.tries < LEAST_CALLS or share < max(DEGRADED_SHARE, 2 * usual):
        return
    since = hour - 1
    while (sums := trend.hours.get(since - 1)) is not None and _share(sums.failures, sums.tries) >= DEGRADED_SHARE:
        since -= 1
    yield Alert(
        code="degrading_provider",
        severity="critical" if share >= CRITICAL_SHARE else "high",
        message=f"{trend.provider} fails {share:.0%} of its calls; it was {usual:.0%} the day before",
        since=since * HOUR_US,
        provider=trend.provider,
        evidence={
            "calls": lately.tries, "failures": lately.failures, "share": round(share, 4), "before": round(usual, 4),
        },
    )  # fmt: skip


SLOWER: Final = 2.0
LEAST_TIMED: Final = 20


def slower_provider(trend: Trend, now: int) -> Iterator[Alert]:
    """Say that a provider's 95th percentile to the first token doubled against the day before, 20 of each or more."""
    recent, earlier = quantile(trend.recent_first_tokens, 0.95), quantile(trend.earlier_first_tokens, 0.95)
    timed = min(sum(trend.recent_first_tokens.values()), sum(trend.earlier_first_tokens.values()))
    if recent is None or earlier is None or timed < LEAST_TIMED or recent < SLOWER * earlier:
        return
    yield Alert(
        code="slower_provider",
        severity="medium",
        message=f"{trend.provider} takes {recent / 1e6:.1f} s to the first token (95th percentile); "
        f"it was {earlier / 1e6:.1f} s the day before",
        since=(now // HOUR_US - 1) * HOUR_US,
        provider=trend.provider,
        evidence={"p95Ms": round(recent / 1000), "beforeMs": round(earlier / 1000)},
    )


LEAST_BURST: Final = 5
BURST: Final = 3.0


def error_burst(
    recent: Mapping[tuple[str, str], int], before: Mapping[tuple[str, str], int], now: int
) -> Iterator[Alert]:
    """Say that an error came five times or more in the last hour, and thrice as often as in an hour of the day before.

    Both count calls by provider and code; `before` is of 24 hours.
    """
    for (provider, code), count in sorted(recent.items(), key=lambda item: -item[1]):
        # The recent count is of up to two hours.
        usual = 2 * before.get((provider, code), 0) / 24
        if count >= LEAST_BURST and count >= BURST * usual:
            yield Alert(
                code="error_burst",
                severity="high" if count >= 10 * LEAST_BURST else "medium",
                message=f"{count} calls to {provider} ended in {code} lately; usual are {usual:.1f}",
                since=(now // HOUR_US - 1) * HOUR_US,
                provider=provider,
                evidence={"error": code, "count": count, "usual": round(usual, 2)},
            )


JUMP: Final = 2.0
LEAST_JUMP: Final = PICO_PER_USD


def cost_jump(today: int, days_before: Sequence[int], dearest: str, now: int) -> Iterator[Alert]:
    """Say that the last 24 hours cost a dollar or more, and twice the mean of the days before, of which there are 3.

    Amounts are picodollars; `dearest` is the model that most of it went to.
    """
    spent = [cost for cost in days_before if cost > 0]
    if len(spent) < 3 or today < LEAST_JUMP:
        return
    usual = sum(spent) // len(spent)
    if today < JUMP * usual:
        return
    yield Alert(
        code="cost_jump",
        severity="high" if today >= 2 * JUMP * usual else "medium",
        message=f"the last 24 hours cost ${_usd(today)}, {today / usual:.1f} times as much as a usual day; "
        f"most of it went to {dearest}",
        since=(now // HOUR_US - 23) * HOUR_US,
        model=dearest,
        evidence={"cost": _number(today), "usual": _number(usual), "model": dearest},
    )


def lost_requests(today: Sums, now: int) -> Iterator[Alert]:
    """Say that requests were lost in the last 24 hours: a process was killed while they were under way."""
    if today.lost:
        yield Alert(
            code="lost_requests",
            severity="medium",
            message=f"{today.lost} requests were under way in a process that was killed: what they cost is unknown",
            since=(now // HOUR_US - 23) * HOUR_US,
            evidence={"lost": today.lost},
        )


LEAST_REFUSED: Final = 20
MANY_REFUSED: Final = 200


def refused_requests(found: Refused) -> Iterator[Alert]:
    """Say that a limit or a budget refused a key, or a user without one, 20 times or more in the last hour."""
    if found.count < LEAST_REFUSED:
        return
    whose = f"{found.scope} {found.target}" if found.target else "this gateway"
    which = f"the budget of the {found.measure}" if found.by == "budget" else found.measure
    if (found.by, found.measure) == ("budget", "total"):
        which = "the total budget"
    yield Alert(
        code="refused_requests",
        severity="medium" if found.count >= MANY_REFUSED else "low",
        message=f"{f'key {found.key}' if found.key else f'user {found.user}'} was refused {found.count:,} times in the "
        f"last hour by {which} of {whose}",
        since=found.since,
        evidence={
            "refused": found.count, "key": found.key, "user": found.user, "by": found.by, "scope": found.scope,
            "target": found.target, "measure": found.measure,
        },
    )  # fmt: skip


UNKNOWN_SHARE: Final = 0.1


def unknown_costs(by_model: Mapping[str, Sums]) -> Iterator[Recommendation]:
    """Advise to state the price of models of whose requests, ten or more, a tenth or more has an unknown cost."""
    for model, sums in by_model.items():
        answered = sums.requests - sums.lost - sums.errors
        if answered >= LEAST_CALLS and sums.unknown_costs - sums.lost >= UNKNOWN_SHARE * answered:
            yield Recommendation(
                code="unknown_price",
                message=f"the cost of {sums.unknown_costs} requests to {model} is unknown: set input_cost_per_million "
                f'and output_cost_per_million in [models."{model}"], and budgets will hold them too',
                model=model,
                evidence={"requests": sums.requests, "unknown": sums.unknown_costs},
            )


CHEAPER: Final = 0.6
LEAST_SPENT: Final = PICO_PER_USD


def cheaper_model(found: Alternative) -> Iterator[Recommendation]:
    """Advise a model of the same tier that can do the same at 60% of the cost or less, where a dollar was spent."""
    if found.cost < LEAST_SPENT or found.other_cost > CHEAPER * found.cost:
        return
    saves = (found.cost - found.other_cost) * 30 // found.days
    yield Recommendation(
        code="cheaper_model",
        message=f"{found.other} is of the same tier as {found.model} and would cost "
        f"{found.other_cost / found.cost:.0%} of it: about ${_usd(saves)} less in 30 days",
        model=found.model,
        saves=saves,
        evidence={
            "cost": _number(found.cost), "other": found.other, "otherCost": _number(found.other_cost),
            "tier": found.tier,
        },
    )  # fmt: skip


UNUSED_DAYS: Final = 30


def unused_key(key: UnusedKey, now: int) -> Iterator[Recommendation]:
    """Advise to revoke a key that nobody has used for 30 days, and that is older than that."""
    days = (now - max(key.created_at, key.last_used_at or 0)) // (24 * HOUR_US)
    if days >= UNUSED_DAYS:
        yield Recommendation(
            code="unused_key",
            message=f"the key {key.name or key.key!r} has not been used for {days} days: revoke it if nobody needs it",
            evidence={"key": key.key, "days": days},
        )


NEARLY: Final = 0.8
"""The part of a budget from which on it is told, where the budget names none."""


def budget_running_out(found: SpentBudget, now: int) -> Iterator[Alert]:
    """Say that a budget is spent to a part it is to warn at, or will be before its period ends at the pace so far.

    The pace counts once a twentieth of the period is over.
    """
    budget, amount = found.budget, max(found.budget.amount, 1)
    share = found.spent / amount
    name = budget.name or (f"of {budget.scope} {budget.target}" if budget.target else "of everything")
    evidence: Evidence = {
        "budget": budget.id, "amount": _number(budget.amount), "spent": _number(found.spent), "share": round(share, 4),
    }  # fmt: skip
    if share >= min(budget.warn_at, default=NEARLY):
        yield Alert(
            code="budget_exhausted" if share >= 1 else "budget_running_out",
            severity="critical" if share >= 1 and budget.hard else "high",
            message=f"the budget {name} is spent to {share:.0%} (${_usd(found.spent)} of ${_usd(budget.amount)})",
            since=found.starts_at,
            evidence=evidence,
        )
        return
    if found.ends_at is None:
        return
    gone = (now - found.starts_at) / (found.ends_at - found.starts_at)
    if gone >= 0.05 and share / gone >= 1:
        left = round((amount - found.spent) / found.spent * (now - found.starts_at)) // HOUR_US
        yield Alert(
            code="budget_running_out",
            severity="medium",
            message=f"at the pace so far the budget {name} is spent in {left} hours, before its {budget.period} ends",
            since=found.starts_at,
            evidence={**evidence, "hoursLeft": left},
        )


def _added(hours: Mapping[int, Sums], start: int, end: int) -> Sums:
    within = [sums for hour, sums in hours.items() if start <= hour < end]
    return Sums(
        tries=sum(sums.tries for sums in within),
        failures=sum(sums.failures for sums in within),
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _usd(pico: int) -> str:
    return f"{pico / PICO_PER_USD:,.2f}"


def _number(pico: int) -> float:
    return round(pico / PICO_PER_USD, 6)


def by_severity(alerts: Iterable[Alert]) -> list[Alert]:
    """Return alerts, the gravest first, and of these the oldest first."""
    return sorted(alerts, key=lambda alert: (SEVERITIES.index(alert.severity), alert.since))
