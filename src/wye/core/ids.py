"""Names for requests that sort by when they began and are never given twice, in whatever process."""

import itertools
import os
import secrets
import time
from typing import Final

_PREFIX: Final = "req_"
_LENGTH: Final = len(_PREFIX) + 14 + 8 + 4
_process = secrets.token_hex(4)
_counter = itertools.count()


def new_request_id() -> str:
    """Return a fresh id: microseconds since the epoch, this process's own mark, and a count, all in hexadecimal."""
    return f"{_PREFIX}{time.time_ns() // 1000:014x}{_process}{next(_counter) & 0xFFFF:04x}"


def this_process() -> str:
    """Return this process's own mark, which is in all ids that it gives."""
    return _process


def process_of(request_id: str) -> str | None:
    """Return the mark of the process that gave an id, `None` where that was somebody else."""
    is_ours = len(request_id) == _LENGTH and request_id.startswith(_PREFIX)
    return request_id[-12:-4] if is_ours else None


def _begin_anew() -> None:
    global _process  # noqa: PLW0603 - a forked process is another one
    _process = secrets.token_hex(4)


os.register_at_fork(after_in_child=_begin_anew)
