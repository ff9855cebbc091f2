"""Names for requests that sort by when they began and are never given twice, in whatever process."""

import itertools
import os
import secrets
import time

_process = secrets.token_hex(4)
_counter = itertools.count()


def new_request_id() -> str:
    """Return a fresh id: microseconds since the epoch, this process's own mark, and a count, all in hexadecimal."""
    return f"req_{time.time_ns() // 1000:014x}{_process}{next(_counter) & 0xFFFF:04x}"


def _begin_anew() -> None:
    global _process  # noqa: PLW0603 - a forked process is another one
    _process = secrets.token_hex(4)


os.register_at_fork(after_in_child=_begin_anew)
