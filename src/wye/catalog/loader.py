"""Reads catalog files, ours and a site's own, into a `Catalog`."""

import functools
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
    files = [parse(name, text) for name, text in _sources(resources.files(__package__) / "data")]
    return Catalog([file.provider for file in files], [model for file in files for model in file.models])


def _sources(directory: Traversable) -> Iterator[tuple[str, str]]:
    for entry in sorted(directory.iterdir(), key=lambda item: item.name):
        if entry.name.endswith(".toml"):
            yield entry.name, entry.read_text(encoding="utf-8")


def parse(name: str, text: str) -> ProviderFile:
    """Return the rows of one catalog file, which is named after its provider. Raises `CatalogError`."""
    try:
        raw = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise CatalogError(f"{name}: {error}") from None
    provider = name.removesuffix(".toml")
    rows = raw.get("models", [])
    if isinstance(rows, list):
        _claim(name, provider, rows)
    try:
        file = msgspec.convert(raw, ProviderFile)
    except msgspec.ValidationError as error:
        raise CatalogError(f"{name}: {_with_row(str(error), rows)}") from None
    if file.provider.id != provider:
        raise CatalogError(f"{name}: provider.id is {file.provider.id!r}, which the file's name must repeat")
    _refuse_duplicates(name, file)
    return file


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
