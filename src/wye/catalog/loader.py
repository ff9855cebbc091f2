"""Reads catalog files, ours and a site's own, into a `Catalog`.

TOML is the source, and slow to read. Each of our own files has a twin in JSON beside it, made by
`tools/compile_catalog.py`, which holds the same rows and the digest of the text they were made from. A twin of another
text, or none, costs time and nothing else.
"""

import functools
import hashlib
import re
import tomllib
from collections.abc import Iterator, Sequence
from decimal import Decimal
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import msgspec

from wye.catalog.errors import CatalogError
from wye.catalog.registry import Catalog
from wye.catalog.schema import ProviderFile

_ROW = re.compile(r"\$\.models\[(\d+)\]")


def load(extra_dirs: Sequence[Path] = ()) -> Catalog:
    """Return the catalog: our own files, and over them those of `extra_dirs` in their order.

    A file in an extra directory replaces its provider and, row by row, the models it names. Our own files are read once
    per process, extra directories at every call. Raises `CatalogError`.
    """
    catalog = _own()
    for directory in extra_dirs:
        if not directory.is_dir():
            raise CatalogError(f"{directory}: no such catalog directory")
        for name, text in _sources(directory):
            file = parse(name, text)
            catalog = catalog.overlay(providers=(file.provider,), models=file.models)
    return catalog


@functools.cache
def _own() -> Catalog:
    directory = resources.files(__package__) / "data"
    files = [_compiled(directory, name, text) or parse(name, text) for name, text in _sources(directory)]
    return Catalog([file.provider for file in files], [model for file in files for model in file.models])


class _Twin(ProviderFile, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A catalog file as JSON."""

    digest: str


_decode_twin = msgspec.json.Decoder(_Twin).decode


def _compiled(directory: Traversable, name: str, text: str) -> ProviderFile | None:
    """Return the rows of a file's twin, if there is one of this very text."""
    try:
        twin = _decode_twin((directory / twin_name(name)).read_bytes())
    except (OSError, msgspec.DecodeError):
        return None
    return twin if twin.digest == _digest(text) else None


def twin_name(name: str) -> str:
    """Return the name of a catalog file's twin."""
    return f"{name.removesuffix('.toml')}.json"


def compiled(name: str, text: str) -> bytes:
    """Return a catalog file's twin. Raises `CatalogError` where the file is wrong."""
    parse(name, text)
    raw = _read(name, text)
    return msgspec.json.encode({"digest": _digest(text), **raw}) + b"\n"


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _sources(directory: Traversable) -> Iterator[tuple[str, str]]:
    for entry in sorted(directory.iterdir(), key=lambda item: item.name):
        if entry.name.endswith(".toml"):
            yield entry.name, entry.read_text(encoding="utf-8")


def parse(name: str, text: str) -> ProviderFile:
    """Return the rows of one catalog file, which is named after its provider. Raises `CatalogError`."""
    raw = _read(name, text)
    rows = raw.get("models", [])
    try:
        file = msgspec.convert(raw, ProviderFile)
    except msgspec.ValidationError as error:
        raise CatalogError(f"{name}: {_with_row(str(error), rows)}") from None
    if file.provider.id != name.removesuffix(".toml"):
        raise CatalogError(f"{name}: provider.id is {file.provider.id!r}, which the file's name must repeat")
    _refuse_duplicates(name, file)
    return file


def _read(name: str, text: str) -> dict[str, Any]:
    """Read a file's text, with the provider written into each of its models."""
    try:
        raw = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise CatalogError(f"{name}: {error}") from None
    rows = raw.get("models", [])
    if isinstance(rows, list):
        _claim(name, name.removesuffix(".toml"), rows)
    return raw


def _claim(name: str, provider: str, rows: list[Any]) -> None:
    """Write the provider into its rows; a row that names another one is in the wrong file."""
    for row in rows:
        if isinstance(row, dict) and row.setdefault("provider", provider) != provider:
            raise CatalogError(f"{name}: model {row.get('id')!r}: provider is {row['provider']!r}")


def _with_row(message: str, rows: Any) -> str:
    """Put the model's id before a message that only counts rows."""
    if match := _ROW.search(message):
        row = rows[int(match[1])]
        if isinstance(row, dict) and "id" in row:
            return f"model {row['id']!r}: {message}"
    return message


def _refuse_duplicates(name: str, file: ProviderFile) -> None:
    seen: dict[str, str] = {}
    for model in file.models:
        for word in (model.id, *model.aliases, *model.short_names):
            if word in seen:
                raise CatalogError(f"{name}: model {model.id!r}: the name {word!r} already belongs to {seen[word]!r}")
            seen[word] = model.id
