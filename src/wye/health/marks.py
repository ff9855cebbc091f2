"""Why a provider, a model or a key is left alone, in words."""

import math

from wye.health.keys import Key
from wye.health.records import ModelHealth, ProviderHealth
from wye.health.view import Mark

_KEY_REASONS = {
    "cooling_down": "a rate limit cools it down",
    "quota_exceeded": "its account has no quota left",
    "refused": "the provider refused it",
}


def of_provider(provider: ProviderHealth, now: float, epoch: float) -> Mark | None:
    """Return why nothing of a provider is to be called now; `epoch` is what makes `now` seconds since the epoch."""
    breaker = provider.breaker
    if breaker.state == "OPEN" and now < breaker.until:
        return Mark("breaker_open", f"{breaker.failures} failures in a row", breaker.until + epoch)
    frees = provider.ring.frees_at()
    if now >= frees:
        return None
    codes = {key.code for key in provider.ring.keys}
    until = None if frees == math.inf else frees + epoch
    if len(codes) == 1:
        code = codes.pop()
        reason = _KEY_REASONS.get(code, code)
    else:
        code, reason = "", "some keys are refused or without quota, the others cool down"
    if len(provider.ring.keys) > 1 and code:
        reason = f"each of {len(provider.ring.keys)} keys: {reason}"
    cools = any(key.code == "cooling_down" for key in provider.ring.keys)
    return Mark("cooling_down" if cools else "no_healthy_key", reason, until)


def of_model(model: ModelHealth, now: float, epoch: float) -> Mark | None:
    """Return why one model is not to be called now."""
    if now < model.absent_until:
        return Mark("model_missing", "the provider does not know the model", model.absent_until + epoch)
    breaker = model.breaker
    if breaker.state == "OPEN" and now < breaker.until:
        return Mark("breaker_open", f"{breaker.failures} failures in a row", breaker.until + epoch)
    return None


def of_key(key: Key, now: float, epoch: float) -> Mark | None:
    """Return why one key is not to be used now."""
    if now >= key.until:
        return None
    return Mark(key.code, _KEY_REASONS.get(key.code, key.code), None if key.until == math.inf else key.until + epoch)
