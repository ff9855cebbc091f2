"""Pages that last: the journal of this process, and the writer that brings it to the database."""

from pathlib import Path
from typing import Final

from wye.core.record import UsageRecord
from wye.ledger.journal import Journal
from wye.ledger.power import OnDisk
from wye.ledger.refused import Refused
from wye.ledger.writer import BATCH, Charges, Writer
from wye.store.config import StoreConfig
from wye.store.database import Database, sqlite_file
from wye.telemetry.log import LogWriter

_FOLDER: Final = "wye-journal"


class StoredPages:
    """What `Books` are written on where there is a database."""

    def __init__(
        self, database: Database, config: StoreConfig, *, charges: Charges | None = None, log: LogWriter | None = None
    ) -> None:
        """Write to `database`, through a journal as `config` says; `charges` sees what requests cost."""
        self.journal = Journal(spool_of(config), limit=config.spool_limit)
        self.writer = Writer(database, self.journal, charges=charges, log=log)
        self.refused = Refused(database)
        self.journal.for_power = config.durable == "power"
        self.on_disk = OnDisk(self.journal) if self.journal.for_power else None

    async def start(self) -> None:
        """Make the journal and begin to write. Raises `ConfigurationError` where there can be no journal."""
        self.journal.open()
        self.writer.start()

    def check(self) -> None:
        """Raise `BooksUnavailableError` where nothing more can be written down."""
        self.journal.check()

    def admitted(self, record: UsageRecord) -> None:
        """Write down that a request was let in; raise `BooksUnavailableError` where it cannot be."""
        self.journal.admitted(record)

    def settled(self, record: UsageRecord) -> None:
        """Write down what became of a request; the writer hears of it."""
        journal = self.journal
        journal.settled(record)
        if journal.settled_waiting == 1 or journal.settled_waiting % BATCH == 0:
            self.writer.wake()

    async def aclose(self) -> None:
        """Bring what is over to the database, as far as it takes it now, and close the journal."""
        await self.refused.aclose()
        await self.writer.aclose()
        self.journal.close()


def spool_of(config: StoreConfig) -> Path:
    """Return the folder of journals: beside the database's file, where it is one and nothing else is said."""
    if config.spool is not None:
        return Path(config.spool)
    if config.dialect == "sqlite":
        return sqlite_file(config).absolute().parent / _FOLDER
    return Path(_FOLDER).absolute()
