"""The road to a SQL Server: guard, deadline, permit, exchanges, and the name in a certificate."""

import asyncio
import socket
import ssl
import sys
import threading
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from OpenSSL import crypto

from knect.sdk.errors import CredentialsRejected, Fatal, Unreachable
from knect.sdk.exchange import Exchange, recording
from knect.sdk.http import Egress
from knect.sdk.secret import Secret
from knect.sdk.sql import Database, Login
from knect.sdk.sql.names import is_of_host
from knect.seams import SystemClock
from knect_connectors.dynamics_gp.queries import QUERIES
from knect_connectors.dynamics_gp.simulator import Server, open_simulator, running
from knect_connectors.dynamics_gp.simulator.certificate import make_certificate

CLOCK = QUERIES["clock"]


class Recorder:
    def __init__(self) -> None:
        self.ended: list[Exchange] = []

    def begin(self, *, method: str, template: str, host: str) -> Exchange:
        return Exchange(id="ab" * 16, span_id="cd" * 8, method=method, template=template, host=host,
                        started=datetime.now(UTC))  # fmt: skip

    def end(self, exchange: Exchange) -> None:
        self.ended.append(exchange)


@asynccontextmanager
async def at_work(
    *, password: str = "simulated", allow: tuple[str, ...] = ("127.0.0.1",), **more: Any
) -> AsyncIterator[tuple[Server, Database]]:
    server = Server(open_simulator({}).company)
    async with running(server) as port:
        database = Database(
            Login(host="127.0.0.1", port=port, database="TWO", plain=True),
            user=lambda: Secret("knect"),
            password=lambda: Secret(password),
            egress=Egress(allow),
            clock=SystemClock(),
            **more,
        )
        try:
            yield server, database
        finally:
            await database.close()


async def test_every_call_is_an_exchange_with_a_name_and_no_value() -> None:
    recorder = Recorder()
    async with at_work() as (server, database):
        with recording(recorder):
            async with database.session() as session:
                await session.rows(CLOCK)
                items = QUERIES["items"]
                await session.rows(items, ["KN-100"] * len(items.types))
    names = [(one.method, one.template) for one in recorder.ended]
    assert names == [("BATCH", "login"), ("BATCH", "trace"), ("BATCH", "settings"),
                     ("QUERY", "clock"), ("QUERY", "items")]  # fmt: skip
    assert all(one.error is None and one.status == 0 for one in recorder.ended)
    assert all(one.request_bytes and one.response_bytes for one in recorder.ended)
    assert "KN-100" not in repr(recorder.ended)
    assert server.log.entries[-1]["traceparent"].split("-")[1] == "ab" * 16


async def test_an_address_nobody_allowed_is_not_connected_to() -> None:
    async with at_work(allow=()) as (server, database):
        with pytest.raises(Fatal, match="not a public address") as told:
            async with database.session():
                pass
        assert told.value.path == "config.host"
        assert server.counts.total() == 0


async def test_a_missing_driver_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pytds.tls", None)
    monkeypatch.setitem(sys.modules, "pytds", None)
    async with at_work() as (_, database):
        with pytest.raises(Fatal, match=r"pip install knect\[mssql\]"):
            async with database.session():
                pass


