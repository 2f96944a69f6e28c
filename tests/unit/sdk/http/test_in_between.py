"""What stands between us and a system answers in its place: it is no word of the system.

Must not: be taken for a refusal of a record, for credentials, or for an answer to another request.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable

import pytest
from tests.unit.sdk.http.clients import a_client, failure_of, until
from tests.unit.sdk.http.raw_server import Exchange, RawServer, raw_server
from tests.unit.sdk.http.test_tls import authority  # noqa: F401 - a fixture

from knect.sdk import errors
from knect.sdk.http import Client, Response

PAGE = (
    b"<!DOCTYPE html><html><head><title>Log in</title></head><body>token=page-secret</body></html>"
)
AWAY, NOT_TOLD = errors.Unreachable, errors.UnexpectedAnswer


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, AWAY), (302, AWAY), (407, AWAY), (502, AWAY), (503, AWAY), (504, AWAY), (511, AWAY),
        (520, AWAY), (522, AWAY), (525, AWAY), (530, AWAY),
        (400, NOT_TOLD), (406, NOT_TOLD), (409, NOT_TOLD), (421, NOT_TOLD), (422, NOT_TOLD),
        (431, NOT_TOLD), (495, NOT_TOLD), (497, NOT_TOLD), (500, NOT_TOLD),
    ],
)  # fmt: skip
async def test_a_page_is_no_refusal_and_what_was_sent_may_have_been_seen(
    status: int, expected: type[errors.ConnectorError]
) -> None:
    async def respond(exchange: Exchange) -> None:
        await exchange.answer(PAGE, status=f"{status} X", headers="Content-Type: text/html\r\n")

    async with raw_server(respond) as server, a_client(server.url) as client:
        error = await failure_of(client)
    assert type(error) is expected, error
    assert not error.answered
    assert error.could_have_been_seen
    assert f"{status}" in error.message
    assert error.message.startswith("127.0.0.1: POST /x was answered with ")
    assert "page-secret" not in error.message


@pytest.mark.parametrize("status", [413, 414])
async def test_what_is_too_large_for_a_gateway_is_refused_so_that_a_batch_is_halved(
    status: int,
) -> None:
    async def respond(exchange: Exchange) -> None:
        await exchange.answer(PAGE, status=f"{status} X", headers="Content-Type: text/html\r\n")

    async with raw_server(respond) as server, a_client(server.url) as client:
        assert type(await failure_of(client)) is errors.Refused


async def test_a_proxy_that_wants_a_log_in_is_named() -> None:
    async def respond(exchange: Exchange) -> None:
        head = "Proxy-Authenticate: Basic\r\nContent-Type: text/plain\r\n"
        await exchange.answer(b"", status="407 Proxy Authentication Required", headers=head)

    async with raw_server(respond) as server, a_client(server.url) as client:
        error = await failure_of(client)
    assert error.message == (
        "127.0.0.1: POST /x was answered with 407 Proxy Authentication Required; a proxy or a"
        " network wants a log-in, which Knect has none for: let it reach 127.0.0.1 without"
    )


async def test_a_list_of_addresses_that_keeps_us_out_is_thought_of() -> None:
    async def respond(exchange: Exchange) -> None:
        await exchange.answer(PAGE, status="403 Forbidden", headers="Content-Type: text/html\r\n")

    async with raw_server(respond) as server, a_client(server.url) as client:
        error = await failure_of(client)
    assert isinstance(error, errors.ScopeMissing)
    assert error.message.endswith("or a firewall or a list of addresses keeps Knect out")


async def test_a_gateway_s_advice_is_kept() -> None:
    async def respond(exchange: Exchange) -> None:
        await exchange.answer(PAGE, status="503 X", headers="Retry-After: 120\r\n")

    async with raw_server(respond) as server, a_client(server.url) as client:
        error = await failure_of(client)
    assert isinstance(error, errors.Unreachable)
    assert error.retry_after == 120


@pytest.mark.parametrize(
    ("location", "told"),
    [
        (
            "https://u:s3cret@www.shop.example/api?token=s3cret#s3cret",
            "https://www.shop.example/api",
        ),
        ("/login?next=s3cret", "/login"),
        ("//portal.example/?s3cret", "https://portal.example/"),
    ],
)
async def test_a_redirect_is_told_with_where_it_leads_and_no_query(
    location: str, told: str
) -> None:
    async def respond(exchange: Exchange) -> None:
        await exchange.answer(b"", status="301 Moved", headers=f"Location: {location}\r\n")

    async with raw_server(respond) as server, a_client(server.url) as client:
        error = await failure_of(client)
    assert f"(it leads to {told})" in error.message
    assert "s3cret" not in f"{error!r} {error.__cause__!r}"


@pytest.mark.parametrize("location", ["http://[::1/?s3cret", "\x01\x02", ""])
async def test_a_redirect_to_nowhere_is_told_all_the_same(location: str) -> None:
    async def respond(exchange: Exchange) -> None:
        await exchange.answer(b"", status="302 Found", headers=f"Location: {location}\r\n")

    async with raw_server(respond) as server, a_client(server.url) as client:
        error = await failure_of(client)
    assert isinstance(error, errors.RetryLater)
    assert "s3cret" not in error.message


# ------------------------------------------------ answers nobody asked for

_ANOTHERS = b'{"id": 999}'
UNASKED = {
    "another's answer": b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11"
    b"\r\n\r\n" + _ANOTHERS,
    "a farewell": b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    "half an answer": b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{",
    "rubbish": b"\x00\x01",
}


@pytest.mark.parametrize("read_before", [True, False], ids=["read", "not read yet"])
@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("unasked", UNASKED)
async def test_what_nobody_asked_for_is_no_answer_to_the_next_request(
    unasked: str, method: str, read_before: bool
) -> None:
    """Else a write is done that was never read, under the number of somebody else's document."""

    async def respond(exchange: Exchange) -> None:
        await exchange.answer(b'{"id": %d}' % exchange.number)

    async with raw_server(respond) as server, a_client(server.url) as client:
        assert (await _ask(client, method)).data == {"id": 1}
        server.exchanges[0].writer.write(UNASKED[unasked])
        if read_before:
            for _ in range(20):
                await asyncio.sleep(0)
        assert (await _ask(client, method)).data == {"id": 2}
        assert (len(server.exchanges), server.connections) == (2, 2)


