"""What each strategy prefers: one small pure function over the parts of a scored candidate, 1 at best.

Ties are broken the same way for all of them: by quality, then speed, then cost, then the fallback order, then by name.
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from wye.core.errors import InvalidRequestError
from wye.routing.shapes import Parts

Strategy: TypeAlias = Callable[[Parts], float]


def cost_optimized(parts: Parts) -> float:
    """Prefer the cheapest."""
    return parts.cost


def performance_optimized(parts: Parts) -> float:
    """Prefer who speaks first."""
    return parts.speed


def quality_optimized(parts: Parts) -> float:
    """Prefer the best; among equals the cheaper one, by less than one tier counts."""
    return 0.9 * parts.quality + 0.1 * parts.cost


def balanced(parts: Parts) -> float:
    """Weigh cost with 60 and quality with 40 percent."""
    return 0.6 * parts.cost + 0.4 * parts.quality


def simple(parts: Parts) -> float:
    """Prefer cheap and fast: classification, extraction, short answers."""
    return 0.55 * parts.cost + 0.25 * parts.speed + 0.2 * parts.quality


def complex_(parts: Parts) -> float:
    """Prefer the best at reasoning."""
    reasons = parts.entry.row.reasons
    return 0.75 * parts.quality + 0.15 * reasons + 0.1 * parts.cost


def coding(parts: Parts) -> float:
    """Prefer the best at code."""
    codes = not parts.entry.row.capabilities.isdisjoint({"coding", "code-analysis"})
    return 0.65 * parts.quality + 0.25 * codes + 0.1 * parts.cost


def creative(parts: Parts) -> float:
    """Prefer the best at long and well-made text; price counts least of all."""
    capabilities = parts.entry.row.capabilities
    makes = ("artifacts" in capabilities) + ("long-horizon-tasks" in capabilities)
    return 0.75 * parts.quality + 0.1 * makes + 0.05 * parts.cost


MANUAL: Final = "manual"
ROUND_ROBIN: Final = "round-robin"
STRATEGIES: Final[Mapping[str, Strategy]] = {
    "balanced": balanced,
    "cost": cost_optimized,
    "performance": performance_optimized,
    "quality": quality_optimized,
    "simple": simple,
    "complex": complex_,
    "coding": coding,
    "creative": creative,
}
"""The strategies that choose by score."""
NAMES: Final = (*STRATEGIES, ROUND_ROBIN, MANUAL)

AUTO_NAMES: Final[Mapping[str, str]] = {f"auto:{name}": name for name in (*STRATEGIES, ROUND_ROBIN)}
"""The models that name a strategy, and which."""


def strategy_named(name: str, param: str) -> str:
    """Return the strategy's own name for `name`, which may be the documents' (`COST_OPTIMIZED`, `cost-optimized`).

    Raises `InvalidRequestError`, which names `param` and lists what there is.
    """
    plain = name.strip().lower().replace("_", "-").removesuffix("-optimized").removeprefix("auto:")
    if plain not in NAMES:
        raise InvalidRequestError(
            f"there is no strategy {name[:60]!r}; known are {', '.join(NAMES)}", code="unknown_strategy", param=param
        )
    return plain


def sort_key(score: float, parts: Parts) -> tuple[float, float, float, float, int, str]:
    """Return what orders candidates, best first, the same way every time."""
    entry = parts.entry
    return (-score, -parts.quality, -parts.speed, -parts.cost, entry.rank, entry.full_id)


def smooth_turns(weights: tuple[int, ...]) -> tuple[int, ...]:
    """Return one round of turns in which each place occurs `weight` times, spread as evenly as can be.

    It is nginx's smooth weighted round robin: https://github.com/nginx/nginx/commit/52327e0627f49dbda1e8db695e63a4b0af4448b1.
    """
    total = sum(weights)
    current = [0] * len(weights)
    turns = []
    for _ in range(total):
        current = [have + weight for have, weight in zip(current, weights, strict=True)]
        best = max(range(len(weights)), key=lambda at: current[at])
        current[best] -= total
        turns.append(best)
    return tuple(turns)
