"""The database goes away, comes back, moves, is full, is a standby: nothing lost, nothing twice.

A server of its own, for it is killed; `journal` gets a row per unit, so what was done twice shows.
"""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from sqlalchemy import insert, select, text
from tests.support.real.postgres import PASSWORD, PostgresServer, ensure_postgres
from tests.support.real.postgres_proxy import CommitProxy
from tests.support.real.require import Unavailable, unavailable

from knect.ledger import Ledger, open_ledger
from knect.ledger import schema as s
from knect.ledger.store.errors import LedgerError, LedgerUnreachable

pytestmark = pytest.mark.postgres_only("a file does not go away")


@pytest.fixture(scope="module")
def killable() -> Iterator[PostgresServer]:
    try:
        ensure_postgres()
    except Unavailable as error:
        unavailable("postgres", str(error))
    with PostgresServer(fsync="on", max_connections="20") as server:
        yield server


@pytest.fixture
def name(killable: PostgresServer) -> str:
    return killable.fresh_database()


@pytest.fixture
async def ledger(killable: PostgresServer, name: str) -> AsyncIterator[Ledger]:
    one = await open_ledger(killable.dsn(name))
    yield one
    await one.close()


def _entry(number: int) -> Any:
    """A unit that, done twice, leaves two rows."""
    row = {"at_us": number, "actor": "test", "verb": "write", "selector": str(number), "count": 1}
    return lambda c: c.execute(insert(s.actions).values(**row)).rowcount


async def _entries(ledger: Ledger) -> list[int]:
    query = select(s.actions.c.at_us).order_by(s.actions.c.at_us)
    return await ledger.read(lambda c: list(c.execute(query).scalars()))


