"""Could the server have seen the request? Every way to fail, against real sockets."""

import asyncio
import gzip
import socket
import zlib

import pytest
from tests.support.real.ports import free_ports
from tests.unit.sdk.http.clients import a_client, failure_of, until
from tests.unit.sdk.http.raw_server import Exchange, raw_server

from knect.sdk.errors import Fatal, Throttled, UnexpectedAnswer, Unreachable
from knect.sdk.permit import sending_while


async def silent(exchange: Exchange) -> None:
    await exchange.reader.read()


async def ok(exchange: Exchange) -> None:
    await exchange.answer()


# ------------------------------------------------ nothing has left: False


async def test_refused_port_was_not_seen() -> None:
    async with a_client(f"http://127.0.0.1:{free_ports(1)[0]}") as client:
        error = await failure_of(client)
    assert isinstance(error, Unreachable)
    assert error.could_have_been_seen is False
    assert "Connect call failed" in error.message or "refused" in error.message


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_what_may_not_leave_any_more_was_not_seen(method: str) -> None:
    """The permit ends between the call and its first byte, as when a process was stopped there."""
    asked: list[bool] = []

    def holds() -> bool:
        asked.append(True)
        return False

    async with raw_server(ok) as server, a_client(server.url) as client:
        with sending_while(holds):
            error = await failure_of(client, method)
        assert server.exchanges == []
    assert isinstance(error, Unreachable)
    assert error.could_have_been_seen is False
    assert asked


async def test_what_is_asked_of_a_closed_client_was_not_seen() -> None:
    async with raw_server(ok) as server, a_client(server.url) as client:
        await client.request("GET", "/x", template="/x")
        await client.close()
        error = await failure_of(client)
        assert len(server.exchanges) == 1
    assert isinstance(error, Unreachable)
    assert error.could_have_been_seen is False
    assert error.message.endswith("this client was closed")


async def test_unknown_host_was_not_seen() -> None:
    async with a_client("https://no-such-host.invalid") as client:
        error = await failure_of(client)
    assert isinstance(error, Unreachable)
    assert error.could_have_been_seen is False
    assert "unknown host" in error.message


async def test_server_that_never_accepts_was_not_seen_in_time() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]  # fill the accept queue
        try:
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", port))
            async with a_client(f"http://127.0.0.1:{port}", connect=0.3) as client:
                error = await failure_of(client)
        finally:
            for filler in fillers:
                filler.close()
    assert isinstance(error, Unreachable)
    assert error.could_have_been_seen is False
    assert "no connection in time" in error.message


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_waiting_for_a_free_connection_sends_nothing(method: str) -> None:
    async with (
        raw_server(silent) as server,
        a_client(server.url, connections=1) as client,
    ):
        first = asyncio.create_task(failure_of(client, deadline=1.0))
        await until(lambda: bool(server.exchanges))
        second = await failure_of(client, method, deadline=0.2)
        assert (await first).could_have_been_seen is True
    assert second.could_have_been_seen is False
    assert len(server.exchanges) == 1


async def test_tls_to_a_plain_server_was_not_seen() -> None:
    async with raw_server(ok) as server:
        async with a_client(f"https://127.0.0.1:{server.port}") as client:
            error = await failure_of(client)
        assert not server.exchanges
    assert error.could_have_been_seen is False


# ------------------------------------------------ something has left: True


@pytest.mark.parametrize("method", ["POST", "GET", "PUT"])
async def test_reset_after_the_request_could_have_been_seen(method: str) -> None:
    async def commit_then_reset(exchange: Exchange) -> None:
        exchange.reset()

    async with raw_server(commit_then_reset) as server, a_client(server.url) as client:
        error = await failure_of(client, method)
        assert isinstance(error, Unreachable)
        assert error.could_have_been_seen is True
        assert len(server.exchanges) == 1, "nobody sends again but the engine"


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_server_that_hangs_up_after_reading_could_have_seen_it(method: str) -> None:
    async def commit_then_close(exchange: Exchange) -> None:
        exchange.close()

    async with raw_server(commit_then_close) as server, a_client(server.url) as client:
        error = await failure_of(client, method)
        assert isinstance(error, Unreachable)
        assert error.could_have_been_seen is True
        assert len(server.exchanges) == 1


