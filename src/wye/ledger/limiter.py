"""Holds requests to the limits and budgets of their callers, in this process' slices of them.

Every request takes from some lines: one of each limit and budget that it counts against, all of them or none. Where a
slice is too small, whoever keeps the amount is asked at once, and the request waits for that, shortly; where nobody
keeps it but this process, or nothing is left, it is refused.
"""

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Final, TypeAlias

from msgspec import structs

from wye.catalog import Catalog
from wye.core.caller import Caller
from wye.core.charges import Place, charges_of, cost_of
from wye.core.exchange import Exchange
from wye.core.limits import Budget, Limit
from wye.core.plan import Attempt, Dropped, Plan
from wye.core.record import UsageRecord
from wye.ledger import refusal
from wye.ledger.allowance import Allowance
from wye.ledger.expected import Expected, input_tokens, most_output_tokens
from wye.ledger.lengths import Lengths
from wye.ledger.line import Line
from wye.ledger.refill import Condition, Refill
from wye.ledger.rulings import Ruling, Rulings, Told, told_of

_TRIES: Final = 4
Wanted: TypeAlias = tuple[Line, int]


class Taken:
    """What one request has taken, to be settled; `warnings` are budgets that are nearly or more than used up."""

    __slots__ = ("_limiter", "catalog", "input_tokens", "items", "model", "ruling", "warnings")

    def __init__(self, limiter: "Limiter", ruling: Ruling, tokens: int) -> None:
        """Begin with nothing taken."""
        self._limiter = limiter
        self.catalog: Catalog | None = None
        self.ruling = ruling
        self.input_tokens = tokens
        self.items: list[tuple[Line, Allowance, int]] = []
        self.model: Ruling | None = None
        self.warnings: list[Line] = []

    @property
    def told(self) -> Told:
        """The limits that the request counts against, by what answers tell of them."""
        model = self.model
        if model is None or not model.told:
            return self.ruling.told
        return told_of(line for _, lines in (*self.ruling.told, *model.told) for line in lines)

    def afford(self, exchange: Exchange, attempt: Attempt) -> None:
        """Set aside what another attempt costs beyond what is held; raise `BudgetExceededError` where that is not left.

        This does not wait for anybody: what is not in hand, but was there at the last word, is taken as a debt.
        """
        if self.catalog is not None:
            self._limiter.rehold(exchange, attempt, self.catalog)