async def _until(true: Any, seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("how", ["kill", "stop"])
async def test_a_restart_under_load_loses_and_doubles_nothing(
    killable: PostgresServer, ledger: Ledger, how: str
) -> None:
    written: list[int] = []

    async def load(worker: int) -> None:
        for i in range(60):
            await ledger.write(_entry(worker * 1000 + i))
            written.append(worker * 1000 + i)

    running = [asyncio.create_task(load(i)) for i in range(1, 9)]
    for after in (60, 200):
        await _until(lambda after=after: len(written) >= after)
        await asyncio.to_thread(getattr(killable, how))
        await _until(lambda: ledger.trouble is not None)
        await asyncio.to_thread(killable.start)
    await asyncio.gather(*running)
    assert await _entries(ledger) == sorted(written)
    assert len(written) == 480
    assert ledger.trouble is None


@pytest.mark.parametrize("cut", ["answer", "request"])
async def test_a_commit_whose_answer_was_lost_is_applied_once(
    killable: PostgresServer, name: str, cut: str
) -> None:
    async with CommitProxy(killable.port) as proxy:
        ledger = await open_ledger(killable.dsn(name, port=proxy.port))
        for first in (0, 100, 200):  # also the very first group, before the writer has a row
            proxy.cut, proxy.times = cut, 2
            results = await asyncio.gather(*(ledger.write(_entry(first + i)) for i in range(20)))
            assert results == [1] * 20
        proxy.cut = None
        assert proxy.lost == 6
        assert await _entries(ledger) == [*range(20), *range(100, 120), *range(200, 220)]
        await ledger.close()


async def test_a_deadlock_costs_time_and_nothing_else(
    killable: PostgresServer, name: str, ledger: Ledger
) -> None:
    """Two writers take two rows in opposite order; both end well."""
    other = await open_ledger(killable.dsn(name))
    for key in ("a", "b"):
        await ledger.write(
            lambda c, k=key: c.execute(insert(s.meta).values(name=k, value="0")).rowcount
        )

    def crossing(first: str, second: str) -> Any:
        def unit(c: Any) -> int:
            for key in (first, second):
                c.execute(text("update meta set value = value || '+' where name = :k"), {"k": key})
                c.execute(text("select pg_sleep(0.3)"))
            return 1

        return unit

    done = await asyncio.gather(ledger.write(crossing("a", "b")), other.write(crossing("b", "a")))
    assert done == [1, 1]
    values = await ledger.read(
        lambda c: c.execute(text("select value from meta where name in ('a', 'b')")).scalars().all()
    )
    assert values == ["0++", "0++"]
    await other.close()


async def test_connections_that_are_cut_or_refused_are_made_again(
    killable: PostgresServer, name: str, ledger: Ledger
) -> None:
    await ledger.write(_entry(1))
    cut = "select pg_terminate_backend(pid) from pg_stat_activity where datname = '{}'"
    killable.sql(cut.format(name))
    await ledger.write(_entry(2))
    assert await _entries(ledger) == [1, 2]
    killable.sql(f"alter database {name} connection limit 0")
    killable.sql("create role plain login password 'plain'")
    dsn = f"postgresql://plain:plain@127.0.0.1:{killable.port}/{name}"
    with pytest.raises(LedgerUnreachable, match="no connection left for us; raise max_connections"):
        await open_ledger(dsn, write=False)
    killable.sql(f"alter database {name} connection limit -1")


async def test_who_is_idle_within_a_transaction_is_ended_and_does_it_again(ledger: Ledger) -> None:
    tries: list[int] = []

    def slow(c: Any) -> int:
        tries.append(1)
        if len(tries) == 1:
            c.execute(text("set local idle_in_transaction_session_timeout = '50ms'"))
            time.sleep(0.3)
        return int(_entry(1)(c))

    assert await ledger.write(slow) == 1
    assert len(tries) == 2
    assert await _entries(ledger) == [1]


async def test_a_standby_is_waited_out_and_told(
    killable: PostgresServer, name: str, ledger: Ledger
) -> None:
    await ledger.write(_entry(1))
    await asyncio.to_thread(killable.stop)
    await asyncio.to_thread(killable.start, default_transaction_read_only="on")
    writing = asyncio.create_task(ledger.write(_entry(2)))
    await _until(lambda: ledger.trouble is not None and "read-only" in ledger.trouble.sentence)
    assert not writing.done()
    await asyncio.to_thread(killable.stop)
    await asyncio.to_thread(killable.start)
    assert await writing == 1
    assert await _entries(ledger) == [1, 2]


async def test_a_server_that_stays_away_is_told_and_used_when_it_returns(
    killable: PostgresServer, name: str
) -> None:
    """What waited longer than the patience is handed back with a sentence; the next is tried."""
    ledger = await open_ledger(killable.dsn(name), patience=1.0)
    await ledger.write(_entry(1))
    await asyncio.to_thread(killable.kill)
    with pytest.raises(LedgerUnreachable, match="is refused; is the server up"):
        await ledger.write(_entry(2))
    with pytest.raises(LedgerUnreachable):
        await ledger.read(lambda c: c.execute(text("select 1")).scalar())
    trouble = ledger.trouble
    assert trouble is not None
    assert trouble.since_us > 0
    assert PASSWORD not in trouble.sentence
    with pytest.raises(LedgerError):
        await ledger.write(_entry(3))
    assert ledger.trouble.since_us == trouble.since_us
    await asyncio.to_thread(killable.start)
    assert await ledger.write(_entry(4)) == 1
    assert ledger.trouble is None
    assert await _entries(ledger) == [1, 4]
    await ledger.close()


async def test_a_name_that_moves_to_another_address_is_followed(
    killable: PostgresServer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fail-over: the old address is gone, the name leads to the new one."""
    where = {"ledger.test": "127.0.0.2"}
    original = socket.getaddrinfo

    def resolve(host: Any, *words: Any, **more: Any) -> Any:
        known = host.decode() if isinstance(host, bytes) else host
        return original(where.get(known, host), *words, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    dsn = killable.dsn(name).replace("127.0.0.1", "ledger.test")
    async with CommitProxy(killable.port, host="127.0.0.2", listen=killable.port) as old:
        ledger = await open_ledger(dsn)
        await ledger.write(_entry(1))
        await old.stop()
        writing = asyncio.create_task(ledger.write(_entry(2)))
        await _until(lambda: ledger.trouble is not None)
        where["ledger.test"] = "127.0.0.1"
        assert await writing == 1
    assert await _entries(ledger) == [1, 2]
    await ledger.close()
