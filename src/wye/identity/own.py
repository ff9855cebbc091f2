"""What a user brought along, as it is used: own keys of providers, own models."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from msgspec import Struct

from wye.core.secret import Secret

CUSTOM: Final = "custom"
"""The provider of a model at a server that is none of the catalog's and speaks OpenAI's wire format."""


class BroughtModel(Struct, frozen=True, kw_only=True):
    """A user's own model; prices are USD per million tokens. Without a `key` the user's key of its provider holds."""

    id: str
    name: str
    provider: str
    model_id: str
    base_url: str | None = None
    key: Secret | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    context_window: int | None = None
    input_cost_per_million: Decimal | None = None
    output_cost_per_million: Decimal | None = None


class Brought(Struct, frozen=True, kw_only=True):
    """All that one user brought along; what cannot be opened any more is left out."""

    keys: Mapping[str, Secret] = {}
    models: tuple[BroughtModel, ...] = ()

    def __bool__(self) -> bool:
        """Tell whether there is anything."""
        return bool(self.keys or self.models)


NOTHING: Final = Brought()