class Limiter:
    """Limits and budgets of one process; see `wye.ledger.allowances.Allowances` for when it is asked what.

    `rates` and `budgets` are the ways to who keeps them for several processes; without one they are this process' own.
    `noticed` is called once for every part of a budget that is to be warned of, with its line.
    """

    def __init__(
        self,
        *,
        rates: Refill | None = None,
        budgets: Refill | None = None,
        wall: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        """Hold nobody to anything yet; `wall` tells microseconds since the epoch."""
        self.idle = True
        self.noticed: Callable[[Line], None] = lambda _line: None
        self.followed: Callable[[Iterable[Limit], Iterable[Budget]], None] = self.use
        self.rates = rates
        self.budgets = budgets
        self.lengths = Lengths()
        self._expected = Expected()
        self._wall = wall
        self.rulings = Rulings(rates=rates, budgets=budgets, wall=wall)

    async def begin(self) -> None:
        """Begin to fill up slices in the background."""
        for refill in filter(None, (self.rates, self.budgets)):
            refill.start()

    async def release(self) -> None:
        """Give back what is in hand."""
        for refill in filter(None, (self.rates, self.budgets)):
            await refill.aclose()

    @property
    def condition(self) -> Condition | None:
        """Whether what several processes share can be divided; `None` where this one is alone."""
        found = [refill.condition for refill in (self.rates, self.budgets) if refill is not None]
        return None if not found else "degraded" if "degraded" in found else "ok"

    def tell(self, heard: Callable[[str, Condition, str], None]) -> None:
        """Have `heard` called with what it is about, its condition, and why, whenever that changes."""
        for name, refill in (("limits", self.rates), ("budgets", self.budgets)):
            if refill is not None:
                refill.noticed = partial(heard, name)

    def use(self, limits: Iterable[Limit], budgets: Iterable[Budget]) -> None:
        """Hold requests to these from now on; what was counted of those that stay is kept."""
        self.idle = not self.rulings.use(limits, budgets)

    def follow(self, limits: Iterable[Limit], budgets: Iterable[Budget]) -> None:
        """Take over the rules of the settings file, which are all there are where nobody else is `followed`."""
        self.followed(limits, budgets)

    def admit(self, exchange: Exchange) -> Awaitable[None] | None:
        """Count a request against its caller's rate limits, all but those on its answer's length."""
        caller = exchange.caller
        ruling = self.rulings.of_caller(caller)
        tokens = input_tokens(exchange.call)
        taken = exchange.allowance = Taken(self, ruling, tokens)
        if not ruling.limits:
            return None
        wanted = [(line, tokens if line.counts == "input_tokens" else 1) for line in ruling.limits]
        return self._take(taken, wanted, exchange.at)

    def hold(self, exchange: Exchange, catalog: Catalog) -> Awaitable[None] | None:
        """Set aside what a request will likely cost at the first attempt of its plan that its budgets let it afford."""
        taken: Taken = exchange.allowance
        taken.catalog = catalog
        plan = exchange.plan
        attempts = plan.attempts if plan is not None else ()
        if not attempts:
            return self._take(taken, self._wanted(taken, None, 0, 0), exchange.at)
        first = attempts[0]
        output, cost = (0, 0) if exchange.cached else self._likely(exchange, first, catalog)
        if exchange.uncharged:
            cost = 0  # the caller pays its provider itself
        exchange.hold = cost
        wanted = self._wanted(taken, first, output, cost or 0)
        if exchange.cached or cost == 0:
            # Whoever is left alone with another's call is charged here as well.
            wanted = self._some(taken, wanted, exchange.at)
        if not wanted:
            return None
        lacking = self._taken(taken, wanted, exchange.at)
        if lacking is None:
            return None
        return self._hold_elsewhere(exchange, catalog, plan, wanted, lacking)

    def rehold(self, exchange: Exchange, attempt: Attempt, catalog: Catalog) -> None:
        """Set aside what another attempt costs, and count it against its model's limits; see `Taken.afford`."""
        if exchange.cached:
            return
        taken: Taken = exchange.allowance
        output, cost = self._likely(exchange, attempt, catalog)
        model = self.rulings.of_model(attempt.provider, attempt.model)
        more = self._missing(taken, model, exchange.at, cost if cost is not None and not exchange.uncharged else 0)
        if model is not taken.model:
            self._change_model(taken, model, output, exchange.at)
        for line, allowance, number in more:
            allowance.hold(number)
            for place, (other, known, had) in enumerate(taken.items):
                if other is line and known is allowance:
                    taken.items[place] = (line, allowance, had + number)
                    break
            else:
                taken.items.append((line, allowance, number))
        exchange.hold = max(cost or 0, exchange.hold or 0)

    @staticmethod
    def _missing(taken: Taken, model: Ruling, at: int, cost: int) -> list[tuple[Line, Allowance, int]]:
        """Return what is to be set aside of each budget beyond what is; raise where that is not left."""
        held = {line.subject: number for line, _, number in taken.items if line.counts == "money"}
        lines = [line for line in (*taken.ruling.budgets, *model.budgets) if cost > held.get(line.subject, 0)]
        more = [(line, line.current(at), cost - held.get(line.subject, 0)) for line in lines]
        for line, allowance, number in more:
            if line.hard and allowance.left < number:
                raise refusal.budget(line, number, at)
        return more

    def _change_model(self, taken: Taken, model: Ruling, output: int, at: int) -> None:
        """Count a request against another model's limits instead; the model that did not answer it was asked once.

        All tokens of the request count where it goes on. Raises `LimitExceededError` where that has no room, by what
        was last heard of it.
        """
        wanted = [(line, taken.input_tokens if line.counts == "input_tokens" else 1) for line in model.limits]
        wanted += [(line, output) for line in model.output]
        for line, number in wanted:
            if line.current(at).left < number:
                line.set_back(self._wall())
                raise refusal.of(line, number, at)
        for line, number in wanted:
            line.allowance.hold(number)
            taken.items.append((line, line.allowance, number))
            if line.refill is not None:
                line.refill.soon(line)
        before, taken.model = taken.model, model
        left = {*before.limits, *before.output} if before is not None else set()
        for line, allowance, number in [one for one in taken.items if one[0] in left]:
            taken.items.remove((line, allowance, number))
            allowance.held -= number
            if line.counts == "requests":
                allowance.spent += 1
            self._freed(line)

    def settle(self, exchange: Exchange, record: UsageRecord | None) -> None:
        """Give back what was set aside and take what the record says."""
        taken: Taken | None = exchange.allowance
        if taken is None:
            return
        items, taken.items = taken.items, []
        if record is None:
            for line, allowance, number in items:
                allowance.held -= number
                self._freed(line)
            return
        places = charges_of(record) if record.attempts else None
        cost = cost_of(record)
        used = {"requests": 1, "input_tokens": record.input_tokens, "output_tokens": record.output_tokens}
        for line, allowance, number in items:
            allowance.held -= number
            if line.counts == "money":
                allowance.spent += cost if places is None else places.get(line.place, 0)
                if allowance.used >= line.warn_from:
                    self._warn(line, allowance)
            elif line.counts == "concurrent_requests":
                self._freed(line)
            else:
                allowance.spent += used[line.counts]
        if places is not None:
            self._charge_others(places, record.at, {line.subject for line, _, _ in items})
        if record.status == "ok" and record.output_tokens and record.model is not None:
            self.lengths.learn(record.key or record.user, f"{record.provider}/{record.model}", record.output_tokens)

    def charge(self, record: UsageRecord) -> None:
        """Take what became known of a request after it was settled; what is shared is charged where it is written."""
        for place, cost in charges_of(record).items():
            for line in self.rulings.budget_lines([place]) if cost else ():
                if line.refill is None:
                    line.current(record.at).spent += cost

    @property
    def budgets_in_use(self) -> list[Line]:
        """The budgets that requests have counted against in this process."""
        return [line for line in self.rulings.lines.values() if line.counts == "money"]

    def lines_of(self, caller: Caller) -> list[Line]:
        """Return the limits and budgets that a caller's requests count against, whatever model they ask."""
        ruling = self.rulings.of_caller(caller)
        return [*ruling.limits, *ruling.output, *ruling.budgets]

    def _take(self, taken: Taken, wanted: Sequence[Wanted], at: int) -> Awaitable[None] | None:
        lacking = self._taken(taken, wanted, at)
        if lacking is None:
            return None
        lacking[0].set_back(self._wall())
        if not self._may_ask(lacking):
            raise refusal.of(*lacking, at)
        return self._wait(taken, wanted, lacking, at)

    @staticmethod
    def _some(taken: Taken, wanted: Sequence[Wanted], at: int) -> list[Wanted]:
        """Return the lines that something is taken of: none of the others refuses, also where it is overdrawn."""
        taken.items += [(line, line.current(at), 0) for line, number in wanted if not number]
        return [(line, number) for line, number in wanted if number]

    @staticmethod
    def _taken(taken: Taken, wanted: Sequence[Wanted], at: int) -> Wanted | None:
        """Take from every line, or from none and return the first that has not enough."""
        items = taken.items
        for place, (line, number) in enumerate(wanted):
            allowance = line.allowance if at < line.until else line.current(at)
            free = allowance.granted - allowance.spent - allowance.held
            if free >= number or not line.hard:
                allowance.held += number
                items.append((line, allowance, number))
                if free - number < line.low and line.refill is not None:
                    line.refill.soon(line)
                if allowance.used >= line.warn_from:
                    taken.warnings.append(line)
                continue
            if line.refill is not None and line.refill.away and allowance.take_alone(number, line.share_alone()):
                items.append((line, allowance, number))
                continue
            for _ in range(place):
                _, other, held = items.pop()
                other.held -= held
            return line, number
        return None

    @staticmethod
    def _may_ask(lacking: Wanted) -> bool:
        """Tell whether somebody may have more of it than is in hand."""
        line, number = lacking
        refill = line.refill
        return refill is not None and not refill.away and number <= line.amount and refill.now() >= line.empty_until

    async def _wait(self, taken: Taken, wanted: Sequence[Wanted], lacking: Wanted, at: int) -> None:
        """Ask for what is lacking until there is enough of everything, or somebody says that there is none."""
        for _ in range(_TRIES):
            line, number = lacking
            if line.refill is None or not self._may_ask(lacking):
                break
            line.allowance.typical = number
            await line.refill.wait(line, number)
            found = self._taken(taken, wanted, at)
            if found is None:
                return
            lacking = found
        raise refusal.of(*lacking, at)

    def _hold_elsewhere(
        self, exchange: Exchange, catalog: Catalog, plan: Plan | None, wanted: Sequence[Wanted], lacking: Wanted
    ) -> Awaitable[None]:
        """Ask for more, and where there is none, leave out the attempts that are too dear."""
        lacking[0].set_back(self._wall())
        if not self._may_ask(lacking):
            self._hold_cheaper(exchange, catalog, plan, lacking)
            return _nothing()

        async def ask() -> None:
            taken: Taken = exchange.allowance
            try:
                await self._wait(taken, wanted, lacking, exchange.at)
            except refusal.BudgetExceededError:
                line = next((line for line, number in wanted if line.allowance.free < number and line.hard), lacking[0])
                self._hold_cheaper(exchange, catalog, plan, (line, lacking[1]))

        return ask()

    def _hold_cheaper(self, exchange: Exchange, catalog: Catalog, plan: Plan | None, lacking: Wanted) -> None:
        """Go on with the first attempt that can be afforded; raise where there is none."""
        line, number = lacking
        if line.counts != "money" or plan is None:
            raise refusal.of(line, number, exchange.at)
        dropped: list[Dropped] = []
        for place, attempt in enumerate(plan.attempts):
            output, cost = self._likely(exchange, attempt, catalog)
            wanted = self._wanted(exchange.allowance, attempt, output, cost or 0)
            if cost == 0:
                wanted = self._some(exchange.allowance, wanted, exchange.at)
            missing = self._taken(exchange.allowance, wanted, exchange.at)
            if missing is None:
                exchange.hold = cost
                left = (*plan.dropped, *dropped)
                exchange.plan = structs.replace(plan, attempts=plan.attempts[place:], dropped=left)
                return
            if missing[0].counts != "money":
                raise refusal.of(*missing, exchange.at)
            dropped.append(refusal.dropped(attempt, *missing))
        raise refusal.of(line, number, exchange.at)

    def _likely(self, exchange: Exchange, attempt: Attempt, catalog: Catalog) -> tuple[int, int | None]:
        """Return how long the answer of an attempt will likely be, in tokens, and what it will cost, in picodollars."""
        full_id = attempt.full_id
        row, caller = catalog.models.get(full_id), exchange.caller
        output = self.lengths.likely(caller.key or caller.user, full_id)
        most = most_output_tokens(exchange.call, row)
        if most is not None and most < output:
            output = most
        if row is None:
            return output, None
        return output, self._expected.cost(row, exchange.call, exchange.allowance.input_tokens, output)

    def _wanted(self, taken: Taken, attempt: Attempt | None, output: int, cost: int) -> list[Wanted]:
        ruling = taken.ruling
        wanted = [(line, output) for line in ruling.output]
        wanted += [(line, cost) for line in ruling.budgets]
        if attempt is None:
            return wanted
        model = taken.model = self.rulings.of_model(attempt.provider, attempt.model)
        if model:
            for line in model.limits:
                wanted.append((line, taken.input_tokens if line.counts == "input_tokens" else 1))
            wanted += [(line, output) for line in model.output]
            wanted += [(line, cost) for line in model.budgets]
        return wanted

    def _freed(self, line: Line) -> None:
        """Let others have what is free again, where each single one counts."""
        if line.refill is not None and line.counts == "concurrent_requests" and not line.allowance.is_sliced:
            line.refill.soon(line)

    def _charge_others(self, places: dict[Place, int], at: int, held: set[str]) -> None:
        """Charge the budgets of providers and models that were asked without anything having been held for them."""
        for place, cost in places.items():
            for line in self.rulings.budget_lines([place]) if cost else ():
                if line.subject not in held:
                    line.current(at).spent += cost

    def _warn(self, line: Line, allowance: Allowance) -> None:
        passed = sum(allowance.used >= line.amount * part for part in line.warn_at)
        if passed > allowance.warned:
            allowance.warned = passed
            self.noticed(line)


async def _nothing() -> None:
    """Wait for nothing."""
