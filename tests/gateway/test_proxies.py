"""Where a request came from is what proxies of the operator's own say, and nobody's word besides."""

from collections.abc import Iterator

import pytest
from tests.support.gateway import Running, serving

from wye.core.errors import ConfigurationError
from wye.gateway.proxies import Proxies
from wye.identity.throttle import Throttle

ADMIN_KEY = "wye-admin-0123456789abcdefghij"


def origin(peer: str | None, *said: str, trusted: tuple[str, ...] = ("10.0.0.0/8", "2001:db8::/32")) -> str:
    headers = [(b"host", b"wye"), *((b"x-forwarded-for", one.encode()) for one in said)]
    return Proxies(trusted).origin({"client": None if peer is None else (peer, 1), "headers": headers})


@pytest.mark.parametrize(
    ("peer", "said", "found"),
    [
        ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["198.51.100.1", "203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["198.51.100.1, 203.0.113.9, 10.0.0.2", "10.0.0.3"], "203.0.113.9"),
        ("10.0.0.1", ["10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["203.0.113.9:4711"], "203.0.113.9"),
        ("2001:db8::1", ["[2001:dead::9]:443"], "2001:dead::9"),
        ("::ffff:10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
    ],
)
def test_the_last_that_is_no_proxy_of_ours_is_whom_it_came_from(peer: str, said: list[str], found: str) -> None:
    assert origin(peer, *said) == found


@pytest.mark.parametrize("said", [[], [""], ["unknown"], ["198.51.100.1, unknown"], ["\xff"], [","]])
def test_where_a_proxy_says_nothing_of_use_it_is_the_proxy_itself(said: list[str]) -> None:
    assert origin("10.0.0.1", *said) == "10.0.0.1"


@pytest.mark.parametrize("peer", ["203.0.113.1", "", None, "not an address"])
def test_whoever_is_no_proxy_of_ours_says_nothing_of_others(peer: str | None) -> None:
    assert origin(peer, "198.51.100.1") == (peer or "")


def test_without_proxies_the_header_means_nothing() -> None:
    assert origin("10.0.0.1", "198.51.100.1", trusted=()) == "10.0.0.1"


@pytest.mark.parametrize("wrong", ["proxy.internal", "10.0.0.0/99", ""])
def test_what_is_neither_address_nor_network_is_named_with_what_to_write(wrong: str) -> None:
    with pytest.raises(ConfigurationError, match=r"10\.0\.0\.0/8"):
        Proxies(["10.0.0.1", wrong])


# --- Over HTTP ---


@pytest.fixture
def locked() -> Iterator[Running]:
    settings = '[server]\nadmin_key = "env:KEY_OF_OURS"\ntrusted_proxies = ["127.0.0.1"]\n'
    with serving(settings, environ={"KEY_OF_OURS": ADMIN_KEY}) as gateway:
        gateway.gateway._gate._throttle = Throttle(lambda: 0.0)  # time stands still
        yield gateway


def ask(gateway: Running, key: str, address: str) -> int:
    return gateway.get("/v1/models", {"authorization": f"Bearer {key}", "x-forwarded-for": address}).status


def test_who_guesses_keys_keeps_nobody_else_behind_the_proxy_waiting(locked: Running) -> None:
    assert [ask(locked, f"guess {number}", "203.0.113.9") for number in range(12)][::11] == [401, 429]
    assert ask(locked, "mistyped", "203.0.113.10") == 401
    sign_in = {"x-forwarded-for": "203.0.113.9", "sec-fetch-site": "same-origin"}
    assert locked.request("POST", "/api/session", b'{"key": "guess"}', sign_in).status == 429


def test_the_right_admin_key_opens_whatever_others_tried_from_the_same_address(locked: Running) -> None:
    assert [ask(locked, f"guess {number}", "203.0.113.9") for number in range(12)][-1] == 429
    assert ask(locked, ADMIN_KEY, "203.0.113.9") == 200
