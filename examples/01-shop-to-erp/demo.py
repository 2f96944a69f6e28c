"""`make demo`: a simulated shop, a real Tryton, the pipeline of this folder, and what came of it.

Why: the first thing a newcomer sees is the main job done on real parts, with its troubles shown.
Must not: treat the demo's records in any way of its own; it only starts what is on offer.

`KEEP=1` leaves shop, ERP and worker running until Ctrl-C.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

from knect_connectors.shopify.simulator import DEFAULT_SKUS
from knect_connectors.tryton.demo import (
    PASSWORD,
    USER,
    DemoCompany,
    DemoProduct,
    TrytonServer,
    TrytonUnavailable,
    make_database,
)

HERE = Path(__file__).parent
FOLDER = Path(".knect")
LEDGER = FOLDER / "demo.db"
ERP = FOLDER / "demo-erp"
SHOP_PORT, ERP_PORT = 18080, 18000
START = "2026-11-01T00:00:00+00:00"
KNECT = [sys.executable, "-c", "from knect.cli.main import main; main()"]
SECRETS = {
    "DEMO_SHOP_TOKEN": "shpat_simulated",
    "DEMO_SHOP_WEBHOOK_SECRET": "simulated-secret",
    "DEMO_ERP_USER": USER,
    "DEMO_ERP_PASSWORD": PASSWORD,
}


def step(text: str) -> None:
    """Print a line of progress."""
    print(f"► {text}", flush=True)


def is_taken(port: int) -> bool:
    """Tell whether something listens on a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def start_clean() -> None:
    """Forget an earlier demo."""
    for path in FOLDER.glob("demo.db*"):
        path.unlink()
    shutil.rmtree(ERP, ignore_errors=True)
    ERP.mkdir(parents=True)


def knect(*words: str, check: bool = False) -> int:
    """Run a knect command with the demo's ledger and secrets."""
    done = subprocess.run(
        [*KNECT, *words], env={**os.environ, **SECRETS, "KNECT_LEDGER": str(LEDGER)}, check=check
    )
    return done.returncode


def start_shop(log: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start the simulated shop; 300 orders, 60 of them since the pipeline's start."""
    return subprocess.Popen(
        [*KNECT, "simulate", "shopify", f"--port={SHOP_PORT}", "--log", str(FOLDER / "demo-shop.jsonl"),
         "orders=300", "let-in=60", f"start={START}"],
        stdout=log,
        stderr=log,
    )  # fmt: skip


def main() -> int:
    """Run the demo; 0 if every order is accounted for."""
    began = time.monotonic()
    for port in (SHOP_PORT, ERP_PORT):
        if is_taken(port):
            print(
                f"✗ port {port} is in use: end what listens there, e.g. another demo",
                file=sys.stderr,
            )
            return 1
    start_clean()
    step(
        "a real Tryton on SQLite: company, taxes, products, web shop (cached after the first time)"
    )
    products = tuple(DemoProduct(sku=s.sku, name=s.title, price=s.price) for s in DEFAULT_SKUS)
    try:
        make_database(DemoCompany(products=products), ERP / "acme.sqlite")
        erp = TrytonServer(ERP / "acme.sqlite", ERP_PORT)
        erp.start()
    except TrytonUnavailable as error:
        print(f"✗ {error}", file=sys.stderr)
        return 1
    shop = None
    with (FOLDER / "demo-shop.log").open("wb") as log:
        try:
            step("a simulated Shopify with 300 orders, 60 of them after source.start")
            shop = start_shop(log)
            step(f"knect run -f {HERE.name}")
            code = knect("run", "-f", str(HERE), "--allow", "127.0.0.1")
            print(flush=True)
            knect("status")
            print(flush=True)
            knect("stuck")
            seconds = time.monotonic() - began
            print(f"\nDone in {seconds:.0f} s. Ask about any order:\n")
            for line in (
                "knect find 1001",
                "knect find KN-99",
                "knect unmapped",
                "knect status -o json",
            ):
                print(f"  .venv/bin/{line}")
            if os.environ.get("KEEP"):
                keep()
        finally:
            if shop is not None:
                shop.send_signal(signal.SIGTERM)
                shop.wait(10)
            erp.stop()
    return code


def keep() -> None:
    """Leave everything running, with a worker that follows, until Ctrl-C."""
    step(f"shop http://127.0.0.1:{SHOP_PORT}  ERP http://127.0.0.1:{ERP_PORT}  Ctrl-C ends it all")
    try:
        knect(
            "run",
            "-f",
            str(HERE),
            "--allow",
            "127.0.0.1",
            "--follow",
            "--listen",
            "127.0.0.1:18090",
        )
    except KeyboardInterrupt:
        step("ended")


if __name__ == "__main__":
    sys.exit(main())
