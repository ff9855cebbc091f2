"""What is remembered of each provider and model, and the leave to call them."""

from msgspec import Struct

from wye.core.errors import WyeError
from wye.core.secret import Secret
from wye.health.breaker import NO_PROBE, Breaker
from wye.health.config import BreakerConfig
from wye.health.keys import Key, KeyRing
from wye.health.observed import Watch


class ProviderKeys(Struct, frozen=True, kw_only=True):
    """What a provider is called with.

    `patience` is the silence, in seconds, after which it is the provider's fault that no answer came: a caller who
    waits for less says nothing of it.
    """

    keys: tuple[Secret, ...] = ()
    patience: float = 30.0


class ProviderHealth:
    """What is known of one provider."""

    __slots__ = ("breaker", "id", "last_error", "last_error_at", "last_ok_at", "patience", "requests", "ring")

    def __init__(self, provider_id: str, config: BreakerConfig) -> None:
        self.id = provider_id
        self.breaker = Breaker(config)
        self.ring = KeyRing()
        self.patience = 30.0
        self.requests = 0
        self.last_error: WyeError | None = None
        self.last_error_at = 0.0
        self.last_ok_at = 0.0


class ModelHealth:
    """What is known of one model at its provider."""

    __slots__ = ("absent_until", "breaker", "full_id", "provider", "slow_after", "slow_score", "slow_until", "watch")

    def __init__(self, full_id: str, provider: ProviderHealth, config: BreakerConfig, slow_after: float) -> None:
        self.full_id = full_id
        self.provider = provider
        self.breaker = Breaker(config)
        self.absent_until = 0.0
        self.slow_after = slow_after
        self.slow_score = 0
        self.slow_until = 0.0
        self.watch = Watch()


class Permit:
    """Leave for one call, with the `key` to use; handed back to `Health.observe` once, whatever happened."""

    __slots__ = ("key", "model", "model_claim", "provider_claim", "settled", "used_key")

    def __init__(self, model: ModelHealth, used_key: Key, provider_claim: int, model_claim: int) -> None:
        self.key = used_key.secret
        self.used_key = used_key
        self.model = model
        self.provider_claim = provider_claim
        self.model_claim = model_claim
        self.settled = False

    @property
    def is_probe(self) -> bool:
        """Whether this call tries if something works again."""
        return self.provider_claim != NO_PROBE or self.model_claim != NO_PROBE
