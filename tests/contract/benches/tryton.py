"""Tryton's bench: a real server behind a relay that can fail, and a hand in its database.

Tryton stamps times itself, so the bench moves them in the SQLite file afterwards. One server
serves all rules; each bench first moves everything that is there to a time nobody reads.
"""

import asyncio
import atexit
import sqlite3
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

from tests.support.orders import a_line, an_order
from tests.support.real.require import require

from knect.sdk.contract import Connector, ConnectorContext, Delivery, Effect, WebhookRequest
from knect.sdk.http import ClientFactory, Egress
from knect.sdk.secret import Secret
from knect.sdk.testing import Answer, Fault, FaultPlan, NotOnThisBenchError, Request, running
from knect.seams import SystemClock, new_id
from knect_connectors.tryton import open_connector
from knect_connectors.tryton.demo import (
    ADMINISTRATOR,
    PASSWORD,
    USER,
    DemoCompany,
    DemoProduct,
    TrytonServer,
    make_database,
)
from knect_connectors.tryton.wire import money

_KINDS = ("party.party", "party.address", "sale.sale", "sale.line")
_GOODS = ("product_template", "product_product")
#: What makes the time of a record.
_TABLES = {
    "customers": ("party_party",),
    "inventory": _GOODS,
    "orders": ("sale_sale",),
    "prices": _GOODS,
    "products": _GOODS,
    "shipments": ("stock_shipment_out",),
}
#: Tables whose rows belong to a party.
_OF_PARTY = ("party_address", "party_contact_mechanism", "party_identifier")
#: What shipping and selling changes too: stock levels have their times from these.
_OF_SALES = ("sale_line", "stock_move", "stock_package")
_EVERY_TABLE = ("sale_sale", *_GOODS, "stock_shipment_out", "party_party", *_OF_PARTY, *_OF_SALES)
_LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)
_HOP = {"host", "content-length", "connection", "accept-encoding"}


class Relay:
    """Passes each request on to the real server; the kit around it does the failing."""

    def __init__(self, url: str) -> None:
        self._url = url

    def bind(self, url: str) -> None:
        """Nothing links back."""

    async def handle(self, request: Request) -> Answer:
        return await asyncio.to_thread(self._pass_on, request)

    def _pass_on(self, request: Request) -> Answer:
        headers = {k: v for k, v in request.headers.items() if k not in _HOP}
        onward = urllib.request.Request(
            self._url + request.path, request.body, headers, method=request.method
        )
        try:
            with urllib.request.urlopen(onward, timeout=20) as response:
                return _answer(response.status, response.read(), response.headers)
        except urllib.error.HTTPError as error:
            with error:
                return _answer(error.code, error.read(), error.headers)

    def refuse(self, fault: Fault, status: int) -> Answer:
        """What stands before a trytond says: a proxy, or Tryton's own limit of log-ins."""
        if fault is Fault.THROTTLED:
            return Answer(status=429, headers={"Retry-After": "1"})
        return Answer(status=status, body=b"Internal Server Error")

    def expire_tokens(self) -> None:
        raise NotOnThisBenchError("sessions end in the tests of the connector")

    def snapshot(self) -> Any:
        return {}

    async def do(self, action: str, arguments: Mapping[str, Any]) -> Any:
        raise KeyError(action)


def _answer(status: int, body: bytes, headers: Mapping[str, str]) -> Answer:
    kept = {k: v for k, v in headers.items() if k.lower() in ("content-type", "date")}
    return Answer(status=status, body=body, headers=kept)


@cache
def _server() -> tuple[TrytonServer, Path]:
    """Start the one server, ended with the tests."""
    folder = TemporaryDirectory()
    path = Path(folder.name) / "erp.sqlite"
    make_database(DemoCompany(products=(DemoProduct(sku="SKU-001", name="Thing SKU-001"),)), path)
    with closing(sqlite3.connect(path)) as database, database:
        # The rules compare ids as text; from here on all have as many digits.
        database.executemany(
            "UPDATE sqlite_sequence SET seq = 1000 WHERE name = ?",
            [(table,) for table in _EVERY_TABLE],
        )
        database.executemany(
            "INSERT INTO sqlite_sequence (name, seq) SELECT ?1, 1000"
            " WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ?1)",
            [(table,) for table in _EVERY_TABLE],
        )
    server = TrytonServer(path)
    server.start()
    atexit.register(folder.cleanup)
    atexit.register(server.stop)
    return server, path


