"""From a request to a plan: pure, so that `explain` shows exactly what a request would do.

A name that leads to one model is a look-up. Where there is a choice (`auto`, `auto:cost` and its like, an alias of
several models, a strategy that was asked for), what cannot answer is filtered out first and the rest is put in order.
Plain `auto` takes the default model that the configured strategy likes best, and has the others stand in for it in the
fallback order; `auto:…` chooses among all models of the providers in use. See docs/decisions/0006.
"""

import datetime
import functools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import structs

from wye.catalog import Catalog
from wye.catalog.schema import ModelInfo
from wye.core.errors import WyeError
from wye.core.plan import Attempt, Dropped, Plan, Wanted
from wye.core.request import Operation
from wye.health import ALL_WELL, HealthView
from wye.routing.chooser import Chooser, arranged, attempts_of, candidates_of
from wye.routing.config import RoutingConfig
from wye.routing.filters import drops, is_among
from wye.routing.names import AUTO, CHATTING, INTERCHANGEABLE, Availability, Names
from wye.routing.refusals import refusal
from wye.routing.shapes import Fixed
from wye.routing.strategies import AUTO_NAMES, MANUAL, ROUND_ROBIN, STRATEGIES, smooth_turns, strategy_named

_KEPT_PLANS: Final = 10_000
_round = functools.lru_cache(maxsize=256)(smooth_turns)


