"""Asks the gateway that runs at the configured address, whose memory knows more than the settings do."""

import http.client
import shutil
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import msgspec

from wye.cli.output import errors
from wye.config import Settings
from wye.core.errors import InvalidRequestError, WyeError

_CONNECT_SECONDS: Final = 0.5
_ANYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what a gateway listens on, not we


def ask(settings: Settings, method: str, path: str, body: Any = None, *, seconds: float = 5.0) -> Any:
    """Return what the gateway answers, decoded; `None` where none runs, or none that would answer us.

    `seconds` is how long an answer may take. Raises a `WyeError` where the gateway says what was wrong with what we
    asked.
    """
    encoded = None if body is None else msgspec.json.encode(body)
    return send(settings, method, path, encoded, kind="application/json", seconds=seconds)


def send(
    settings: Settings,
    method: str,
    path: str,
    body: bytes | Iterable[bytes] | None,
    *,
    kind: str,
    seconds: float,
    length: int | None = None,
) -> Any:
    """Send a body of any kind, also in pieces of `length` bytes in all; return and raise as `ask` does."""
    connection, headers = _open(settings)
    headers["content-type"] = kind
    if length is not None:
        headers["content-length"] = str(length)
    try:
        connection.connect()
        connection.sock.settimeout(seconds)
        connection.request(method, path, body, headers)
        reply = connection.getresponse()
        is_ours = (reply.getheader("x-request-id") or "").startswith("req_")
        told = msgspec.json.decode(reply.read()) if is_ours else None
    except (OSError, http.client.HTTPException, msgspec.DecodeError):
        return None
    finally:
        connection.close()
    if not isinstance(told, dict):
        return None
    return told if reply.status == 200 else _refused(reply.status, told, where(settings))


def save(settings: Settings, path: str, file: Path, *, seconds: float = 60.0) -> None:
    """Write what the gateway has at `path` into a file, a piece at a time. Raises `WyeError` where that fails."""
    connection, headers = _open(settings)
    try:
        connection.connect()
        connection.sock.settimeout(seconds)
        connection.request("GET", path, headers=headers)
        reply = connection.getresponse()
        if reply.status != HTTPStatus.OK:
            raise WyeError(f"the gateway at {where(settings)} does not give {path}: status {reply.status}")
        with file.open("wb") as out:
            shutil.copyfileobj(reply, out)
    except (OSError, http.client.HTTPException) as error:
        raise WyeError(f"{file} cannot be written: {error}") from None
    finally:
        connection.close()


def _open(settings: Settings) -> tuple[http.client.HTTPConnection, dict[str, str]]:
    server = settings.server
    host = _ANYWHERE.get(server.host, server.host)
    headers = {"accept": "application/json"}
    if server.admin_key is not None:
        headers["authorization"] = f"Bearer {server.admin_key.reveal()}"
    return http.client.HTTPConnection(host, server.port, timeout=_CONNECT_SECONDS), headers


def where(settings: Settings) -> str:
    """Return the address that a gateway with these settings listens on."""
    host = settings.server.host
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.server.port}"


def _refused(status: int, told: dict[str, Any], address: str) -> None:
    error = told.get("error", {})
    message, code = str(error.get("message", "")), error.get("code")
    if status in {401, 403}:
        errors.print(f"the gateway at {address} does not let us in ({message}); asking without it", style="yellow")
        return
    if 400 <= status < 500:
        raise InvalidRequestError(message, code=code, param=error.get("param"))
    raise WyeError(f"the gateway at {address} failed: {message}", code=code)
