"""Builds an upstream from a provider's row: from data where its adapter is a wire format, else from a Python class."""

from collections.abc import Mapping
from typing import ClassVar

from wye import adapters
from wye.catalog.schema import ModelInfo, Provider
from wye.core.errors import ConfigurationError
from wye.core.secret import Secret
from wye.dispatch.defaults import NO_DEFAULTS, Defaults
from wye.dispatch.in_process import BaseModelProvider, InProcessUpstream, ModelConfig
from wye.dispatch.jobs import JobsUpstream
from wye.dispatch.mock import MockProvider
from wye.dispatch.upstream import Upstream, WireUpstream
from wye.transport import LARGEST_ANSWER, Timeouts, connect, framing
from wye.transport.credentials import Credentials, SignedTransport
from wye.transport.jobs import JobsTransport


class ModelProviderFactory:
    """Knows the Python classes that stand behind adapter names; every other name is a wire format's module."""

    _shared: ClassVar[dict[str, type[BaseModelProvider]]] = {"mock": MockProvider}

    @classmethod
    def register(cls, adapter: str, provider_class: type[BaseModelProvider]) -> None:
        """Let rows whose `adapter` is this name be answered by `provider_class`."""
        cls._shared[adapter] = provider_class

    @classmethod
    def registered(cls) -> Mapping[str, type[BaseModelProvider]]:
        """Return the classes by adapter name."""
        return dict(cls._shared)

    def build(
        self,
        provider: Provider,
        *,
        models: Mapping[str, ModelInfo],
        keys: tuple[Secret, ...] = (),
        timeouts: Timeouts | None = None,
        guarded: bool = False,
        credentials: Credentials | None = None,
        defaults: Defaults = NO_DEFAULTS,
        largest: int = LARGEST_ANSWER,
    ) -> Upstream:
        """Return the upstream of a provider.

        `credentials` renew themselves and stand in for a key, `largest` bounds a whole answer, in bytes. Raises
        `ConfigurationError` where its adapter does not exist or lacks a library (`param` "extra"), or where it has no
        base URL.
        """
        timeouts = timeouts or Timeouts()
        if provider_class := self._shared.get(provider.adapter):
            config = ModelConfig(
                provider=provider.id,
                api_key=keys[0].reveal() if keys else None,
                base_url=provider.base_url,
                timeout=timeouts.read,
            )
            return InProcessUpstream(provider_class(config))
        if not provider.base_url:
            raise ConfigurationError(f"the provider {provider.id!r} has no base URL", param="base_url")
        adapter = adapters.load(provider.adapter)
        framing.check(adapter.FRAMING)
        transport = connect(provider.base_url, timeouts=timeouts, guarded=guarded, largest=largest)
        if credentials is not None:
            transport = SignedTransport(transport, provider.base_url, credentials)
        in_jobs = provider.flow == "jobs"
        return (JobsUpstream if in_jobs else WireUpstream)(
            provider,
            adapter,
            JobsTransport(transport, timeouts=timeouts) if in_jobs else transport,
            models=models,
            keys=keys,
            silence=timeouts.read,
            defaults=defaults,
            largest=largest,
        )