async def test_a_connection_closed_where_nobody_looked_is_not_written_to() -> None:
    """The end has come, and the loop has not yet read it: a write there would end as unknown."""

    async def respond(exchange: Exchange) -> None:
        await exchange.answer()

    async with raw_server(respond) as server, a_client(server.url) as client:
        for _ in range(3):
            assert (await _ask(client, "POST")).data == {}
            server.exchanges[-1].writer.get_extra_info("socket").shutdown(socket.SHUT_WR)
        assert (len(server.exchanges), server.connections) == (3, 3)


async def test_a_quiet_connection_is_used_again_also_when_encrypted(
    authority: object,  # noqa: F811 - the fixture
) -> None:
    async def respond(exchange: Exchange) -> None:
        await exchange.answer()

    here, there = _contexts(authority)
    async with raw_server(respond, tls=there) as server, a_client(server.url, tls=here) as client:
        for _ in range(4):
            await _ask(client, "POST")
        assert (len(server.exchanges), server.connections) == (4, 1)


async def _ask(client: Client, method: str) -> Response:
    body = {"json": {"order": 1}} if method == "POST" else {}
    return await client.request(method, "/x", template="/x", **body)  # type: ignore[arg-type]


# ------------------------------------------------ TLS that does not come about


def _contexts(folder: object) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    here = ssl.create_default_context()
    here.load_verify_locations(f"{folder}/ca.pem")
    there = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    there.load_cert_chain(f"{folder}/right.pem", f"{folder}/right.key")
    return here, there


