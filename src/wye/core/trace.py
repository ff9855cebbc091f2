"""What follows one exchange for people who look at many systems at once."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from wye.core.plan import Attempt, Outcome
from wye.core.response import ModelResponse, StreamChunk


class Trace(Protocol):
    """One exchange as it is traced. Nothing of it raises or waits."""

    headers: Mapping[str, str]
    """What the call under way carries, so that whoever gets it can go on with the trace."""
    id: str
    """The trace's own name."""

    def begin(self, attempt: Attempt) -> None:
        """See a call begin."""

    def end(self, outcome: Outcome) -> None:
        """See it end."""

    def answered(self, response: ModelResponse) -> None:
        """See a whole answer, where what is said is to be seen."""

    def said(self, chunks: Sequence[StreamChunk]) -> None:
        """See pieces of one."""
