"""Starts a simulated in-house system from options: for `knect simulate rest` and the tutorial.

Must not: parse a command line beyond `name=value` options; the CLI owns the rest.
"""

from collections.abc import Mapping
from datetime import timedelta

from knect.sdk.testing import serve
from knect.seams import SystemClock
from knect_connectors.rest.simulator.platform import InHouse, Oddity

__all__ = ["OPTIONS", "open_simulator", "serve"]

#: Every option and what it means; values are texts.
OPTIONS: Mapping[str, str] = {
    "sales": "how many sales it has, one a second up to now (0)",
    "token": "the bearer token it accepts (in-house-token)",
    "odd": f"comma separated: {', '.join(Oddity)}",
    "bucket": "calls at once; 0: no limit (0)",
    "refill": "calls that come back each second (2)",
}


def open_simulator(options: Mapping[str, str]) -> InHouse:
    """Return the system with its sales. Raises ValueError for an unknown option."""
    for name in options:
        if name not in OPTIONS:
            raise ValueError(f"no option {name!r}; known: {', '.join(OPTIONS)}")
    oddities = [Oddity(one) for one in options.get("odd", "").split(",") if one]
    system = InHouse(
        SystemClock(),
        token=options.get("token", "in-house-token"),
        oddities=oddities,
        bucket=int(options.get("bucket", "0")),
        refill=float(options.get("refill", "2")),
    )
    count = int(options.get("sales", "0"))
    start = system.shelf.now() - timedelta(seconds=count)
    for number in range(count):
        sale = {
            "sale_no": f"S-{10_001 + number}",
            "currency": "EUR",
            "gross": "25.80",
            "buyer": {"mail": f"buyer{number % 7}@example.com", "full_name": f"Buyer {number % 7}"},
            "rows": [
                {"pos": 1, "article": "KN-1", "pieces": 2, "price": "9.95"},
                {"pos": 2, "article": "KN-2", "pieces": 1, "price": "5.90"},
            ],
        }
        system.shelf.put("sales", sale, at=start + timedelta(seconds=number))
    return system
