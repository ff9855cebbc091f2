"""What a user wants goes before what the operator wants, and what the user says of a model of its own before both."""

from msgspec import structs

from wye.core.caller import LOCAL
from wye.dispatch.defaults import NO_DEFAULTS, Defaults, for_caller

ANN = structs.replace(LOCAL, temperature=0.0, max_tokens=50)
OPERATOR = Defaults(temperature=0.7, max_tokens=900, stream=False)


def test_who_wants_nothing_gets_the_same_defaults() -> None:
    assert for_caller(NO_DEFAULTS, LOCAL) is NO_DEFAULTS
    assert for_caller(OPERATOR, LOCAL) is OPERATOR


def test_a_users_wishes_go_first_and_leave_the_rest() -> None:
    assert for_caller(OPERATOR, ANN) == Defaults(temperature=0.0, max_tokens=50, stream=False)
    half = structs.replace(ANN, max_tokens=None)
    assert for_caller(OPERATOR, half) == Defaults(temperature=0.0, max_tokens=900, stream=False)
    assert for_caller(NO_DEFAULTS, ANN) == Defaults(temperature=0.0, max_tokens=50)


def test_what_is_said_of_ones_own_goes_before_ones_wishes() -> None:
    own = Defaults(temperature=1.0)
    assert for_caller(own, ANN, own=True) == Defaults(temperature=1.0, max_tokens=50)
