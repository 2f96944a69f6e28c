"""What was answered is on disk; one that fails takes nobody with it; a full disk loses nothing."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select
from tests.support.ledgers import place
from tests.unit.ledger.book import Book

from knect.ledger import Ledger, open_ledger
from knect.ledger import schema as s
from knect.ledger.store.errors import LedgerFull

ROOT = Path(__file__).parents[3]


def _fact(name: str, value: str = "") -> Any:
    return lambda c: c.execute(insert(s.meta).values(name=name, value=value)).rowcount


async def _facts(book: Book) -> list[str]:
    return await book.ledger.read(
        lambda c: list(
            c.execute(
                select(s.meta.c.name).where(s.meta.c.name != "oldest_code").order_by("name")
            ).scalars()
        )
    )


async def test_one_that_fails_takes_nobody_with_it(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:

        def breaks(connection: Any) -> None:
            connection.execute(insert(s.meta).values(name="half", value=""))
            raise ValueError("a defect")

        units = [_fact("a"), breaks, _fact("b"), _fact("a"), _fact("c")]
        results = await asyncio.gather(
            *(book.ledger.write(unit) for unit in units), return_exceptions=True
        )
        assert [type(r).__name__ for r in results] == [
            "int", "ValueError", "int", "IntegrityError", "int",
        ]  # fmt: skip
        assert await _facts(book) == ["a", "b", "c"]


async def test_order_is_kept_and_commits_are_shared(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        order: list[int] = []
        shared: dict[int, list[int]] = {}  # database transaction -> what it took
        held: list[Any] = []
        all_wait = threading.Event()

        def numbered(number: int) -> Any:
            def unit(connection: Connection) -> None:
                assert all_wait.wait(10)
                shared.setdefault(id(connection.get_transaction()), []).append(number)
                held.append(connection.get_transaction())  # so that no other gets its id
                order.append(number)

            return unit

        writes = [asyncio.create_task(book.ledger.write(numbered(i))) for i in range(1200)]
        await asyncio.sleep(0)  # each of them is queued; the first ones were taken, and wait
        all_wait.set()
        await asyncio.gather(*writes)
        assert order == list(range(1200))
        assert len(shared) <= 4  # what was taken first, then 500, 500 and the rest


async def test_closing_commits_what_waits(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = await open_ledger(place(path))
    waiting = [asyncio.create_task(ledger.write(_fact(f"f{i}"))) for i in range(10)]
    await asyncio.sleep(0)
    await ledger.close()
    assert [await task for task in waiting] == [1] * 10
    async with Book(path) as book:
        assert len(await _facts(book)) == 10


async def test_who_gives_up_waiting_stops_nobody(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        task = asyncio.create_task(book.ledger.write(_fact("given up")))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await book.ledger.write(_fact("next"))
        assert await _facts(book) == ["given up", "next"]


_WRITES_AND_DIES = """
import asyncio, os, sys
from sqlalchemy import insert
from knect.ledger import open_ledger, schema as s
async def main():
    ledger = await open_ledger(sys.argv[1])
    async def one(i):
        def unit(c):
            c.execute(insert(s.meta).values(name=str(i), value=""))
            os.write(2, b"%d\\n" % i)
        await ledger.write(unit)
        os.write(1, b"%d\\n" % i)
    await asyncio.gather(*(one(i) for i in range(3000)))
