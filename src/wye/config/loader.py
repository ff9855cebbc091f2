"""Reads settings in order of precedence: command line, environment, file, default.

Every value is checked before anything uses one: an unknown setting is an error that names it and the nearest known
one, a wrong type names its place. `env:NAME` in the file stands for an environment variable.
"""

import difflib
import math
import os
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct, structs

from wye.cache.config import CacheConfig
from wye.catalog import Catalog, capability_name
from wye.catalog.schema import Provider
from wye.config.rules import LISTS, alias_target, bad_alias, budgets_of, limits_of
from wye.config.runtime import ORIGIN, with_added, with_runtime
from wye.config.sections import BatchesConfig, ModelSettings, ProviderSettings, ServerConfig, Settings
from wye.config.talks import ChatConfig, agents_of
from wye.config.tools import ToolsConfig, mcp_of
from wye.core.errors import ConfigurationError, WyeError
from wye.core.secret import Secret
from wye.dispatch.retry import RetryConfig
from wye.health.config import BreakerConfig, HealthConfig
from wye.identity.config import IdentityConfig
from wye.identity.vault import Vault
from wye.routing.config import RoutingConfig
from wye.routing.strategies import strategy_named
from wye.state.config import MEMORY, StateConfig
from wye.store.config import RetentionConfig, StoreConfig
from wye.telemetry.config import MetricsConfig, TelemetryConfig

_S = TypeVar("_S", bound=Struct)

_SECTIONS: Final = (
    "server", "providers", "models", "aliases", "routing", "retry", "breaker", "health", "state", "store", "retention",
    "cache", "metrics", "telemetry", "identity", "tools", "mcp", "chat", "agents", "batches",
)  # fmt: skip
DEFAULT_FILE: Final = "wye.toml"


def load_settings(
    catalog: Catalog,
    *,
    path: str | Path | None = None,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
    reads_database_url: bool = False,
    runtime: Mapping[str, Any] | None = None,
    added: Mapping[str, Mapping[str, Any]] | None = None,
) -> Settings:
    """Load and check all settings.

    `path` defaults to `WYE_CONFIG`, then to `wye.toml` in the working directory where there is one. `environ` defaults
    to the process's environment over the working directory's `.env`. `overrides` are dotted paths from the command
    line. `DATABASE_URL` is heeded with `reads_database_url` only: `wye serve` and `wye db` do so, other programs may
    have one of their own. `runtime` are runtime settings by dotted path, `added` the tables of providers and of
    models that were added while the gateway ran. Raises `ConfigurationError`.
    """
    if environ is None:
        environ = {**_dotenv(), **os.environ}
    file = _find_file(path, environ)
    written = _read(file) if file else {}
    data = with_runtime(with_added(written, added or {}), runtime or {})
    _check_sections(data)
    loading = _Loading(catalog, environ, data, overrides or {}, str(file) if file else None)
    loading.reads_database_url = reads_database_url
    settings = loading.load()
    changed = {path: ORIGIN for path in runtime or {} if settings.origins.get(path, "file").startswith("file")}
    new = tuple(
        f"{section}.{name}."
        for section, rows in (added or {}).items()
        for name in rows
        if name not in written.get(section, {})
    )
    if new:
        changed |= dict.fromkeys((path for path in settings.origins if path.startswith(new)), ORIGIN)
    return structs.replace(settings, origins={**settings.origins, **changed})


def _dotenv() -> dict[str, str]:
    from dotenv import dotenv_values

    try:
        return {name: value for name, value in dotenv_values(".env").items() if value}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f".env cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _find_file(path: str | Path | None, environ: Mapping[str, str]) -> Path | None:
    named = path or environ.get("WYE_CONFIG")
    if named:
        return Path(named)
    return Path(DEFAULT_FILE) if Path(DEFAULT_FILE).is_file() else None


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)
    except OSError as error:
        raise ConfigurationError(f"the configuration file {str(file)!r} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file}: not valid TOML: {error}") from None


def _check_sections(data: Mapping[str, Any]) -> None:
    for name, value in data.items():
        if name in LISTS:
            continue
        if name not in _SECTIONS:
            raise _unknown(name, (*_SECTIONS, *LISTS))
        if not isinstance(value, dict):
            raise ConfigurationError(f"[{name}] must be a table", param=name)


