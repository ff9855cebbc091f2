"""`usage_events` by month on PostgreSQL, so that an old month goes as one file and not row by row.

A partition `usage_events_2026_11` holds the rows of November 2026 (UTC). The housekeeper makes those of the months
to come; `usage_events_default` takes what fits none, so that no row is ever refused.
"""

from typing import Final

from sqlalchemy import Connection, text

DEFAULT: Final = "usage_events_default"


def create_default(connection: Connection) -> None:
    """Make the partition that takes any row, on PostgreSQL; part of the first migration."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"CREATE TABLE {DEFAULT} PARTITION OF usage_events DEFAULT"))
