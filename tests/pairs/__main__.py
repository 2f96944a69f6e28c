"""The pairs in full: 500 orders each where the ERP is simulated, 40 with the real Tryton.

    python -m tests.pairs [--seed N] [--orders N] [--keep] [PAIR ...]

Must not: hide what went wrong; it exits with 1.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from tests.pairs.pair import PAIRS, play_pair
from tests.pairs.play import Plan

ORDERS = {"tryton": 40, "gp": 500}
LIVES = {"tryton": 6, "gp": 10}


def main() -> int:
    """Play them one after the other."""
    parser = argparse.ArgumentParser(prog="python -m tests.pairs")
    parser.add_argument("pairs", nargs="*", metavar="PAIR", help=" ".join(PAIRS))
    parser.add_argument("--seed", type=int, default=20261126)
    parser.add_argument("--orders", type=int)
    parser.add_argument("--keep", action="store_true", help="leave ledgers and logs behind")
    words = parser.parse_args()
    code = 0
    for pair in words.pairs or PAIRS:
        erp = pair.partition("-")[2]
        orders = words.orders or ORDERS[erp]
        plan = Plan(orders=orders, lives=LIVES[erp], life=12.0, rest=900)
        folder = Path(tempfile.mkdtemp(prefix="pairs-"))
        came = play_pair(pair, folder, words.seed, plan)
        print(came.told(), flush=True)
        if words.keep:
            print(f"  kept in {folder}", flush=True)
        else:
            shutil.rmtree(folder)
        code = code or int(bool(came.violations))
    return code


if __name__ == "__main__":
    sys.exit(main())
