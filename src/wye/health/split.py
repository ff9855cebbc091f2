"""Health for a caller with keys of its own: what happens to them says nothing of the operator's, nor the other way."""

from typing import cast

from msgspec import structs

from wye.core.plan import Attempt, Outcome
from wye.health.board import Health
from wye.health.records import Permit
from wye.health.view import HealthView


class SplitHealth(Health):
    """Answers for the caller's `own` providers by itself, and leaves all others to `shared`."""

    def __init__(self, shared: Health, own: frozenset[str]) -> None:
        """Begin with the caller's own providers being well."""
        super().__init__()
        self._shared = shared
        self._own = own
        self._seen_together: tuple[HealthView, HealthView, HealthView] | None = None

    def acquire(self, attempt: Attempt) -> Permit | None:
        """Return leave to make this attempt."""
        return super().acquire(attempt) if attempt.provider in self._own else self._shared.acquire(attempt)

    def ready_in(self, attempt: Attempt) -> float:
        """Return the seconds until this attempt may be made."""
        return super().ready_in(attempt) if attempt.provider in self._own else self._shared.ready_in(attempt)

    def answered(self, permit: Permit) -> None:
        """Say that the first of an answer is there."""
        super().answered(permit) if self._gave(permit) else self._shared.answered(permit)

    def observe(self, permit: Permit, outcome: Outcome) -> None:
        """Learn from what became of a call."""
        super().observe(permit, outcome) if self._gave(permit) else self._shared.observe(permit, outcome)

    def release(self, permit: Permit) -> None:
        """Take a permit back."""
        super().release(permit) if self._gave(permit) else self._shared.release(permit)

    def view(self) -> HealthView:
        """Return both views in one: of the caller's own providers nothing that is known of the operator's."""
        shared, mine = self._shared.view(), super().view()
        kept = self._seen_together
        if kept is None or kept[0] is not shared or kept[1] is not mine:
            joined = structs.replace(
                shared,
                version=hash((shared.version, mine.version)),
                providers={**self._others(shared.providers), **mine.providers},
                models={**self._others(shared.models), **mine.models},
                degraded=frozenset(self._others(dict.fromkeys(shared.degraded))) | mine.degraded,
                observed={**self._others(shared.observed), **mine.observed},
            )
            kept = self._seen_together = (shared, mine, joined)
        return kept[2]

    def _gave(self, permit: Permit) -> bool:
        return permit.model.provider.id in self._own

    def _others(self, named: object) -> dict[str, object]:
        known = cast("dict[str, object]", named)
        return {name: value for name, value in known.items() if name.partition("/")[0] not in self._own}
