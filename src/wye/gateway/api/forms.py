"""The bodies that the application API reads: names in camelCase, unknown ones refused."""

import datetime
from typing import Annotated, Any, Final, TypeAlias

from msgspec import Meta, Struct, field

from wye.catalog.schema import QualityTier

Dollars: TypeAlias = Annotated[float, Meta(ge=0, description="USD")]
PerThousand: TypeAlias = Annotated[
    float, Meta(ge=0, description="USD per 1,000 tokens; bounds the mean of the input and the output price")
]
Milliseconds: TypeAlias = Annotated[float, Meta(ge=0, description="milliseconds")]
OTHERS_REPLAY: Final = 1000
"""How many requests at most whoever is no admin has planned again at a time."""
Tokens: TypeAlias = Annotated[int, Meta(ge=0, le=10**12, description="tokens")]


class Form(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A body."""


class RecommendForm(Form, frozen=True, kw_only=True):
    """What a model is wanted for. Everything is optional; the more is said, the fewer models fit."""

    capabilities: Annotated[
        list[str], Meta(description="what it must be able to do: `text`, `function-calling`, …")
    ] = field(default_factory=lambda: ["text"])
    max_cost: PerThousand | None = None
    max_latency: Milliseconds | None = None
    min_quality: QualityTier | None = None
    min_context_window: Tokens | None = None
    prefer_open_source: bool = False
    task: Annotated[str, Meta(description="`simple`, `complex`, `coding`, `creative`, or a strategy's name")] | None = (
        None
    )
    provider: Annotated[str, Meta(description="only models of this provider")] | None = None
    available: Annotated[bool, Meta(description="only models that can (or cannot) be asked now")] | None = None
    limit: Annotated[int, Meta(ge=1, le=100, description="how many to name")] = 5


class RefreshForm(Form, frozen=True, kw_only=True):
    """Which providers are asked for their models."""

    providers: Annotated[list[str], Meta(description="ids or aliases; none named: all that are configured")] = field(
        default_factory=list
    )


class SwitchForm(Form, frozen=True, kw_only=True):
    """What goes first from now on where a request names no model."""

    provider: str
    model: Annotated[str, Meta(description="one of that provider's; absent: the provider's default model")] | None = (
        None
    )


class TryForm(Form, frozen=True, kw_only=True):
    """A provider or a model to be tried out."""

    provider: Annotated[str, Meta(description="an id or an alias; may be left out where `model` says it")] | None = None
    model: Annotated[str, Meta(description="asked for one tiny answer, which may cost")] | None = None
    complete: Annotated[bool, Meta(description="ask for one tiny answer, which may cost")] | None = None


class ResetForm(Form, frozen=True, kw_only=True):
    """From when on metrics are shown; nothing is deleted."""

    since: (
        Annotated[datetime.datetime, Meta(tz=True, description="a time in ISO 8601, with its zone; absent: now")] | None
    ) = None


class ReplayForm(Form, frozen=True, kw_only=True):
    """Which requests of the books, the latest first, are planned again, and how."""

    strategy: Annotated[str, Meta(description="`cost`, `performance`, `quality`, `balanced`, …")]
    since: (
        Annotated[str, Meta(max_length=40, description="a time (UTC), a day, or so long ago: 36h, 30d; 24h")] | None
    ) = None
    until: Annotated[str, Meta(max_length=40)] | None = None
    provider: (
        Annotated[str, Meta(max_length=256, pattern=r"^[^\x00]*$", description="only what this one answered")] | None
    ) = None
    model: (
        Annotated[
            str, Meta(max_length=256, pattern=r"^[^\x00]*$", description="only what this one answered, by its id")
        ]
        | None
    ) = None
    limit: Annotated[int, Meta(ge=1, le=5000, description=f"more than {OTHERS_REPLAY} for admins only")] = OTHERS_REPLAY


class Context(Form, frozen=True, kw_only=True):
    """What the caller wants of the choice of a model."""

    strategy: Annotated[str, Meta(description="`cost`, `performance`, `quality`, `balanced`, `manual`, …")] | None = (
        None
    )
    manual_model: Annotated[str, Meta(description="the model of the strategy `manual`")] | None = None
    required_capabilities: list[str] = field(default_factory=list)
    max_cost: Annotated[float, Meta(ge=0, description="USD for the whole request")] | None = None
    min_quality: QualityTier | None = None
    providers: Annotated[list[str], Meta(description="the only ones that may answer")] | None = None
    tags: list[str] = field(default_factory=list)
    timeout: Annotated[float, Meta(gt=0, le=86400, description="seconds for the whole chain of attempts")] | None = None


class Options(Form, frozen=True, kw_only=True):
    """How the answer is to be made."""

    max_tokens: Annotated[int, Meta(ge=1, le=10**9)] | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: list[str] | str | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    reasoning_effort: str | None = None


class Choosing(Form, frozen=True, kw_only=True):
    """A request as far as it matters for the choice of a model."""

    messages: Annotated[list[dict[str, Any]], Meta(description="the conversation, in OpenAI's form")] | None = None
    prompt: Annotated[str, Meta(description="instead of `messages`: one message of a user")] | None = None
    provider: Annotated[str, Meta(description="with `model`, or alone for its default model")] | None = None
    model: Annotated[str, Meta(description="any name of a model, an alias, `auto` or `auto:<strategy>`")] | None = None
    context: Context | None = None
    options: Options | None = None
    tools: Annotated[list[dict[str, Any]], Meta(description="functions, in OpenAI's form")] | None = None


class ExplainForm(Choosing, frozen=True, kw_only=True):
    """A request whose plan is wanted instead of its answer."""


class GenerateForm(Choosing, frozen=True, kw_only=True):
    """A request for an answer; `messages` or `prompt` is needed."""

    tool_choice: Annotated[str | dict[str, Any], Meta(description="in OpenAI's form")] | None = None
    response_format: Annotated[dict[str, Any], Meta(description="in OpenAI's form")] | None = None


class SettingForm(Form, frozen=True, kw_only=True):
    """A runtime setting to be changed."""

    key: Annotated[
        str, Meta(min_length=1, max_length=300, description="its dotted path, as `GET /api/settings` lists it")
    ]
    value: Annotated[Any, Meta(description="as it would stand in the settings file")]
    version: (
        Annotated[
            int, Meta(ge=0, le=2**53, description="the one the change is made from, 0 for none; else it is refused")
        ]
        | None
    ) = None


FORMS: Final[tuple[type[Form], ...]] = (
    RecommendForm,
    RefreshForm,
    SwitchForm,
    TryForm,
    ExplainForm,
    GenerateForm,
    ResetForm,
    ReplayForm,
    SettingForm,
)
"""Every body there is; `examples.json` has some of each that work on any installation, by name."""
