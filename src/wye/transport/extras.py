"""Says which extra brings a library that is not there."""

import functools
from importlib.util import find_spec

from wye.core.errors import ConfigurationError


@functools.cache
def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # not even its parent
        return False


def needs_extra(module: str, extra: str) -> None:
    """Raise `ConfigurationError`, whose `param` is `extra`, where `module` is not installed; nothing is imported."""
    if not _installed(module):
        raise ConfigurationError(f"{module} is not installed: pip install 'wye[{extra}]'", param="extra")
