"""Takes over changed settings while requests run: on SIGHUP, when the settings file changes, and when asked."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from msgspec import Struct, structs

from wye.catalog import Catalog
from wye.config import Settings, load_settings
from wye.config.loader import DEFAULT_FILE
from wye.config.runtime import waits_for_a_restart
from wye.core.errors import ConfigurationError, WyeError
from wye.engine import Engine
from wye.identity.vault import Vault
from wye.telemetry.log import LogWriter

_POLL_SECONDS: Final = 0.5
"""A change is taken over once two looks in a row find the same, so that a file is not read while it is written."""
SIGNAL: Final = "SIGHUP"
_Look = tuple[tuple[int, int, int] | None, ...]


class Source:
    """Where the settings of this process come from, to be read again whenever they change."""

    def __init__(
        self,
        catalog: Catalog,
        path: str | Path | None = None,
        overrides: Mapping[str, Any] | None = None,
        check: Callable[[Settings], None] = lambda _: None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """Read `path`, or what `load_settings` finds without one; `check` raises where settings cannot be served.

        `environ` stands in for the process's environment.
        """
        self.catalog = catalog
        self._environ = environ
        self._path = path
        self._overrides = overrides
        self._check = check
        self.runtime: Mapping[str, Any] = {}
        """Runtime settings by dotted path, as they were last read from the store."""
        self.added: Mapping[str, Mapping[str, Any]] = {}
        """Providers and models that were added over the API, as tables of settings."""
        self._loaded: _Look = ()
        self._seen: _Look = ()

    def load(self) -> Settings:
        """Read the settings and check them. Raises `ConfigurationError`."""
        self._loaded = self._seen = self._look()
        return self.read(self.runtime)

    def read(self, runtime: Mapping[str, Any], added: Mapping[str, Mapping[str, Any]] | None = None) -> Settings:
        """Return the settings there would be with these runtime settings, and what was `added`, else what is.

        Raises `ConfigurationError`.
        """
        settings = load_settings(
            self.catalog,
            path=self._path,
            environ=self._environ,
            overrides=self._overrides,
            reads_database_url=True,
            runtime=runtime,
            added=self.added if added is None else added,
        )
        self._check(settings)
        return settings

    def has_changed(self) -> bool:
        """Tell whether a file has changed since it was read, and has come to rest since the last time of asking."""
        last, self._seen = self._seen, self._look()
        return self._seen != self._loaded and self._seen == last

    def _look(self) -> _Look:
        files = (self._path or os.environ.get("WYE_CONFIG") or DEFAULT_FILE, ".env")
        return tuple(_fingerprint(Path(file)) for file in files)


def _fingerprint(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


class Reloaded(Struct, frozen=True, kw_only=True):
    """What came of reading the settings again.

    With an `error` everything stayed as it was. `changed` names the providers that are new, gone or other than before,
    `restart` the settings that this process goes on with until it is started again.
    """

    error: WyeError | None = None
    changed: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class Reloader:
    """Reads the settings again and hands them to the engine."""

    def __init__(self, engine: Engine, source: Source, log: LogWriter) -> None:
        """Serve `engine` with what `source` holds; its first settings are those the engine has."""
        self._engine = engine
        self.source = source
        self._log = log
        self._began_with = engine.snapshot.settings
        self._one_at_a_time = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._listens = False

    async def reload(self, because: str) -> Reloaded:
        """Take over the settings as they are now, and log what came of it; an error changes nothing.

        Keys that stay keep their health, except where somebody asks for this by a signal: they may have mended what no
        file tells of, an account without credit say.
        """
        async with self._one_at_a_time:
            before = self._engine.snapshot
            try:
                settings = await asyncio.to_thread(self.source.load)
                self._engine.reload(settings)
                if because == SIGNAL:
                    for provider in self._engine.snapshot.recipes:
                        self._engine.health.revive(provider)
            except WyeError as error:
                self._log.event("reload", because=because, error=error.message, kept="the settings from before")
                return Reloaded(error=error)
            after = self._engine.snapshot
            names = before.recipes.keys() | after.recipes.keys()
            done = Reloaded(
                changed=tuple(sorted(n for n in names if before.recipes.get(n) != after.recipes.get(n))),
                restart=self._for_a_restart(settings),
                warnings=(*settings.warnings, *after.problems),
            )
            facts = {name: value for name, value in structs.asdict(done).items() if value}
            self._log.event("reload", because=because, **facts)
            return done

    def _for_a_restart(self, settings: Settings) -> tuple[str, ...]:
        return tuple(
            f"{section}.{field}"
            for section in ("server", "state", "store", "metrics", "telemetry")
            for field in getattr(settings, section).__struct_fields__
            if waits_for_a_restart(f"{section}.{field}")
            and getattr(getattr(settings, section), field) != getattr(getattr(self._began_with, section), field)
        )

    async def hear_runtime_settings(self) -> None:
        """Take over what this or another replica changed at run time. Raises `StoreUnavailableError`."""
        from wye.identity import added  # a gateway without a store need not load what reads one
        from wye.store import runtime_settings

        if self._engine.store is None:
            return
        async with self._engine.store.database.read() as connection:
            found = await runtime_settings.everything(connection)
            providers = await added.everything(connection)
        runtime = {key: setting.value for key, setting in found.items()}
        tables, problems = added.tables_of(providers, Vault(self._engine.snapshot.settings.identity.secret_key))
        for provider, problem in problems.items():
            self._log.event("providers", provider=provider, error=problem)
        if runtime != self.source.runtime or tables != self.source.added:
            self.source.runtime, self.source.added = runtime, tables
            await self.reload("runtime settings changed")

    def start(self) -> None:
        """Listen for SIGHUP, and look after the files where the settings say so."""
        loop = asyncio.get_running_loop()
        if threading.current_thread() is threading.main_thread():
            loop.add_signal_handler(signal.SIGHUP, self._soon)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
            self._listens = True
        if self._began_with.server.reload:
            self._keep(asyncio.create_task(self._watch(), name="settings file"))

    async def stop(self) -> None:
        """Listen no more."""
        if self._listens:
            # A late SIGHUP is nothing to die from.
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
            asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _soon(self) -> None:
        self._keep(asyncio.create_task(self.reload(SIGNAL)))

    def _keep(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_POLL_SECONDS)
            with suppress(ConfigurationError):
                if self.source.has_changed():
                    await self.reload("a file changed")


def hold_hangups() -> None:
    """Let SIGHUP wait until a reloader listens for it: by itself it would end a process that only just begins."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
