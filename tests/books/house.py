"""The gateway of a drill: `wye serve` in a folder that outlives it, and its books as they are in the database."""

import json
import re
import signal
import sqlite3
import subprocess
import time
from contextlib import closing, suppress
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, Final

from tests.books.recount import Standing
from tests.support.gateway import PATIENCE, command, environment
from tests.support.postgres import Server

from wye.core.record import PICO_PER_USD

LEASE: Final = 30_000_000
"""Microseconds after which the slice of a process that is gone is anybody's."""
_NAMES: Final = 6000
"""How many requests a drill may make: each has a name of its own, so that its row can be told."""
_COLUMNS: Final = ("asked", "status", "error", "input_tokens", "output_tokens", "cost", "estimated", "hold", "tries")


class House:
    """Started, killed and started again on the same files."""

    def __init__(
        self,
        folder: Path,
        provider_port: int,
        store_url: str,
        *lines: str,
        postgres: Server | None,
        usd: str = "1000",
        spool: Path | None = None,
    ) -> None:
        """Write the settings; `lines` are more of them, before the sections that are always there.

        `usd` is the budget of all requests together, `spool` where the journal is kept if not in the folder.
        """
        self.folder = folder
        self.postgres = postgres
        self.store_url = store_url
        self.port = 0
        self.program: subprocess.Popen[str] | None = None
        self._log: IO[str] | None = None
        self.amount = round(Decimal(usd) * PICO_PER_USD)
        spool = spool or folder / "spool"
        names = "\n".join(f'n{number} = ["up/m"]' for number in range(1, _NAMES))
        (folder / "wye.toml").write_text(
            "\n".join(lines)
            + f'\n[store]\nurl = "{store_url}"\nspool = "{spool}"\ntimeout = 2.0\nconnect_timeout = 1.0\n'
            f"spool_limit = {1024 * 1024}\n[retry]\nmax_retries = 0\n[breaker]\nenabled = false\n"
            f'[providers.up]\nbase_url = "http://127.0.0.1:{provider_port}/v1"\nallow_private_network = true\n'
            '[models."up/m"]\ninput_cost_per_million = 1.25\noutput_cost_per_million = 7.5\n'
            f"[aliases]\n{names}\n"
            f'[[budgets]]\nscope = "global"\nperiod = "total"\namount = {usd}\n'
        )
        self.spool = spool

    def start(self) -> int:
        """Run `wye serve`; return its port once it answers."""
        self._log = (self.folder / "stderr").open("a")
        self.program = subprocess.Popen(  # our own program
            command("serve", "--port", "0"),
            cwd=self.folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        assert self.program.stdout is not None
        said = self.program.stdout.readline()
        found = re.search(r"http://[0-9.]+:(\d+)", said)
        assert found, said + self.log
        self.port = int(found[1])
        return self.port

    @property
    def log(self) -> str:
        """What all its processes wrote to standard error."""
        return (self.folder / "stderr").read_text()

    def kill(self) -> None:
        """End it as nothing can be prepared for."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it as an operator does."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self.program is not None:
            self.program.send_signal(number)
            self.program.wait(PATIENCE * 2)
            if self.program.stdout is not None:
                self.program.stdout.close()
            self.program = None
        if self._log is not None:
            self._log.close()

    @property
    def waiting(self) -> list[Path]:
        """The journals that are not in the database yet."""
        with suppress(FileNotFoundError):
            return [path for path in self.spool.iterdir() if path.is_dir()]
        return []

    def rows(self) -> list[dict[str, Any]]:
        """Return the usage records, in order."""
        query = f"SELECT {', '.join(_COLUMNS)} FROM usage_events ORDER BY id"  # noqa: S608 - our own names
        if self.postgres is not None:
            database = self.store_url.rpartition("/")[2]
            query = query.replace("usage_events", "wye.usage_events")
            told = self.postgres.psql(f"SELECT coalesce(json_agg(row_to_json(t)), '[]') FROM ({query}) t", database)  # noqa: S608
            found: list[dict[str, Any]] = json.loads(told)
            return found
        with closing(sqlite3.connect(self.folder / "wye.db")) as connection:
            return [dict(zip(_COLUMNS, row, strict=True)) for row in connection.execute(query)]

    def standing(self) -> Standing:
        """Return how the budget stands once the leases of whoever is gone have run out."""
        late = time.time_ns() // 1000 + LEASE
        lost = "(CASE WHEN cost IS NULL THEN coalesce(hold, 0) ELSE 0 END)"
        beyond = "(CASE WHEN cost > hold THEN cost - hold ELSE 0 END)"
        spent, reserved = self._numbers(
            "SELECT coalesce(sum(spent), 0), coalesce(sum(reserved), 0) FROM budget_periods"
        )
        cost, unknown, more = self._numbers(
            f"SELECT coalesce(sum(cost), 0), coalesce(sum{lost}, 0), coalesce(sum{beyond}, 0) FROM usage_events"  # noqa: S608
        )
        (leased,) = self._numbers(
            "SELECT coalesce(sum(amount - spent), 0) FROM leases "  # noqa: S608 - our own names
            f"WHERE kind = 'budget' AND amount > spent AND expires_at > {late}"
        )
        return Standing(spent, reserved, leased, cost, unknown, more)

    def _numbers(self, query: str) -> tuple[int, ...]:
        """Ask for one row of whole numbers."""
        if self.postgres is not None:
            for name in ("budget_periods", "usage_events", "leases"):
                query = query.replace(f"FROM {name}", f"FROM wye.{name}")
            return tuple(map(int, self.postgres.psql(query, self.store_url.rpartition("/")[2]).split("|")))
        with closing(sqlite3.connect(self.folder / "wye.db")) as connection:
            return tuple(map(int, connection.execute(query).fetchone()))

    def summed(self) -> tuple[int, int]:
        """Return requests and picodollars as the sums by the hour say them."""
        query = "SELECT coalesce(sum(requests), 0), coalesce(sum(cost), 0) FROM "
        if self.postgres is not None:
            told = self.postgres.psql(f"{query} wye.usage_hours", self.store_url.rpartition("/")[2]).split("|")
            return int(told[0]), int(told[1])
        with closing(sqlite3.connect(self.folder / "wye.db")) as connection:
            requests, cost = connection.execute(f"{query} usage_hours").fetchone()
            return int(requests), int(cost)
