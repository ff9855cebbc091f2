"""What went out with a user's own keys is charged to no budget."""

from msgspec import structs

from wye.core.charges import charges_of, cost_of
from wye.core.record import UsageRecord


def test_what_a_user_pays_itself_is_charged_to_no_budget() -> None:
    record = UsageRecord(id="r", at=0, user="u", status="ok", provider="p", model="m", cost=5, key="k")
    assert charges_of(record)["user", "u"] == 5
    own = structs.replace(record, uncharged=True)
    assert (charges_of(own), cost_of(own), own.cost) == ({}, 0, 5)
