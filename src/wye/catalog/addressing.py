"""Where a provider's requests go: its base URL completed, the form that fits, the path and query of one request."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode

from msgspec import structs

from wye.catalog.schema import Form, Provider
from wye.core.errors import ConfigurationError

_PLACE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:_-]*")


def addressed(provider: Provider, configured_url: str | None) -> Provider:
    """Return the row as requests use it; `configured_url` is the operator's own base URL, if there is one.

    A query in that URL joins the provider's, and where the provider's URLs end in a suffix, what is missing of it is
    appended and what follows it is cut off, so that an address copied whole from a console works.
    """
    if configured_url is None:
        return provider
    url, _, asked = configured_url.partition("?")
    query = {**provider.query, **dict(parse_qsl(asked))}
    form = next((form for form in provider.forms if _fits(form, url, query)), Form())
    suffix = provider.base_url_suffix if form.base_url_suffix is None else form.base_url_suffix
    return structs.replace(
        provider,
        base_url=_completed(url.rstrip("/"), suffix),
        query={name: value for name, value in query.items() if name not in form.unsent},
        path=provider.path if form.path is None else form.path,
        also_speaks=provider.also_speaks if form.path is None else (),  # other paths, other APIs
        flow=form.flow or provider.flow,
    )


def placed(provider: Provider, given: Mapping[str, str]) -> str | None:
    """Return the base URL at the places an account is at; `None` where one that has no default was not given.

    Raises `ConfigurationError` for a place that is no name.
    """
    if not provider.placed_url:
        return None
    places = {name: given.get(name) or place.default for name, place in provider.places.items()}
    for name, value in places.items():
        if value is None:
            return None
        if not _PLACE.fullmatch(value):
            raise ConfigurationError(f"places.{name}: {value!r} is not the name of a {name}", param=f"places.{name}")
    template = next((url for value in places.values() if (url := provider.placed_urls.get(str(value)))), None)
    return (template or provider.placed_url).format(**places)


def _fits(form: Form, url: str, query: dict[str, str]) -> bool:
    return re.search(form.url, url) is not None and all(
        re.search(pattern, query.get(name, "")) for name, pattern in form.query.items()
    )


def _completed(url: str, suffix: str) -> str:
    if not suffix:
        return url
    before, found, _ = f"{url}/".partition(f"{suffix}/")
    if found:
        return before + suffix
    parts = suffix.split("/")
    for kept in range(len(parts), 1, -1):
        if url.endswith("/".join(parts[:kept])):
            return "/".join([url, *parts[kept:]])
    return url + suffix


def is_plain(provider: Provider) -> bool:
    """Tell whether the wire format's own paths need nothing added."""
    return provider.path == "{path}" and not provider.query


def path_of(provider: Provider, path: str, model: str = "") -> str:
    """Return the path of a request for `model`, below the base URL, with the provider's query."""
    placed = provider.path.replace("{model}", quote(model, safe="")).replace("{path}", path)
    return with_query(provider, placed)


def with_query(provider: Provider, path: str) -> str:
    """Return `path` with the provider's query."""
    if not provider.query:
        return path
    return f"{path}{'&' if '?' in path else '?'}{urlencode(provider.query)}"
