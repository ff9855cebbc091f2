"""The bodies about providers that are added while the gateway runs."""

from typing import Annotated, Final, TypeAlias

from msgspec import UNSET, Meta, UnsetType, field

from wye.gateway.api.forms import Form
from wye.gateway.api.own_forms import ApiKey, ModelId, Url

_Id: TypeAlias = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
_Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[^\x00]*\S[^\x00]*$")]
_Tokens: TypeAlias = Annotated[int, Meta(ge=1, le=10**9)]
_Price: TypeAlias = Annotated[float, Meta(ge=0, le=10**6, description="USD per million tokens")]


class AddedModelForm(Form, frozen=True, kw_only=True):
    """A model of a provider that is added."""

    id: Annotated[ModelId, Meta(description="what the provider calls it")]
    name: _Name | None = None
    context_window: _Tokens | None = None
    max_output_tokens: _Tokens | None = None
    input_cost_per_million: _Price | None = None
    output_cost_per_million: _Price | None = None
    capabilities: Annotated[list[str], Meta(max_length=50, description="`text`, `function-calling`, …")] | None = None


_Models: TypeAlias = Annotated[list[AddedModelForm], Meta(max_length=500)]


class ProviderForm(Form, frozen=True, kw_only=True):
    """A provider to be added: an endpoint of OpenAI's form."""

    id: Annotated[_Id, Meta(description="what it is named by: `<id>/<model>`")]
    base_url: Url
    name: _Name | None = None
    api_key: ApiKey | None = None
    default_model: ModelId | None = None
    models: _Models = field(default_factory=list)


class ProviderUpdateForm(Form, frozen=True, kw_only=True):
    """What to change about a provider that was added; another `baseUrl` drops its key unless there is a new one."""

    base_url: Url | UnsetType = UNSET
    name: _Name | UnsetType = UNSET
    api_key: ApiKey | UnsetType | None = UNSET
    default_model: ModelId | UnsetType | None = UNSET
    models: _Models | UnsetType = UNSET


FORMS: Final[tuple[type[Form], ...]] = (ProviderForm, ProviderUpdateForm)
