"""Short lives of a world, a thousand by default: whatever happens in it, the history checker finds nothing.

`KNECT_SCHEDULES` says how many schedules are played, `KNECT_SCHEDULE_SEED` from which on. One that
breaks something is made small and printed as a call of `play`, to be kept in test_found.py.
"""

import os
import subprocess
import sys
from collections import Counter

import pytest
from tests.determ.schedule import Found, drawn_ops, shrink
from tests.determ.simulation import CRASHES, Simulation
from tests.determ.wire import FAULTS

SCHEDULES = int(os.environ.get("KNECT_SCHEDULES", "1000"))
FIRST = int(os.environ.get("KNECT_SCHEDULE_SEED", "1"))
PARTS = 8

pytestmark = pytest.mark.timeout(60 + SCHEDULES)


@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_is_lost_or_doubled_whatever_happens(part: int) -> None:
    done: Counter[str] = Counter()
    for seed in range(FIRST + part, FIRST + SCHEDULES, PARTS):
        ops = drawn_ops(seed)
        with Simulation(seed) as sim:
            sim.play(ops)
            broken = sim.finish()
            done.update(sim.counts())
        if broken:
            found = shrink(Found(seed=seed, ops=ops, violations=broken))
            pytest.fail(f"schedule {seed}, made small:\n{found}")
    print(f"part {part}: {dict(sorted(done.items()))}")
    faults = sum(done[name] for name in FAULTS)
    assert min(done["delivered"], done["deaths"], done["frozen"], faults) > 0, "it did nothing"


def test_everything_that_can_happen_does() -> None:
    """A search that never met a fault, an end or a crash point has shown nothing about it."""
    wanted = {*CRASHES, *FAULTS, "frozen", "deaths", "adopted", "ledger trouble", "ledger lost"}
    wanted |= {"delivered", "unchanged", "superseded", "rejected", "skipped"}
    met: Counter[str] = Counter()
    for seed in range(FIRST, FIRST + 1000):
        with Simulation(seed) as sim:
            sim.play(drawn_ops(seed))
            sim.finish()
            met.update(sim.counts())
            met.update(sim.passed)
        if met.keys() >= wanted:
            return
    pytest.fail(f"never happened: {sorted(wanted - met.keys())}")


_DIGEST = """
import hashlib
from tests.determ.schedule import drawn_ops
from tests.determ.simulation import Simulation
for seed in range(40, 52):
    with Simulation(seed) as sim:
        sim.play(drawn_ops(seed))
        sim.finish()
        rows = sim.database.raw.execute(
            "select id, key, fate, stage, attempt, since_us, fence from transactions order by seq"
        ).fetchall()
        calls = [(c.time, c.path, c.key, c.status, c.fault) for c in sim.network.destination_calls]
        print(seed, sim.loop.steps, hashlib.sha256(repr((rows, calls)).encode()).hexdigest())
"""


def test_a_seed_says_everything_that_happens() -> None:
    """Two processes, with other addresses and other hashes of text, see the same."""
    said = [
        subprocess.run(
            [sys.executable, "-c", _DIGEST], check=True, capture_output=True, text=True,
            env={**os.environ, "PYTHONHASHSEED": chance, "PYTHONPATH": ":".join(sys.path)},
        ).stdout
        for chance in ("1", "77")
    ]  # fmt: skip
    assert said[0] == said[1]
    assert len(said[0].splitlines()) == 12
