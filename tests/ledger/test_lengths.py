"""How long an answer will be is learned from those that were."""

from wye.ledger.lengths import FIRST_GUESS, Lengths


def test_nothing_known_is_a_guess() -> None:
    assert Lengths().likely("k", "p/m") == FIRST_GUESS


def test_answers_of_one_length_are_expected_to_be_as_long() -> None:
    lengths = Lengths()
    for _ in range(20):
        lengths.learn("k", "p/m", 100)
    assert lengths.likely("k", "p/m") == 100


def test_answers_that_differ_are_expected_to_be_longer_than_their_mean() -> None:
    lengths = Lengths()
    for number in range(40):
        lengths.learn("k", "p/m", 50 + 100 * (number % 2))
    assert 180 <= lengths.likely("k", "p/m") <= 220


def test_a_new_key_is_expected_to_be_like_the_others_of_its_model() -> None:
    lengths = Lengths()
    for _ in range(20):
        lengths.learn("k", "p/m", 100)
    assert lengths.likely("new", "p/m") == 100
    assert lengths.likely("new", "p/other") == FIRST_GUESS


def test_old_answers_fade() -> None:
    lengths = Lengths()
    for length in (5000, 100):
        for _ in range(300):
            lengths.learn("k", "p/m", length)
    assert lengths.likely("k", "p/m") < 700
