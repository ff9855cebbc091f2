"""What `--debug` shows: every request to a provider and every answer, with secrets left out."""

import sys
from collections.abc import Mapping
from typing import ClassVar, Final, TextIO

_SENSITIVE: Final = ("auth", "key", "token", "secret", "cookie")
"""Words in the names of headers whose values are not shown; a custom endpoint names its headers as it likes."""
_SHOWN_BYTES: Final = 4096


class _Trace:
    """Where to write, if anywhere, and what must never be written: a provider may say our key back."""

    stream: TextIO | None = None
    secrets: ClassVar[set[str]] = set()


def enable(stream: TextIO = sys.stderr) -> None:
    """Write to `stream` from now on, for the whole process."""
    _Trace.stream = stream


def disable() -> None:
    """Write no more."""
    _Trace.stream = None


def enabled() -> bool:
    """Tell whether anybody looks."""
    return _Trace.stream is not None


def sent(url: str, headers: Mapping[str, str], body: bytes | None) -> None:
    """Show a request; one without a body is a GET."""
    hidden = {name: value for name, value in headers.items() if _is_sensitive(name)}
    _Trace.secrets.update(secret for value in hidden.values() if (secret := value.rpartition(" ")[2]))
    method = "GET" if body is None else "POST"
    _write(f"--> {method} {url} {dict(headers) | dict.fromkeys(hidden, '…')}", body or b"")


def received(url: str, what: str, body: bytes) -> None:
    """Show an answer or a piece of one."""
    _write(f"<-- {url} {what}", body)


def _is_sensitive(name: str) -> bool:
    return any(word in name.lower() for word in _SENSITIVE)


def _write(head: str, body: bytes) -> None:
    if (stream := _Trace.stream) is not None:
        more = f" … {len(body) - _SHOWN_BYTES} bytes more" if len(body) > _SHOWN_BYTES else ""
        text = body[:_SHOWN_BYTES].decode("utf-8", "replace").rstrip()
        for secret in _Trace.secrets:
            text = text.replace(secret, "…")
        stream.write(f"{head}\n    {text}{more}\n")
        stream.flush()
