"""`python -m knect_connectors.tryton.demo`: the demo's ERP as a program, for a pod.

Why: in a cluster nobody imports a TrytonServer; a Deployment starts a process and ends it.
Must not: keep an existing company's database from being used again; only a missing one is made.

    --folder DIR      where the database is, or is made (acme.sqlite); default /tmp/erp
    --products FILE   JSON: [{"sku": "A-1", "name": "A thing", "price": "10"}, …]
    --port PORT       default 8000, on all addresses
"""

import argparse
import os
import shutil
import signal
import sys
from pathlib import Path

import msgspec

from knect_connectors.tryton.demo.company import DemoCompany, DemoProduct
from knect_connectors.tryton.demo.database import TrytonUnavailable, cache_folder, make_database
from knect_connectors.tryton.demo.server import TrytonServer

__all__ = ["main"]


def main(words: list[str]) -> int:
    """Make the database if there is none, serve until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m knect_connectors.tryton.demo")
    parser.add_argument("--folder", type=Path, default=Path("/tmp/erp"))  # noqa: S108 - a throw-away
    parser.add_argument("--products", type=Path)
    parser.add_argument("--port", type=int, default=8000)
    given = parser.parse_args(words)
    products: tuple[DemoProduct, ...] = ()
    if given.products is not None:
        try:
            text = given.products.read_bytes()
            products = msgspec.json.decode(text, type=tuple[DemoProduct, ...])
        except (OSError, msgspec.DecodeError) as error:
            print(f"--products {given.products}: {error}", file=sys.stderr)  # noqa: T201 - a program
            return 2
    stops = {signal.SIGTERM, signal.SIGINT}
    database = given.folder / "acme.sqlite"
    try:
        if not database.exists():
            _take_ready_made()
            make_database(DemoCompany(products=products), database)
        signal.pthread_sigmask(signal.SIG_BLOCK, stops)
        with TrytonServer(database, given.port, "0.0.0.0") as server:  # noqa: S104 - a pod's own
            print(f"listening on port {given.port}, database {server.database}", flush=True)  # noqa: T201
            signal.sigwait(stops)
    except TrytonUnavailable as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _take_ready_made() -> None:
    """Copy what an image was built with (`KNECT_DEMO_READY`) into the cache: it saves a minute."""
    ready = os.environ.get("KNECT_DEMO_READY")
    if ready:
        for path in Path(ready).glob("*.sqlite"):
            shutil.copyfile(path, cache_folder() / path.name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
