"""Which part of the way an error is held against."""

from typing import Final, Literal, TypeAlias

from wye.core.errors import (
    AddressRefusedError,
    ConnectionFailedError,
    ConnectionTimeoutError,
    DeadlineExceededError,
    MalformedResponseError,
    OverloadedError,
    ProviderAuthenticationError,
    ProviderModelMissingError,
    QuotaExceededError,
    RateLimitError,
    StreamInterruptedError,
    UpstreamError,
    UpstreamTimeoutError,
    WyeError,
)

Verdict: TypeAlias = Literal[
    "unreachable", "failed", "timed_out", "limited", "exhausted", "refused", "missing", "neutral"
]
"""`unreachable` speaks against a provider whatever the model, `failed` and `timed_out` against it and the model;
`limited`, `exhausted` and `refused` are the key's, `missing` is the model's, `neutral` nobody's."""

KEYS_OWN: Final[frozenset[Verdict]] = frozenset({"limited", "exhausted", "refused"})
_VERDICTS: Final[dict[type, Verdict]] = {
    ConnectionFailedError: "unreachable",
    ConnectionTimeoutError: "unreachable",
    AddressRefusedError: "unreachable",
    UpstreamError: "failed",
    OverloadedError: "failed",
    MalformedResponseError: "failed",
    StreamInterruptedError: "failed",
    UpstreamTimeoutError: "timed_out",
    DeadlineExceededError: "timed_out",
    RateLimitError: "limited",
    QuotaExceededError: "exhausted",
    ProviderAuthenticationError: "refused",
    ProviderModelMissingError: "missing",
}


def verdict(error: WyeError, duration: float, patience: float) -> Verdict:
    """Say what an error is held against.

    `duration` is how long the call took and `patience` how long the provider may be silent, in seconds: a call that a
    caller in a hurry gave up before that says nothing of the provider, or any caller could open its breaker. A refusal
    for want of permission (403) is neutral too, since some providers give it for what a prompt says.
    """
    kind: Verdict = next((_VERDICTS[base] for base in type(error).__mro__ if base in _VERDICTS), "neutral")
    if kind == "timed_out" and error.upstream_status is None and duration < patience:
        return "neutral"
    return kind
