"""The store of one running process: the database, who keeps it in order, and what other processes changed in it."""

from wye.core.errors import StoreUnavailableError
from wye.store.changes import Changes
from wye.store.config import RetentionConfig, StoreConfig
from wye.store.database import Database
from wye.store.housekeeper import Housekeeper
from wye.store.upgrade import upgrade


class Store:
    """Opened by whoever composes an engine, started and closed by that engine.

    `database` is for repository modules, `changes.on` for whoever keeps something of the database in memory; both may
    be handed on before the start.
    """

    def __init__(self, config: StoreConfig, retention: RetentionConfig | None = None) -> None:
        """Open nothing yet. Raises `ConfigurationError` as `Database` does."""
        self.database = Database(config)
        self.housekeeper = Housekeeper(self.database, retention or RetentionConfig())
        self.changes = Changes(self.database)

    async def start(self) -> None:
        """Upgrade the database and begin; one that is away is waited for while requests run."""
        await self.housekeeper.start()
        await self.changes.start()

    async def aclose(self) -> None:
        """Stop, after everybody who uses the database has."""
        await self.changes.aclose()
        await self.housekeeper.aclose()
        await self.database.aclose()


async def prepare(config: StoreConfig) -> str | None:
    """Upgrade a database before any process serves from it; return what a person should know, such as that it is away.

    Raises `ConfigurationError` for a database that is not for this program.
    """
    database = Database(config)
    try:
        before = await upgrade(database)
    except StoreUnavailableError as error:
        return f"{error.message}: requests that need it get 503 until it is there"
    finally:
        await database.aclose()
    if before.condition == "ahead":
        return f"a newer wye upgraded the database {before.database}: end the rollout soon"
    return None
