"""Forty orders from a simulated shop through a real worker into a real Tryton that dies twice."""

import asyncio
import sqlite3
import time
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
from tests.faults.scene import Scene, a_scene, until
from tests.integration.tryton.conftest import a_context
from tests.support.real.require import require

from knect.history import read_ledger
from knect_connectors.tryton import open_connector

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

SEED, ORDERS = 40, 40
SKUS = {"KN-100": "39.90", "KN-200": "24.50", "KN-300": "12.00", "KN-400": "7.95"}

_DOCUMENTS = """\
apiVersion: knect.dev/v1alpha1
kind: Connection
metadata: {name: acme-shop}
spec:
  connector: shopify
  role: Spoke
  config: {shop: acme.myshopify.com, apiVersion: "2026-04", baseUrl: "%(acme-shop)s"}
  credentials: {secretRef: {name: acme-shop}}
---
apiVersion: knect.dev/v1alpha1
kind: Connection
metadata: {name: acme-erp}
spec:
  connector: tryton
  role: Hub
  config: {url: "%(acme-erp)s", database: erp, webShop: acme}
  credentials: {secretRef: {name: acme-erp}}
---
apiVersion: v1
kind: Secret
metadata: {name: acme-shop}
stringData: {accessToken: shpat_simulated, webhookSecret: simulated-secret}
---
apiVersion: v1
kind: Secret
metadata: {name: acme-erp}
stringData: {username: knect, password: knect-demo-password}
---
apiVersion: knect.dev/v1alpha1
kind: SyncPipeline
metadata: {name: orders}
spec:
  entity: orders
  source: {connectionRef: {name: acme-shop}, start: Beginning}
  destination: {connectionRef: {name: acme-erp}, write: Upsert}
  trigger: {webhook: {reconcileEvery: 5m}}
  delivery: {batchSize: 5, maxInFlight: 2, retry: {attempts: 8, initial: 300ms, max: 3s}}
"""


def _delivered(scene: Scene) -> int:
    try:
        return sum(one.fate == "delivered" for one in read_ledger(scene.ledger).transactions)
    except sqlite3.OperationalError:
        return 0  # it is not laid yet


def _has_delivered(scene: Scene, count: int) -> bool:
    return _delivered(scene) >= count


def test_every_sale_comes_to_what_its_customer_paid_though_the_erp_dies_twice(
    tmp_path: Path,
) -> None:
    require("tryton")
    from knect_connectors.tryton.demo import (  # noqa: PLC0415 - needs the extra `tryton`
        DemoCompany,
        DemoProduct,
        TrytonServer,
        make_database,
    )

    products = tuple(DemoProduct(sku=s, name=s, price=Decimal(p)) for s, p in SKUS.items())
    make_database(DemoCompany(products=products), tmp_path / "erp.sqlite")
    with a_scene(tmp_path) as scene, TrytonServer(tmp_path / "erp.sqlite") as server:
        skus = ",".join(f"{sku}={sku}={price}" for sku, price in SKUS.items())
        scene.start_shop(seed=SEED, faults={}, orders=ORDERS, skus=skus, guests=25)
        scene.erp = server.url
        scene.declare(_DOCUMENTS)
        worker = scene.worker(follow=False, lease=30, request=20)
        kills = 0
        for after in (8, 20):
            until(partial(_has_delivered, scene, after), f"{after} delivered")
            assert _delivered(scene) < ORDERS, "a kill after the work is done proves nothing"
            server.kill()
            kills += 1
            time.sleep(0.3)  # the outage itself
            server.start()
        assert worker.wait(120) == 0, worker.log.read_text()[-3000:]
        total = scene.status()
        assert kills == 2
        assert total["balanced"], total
        assert (total["seen"], total["delivered"]) == (ORDERS, ORDERS), total

        sold = scene.control(scene.shop, "state")["orders"]
        paid = {
            order["id"]: (
                Decimal(order["totalPriceSet"]["shopMoney"]["amount"]),
                order["currencyCode"],
            )
            for order in sold
        }
        assert asyncio.run(_sales(server)) == paid, f"seed {SEED}"


async def _sales(server: object) -> dict[str, tuple[Decimal, str]]:
    """Return what Tryton itself says of its sales, by the shop's order id; fails on a second."""
    connector = open_connector(a_context(server))
    try:
        rows = await connector._client.search_read(
            "sale.sale", [["web_id", "!=", None]], ["web_id", "total_amount", "currency.code"]
        )
    finally:
        await connector.close()
    found = {
        row["web_id"].removeprefix("acme-shop:"): (row["total_amount"], row["currency."]["code"])
        for row in rows
    }
    assert len(found) == len(rows), "two sales of one order"
    return found
