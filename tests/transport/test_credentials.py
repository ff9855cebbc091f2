"""Credentials that expire are renewed in time, once for everybody, and never shown."""

import asyncio
import math
import time
from collections.abc import Callable, Mapping

import pytest

from wye.core.errors import ProviderAuthenticationError, UpstreamTimeoutError
from wye.transport import HttpReply, HttpStream
from wye.transport.credentials import BearerToken, Grant, Keeper, SignedTransport


class Mint:
    """Makes tokens that hold so many seconds, or fails."""

    def __init__(self, *lives: float, seconds: float = 0.0) -> None:
        self._lives = list(lives)
        self._seconds = seconds
        self.made = 0
        self.failing = False

    def __call__(self) -> Grant[str]:
        time.sleep(self._seconds)
        self.made += 1
        if self.failing:
            raise OSError("secret-token-0 is refused")
        life = self._lives.pop(0) if len(self._lives) > 1 else self._lives[0]
        ends = time.time() + life
        return Grant(f"secret-token-{self.made}", ends=ends, renew=ends - 300)


def kept(fetch: Callable[[], Grant[str]]) -> Keeper[str]:
    return Keeper("Acme", fetch)


async def test_a_token_is_fetched_once_for_all_who_wait() -> None:
    mint = Mint(3600, seconds=0.05)
    keeper = kept(mint)
    assert set(await asyncio.gather(*(keeper.get() for _ in range(50)))) == {"secret-token-1"}
    assert mint.made == 1


async def test_a_token_near_its_end_is_renewed_while_the_old_one_is_used() -> None:
    mint = Mint(200, 3600, seconds=0.05)
    keeper = kept(mint)
    assert await keeper.get() == "secret-token-1"
    started = time.perf_counter()
    assert [await keeper.get() for _ in range(20)] == ["secret-token-1"] * 20
    assert time.perf_counter() - started < 0.05
    await asyncio.sleep(0.2)
    assert await keeper.get() == "secret-token-2"
    assert mint.made == 2


async def test_a_token_that_has_all_but_ended_is_waited_for() -> None:
    mint = Mint(20, 3600)
    keeper = kept(mint)
    assert await keeper.get() == "secret-token-1"
    assert await keeper.get() == "secret-token-2"


async def test_while_the_old_token_holds_a_failing_renewal_is_no_error_and_not_tried_at_once_again() -> None:
    mint = Mint(200)
    keeper = kept(mint)
    await keeper.get()
    mint.failing = True
    for _ in range(5):
        assert await keeper.get() == "secret-token-1"
        await asyncio.sleep(0.02)
    assert mint.made == 2


async def test_without_a_token_a_failure_reaches_every_caller_and_says_nothing_secret() -> None:
    mint = Mint(3600, seconds=0.02)
    mint.failing = True
    keeper = kept(mint)
    errors = await asyncio.gather(*(keeper.get() for _ in range(10)), return_exceptions=True)
    assert {type(error) for error in errors} == {ProviderAuthenticationError}
    assert mint.made == 1
    assert str(errors[0]) == "Acme: the credentials could not be renewed (OSError)"
    mint.failing = False
    assert await keeper.get() == "secret-token-2"


async def test_a_caller_who_leaves_does_not_take_the_token_from_the_others() -> None:
    keeper = kept(Mint(3600, seconds=0.1))
    leaving = asyncio.create_task(keeper.get())
    staying = asyncio.create_task(keeper.get())
    await asyncio.sleep(0.02)
    leaving.cancel()
    assert await staying == "secret-token-1"


async def test_headers_are_the_same_object_while_the_token_is_the_same() -> None:
    token = BearerToken(kept(Mint(3600)), {"x-more": "1"})
    given = {"content-type": "application/json"}
    first = await token.headers("POST", "http://x", given, b"1")
    assert await token.headers("POST", "http://x", given, b"2") is first
    assert first == {"content-type": "application/json", "x-more": "1", "authorization": "Bearer secret-token-1"}


async def test_a_renewal_that_takes_too_long_is_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wye.transport.credentials._PATIENCE_SECONDS", 0.02)
    with pytest.raises(ProviderAuthenticationError, match="nothing came within"):
        await kept(Mint(3600, seconds=0.1)).get()


class Noting:
    """A transport that answers everything, and notes how long each answer may take."""

    def __init__(self) -> None:
        self.given: list[float] = []

    async def send(self, path: str, headers: Mapping[str, str], body: bytes, deadline: float) -> HttpReply:
        del path, headers, body
        self.given.append(deadline)
        return HttpReply(200, dict, b"{}")

    async def get(self, path: str, headers: Mapping[str, str], deadline: float) -> HttpReply:
        return await self.send(path, headers, b"", deadline)

    def stream(self, path: str, headers: Mapping[str, str], body: bytes, deadline: float = math.inf) -> HttpStream:
        raise NotImplementedError

    async def aclose(self) -> None: ...


async def test_a_renewal_takes_its_time_from_the_deadline() -> None:
    inner = Noting()
    transport = SignedTransport(inner, "http://x", BearerToken(kept(Mint(3600, seconds=0.05))))
    await transport.send("/", {}, b"", 10.0)
    assert inner.given[0] <= 10.0 - 0.05


async def test_a_renewal_that_does_not_end_by_the_deadline_is_a_timeout() -> None:
    transport = SignedTransport(Noting(), "http://x", BearerToken(kept(Mint(3600, seconds=0.3))))
    with pytest.raises(UpstreamTimeoutError, match="not renewed in time"):
        await transport.send("/", {}, b"", 0.01)