async def test_without_authorities_nothing_is_sent_rather_than_plainly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The driver takes "no file of authorities" for "no encryption"."""
    nowhere = ssl.get_default_verify_paths()._replace(cafile=None)
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nowhere)
    monkeypatch.setattr("knect.sdk.sql.dial._BUNDLES", ("/nowhere",))
    server = Server(open_simulator({}).company)
    async with running(server) as port:
        database = Database(
            Login(host="127.0.0.1", port=port, database="TWO"),
            user=lambda: Secret("knect"),
            password=lambda: Secret("simulated"),
            egress=Egress(("127.0.0.1",)),
            clock=SystemClock(),
        )
        with pytest.raises(Fatal, match="no file of certificate authorities") as told:
            async with database.session():
                pass
        await database.close()
    assert told.value.path == "config.certificateAuthority"
    assert server.counts.total() == 0


async def test_a_refused_login_leaves_no_connection() -> None:
    async with at_work(password="wrong") as (server, database):
        for _ in range(3):
            with pytest.raises(CredentialsRejected):
                async with database.session():
                    pass
        assert server._writers == set() or await _emptied(server)


async def _emptied(server: Server) -> bool:
    async with asyncio.timeout(5):
        while server._writers:
            await asyncio.sleep(0.01)
    return True


async def test_a_call_ends_by_its_deadline_and_its_thread_with_it() -> None:
    async with at_work(seconds=1.0) as (server, database):
        server.faults.hang_seconds = 30
        server.planned["clock"] = deque(["hang"])
        with pytest.raises(Unreachable, match="in time"):
            async with database.session() as session:
                await session.rows(CLOCK)
        async with database.session() as session:  # another connection
            assert len(await session.rows(CLOCK)) == 1


async def test_who_gives_up_wakes_the_only_thread() -> None:
    async with at_work(connections=1, seconds=60.0) as (server, database):
        server.faults.hang_seconds = 60
        server.planned["clock"] = deque(["hang"])

        async def ask() -> None:
            async with database.session() as session:
                await session.rows(CLOCK)

        task = asyncio.create_task(ask())
        async with asyncio.timeout(30):
            while server.planned["clock"]:
                await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(5), database.session() as session:
            assert len(await session.rows(CLOCK)) == 1


async def test_connections_are_used_again_and_never_more_than_allowed() -> None:
    async with at_work(connections=2) as (server, database):

        async def ask() -> None:
            async with database.session() as session:
                await session.rows(CLOCK)

        await asyncio.gather(*[ask() for _ in range(20)])
        assert server.counts["clock"] == 20
        assert server.counts["settings"] <= 2


@pytest.mark.parametrize(
    ("names", "wanted", "fits"),
    [
        (["sql.acme.com"], "sql.acme.com", True),
        (["SQL.acme.com"], "sql.ACME.com.", True),
        (["sql.acme.com"], "Nsql.acme.com", False),
        (["Nacme.com"], "acme.com", False),
        (["*.acme.com"], "sql.acme.com", True),
        (["*.acme.com"], "a.sql.acme.com", False),
        (["*.com"], "acme.com", False),
        (["10.0.0.5"], "10.0.0.5", True),
        (["10.0.0.5"], "10.0.0.6", False),
        (["localhost", "127.0.0.1"], "127.0.0.1", True),
    ],
)
def test_a_certificate_is_of_the_host_it_names(
    tmp_path: Path, names: list[str], wanted: str, fits: bool
) -> None:
    path = tmp_path / "cert.pem"
    make_certificate(path, names=names)
    cert = crypto.load_certificate(crypto.FILETYPE_PEM, path.read_bytes())
    assert is_of_host(cert, wanted.encode()) is fits


def test_a_name_server_that_hangs_is_named_asked_once_and_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    over, asked = threading.Event(), list[str]()

    def hangs(host: str, *_: Any, **__: Any) -> Any:
        asked.append(host)
        over.wait(20)
        raise OSError

    async def asks() -> None:
        database = Database(
            Login(host="gp.test", port=1433, database="TWO", plain=True, connect_seconds=0.1),
            user=lambda: Secret("knect"),
            password=lambda: Secret("x"),
            egress=Egress(["gp.test"]),
            clock=SystemClock(),
        )
        for _ in range(4):
            with pytest.raises(Unreachable, match="no name server has answered in time"):
                async with database.session():
                    pass
        await database.close()

    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    late = threading.Timer(5, over.set)
    late.start()
    try:
        asyncio.run(asks())
        assert not over.is_set()
        assert asked == ["gp.test"]
    finally:
        late.cancel()
        over.set()
