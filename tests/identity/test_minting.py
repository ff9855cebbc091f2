"""A key is shown once, tells where it is from, and is stored as nothing that opens anything."""

import pytest

from wye.identity.minting import LONGEST, hashed, is_key, mint, new_pepper

PEPPER = b"0" * 32


def test_a_key_is_found_by_its_hash_and_shown_by_its_prefix() -> None:
    made = mint(PEPPER)
    key = made.secret.reveal()
    assert is_key(key.encode())
    assert key.startswith(made.prefix + "-")
    assert made.hash == hashed(key.encode(), PEPPER)
    assert key[len(made.prefix) + 1 :] not in repr(made)
    assert made.hash not in key


def test_no_two_keys_are_alike() -> None:
    assert len({mint(PEPPER).secret.reveal() for _ in range(1000)}) == 1000


def test_a_stored_hash_is_worth_nothing_without_the_pepper() -> None:
    key = mint(PEPPER).secret.reveal().encode()
    assert len({hashed(key, PEPPER), hashed(key, new_pepper()), hashed(key, b"")}) == 3


@pytest.mark.parametrize(
    "given",
    [
        b"",
        b"wye-sk-",
        b"wye-sk-abcdefgh",
        b"wye-sk-abcdefgh-",
        b"wye-sk-abcdefgh-" + b"a" * 31,
        b"wye-sk-abcdefgh-" + b"a" * 65,
        b"wye-sk-abcdefgh-" + b"a" * 31 + b"\n",
        b"wye-sk-abcdefgh-" + b"a" * 31 + b"\xc3\xa9",
        b"wye-sk-abcdefg\x00-" + b"a" * 40,
        b"WYE-SK-abcdefgh-" + b"a" * 40,
        b"sk-abcdefgh-" + b"a" * 40,
        b" wye-sk-abcdefgh-" + b"a" * 40,
        b"wye-sk-' OR 1=1-" + b"a" * 40,
        b"wye-sk-abcdefgh-" + b"a" * LONGEST,
        b"a" * 1_000_000,
    ],
)
def test_what_is_not_written_like_a_key_is_none(given: bytes) -> None:
    assert not is_key(given)