asyncio.run(main())
"""


async def _stored(path: Path) -> list[str]:
    async with Book(path) as book:
        return await _facts(book)


@pytest.mark.parametrize("point", ["commit.begin:3", "commit.done:3", ""])
def test_what_was_answered_is_on_disk_after_sudden_death(tmp_path: Path, point: str) -> None:
    """At `commit.begin` a group is written and not committed; at `commit.done` it is unanswered."""
    path = tmp_path / "ledger.db"
    with subprocess.Popen(
        [sys.executable, "-c", _WRITES_AND_DIES, place(path)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "KNECT_CRASH": point},
    ) as child:  # fmt: skip
        assert child.stdout is not None
        assert child.stderr is not None
        said = b""
        if not point:
            said = child.stdout.readline() + child.stdout.readline()
            child.kill()
        said += child.stdout.read()
        wrote = child.stderr.read()
    assert child.returncode == -signal.SIGKILL
    answered, written = ({int(line) for line in text.split(b"\n")[:-1]} for text in (said, wrote))
    stored = set(map(int, asyncio.run(_stored(path))))
    assert answered
    assert answered <= stored
    if point.startswith("commit.begin"):
        assert stored < written
    elif point:
        assert stored == written
        assert answered < stored


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of three megabytes, where one can be had (root on Linux)."""
    folder = tmp_path / "small"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "none", str(folder)],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    if made.returncode:
        pytest.skip(f"a small disk needs the right to mount: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.sqlite_only("the disk of a database server is not ours")
async def test_a_full_disk_is_a_sentence_and_work_goes_on_when_there_is_space(
    small_disk: Path,
) -> None:
    async with Book(small_disk / "ledger.db") as book:
        await book.ledger.write(_fact("before"))
        ballast = small_disk / "ballast"
        room = os.statvfs(small_disk)
        ballast.write_bytes(b"\0" * (room.f_bavail * room.f_bsize - 200_000))
        blob = "x" * 50_000
        done: list[str] = []

        async def write_until_full() -> None:
            for i in range(40):
                await book.ledger.write(_fact(f"fact {i:02}", blob))
                done.append(f"fact {i:02}")

        with pytest.raises(LedgerFull) as raised:
            await write_until_full()
        assert "nothing was lost: free some space, work goes on by itself" in str(raised.value)
        assert "SQLITE" not in str(raised.value)
        assert await _facts(book) == ["before", *done]  # reading goes on
        with pytest.raises(LedgerFull):
            await book.ledger.write(_fact("still full", blob * 4))
        ballast.unlink()
        await book.ledger.write(_fact("space again", blob))
        assert await _facts(book) == ["before", *done, "space again"]


@pytest.mark.sqlite_only("the limit is SQLite's")
async def test_a_ledger_at_its_bound_is_told_as_full(tmp_path: Path) -> None:
    """Where no small disk can be had: the same answer of SQLite, by its own page limit."""
    async with Book(tmp_path / "ledger.db") as book:
        pages = await book.ledger.write(
            lambda c: int(c.exec_driver_sql("PRAGMA page_count").scalar() or 0)
        )
        await book.ledger.write(
            lambda c: c.exec_driver_sql(f"PRAGMA max_page_count={pages + 5}").scalar()
        )
        with pytest.raises(LedgerFull, match="nothing was lost"):
            await book.ledger.write(_fact("too much", "x" * 100_000))
        await book.ledger.write(
            lambda c: c.exec_driver_sql("PRAGMA max_page_count=1000000").scalar()
        )
        await book.ledger.write(_fact("fits", "x" * 100_000))
        assert await _facts(book) == ["fits"]


async def _refused(ledger: Ledger, unit: Any) -> BaseException:
    (refusal,) = await asyncio.gather(
        asyncio.wait_for(ledger.write(unit), 5), return_exceptions=True
    )
    assert isinstance(refusal, BaseException)
    return refusal


@pytest.mark.sqlite_only("a file's writer has a thread of its own")
async def test_nobody_waits_for_a_ledger_that_is_closed(tmp_path: Path) -> None:
    ledger = await open_ledger(str(tmp_path / "ledger.db"))
    await ledger.write(_fact("before"))
    await ledger.close()
    refusals = [await _refused(ledger, _fact(name)) for name in ("one", "two")]
    assert [type(one).__name__ for one in refusals] == ["RuntimeError", "RuntimeError"]


@pytest.mark.sqlite_only("a file's writer has a thread of its own")
def test_an_event_loop_that_is_gone_holds_up_nobody(tmp_path: Path) -> None:
    ledger = asyncio.run(open_ledger(str(tmp_path / "ledger.db")))
    gate, begun = threading.Event(), threading.Event()

    def slow(_: Connection) -> None:
        begun.set()
        assert gate.wait(10)

    async def leave() -> None:
        waiting = [asyncio.create_task(ledger.write(one)) for one in (slow, _fact("left"))]
        await asyncio.to_thread(begun.wait, 10)
        del waiting

    async def go_on() -> list[str]:
        assert await asyncio.wait_for(ledger.write(_fact("next")), 10) == 1
        names = select(s.meta.c.name).where(s.meta.c.name != "oldest_code").order_by("name")
        stored = await ledger.read(lambda c: list(c.execute(names).scalars()))
        await ledger.close()
        return stored

    asyncio.run(leave())
    gate.set()
    assert asyncio.run(go_on()) == ["left", "next"]


@pytest.mark.sqlite_only("a file's writer has a thread of its own")
@pytest.mark.parametrize("what", [StopIteration, SystemExit, GeneratorExit])
async def test_whatever_a_unit_raises_takes_nobody_with_it(
    tmp_path: Path, what: type[BaseException]
) -> None:
    async with Book(tmp_path / "ledger.db") as book:

        def breaks(connection: Connection) -> None:
            connection.execute(insert(s.meta).values(name="half", value=""))
            raise what

        units = [_fact("a"), breaks, _fact("b")]
        async with asyncio.timeout(10):
            results = await asyncio.gather(
                *(book.ledger.write(unit) for unit in units), return_exceptions=True
            )
            await book.ledger.write(_fact("c"))
        assert [type(r).__name__ for r in results] == ["int", "RuntimeError", "int"]
        assert await _facts(book) == ["a", "b", "c"]
