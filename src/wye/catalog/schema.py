"""The rows of the catalog: a provider, a model and its price, as typed frozen values.

One TOML file in `data/` holds one provider: a `[provider]` table and a list of `[[models]]`. Money is USD per
million tokens as `Decimal`; an absent price is unknown (`None`) and never zero.
"""

import datetime
from decimal import Decimal
from typing import Any, Literal, TypeAlias

from msgspec import Struct, field

from wye.core.effort import nearest

Capability: TypeAlias = Literal[
    "text", "vision", "audio", "audio-output", "video", "pdf", "function-calling", "parallel-tools", "json-mode",
    "json-schema", "reasoning", "extended-thinking", "prompt-caching", "streaming", "web-search", "citations",
    "deep-research", "real-time-data", "code-execution", "computer-use", "coding", "code-analysis", "agents",
    "multi-agent", "long-horizon-tasks", "artifacts", "image-output", "embeddings", "logprobs", "multi-provider",
    "adaptive-thinking", "completions", "rerank", "image-generation", "transcription", "speech", "moderation",
]  # fmt: skip
LatencyTier: TypeAlias = Literal["very-fast", "fast", "medium", "slow"]
QualityTier: TypeAlias = Literal["highest", "high", "good", "experimental", "testing"]

LATENCY_TIERS: tuple[LatencyTier, ...] = ("very-fast", "fast", "medium", "slow")
"""Fastest first: under 0.5 s, to 2 s, to 5 s, above."""
QUALITY_TIERS: tuple[QualityTier, ...] = ("highest", "high", "good", "experimental", "testing")
"""Best first."""