def _unknown(name: str, known: tuple[str, ...], section: str = "") -> ConfigurationError:
    near = difflib.get_close_matches(name, known, 1, 0.4)
    hint = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(known)}"
    where = f"{section}.{name}" if section else name
    return ConfigurationError(f"unknown setting '{where}'{hint}", param=where)


def _check_state_url(url: Secret, param: str) -> None:
    if url.reveal() != MEMORY and not url.reveal().startswith(("redis://", "rediss://", "unix://")):
        message = f"{param}: write 'memory://' or 'redis://host:port/0' (also rediss:// and unix://)"
        raise ConfigurationError(message, param=param)


class _Loading:
    """One pass over all sources."""

    def __init__(
        self,
        catalog: Catalog,
        environ: Mapping[str, str],
        data: Mapping[str, Any],
        overrides: Mapping[str, Any],
        file: str | None,
    ) -> None:
        self._catalog = catalog
        self._environ = environ
        self._data = data
        self._overrides = overrides
        self._file = file
        self._origins: dict[str, str] = {}
        self._warnings: list[str] = []
        self._alias_weights: dict[str, dict[str, int]] = {}
        self.reads_database_url = False

    def load(self) -> Settings:
        providers = self._providers()
        return Settings(
            server=self._server(),
            providers=providers,
            models=self._models(providers),
            aliases=self._aliases(),
            alias_weights=self._alias_weights,
            routing=self._routing(providers),
            retry=self._retry(),
            breaker=self._section(BreakerConfig, "breaker", self._data.get("breaker", {})),
            health=self._section(HealthConfig, "health", self._data.get("health", {})),
            state=self._state(),
            cache=self._cache(),
            metrics=self._section(MetricsConfig, "metrics", self._data.get("metrics", {})),
            telemetry=self._section(TelemetryConfig, "telemetry", self._data.get("telemetry", {})),
            store=self._store(),
            identity=self._identity(),
            retention=self._section(RetentionConfig, "retention", self._data.get("retention", {})),
            tools=self._section(ToolsConfig, "tools", self._data.get("tools", {})),
            mcp=mcp_of(self._data, self._section),
            chat=self._section(ChatConfig, "chat", self._data.get("chat", {})),
            batches=self._section(BatchesConfig, "batches", self._data.get("batches", {})),
            agents=agents_of(self._data, self._section),
            limits=limits_of(self._data, self._section),
            budgets=budgets_of(self._data, self._section),
            origins=self._origins,
            warnings=tuple(self._warnings),
            path=self._file,
        )

    def _section(self, kind: type[_S], where: str, values: Mapping[str, Any]) -> _S:
        """Check one table against its type, tables within it too, and note where its values are from."""
        known = {field.name: field.type for field in structs.fields(kind)}
        settled: dict[str, Any] = {}
        for name, value in values.items():
            if name not in known:
                raise _unknown(name, tuple(known), where)
            if isinstance(value, dict) and isinstance(known[name], type) and issubclass(known[name], Struct):
                settled[name] = self._section(known[name], f"{where}.{name}", value)
                continue
            settled[name] = self._resolve(value, f"{where}.{name}")
            self._origins.setdefault(f"{where}.{name}", f"file {self._file}")
        self._read_texts(kind, where, settled)
        try:
            return msgspec.convert(settled, kind, strict=True, dec_hook=_decode_secret)
        except msgspec.ValidationError as error:
            what, _, place = str(error).partition(" - at `$")
            dotted = f"{where}{place.rstrip('`')}" if place else where
            raise ConfigurationError(f"{dotted}: {what.replace('`', '')}", param=dotted) from None

    def _read_texts(self, kind: type[Struct], where: str, settled: dict[str, Any]) -> None:
        """Read numbers and switches out of the environment's values, which are texts."""
        for field in structs.fields(kind):
            value = settled.get(field.name)
            if isinstance(value, str) and self._origins.get(f"{where}.{field.name}", "").startswith("environment "):
                with suppress(
                    msgspec.ValidationError
                ):  # what fits strictly stays, what never fits is told by the whole
                    settled[field.name] = _read_text(value, field.type)

    def _resolve(self, value: Any, where: str) -> Any:
        """Replace `env:NAME` by the variable; one that is not set leaves a list and is an error elsewhere."""
        if isinstance(value, list):
            return [self._resolve(item, where) for item in value if not self._is_unset(item)]
        if isinstance(value, dict):
            return {name: self._resolve(item, f"{where}.{name}") for name, item in value.items()}
        if isinstance(value, str) and value.startswith("env:"):
            name = value.removeprefix("env:")
            self._origins[where] = f"environment {name}"
            if not self._environ.get(name):
                raise ConfigurationError(f"{where}: the environment variable {name} is not set", param=where)
            return self._environ[name]
        return value

    def _is_unset(self, item: Any) -> bool:
        return isinstance(item, str) and item.startswith("env:") and not self._environ.get(item.removeprefix("env:"))

    def _server(self) -> ServerConfig:
        values = dict(self._data.get("server", {}))
        if key := self._environ.get("WYE_ADMIN_KEY"):
            values["admin_key"] = key
            self._origins["server.admin_key"] = "environment WYE_ADMIN_KEY"
        for path, value in self._overrides.items():
            section, _, name = path.partition(".")
            if section == "server" and value is not None:
                values[name] = value
                self._origins[path] = "command line"
        return self._section(ServerConfig, "server", values)

    def _providers(self) -> dict[str, ProviderSettings]:
        written = self._data.get("providers", {})
        found: dict[str, ProviderSettings] = {}
        for name, values in written.items():
            if not isinstance(values, dict):
                raise ConfigurationError(f"[providers.{name}] must be a table", param=f"providers.{name}")
            row = self._catalog.provider(name)
            if row is None and ("/" in name or ":" in name):
                raise ConfigurationError(
                    f"[providers.{name}]: a provider's name holds no '/' or ':'", param=f"providers.{name}"
                )
            if row is None and not values.get("base_url"):
                near = self._near_provider(name)
                raise ConfigurationError(
                    f"[providers.{name}] is not in the catalog{near}; a custom endpoint needs 'base_url'",
                    param=f"providers.{name}.base_url",
                )
            provider_id = row.id if row else name
            if provider_id in found:
                raise ConfigurationError(f"[providers.{name}] names {provider_id!r} again", param=f"providers.{name}")
            found[provider_id] = self._provider(provider_id, row, values)
        for row in self._catalog.providers.values():
            if row.id not in found and self._in_environment(row):
                found[row.id] = self._provider(row.id, row, {})
        return found

    def _near_provider(self, name: str) -> str:
        known = [each for row in self._catalog.providers.values() for each in (row.id, *row.aliases)]
        near = difflib.get_close_matches(name, known, 1)
        return f" (near: {near[0]})" if near else ""

    def _in_environment(self, row: Provider) -> bool:
        """Tell whether the environment alone puts a provider of the catalog to use."""
        if row.stand_in:
            return True
        if switches := [value.lower() for name in row.enabled_by if (value := self._environ.get(name))]:
            return any(value not in {"0", "false", "no"} for value in switches)
        signs_in = row.sign_in.enough if row.sign_in else ()
        has_key = any(self._environ.get(name) for name in (*row.key_env, f"{row.env_prefix}_API_KEYS", *signs_in))
        has_url = any(self._environ.get(name) for name in self._url_variables(row)) or bool(row.placed_url)
        if row.key_env and not row.key_optional:
            return has_key and (has_url or row.base_url is not None)
        return has_url or (has_key and row.base_url is not None)

    @staticmethod
    def _url_variables(row: Provider) -> tuple[str, ...]:
        return (*row.base_url_env, f"{row.env_prefix}_BASE_URL")

    def _provider(self, provider_id: str, row: Provider | None, written: Mapping[str, Any]) -> ProviderSettings:
        where = f"providers.{provider_id}"
        values = dict(written)
        listed = values.get("api_keys")
        refers = isinstance(listed, list) and any(str(item).startswith("env:") for item in listed)
        if row is not None:
            self._keys_from_environment(row, values, where, replace=not refers)
            self._defaults_from_environment(row, values, where)
            self._cloud_from_environment(row, values, where)
            for name in self._url_variables(row):
                if url := self._environ.get(name):
                    values["base_url"] = url
                    values["allow_private_network"] = True  # whoever sets the environment owns the process
                    for setting in ("base_url", "allow_private_network"):
                        self._origins[f"{where}.{setting}"] = f"environment {name}"
                    break
            for name in (f"{row.env_prefix}_MODEL", *row.default_model_env):
                if model := self._environ.get(name):
                    values["default_model"] = model
                    self._origins[f"{where}.default_model"] = f"environment {name}"
                    break
        said = self._section(ProviderSettings, where, values)
        if said.base_url is not None and not said.base_url.startswith(("http://", "https://")):
            raise ConfigurationError(
                f"{where}.base_url: a base URL is 'https://host/path' or 'http://host:port/path'",
                param=f"{where}.base_url",
            )
        return said

    def _keys_from_environment(self, row: Provider, values: dict[str, Any], where: str, *, replace: bool) -> None:
        several = self._environ.get(f"{row.env_prefix}_API_KEYS", "")
        keys = [key.strip() for key in several.split(",") if key.strip()]
        origin = f"environment {row.env_prefix}_API_KEYS"
        if not keys:
            name = next((name for name in row.key_env if self._environ.get(name)), None)
            if name is None:
                return
            keys, origin = [self._environ[name]], f"environment {name}"
        if several or replace or not values.get("api_keys"):
            values["api_keys"] = keys
            self._origins[f"{where}.api_keys"] = origin

    def _defaults_from_environment(self, row: Provider, values: dict[str, Any], where: str) -> None:
        for setting in ("temperature", "max_tokens", "stream"):
            name = f"{row.env_prefix}_{setting.upper()}"
            if text := self._environ.get(name):
                values[setting] = text
                self._origins[f"{where}.{setting}"] = f"environment {name}"
        for parameter, name in row.query_env.items():
            if text := self._environ.get(name):
                written = values.get("query", {})
                values["query"] = {**(written if isinstance(written, dict) else {}), parameter: text}
                self._origins[f"{where}.query"] = f"environment {name}"

    def _cloud_from_environment(self, row: Provider, values: dict[str, Any], where: str) -> None:
        """Take over where a cloud's endpoint is, and what its own sign-in needs to know."""
        named = {place: place_row.env for place, place_row in row.places.items()}
        self._mapping_from_environment("places", named, values, where)
        if row.sign_in is not None:
            names = {name: (name,) for name in row.sign_in.env}
            self._mapping_from_environment("credentials", names, values, where)

    def _mapping_from_environment(
        self, setting: str, named: Mapping[str, tuple[str, ...]], values: dict[str, Any], where: str
    ) -> None:
        written = values.get(setting, {})
        if not isinstance(written, dict):
            return  # the section's own check says what is wrong
        for key, variables in named.items():
            name = next((name for name in variables if self._environ.get(name)), None)
            if name is not None:
                written = {**written, key: self._environ[name]}
                self._origins[f"{where}.{setting}"] = f"environment {name}"
        if written:
            values[setting] = written

    def _models(self, providers: Mapping[str, ProviderSettings]) -> dict[str, ModelSettings]:
        found: dict[str, ModelSettings] = {}
        for name, values in self._data.get("models", {}).items():
            if not isinstance(values, dict):
                raise ConfigurationError(f'[models."{name}"] must be a table', param=f"models.{name}")
            provider, slash, model = name.partition("/")
            row = self._catalog.provider(provider)
            provider_id = row.id if row else provider
            if not slash or not model or (row is None and provider_id not in providers):
                raise ConfigurationError(
                    f'[models."{name}"]: write "provider/model" with a provider of the catalog or of [providers]',
                    param=f"models.{name}",
                )
            found[f"{provider_id}/{model}"] = self._model(f"models.{name}", values)
        return found

    def _model(self, where: str, written: Mapping[str, Any]) -> ModelSettings:
        values = dict(written)
        if isinstance(can := values.get("capabilities"), list):
            values["capabilities"] = [capability_name(name) if isinstance(name, str) else name for name in can]
        said = self._section(ModelSettings, where, values)
        amounts = structs.asdict(said) | {f"service_tiers.{name}": one for name, one in said.service_tiers.items()}
        for name, amount in amounts.items():
            if isinstance(amount, Decimal) and not (amount.is_finite() and amount >= 0):
                raise ConfigurationError(f"{where}.{name}: a price is 0 or above", param=f"{where}.{name}")
        return said

    def _aliases(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for name, targets in self._data.get("aliases", {}).items():
            listed = [targets] if isinstance(targets, str) else targets
            if not isinstance(listed, list) or not listed:
                raise bad_alias(name)
            weights = {model: weight for target in listed for model, weight in [alias_target(name, target)]}
            if self._catalog.by_name(name):
                self._warnings.append(f"aliases.{name} is a model's name and never used: a named model stays itself")
            found[name] = tuple(weights)
            if any(isinstance(target, dict) for target in listed):
                self._alias_weights[name] = weights
            self._origins[f"aliases.{name}"] = f"file {self._file}"
        return found

    def _routing(self, providers: Mapping[str, ProviderSettings]) -> RoutingConfig:
        values = dict(self._data.get("routing", {}))
        for name in ("LLM_PROVIDER", "DEFAULT_LLM_PROVIDER"):
            if provider := self._environ.get(name):
                values["default_provider"] = provider
                self._origins["routing.default_provider"] = f"environment {name}"
                break
        config = self._section(RoutingConfig, "routing", values)
        named = (config.default_provider, *config.fallback_order, *config.default_models, *config.weights)
        for name in filter(None, named):
            if self._catalog.provider(name) is None and name not in providers:
                raise ConfigurationError(
                    f"[routing] names the provider {name!r}, which is neither in the catalog nor in [providers]"
                    f"{self._near_provider(name)}",
                    param="routing",
                )
        self._check_first(config.first, providers)
        try:
            strategy_named(config.strategy, "routing.strategy")
        except WyeError as error:
            raise ConfigurationError(f"routing.strategy: {error.message}", param="routing.strategy") from None
        if config.unsupported_parameters not in {"error", "drop"}:
            raise ConfigurationError("routing.unsupported_parameters must be 'error' or 'drop'", param="routing")
        if not 0 < config.deadline < math.inf:
            raise ConfigurationError("routing.deadline must be above 0 seconds", param="routing.deadline")
        return config

    def _check_first(self, first: str | None, providers: Mapping[str, ProviderSettings]) -> None:
        """Check what somebody switched to; a provider that is gone since must not keep all other settings from use."""
        provider, slash, _ = (first or "").partition("/")
        if first is not None and not slash:
            raise ConfigurationError("routing.first: write 'provider/model'", param="routing.first")
        if provider and self._catalog.provider(provider) is None and provider not in providers:
            self._warnings.append(f"routing.first names the provider {provider!r}, which is not there any more")

    def _state(self) -> StateConfig:
        values = dict(self._data.get("state", {}))
        if url := self._environ.get("REDIS_URL"):
            values["url"] = url
            self._origins["state.url"] = "environment REDIS_URL"
        config = self._section(StateConfig, "state", values)
        _check_state_url(config.url, "state.url")
        return config

    def _cache(self) -> CacheConfig:
        config = self._section(CacheConfig, "cache", self._data.get("cache", {}))
        if config.url is not None:
            _check_state_url(config.url, "cache.url")
        return config

    def _identity(self) -> IdentityConfig:
        values = dict(self._data.get("identity", {}))
        if key := self._environ.get("WYE_SECRET_KEY"):
            values["secret_key"] = key
            self._origins["identity.secret_key"] = "environment WYE_SECRET_KEY"
        config = self._section(IdentityConfig, "identity", values)
        Vault(config.secret_key)  # says what is wrong with it
        return config

    def _store(self) -> StoreConfig:
        values = dict(self._data.get("store", {}))
        if url := self._environ.get("DATABASE_URL") if self.reads_database_url else None:
            values["url"] = url
            self._origins["store.url"] = "environment DATABASE_URL"
        config = self._section(StoreConfig, "store", values)
        if config.dialect is None and not config.is_memory:
            message = "store.url: write 'sqlite:///wye.db', 'postgresql://user:password@host/database' or 'memory://'"
            raise ConfigurationError(message, param="store.url")
        return config

    def _retry(self) -> RetryConfig:
        config = self._section(RetryConfig, "retry", self._data.get("retry", {}))
        if config.base_delay > config.max_delay:
            raise ConfigurationError("retry.base_delay must not be above retry.max_delay", param="retry.base_delay")
        return config


def _read_text(value: str, kind: Any) -> Any:
    try:
        msgspec.convert(value, kind, strict=True, dec_hook=_decode_secret)
    except msgspec.ValidationError:
        return msgspec.convert(value.lower() if value.lower() in {"true", "false"} else value, kind, strict=False)
    return value


def _decode_secret(kind: type, value: Any) -> Any:
    if kind is Secret:
        if not isinstance(value, str) or not value.strip():
            raise ValueError("a secret must be a string that is not empty")
        return Secret(value.strip())
    raise NotImplementedError(kind)
