"""What works: breakers, cooldowns, the health of keys, what was observed of latency and success."""

from wye.health.board import Health
from wye.health.config import BreakerConfig, HealthConfig
from wye.health.records import Permit, ProviderKeys
from wye.health.report import ProviderReport
from wye.health.view import ALL_WELL, HealthView, Mark, Observed

__all__ = [
    "ALL_WELL",
    "BreakerConfig",
    "Health",
    "HealthConfig",
    "HealthView",
    "Mark",
    "Observed",
    "Permit",
    "ProviderKeys",
    "ProviderReport",
]
