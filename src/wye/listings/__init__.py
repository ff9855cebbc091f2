"""How providers list their models: one pure module per shape, named as the wire format whose providers list so."""

import importlib
import importlib.util
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from wye.catalog.schema import Capability, ModelInfo
from wye.core.errors import MalformedResponseError


class Page(Struct, frozen=True):
    """Models as rows without a provider, and the path of the next page, if there is one.

    A row says only what the list says: its price is unknown unless the provider gives it.
    """

    models: tuple[ModelInfo, ...]
    next: str | None = None


class Inquiry(Struct, frozen=True):
    """A request about one model of a list that says little: its path below the base URL and its JSON body."""

    path: str
    body: bytes


class Lister(Protocol):
    """One shape of list. Implemented by modules."""

    PATH: str
    """Where the list is, below the base URL; what begins with `/../` is beside it."""

    def parse_models(self, body: bytes) -> Page:
        """Read a page of the list; raise `MalformedResponseError` where it is none."""


class AskingLister(Lister, Protocol):
    """A shape of list whose models have to be asked about one by one."""

    def ask_about(self, model: ModelInfo) -> Inquiry:
        """Return the request that tells more of a model."""

    def parse_details(self, model: ModelInfo, body: bytes) -> ModelInfo:
        """Return the row with what the answer tells; it is the same where the answer tells nothing."""


def load(name: str) -> Lister | None:
    """Return the lister for a shape of list, `None` where there is none."""
    if not name.isidentifier() or importlib.util.find_spec(f"{__name__}.{name}") is None:
        return None
    module: Any = importlib.import_module(f"{__name__}.{name}")
    lister: Lister = module
    return lister


def decoded(body: bytes) -> Any:
    """Decode a list; raise `MalformedResponseError` where it is not JSON."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedResponseError(f"the provider's list of models is not JSON: {error}") from None


def rows(value: Any, key: str) -> list[dict[str, Any]]:
    """Return the objects of a list, which may be a member of an object; raise where there is no list."""
    listed = value.get(key) if isinstance(value, dict) else value
    if not isinstance(listed, list):
        raise MalformedResponseError(f"the provider's list of models holds no list {key!r}")
    return [item for item in listed if isinstance(item, dict)]


def text(value: Any) -> str:
    """Return a text, an empty one for anything else."""
    return value if isinstance(value, str) else ""


def figure(*values: Any) -> int | None:
    """Return the first of these that is a count of tokens."""
    for value in values:
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 2**40:
            return int(value)
    return None


def mapping(value: Any) -> dict[str, Any]:
    """Return an object, an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def words(value: Any) -> list[str]:
    """Return the texts of a list."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def abilities(named: dict[str, Capability], said: list[str], *always: Capability) -> frozenset[Capability]:
    """Return what `always` holds and what the provider's words mean by `named`."""
    return frozenset((*always, *(named[word] for word in said if word in named)))
