"""Any worker can tell of all, also of those that are gone."""

from pathlib import Path

from tests.telemetry.test_meters import meters, record

from wye.telemetry.meters import Meters
from wye.telemetry.shelf import Shelf, Sums, together


def counted(number: int, **members: object) -> Meters:
    one = meters()
    for _ in range(number):
        one.observe(record(input_tokens=3, first_token=40_000, **members))
    return one


def sums(one: Meters, **cache: int) -> Sums:
    return Sums(models=list(one.models.values()), cache=cache)


def test_what_was_laid_down_comes_back_as_it_was(tmp_path: Path) -> None:
    one, other = Shelf(tmp_path), Shelf(tmp_path)
    told = sums(counted(3), hit=1)
    one.lay(told)
    assert other.others() == [told]
    assert one.others() == []


def test_workers_add_up(tmp_path: Path) -> None:
    one, other, third = (Shelf(tmp_path) for _ in range(3))
    one.lay(sums(counted(3), hit=1, miss=2))
    other.lay(sums(counted(4), hit=5))
    other.lay(sums(counted(5, model="m2"), hit=6))
    total = together([sums(counted(1)), *third.others()])
    requests = {(one.provider, one.model): one.requests["chat", "ok"] for one in total.models}
    assert requests == {("up", "m"): 4, ("up", "m2"): 5}
    assert total.cache == {"hit": 7, "miss": 2}


def test_a_file_that_is_no_such_thing_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "1-a.sums").write_bytes(b"\xc1")
    (tmp_path / "2-b.draft").write_bytes(b"")
    assert Shelf(tmp_path).others() == []


def test_a_folder_that_is_gone_is_no_reason_to_stop(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "gone")
    shelf.lay(sums(counted(1)))
    assert shelf.others() == []
