"""Runtime settings: what the console or the API changed, above the settings file and below the environment.

A runtime setting has the dotted path that `wye config show` prints: `routing.strategy`, `aliases.fast`,
`providers.<id>.timeout`, `tools.<name>.enabled`, `models.<provider>/<model>.input_cost_per_million`. Where this gateway
listens, what it keeps things in, which programs it starts, which files its tools reach, and whatever is secret or says
where a secret goes is in the file alone.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from wye.core.errors import ConfigurationError

ORIGIN: Final = "runtime setting"
PLAIN: Final = frozenset({"routing", "retry", "breaker", "health", "retention", "chat"})
"""Sections whose settings may all be changed while the gateway runs."""
OF_CACHE: Final = frozenset({"enabled", "ttl", "share", "max_entry_bytes", "max_bytes"})
"""What may be changed of the cache: all but where it is."""
_AFTER_A_RESTART: Final = frozenset({"server", "state", "store", "metrics"})
OF_PROVIDERS: Final = frozenset(
    {
        "answer_timeout",
        "connect_timeout",
        "default_model",
        "enabled",
        "max_answer_bytes",
        "max_concurrency",
        "max_queue",
        "max_tokens",
        "name",
        "stream",
        "tags",
        "temperature",
        "timeout",
    }
)
"""What may be changed of a provider: nothing that says where its key goes."""
OF_TOOLS: Final = frozenset({"enabled", "output", "seconds"})
"""What may be changed of a tool, or of all: nothing that says what it reaches."""


def with_runtime(data: Mapping[str, Any], runtime: Mapping[str, Any]) -> dict[str, Any]:
    """Return a settings file's content with `runtime`, values by dotted path, put over it.

    Raises `ConfigurationError` for a path that is none, or may only be set in the file.
    """
    merged = {name: dict(section) if isinstance(section, dict) else section for name, section in data.items()}
    for path, value in runtime.items():
        section, *names = split(path)
        at = merged.setdefault(section, {})
        for name in names[:-1]:
            inner = at.get(name, {})
            at[name] = dict(inner) if isinstance(inner, dict) else {}
            at = at[name]
        at[names[-1]] = _plain(value, path)
    return merged


def with_added(data: Mapping[str, Any], added: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return a settings file's content with the providers and models of `added` beside its own, which go first.

    Their endpoints may be at private addresses only where the file's `[identity] private_endpoints` says so. Raises
    `ConfigurationError` for what would name a variable of the environment.
    """
    identity = data.get("identity")
    private = isinstance(identity, dict) and identity.get("private_endpoints") is True
    merged = dict(data)
    for section, rows in added.items():
        written = data.get(section, {})
        if isinstance(written, dict):
            plain = {name: _plain(row, f"{section}.{name}") for name, row in rows.items()}
            merged[section] = {**plain, **written}
    for name in added.get("providers", {}):
        if name not in data.get("providers", {}):
            merged["providers"][name] = {**merged["providers"][name], "allow_private_network": private}
    return merged


def split(path: str) -> tuple[str, ...]:
    """Return the names that a path is made of. Raises `ConfigurationError` for one that cannot be set at run time."""
    section, _, rest = path.partition(".")
    name, _, field = rest.rpartition(".")
    if section == "aliases" and rest:
        return section, rest
    if section in PLAIN and rest and not name:
        return section, rest
    if section == "cache" and rest in OF_CACHE:
        return section, rest
    if section == "tools" and "." not in name and field in OF_TOOLS:
        return (section, name, field) if name else (section, field)
    if section == "models" and name and field:
        return section, name, field
    if section == "providers" and name and field in OF_PROVIDERS:
        return section, name, field
    raise ConfigurationError(
        f"'{path}' cannot be changed while the gateway runs; write it into the settings file. What can: "
        f"{', '.join(sorted(PLAIN))}.<setting>, cache.<{', '.join(sorted(OF_CACHE))}>, "
        f"aliases.<name>, models.<provider>/<model>.<setting>, "
        f"providers.<id>.<{', '.join(sorted(OF_PROVIDERS))}>, tools.<name>.<{', '.join(sorted(OF_TOOLS))}>",
        param=path,
    )


def waits_for_a_restart(path: str) -> bool:
    """Tell whether a process goes on with the setting it began with until it is started again."""
    return path.partition(".")[0] in _AFTER_A_RESTART or path == "telemetry.enabled"


def _plain(value: Any, path: str) -> Any:
    """Return a JSON value as a settings file would have it. Raises `ConfigurationError`."""
    match value:
        case str() if value.startswith("env:"):
            message = f"{path}: variables of the environment are named in the settings file only"
            raise ConfigurationError(message, param=path)
        case float():
            return Decimal(repr(value))
        case list():
            return [_plain(item, path) for item in value]
        case dict():
            return {name: _plain(item, path) for name, item in value.items()}
        case None:
            raise ConfigurationError(f"{path}: null is no value; delete the setting instead", param=path)
    return value
