"""What judges said of answers: who won, or what they scored; nothing of what was asked and answered."""

from typing import Final

from sqlalchemy import Index, Table

from wye.store.tables.schema import METADATA, document, flag, text, whole

evaluations: Final = Table(
    "evaluations",
    METADATA,
    text("id", primary_key=True),
    whole("at"),
    text("user_id"),
    text("team_id", optional=True),
    text("kind"),
    text("name", server_default=""),
    text("judge"),
    text("model_a", server_default=""),
    text("model_b", optional=True),
    text("winner", optional=True),
    flag("agreed", default=True),
    document("scores"),
    whole("score", optional=True),
    whole("cost", optional=True),
    Index(None, "at"),
    Index(None, "user_id", "at"),
)
"""`kind` is pairwise or rubric, `name` what it was part of, `judge` a model's full id, `model_a` and `model_b` whatever
the answers were said to be from. `winner` is a, b or tie, `agreed` false where the judge changed its mind with the
order. `scores` are by criterion; `score` is their mean in thousandths of the best."""
