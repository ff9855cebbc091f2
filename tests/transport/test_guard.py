"""An endpoint that nobody vouched for reaches public addresses only, and the address that was checked."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.upstream import Reply, Upstream
from tests.transport.conftest import Connect

from wye.core.errors import AddressRefusedError, ConnectionFailedError
from wye.transport import guard
from wye.transport.guard import is_public, public_addresses
from wye.transport.secure import SecureTransport

DEADLINE = 20.0
on_asyncio = pytest.mark.asyncio(loop_factories=["asyncio"])

PRIVATE = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.1.2.3",
    "168.63.129.16",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.168.0.1", "198.18.0.1",
    "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "ff0e::1", "100::1",
    "2001:db8::1", "4000::1", "::127.0.0.1", "::10.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "::ffff:169.254.169.254", "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::127.0.0.1", "2002:7f00:1::", "2002:a00:1::1", "2002:a9fe:a9fe::",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
]  # fmt: skip
PUBLIC = [
    "1.1.1.1", "8.8.8.8", "93.184.216.34", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "192.167.1.1",
    "198.17.255.255", "223.255.255.1", "2606:4700:4700::1111", "2001:4860:4860::8888", "2a00:1450:4001::1",
    "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_of_nobody_or_of_this_network_is_private(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_wrapping_an_address_in_ipv6_does_not_make_it_public(address: Any) -> None:
    a, b = int(address) >> 16, int(address) & 0xFFFF
    for wrapped in (f"::ffff:{address}", f"64:ff9b::{address}", f"2002:{a:x}:{b:x}::1"):
        assert is_public(wrapped) == is_public(str(address)), wrapped


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "0", "0.0.0.0"])
async def test_a_guarded_transport_does_not_reach_this_machine(either: Connect, upstream: Upstream, host: str) -> None:
    upstream.reply_with(Reply.json({}))
    transport = either(upstream.url.replace("127.0.0.1", host), guarded=True)
    with pytest.raises(AddressRefusedError, match="allow_private_network"):
        await transport.send("/chat", {}, b"{}", DEADLINE)
    with pytest.raises(AddressRefusedError):
        async with transport.stream("/chat", {}, b"{}", DEADLINE):
            pass
    assert upstream.connections == 0


@pytest.mark.parametrize("host", ["[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[fe80::1]"])
async def test_a_guarded_transport_does_not_reach_this_machine_by_ipv6(either: Connect, host: str) -> None:
    with pytest.raises((AddressRefusedError, ConnectionFailedError)) as raised:
        await either(f"http://{host}:9", guarded=True).send("/chat", {}, b"{}", DEADLINE)
    assert isinstance(raised.value, AddressRefusedError) or "resolved" in raised.value.message


async def test_a_transport_that_is_not_guarded_reaches_this_machine(either: Connect, upstream: Upstream) -> None:
    upstream.reply_with(Reply.json({}))
    assert (await either(upstream.url).send("/chat", {}, b"{}", DEADLINE)).status == 200


Answers = Callable[[list[str]], list[str]]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[list[str]]], list[str]]:
    """Force what names resolve to, lookup by lookup; returns the list that the names looked up go into."""

    def answer_with(answers: list[list[str]]) -> list[str]:
        asked: list[str] = []

        async def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
            asked.append(host)
            now = answers.pop(0) if len(answers) > 1 else answers[0]
            return [(2, 1, 6, "", (address, port)) for address in now]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
        return asked

    return answer_with


Resolve = Callable[[list[list[str]]], list[str]]


@on_asyncio
async def test_one_private_address_among_public_ones_is_enough_to_refuse(resolver: Resolve) -> None:
    resolver([["8.8.8.8", "10.0.0.1"]])
    with pytest.raises(AddressRefusedError):
        await public_addresses("mixed.test", 443)


@on_asyncio
async def test_a_name_without_an_address_is_a_connection_error() -> None:
    with pytest.raises(ConnectionFailedError, match=r"'no-such-host\.invalid' cannot be resolved"):
        await public_addresses("no-such-host.invalid", 443)


@on_asyncio
async def test_the_address_that_was_checked_is_the_one_connected_to(
    either: Connect, upstream: Upstream, resolver: Resolve, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The only server at hand is this machine: let it pass for public, and let the second look at the name find nothing.
    monkeypatch.setattr(guard, "is_public", lambda address: address == "127.0.0.1")
    upstream.reply_with(Reply.json({}))
    asked = resolver([["127.0.0.1"], ["127.0.0.2"]])
    transport = either(upstream.url.replace("127.0.0.1", "rebind.test"), guarded=True)
    assert (await transport.send("/chat", {}, b"{}", DEADLINE)).status == 200
    assert asked == ["rebind.test"]
    assert upstream.received[0].headers["host"].startswith("rebind.test:")


@on_asyncio
async def test_every_address_of_a_host_is_tried(
    either: Connect, upstream: Upstream, resolver: Resolve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "is_public", lambda address: address.startswith("127."))
    upstream.reply_with(Reply.json({}))
    resolver([["127.0.0.2", "127.0.0.3", "127.0.0.1"]])  # the server listens on the last one only
    transport = either(upstream.url.replace("127.0.0.1", "many.test"), guarded=True)
    for _ in range(2):
        assert (await transport.send("/chat", {}, b"{}", DEADLINE)).status == 200
        async with transport.stream("/chat", {}, b"{}", DEADLINE) as answer:
            assert answer.status == 200
    assert len(upstream.received) == 4


@on_asyncio
async def test_a_host_whose_every_address_refuses_is_a_connection_error(
    either: Connect, resolver: Resolve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "is_public", lambda address: address.startswith("127."))
    resolver([["127.0.0.2", "127.0.0.3"]])
    with pytest.raises(ConnectionFailedError):
        await either("http://many.test:9", guarded=True).send("/chat", {}, b"{}", DEADLINE)


@on_asyncio
async def test_a_name_that_turns_private_is_refused_once_it_is_looked_up_again(
    secure: Connect, upstream: Upstream, resolver: Resolve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "is_public", lambda address: address == "127.0.0.1")
    upstream.reply_with(Reply.json({}))
    asked = resolver([["127.0.0.1"], ["127.0.0.1"], ["10.0.0.1"]])
    transport = secure(upstream.url.replace("127.0.0.1", "rebind.test"), guarded=True)
    assert isinstance(transport, SecureTransport)
    for _ in range(2):
        await transport.send("/chat", {}, b"{}", DEADLINE)
        transport._pinned_until = 0.0
    assert upstream.connections == 1, "the same address keeps its client and its connections"
    with pytest.raises(AddressRefusedError):
        await transport.send("/chat", {}, b"{}", DEADLINE)
    assert len(asked) == 3
