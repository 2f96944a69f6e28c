"""One account's calls, shared by workers through the ledger."""

import asyncio
from pathlib import Path

from tests.support.ledgers import place
from tests.support.toy.clock import FastClock
from tests.support.toy.world import WatchedLedger

from knect.engine.bounds.allowance import LedgerPool
from knect.ledger import open_ledger
from knect.sdk.ratelimit import CostBudget


async def test_two_workers_of_one_account_never_take_more_than_it_has(tmp_path: Path) -> None:
    clock = FastClock()
    ledger = WatchedLedger(await open_ledger(place(tmp_path / "ledger.db")), clock.now)
    clock.busy = lambda: ledger.under_way > 0
    try:
        budgets = [
            CostBudget(
                clock, maximum=40, restore_rate=2,
                pool=LedgerPool(ledger, "shop", clock),  # type: ignore[arg-type]
            )
            for _ in range(2)
        ]  # fmt: skip
        began, taken = clock.monotonic(), 0

        async def worker(budget: CostBudget) -> None:
            nonlocal taken
            while clock.monotonic() < began + 60:
                await budget.take(1)
                taken += 1
                assert taken <= 40 + (clock.monotonic() - began) * 2 + 1e-6, "more than there is"
                await clock.sleep(0.1)

        await asyncio.gather(*map(worker, budgets))
        assert taken >= 0.97 * (40 + 60 * 2)
    finally:
        await ledger.close()


async def test_what_the_server_says_is_left_is_all_there_is(tmp_path: Path) -> None:
    clock = FastClock()
    ledger = WatchedLedger(await open_ledger(place(tmp_path / "ledger.db")), clock.now)
    clock.busy = lambda: ledger.under_way > 0
    try:
        pool = LedgerPool(ledger, "shop", clock)  # type: ignore[arg-type]
        first = await pool.draw(least=1, want=5, maximum=40, rate=2, left=None)
        assert (first.granted, first.wait) == (5, 0)
        second = await pool.draw(least=10, want=10, maximum=40, rate=2, left=4.0)
        assert (second.granted, second.wait) == (0, 3.0)
        clock.advance(3)
        assert (await pool.draw(least=10, want=10, maximum=40, rate=2, left=None)).granted == 10
    finally:
        await ledger.close()


async def test_costs_above_the_share_are_paid_from_the_pool_one_after_the_other(
    tmp_path: Path,
) -> None:
    clock = FastClock()
    ledger = WatchedLedger(await open_ledger(place(tmp_path / "ledger.db")), clock.now)
    clock.busy = lambda: ledger.under_way > 0
    try:
        pool = LedgerPool(ledger, "shop", clock)  # type: ignore[arg-type]
        budget = CostBudget(clock, maximum=100, restore_rate=10, share_percent=50, pool=pool)
        async with asyncio.timeout(10):
            for _ in range(4):
                await budget.take(80)
        # four of 80 from 50 that were there and 5 a second; the last one may leave a debt of 30
        assert clock.monotonic() >= (4 * 80 - 50 - 30) / 5 - 0.1
        budget.feed(maximum=100, available=10, restore_rate=10)  # others took of ours
        async with asyncio.timeout(10):
            await budget.take(40)
    finally:
        await ledger.close()
