"""Starts the gateway: one process or several, each with an engine of its own."""

import gc
import logging
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, Final

import msgspec
import uvicorn
from uvicorn.supervisors import Multiprocess

from wye import __version__, catalog
from wye.catalog import Catalog
from wye.config import ServerConfig, Settings
from wye.core.errors import ConfigurationError, WyeError
from wye.engine import Engine
from wye.gateway.access import is_loopback
from wye.gateway.app import Gateway
from wye.gateway.protocol import Protocol
from wye.gateway.proxies import Proxies
from wye.gateway.reload import Source, hold_hangups
from wye.gateway.routes import where
from wye.ledger.allotted import allotted
from wye.ledger.books import Books
from wye.ledger.stored import StoredPages
from wye.store import budgets
from wye.store.opened import Store
from wye.telemetry import otlp
from wye.telemetry.log import LogWriter
from wye.telemetry.shelf import Shelf
from wye.transport import trace

_FOR_WORKERS: Final = "WYE_WORKER_ARGUMENTS"
_BACKLOG: Final = 4096


def check_binding(settings: Settings) -> None:
    """Refuse to listen beyond this machine without an admin key."""
    server = settings.server
    if server.admin_key is None and not is_loopback(server.host):
        raise ConfigurationError(
            f"refusing to listen on {server.host} without an admin key: set WYE_ADMIN_KEY or [server] admin_key, "
            "or listen on 127.0.0.1",
            param="server.host",
        )


def check_sharing(settings: Settings) -> None:
    """Refuse several processes that could not tell each other anything."""
    if settings.server.workers > 1 and settings.state.is_memory:
        raise ConfigurationError(
            f"{settings.server.workers} workers cannot share what memory:// holds: set REDIS_URL or [state] url to a "
            "redis://… that all of them reach, or serve with one worker",
            param="state.url",
        )


def check(settings: Settings) -> None:
    """Refuse what no gateway can be served with. Raises `ConfigurationError`."""
    check_binding(settings)
    check_sharing(settings)
    Proxies(settings.server.trusted_proxies)  # says what is wrong with them


def listen(settings: Settings) -> socket.socket:
    """Take the address to serve on; port 0 takes any that is free.

    Raises `ConfigurationError` where it would be unsafe, `WyeError` where it cannot be had.
    """
    check(settings)
    host, port = settings.server.host, settings.server.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise WyeError(f"cannot listen on {host}, port {port}: {reason}; choose another with --port") from None


def serve(
    gateway: Gateway,
    listener: socket.socket,
    *,
    path: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    debug: bool = False,
) -> None:
    """Serve `gateway` until told to stop, or its like in several workers, each from the same `path` and `overrides`."""
    server = gateway.config
    if server.workers > 1:
        with tempfile.TemporaryDirectory(prefix="wye-sums-", ignore_cleanup_errors=True) as shelf:
            arguments = msgspec.json.encode([path, dict(overrides or {}), debug, shelf])
            os.environ[_FOR_WORKERS] = arguments.decode()
            _Supervisor(configure("wye.gateway.serve:worker", server), sockets=[listener]).run()
    else:
        Server(gateway, server).run(sockets=[listener])
        gateway.log.flush()


def configure(app: Gateway | str, server: ServerConfig) -> uvicorn.Config:
    """Return how the HTTP server is run; `app` is a gateway or names the function that makes one."""
    return uvicorn.Config(
        app,
        factory=isinstance(app, str),
        workers=server.workers,
        http=Protocol,
        ws="none",
        interface="asgi3",
        lifespan="on",
        timeout_graceful_shutdown=server.shutdown_grace,  # type: ignore[arg-type]  # any number of seconds will do
        timeout_keep_alive=75,
        backlog=_BACKLOG,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
    )


