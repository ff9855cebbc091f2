"""The configuration's sections as frozen values; their defaults are the documentation."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, TypeAlias

from msgspec import Meta, Struct, field

from wye.cache.config import CacheConfig
from wye.catalog.schema import Capability, LatencyTier, QualityTier
from wye.config.talks import AgentConfig, ChatConfig
from wye.config.tools import McpConfig, ToolsConfig
from wye.core.limits import Budget, Limit
from wye.core.secret import Secret
from wye.dispatch.retry import RetryConfig
from wye.health.config import BreakerConfig, HealthConfig
from wye.identity.config import IdentityConfig
from wye.routing.config import RoutingConfig
from wye.state.config import StateConfig
from wye.store.config import Days, RetentionConfig, StoreConfig
from wye.telemetry.config import MetricsConfig, TelemetryConfig

_YEAR = 365 * 24 * 3600
Count: TypeAlias = Annotated[int, Meta(ge=1)]
Seconds: TypeAlias = Annotated[float, Meta(gt=0, le=_YEAR)]


class ServerConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the gateway listens and what it bears; times are seconds.

    `keep_alive` is the silence after which a waiting stream gets a comment, `shutdown_grace` how long running requests
    may take to finish once the server is told to stop. `reload` has changes of the settings file taken over within
    seconds; without it only SIGHUP does that. `max_concurrency` bounds the requests for answers under way in each
    worker process: further ones are refused at once. `trusted_proxies` are the addresses and networks of proxies in
    front whose `X-Forwarded-For` says where requests came from; without it all that come through one proxy have its
    address, and whoever tries wrong keys keeps the others waiting.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8080
    workers: Count = 1
    admin_key: Secret | None = None
    max_body_bytes: Count = 32 * 1024 * 1024
    keep_alive: Seconds = 15.0
    reload: bool = True
    shutdown_grace: Annotated[float, Meta(ge=0, le=_YEAR)] = 30.0
    max_concurrency: Count | None = None
    trusted_proxies: tuple[str, ...] = ()


class BatchesConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Batches, which the gateway works through by itself.

    `concurrency` is how many of their requests each worker process has under way at a time, of all batches together;
    every interactive request takes the place of one, but for the last. `max_file_bytes` bounds a file that is handed
    in, `max_requests` its lines. Files are forgotten after `keep_days`, batches as long after their end.
    """

    enabled: bool = True
    concurrency: Annotated[int, Meta(ge=1, le=1000)] = 8
    max_file_bytes: Annotated[int, Meta(ge=1, le=2 * 1024**3)] = 100 * 1024 * 1024
    max_requests: Annotated[int, Meta(ge=1, le=1_000_000)] = 50_000
    keep_days: Days = 30


class ProviderSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the operator says of one provider; `None` leaves the catalog's word; times are seconds.

    `query` goes with every request, as Azure's `api-version`. `temperature` and `max_tokens` hold where a request says
    nothing of them; `stream = false` never asks the provider for a stream, whose caller then gets the answer in one
    piece. `places` fill in the base URL, as Bedrock's `region`; `credentials` are settings of the cloud's own sign-in
    by the names of their environment variables, as `AWS_PROFILE`. `tags` are given to all its models, as `eu`, for
    requests that want one. `check_keys = false` lets keys pass that do not look like this provider's.

    `timeout` holds for streams: to their first piece, and between pieces. A whole answer may take `answer_timeout` or,
    where that is not set, what is left of the deadline, of which half is kept for the plan's other attempts if it has
    any; `max_answer_bytes` bounds it. At most `max_concurrency` calls are under way at a time in each worker process,
    and `max_queue` further ones wait.
    """

    api_keys: tuple[Secret, ...] = ()
    base_url: str | None = None
    adapter: str | None = None
    also_speaks: tuple[str, ...] | None = None
    name: str | None = None
    enabled: bool = True
    timeout: Seconds = 30.0
    connect_timeout: Seconds = 10.0
    answer_timeout: Seconds | None = None
    max_answer_bytes: Count = 64 * 1024 * 1024
    max_concurrency: Count | None = None
    max_queue: Annotated[int, Meta(ge=0)] = 100
    allow_private_network: bool = False
    default_model: str | None = None
    headers: Mapping[str, Secret] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    max_tokens: Count | None = None
    stream: bool = True
    check_keys: bool = True
    tags: frozenset[str] = frozenset()
    places: Mapping[str, str] = field(default_factory=dict)
    credentials: Mapping[str, Secret] = field(default_factory=dict)


class ModelSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the operator says of one model; prices are USD per million tokens.

    `upstream_id` is what its provider calls it, an Azure deployment say; `adapter` its wire format where that is not
    its provider's. `tags` are added to the catalog's. `service_tiers` says how many times the usual price of a token it
    costs where the provider served it in another tier of service, by the provider's word for that: `priority = 2.0`.
    """

    name: str | None = None
    upstream_id: str | None = None
    adapter: str | None = None
    context_window: Count | None = None
    max_output_tokens: Count | None = None
    input_cost_per_million: Decimal | None = None
    output_cost_per_million: Decimal | None = None
    cache_read_cost_per_million: Decimal | None = None
    cache_write_cost_per_million: Decimal | None = None
    capabilities: frozenset[Capability] | None = None
    latency_tier: LatencyTier | None = None
    quality_tier: QualityTier | None = None
    open_source: bool | None = None
    tags: frozenset[str] = frozenset()
    service_tiers: Mapping[str, Decimal] = field(default_factory=dict)


class Settings(Struct, frozen=True, kw_only=True):
    """All settings in force.

    `alias_weights` says how often an alias's names come round, where they do. `origins` says of each dotted path where
    its value came from, `warnings` what to mend.
    """

    server: ServerConfig = ServerConfig()
    providers: Mapping[str, ProviderSettings] = field(default_factory=dict)
    models: Mapping[str, ModelSettings] = field(default_factory=dict)
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    alias_weights: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    routing: RoutingConfig = RoutingConfig()
    retry: RetryConfig = RetryConfig()
    breaker: BreakerConfig = BreakerConfig()
    health: HealthConfig = HealthConfig()
    state: StateConfig = StateConfig()
    cache: CacheConfig = CacheConfig()
    metrics: MetricsConfig = MetricsConfig()
    telemetry: TelemetryConfig = TelemetryConfig()
    store: StoreConfig = StoreConfig()
    identity: IdentityConfig = IdentityConfig()
    retention: RetentionConfig = RetentionConfig()
    tools: ToolsConfig = ToolsConfig()
    mcp: McpConfig = McpConfig()
    chat: ChatConfig = ChatConfig()
    batches: BatchesConfig = BatchesConfig()
    agents: Mapping[str, AgentConfig] = field(default_factory=dict)
    limits: tuple[Limit, ...] = ()
    budgets: tuple[Budget, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    path: str | None = None