class TrytonBench:
    """See `knect.sdk.testing.bench`."""

    def __init__(
        self,
        connector: Any,
        clerk: Any,
        database: Path,
        faults: FaultPlan,
        secrets: dict[str, Secret],
    ) -> None:
        self.connector: Connector = connector
        self.secrets: Sequence[str] = (PASSWORD, _WRONG)
        self._client = connector._client
        self._clerk = clerk
        self._database = database
        self._faults = faults
        self._keys = secrets

    async def create(self, entity: str, times: Sequence[datetime]) -> list[str]:
        """Make them in reverse, so that ids do not follow the times; then move their times."""
        if not times:
            return []
        make = {
            "customers": self._customers,
            "orders": self._orders,
            "shipments": self._shipments,
        }.get(entity)
        if make is not None:
            ids = list(reversed(await make(len(times))))
            moments = dict(zip(ids, times, strict=True))
            self._stamp(_TABLES[entity][0], moments)
            for table in _OF_PARTY if entity == "customers" else ():
                self._stamp(table, moments, column="party")
            return [str(identifier) for identifier in ids]
        rows = list(reversed(await self._products(len(times))))
        self._stamp(
            "product_template", {r["template"]: t for r, t in zip(rows, times, strict=True)}
        )
        self._stamp("product_product", {r["id"]: t for r, t in zip(rows, times, strict=True)})
        names = {"products": "{template}", "inventory": "{id}@WH", "prices": "{id}"}
        return [names[entity].format(**row) for row in rows]

    async def change(self, entity: str, identifier: str) -> None:
        number = int(identifier.partition("@")[0])
        model, field = {
            "customers": ("party.party", "name"),
            "orders": ("sale.sale", "comment"),
            "shipments": ("stock.shipment.out", "shipping_reference"),
        }.get(entity, ("product.product", "description"))
        if entity == "products":
            (number,) = [row["id"] for row in await self._variants_of(number)]
        values = {field: f"changed {new_id()}"}
        await self._clerk.call(f"model.{model}.write", [number], values)

    async def delete(self, entity: str, identifier: str) -> None:
        number = int(identifier.partition("@")[0])
        if entity == "shipments":  # Tryton deletes none that has left; a database can lose it
            with closing(sqlite3.connect(self._database, timeout=10)) as database, database:
                where = f"stock.shipment.out,{number}"
                database.execute("DELETE FROM stock_move WHERE shipment = ?", (where,))
                database.execute("DELETE FROM stock_shipment_out WHERE id = ?", (number,))
            return
        kinds = {"customers": "party.party", "orders": "sale.sale", "products": "product.template"}
        model = kinds.get(entity, "product.product")
        await self._clerk.call(f"model.{model}.delete", [number])

    def webhook(self, entity: str, identifier: str) -> WebhookRequest:
        _no("Tryton has no webhooks")

    def fail(self, *faults: Fault | None) -> None:
        self._faults.clear()
        self._faults.force(*faults)

    def revoke(self) -> None:
        self._keys["password"] = Secret(_WRONG)

    async def effects(self) -> Sequence[Effect]:
        order = an_order("10.00", a_line())
        destination = self.connector.destination
        assert destination is not None
        references = destination.references("orders", order)
        return destination.plan(
            Delivery(
                entity="orders",
                external_id=order.source_id,
                document=destination.to_document("orders", order, {}),
                record=order,
                bound=None,
                resolved=await destination.resolve(references),
                settings={},
            )
        )

    async def documents(self) -> int:
        return sum([len(await self._client.search_read(kind, [], ["id"])) for kind in _KINDS])

    def forget_times(self) -> None:
        """Move what is there out of the way of every window."""
        with closing(sqlite3.connect(self._database, timeout=10)) as database, database:
            # Tryton counts refused log-ins; another rule's are not this one's.
            database.execute("DELETE FROM res_user_login_attempt")
            day = _LONG_AGO.date().isoformat()
            database.execute("UPDATE stock_move SET effective_date = ?", (day,))
            for table in _EVERY_TABLE:
                moment = _text(_LONG_AGO)
                database.execute(
                    f"UPDATE {table} SET create_date = ?, write_date = NULL", (moment,)
                )

    def _stamp(self, table: str, times: Mapping[int, datetime], *, column: str = "id") -> None:
        rows = [(_text(at), identifier) for identifier, at in times.items()]
        statement = f"UPDATE {table} SET create_date = ?, write_date = NULL WHERE {column} = ?"
        with closing(sqlite3.connect(self._database, timeout=10)) as database, database:
            database.executemany(statement, rows)

    async def _customers(self, count: int) -> list[int]:
        rows = [
            {
                "name": f"Ana {new_id()}",
                "contact_mechanisms": [
                    ["create", [{"type": "email", "value": f"{new_id()}@example.com"}]]
                ],
            }
            for _ in range(count)
        ]
        made: list[int] = await self._clerk.call("model.party.party.create", rows)
        return made

    async def _shipments(self, count: int) -> list[int]:
        """Sales of the web shop, shipped all at once."""
        facts = await self._clerk.facts()
        of = {"web_shop": facts.shop, "warehouse": facts.warehouse}
        sales = await self._orders(count, **of)
        for step in ("quote", "confirm", "process"):
            await self._clerk.call(f"model.sale.sale.{step}", sales)
        rows = await self._clerk.call("model.sale.sale.read", sales, ["id", "shipments"])
        by_sale = {row["id"]: row["shipments"][0] for row in rows}
        made = [by_sale[sale] for sale in sales]
        (carrier, *_) = await self._clerk.search_read("carrier", [], ["id"])
        await self._clerk.call("model.stock.shipment.out.write", made, {"carrier": carrier["id"]})
        for step in ("wait", "assign_force", "pick", "pack", "ship"):
            await self._clerk.call(f"model.stock.shipment.out.{step}", made)
        return made

    async def _orders(self, count: int, **more: Any) -> list[int]:
        facts = await self._clerk.facts()
        (product,) = await self._find("product.product", "code", "SKU-001", "sale_uom")
        (euro,) = await self._find("currency.currency", "code", "EUR")
        (party,) = await self._find("party.party", "name", "Acme Trading", "addresses")
        line = {
            "product": product["id"],
            "unit": product["sale_uom"],
            "quantity": 2.0,
            "unit_price": money(an_order("10.00", a_line()).lines[0].unit_price),
        }
        address = party["addresses"][0]
        sale = {
            "company": facts.company,
            "party": party["id"],
            "invoice_address": address,
            "shipment_address": address,
            "currency": euro["id"],
            "sale_date": date(2026, 3, 1),
            "shipment_cost_method": None,
            "carrier": None,
            "lines": [["create", [line]]],
        }
        rows = [{**sale, **more, **({"web_id": new_id()} if more else {})} for _ in range(count)]
        made: list[int] = await self._clerk.call("model.sale.sale.create", rows)
        return made

    async def _products(self, count: int) -> list[dict[str, Any]]:
        """Make products of one variant each; return the variants with their templates."""
        await self._clerk.facts()  # a price is a company's
        (first,) = await self._find("product.product", "code", "SKU-001", "default_uom")
        template = {"type": "goods", "default_uom": first["default_uom"], "name": "Thing"}
        template |= {"salable": True, "sale_uom": first["default_uom"]}
        template["list_price"] = money(an_order("10.00", a_line()).lines[0].unit_price)
        rows = [
            {**template, "products": [["create", [{"suffix_code": new_id()}]]]}
            for _ in range(count)
        ]
        made: list[int] = await self._clerk.call("model.product.template.create", rows)
        return [row for one in made for row in await self._variants_of(one)]

    async def _variants_of(self, template: int) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = await self._clerk.search_read(
            "product.product", [["template", "=", template]], ["id", "template"]
        )
        return rows

    async def _find(self, model: str, field: str, value: str, *more: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = await self._clerk.search_read(
            model, [[field, "=", value]], ["id", *more], limit=1
        )
        return rows


_WRONG = "not-the-password-canary"


def _no(reason: str) -> NoReturn:
    raise NotOnThisBenchError(reason)


def _text(at: datetime) -> str:
    """Return an instant as Tryton keeps it on SQLite."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(" ")


class _Hurried(SystemClock):
    """Seconds that pass a hundred times as fast, so that lasting trouble is told soon."""

    def monotonic(self) -> float:
        return super().monotonic() * 100

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds / 100)


def _connect(url: str, secrets: Mapping[str, Secret], clock: SystemClock) -> Any:
    server, _ = _server()
    return open_connector(
        ConnectorContext(
            name="bench",
            config={"url": url, "database": server.database, "webShop": "acme"},
            secrets=secrets,
            http=ClientFactory(clock=clock, egress=Egress(["127.0.0.1"])),
            clock=clock,
        )
    )


@asynccontextmanager
async def open_bench() -> AsyncIterator[TrytonBench]:
    require("tryton")
    server, path = _server()
    user, password = ADMINISTRATOR
    faults = FaultPlan()
    secrets = {"username": Secret(USER), "password": Secret(PASSWORD)}
    async with running(Relay(server.url), faults=faults) as relay:
        connector = _connect(relay.url, secrets, _Hurried())
        beside = {"username": Secret(user), "password": Secret(password)}
        clerk = _connect(server.url, beside, SystemClock())
        try:
            bench = TrytonBench(connector, clerk._client, path, faults, secrets)
            bench.forget_times()
            yield bench
        finally:
            await clerk.close()
            await connector.close()
