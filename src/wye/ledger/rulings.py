"""Which limits and budgets a request counts against: worked out once for each caller and each model."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias

from wye.core.caller import Caller
from wye.core.charges import Place
from wye.core.limits import EACH, MEASURES, Budget, Limit, Limits
from wye.ledger.line import Counts, Filler, Line

_KEPT: Final = 50_000
"""Callers, and lines of single ones, that are remembered."""
Told: TypeAlias = tuple[tuple[str, tuple[Line, ...]], ...]
"""Limits by the kind of header that tells of them."""
_TOLD: Final[Mapping[Counts, tuple[str, ...]]] = {
    "requests": ("requests",),
    "input_tokens": ("tokens", "input-tokens"),
    "output_tokens": ("tokens", "output-tokens"),
}
"""In which kinds of headers a limit is told, by what it counts; those of requests at once have none."""


def told_of(lines: Iterable[Line]) -> Told:
    """Return what answers tell of limits: of each kind of header the lines it is about."""
    found: dict[str, dict[Line, None]] = {"requests": {}, "tokens": {}, "input-tokens": {}, "output-tokens": {}}
    for line in lines:
        for kind in _TOLD.get(line.counts, ()):
            found[kind][line] = None
    return tuple((kind, tuple(of_kind)) for kind, of_kind in found.items() if of_kind)


class Ruling:
    """The lines that one caller's or one model's requests count against."""

    __slots__ = ("budgets", "limits", "output", "told", "written")

    def __init__(self, limits: Iterable[Line], budgets: Iterable[Line], written: Limits | None = None) -> None:
        """Sort them by when they are asked; `written` are the key's own that they were made of."""
        self.written = written
        lines = list(limits)
        self.limits = tuple(line for line in lines if line.counts != "output_tokens")
        self.output = tuple(line for line in lines if line.counts == "output_tokens")
        self.budgets = tuple(budgets)
        self.told = told_of(lines)

    def __bool__(self) -> bool:
        """Tell whether there are any."""
        return bool(self.limits or self.output or self.budgets)


class Rulings:
    """The limits and budgets in force, by what they are of. `lines` are all that anybody has counted against."""

    def __init__(self, *, rates: Filler | None, budgets: Filler | None, wall: Callable[[], int]) -> None:
        """Rule nothing yet; `rates` and `budgets` fill up the slices of lines, `wall` tells microseconds."""
        self.lines: dict[str, Line] = {}
        self._rates = rates
        self._money = budgets
        self._wall = wall
        self._limits: dict[tuple[str, str], Limits] = {}
        self._budgets: dict[tuple[str, str], list[Budget]] = {}
        self._callers: dict[tuple[str | None, str, str | None], Ruling] = {}
        self._models: dict[tuple[str, str], Ruling] = {}

    def use(self, limits: Iterable[Limit], budgets: Iterable[Budget]) -> bool:
        """Let these be in force from now on, and tell whether there are any; those that stay keep what was counted."""
        self._limits = {(limit.scope, limit.target): limit.limits for limit in limits}
        self._budgets = {}
        for budget in budgets:
            self._budgets.setdefault((budget.scope, budget.target), []).append(budget)
            if (line := self.lines.get(budget.id)) is not None:
                line.describe(budget.amount, hard=budget.hard, warn_at=budget.warn_at)
        self._callers.clear()
        self._models.clear()
        return bool(self._limits or self._budgets)

    def of_caller(self, caller: Caller) -> Ruling:
        """Return what a caller's requests count against, whatever model they ask."""
        known = self._callers.get((caller.key, caller.user, caller.team))
        if known is not None and known.written is caller.limits:
            return known
        named = (("key", caller.key), ("user", caller.user), ("team", caller.team), ("global", ""))
        places = [(scope, target) for scope, target in named if target is not None]
        ruling = Ruling(self._limit_lines(places, caller.limits), self.budget_lines(places), caller.limits)
        if len(self._callers) >= _KEPT:
            self._callers.clear()
        self._callers[caller.key, caller.user, caller.team] = ruling
        return ruling

    def of_model(self, provider: str, model: str) -> Ruling:
        """Return what requests to a model count against, whoever asks."""
        known = self._models.get((provider, model))
        if known is not None:
            return known
        place = ("model", f"{provider}/{model}")
        ruling = Ruling(self._limit_lines([place]), self.budget_lines([("provider", provider), place]))
        if len(self._models) >= _KEPT:
            self._models.clear()
        self._models[provider, model] = ruling
        return ruling

    def _limit_lines(self, places: Iterable[Place], of_key: Limits | None = None) -> list[Line]:
        found: list[Line] = []
        for scope, target in places:
            own = of_key if scope == "key" else None
            limits = own or self._limits.get((scope, target)) or self._limits.get((scope, EACH))
            if limits is None:
                continue
            for field, counts, period in MEASURES:
                amount = getattr(limits, field)
                if amount is None:
                    continue
                subject = f"{field}:{scope}:{target}"
                line = self.lines.get(subject)
                if line is None:
                    line = self._keep(
                        Line(
                            subject,
                            counts=counts,
                            place=(scope, target),
                            period=period,
                            amount=amount,
                            refill=self._rates,
                        )
                    )
                elif line.amount != amount:
                    line.describe(amount)
                found.append(line)
        return found

    def budget_lines(self, places: Iterable[Place]) -> list[Line]:
        """Return the lines of all budgets of these places."""
        found: list[Line] = []
        for place in places:
            for budget in self._budgets.get(place, ()):
                line = self.lines.get(budget.id)
                if line is None or line.period != budget.period:
                    line = self._keep(
                        Line(
                            budget.id,
                            counts="money",
                            place=place,
                            period=budget.period,
                            amount=budget.amount,
                            name=budget.name,
                            refill=self._money,
                        )
                    )
                    line.describe(budget.amount, hard=budget.hard, warn_at=budget.warn_at)
                found.append(line)
        return found

    def _keep(self, line: Line) -> Line:
        if len(self.lines) >= _KEPT:
            at = self._wall()
            self.lines = {name: one for name, one in self.lines.items() if one.allowance.held or not one.is_over(at)}
            self._callers.clear()
            self._models.clear()
        self.lines[line.subject] = line
        return line
