"""Write the first migration from the tables, for as long as no version of Wye that has it is released.

`--check` writes nothing and fails where it would have.
"""

import subprocess
import sys
from pathlib import Path

from alembic.autogenerate import render_python_code
from alembic.migration import MigrationContext
from alembic.operations import ops

from wye.store.tables import METADATA

FILE = Path(__file__).parents[1] / "src/wye/store/migrations/r0001_tables.py"
HEAD = '''"""All tables there were at first; written by tools/write_migration.py from wye.store.tables."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from wye.store import fulltext
from wye.store.database import now_us
from wye.store.migrations import OLDEST, make_append_only
from wye.store.partitions import create_default

revision: str = "r0001"
down_revision: str | None = None
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:  # noqa: PLR0915 - one statement per table and index
    """Create all tables."""
'''
TAIL = """
    create_default(op.get_bind())
    make_append_only(op.get_bind(), "audit_log")
    for searched in ("passages", "conversations", "messages"):
        fulltext.create(op.get_bind(), searched)
    users = sa.table("users", *(sa.column(name) for name in ("id", "name", "created_at", "updated_at")))
    now = now_us()
    named = {"local": "this machine", "admin": "admin"}
    rows = [{"id": id_, "name": name, "created_at": now, "updated_at": now} for id_, name in named.items()]
    op.bulk_insert(users, rows)
    op.bulk_insert(sa.table("changes", sa.column("topic"), sa.column("version")), [{"topic": OLDEST, "version": 1}])
"""


def written() -> str:
    """Return the migration as it should be."""
    context = MigrationContext.configure(dialect_name="postgresql")
    steps: list[ops.MigrateOperation] = []
    for table in METADATA.sorted_tables:
        steps.append(ops.CreateTableOp.from_table(table))
        steps += [ops.CreateIndexOp.from_index(index) for index in sorted(table.indexes, key=lambda row: str(row.name))]
    lines = render_python_code(ops.UpgradeOps(steps), migration_context=context)
    lines = "\n".join(line for line in lines.splitlines() if not line.lstrip().startswith("#"))
    source = f"{HEAD}    {lines.strip()}\n{TAIL}"
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(FILE), "-"]
    return subprocess.run(command, input=source, capture_output=True, text=True, check=True).stdout


def main() -> int:
    """Write it, or check it."""
    source = written()
    if "--check" in sys.argv:
        if FILE.read_text(encoding="utf-8") != source:
            print(f"{FILE} is not what the tables say: run 'uv run python tools/write_migration.py'")
            return 1
        return 0
    FILE.write_text(source, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
