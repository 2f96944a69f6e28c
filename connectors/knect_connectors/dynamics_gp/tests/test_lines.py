"""The line to a SQL Server on a bad day, byte by byte: what was not asked is not called unknown."""

import asyncio
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

import pytest
from tests.support.orders import a_line, an_order

from knect.sdk.contract import Call, Outcome
from knect.sdk.errors import ConnectorError, RetryLater, ScopeMissing, UnexpectedAnswer, Unreachable
from knect_connectors.dynamics_gp import GpConnector
from knect_connectors.dynamics_gp.simulator import Server, running, tds
from knect_connectors.dynamics_gp.simulator.channel import Channel
from knect_connectors.dynamics_gp.tests.conftest import Gp, effects_of

ORDER = an_order("20.00", a_line("KN-100", quantity="2"))
#: Less than a log-in may take, so that whoever waits that out is found.
SOON = 5.0


class Line:
    """A relay before a server; `resets_after` bytes from the client of each new connection."""

    def __init__(self, port: int) -> None:
        self.port = 0
        self.resets_after: int | None = None
        self.says: bytes | None = None
        self.carried = 0
        self._target = port
        self._open: set[asyncio.StreamWriter] = set()

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, up = await asyncio.open_connection("127.0.0.1", self._target)
        self._open |= {writer, up}
        back = asyncio.create_task(_pump(there, writer))
        left, carried = self.resets_after, 0
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                if self.says is not None:
                    writer.write(self.says)
                    await writer.drain()
                    break
                carried += len(data)
                self.carried = max(self.carried, carried)
                if left is not None and carried > left:
                    up.write(data[: len(data) - (carried - left)])
                    _reset(writer)
                    break
                up.write(data)
                await up.drain()
        up.close()
        await back
        writer.close()

    def reset_all(self) -> None:
        for writer in self._open:
            _reset(writer)
        self._open.clear()


def _reset(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, AttributeError):
        writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def a_line_to(gp: Gp) -> AsyncIterator[Line]:
    line = Line(gp.port)
    server = await asyncio.start_server(line.connect, "127.0.0.1", 0)
    line.port = server.sockets[0].getsockname()[1]
    try:
        yield line
    finally:
        line.reset_all()
        server.close()


async def _order_of(connector: GpConnector) -> Call:
    destination = connector.destination
    assert destination is not None
    customer, order = await effects_of(connector, ORDER)
    (made,) = await destination.write([Call(effect=customer, given={}, idempotency_key="c")])
    assert made.found is not None
    given = {"customer": made.found.destination_id}
    return Call(effect=order, given=given, idempotency_key="o")


async def _written(connector: GpConnector, call: Call) -> Outcome:
    assert connector.destination is not None
    try:
        (outcome,) = await connector.destination.write([call])
    except ConnectorError as error:
        return Outcome(error=error)
    return outcome


async def test_wherever_a_log_in_is_cut_the_order_was_not_seen_and_it_is_told_at_once(
    gp: Gp,
) -> None:
    async with a_line_to(gp) as line:
        call = await _order_of(gp.connect())
        await gp.connect(port=line.port).check()
        for cut in range(0, 400, 37):  # so many bytes has a log-in, with its settings
            line.resets_after = cut
            began = time.monotonic()
            outcome = await _written(gp.connect(port=line.port), call)
            assert time.monotonic() - began < SOON, cut
            assert isinstance(outcome.error, Unreachable), (cut, outcome)
            assert not outcome.error.could_have_been_seen, (cut, outcome.error.message)
            assert outcome.error.message.endswith(": Connection reset by peer")
        assert gp.documents(type=2) == []
        line.resets_after = None
        assert (await _written(gp.connect(port=line.port), call)).found is not None


async def test_a_connection_that_died_while_nobody_used_it_is_not_called_unknown(gp: Gp) -> None:
    async with a_line_to(gp) as line:
        connector = gp.connect(port=line.port)
        call = await _order_of(connector)
        line.reset_all()
        outcome = await _written(connector, call)
        assert isinstance(outcome.error, Unreachable)
        assert not outcome.error.could_have_been_seen
        assert (await _written(connector, call)).found is not None
        assert len(gp.documents(type=2)) == 1


