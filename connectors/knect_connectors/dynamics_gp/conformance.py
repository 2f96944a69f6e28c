"""GP's bench for the conformance rules: a simulated company and a connector to it.

Needs the extra mssql. Must not: be imported by the connector.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from decimal import Decimal

from knect.model import Address, Order, OrderLine, PartyRef, Totals
from knect.sdk.contract import Connector, ConnectorContext, Delivery, Effect, WebhookRequest
from knect.sdk.http import ClientFactory, Egress
from knect.sdk.secret import Secret
from knect.sdk.testing import Fault, FaultPlan, NotOnThisBenchError
from knect.seams import SystemClock
from knect_connectors.dynamics_gp.connector import open_connector
from knect_connectors.dynamics_gp.simulator import Company, People, Server, running, seed
from knect_connectors.dynamics_gp.simulator.books import sql_time
from knect_connectors.dynamics_gp.simulator.sweeps import sweep

__all__ = ["GpBench", "open_bench"]

_PASSWORD = "gp-bench-canary"  # noqa: S105 - a simulated password
_WRONG = "gp-wrong-canary"
_LONG_AGO = "2001-01-01 00:00:00.000"
#: Tables whose stamps make the time of a record.
_STAMPED = {
    "customers": (("RM00101", "CUSTNMBR"), ("RM00102", "CUSTNMBR"), ("SY01200", "Master_ID")),
    "orders": (("SOP10100", "SOPNUMBE"), ("SOP10200", "SOPNUMBE")),
    "products": (("IV00101", "ITEMNMBR"),),
}


class GpBench:
    """See `knect.sdk.testing.bench`."""

    secrets: Sequence[str] = (_PASSWORD, _WRONG)

    def __init__(
        self, company: Company, faults: FaultPlan, keys: dict[str, Secret], connector: Connector
    ) -> None:
        self.connector = connector
        self._company = company
        self._books = company.books
        self._people = People(company)
        self._faults = faults
        self._keys = keys
        self._made = 0

    async def create(self, entity: str, times: Sequence[datetime]) -> list[str]:
        """Make records, with ids that do not follow the times."""
        ids = []
        for at in times:
            self._made += 1
            number = 900_000 - self._made * 7 if self._made % 2 else 500_000 + self._made
            identifier = self._make(entity, str(number))
            self._stamp(entity, identifier, at)
            ids.append(identifier)
        return ids

    def _make(self, entity: str, number: str) -> str:
        match entity:
            case "customers":
                self._customer(number)
                return number
            case "orders":
                return self._order(number)
            case "shipments":
                order = self._order(number)
                self._books.put("knect_delivery", {
                    "external_id": f"bench:{order}", "SOPTYPE": 2, "SOPNUMBE": order,
                })  # fmt: skip
                invoice = self._people.ship(order, tracking=[f"T{number}"])
                sweep(self._books, "shipments", self._books.time())
                return invoice
            case "products":
                self._people.item(number, f"Thing {number}", "9.95", "5")
                return number
            case "inventory":
                self._people.item(number, f"Thing {number}", "9.95", "5")
                sweep(self._books, "inventory", self._books.time())
                return f"{number}@WAREHOUSE"
            case _:
                self._people.item(number, f"Thing {number}", "9.95", "5")
                sweep(self._books, "prices", self._books.time())
                return f"{number}|RETAIL|EUR|EACH|1.00000"

    def _customer(self, number: str) -> None:
        self._books.put("RM00101", {
            "CUSTNMBR": number, "CUSTNAME": f"Ana {number}", "ADRSCODE": "MAIN",
            "CREATDDT": "2026-01-05 00:00:00.000",
        })  # fmt: skip
        self._books.put("RM00102", {"CUSTNMBR": number, "ADRSCODE": "MAIN", "CITY": "Bonn"})
        self._books.put("SY01200", {"Master_Type": "CUS", "Master_ID": number, "ADRSCODE": "MAIN",
                                    "INET1": f"ana{number}@example.com"})  # fmt: skip

    def _order(self, number: str) -> str:
        name = f"ORD{number}"
        amount = Decimal("19.90")
        self._books.put("SOP10100", {
            "SOPTYPE": 2, "SOPNUMBE": name, "CUSTNMBR": "C1", "CUSTNAME": "Ana", "CURNCYID": "EUR",
            "DOCDATE": "2026-03-01 00:00:00.000", "ORSUBTOT": amount, "ORDOCAMT": amount,
            "LOCNCODE": "WAREHOUSE", "CSTPONBR": number,
        })  # fmt: skip
        self._books.put("SOP10200", {
            "SOPTYPE": 2, "SOPNUMBE": name, "LNITMSEQ": 16_384, "CMPNTSEQ": 0,
            "ITEMNMBR": "SKU-001", "ITEMDESC": "Thing", "QUANTITY": Decimal(2),
            "ORUNTPRC": Decimal("9.95"),
            "OXTNDPRC": amount, "LOCNCODE": "WAREHOUSE",
        })  # fmt: skip
        return name

    def _stamp(self, entity: str, identifier: str, at: datetime) -> None:
        moment = sql_time(at)
        for table, column in _STAMPED.get(entity, ()):
            self._books.run(f"UPDATE {table} SET DEX_ROW_TS = ? WHERE {column} = ?",  # noqa: S608 - constants
                            moment, identifier)  # fmt: skip
        if entity not in _STAMPED:
            self._books.run(
                "UPDATE knect_mark SET changed = ?, swept = ? WHERE entity = ? AND mark = ?",
                *(moment, moment, entity, identifier),
            )

    async def change(self, entity: str, identifier: str) -> None:
        """Change a record now; the server's clock moves on, so that no two acts are at one time."""
        self._books.offset += timedelta(seconds=1)
        item = identifier.partition("@")[0].partition("|")[0]
        match entity:
            case "customers":
                self._books.change(
                    "RM00102", "CUSTNMBR = ?", [identifier], CITY=f"Bonn {self._made}"
                )
            case "orders":
                self._people.edit_line(identifier, "SKU-001", "2")
            case "shipments":
                self._people.track(identifier, ["T-changed", str(self._books.offset)])
            case "products":
                self._books.change("IV00101", "ITEMNMBR = ?", [identifier], ITEMDESC="changed")
            case "inventory":
                self._books.run(
                    "UPDATE IV00102 SET QTYONHND = QTYONHND + 100000 WHERE ITEMNMBR = ?", item
                )
            case _:
                self._people.price(item, str(self._books.offset.seconds))

    async def delete(self, entity: str, identifier: str) -> None:
        """Delete a record for good."""
        raise NotOnThisBenchError(f"GP leaves no trace of a deletion: {entity} {identifier}")

    def webhook(self, entity: str, identifier: str) -> WebhookRequest:
        """There are none."""
        raise NotOnThisBenchError(f"GP has no webhooks: {entity} {identifier}")

    def fail(self, *faults: Fault | None) -> None:
        """Let exactly the next requests meet these faults."""
        self._faults.clear()
        self._faults.force(*faults)

    def revoke(self) -> None:
        """Make the connector's credentials invalid."""
        self._keys["password"] = Secret(_WRONG)

    async def effects(self) -> Sequence[Effect]:
        """Return the effects of a new order."""
        order = Order(
            source_id="gid://shop/Order/1", number="1001", name="#1001", currency="EUR",
            totals=Totals(total=Decimal("19.90")),
            placed_at=self._books.time(), updated_at=self._books.time(),
            lines=(OrderLine(id="1", quantity=Decimal(2), unit_price=Decimal("9.95"), sku="SKU-001",
                             title="Thing"),),
            customer=PartyRef(email="ana@example.com", name="Ana G"),
            billing_address=Address(name="Ana G", street=("Hohe Str. 1",), city="Bonn"),
        )  # fmt: skip
        destination = self.connector.destination
        assert destination is not None
        references = destination.references("orders", order)
        return destination.plan(
            Delivery(
                entity="orders",
                external_id="shop:gid://shop/Order/1",
                document=destination.to_document("orders", order, {}),
                record=order,
                bound=None,
                resolved={
                    key: value
                    for key, value in (await destination.resolve(references)).items()
                    if isinstance(value, str)
                },
                settings={},
            )
        )

    async def documents(self) -> int:
        """Return how many documents and customers there are, and how many marks."""
        tables = ("SOP10100", "SOP30200", "RM00101", "knect_delivery")
        counts = [self._books.one(f"SELECT COUNT(*) AS n FROM {table}") for table in tables]  # noqa: S608 - constants
        return sum(int(count["n"]) for count in counts if count)


