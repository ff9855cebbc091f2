"""What may be spent, what was, and who holds a part of the rest. Amounts are picodollars."""

from typing import Final

from sqlalchemy import ForeignKey, Index, Table, UniqueConstraint

from wye.store.tables.schema import METADATA, count, document, flag, text, whole

budgets: Final = Table(
    "budgets",
    METADATA,
    text("id", primary_key=True),
    text("name", server_default=""),
    text("scope"),
    text("target", server_default=""),
    whole("amount"),
    text("period"),
    flag("hard", default=True),
    document("warn_at"),
    text("source", server_default="api"),
    whole("created_at"),
    whole("updated_at"),
    whole("disabled_at", optional=True),
    Index(None, "scope", "target"),
)
"""`scope` is key, user, team, model, provider or global, `target` the id within it, empty where it is global; `period`
is day, week, month or total; `source` is file or api."""

budget_periods: Final = Table(
    "budget_periods",
    METADATA,
    text("budget_id", ForeignKey("budgets.id", ondelete="CASCADE"), primary_key=True),
    whole("starts_at", primary_key=True, autoincrement=False),
    whole("ends_at", optional=True),
    count("spent"),
    count("reserved"),
)
"""`spent` grows in the transaction that writes the usage rows, and so does `reserved`: what requests of unknown cost
had set aside, which may be what they cost. What processes hold and have not spent is in `leases`."""

leases: Final = Table(
    "leases",
    METADATA,
    text("id", primary_key=True),
    text("kind"),
    text("subject"),
    whole("starts_at"),
    text("holder"),
    whole("amount"),
    count("spent"),
    whole("expires_at"),
    whole("updated_at"),
    UniqueConstraint("kind", "subject", "starts_at", "holder"),
    Index(None, "expires_at"),
)
"""A slice of an allowance that one process spends: `kind` is budget or rate, `subject` the budget's id or the limit's
name, `starts_at` the period it is of. `amount` is all that the holder was granted since the period began, `spent` what
of it is used up; the difference is what it has in hand."""
