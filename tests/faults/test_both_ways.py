"""Every kind of write of an order's life, both ways with a real Tryton, under kills and resets."""

from pathlib import Path

import pytest
from tests.faults.test_kills import SEED
from tests.support.real.require import require

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]


def test_every_kind_of_write_is_done_once_both_ways(tmp_path: Path) -> None:
    require("tryton")
    from tests.faults.both_ways import BothWaysPlan, both_ways  # noqa: PLC0415 - the extra `tryton`

    came = both_ways(tmp_path, SEED, BothWaysPlan(lives=6, sold=3, life=4.0))
    print(f"\nseed {SEED}: {came.orders} orders, killed {dict(came.deaths)}")
    print(f"  people did {dict(came.done)}, on the wires {dict(came.injected)}")
    print(f"  equation: {came.equation}")
    assert not came.violations, f"seed {SEED}\n" + "\n".join(came.violations)
    assert came.injected.total() >= 3