class Rates(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What each kind of usage costs: USD per million tokens, or USD apiece for `per_request` and `per_search`.

    What is not counted in tokens has prices of its own, in USD: `per_image`, `per_audio_hour`, and
    `per_million_characters`.

    `cache_read` and `cache_write` absent: the provider charges cached input at the full input price. `cache_write_1h`
    is for entries that live an hour, `cache_write` for the shortest life. `reasoning`, `audio_input`, `audio_output`,
    `image_input` and `image_output` replace the price of those tokens where they differ from plain input or output.
    """

    input: Decimal | None = None
    output: Decimal | None = None
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    cache_write_1h: Decimal | None = None
    reasoning: Decimal | None = None
    audio_input: Decimal | None = None
    image_input: Decimal | None = None
    audio_output: Decimal | None = None
    image_output: Decimal | None = None
    per_request: Decimal | None = None
    per_search: Decimal | None = None
    per_image: Decimal | None = None
    per_audio_hour: Decimal | None = None
    per_million_characters: Decimal | None = None


_FEES = frozenset({"per_request", "per_search", "per_image", "per_audio_hour", "per_million_characters"})
"""What is not charged by the token."""


class PriceTier(Rates, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rates that replace the base ones, for the whole request, when its input is longer than `above_input_tokens`."""

    above_input_tokens: int


class ServiceTier(Rates, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What differs where a provider serves a request in another tier of service than its usual one.

    Rates that are named replace the usual ones, and with them those of the usual `tiers`; of the others those of tokens
    are `factor` times the usual. `source` says where the figures are from, if not from where the price's own are.
    """

    factor: Decimal | None = None
    tiers: tuple[PriceTier, ...] = ()
    source: str = ""


class PriceWindow(Rates, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Prices that replace the base ones whole, from a day on, or every day between two times (all UTC)."""

    starts_on: datetime.date | None = None
    from_time: datetime.time | None = None
    until_time: datetime.time | None = None
    tiers: tuple[PriceTier, ...] = ()
    services: dict[str, ServiceTier] = field(default_factory=dict)

    def applies(self, moment: datetime.datetime) -> bool:
        """Whether `moment`, in UTC, falls into the window."""
        if self.starts_on is not None and moment.date() < self.starts_on:
            return False
        if self.from_time is None or self.until_time is None:
            return True
        if self.from_time <= self.until_time:
            return self.from_time <= moment.time() < self.until_time
        return moment.time() >= self.from_time or moment.time() < self.until_time


class Price(Rates, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model costs, with the source of the figures and the day they were taken.

    `windows` are announced changes and prices by time of day; of those that apply the last one counts. `services` are
    the tiers of service that have prices of their own, by the provider's word for each (`flex`, `priority`, `batch`).
    """

    tiers: tuple[PriceTier, ...] = ()
    windows: tuple[PriceWindow, ...] = ()
    services: dict[str, ServiceTier] = field(default_factory=dict)
    source: str = ""
    date: datetime.date | None = None

    @property
    def is_free(self) -> bool:
        """Whether nothing is charged, whatever was used."""
        return self.input == 0 and self.output == 0 and not self.per_request

    def at(self, moment: datetime.datetime) -> "Price":
        """Return the price in force at `moment`, which must be aware of its time zone."""
        if not self.windows:
            return self
        utc = moment.astimezone(datetime.UTC)
        for window in reversed(self.windows):
            if window.applies(utc):
                rates = {name: getattr(window, name) for name in Rates.__struct_fields__}
                return Price(**rates, tiers=window.tiers, services=window.services, source=self.source, date=self.date)
        return self

    def served(self, service: str) -> "Price | None":
        """Return the price in a tier of service, `None` where it is unknown; what is free is free in any.

        More than one word, joined by `+`, are tiers on top of each other. `windows` must have been looked at before.
        """
        price = self
        for name in service.split("+"):
            tier = self.services.get(name)
            if tier is None:
                return self if self.is_free else None
            price = _in_tier(price, tier)
        return price


def _in_tier(price: Price, service: ServiceTier) -> Price:
    factor = service.factor if service.factor is not None else Decimal(1)

    def times(rates: Rates) -> dict[str, Decimal]:
        found = ((name, getattr(rates, name)) for name in Rates.__struct_fields__)
        return {name: rate if name in _FEES else rate * factor for name, rate in found if rate is not None}

    def named(rates: Rates) -> dict[str, Decimal]:
        return {name: rate for name in Rates.__struct_fields__ if (rate := getattr(rates, name)) is not None}

    own = named(service)
    bounds = {
        tier.above_input_tokens: {name: rate for name, rate in times(tier).items() if name not in own}
        for tier in price.tiers
    }
    for tier in service.tiers:
        bounds[tier.above_input_tokens] = bounds.get(tier.above_input_tokens, {}) | named(tier)
    tiers = tuple(PriceTier(above_input_tokens=at, **rates) for at, rates in sorted(bounds.items()) if rates)
    facts: dict[str, Any] = times(price) | own
    return Price(**facts, tiers=tiers, services=price.services, source=price.source, date=price.date)


_REASONING: frozenset[Capability] = frozenset({"reasoning", "extended-thinking", "adaptive-thinking"})


class ModelInfo(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model at one provider.

    `id` is the name its provider answers to; `upstream_id` replaces it on the wire where the catalog's name differs.
    `aliases` are further names the provider takes (dated snapshots, `-latest`) and go out as the caller wrote them;
    `short_names` are names of ours that the provider does not know (`claude-sonnet-4-5` for one of Bedrock's ids),
    `template_ids` the documents' names such as `openai-gpt-4o-mini`: both go out as `wire_id`. `adapter` is the wire
    format of this model where it is not its provider's, `tools_adapter` that of its requests with functions and
    thoughts where its usual one takes either. `family` names the very same model wherever it is served.
    `paths` are those of operations other than chat where this model's are not its provider's.
    `context_window` and `max_output_tokens` are tokens, `None` where nobody says. `reasoning_efforts` are the
    words for effort it takes, least first, where they are not its provider's, `default_effort` is how much it thinks
    where a request says nothing, empty where nobody said. `deprecated` says the provider
    advises against it or has switched it off, `retires_on` is the day it stops or stopped to answer, announced or past.
    """

    id: str
    provider: str = ""
    name: str = ""
    description: str = ""
    upstream_id: str | None = None
    adapter: str | None = None
    tools_adapter: str | None = None
    paths: dict[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    short_names: tuple[str, ...] = ()
    template_ids: tuple[str, ...] = ()
    family: str | None = None
    context_window: int | None = None
    max_output_tokens: int | None = None
    capabilities: frozenset[Capability] = frozenset({"text"})
    latency_tier: LatencyTier = "medium"
    quality_tier: QualityTier = "good"
    open_source: bool = False
    tags: frozenset[str] = frozenset()
    price: Price = Price()
    reasoning_efforts: tuple[str, ...] = ()
    default_effort: str = ""
    deprecated: bool = False
    deprecated_on: datetime.date | None = None
    retires_on: datetime.date | None = None
    replaced_by: str | None = None

    @property
    def full_id(self) -> str:
        """`provider/model`, the name that reaches exactly this row."""
        return f"{self.provider}/{self.id}"

    @property
    def wire_id(self) -> str:
        """The model's name in a request to its provider."""
        return self.upstream_id or self.id

    def wire_name(self, asked: str) -> str:
        """Return what to send when the caller asked for `asked`: a name the provider takes stays as it is."""
        return asked if asked in self.aliases else self.wire_id

    def is_retired(self, day: datetime.date) -> bool:
        """Whether the provider no longer answers for it on `day`."""
        return self.retires_on is not None and self.retires_on <= day

    def thinks_at(self, effort: str | None) -> bool:
        """Whether it is known to think where a request asks for `effort`, or for none."""
        return nearest(effort or self.default_effort, self.reasoning_efforts) not in {"", "none"}

    @property
    def reasons(self) -> bool:
        """Whether it reasons, or nothing at all is known of it."""
        return bool(self.capabilities & _REASONING) or self.capabilities <= {"text"}

    @property
    def mean_price(self) -> Decimal | None:
        """The mean of input and output price in USD per million tokens; `None` where either is unknown.

        An embedding model has no output: its input price counts.
        """
        if self.price.output is None and "embeddings" in self.capabilities:
            return self.price.input
        if self.price.input is None or self.price.output is None:
            return None
        return (self.price.input + self.price.output) / 2


class WireTraits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a provider deviates from the wire format it speaks; adapters read this, never a provider's name.

    `stream_usage`: "ask" inserts `stream_options.include_usage`, "always" needs no asking, "never" reports none.
    `stream_end`: "done" requires the wire's end marker, "finish" takes a finish reason before the end of the body.
    `stream_optional` means that some of its back ends refuse to stream: they are asked again for the whole answer.
    `chat_path` is appended to the base URL, and `responses_path` for the models and callers of the Responses API.
    `paths` are those of other operations where they are not the wire format's own; `{model}` stands for the model's
    name. `dimensions_field` is what the length of embeddings is called.
    `messages_path` is where Anthropic's Messages are; one with `{model}` and `{method}` in it is Vertex AI's, which
    wants the model there and the version of the API in the body.

    Requests: `refuses` names members that the provider answers with an error, `reasoning_refuses` those that only its
    models that reason do; where one of the two names of the output's limit is refused, the other one takes its place.
    `takes` names members it takes beyond the wire's own, of the request (`top_k`) or of parts and messages
    (`cache_control`, `file_url`, `refusal`). `renames` maps the wire's name of a member to the provider's.
    `response_formats` are the forms of output it knows, `required_tool_choice` is its word for it, `tool_call_ids`
    the form of ids it insists on, `tools_by_model` that its models take tools only where their row says so,
    `developer_role` whether it knows that role (`None`: nobody said, so a caller's own
    goes through). `alternating` wants turns of user and assistant in turn. `images`: "data" takes no URL of an image.
    `files` and `audio` say how a document and a sound are written, `web_search` how a search is asked for: by the
    member `web_search_options` for the models that search, in any case, or by a plugin.
    `hosted_tools_adapter` is the wire format of requests with tools that the provider runs itself, where the usual one
    has none.

    Reasoning: `reasoning_style` says how effort is asked for: a word ("effort"), an object, a switch beside the word
    ("thinking"), or arguments of the chat's template; `reasoning_efforts` are the words it knows, least first.
    `reasoning_back` is the member that carries earlier thoughts back to the model ("never": it refuses them, `None`:
    nobody said), `reasoning_turns` the turns it wants them for, `reasoning_formats` those of its signed thoughts.
    """

    stream_usage: Literal["ask", "always", "never"] = "ask"
    stream_end: Literal["done", "finish"] = "finish"
    stream_optional: bool = False
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    chat_path: str = "/chat/completions"
    messages_path: str = "/messages"
    responses_path: str = "/responses"
    paths: dict[str, str] = field(default_factory=dict)
    dimensions_field: str = "dimensions"
    refuses: frozenset[str] = frozenset()
    reasoning_refuses: frozenset[str] = frozenset()
    takes: frozenset[str] = frozenset()
    renames: dict[str, str] = field(default_factory=dict)
    response_formats: frozenset[Literal["json_object", "json_schema"]] = frozenset({"json_object", "json_schema"})
    required_tool_choice: Literal["required", "any"] = "required"
    tool_call_ids: Literal["free", "nine_alphanumeric"] = "free"
    tools_by_model: bool = False
    developer_role: bool | None = None
    alternating: bool = False
    images: Literal["url", "data"] = "url"
    files: Literal["file", "document_url"] = "file"
    audio: Literal["object", "string"] = "object"
    web_search: Literal["option", "always", "plugin"] | None = None
    reasoning_style: Literal["effort", "object", "thinking", "template"] = "effort"
    reasoning_efforts: tuple[str, ...] = ("low", "medium", "high")
    reasoning_back: Literal["never", "reasoning_content", "reasoning", "reasoning_details", "thinking"] | None = None
    reasoning_turns: Literal["all", "tools"] = "all"
    reasoning_formats: frozenset[str] = frozenset()
    hosted_tools_adapter: str | None = None


class Form(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another way to address a provider, in force where its conditions hold; the first such form counts.

    `url` is a pattern that must be found in the base URL as it was configured, `query` holds patterns for values of
    query parameters. What the form says replaces the provider's own `base_url_suffix`, `path` and `flow`; parameters in
    `unsent` are left out of the query.
    """

    url: str = ""
    query: dict[str, str] = field(default_factory=dict)
    base_url_suffix: str | None = None
    path: str | None = None
    flow: Literal["request", "jobs"] | None = None
    unsent: tuple[str, ...] = ()


class ToolTraits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far a tool loop goes with a provider's models.

    `rounds` is how often tools are run for them at most (`None`: as often as was asked for), `parallel` whether the
    calls of one answer run at a time or one after the other.
    """

    rounds: int | None = None
    parallel: bool = True


class ServedBy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another provider that serves this one's models, under the names `prefix` + id where it has no row of its own."""

    provider: str
    prefix: str = ""


class Place(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the base URL that differs between accounts: the variables that may hold it, and what it is else."""

    env: tuple[str, ...] = ()
    default: str | None = None


class SignIn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What says who we are where no key is set; see `transport/sign_in.py`.

    `env` are the variables that are handed on to it, `enough` those of which one that is set counts as a key. `service`
    is what an AWS signature is for, `scope` what a token is for.
    """

    kind: Literal["aws_chain", "google_auth", "entra"]
    env: tuple[str, ...] = ()
    enough: tuple[str, ...] = ()
    service: str = ""
    scope: str = ""


class Provider(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom to call, where, in which wire format and with which credential.

    `auth`: "bearer" is `Authorization: Bearer`, "header" puts the key alone into `auth_header`, "none" sends nothing.
    `key_env` names the environment variables that may hold the key, first set wins. `base_url_env` names those that
    may hold the base URL, to which `base_url_suffix` is appended unless it is there. `env_prefix` is the `<P>` of
    `<P>_MODEL`, `<P>_BASE_URL`. `enabled_by` names variables one of which must be set where there is no key to tell
    (local servers). `default_model_env` names further variables for the default model beside `<P>_MODEL`.

    `sign_in` stands in for a key. `placed_url` is the base URL with the names of `places` in braces, `placed_urls` are
    those for places that differ, by the place's value.

    `path` is appended to the base URL: `{path}` stands for the wire format's own path and `{model}` for the model's
    name, percent-encoded. `query` goes with every request, `query_env` maps its parameters to the variables that may
    hold them. `forms` are other ways to address the provider. `flow` "jobs" means that a request is handed in as a job
    and its answer is fetched (see `dispatch/jobs.py`). `listing` names the shape of the provider's list of models where
    its wire format does not tell, `list_path` where it is, "" that there is none.

    `key_prefix` lists every documented beginning of a key for `base_url`. `served_by` names a provider that answers for
    this one while this one is not configured. `local` providers are reached on private addresses without being told to.
    A `stand_in` answers `auto` only while no other provider is configured. `also_speaks` names further wire formats it
    understands at the same base URL: a caller of one of them is answered in it, except by models that have an
    `adapter` of their own. `telemetry_name` is what OpenTelemetry's conventions call it, where that is not its id.
    """

    id: str
    name: str
    adapter: str
    telemetry_name: str = ""
    base_url: str | None = None
    aliases: tuple[str, ...] = ()
    auth: Literal["bearer", "header", "none"] = "bearer"
    auth_header: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    sign_in: SignIn | None = None
    placed_url: str = ""
    placed_urls: dict[str, str] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    key_env: tuple[str, ...] = ()
    key_optional: bool = False
    key_prefix: tuple[str, ...] = ()
    base_url_env: tuple[str, ...] = ()
    base_url_suffix: str = ""
    env_prefix: str = ""
    enabled_by: tuple[str, ...] = ()
    model_prefixes: tuple[str, ...] = ()
    default_model: str | None = None
    default_model_env: tuple[str, ...] = ()
    path: str = "{path}"
    query: dict[str, str] = field(default_factory=dict)
    query_env: dict[str, str] = field(default_factory=dict)
    forms: tuple[Form, ...] = ()
    flow: Literal["request", "jobs"] = "request"
    listing: str | None = None
    list_path: str | None = None
    served_by: ServedBy | None = None
    local: bool = False
    stand_in: bool = False
    also_speaks: tuple[str, ...] = ()
    docs_url: str = ""
    tools: ToolTraits = ToolTraits()
    wire: WireTraits = WireTraits()


class ProviderFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One catalog file."""

    provider: Provider
    models: tuple[ModelInfo, ...] = ()
