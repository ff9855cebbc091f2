"""What works: breakers, cooldowns, the health of keys, what was observed of latency and success."""

from wye.health.view import ALL_WELL, HealthView, Mark, Observed

__all__ = ["ALL_WELL", "HealthView", "Mark", "Observed"]
