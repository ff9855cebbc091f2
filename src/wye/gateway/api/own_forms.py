"""The bodies about what users bring along: models of their own, and keys of providers."""

from typing import Annotated, Final, TypeAlias

from msgspec import UNSET, Meta, UnsetType

from wye.gateway.api.forms import Form

ModelName: TypeAlias = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[^/:\s][^/:]*$")]
ModelId: TypeAlias = Annotated[str, Meta(min_length=1, max_length=300, pattern=r"^\S+$")]
ApiKey: TypeAlias = Annotated[str, Meta(min_length=1, max_length=1000, description="kept encrypted, shown never")]
Url: TypeAlias = Annotated[str, Meta(max_length=500, description="`https://host/path`; changing it drops the key")]


class OwnConfig(Form, frozen=True, kw_only=True, omit_defaults=True):
    """How an own model is asked, and what it is like; prices are USD per million tokens."""

    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    max_tokens: Annotated[int, Meta(ge=1, le=10**9)] | None = None
    context_window: Annotated[int, Meta(ge=1, le=10**9)] | None = None
    input_cost_per_million: Annotated[float, Meta(ge=0, le=10**6)] | None = None
    output_cost_per_million: Annotated[float, Meta(ge=0, le=10**6)] | None = None


class OwnModelForm(Form, frozen=True, kw_only=True):
    """A model of the caller's own."""

    name: Annotated[ModelName, Meta(description="what it is asked by")]
    provider: Annotated[str, Meta(max_length=64, description="an id or alias; `custom`: a server of OpenAI's form")]
    model_id: Annotated[ModelId, Meta(description="what its provider calls it")]
    base_url: Url | None = None
    api_key: ApiKey | None = None
    is_enabled: bool = True
    config: OwnConfig | None = None


class OwnModelUpdateForm(Form, frozen=True, kw_only=True):
    """What to change about a model of the caller's own."""

    name: ModelName | UnsetType = UNSET
    model_id: ModelId | UnsetType = UNSET
    base_url: Url | UnsetType | None = UNSET
    api_key: ApiKey | UnsetType | None = UNSET
    is_enabled: bool | UnsetType = UNSET
    config: OwnConfig | UnsetType | None = UNSET


class ProviderKeyForm(Form, frozen=True, kw_only=True):
    """A key of a provider, of the caller's own."""

    api_key: ApiKey
    is_enabled: bool = True


FORMS: Final[tuple[type[Form], ...]] = (OwnModelForm, OwnModelUpdateForm, ProviderKeyForm)
