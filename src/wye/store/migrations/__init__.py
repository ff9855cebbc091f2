"""Steps from one shape of the tables to the next, forward only; each file is one, in the order of their numbers."""

from typing import Final

from sqlalchemy import Connection, text

OLDEST: Final = "schema.oldest"
"""The topic in `changes` whose version is the number of the oldest revision whose program can use the database."""


def make_append_only(connection: Connection, table: str) -> None:
    """Have the database itself refuse to change or delete rows of a table."""
    if connection.dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            connection.execute(
                text(
                    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}"
                    f" BEGIN SELECT RAISE(ABORT, 'rows of {table} are only ever added'); END"
                )
            )
        return
    connection.execute(
        text(
            f"CREATE FUNCTION {table}_stays() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN RAISE EXCEPTION 'rows of {table} are only ever added' USING ERRCODE = '23000'; END $$"
        )
    )
    connection.execute(
        text(
            f"CREATE TRIGGER {table}_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {table}_stays()"
        )
    )
