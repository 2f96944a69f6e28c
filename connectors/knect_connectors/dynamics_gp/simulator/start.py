"""Starts a simulated GP from options: for `knect simulate dynamics-gp`, examples and proofs.

Must not: parse a command line beyond `name=value` options; the CLI owns the rest.
"""

import asyncio
import signal
import ssl
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from msgspec import Struct

from knect.sdk.testing import FaultPlan
from knect.sdk.testing import running as serving
from knect.sdk.testing.request_log import RequestLog
from knect.seams import SystemClock
from knect_connectors.dynamics_gp.simulator.books import sql_time
from knect_connectors.dynamics_gp.simulator.certificate import make_certificate
from knect_connectors.dynamics_gp.simulator.company import Company
from knect_connectors.dynamics_gp.simulator.people import People
from knect_connectors.dynamics_gp.simulator.platform import GpControl
from knect_connectors.dynamics_gp.simulator.server import Server, running

__all__ = ["OPTIONS", "Options", "open_simulator", "seed", "serve"]

#: Every option and what it means; values are texts.
OPTIONS: Mapping[str, str] = {
    "skus": "SKU=TITLE=PRICE, comma separated; the items of the demo shop when absent",
    "stock": "pieces of each item on hand at the site WAREHOUSE (400)",
    "back-orders": "yes or no: whether items may be back ordered (yes)",
    "control": "port of the control routes /_knect/state, /_knect/do/ACTION (none)",
    "ca": "FILE: encrypt, and write the certificate to trust there (declared plain when absent)",
    "user": "the login it accepts (knect)",
    "password": "its password (simulated)",
    "currency": "the functional currency (EUR)",
    "start": "an RFC 3339 instant at which all there is last changed (an hour ago)",
    "seed": "of the faults' dice (7)",
}
_SKUS = (
    ("KN-100", "Kettle", "39.90"),
    ("KN-200", "Teapot 1.2 l", "24.50"),
    ("KN-300", "Cup, pair", "12.00"),
    ("KN-400", "Tea, 250 g", "7.95"),
    ("KN-500", "Strainer", "4.20"),
)
#: What stands for what is no goods; see the connector's `config.items`.
_SERVICES = (("GIFTCARD", "Gift card sold"), ("REFUND", "Refund without goods"))
_TAXES = ("25", "23", "22", "21", "20", "19", "10", "7", "5.5", "5", "0")
_STAMPED = ("IV00101", "IV00108")


class Options(Struct, kw_only=True):
    """A simulated company, and what `serve` has to know besides."""

    company: Company
    user: str
    password: str
    control: int | None
    authority: Path | None


def seed(company: Company, *, currency: str = "EUR") -> None:
    """Set the company up: document ids, numbers, site, level, currencies, tax details."""
    books = company.books
    books.put("MC40000", {"FUNLCURR": currency})
    for other, rate in (("EUR", "1"), ("USD", "0.9"), ("GBP", "1.17"), ("JPY", "0.006")):
        if other != currency:
            books.put("MC40200", {"CURNCYID": other, "ISOCODE": other, "XCHGRATE": Decimal(rate)})
    numbers = ((2, "ORD", "STDORD", "ORD000001"), (3, "INV", "STDINV", "INV000001"),
               (4, "RTN", "STDRTN", "RTN000001"), (5, "BKO", "STDBKO", "BKO000001"))  # fmt: skip
    for soptype, short, docid, number in numbers:
        books.put("SOP40300", {"SOPTYPE": soptype, "DOCTYABR": short, "SOPNUMBE": number})
        books.put("SOP40200", {"SOPTYPE": soptype, "DOCID": docid})
    books.put("SOP40200", {"SOPTYPE": 2, "DOCID": "WEB", "SOPNUMBE": "WEB000001"})
    books.put("SOP40200", {"SOPTYPE": 4, "DOCID": "WEBRTN", "SOPNUMBE": "WRT000001"})
    books.put("IV40700", {"LOCNCODE": "WAREHOUSE", "LOCNDSCR": "Main warehouse"})
    books.put("IV40800", {"PRCLEVEL": "RETAIL"})
    for rate in _TAXES:
        name = f"VAT {rate}%"
        books.put("TX00201", {"TAXDTLID": name, "TXDTLTYP": 1, "TXDTLPCT": Decimal(rate)})


def open_simulator(options: Mapping[str, str]) -> Options:
    """Return a simulated company with its items. Raises ValueError for an unknown option."""
    for name in options:
        if name not in OPTIONS:
            raise ValueError(f"no option {name!r}; known: {', '.join(OPTIONS)}")
    company = Company(SystemClock())
    currency = options.get("currency", "EUR")
    seed(company, currency=currency)
    people = People(company)
    if "skus" in options and options["skus"] != "demo":
        skus = [tuple(part.split("=")) for part in options["skus"].split(",")]
    else:
        skus = list(_SKUS)
    for sku, title, price in skus:
        people.item(sku.strip(), title.strip(), price, options.get("stock", "400"),
                    back_orders=options.get("back-orders", "yes") == "yes",
                    currency=currency)  # fmt: skip
    for sku, title in _SERVICES:
        people.item(sku, title, "0", kind=5, currency=currency)
    if "start" in options:
        at = datetime.fromisoformat(options["start"])
    else:
        at = company.books.time() - timedelta(hours=1)
    for table in _STAMPED:
        company.books.run(f"UPDATE {table} SET DEX_ROW_TS = ?", sql_time(at))
    return Options(
        company=company,
        user=options.get("user", "knect"),
        password=options.get("password", "simulated"),
        control=int(options["control"]) if "control" in options else None,
        authority=Path(options["ca"]) if "ca" in options else None,
    )


def serve(
    state: Options,
    port: int = 0,
    faults: FaultPlan | None = None,
    log_path: Path | None = None,
    host: str = "127.0.0.1",
    url: str = "",
) -> None:
    """Serve until SIGTERM or SIGINT; print `listening on tds://HOST:PORT` once ready."""

    async def until_told() -> None:
        told = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, told.set)
        tls: ssl.SSLContext | None = None
        if state.authority is not None:
            tls = make_certificate(state.authority, names=("localhost", host))
        server = Server(
            state.company,
            faults=faults,
            log=RequestLog(log_path),
            user=state.user,
            password=state.password,
            tls=tls,
        )
        async with running(server, port=port, host=host) as listening:
            where = url or f"tds://{host}:{listening}"
            if state.control is None:
                print(f"listening on {where}", flush=True)  # noqa: T201 - the parent waits for it
                await told.wait()
                return
            control = GpControl(state.company, server)
            async with serving(
                control, port=state.control, faults=server.faults, host=host
            ) as control_port:
                control_port.log = server.log
                print(f"control on {control_port.url}", flush=True)  # noqa: T201 - same
                print(f"listening on {where}", flush=True)  # noqa: T201 - same
                await told.wait()

    asyncio.run(until_told())
