"""The `[[limits]]` and `[[budgets]]` sections."""

from decimal import Decimal
from typing import Annotated, Any

from msgspec import Meta, Struct, structs

from wye.core.limits import Budget, BudgetPeriod, BudgetScope, Limit, Limits, LimitScope
from wye.core.record import PICO_PER_USD

_MOST_USD = 1_000_000


class LimitSettings(Limits, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often and how much may be asked: of one `target`, of each (`*`), or of all together where `scope` is global.

    A target is a key's, user's or team's id, or a model's full id. What keys, users and teams have written down
    themselves, by the API, takes the place of a limit of each. Days are the calendar's, in UTC; a minute is any sixty
    seconds.
    """

    scope: LimitScope = "global"
    target: str = ""

    def limit(self) -> Limit:
        """Return the rule. Raises `ValueError` for one that makes no sense."""
        _check_target(self.scope, self.target)
        limits = Limits(**{name: getattr(self, name) for name in Limits.__struct_fields__})
        if limits == Limits():
            raise ValueError(f"it limits nothing; known are {', '.join(Limits.__struct_fields__)}")
        return Limit(scope=self.scope, target=self.target, limits=limits)


class BudgetSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be spent: `amount` in USD, in each `period` of the calendar (UTC), or in all.

    A `hard` budget refuses what would be beyond it, any other only warns; `warn_at` are the parts of it at which to
    warn. `target` is the id of a key, user, team or provider, or a model's full id; a global budget has none.
    """

    scope: BudgetScope
    amount: Decimal
    period: BudgetPeriod
    target: str = ""
    name: str = ""
    hard: bool = True
    warn_at: tuple[Annotated[float, Meta(gt=0, le=1)], ...] = (0.8,)

    def budget(self) -> Budget:
        """Return the rule, under an id that is the same wherever it is read. Raises `ValueError` as `limit` does."""
        _check_target(self.scope, self.target)
        if self.target == "*":
            raise ValueError("a budget is one key's, user's, team's, model's or provider's: name it")
        facts: dict[str, Any] = structs.asdict(self) | {"amount": picodollars(self.amount)}
        kind = "hard" if self.hard else "soft"
        return Budget(**facts, id=f"file:{self.scope}:{self.target}:{self.period}:{kind}", source="file")


def picodollars(amount: Decimal) -> int:
    """Return an amount of USD in picodollars. Raises `ValueError` where it is none that may be spent."""
    if not amount.is_finite() or not 0 <= amount <= _MOST_USD:
        raise ValueError(f"amount is USD, from 0 to {_MOST_USD:,}")
    return round(amount * PICO_PER_USD)


def _check_target(scope: str, target: str) -> None:
    if scope == "global" and target:
        raise ValueError("what is global has no target")
    if scope != "global" and not target:
        raise ValueError(f'say whose it is: target = "the {scope}\'s id"')