class Server(uvicorn.Server):
    """One process's server: told to stop it finishes what runs, told twice it stops at once."""

    def __init__(self, gateway: Gateway, server: ServerConfig) -> None:
        """Serve `gateway` as `server` says; `run` takes the listeners."""
        super().__init__(configure(gateway, server))
        self._gateway = gateway

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Say at once that this one is no longer ready."""
        del sig, frame
        self._gateway.ready = False
        self.force_exit = self.should_exit
        self.should_exit = True


class _Supervisor(Multiprocess):
    """Several processes on one listener.

    SIGHUP has them read their settings again and replaces none. A worker that only just begins gets it once it can
    listen for it, since it is started with the signal held.
    """

    def run(self) -> None:
        """Supervise until told to stop."""
        with _hangups_held():
            self.init_processes()
        while not self.should_exit.wait(0.5):
            self.handle_signals()
            with _hangups_held():
                self.keep_subprocess_alive()
        self.terminate_all()
        self.join_all()

    def handle_hup(self) -> None:
        """Pass it on."""
        for process in self.processes:
            if process.pid is not None and process.exitcode is None:
                os.kill(process.pid, signal.SIGHUP)

    def handle_ttin(self) -> None:
        """Begin one worker more."""
        with _hangups_held():
            super().handle_ttin()

    def terminate_all(self) -> None:
        """Let the workers finish, and close our end too: else the system would go on taking connections."""
        super().terminate_all()
        for listener in self.sockets:
            listener.close()


@contextmanager
def _hangups_held() -> Iterator[None]:
    hold_hangups()
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})


def make_gateway(source: Source, settings: Settings, *, debug: bool = False, shelf: Shelf | None = None) -> Gateway:
    """Compose a gateway from settings, which `source` gave; `shelf` is where workers lay down what they count."""
    if debug:
        trace.enable(sys.stderr)
    log = LogWriter()
    store = open_store(settings)
    tracing = otlp.connect(settings.telemetry, os.environ, version=__version__, names=partial(_told, source.catalog))
    engine = Engine(settings, source.catalog, tracing=tracing, books=open_books(settings, store, log), store=store)
    gateway = Gateway(engine, settings.server, log, source, shelf)
    gateway.application  # noqa: B018 - made now, so that no request waits for its import
    collect_rarely()
    logging.getLogger("uvicorn.error").addHandler(_IntoLog(log))
    return gateway


def collect_rarely() -> None:
    """Have the collector leave what is here now alone, and run less often than in a small program."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _told(known: Catalog, provider: str) -> str:
    """Return what OpenTelemetry's conventions call a provider."""
    row = known.providers.get(provider)
    return (row.telemetry_name if row is not None else "") or provider


def open_store(settings: Settings) -> Store | None:
    """Return the store that settings name, not started yet. Raises `ConfigurationError`."""
    return None if settings.store.is_memory else Store(settings.store, settings.retention)


def open_books(settings: Settings, store: Store | None, log: LogWriter) -> Books:
    """Return the books to be kept in `store`, or in this process's memory alone where there is none."""
    allowances = allotted(settings.state, store)
    if store is None:
        return Books(allowances=allowances)
    pages = StoredPages(store.database, settings.store, charges=budgets, log=log)
    books = Books(allowances=allowances, pages=pages)
    books.refusals = (pages.refused,)
    books.secure = pages.on_disk.wait if pages.on_disk is not None else None
    return books


class _IntoLog(logging.Handler):
    """Makes what the HTTP server has to say lines of our own log; of an exception only its type and place."""

    def __init__(self, log: LogWriter) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        facts = {"level": record.levelname.lower(), "message": record.getMessage().strip()}
        if record.exc_info and (error := record.exc_info[1]) is not None:
            facts |= {"error": type(error).__name__, "where": where(error)}
        self._log.event("server", **facts)


def worker() -> Gateway:
    """Compose a gateway in a worker process, from the arguments its parent left."""
    path, overrides, debug, shelf = msgspec.json.decode(os.environ[_FOR_WORKERS])
    source = Source(catalog.load(), path, overrides, check)
    return make_gateway(source, source.load(), debug=debug, shelf=Shelf(Path(shelf)))
