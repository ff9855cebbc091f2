"""Chooses among many models: filters, scores, and the best few in the order in which they are to be tried.

For each strategy and mix of tokens the models are sorted once; a request walks that order until it has enough that
pass its filters, and only those few are scored with its own figures. Explaining a plan walks on to the end.
"""

import datetime
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias, TypeVar

from wye.catalog import Catalog
from wye.catalog.schema import ModelInfo
from wye.core.plan import Attempt, Candidate, Dropped, Wanted
from wye.health import HealthView
from wye.routing.filters import Masks, bar_of, drops, explained
from wye.routing.scores import TYPICAL_OUTPUT_TOKENS, entry_of, expected_cost, judge
from wye.routing.shapes import Bar, Entry, Judged, Order
from wye.routing.strategies import STRATEGIES, sort_key

MOST_ATTEMPTS: Final = 5
_WINDOW: Final = 12
"""How many of the best are scored with a request's own figures."""
_KEPT_ORDERS: Final = 128
_STEPS: Final = 4
"""Into how many steps each doubling of a limit of cost is parted, for orders that are kept."""
_LEAST_USD: Final = 1e-12

_K = TypeVar("_K")
_V = TypeVar("_V")
_OrderKey: TypeAlias = tuple[tuple[str, int, int, str], int, frozenset[str] | None, int | None]


class Chooser:
    """The models of one snapshot that may be chosen, and the orders they were sorted into."""

    def __init__(
        self,
        catalog: Catalog,
        *,
        moment: datetime.datetime,
        rank: Mapping[str, int] | None = None,
        listed: Mapping[str, frozenset[str]] | None = None,
    ) -> None:
        """Work out every model once; prices are those in force at `moment`, `rank` is the providers' fallback order."""
        self.day = moment.date()
        self._catalog = catalog
        self._moment = moment
        self._rank = rank or {}
        self._listed = listed or {}
        self._masks = Masks(catalog.models.values())
        self._entries: dict[str, Entry] = {}
        self._sorted: dict[tuple[str, int, int, str], list[Entry]] = {}
        self._orders: dict[_OrderKey, Order] = {}

    def entry(self, full_id: str, provider: str) -> Entry:
        """Return a model; nothing is held against one that nobody knows."""
        found = self._entries.get(full_id)
        if found is None:
            rank = self._rank.get(provider, len(self._rank))
            row = self._catalog.models.get(full_id)
            if row is None:
                row = ModelInfo(id=full_id.partition("/")[2], provider=provider)
                return entry_of(row, moment=self._moment, mask=self._masks.of_unknown(), rank=rank)
            listed = self._listed.get(provider)
            mask = self._masks.of(row, self.day, listed=listed is None or full_id in listed)
            found = self._entries[full_id] = entry_of(row, moment=self._moment, mask=mask, rank=rank)
        return found

    def bar(self, wanted: Wanted, health: HealthView, *, named: bool) -> Bar:
        """Return what candidates must pass; those that were `named` may be deprecated or made for something else."""
        return bar_of(wanted, health, self._masks.needed(wanted, named=named))

    def score(self, entry: Entry, strategy: str, wanted: Wanted, health: HealthView) -> Judged:
        """Judge one candidate by the request's own figures."""
        parts = judge(
            entry,
            input_tokens=wanted.input_tokens,
            output_tokens=wanted.output_tokens,
            held=wanted.held_tokens if entry.full_id == wanted.holder else 0,
            observed=health.observed.get(entry.full_id),
            degraded=bool(health.degraded) and health.is_degraded(entry.provider, entry.full_id),
        )
        score = STRATEGIES[strategy](parts) * parts.reliability
        return Judged(sort_key(score, parts), score, parts)

    def best(
        self, kind: str, rows: Mapping[str, ModelInfo], strategy: str, wanted: Wanted, health: HealthView
    ) -> list[Judged]:
        """Return the best of `rows` (named `kind` for the cache), in the order in which they are to be tried."""
        bar = self.bar(wanted, health, named=False)
        window = self._window(self._order(kind, rows, strategy, wanted, bar), bar)
        if wanted.holder is not None:
            window += self._passing([wanted.holder], bar, rows)
        if bar.cap is not None:  # whose answers were seen to be short may be cheaper than the order knows
            window += self._passing(health.observed, bar, rows)
        judged = self.judged(window, strategy, wanted, health)
        if judged:
            mates = [row.full_id for row in self._catalog.same_family(judged[0].entry.row)]
            if new := [entry for entry in self._passing(mates, bar, rows) if entry not in window]:
                judged = self.judged([*window, *new], strategy, wanted, health)
        return arranged(judged)

    def all_of(
        self, rows: Mapping[str, ModelInfo], strategy: str, wanted: Wanted, health: HealthView
    ) -> tuple[list[Judged], list[Dropped]]:
        """Return every one of `rows` that passes, best first, and why the others do not."""
        bar = self.bar(wanted, health, named=False)
        entries, dropped = self.sift((self.entry(full_id, row.provider) for full_id, row in rows.items()), bar, wanted)
        return self.judged(entries, strategy, wanted, health), dropped

    def sift(self, entries: Iterable[Entry], bar: Bar, wanted: Wanted) -> tuple[list[Entry], list[Dropped]]:
        """Part the candidates that pass from those that do not."""
        passed: list[Entry] = []
        dropped: list[Dropped] = []
        for entry in entries:
            if code := drops(bar, entry):
                dropped.append(explained(code, entry, wanted, bar, self.day))
            else:
                passed.append(entry)
        return passed, dropped

    def judged(self, entries: Iterable[Entry], strategy: str, wanted: Wanted, health: HealthView) -> list[Judged]:
        """Score candidates by the request's own figures, best first."""
        judged = {entry.full_id: self.score(entry, strategy, wanted, health) for entry in entries}
        return sorted(judged.values(), key=lambda one: one.key)

    def _passing(self, names: Iterable[str], bar: Bar, rows: Mapping[str, ModelInfo]) -> list[Entry]:
        """Return those of `names` that are among `rows` and pass."""
        entries = [self.entry(name, rows[name].provider) for name in names if name in rows]
        return [entry for entry in entries if drops(bar, entry) is None]

    @staticmethod
    def _window(order: Order, bar: Bar) -> list[Entry]:
        """Return the best that pass, and the best of other providers where these are of few."""
        picked: list[Entry] = []
        for entry in order.entries:
            if drops(bar, entry) is None:
                picked.append(entry)
                if len(picked) == _WINDOW:
                    break
        else:
            return picked
        providers = {entry.provider for entry in picked}
        for entries in order.by_provider:
            if len(providers) >= MOST_ATTEMPTS:
                break
            if entries[0].provider not in providers:
                best = next((entry for entry in entries if drops(bar, entry) is None), None)
                if best is not None:
                    picked.append(best)
                    providers.add(best.provider)
        return picked

    def _order(self, kind: str, rows: Mapping[str, ModelInfo], strategy: str, wanted: Wanted, bar: Bar) -> Order:
        input_bucket = wanted.input_tokens.bit_length() // 2
        output_bucket = -1 if wanted.output_tokens is None else wanted.output_tokens.bit_length() // 2
        key = (strategy, input_bucket, output_bucket, kind)
        ceiling = None if bar.cap is None else math.ceil(_STEPS * math.log2(max(bar.cap, _LEAST_USD)))
        order = self._orders.get((key, bar.need, wanted.providers, ceiling))
        if order is None:
            entries = [
                entry
                for entry in self._in_order(key, rows)
                if entry.mask & bar.need == bar.need
                and (wanted.providers is None or entry.provider in wanted.providers)
                and (ceiling is None or _may_cost(entry, input_bucket, output_bucket, 2 ** (ceiling / _STEPS)))
            ]
            groups: dict[str, list[Entry]] = {}
            for entry in entries:
                groups.setdefault(entry.provider, []).append(entry)
            order = Order(entries, list(groups.values()))
            _keep(self._orders, (key, bar.need, wanted.providers, ceiling), order)
        return order

    def _in_order(self, key: tuple[str, int, int, str], rows: Mapping[str, ModelInfo]) -> list[Entry]:
        found = self._sorted.get(key)
        if found is None:
            strategy, input_bucket, output_bucket, _ = key
            typical = Wanted(
                model="",
                input_tokens=_middle(input_bucket),
                output_tokens=None if output_bucket < 0 else _middle(output_bucket),
            )
            entries = (self.entry(full_id, row.provider) for full_id, row in rows.items())
            found = [one.entry for one in self.judged(entries, strategy, typical, HealthView())]
            _keep(self._sorted, key, found)
        return found


