"""Asks the gateway that runs at the configured address, whose memory knows more than the settings do."""

import http.client
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
    server = settings.server
    connection = http.client.HTTPConnection(
        _ANYWHERE.get(server.host, server.host), server.port, timeout=_CONNECT_SECONDS
    )
    headers = {"content-type": "application/json", "accept": "application/json"}
    if server.admin_key is not None:
        headers["authorization"] = f"Bearer {server.admin_key.reveal()}"
    try:
        connection.connect()
        connection.sock.settimeout(seconds)
        connection.request(method, path, None if body is None else msgspec.json.encode(body), headers)
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
