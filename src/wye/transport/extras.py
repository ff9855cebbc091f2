"""Says which extra brings a library that is not there."""

import functools
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Final

from wye.core.errors import ConfigurationError
from wye.core.extras import adding


@functools.cache
def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # not even its parent
        return False


BY_MODULE: Final[Mapping[str, str]] = {
    "botocore": "bedrock", "google.auth": "vertex", "azure.identity": "azure", "mcp": "mcp",
}  # fmt: skip


def needs(module: str) -> None:
    """Raise `ConfigurationError`, whose `param` is `extra`, where `module` is not installed; nothing is imported."""
    if not _installed(module):
        raise ConfigurationError(f"{module} is not installed: {adding(BY_MODULE[module])}", param="extra")
