"""Request ids are unique and sort by time."""

import multiprocessing

from wye.core.ids import new_request_id


def test_request_ids_are_never_the_same() -> None:
    ids = [new_request_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert all(one.startswith("req_") and len(one) == len(ids[0]) for one in ids)


def test_a_later_request_sorts_after_an_earlier_one() -> None:
    earlier = new_request_id()
    while (later := new_request_id())[:18] == earlier[:18]:
        pass
    assert later > earlier


def test_a_forked_process_has_a_mark_of_its_own() -> None:
    context = multiprocessing.get_context("fork")
    theirs, ours = context.Pipe(duplex=False)
    child = context.Process(target=_tell, args=(ours,))
    child.start()
    told = theirs.recv()
    child.join()
    assert told[18:26] != new_request_id()[18:26]


def _tell(pipe: "multiprocessing.connection.Connection[str, str]") -> None:
    pipe.send(new_request_id())
