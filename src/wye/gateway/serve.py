"""Starts the gateway: one process or several, each with an engine of its own."""

import gc
import os
import sys
from collections.abc import Mapping
from types import FrameType
from typing import Any, Final

import msgspec
import uvicorn
from uvicorn.supervisors import Multiprocess

from wye import catalog
from wye.config import Loaded, load_settings
from wye.core.errors import ConfigurationError
from wye.engine import Engine
from wye.gateway.access import is_loopback
from wye.gateway.app import Gateway
from wye.telemetry.log import LogWriter
from wye.transport import trace

_FOR_WORKERS: Final = "WYE_WORKER_ARGUMENTS"


def check_binding(settings: Loaded) -> None:
    """Refuse to listen beyond this machine without an admin key."""
    server = settings.server
    if server.admin_key is None and not is_loopback(server.host):
        raise ConfigurationError(
            f"refusing to listen on {server.host} without an admin key: set WYE_ADMIN_KEY or [server] admin_key, "
            "or listen on 127.0.0.1",
            param="server.host",
        )


def serve(
    settings: Loaded, *, path: str | None = None, overrides: Mapping[str, Any] | None = None, debug: bool = False
) -> None:
    """Serve until told to stop. `path` and `overrides` let worker processes read the same settings."""
    check_binding(settings)
    server = settings.server
    if server.workers > 1:
        os.environ[_FOR_WORKERS] = msgspec.json.encode([path, dict(overrides or {}), debug]).decode()
    config = uvicorn.Config(
        "wye.gateway.serve:worker" if server.workers > 1 else make_gateway(settings, debug=debug),
        factory=server.workers > 1,
        host=server.host,
        port=server.port,
        workers=server.workers,
        http="httptools",
        ws="none",
        interface="asgi3",
        lifespan="on",
        timeout_graceful_shutdown=max(1, round(server.shutdown_grace)),
        timeout_keep_alive=75,
        backlog=4096,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
    )
    if server.workers > 1:
        Multiprocess(config, sockets=[config.bind_socket()]).run()
    else:
        _Server(config).run()


class _Server(uvicorn.Server):
    """Says that it is no longer ready as soon as it is told to stop."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if isinstance(self.config.app, Gateway):
            self.config.app.ready = False
        super().handle_exit(sig, frame)


def make_gateway(settings: Loaded, *, debug: bool = False) -> Gateway:
    """Compose a gateway from settings."""
    if debug:
        trace.enable(sys.stderr)
    engine = Engine(settings, catalog.load())
    # What is here now stays; the collector need not look at it again, nor run as often as in a small program.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    return Gateway(engine, settings.server, LogWriter())


def worker() -> Gateway:
    """Compose a gateway in a worker process, from the arguments its parent left."""
    path, overrides, debug = msgspec.json.decode(os.environ[_FOR_WORKERS])
    return make_gateway(load_settings(catalog.load(), path=path, overrides=overrides), debug=debug)
