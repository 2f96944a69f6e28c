"""`python -m tests.support.erp [--host HOST] [--port N] [--url URL] [--log FILE] [--seed N]
[--fault KIND=RATE] [--spare PATH] [SKU ...]`.
"""

import argparse
from pathlib import Path

from tests.support.erp.simulator import SimulatedErp

from knect.sdk.testing import FaultPlan, serve

_parser = argparse.ArgumentParser(prog="python -m tests.support.erp")
_parser.add_argument("--log", type=Path)
_parser.add_argument("--seed", type=int, default=0)
_parser.add_argument("--fault", action="append", default=[], metavar="KIND=RATE")
_parser.add_argument("--spare", action="append", default=[], help="a path that meets no fault")
_parser.add_argument("--host", default="127.0.0.1")
_parser.add_argument("--port", type=int, default=0)
_parser.add_argument("--url", default="")
_parser.add_argument("sku", nargs="*")

_given = _parser.parse_args()
_rates = {name: float(rate) for name, rate in (part.split("=", 1) for part in _given.fault)}
serve(
    SimulatedErp(tuple(_given.sku)),
    faults=FaultPlan(
        _rates,
        seed=_given.seed,
        late_commit_seconds=5.0,
        hang_seconds=20.0,
        spare=tuple(_given.spare),
    ),
    log_path=_given.log,
    host=_given.host,
    port=_given.port,
    url=_given.url,
)
