"""A gateway before providers that are told what to do, with times short enough for a test."""

from collections.abc import Mapping

from tests.support.gateway import provider

QUICK = ("timeout = 5", "connect_timeout = 1")


def settings(urls: Mapping[str, str], keys: tuple[str, ...] = (), **sections: str) -> str:
    """Return settings for providers by name and URL, the alias `either` for a model `m` at all, and whole `sections`.

    Each provider has all the `keys`. A section's text stands under its name; where nothing is said, `retry` is quick
    and `breaker` as it is by default.
    """
    providers = []
    for name, url in urls.items():
        quoted = ", ".join(f'"{key}"' for key in keys or (f"sk-{name}",))
        providers.append(provider(name, url, *QUICK, f"api_keys = [{quoted}]"))
    names = ", ".join(f'"{name}/m"' for name in urls)
    sections = {"aliases": f"either = [{names}]", "retry": "base_delay = 0.02", "breaker": "", **sections}
    return "\n".join([*providers, *(f"[{name}]\n{text}\n" for name, text in sections.items())])