class Planner:
    """Plans over one snapshot of catalog, configuration and availability."""

    def __init__(
        self,
        catalog: Catalog,
        availability: Availability,
        config: RoutingConfig | None = None,
        aliases: Mapping[str, Sequence[str]] | None = None,
        *,
        weights: Mapping[str, Mapping[str, int]] | None = None,
        listed: Mapping[str, frozenset[str]] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Keep the snapshot.

        `aliases` maps a name to the names tried in its place, in order, `weights` an alias to how often each of its
        names comes round. `listed` holds, by provider, the models that it said it has. `clock` tells seconds since the
        epoch, for prices that change with the hour and to say when to try again.
        """
        self._catalog = catalog
        self._config = config or RoutingConfig()
        self._names = Names(catalog, availability, self._config, aliases)
        self._weights = weights or {}
        self._listed = listed or {}
        self._clock = clock
        self._default = strategy_named(self._config.strategy, "routing.strategy")
        self._plans: dict[tuple[str, Operation | None], Fixed] = {}
        self._resolutions: dict[frozenset[str], frozenset[str]] = {}
        self._meanings: dict[str, tuple[str, bool]] = {}
        self._pools: dict[Operation, tuple[dict[str, ModelInfo], list[Dropped]]] = {}
        self._made: tuple[int, Chooser] | None = None

    def plan(self, wanted: Wanted, health: HealthView = ALL_WELL) -> Plan:
        """Return the plan for a request.

        Raises `ModelNotFoundError`, listing near names, where the name fits nothing, and saying what to configure
        where nothing that serves it is; `ProviderAuthenticationError` where what serves it has only a key that cannot
        be right; `UnsupportedOperationError` where it cannot do the operation (`None` asks for nothing in particular)
        or lacks an ability; `ContextLengthError`, `PermissionDeniedError` or `InvalidRequestError` where nothing is
        left by what else was asked for. Where nothing that could answer is well, the plan holds what is not: whoever
        walks it knows best when that may be tried again.
        """
        wanted = self._resolved(wanted)
        fixed = self._plans.get((wanted.model, wanted.operation))
        if fixed is not None and not fixed.choice and _is_plain(wanted) and not _marked(fixed.plan, health):
            left_open = fixed.unsaid and wanted.preferred is not None
            if wanted.providers is None and wanted.models is None and not left_open:
                return fixed.plan
            if not left_open and all(_is_permitted(one.full_id, one.provider, wanted) for one in fixed.plan.attempts):
                return fixed.plan
        plan = self._decided(wanted, health, explained=False)
        if not plan.attempts:
            whole = self._decided(wanted, health, explained=True)
            raise self.refusal(whole, wanted)
        return plan

    def refusal(self, plan: Plan, wanted: Wanted) -> WyeError:
        """Return the error for an explained plan that holds no attempt."""
        return refusal(plan, wanted, self._names)

    def explain(self, wanted: Wanted, health: HealthView = ALL_WELL) -> Plan:
        """Return the plan for a request, also where it holds no attempt, with all that was judged and dropped."""
        return self._decided(self._resolved(wanted), health, explained=True)

    def permits(self, row: ModelInfo, wanted: Wanted) -> bool:
        """Tell whether the caller who wants this may be answered by a model at all."""
        return _is_permitted(row.full_id, row.provider, self._resolved(wanted))

    def chooses(self, name: str, operation: Operation | None = "chat") -> bool:
        """Tell whether more of a request than its model's name decides its plan."""
        fixed = self._plans.get((name, operation))
        if fixed is not None:
            return fixed.choice
        return self._meant(name)[1] or self._fixed(name, operation).choice

    def is_alias(self, name: str) -> bool:
        """Tell whether a name is an alias in force: a model's own name is none."""
        return self._names.is_alias(name)

    def _is_auto(self, name: str) -> bool:
        return (name == AUTO or name in AUTO_NAMES) and not self._names.is_alias(name)

    def _meant(self, name: str) -> tuple[str, bool]:
        """Return what a name stands for in the end, and whether that is `auto` or its like; worked out once."""
        found = self._meanings.get(name)
        if found is None:
            meant = self._names.resolved(name)
            found = meant, self._is_auto(meant)
            if len(self._meanings) < _KEPT_PLANS:  # names come from callers
                self._meanings[name] = found
        return found

    @property
    def _chooser(self) -> Chooser:
        """The models' scores; they are worked out anew each hour, since some prices change with it."""
        now = self._clock()
        hour = int(now // 3600)
        if self._made is None or self._made[0] != hour:
            moment = datetime.datetime.fromtimestamp(now, datetime.UTC)
            made = Chooser(self._catalog, moment=moment, rank=self._names.rank, listed=self._listed)
            self._made = (hour, made)
        return self._made[1]

    def _resolved(self, wanted: Wanted) -> Wanted:
        """Put the full ids that the names of the allowed models lead to in their place.

        Who may ask for an alias, or `auto`, may be answered by whatever that stands for.
        """
        models = wanted.models
        if models is None:
            return wanted
        if wanted.model in models and self._stands_for_others(wanted.model):
            return structs.replace(wanted, models=None)
        found = self._resolutions.get(models)
        if found is None:
            names = [name for name in models if not self._stands_for_others(name)]
            steps = (step for name in names for step in self._names.candidates(name, frozenset()))
            found = frozenset(f"{step.provider}/{step.model}" for step in steps)
            if len(self._resolutions) < _KEPT_PLANS:
                self._resolutions[models] = found
        return structs.replace(wanted, models=found)

    def _stands_for_others(self, name: str) -> bool:
        return self._names.is_alias(name) or self._is_auto(name)

    def _decided(self, wanted: Wanted, health: HealthView, *, explained: bool) -> Plan:
        plan = self._chosen(wanted, health, explained=explained)
        if plan.attempts or not (health.providers or health.models):
            return plan
        plan = self._chosen(wanted, structs.replace(health, providers={}, models={}), explained=explained)
        return structs.replace(plan, attempts=tuple(_unwell(attempt, health) for attempt in plan.attempts))

    def _chosen(self, wanted: Wanted, health: HealthView, *, explained: bool) -> Plan:
        name, auto = self._meant(wanted.model)
        if not auto:
            fixed = self._fixed(wanted.model, wanted.operation)
            return self._among(fixed, wanted, health, wanted.strategy, explained=explained)
        strategy = wanted.strategy or AUTO_NAMES.get(name)
        operation = wanted.operation or "chat"
        if strategy is not None and strategy in STRATEGIES and (operation in CHATTING or operation in INTERCHANGEABLE):
            return self._from_pool(wanted, health, strategy, explained=explained)
        plan = self._among(self._fixed(AUTO, wanted.operation), wanted, health, strategy, explained=explained)
        if not plan.attempts and operation in CHATTING:
            chosen = wanted.default_strategy or self._default
            chosen = chosen if chosen in STRATEGIES else "balanced"
            pooled = self._from_pool(wanted, health, chosen, explained=explained)
            # No default model will do: one that is none is better than no answer.
            return structs.replace(pooled, dropped=(*plan.dropped, *pooled.dropped))
        return plan

    def _from_pool(self, wanted: Wanted, health: HealthView, strategy: str, *, explained: bool) -> Plan:
        """Choose among all models of the providers in use."""
        operation = wanted.operation or "chat"
        rows, left_out = self._pool(operation)
        chooser = self._chooser
        attempts = attempts_of(chooser.best(operation, rows, strategy, wanted, health), strategy)
        if not explained:
            return Plan(requested=wanted.model, attempts=attempts, strategy=strategy)
        judged, dropped = chooser.all_of(rows, strategy, wanted, health)
        return Plan(
            requested=wanted.model,
            attempts=attempts,
            dropped=(*dropped, *left_out),
            strategy=strategy,
            candidates=tuple(candidates_of(judged)),
        )

    def _pool(self, operation: Operation) -> tuple[dict[str, ModelInfo], list[Dropped]]:
        found = self._pools.get(operation)
        if found is None:
            found = self._pools[operation] = self._names.pool(operation)
        return found

    def _among(
        self, fixed: Fixed, wanted: Wanted, health: HealthView, strategy: str | None, *, explained: bool
    ) -> Plan:
        """Choose among the attempts that a name leads to."""
        chooser = self._chooser
        bar = chooser.bar(wanted, health, named=True)
        if not fixed.choice:
            bar = structs.replace(bar, fits=True)  # the provider's own word on a named model counts, not our estimate
        entries = [chooser.entry(one.full_id, one.provider) for one in fixed.plan.attempts]
        in_its_order = strategy is None and not (fixed.scored or fixed.weighted or fixed.unsaid or explained)
        if in_its_order and all(drops(bar, entry) is None for entry in entries):
            return fixed.plan
        passed, dropped = chooser.sift(entries, bar, wanted)
        if not fixed.scored and strategy is None:
            strategy = ROUND_ROBIN if fixed.weighted else MANUAL
        chosen_by = strategy or wanted.default_strategy or self._default
        names = [entry.full_id for entry in passed]
        scored = chosen_by if chosen_by in STRATEGIES else "balanced"
        judged = chooser.judged(passed, scored, wanted, health) if chosen_by != MANUAL else []
        scores = {one.entry.full_id: one.score for one in judged} if chosen_by == scored else {}
        if chosen_by == ROUND_ROBIN:
            names = _in_turn(names, fixed, wanted.turn)
        elif scores and strategy is not None:
            names = [one.entry.full_id for one in arranged(judged)]
        elif scores and not self._config.default_provider:
            best = judged[0].entry.full_id
            names = [best, *(name for name in names if name != best)]
        attempts = {one.full_id: one for one in fixed.plan.attempts}
        if fixed.unsaid and wanted.preferred is not None and strategy in {None, MANUAL}:
            names = _preferred(names, fixed, wanted.preferred)
        if scores and names and len(names) > 1:
            reason = f"scores {scores[names[0]]:.3f}, best of {len(names)} under {chosen_by}"
            attempts[names[0]] = structs.replace(attempts[names[0]], reason=reason)
        return Plan(
            requested=wanted.model,
            attempts=tuple(structs.replace(attempts[name], score=scores.get(name)) for name in names),
            dropped=(*fixed.plan.dropped, *dropped),
            strategy=None if chosen_by == MANUAL else chosen_by,
            candidates=tuple(candidates_of(judged)) if explained and chosen_by != MANUAL else (),
        )

    def _fixed(self, name: str, operation: Operation | None) -> Fixed:
        """Return what a name leads to; it is worked out once."""
        found = self._plans.get((name, operation))
        if found is not None:
            return found
        attempts: dict[str, Attempt] = {}
        groups: list[int] = []
        dropped: list[Dropped] = []
        auto = self._is_auto(name)
        for group, step in self._steps(name, operation, auto=auto):
            able = self._names.able(step, operation)
            if isinstance(able, Dropped):
                dropped.append(able)
            elif able.full_id not in attempts:
                attempts[able.full_id] = able
                groups.append(group)
        plan = Plan(requested=name, attempts=tuple(attempts.values()), dropped=tuple(dropped))
        said = self._weights.get(name, {})
        targets = self._names.targets(name)
        weights = [said.get(target, 1) for target in targets]
        if auto:
            groups = list(range(len(attempts)))
            weights = [self._names.weight(attempt.provider) for attempt in plan.attempts]
        rows = [self._catalog.models.get(full_id) for full_id in attempts]
        families = {row.family or row.full_id if row else full_id for row, full_id in zip(rows, attempts, strict=True)}
        others = self._names.is_alias(name) or any(group >= len(targets) for group in groups)
        choice = auto or bool(said) or (others and len(families) > 1)
        found = Fixed(
            plan,
            tuple(groups),
            tuple(weights),
            weighted=bool(said),
            scored=auto,
            choice=choice,
            unsaid=auto or not (self._names.is_alias(name) or self._names.says_provider(name)),
        )
        if attempts and len(self._plans) < _KEPT_PLANS:  # names come from callers
            self._plans[name, operation] = found
        return found

    def _steps(self, name: str, operation: Operation | None, *, auto: bool) -> Iterator[tuple[int, Attempt | Dropped]]:
        """Yield what a name leads to, each with the place of the target it came from."""
        if auto and operation and operation in INTERCHANGEABLE:
            yield from ((0, step) for step in self._names.any_able(operation))
            return
        targets = self._names.targets(name)
        within = frozenset({name}) if self._names.is_alias(name) else frozenset()
        found: list[Attempt] = []
        for at, target in enumerate(targets):
            for step in self._names.candidates(target, within):
                if isinstance(step, Attempt):
                    found.append(step)
                yield at, step
        if not auto:
            yield from ((len(targets), step) for step in self._names.fallbacks(name, found))


def _in_turn(names: Sequence[str], fixed: Fixed, turn: int) -> list[str]:
    """Put the attempts first whose target's turn it is; the others keep their order."""
    target = {one.full_id: group for one, group in zip(fixed.plan.attempts, fixed.groups, strict=True)}
    there = list(dict.fromkeys(target[name] for name in names if target[name] < len(fixed.weights)))
    if not there:
        return list(names)
    turns = _round(tuple(fixed.weights[group] for group in there))
    at = turns[turn % len(turns)]
    order = [*there[at:], *there[:at], len(fixed.weights)]
    return sorted(names, key=lambda name: order.index(target[name]))


def _preferred(names: Sequence[str], fixed: Fixed, provider: str) -> list[str]:
    """Put what the caller's own provider has of the name first; what only stands in for the name stays behind it."""
    targets = len(fixed.weights)
    own = {
        one.full_id
        for one, group in zip(fixed.plan.attempts, fixed.groups, strict=True)
        if one.provider == provider and group < targets
    }
    return sorted(names, key=lambda name: name not in own)


def _unwell(attempt: Attempt, health: HealthView) -> Attempt:
    """Say of an attempt that is left to try only because nothing else is."""
    mark = health.blocked(attempt.provider, attempt.full_id)
    return structs.replace(attempt, reason=f"{attempt.reason}; {mark.reason}") if mark is not None else attempt


def _is_permitted(full_id: str, provider: str, wanted: Wanted) -> bool:
    """Tell whether a model is one that the caller may be answered by."""
    if wanted.providers is not None and provider not in wanted.providers:
        return False
    return wanted.models is None or is_among(full_id, provider, wanted.models)


def _marked(plan: Plan, health: HealthView) -> bool:
    """Whether health holds anything against one of a plan's attempts."""
    if not health.providers and not health.models:
        return False
    return any(health.blocked(attempt.provider, attempt.full_id) for attempt in plan.attempts)


def _is_plain(wanted: Wanted) -> bool:
    """Whether nothing is asked for but a model; who may answer is left aside."""
    return (
        wanted.max_cost is None
        and wanted.min_quality is None
        and wanted.strategy is None
        and not wanted.tags
        and not wanted.needs
    )