@pytest.mark.parametrize("cut", [60, 90, 110, 140])
async def test_an_answer_that_ends_in_its_headers_is_told_without_them(cut: int) -> None:
    """The library makes its words of the headers that came, cookies and all."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nSet-Cookie: session=topsecret;"
    head += b" path=/\r\nX-More: of it\r\nContent-Length: 2\r\nServer: one of many\r\n\r\n{}"

    async def half(exchange: Exchange) -> None:
        await exchange.send(head[:cut])
        exchange.close()

    async with raw_server(half) as server, a_client(server.url) as client:
        error = await failure_of(client, "POST")
    assert isinstance(error, Unreachable)
    assert error.could_have_been_seen
    assert "topsecret" not in error.message
    assert error.message.endswith("connection broke: it ended in the middle of an answer")


async def test_reset_while_sending_could_have_been_seen() -> None:
    async def never(exchange: Exchange) -> None:
        raise AssertionError

    async with (
        raw_server(never, on_connect=reset_after_first_bytes) as server,
        a_client(server.url) as client,
    ):
        with pytest.raises(Unreachable) as caught:
            await client.request("POST", "/x", template="/x", content=b"x" * 5_000_000)
    assert caught.value.could_have_been_seen is True


def reset_after_first_bytes(writer: asyncio.StreamWriter) -> bool:
    Exchange("", b"", 0, asyncio.StreamReader(), writer).reset()
    return True


async def test_hang_ends_by_the_read_timeout() -> None:
    async with raw_server(silent) as server, a_client(server.url, read=0.2) as client:
        error = await failure_of(client)
    assert isinstance(error, Unreachable)
    assert error.could_have_been_seen is True
    assert "no complete answer in time" in error.message


async def test_slow_drip_ends_by_the_total_deadline() -> None:
    async def drip(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            await exchange.send(b" ")
            await asyncio.sleep(0.02)

    loop = asyncio.get_running_loop()
    async with (
        raw_server(drip) as server,
        a_client(server.url, read=0.3, deadline=0.5) as client,
    ):
        started = loop.time()
        error = await failure_of(client)
        assert 0.3 < loop.time() - started < 1.5
    assert isinstance(error, Unreachable)
    assert error.could_have_been_seen is True


async def test_body_cut_short() -> None:
    async def cut(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
        exchange.close()

    async with raw_server(cut) as server, a_client(server.url) as client:
        error = await failure_of(client)
    assert isinstance(error, Unreachable)
    assert error.could_have_been_seen is True
    assert "cut short" in error.message


async def test_chunked_body_cut_short() -> None:
    async def cut(exchange: Exchange) -> None:
        await exchange.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a":')
        exchange.close()

    async with raw_server(cut) as server, a_client(server.url) as client:
        error = await failure_of(client)
    assert isinstance(error, Unreachable)
    assert error.could_have_been_seen is True


async def test_declared_length_too_small_is_broken_json_and_poisons_no_other_call() -> None:
    async def short(exchange: Exchange) -> None:
        if exchange.number == 1:
            await exchange.send(b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{"a": 1}')
        else:
            await exchange.answer(b'{"b": 2}')

    async with raw_server(short) as server, a_client(server.url) as client:
        error = await failure_of(client)
        assert isinstance(error, UnexpectedAnswer)
        assert error.could_have_been_seen is True
        following = await client.request("GET", "/x", template="/x")
    assert following.data == {"b": 2}


@pytest.mark.parametrize(
    "head",
    [
        b"NONSENSE\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/9.9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nBroken header\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
    ],
)
async def test_not_http(head: bytes) -> None:
    async def talk(exchange: Exchange) -> None:
        await exchange.send(head)
        exchange.close()

    async with raw_server(talk) as server, a_client(server.url) as client:
        error = await failure_of(client)
    assert isinstance(error, UnexpectedAnswer)
    assert error.could_have_been_seen is True
    assert "no valid HTTP" in error.message


# ------------------------------------------------ bodies


BOMB = gzip.compress(b"0" * 20_000_000)


@pytest.mark.parametrize(
    ("encoding", "body", "says"),
    [
        ("gzip", b"not gzip at all", "no valid gzip"),
        ("gzip", gzip.compress(b'{"a": 1}')[:-6], "ends too early"),
        ("deflate", b"\x78\x9c\xff\xff\xff", "no valid deflate"),
        ("br", b"\x0b\x02\x80{}\x03", "not asked for"),
        ("gzip", BOMB, "larger than 1048576 bytes"),
        ("deflate", zlib.compress(b"0" * 5_000_000), "larger than"),
        ("identity", b" " * 1_048_577, "larger than"),
    ],
    ids=["bad", "short gzip", "bad deflate", "br", "bomb", "deflate bomb", "too large"],
)
async def test_body_that_cannot_be_used(encoding: str, body: bytes, says: str) -> None:
    async def send(exchange: Exchange) -> None:
        await exchange.answer(body, headers=f"Content-Encoding: {encoding}\r\n")

    async with raw_server(send) as server, a_client(server.url, body=2**20) as client:
        error = await failure_of(client)
    assert isinstance(error, UnexpectedAnswer)
    assert error.could_have_been_seen is True
    assert says in error.message


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(b'{"a": ') + gzip.compress(b"1}")),
        ("deflate", zlib.compress(b'{"a": 1}')),
        ("deflate", zlib.compress(b'{"a": 1}')[2:-4]),
        ("x-gzip", gzip.compress(b'{"a": 1}')),
    ],
    ids=["two members", "zlib", "bare", "x-gzip"],
)
async def test_body_encodings_that_servers_send(encoding: str, body: bytes) -> None:
    async def send(exchange: Exchange) -> None:
        await exchange.answer(body, headers=f"Content-Encoding: {encoding}\r\n")

    async with raw_server(send) as server, a_client(server.url) as client:
        response = await client.request("GET", "/x", template="/x")
    assert response.data == {"a": 1}


# ------------------------------------------------ connections that are kept


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_connections_are_reused(method: str) -> None:
    async with raw_server(ok) as server, a_client(server.url) as client:
        for _ in range(5):
            await client.request(method, "/x", template="/x", content=None)
        assert server.connections == 1


async def test_connection_closed_between_calls_is_not_used_again() -> None:
    async def answer_then_close(exchange: Exchange) -> None:
        await exchange.answer()
        exchange.close()

    async with raw_server(answer_then_close) as server, a_client(server.url) as client:
        await client.request("POST", "/x", template="/x", content=b"1")
        await until(server.exchanges[0].writer.is_closing)
        await asyncio.sleep(0.02)  # lets the FIN arrive; it is why this case differs from the next
        await client.request("POST", "/x", template="/x", content=b"2")
        assert server.connections == 2


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
async def test_stale_connection_could_have_been_seen_and_is_not_tried_again(method: str) -> None:
    """The server closes an idle connection while the next request is already under way.

    Nobody on this side can tell whether the server read it before it closed: the only truthful
    answer is yes. aiohttp would send GET and PUT again by itself.
    """

    async def answer_once(exchange: Exchange) -> None:
        if exchange.number == 1:
            await exchange.answer()
        else:
            exchange.reset()

    async with raw_server(answer_once) as server, a_client(server.url) as client:
        await client.request("GET", "/x", template="/x")
        error = await failure_of(client, method)
        assert isinstance(error, Unreachable)
        assert error.could_have_been_seen is True
        assert server.connections == 1
        assert len(server.exchanges) == 2


# ------------------------------------------------ redirects and answers


async def test_no_cookie_is_kept() -> None:
    async def behaviour(exchange: Exchange) -> None:
        await exchange.answer(headers="Set-Cookie: session=abc; Path=/\r\n")

    async with raw_server(behaviour) as server, a_client(server.url) as client:
        for _ in range(2):
            await client.request("GET", "/x", template="/x")
    assert [one.header("cookie") for one in server.exchanges] == [None, None]


async def test_redirect_to_the_metadata_service_is_not_followed() -> None:
    async def redirect(exchange: Exchange) -> None:
        target = "Location: http://169.254.169.254/latest/meta-data/\r\n"
        await exchange.answer(b"", status="302 Found", headers=target)

    async with raw_server(redirect) as server, a_client(server.url) as client:
        error = await failure_of(client)
        assert len(server.exchanges) == 1
    assert isinstance(error, Unreachable)
    assert "redirects are not followed" in error.message


async def test_a_refusal_by_status_is_an_answer() -> None:
    async def throttle(exchange: Exchange) -> None:
        await exchange.answer(status="429 Too Many Requests", headers="Retry-After: 2.0\r\n")

    async with raw_server(throttle) as server, a_client(server.url) as client:
        error = await failure_of(client)
    assert isinstance(error, Throttled)
    assert (error.answered, error.could_have_been_seen, error.retry_after) == (True, True, 2.0)


@pytest.mark.parametrize(
    "url", ["http://[::1", "http://127.0.0.1:99999/", "nonsense", "ftp://127.0.0.1/", "http://"]
)
async def test_an_address_that_is_none_is_fatal_and_was_not_seen(url: str) -> None:
    async with a_client(url) as client:
        error = await failure_of(client)
    assert isinstance(error, Fatal)
    assert error.could_have_been_seen is False
