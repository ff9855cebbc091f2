"""What outlives the process, in SQLite or PostgreSQL: the only code that speaks to a database.

For whoever writes a repository module here:

- A module per concern holds plain async functions that take an `AsyncConnection` first and, for whatever belongs to
  a user, the owner's id second. They never commit: whoever calls them opens the transaction::

      async with database.begin() as connection:  # writes; one at a time per process on SQLite, so never nest them
          await add_event(connection, record)
          await changes.announce(connection, "keys")
      async with database.read() as connection:
          rows = await connection.execute(select(tables.keys).where(tables.keys.c.user_id == owner))

- Queries are SQLAlchemy Core over `wye.store.tables`, the same for both databases. `insert` of `wye.store.upsert` is
  what `ON CONFLICT` hangs on. Money is picodollars, times are microseconds since the epoch (`now_us`).
- The engine of a gateway has `engine.store` (`wye.store.opened.Store`, `None` in a library and with `memory://`), whose
  `database` is for you. `store.changes.on(topic, coroutine function)` calls you once at the start and after every
  `changes.announce(connection, topic)` of any replica, within about a second; `store.changes.age` is how old what you
  know may be, in seconds, for a grace while the database is away.
- `audit.add` belongs in the transaction of the change it tells of; `runtime_settings.put` tells replicas by itself.
- A database that is away or too slow is a `StoreUnavailableError`, within `[store] timeout` and `connect_timeout`; a
  broken constraint is SQLAlchemy's `IntegrityError`. Neither shows parameters.
- Tables change in `wye.store.tables` only, then `uv run python tools/write_migration.py` writes the first migration.
- Tests take the fixture `database` of `tests/support/databases.py`: an upgraded, empty database of each kind.

Importing this package imports no SQLAlchemy: `wye` itself must stay quick to import.
"""

from wye.store.config import RetentionConfig, StoreConfig

__all__ = ["RetentionConfig", "StoreConfig"]
