"""Thousands of short lives of a world: whatever happens in it, the history checker finds nothing.

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

SCHEDULES = int(os.environ.get("KNECT_SCHEDULES", "1200"))
FIRST = int(os.environ.get("KNECT_SCHEDULE_SEED", "1"))
PARTS = 12

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
    if SCHEDULES >= 600:  # a search that did nothing has shown nothing
        missing = {*FAULTS, *_HAPPENED} - {name for name, count in done.items() if count}
        assert not missing, f"never happened: {sorted(missing)}"


_HAPPENED = ("delivered", "superseded", "rejected", "skipped", "deaths", "frozen", "adopted")


def test_every_crash_point_of_a_schedule_is_met() -> None:
    met: Counter[str] = Counter()
    for seed in range(FIRST, FIRST + 400):
        with Simulation(seed) as sim:
            sim.play(drawn_ops(seed))
        met.update(sim.passed)
        if met.keys() >= set(CRASHES):
            return
    pytest.fail(f"never passed: {sorted(set(CRASHES) - met.keys())}")


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
