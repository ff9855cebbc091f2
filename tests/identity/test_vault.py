"""What is sealed opens where it belongs, with the keys that are set, and nowhere else."""

import base64

import pytest

from wye.core.errors import ConfigurationError
from wye.core.secret import Secret
from wye.identity.vault import SealBrokenError, Vault, VaultClosedError

KEY = Secret("sk-provider-0123456789abcdefghij")
OLD, NEW = "old-secret-0123456789", "new-secret-0123456789"


def vault(*words: str) -> Vault:
    return Vault(Secret(",".join(words)) if words else None)


def test_what_is_sealed_opens_again_and_shows_nothing() -> None:
    sealed = vault(NEW).seal(KEY, "a:1")
    assert vault(NEW).open(sealed, "a:1") == KEY
    assert KEY.reveal() not in sealed
    assert vault(NEW).seal(KEY, "a:1") != sealed


def test_what_is_copied_to_another_place_does_not_open() -> None:
    sealed = vault(NEW).seal(KEY, "user-a:1")
    with pytest.raises(SealBrokenError, match="belongs elsewhere"):
        vault(NEW).open(sealed, "user-b:1")


def test_a_key_is_replaced_in_three_steps() -> None:
    sealed = vault(OLD).seal(KEY, "a")
    both = vault(NEW, OLD)
    assert both.open(sealed, "a") == KEY
    assert not both.is_current(sealed)
    again = both.seal(both.open(sealed, "a"), "a")
    assert both.is_current(again)
    assert vault(NEW).open(again, "a") == KEY
    with pytest.raises(SealBrokenError, match="another WYE_SECRET_KEY"):
        vault(NEW).open(sealed, "a")


@pytest.mark.parametrize("at", range(0, 60, 7))
def test_what_was_tampered_with_does_not_open(at: int) -> None:
    head, _, text = vault(NEW).seal(KEY, "a").rpartition(".")
    raw = bytearray(base64.urlsafe_b64decode(text))
    raw[at % len(raw)] ^= 1
    with pytest.raises(SealBrokenError):
        vault(NEW).open(f"{head}.{base64.urlsafe_b64encode(bytes(raw)).decode()}", "a")


@pytest.mark.parametrize("stored", ["", "w1", "w1.x.y", "sk-plain", "w2.00000000.AAAA", "w1..", "w1.é.é"])
def test_what_was_never_sealed_does_not_open(stored: str) -> None:
    with pytest.raises(SealBrokenError):
        vault(NEW).open(stored, "a")


def test_without_a_key_nothing_is_kept_and_the_operator_is_told_how() -> None:
    closed = Vault.from_environment({"WYE_SECRET_KEY": " "})
    assert not closed.is_open
    with pytest.raises(VaultClosedError, match="set WYE_SECRET_KEY"):
        closed.seal(KEY, "a")
    with pytest.raises(VaultClosedError):
        closed.open("w1.x.y", "a")


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="at least 16"):
        vault(NEW, "short")
