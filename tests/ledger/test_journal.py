"""The journal keeps what was written over any crash, in order, within its limit, and with flat memory."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.support.books import used

from wye.core.errors import BooksUnavailableError, ConfigurationError
from wye.core.record import AttemptRecord, UsageRecord
from wye.ledger.journal import RESERVED, Journal
from wye.ledger.leftovers import Leftovers, find, size_of
from wye.ledger.segment import START, Segment, segments_of

SMALL = 64 * 1024


def let_in(journal: Journal, **more: Any) -> UsageRecord:
    record = used(status="lost", cost=None, **more)
    journal.admitted(record)
    return record


def journal_in(folder: Path, *, limit: int = 8 * SMALL) -> Journal:
    journal = Journal(folder, limit=limit, segment_bytes=SMALL)
    journal.open()
    return journal


def fill(journal: Journal, records: list[UsageRecord], *, settle: bool = False) -> None:
    """Let requests in until there is no room."""
    while True:
        records.append(let_in(journal))
        if settle:
            journal.settled(records[-1])


def crash(journal: Journal) -> None:
    """Die as by kill -9: nothing is written any more, and the lock is gone."""
    os.close(journal._lock)
    os.close(journal._cursor)


def left_behind(root: Path) -> list[UsageRecord]:
    """Return what the next process finds, and take the folder away."""
    found: list[UsageRecord] = []
    for leftovers in find(root):
        while (batch := leftovers.read(7)).records:
            found += batch.records
            leftovers.done(batch)
        leftovers.remove()
    return found


def test_what_is_over_is_read_in_order_and_once(tmp_path: Path) -> None:
    journal = journal_in(tmp_path)
    records = [let_in(journal) for _ in range(5)]
    for record in records:
        journal.settled(record)
    first = journal.read(3)
    journal.done(first)
    second = journal.read(3)
    journal.done(second)
    assert [*first.records, *second.records] == records
    assert journal.read(3).records == []


def test_a_batch_that_is_not_done_comes_again(tmp_path: Path) -> None:
    journal = journal_in(tmp_path)
    record = let_in(journal)
    journal.settled(record)
    assert journal.read(10).records == journal.read(10).records == [record]


def test_a_killed_process_leaves_what_was_over_and_loses_what_was_not(tmp_path: Path) -> None:
    journal = journal_in(tmp_path)
    over, open_ = let_in(journal), let_in(journal, hold=99)
    journal.settled(over)
    crash(journal)
    found = left_behind(tmp_path)
    assert [(one.id, one.status, one.hold) for one in found] == [
        (over.id, "lost", None),
        (open_.id, "lost", 99),
    ]
    assert list(tmp_path.iterdir()) == []


def test_nobody_takes_the_journal_of_a_living_process(tmp_path: Path) -> None:
    journal = journal_in(tmp_path)
    let_in(journal)
    assert find(tmp_path) == []
    assert size_of(tmp_path) == 2 * SMALL
    assert size_of(tmp_path, journal.folder) == 0


def test_a_journal_that_was_brought_to_the_database_goes(tmp_path: Path) -> None:
    journal = journal_in(tmp_path)
    record = let_in(journal)
    journal.settled(record)
    journal.done(journal.read(10))
    journal.close()
    assert list(tmp_path.iterdir()) == []


def test_a_journal_that_was_not_stays_for_the_next_process(tmp_path: Path) -> None:
    journal = journal_in(tmp_path)
    record = let_in(journal)
    journal.settled(record)
    journal.close()
    assert left_behind(tmp_path) == [record]


def test_a_full_spool_refuses_at_the_door_and_keeps_room_for_every_end(tmp_path: Path) -> None:
    journal = journal_in(tmp_path)
    records: list[UsageRecord] = []
    with pytest.raises(BooksUnavailableError, match="spool_limit") as refused:
        fill(journal, records)
    assert refused.value.retry_after == 5
    long = tuple(AttemptRecord(provider="p" * 60, model="m" * 60, at=1, duration=1) for _ in range(20))
    for record in records:
        journal.settled(used(id=record.id, at=record.at, attempts=long))
    assert journal.size <= 8 * SMALL
    assert journal.open_requests == 0


def test_there_is_room_again_once_the_database_took_some(tmp_path: Path) -> None:
    now = [0.0]
    journal = Journal(tmp_path, limit=8 * SMALL, segment_bytes=SMALL, clock=lambda: now[0])
    journal.open()
    with pytest.raises(BooksUnavailableError):
        fill(journal, [], settle=True)
    while (batch := journal.read(500)).records:
        journal.done(batch)
    now[0] += 1
    let_in(journal)


def test_what_other_processes_keep_counts_as_well(tmp_path: Path) -> None:
    journal = journal_in(tmp_path)
    journal.elsewhere = 7 * SMALL
    with pytest.raises(BooksUnavailableError):
        fill(journal, [])


def test_a_full_disk_refuses_and_leaves_no_half_made_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = journal_in(tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    records: list[UsageRecord] = []
    with pytest.raises(BooksUnavailableError, match="No space left on device"):
        fill(journal, records)
    for record in records:
        journal.settled(record)
    assert len(segments_of(journal.folder)) == 2
    assert len(journal.read(1000).records) == len(records)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"\[store\] spool"):
        Journal(tmp_path / "file", limit=8 * SMALL).open()


def test_a_long_request_does_not_keep_old_files(tmp_path: Path) -> None:
    journal = journal_in(tmp_path)
    long = let_in(journal, hold=5)
    for _ in range(2000):
        journal.settled(let_in(journal))
        journal.done(journal.read(500))
    assert journal.size <= 3 * SMALL
    crash(journal)
    assert left_behind(tmp_path)[-1:] == [long]


def test_a_record_too_long_for_its_room_goes_without_its_attempts(tmp_path: Path) -> None:
    journal = journal_in(tmp_path)
    record = let_in(journal)
    many = tuple(AttemptRecord(provider="p", model="m" * 200, at=1, duration=1) for _ in range(40))
    journal.settled(used(id=record.id, tries=40, attempts=many))
    (found,) = journal.read(10).records
    assert (found.tries, found.attempts) == (40, ())
    assert RESERVED == 4096


def test_memory_is_flat_while_nobody_reads(tmp_path: Path) -> None:
    journal = Journal(tmp_path, limit=64 * 1024 * 1024, segment_bytes=SMALL)
    journal.open()

    def mapped() -> int:
        return Path("/proc/self/maps").read_text().count(str(journal.folder))

    for _ in range(5000):
        journal.settled(let_in(journal))
    assert len(segments_of(journal.folder)) > 10
    assert mapped() <= 2


@given(cut=st.integers(min_value=0, max_value=4000), noise=st.binary(max_size=40))
@settings(deadline=None, max_examples=60)
def test_whatever_is_torn_everything_before_it_is_read(
    tmp_path_factory: pytest.TempPathFactory, cut: int, noise: bytes
) -> None:
    root = tmp_path_factory.mktemp("torn")
    journal = journal_in(root)
    records, ends = [], []
    for _ in range(8):
        records.append(let_in(journal))
        journal.settled(records[-1])
        ends.append(journal._writing[0].at)
    crash(journal)
    file = segments_of(journal.folder)[0]
    at = START + cut
    whole = file.read_bytes()
    rest = noise.ljust(len(whole) - at, b"\0")[: len(whole) - at]
    torn = whole[:at] + rest
    file.write_bytes(torn)
    settled_before = [record for record, end in zip(records, ends, strict=True) if whole[:end] == torn[:end]]
    found = left_behind(root)
    assert found[: len(settled_before)] == settled_before
    assert len({one.id for one in found}) == len(found)
    assert {one.id for one in found} <= {one.id for one in records}
    shutil.rmtree(root)


def test_a_file_that_is_none_of_a_journal_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "0000000001.journal").write_bytes(b"something else")
    assert list(Segment.open(tmp_path / "0000000001.journal").entries()) == []


class Life(RuleBasedStateMachine):
    """Requests come and end, batches are done or not, processes die: each request is booked, nothing twice."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[UsageRecord] = []
        self.admitted: set[str] = set()
        self.over: dict[str, str] = {}
        self.booked: dict[str, str] = {}

    @initialize()
    def begin(self) -> None:
        self.root = Path(tempfile.mkdtemp())
        self.journal = journal_in(self.root)

    @rule()
    def comes(self) -> None:
        record = let_in(self.journal)
        self.admitted.add(record.id)
        self.open.append(record)

    @rule(count=st.integers(1, 100))
    def many_come_and_end(self, count: int) -> None:
        for _ in range(count):
            record = let_in(self.journal)
            self.admitted.add(record.id)
            self._end(record)

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def ends(self, data: st.DataObject) -> None:
        self._end(self.open.pop(data.draw(st.integers(0, len(self.open) - 1))))

    def _end(self, record: UsageRecord) -> None:
        self.journal.settled(used(id=record.id, at=record.at))
        self.over[record.id] = "ok"

    @rule(most=st.integers(1, 60), done=st.booleans())
    def is_written(self, most: int, *, done: bool) -> None:
        batch = self.journal.read(most)
        self._book(batch.records)
        if done:
            self.journal.done(batch)

    def _book(self, records: list[UsageRecord]) -> None:
        for record in records:  # as the database does: what is there stays
            self.booked.setdefault(record.id, record.status)

    @rule(dies_again=st.booleans())
    def dies(self, *, dies_again: bool) -> None:
        crash(self.journal)
        self.open.clear()
        if dies_again:  # whoever takes over dies as well
            for leftovers in find(self.root):
                batch = leftovers.read(5)
                self._book(batch.records)
                leftovers.done(batch)
                leftovers.close()
        self._book(left_behind(self.root))
        assert set(self.booked) == self.admitted
        self.journal = journal_in(self.root)

    @invariant()
    def says_the_truth(self) -> None:
        for name, status in self.booked.items():
            assert status == self.over.get(name, "lost")

    def teardown(self) -> None:
        self.dies(dies_again=False)
        shutil.rmtree(self.root)


Life.TestCase.settings = settings(deadline=None, max_examples=30, stateful_step_count=25)
TestLife = Life.TestCase


def test_two_processes_never_take_the_same_leftovers(tmp_path: Path) -> None:
    journal = journal_in(tmp_path)
    let_in(journal)
    crash(journal)
    (first,) = find(tmp_path)
    assert find(tmp_path) == []
    first.close()
    assert Leftovers.take(journal.folder) is not None
