"""`make soak`: storm after storm until the time is over, on SQLite and on PostgreSQL in turn.

Why: what one storm in a thousand breaks is found by blowing a thousand. Each round has a seed of
its own, made from the soak's; what it found is written at once, so a soak that is stopped still
has its table. Must not: stop at a violation, or hide one.

    SOAK_MINUTES=120 SOAK_SEED=1 python -m tests.faults.soak
"""

import asyncio
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.both_ways import BothWays, BothWaysPlan, both_ways
from tests.faults.postgres import Postgres
from tests.faults.power_loss import PowerLoss, promised_too_early, spoilt_images, traced
from tests.faults.soak_report import Outcome, Report, Round
from tests.faults.storm import StormPlan, a_storm
from tests.faults.verdict import Verdict, judge
from tests.support.real.postgres import PostgresServer

__all__ = ["main"]

REPORT = Path(__file__).parents[2] / "benchmarks" / "soak.md"
#: The storm of the promise: 5,000 orders, 40 kills, twenty minutes squeezed into five.
BIG = StormPlan(
    orders=5_000, kills=40, seconds=300, cuts=12, terms=6, freezes=4, restarts=4, slice_size=25
)
SMALL = StormPlan(
    orders=1_200, kills=24, seconds=110, cuts=8, terms=4, freezes=2, restarts=2, slice_size=20
)
#: One worker that lives long, so that what it takes of the machine can be seen not to grow.
MARATHON = StormPlan(orders=5_000, kills=1, seconds=420, cuts=8, terms=0, freezes=0, restarts=3)
#: Five hundred more into the real ERP, which takes about a second for each.
TRYTON = BothWaysPlan(lives=42, sold=12, life=8.0, rest=1_800)
_IMAGES = 400


@contextmanager
def _a_ledger(*, postgres: bool) -> Iterator[Postgres | None]:
    if not postgres:
        yield None
        return
    with PostgresServer(fsync="on") as server:
        yield Postgres(server)


def _storm(plan: StormPlan, *, postgres: bool) -> Callable[[Path, int], Verdict]:
    def blow(folder: Path, seed: int) -> Verdict:
        with _a_ledger(postgres=postgres) as ledger, a_storm(folder, plan, seed, ledger) as storm:
            return judge(storm)

    return blow


def _power_loss(folder: Path, seed: int) -> PowerLoss:
    events = traced(folder, seed)
    came = asyncio.run(spoilt_images(events, seed, _IMAGES))
    came.violations = [*promised_too_early(events)[1], *came.violations]
    return came


def _both_ways(folder: Path, seed: int) -> BothWays:
    return both_ways(folder, seed, TRYTON)


#: (what a round is called, what it does), in turn for ever. The big storms come second, so that
#: a short soak sees everything else first.
ROUNDS: tuple[tuple[str, Callable[[Path, int], Outcome]], ...] = (
    ("storm, SQLite", _storm(SMALL, postgres=False)),
    ("storm, PostgreSQL", _storm(SMALL, postgres=True)),
    ("power loss, SQLite", _power_loss),
    ("both ways, Tryton", _both_ways),
    ("marathon, SQLite", _storm(MARATHON, postgres=False)),
    ("big storm, SQLite", _storm(BIG, postgres=False)),
    ("big storm, PostgreSQL", _storm(BIG, postgres=True)),
    ("marathon, PostgreSQL", _storm(MARATHON, postgres=True)),
)


def main() -> int:
    """Soak; 0 if nothing was violated."""
    minutes = float(os.environ.get("SOAK_MINUTES", "120"))
    seed = int(os.environ.get("SOAK_SEED", "0")) or int(time.time())
    wanted = os.environ.get("SOAK_ROUNDS", "")  # part of the names, for who looks for one thing
    rounds = [one for one in ROUNDS if wanted in one[0]]
    if not rounds:
        print(f"no round is called {wanted!r}; there are: {', '.join(name for name, _ in ROUNDS)}")
        return 2
    report = Report(REPORT, seed=seed, minutes=minutes)
    end, number = time.monotonic() + minutes * 60, 0
    while time.monotonic() < end:
        name, play = rounds[number % len(rounds)]
        number += 1
        report.add(_played(number, name, play, seed + number))
    report.close()
    print(f"\n{report.path}: {report.sentence}")
    return 0 if report.is_good else 1


def _played(number: int, name: str, play: Callable[[Path, int], Outcome], seed: int) -> Round:
    """Play a round; whatever it raises is a finding of its own."""
    print(f"► round {number}: {name}, seed {seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="knect-soak-"))
    began = time.monotonic()
    result: Outcome | None = None
    wrong: list[str] = []
    try:
        result = play(folder, seed)
        wrong = list(result.violations)
    except (Exception, KeyboardInterrupt) as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        traceback.print_exc()
        wrong = [f"the round ended early: {type(error).__name__}: {error}"]
    took = time.monotonic() - began
    for one in wrong:
        print(f"  ✗ {one}", flush=True)
    if wrong:
        print(f"  kept: {folder}", flush=True)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"  {took:.0f} s, {len(wrong)} violations", flush=True)
    return Round(number=number, name=name, seed=seed, seconds=took, result=result, violations=wrong)


if __name__ == "__main__":
    sys.exit(main())
