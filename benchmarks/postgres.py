"""The ledger on PostgreSQL: the same journey as on SQLite, and two workers against one.

Why: the design asks for 1.7 times the orders with two workers where the destination is what they
wait for. Each worker is a process; the destination answers in `ANSWER_SECONDS` and takes
`IN_FLIGHT` requests of a worker at a time. Must not: be a test.

    python -m benchmarks.postgres worker DSN NAME   # what the benchmark starts
"""

import asyncio
import subprocess
import sys
import time
from pathlib import Path

from sqlalchemy import func, select
from tests.support.ledgers import on_postgres, place
from tests.support.toy import World, a_pipeline, an_order

from knect.engine.working.options import WorkerOptions
from knect.engine.working.worker import Worker
from knect.ledger import Ledger, open_ledger
from knect.ledger import schema as s
from knect.sdk.contract import Call, Destination, Outcome
from knect.sdk.http import ClientFactory
from knect.seams import SystemClock

ORDERS, BATCH, IN_FLIGHT = 3_000, 10, 2
ANSWER_SECONDS = 0.1
ROOT = Path(__file__).parent.parent


class SlowDestination:
    """Passes everything on; a write takes its time, as a remote one does."""

    def __init__(self, destination: Destination) -> None:
        self._destination = destination

    def __getattr__(self, name: str) -> object:
        return getattr(self._destination, name)

    async def write(self, calls: list[Call]) -> list[Outcome]:
        await asyncio.sleep(ANSWER_SECONDS)
        return list(await self._destination.write(calls))


def _worker(ledger: Ledger, name: str) -> Worker:
    pipeline = a_pipeline(delivery={"batchSize": BATCH * IN_FLIGHT, "maxInFlight": IN_FLIGHT})
    world = World(Path(), pipeline, batch=BATCH)
    clock = SystemClock()
    world.shop.clock = clock
    world.shop.page_size = 250
    for i in range(ORDERS):
        world.shop.put(f"g{i:05}", **an_order(str(i)))
    return Worker(
        world.document(),
        ledger=ledger,
        catalog=world.catalog,
        http=ClientFactory(clock=clock),
        options=WorkerOptions(clock=clock, name=name),
        wrap=lambda _, destination: SlowDestination(destination),  # type: ignore[arg-type,return-value]
    )


async def _work(dsn: str, name: str) -> None:
    """One process: be ready, wait for the word, work until nothing moves."""
    ledger = await open_ledger(dsn)
    worker = _worker(ledger, name)
    await worker.start()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    await worker.run_once()
    await worker.close()
    await ledger.close()


async def _fill(dsn: str) -> None:
    """Read the shop into the ledger, so that only the delivery is measured."""
    ledger = await open_ledger(dsn)
    worker = _worker(ledger, "filler")
    await worker.start()
    for feed in worker.feeds:
        await feed.poll()
    await worker.close()
    await ledger.close()


async def _delivered(dsn: str) -> int:
    ledger = await open_ledger(dsn, write=False)
    count = select(func.count()).where(s.transactions.c.fate == "delivered")
    done = await ledger.read(lambda c: int(c.execute(count).scalar_one()))
    await ledger.close()
    return done


def orders_per_second(workers: int) -> float:
    """Orders delivered in a second by so many worker processes."""
    with on_postgres():
        dsn = place(ROOT / f"bench{workers}")
        asyncio.run(_fill(dsn))
        processes = [
            subprocess.Popen(
                [sys.executable, "-m", "benchmarks.postgres", "worker", dsn, f"w{i}"],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for i in range(workers)
        ]
        for process in processes:
            assert process.stdout is not None
            if process.stdout.readline() != "ready\n":
                sys.exit("a worker did not start")
        began = time.perf_counter()
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in processes:
            process.wait()
        took = time.perf_counter() - began
        if (done := asyncio.run(_delivered(dsn))) != ORDERS:
            sys.exit(f"the run is broken: {done} of {ORDERS} delivered")
    return ORDERS / took


if __name__ == "__main__" and sys.argv[1:2] == ["worker"]:
    asyncio.run(_work(sys.argv[2], sys.argv[3]))