async def test_wherever_a_write_is_cut_there_is_one_order_or_it_is_open(gp: Gp) -> None:
    """Every 101st byte of the connection that writes it, from its first to the last of COMMIT."""
    async with a_line_to(gp) as line:
        call = await _order_of(gp.connect())
        line.carried = 0
        open_ones = known = 0
        cut = 500
        while True:
            line.resets_after, line.carried = cut, 0
            before = len(gp.documents(type=2))
            connector = gp.connect(port=line.port)
            outcome = await _written(connector, call)
            if outcome.found is not None:
                break
            error = outcome.error
            assert isinstance(error, RetryLater), (cut, error)
            async with asyncio.timeout(5):
                while gp.server.writer is not None:  # noqa: ASYNC110 - it undoes what it lost
                    await asyncio.sleep(0.005)
            assert len(gp.documents(type=2)) == before, cut  # an unfinished COMMIT is none
            open_ones += error.could_have_been_seen
            known += not error.could_have_been_seen
            cut += 101
        assert known > 20
        assert len(gp.documents(type=2)) == 1


class _Without(Server):
    """A server that does not have the database, or is being shut down."""

    refusal = (4060, 'Cannot open database "NONE" requested by the login. The login failed.', 11)

    async def _log_in(self, channel: Channel) -> bool:
        await channel.receive()
        says = tds.Encryption.NOT_SUPPORTED
        await channel.send(tds.packets(tds.Message.REPLY, tds.prelogin_answer(says)))
        await channel.receive()
        number, text, severity = self.refusal
        tokens = tds.error(number, text, severity=severity) + tds.done(failed=True)
        await channel.send(tds.packets(tds.Message.REPLY, tokens))
        return False


@pytest.mark.parametrize(
    ("refusal", "kind", "says"),
    [
        (_Without.refusal, ScopeMissing, "correct config.database or let the login use it"),
        ((18401, "Login failed. Server is in script upgrade mode.", 14), Unreachable, "upgrade"),
        ((17142, "SQL Server service has been paused.", 14), Unreachable, "paused"),
        (
            (927, "Database 'TWO' cannot be opened. It is being restored.", 14),
            Unreachable,
            "restor",
        ),
        ((17830, "Something nobody has a list of.", 14), Unreachable, "until it lets Knect in"),
    ],
)
async def test_what_a_server_says_at_the_log_in_is_told_at_once_and_refuses_no_order(
    gp: Gp, monkeypatch: pytest.MonkeyPatch, refusal: Any, kind: type[ConnectorError], says: str
) -> None:
    monkeypatch.setattr(_Without, "refusal", refusal)
    call = await _order_of(gp.connect())
    async with running(_Without(gp.company)) as port:
        began = time.monotonic()
        outcome = await _written(gp.connect(port=port), call)
        assert time.monotonic() - began < SOON
    assert type(outcome.error) is kind, outcome
    assert says in outcome.error.message
    assert not outcome.error.could_have_been_seen


async def test_who_gives_up_after_a_refused_log_in_does_not_wait_for_the_driver(gp: Gp) -> None:
    async with a_line_to(gp) as line:
        line.resets_after = 0
        connector = gp.connect(port=line.port)
        began = time.monotonic()
        with suppress(ConnectorError, TimeoutError):
            async with asyncio.timeout(1):
                await connector.check()
        await connector.close()
        assert time.monotonic() - began < SOON


@pytest.mark.parametrize(
    "says",
    [
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"<html>",
        b"\x00" * 64,
    ],
)
async def test_another_server_at_the_port_is_told_as_that(gp: Gp, says: bytes) -> None:
    async with a_line_to(gp) as line:
        line.says = says
        call = await _order_of(gp.connect())
        outcome = await _written(gp.connect(port=line.port), call)
    assert isinstance(outcome.error, UnexpectedAnswer)
    assert not outcome.error.could_have_been_seen
    assert "no SQL Server's; check host and port" in outcome.error.message
