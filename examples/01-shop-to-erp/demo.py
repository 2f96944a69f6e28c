"""`make demo`: a simulated shop, a real Tryton, the pipelines of this folder, and what came of it.

Why: the first thing a newcomer sees is the main job done on real parts, both ways, with its
troubles shown: orders go to the ERP; stock, prices and tracking come back.
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
from decimal import Decimal
from pathlib import Path
from typing import IO

from clerk import at_work, shown_in_the_shop

from knect.sdk.testing import DEFAULT_SKUS
from knect_connectors.tryton.demo import (
    PASSWORD,
    USER,
    DemoCompany,
    DemoPriceLine,
    DemoPriceList,
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
    for path in (*FOLDER.glob("demo.db*"), *FOLDER.glob("demo-shop.*")):
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


def a_company() -> DemoCompany:
    """Return what the ERP is set up with: products, four hundred pieces of each, a price list."""
    products = tuple(DemoProduct(sku=s.sku, name=s.title, price=s.price) for s in DEFAULT_SKUS)
    return DemoCompany(
        products=products,
        stock=tuple((product.sku, Decimal(400)) for product in products),
        price_lists=(DemoPriceList(name="web", lines=(DemoPriceLine(),)),),
    )


def run() -> int:
    """Let every pipeline of this folder read and write until nothing moves."""
    return knect("run", "-f", str(HERE), "--allow", "127.0.0.1")


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
    try:
        make_database(a_company(), ERP / "acme.sqlite")
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
            code = run()
            print(flush=True)
            step("in the ERP somebody ships order 1001, counts the teapots and changes two prices")
            at_work(erp.url, erp.database)
            code = run() or code
            print(flush=True)
            for line in shown_in_the_shop(f"http://127.0.0.1:{SHOP_PORT}"):
                print(f"  {line}")
            audit = ("status", "--audit", "-f", str(HERE), "--allow", "127.0.0.1")
            for words in (audit, ("stuck",), ("explain", "sku", "KN-200")):
                print(flush=True)
                knect(*words)
            seconds = time.monotonic() - began
            print(f"\nDone in {seconds:.0f} s. Ask about any order:\n")
            for line in (
                "knect find 1001",
                "knect explain sku KN-100",
                "knect find KN-99",
                "knect unmapped",
                "knect status -o json",
                "knect console",
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
