"""A wall clock that jumps moves neither leases nor what is due, where the ledger is a file."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from knect.engine.bounds.ledger_clock import LedgerClock
from knect.ledger import open_ledger
from knect.ledger.instants import to_us

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


class JumpingClock:
    """A wall clock that can be set, beside a steady one."""

    def __init__(self) -> None:
        self.wall = NOON
        self.steady = 0.0

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.steady

    async def sleep(self, seconds: float) -> None:
        self.passes(seconds)

    def passes(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.steady += seconds


@pytest.mark.parametrize("hours", [1, -1, 2])
async def test_a_jump_is_followed_in_small_steps(tmp_path: Path, hours: int) -> None:
    ledger = await open_ledger(str(tmp_path / "ledger.db"))
    try:
        machine = JumpingClock()
        clock = LedgerClock(machine, ledger)
        await clock.sync()
        machine.passes(10)
        assert clock.now() == NOON + timedelta(seconds=10)
        machine.wall += timedelta(hours=hours)
        before = clock.now()
        assert before == NOON + timedelta(seconds=10), "it jumped with the wall clock"
        for _ in range(30):
            last = clock.now()
            machine.passes(20)
            await clock.sync()
            assert timedelta(seconds=15) < clock.now() - last < timedelta(seconds=25)
        for _ in range(4_000):
            machine.passes(20)
            await clock.sync()
        assert abs(clock.now() - machine.now()) < timedelta(seconds=1), "it never gets there"
    finally:
        await ledger.close()


async def test_without_a_jump_it_is_the_machines_clock(tmp_path: Path) -> None:
    ledger = await open_ledger(str(tmp_path / "ledger.db"))
    try:
        machine = JumpingClock()
        clock = LedgerClock(machine, ledger)
        for _ in range(10):
            assert clock.now() == machine.now()
            assert clock.now_us() == to_us(machine.now())
            await clock.sync()
            machine.passes(20)
    finally:
        await ledger.close()
