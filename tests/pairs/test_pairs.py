"""Every pair by a small play; in full by `make pairs`.

Shopify and Tryton under kills are the faults suite's (`test_both_ways`), so not played here.
"""

import os
from pathlib import Path

import pytest
from tests.pairs.pair import PAIRS, play_pair
from tests.pairs.play import Plan
from tests.support.real.require import require

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

SEED = int(os.environ.get("KNECT_SEED", "20261126"))
SMALL = {
    "tryton": Plan(orders=10, lives=2, life=6.0),
    "gp": Plan(orders=60, lives=3, life=6.0),
}


@pytest.mark.parametrize("pair", [one for one in PAIRS if one != "shopify-tryton"])
def test_a_pair_agrees_to_the_cent_and_the_piece(tmp_path: Path, pair: str) -> None:
    erp = pair.partition("-")[2]
    if erp == "tryton":
        require("tryton")
    came = play_pair(pair, tmp_path, SEED, SMALL[erp])
    print(f"\n{came.told()}")
    assert not came.violations, came.told()
