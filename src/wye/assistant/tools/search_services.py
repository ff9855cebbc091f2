"""What services that search the web are asked, and what they answer; pure.

A service is asked over HTTP as its documentation says, and its answer becomes the same `Found`s. Whatever cannot be
read in an answer is left out: it comes from strangers.
"""

import html
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias
from urllib.parse import urlencode, urlsplit

import msgspec
from msgspec import Struct

from wye.core.secret import Secret

_TAG: Final = re.compile(r"<[^<>]{0,200}>")
_SPACE: Final = re.compile(r"\s+")
_TITLE_AT_MOST: Final = 200
_SNIPPET_AT_MOST: Final = 1000
_URL_AT_MOST: Final = 2000


class Query(Struct, frozen=True, kw_only=True):
    """What is searched: `since` is `day`, `week`, `month`, `year`, or nothing."""

    text: str
    count: int
    since: str | None = None
    language: str | None = None


class Request(Struct, frozen=True, kw_only=True):
    """What is sent to a service: a GET where there is no body."""

    path: str
    headers: Mapping[str, str]
    body: bytes | None = None


class Found(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One page: `published` is when, as the service writes it."""

    title: str
    url: str
    snippet: str
    published: str | None = None


class Service(Struct, frozen=True, kw_only=True):
    """One kind of service. `base_url` is where it is unless the settings say otherwise."""

    name: str
    base_url: str | None
    needs_key: bool
    ask: Callable[[Query, Secret | None], Request]
    read: Callable[[bytes], list[Found]]


_Row: TypeAlias = Mapping[str, Any]


def _ask_searxng(query: Query, key: Secret | None) -> Request:
    asked = {"q": query.text, "format": "json"}
    if query.since:
        asked["time_range"] = query.since
    if query.language:
        asked["language"] = query.language
    headers = {"authorization": f"Bearer {key.reveal()}"} if key is not None else {}
    return Request(path=f"/search?{urlencode(asked)}", headers=headers)


def _ask_brave(query: Query, key: Secret | None) -> Request:
    asked = {"q": query.text, "count": str(query.count), "text_decorations": "false"}
    if query.since:
        asked["freshness"] = f"p{query.since[0]}"
    if query.language:
        asked["search_lang"] = query.language
    headers = {"x-subscription-token": key.reveal()} if key is not None else {}
    return Request(path=f"/res/v1/web/search?{urlencode(asked)}", headers=headers)


def _ask_tavily(query: Query, key: Secret | None) -> Request:
    asked: dict[str, Any] = {"query": query.text, "max_results": query.count}
    if query.since:
        asked["time_range"] = query.since
    headers = {"content-type": "application/json"}
    if key is not None:
        headers["authorization"] = f"Bearer {key.reveal()}"
    return Request(path="/search", headers=headers, body=msgspec.json.encode(asked))


def _read_searxng(body: bytes) -> list[Found]:
    return _found(_rows(body, "results"), "content", "publishedDate")


def _read_brave(body: bytes) -> list[Found]:
    return _found(_rows(body, "web", "results"), "description", "page_age")


def _read_tavily(body: bytes) -> list[Found]:
    return _found(_rows(body, "results"), "content", "published_date")


def _rows(body: bytes, *path: str) -> Iterator[_Row]:
    """Yield the objects of the list at `path`. Raises `ValueError` where there is none."""
    found: Any = msgspec.json.decode(body)
    for name in path:
        if not isinstance(found, dict):
            raise ValueError("the answer has another form")  # noqa: TRY004 - of what was read, not of an argument
        # A service that found nothing of a kind leaves it out.
        found = found.get(name, {} if name != path[-1] else [])
    if not isinstance(found, list):
        raise ValueError("the answer has another form")  # noqa: TRY004
    return (row for row in found if isinstance(row, dict))


def _found(rows: Iterator[_Row], snippet: str, published: str) -> list[Found]:
    """Return the pages in the service's order, each once."""
    pages: dict[str, Found] = {}
    for row in rows:
        url = row.get("url")
        if not isinstance(url, str) or not _is_page(url):
            continue
        when = row.get(published)
        pages.setdefault(
            url.partition("#")[0].rstrip("/"),
            Found(
                title=_plain(row.get("title"), _TITLE_AT_MOST) or url,
                url=url,
                snippet=_plain(row.get(snippet), _SNIPPET_AT_MOST),
                published=when[:40] if isinstance(when, str) else None,
            ),
        )
    return list(pages.values())


def _is_page(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and len(url) <= _URL_AT_MOST and url.isprintable()


def _plain(text: object, most: int) -> str:
    """Return a text without markup and line breaks."""
    if not isinstance(text, str):
        return ""
    plain = _SPACE.sub(" ", html.unescape(_TAG.sub("", text[: 4 * most]))).strip()
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"


SERVICES: Final[Mapping[str, Service]] = {
    service.name: service
    for service in (
        Service(name="searxng", base_url=None, needs_key=False, ask=_ask_searxng, read=_read_searxng),
        Service(
            name="brave", base_url="https://api.search.brave.com", needs_key=True, ask=_ask_brave, read=_read_brave
        ),
        Service(name="tavily", base_url="https://api.tavily.com", needs_key=True, ask=_ask_tavily, read=_read_tavily),
    )
}