def arranged(judged: Sequence[Judged]) -> list[Judged]:
    """Put candidates, best first, into the order in which they are to be tried.

    The best comes first, then the same model elsewhere, then the best of each other provider, since what fails at a
    provider fails for its other models too, then the second best of each.
    """
    if not judged:
        return []
    first, *others = judged
    family = first.entry.row.family
    rounds: dict[str, int] = {first.entry.provider: 1}
    placed: list[tuple[bool, int, int, Judged]] = []
    for at, one in enumerate(others):
        provider = one.entry.provider
        turn = rounds[provider] = rounds.get(provider, 0) + 1
        is_mate = family is not None and one.entry.row.family == family and provider != first.entry.provider
        placed.append((not is_mate, turn, at, one))
    placed.sort(key=lambda each: each[:3])
    return [first, *(each[3] for each in placed)][:MOST_ATTEMPTS]


def attempts_of(judged: Sequence[Judged], strategy: str) -> tuple[Attempt, ...]:
    """Return the attempts, with their scores and why they are there."""
    return tuple(
        Attempt(
            provider=one.entry.provider,
            model=one.entry.row.id,
            reason=f"scores {one.score:.3f} under {strategy}",
            score=one.score,
        )
        for one in judged
    )


def candidates_of(judged: Iterable[Judged]) -> Iterator[Candidate]:
    """Return how each was judged, for who wants to see it."""
    for one in judged:
        parts = one.parts
        yield Candidate(
            provider=one.entry.provider,
            model=one.entry.row.id,
            score=one.score,
            parts={
                "cost": parts.cost,
                "quality": parts.quality,
                "speed": parts.speed,
                "reliability": parts.reliability,
            },
            expected_cost=parts.expected_cost,
            speed_from="observed" if parts.observed else "tier",
        )


def _middle(bucket: int) -> int:
    """Return the number of tokens that stands for all with this half of a bit length."""
    return 1 << 2 * bucket


def _may_cost(entry: Entry, input_bucket: int, output_bucket: int, usd: float) -> bool:
    """Tell whether the shortest request of these buckets costs at most `usd` there, as far as is known."""
    produced = TYPICAL_OUTPUT_TOKENS if output_bucket < 0 else min(TYPICAL_OUTPUT_TOKENS, _least(output_bucket))
    least = expected_cost(entry, _least(input_bucket), min(produced, entry.max_output))
    return least is not None and least <= usd


def _least(bucket: int) -> int:
    """Return the smallest number of tokens with this half of a bit length."""
    return 0 if bucket == 0 else 1 << 2 * bucket - 1


def _keep(kept: dict[_K, _V], key: _K, value: _V) -> None:
    """Remember `value`; the one that was kept first goes where there are too many."""
    if len(kept) >= _KEPT_ORDERS:
        del kept[next(iter(kept))]
    kept[key] = value