@pytest.mark.parametrize(
    ("certificate", "says"),
    [
        ("expired", "TLS refused: certificate has expired; it has to be renewed there"),
        ("other", "certificate is not valid for '127.0.0.1'; correct the address in the"),
        ("right", "TLS refused: unable to get local issuer certificate; if the authority is your"),
    ],
)
async def test_a_certificate_that_is_not_good_is_told_with_who_can_mend_it(
    authority: object,  # noqa: F811 - the fixture
    certificate: str,
    says: str,
) -> None:
    here, there = _contexts(authority)
    there.load_cert_chain(f"{authority}/{certificate}.pem", f"{authority}/{certificate}.key")
    if certificate == "right":
        here = ssl.create_default_context()
    async with raw_server(_never, tls=there) as server, a_client(server.url, tls=here) as client:
        error = await failure_of(client)
    assert isinstance(error, errors.Unreachable)
    assert not error.could_have_been_seen
    assert says in error.message
    assert error.message.startswith("127.0.0.1: POST /x: TLS refused: ")
    assert "_ssl.c" not in error.message


async def _never(exchange: Exchange) -> None:
    raise AssertionError(exchange.head)


async def _resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(2_000)
    Exchange("", b"", 0, reader, writer).reset()


async def _ends(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(2_000)
    writer.close()


async def _ends_half_way(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(2_000)
    writer.write(bytes.fromhex("160303007a0200"))
    writer.close()


async def _alerts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(2_000)
    writer.write(bytes.fromhex("15030300020228"))  # handshake failure
    writer.close()


async def _speaks_plainly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(2_000)
    writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    writer.close()


@pytest.mark.parametrize(
    "end", [_resets, _ends, _ends_half_way, _alerts, _speaks_plainly], ids=lambda one: one.__name__
)
async def test_a_handshake_that_is_cut_was_not_seen_and_says_so(
    end: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> None:
    server = await asyncio.start_server(end, "127.0.0.1", 0)
    async with server, a_client(_url(server)) as client:
        error = await failure_of(client)
    assert isinstance(error, errors.Unreachable)
    assert not error.could_have_been_seen
    assert error.message.startswith("127.0.0.1: POST /x: TLS refused: ")
    assert error.message.endswith("; see whether TLS 1.2 or later is spoken at this port")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
async def test_an_end_that_speaks_only_an_old_tls_is_told_so(
    authority: object,  # noqa: F811 - the fixture
) -> None:
    here, _ = _contexts(authority)
    there = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    there.load_cert_chain(f"{authority}/right.pem", f"{authority}/right.key")
    there.set_ciphers("ALL:@SECLEVEL=0")
    there.minimum_version = there.maximum_version = ssl.TLSVersion.TLSv1_1
    async with raw_server(_never, tls=there) as server, a_client(server.url, tls=here) as client:
        error = await failure_of(client)
    assert "TLS 1.2 or later" in error.message
    assert not error.could_have_been_seen


async def test_a_handshake_nobody_answers_ends_in_time() -> None:
    accepted: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: accepted.append(writer), "127.0.0.1", 0)
    async with server, a_client(_url(server), connect=0.3) as client:
        async with asyncio.timeout(5):
            error = await failure_of(client)
        await until(lambda: bool(accepted))
        for writer in accepted:
            writer.close()
    assert not error.could_have_been_seen
    assert "no connection in time" in error.message


def _url(server: asyncio.Server) -> str:
    return RawServer(port=server.sockets[0].getsockname()[1], scheme="https").url


async def test_a_proxy_in_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind one nobody would see which address is connected to (SECURITY.md, S2)."""

    async def respond(exchange: Exchange) -> None:
        await exchange.answer(b'{"id": 1}')

    async with raw_server(_never) as proxy, raw_server(respond) as server:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
            monkeypatch.setenv(name, proxy.url)
        async with a_client(server.url) as client:
            assert (await client.request("GET", "/x", template="/x")).data == {"id": 1}
        assert proxy.connections == 0
