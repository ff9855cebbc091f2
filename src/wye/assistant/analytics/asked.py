"""What the analytics tools are asked with: a time, filters, and the books as their caller may see them."""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

from wye.core.caller import Caller
from wye.engine import Engine
from wye.insights.reach import reach_of
from wye.insights.spans import span_of
from wye.insights.window import Source
from wye.store.reports import Filters, Reach, Span

Since: TypeAlias = Annotated[
    str, Meta(max_length=40, description="From when: so long ago (36h, 30d, 2w), a day, or a time in ISO 8601, UTC.")
]
Until: TypeAlias = Annotated[str, Meta(max_length=40, description="Until when; the same forms. Left out: now.")]
Name: TypeAlias = Annotated[str, Meta(max_length=256)]
Rows: TypeAlias = Annotated[int, Meta(ge=1, le=200, description="How many rows at most.")]
Dimension: TypeAlias = Literal["model", "provider", "user", "key", "team", "conversation", "tag"]
Step: TypeAlias = Literal["hour", "day", "week", "month"]


class Viewer(Struct, frozen=True, kw_only=True):
    """Who asks, and when: `now` is microseconds since the epoch, `room` the characters an answer may take."""

    caller: Caller
    now: int
    conversation: str | None = None
    room: int = 16_000

    @property
    def reach(self) -> Reach:
        """Whose rows may be seen. Raises `PermissionDeniedError` for who may read nothing."""
        return reach_of(self.caller)


class When(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A time."""

    since: Since | None = None
    until: Until | None = None

    def span(self, viewer: Viewer, *, days: int = 30) -> Span:
        """Return the hours that are meant, the last `days` where nothing is said. Raises `InvalidRequestError`."""
        return span_of(viewer.now, self.since, self.until, hours=24 * days)


class Asked(When, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A time and filters."""

    provider: Name | None = None
    model: Annotated[str, Meta(max_length=256, description="provider/model, or the model's id alone")] | None = None
    user: Name | None = None
    key: Name | None = None
    team: Name | None = None
    conversation: Name | None = None
    tag: Name | None = None

    def filters(self) -> Filters:
        """Return the filters."""
        provider, model = self.provider, self.model
        if model is not None and "/" in model and provider is None:
            provider, _, model = model.partition("/")
        return Filters(
            provider=provider,
            model=model,
            user=self.user,
            key=self.key,
            team=self.team,
            conversation=self.conversation,
            tag=self.tag,
        )


class Books(Struct, frozen=True):
    """What the tools answer from: an engine, and the books it keeps."""

    engine: Engine
    source: Source
