"""`python -m knect_connectors.magento1.simulator [--port N] [--log FILE] [NAME=VALUE ...]`.

Must not: be imported; `start` holds what others use.
"""

import argparse
import sys
from pathlib import Path

from knect.sdk.testing import FaultPlan
from knect_connectors.magento1.simulator.start import OPTIONS, open_simulator, serve

_parser = argparse.ArgumentParser(
    prog="python -m knect_connectors.magento1.simulator",
    epilog="options: " + "; ".join(f"{name}: {meaning}" for name, meaning in OPTIONS.items()),
)
_parser.add_argument("--port", type=int, default=0)
_parser.add_argument("--url", default="", help="how others reach it, where that differs")
_parser.add_argument("--log", type=Path)
_parser.add_argument("--fault", action="append", default=[], metavar="KIND=RATE")
_parser.add_argument("option", nargs="*", metavar="NAME=VALUE")


def main(arguments: list[str]) -> None:
    """Serve a simulated shop until told to stop."""
    given = _parser.parse_args(arguments)
    options = dict(part.split("=", 1) for part in given.option)
    rates = {name: float(rate) for name, rate in (part.split("=", 1) for part in given.fault)}
    try:
        faults = FaultPlan(rates, seed=int(options.get("seed", "7")))
        simulator = open_simulator(options)
    except ValueError as error:
        _parser.error(str(error))
    serve(simulator, given.port, faults, given.log, url=given.url)


main(sys.argv[1:])
