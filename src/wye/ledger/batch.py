"""What a writer takes from a journal at a time."""

from msgspec import Struct

from wye.core.record import UsageRecord


class Batch(Struct, frozen=True):
    """Records that are over, and how far the journal is read with them: a file's number and a place in it."""

    records: list[UsageRecord]
    until: tuple[int, int]
