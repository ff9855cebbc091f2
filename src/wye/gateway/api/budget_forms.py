"""The bodies about budgets."""

from typing import Annotated, Final, TypeAlias

from msgspec import UNSET, Meta, UnsetType

from wye.core.limits import BudgetPeriod, BudgetScope
from wye.gateway.api.forms import Form

Amount: TypeAlias = Annotated[float, Meta(ge=0, le=1_000_000, description="USD in each period")]
Parts: TypeAlias = Annotated[
    list[Annotated[float, Meta(gt=0, le=1)]], Meta(max_length=10, description="parts of the amount at which to warn")
]
_Name: TypeAlias = Annotated[str, Meta(max_length=200)]
_Target: TypeAlias = Annotated[
    str, Meta(max_length=300, description="id of the key, user, team or provider, or a model's full id")
]


class BudgetForm(Form, frozen=True, kw_only=True):
    """What may be spent, and by whom; a `hard` budget refuses what is beyond it, any other only warns."""

    scope: BudgetScope
    amount: Amount
    period: BudgetPeriod
    target: _Target = ""
    name: _Name = ""
    hard: bool = True
    warn_at: Parts | None = None


class BudgetUpdateForm(Form, frozen=True, kw_only=True):
    """What to change about a budget; what was spent of it in its period stays spent."""

    name: _Name | UnsetType = UNSET
    amount: Amount | UnsetType = UNSET
    hard: bool | UnsetType = UNSET
    warn_at: Parts | UnsetType = UNSET


FORMS: Final[tuple[type[Form], ...]] = (BudgetForm, BudgetUpdateForm)
