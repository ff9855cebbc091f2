"""Clients of every API that Wye offers, written by hand: they say one thing in each API's words and read the answer.

Each module has `SURFACE` (the name of the API's module in `wye.surfaces`), `user`, `results`, `request`, `whole`,
`stream` and `failure`; `talk` says what they take and return. What they read is validated with the official client
library's own types.
"""

import importlib
import pkgutil
from typing import Any

_NO_CALLERS = {"talk"}


def callers() -> dict[str, Any]:
    """Return the modules by the names of the surfaces they call."""
    names = sorted({module.name for module in pkgutil.iter_modules(__path__)} - _NO_CALLERS)
    return {name: importlib.import_module(f"{__name__}.{name}") for name in names}
