"""Reads the sections that are lists: `[[limits]]`, `[[budgets]]`, and the targets of `[aliases]`."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from msgspec import Struct

from wye.core.errors import ConfigurationError
from wye.core.limits import Budget, Limit
from wye.ledger.config import BudgetSettings, LimitSettings

_S = TypeVar("_S", bound=Struct)
_R = TypeVar("_R")
_Section = Callable[[type[_S], str, Mapping[str, Any]], _S]
LISTS: Final = ("limits", "budgets")
"""The sections that are lists of tables."""


def limits_of(data: Mapping[str, Any], section: _Section[LimitSettings]) -> tuple[Limit, ...]:
    """Return the limits; the last one of the same target counts. Raises `ConfigurationError`."""
    found: dict[tuple[str, str], Limit] = {}
    for where, values in _tables(data, "limits"):
        limit = _rule(where, section(LimitSettings, where, values).limit)
        if (limit.scope, limit.target) in found:
            raise ConfigurationError(f"{where}: there is one for {limit.scope} {limit.target!r} already", param=where)
        found[limit.scope, limit.target] = limit
    return tuple(found.values())


def budgets_of(data: Mapping[str, Any], section: _Section[BudgetSettings]) -> tuple[Budget, ...]:
    """Return the budgets. Raises `ConfigurationError`."""
    found: dict[str, Budget] = {}
    for where, values in _tables(data, "budgets"):
        budget = _rule(where, section(BudgetSettings, where, values).budget)
        if budget.id in found:
            raise ConfigurationError(f"{where}: there is one of the same target and period already", param=where)
        found[budget.id] = budget
    return tuple(found.values())


def _tables(data: Mapping[str, Any], name: str) -> list[tuple[str, Mapping[str, Any]]]:
    written = data.get(name, [])
    if not isinstance(written, list) or not all(isinstance(one, dict) for one in written):
        raise ConfigurationError(f"write [[{name}]], once for each", param=name)
    return [(f"{name}[{at}]", one) for at, one in enumerate(written)]


def _rule(where: str, make: Callable[[], _R]) -> _R:
    try:
        return make()
    except ValueError as error:
        raise ConfigurationError(f"{where}: {error}", param=where) from None


def alias_target(alias: str, target: Any) -> tuple[str, int]:
    """Read a model's name, or `{ model = "…", weight = 3 }`. Raises `ConfigurationError`."""
    if isinstance(target, str):
        return target, 1
    if not isinstance(target, dict) or not target.keys() <= {"model", "weight"}:
        raise bad_alias(alias)
    model, weight = target.get("model"), target.get("weight", 1)
    if not isinstance(model, str) or isinstance(weight, bool) or not isinstance(weight, int) or not 1 <= weight <= 100:
        raise bad_alias(alias)
    return model, weight


def bad_alias(alias: str) -> ConfigurationError:
    """Return the error about an alias that is written otherwise."""
    return ConfigurationError(
        f'aliases.{alias}: write a list of model names, or of {{ model = "name", weight = 3 }}, 1 to 100',
        param=f"aliases.{alias}",
    )