@asynccontextmanager
async def open_bench() -> AsyncIterator[GpBench]:
    """Yield a bench with a company of its own."""
    company = Company(SystemClock())
    seed(company)
    People(company).item("SKU-001", "Thing", "9.95", "100")
    for table in ("IV00101", "IV00108"):
        company.books.run(f"UPDATE {table} SET DEX_ROW_TS = ?", _LONG_AGO)  # noqa: S608 - constants
    for entity in ("inventory", "prices"):
        sweep(company.books, entity, company.books.time())
    company.books.run("UPDATE knect_mark SET changed = ?", _LONG_AGO)
    faults = FaultPlan(hang_seconds=0.2)
    server = Server(company, faults=faults, password=_PASSWORD)
    async with running(server) as port:
        keys = {"username": Secret("knect"), "password": Secret(_PASSWORD)}
        clock = SystemClock()
        connector = open_connector(
            ConnectorContext(
                name="gp",
                config={"host": "127.0.0.1", "port": port, "database": "TWO",
                        "site": "WAREHOUSE", "encryption": "Plain"},
                secrets=keys,
                http=ClientFactory(clock=clock, egress=Egress(["127.0.0.1"])),
                clock=clock,
            )
        )  # fmt: skip
        try:
            yield GpBench(company, faults, keys, connector)
        finally:
            await connector.close()
