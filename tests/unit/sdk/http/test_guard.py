"""No connection to an address nobody allowed, however it is spelled or resolved."""

import socket
from typing import Any

import pytest
from tests.unit.sdk.http.clients import a_client, failure_of
from tests.unit.sdk.http.raw_server import Exchange, raw_server

from knect.sdk.errors import Fatal
from knect.sdk.http import Egress

FORBIDDEN_ADDRESSES = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "10.255.255.255", "172.16.0.1",
    "172.31.255.254", "192.168.1.1", "169.254.169.254", "169.254.170.2", "100.64.0.1",
    "100.100.100.200", "168.63.129.16", "192.0.0.192", "198.18.0.1", "224.0.0.1", "239.1.1.1",
    "240.0.0.1", "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
    "::ffff:a00:1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::",
    "2002:a9fe:a9fe::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1",
    "2001:db8::1",
]  # fmt: skip

SPELLINGS = [
    "127.0.0.1", "127.1", "127.0.1", "0x7f.1", "0x7f000001", "2130706433", "0177.0.0.1",
    "017700000001", "0x7f.0x0.0x0.0x1", "0", "0.0.0.0", "localhost", "LOCALHOST", "localhost.",
    "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]",
    "①②⑦.⓪.⓪.①", "127。0。0。1", "169.254.169.254", "0xa9fea9fe", "2852039166", "[fe80::1]",
    "[64:ff9b::169.254.169.254]", "user@127.0.0.1", "127.0.0.1%2f@127.0.0.1", "010.0.0.1",
]  # fmt: skip


@pytest.mark.parametrize("address", FORBIDDEN_ADDRESSES)
def test_address_is_forbidden(address: str) -> None:
    assert not Egress().is_allowed("shop.example", address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "23.227.38.33", "2606:4700::1111", "64:ff9b::808:808"]
)
def test_public_address_is_allowed(address: str) -> None:
    assert Egress().is_allowed("shop.example", address)


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_no_spelling_gets_through(spelling: str) -> None:
    async def never(exchange: Exchange) -> None:
        raise AssertionError

    async with raw_server(never) as server:
        async with a_client(f"https://{spelling}:{server.port}", allow=()) as client:
            error = await failure_of(client)
        assert server.connections == 0
    assert error.could_have_been_seen is False
    # Some spellings are no host at all, to the library or to the resolver.
    if not isinstance(error, Fatal):
        assert "unknown host" in error.message


async def test_the_sentence_names_host_address_and_remedy() -> None:
    async with a_client("https://localhost:9", allow=()) as client:
        error = await failure_of(client)
    assert isinstance(error, Fatal)
    assert "localhost" in error.message
    assert "127.0.0.1" in error.message or "::1" in error.message
    assert "`--allow HOST` (command line)" in error.message


async def test_plain_http_only_to_hosts_allowed_by_name() -> None:
    async with a_client("http://localhost:9", allow=()) as client:
        error = await failure_of(client)
    assert isinstance(error, Fatal)
    assert "only https://" in error.message


async def test_dns_that_changes_between_look_up_and_connect(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The name is public when it is first asked for, and ours when the socket is made."""
    asked: list[str] = []

    def rebinding(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        address = "93.184.216.34" if len(asked) == 0 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)

    async def never(exchange: Exchange) -> None:
        raise AssertionError

    async with raw_server(never) as server:
        async with a_client(f"https://rebind.example:{server.port}", allow=()) as client:
            error = await failure_of(client)
        assert server.connections == 0
    assert asked == ["rebind.example"]
    assert isinstance(error, Fatal)
    assert error.could_have_been_seen is False


async def test_a_public_name_with_one_private_address_never_uses_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def two(host: str, port: int, **_: Any) -> list[Any]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in ("127.0.0.1", "169.254.169.254")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", two)
    async with a_client("https://two.example:9", allow=()) as client:
        error = await failure_of(client)
    assert isinstance(error, Fatal)


@pytest.mark.parametrize("allow", ["127.0.0.1", "127.0.0.0/8", "localhost"])
async def test_what_is_allowed_by_name_or_network_is_reached(allow: str) -> None:
    async def ok(exchange: Exchange) -> None:
        await exchange.answer()

    host = "localhost" if allow == "localhost" else "127.0.0.1"
    async with (
        raw_server(ok) as server,
        a_client(f"http://{host}:{server.port}", allow=(allow,)) as client,
    ):
        assert (await client.request("GET", "/x", template="/x")).data == {}


@pytest.mark.parametrize(
    ("allow", "host", "address", "expected"),
    [
        ("10.1.0.0/16", "erp.acme", "10.1.2.3", True),
        ("10.1.0.0/16", "erp.acme", "10.2.2.3", False),
        ("10.1.0.0/16", "erp.acme", "::ffff:10.1.2.3", True),
        ("erp.acme", "ERP.acme.", "10.1.2.3", True),
        ("erp.acme", "erp.acme.evil", "10.1.2.3", False),
        ("fd00::/8", "erp.acme", "fd12::1", True),
        ("[::1]", "erp.acme", "::1", True),
    ],
)
def test_allow_list(allow: str, host: str, address: str, expected: bool) -> None:
    assert Egress([allow]).is_allowed(host, address) is expected
