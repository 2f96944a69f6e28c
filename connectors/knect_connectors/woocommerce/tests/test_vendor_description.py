"""Against the vendor's own description, where it is at hand: what we call, what is answered.

`KNECT_SPECS` is the folder of specs; with `specs` in `KNECT_REQUIRE` they have to be there.
"""

import json
import os
import re
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from knect.model import Address, Customer, InventoryLevel, Order, Price, Totals
from knect.sdk.secret import Secret
from knect.sdk.testing import Request
from knect_connectors.woocommerce.simulator import fill_orders, merchant
from knect_connectors.woocommerce.tests import test_products, test_shipments
from knect_connectors.woocommerce.tests.conftest import KEY, NOON, SECRET, AtWork, open_shop

_ROOT = Path(__file__).parents[4]
_SPECS = Path(os.environ.get("KNECT_SPECS", _ROOT.parent / "shared" / "specs")) / "woocommerce"
_FILE = _SPECS / "wc-rest-v3.resources.json"
#: First part of a path, and what is below an object -> resource of the description.
_RESOURCES = {
    ("orders", ""): "orders", ("orders", "notes"): "order-notes",
    ("orders", "refunds"): "order-refunds", ("customers", ""): "customers",
    ("products", ""): "products", ("products", "variations"): "product-variations",
    ("webhooks", ""): "webhooks", ("data", ""): "data",
}  # fmt: skip
#: Documented on pages that are not among the specs at hand: setting options, system status.
_ELSEWHERE = {
    "GET /settings/tax/woocommerce_prices_include_tax", "GET /system_status",
}  # fmt: skip
#: Of every list of WordPress.
_OF_WORDPRESS = {"_fields"}
#: The description is of March 2024; these came with later versions, or stand in its examples only.
_NEWER: Mapping[str, set[str]] = {
    "orders": {"payment_url", "is_editable", "needs_payment", "needs_processing",
               "date_paid_gmt", "currency_symbol"},
    "order-refunds": {"shipping_lines", "tax_lines", "fee_lines"},
    "products": {"global_unique_id", "type"},
    "product-variations": {"global_unique_id", "name", "parent_id", "type"},
    "customers": {"is_paying_customer"},
}  # fmt: skip


@cache
def vendor() -> dict[str, Any]:
    if not _FILE.exists():
        if "specs" in os.environ.get("KNECT_REQUIRE", "").split(","):
            pytest.fail(f"KNECT_REQUIRE names specs, but {_FILE} does not exist")
        pytest.skip("the vendor's description is not here; set KNECT_SPECS to the folder of specs")
    found: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))["resources"]
    return found


def endpoints() -> set[str]:
    """Return method and path of every endpoint, ids as `<>`."""
    return {
        f"{one['method']} {re.sub('<[^>]*>', '<>', one['path'].removeprefix('/wp-json/wc/v3'))}"
        for resource in vendor().values()
        for one in resource["endpoints"]
    }


def properties(resource: str) -> dict[str, Any]:
    """Return the properties of a resource's own object."""
    objects = vendor()[resource]["objects"]
    found: dict[str, Any] = next(iter(objects.values()))
    return found


def resource_of(path: str) -> str:
    parts = [one for one in path.split("/") if one and one != "batch"]
    below = parts[2] if len(parts) > 2 and parts[0] in ("orders", "products") else ""
    return _RESOURCES[parts[0], below]


class Asked:
    """What was asked of the shop."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, Request]] = []

    def note(self, request: Request) -> None:
        path = request.path.removeprefix("/wp-json/wc/v3")
        self.requests.append((request.method, path, request))


async def everything(acme: AtWork) -> None:
    """Read and write all there is."""
    fill_orders(acme.books, start=NOON, count=30, let_in=30)
    for entity in ("orders", "customers", "payments", "refunds", "products", "prices", "inventory"):
        changes = await acme.all(NOON, NOON + timedelta(days=1), entity=entity)
        await acme.source.fetch(entity, [one.id for one in changes[:3]])
        await acme.source.fetch(entity, ["1"])
    await acme.source.server_time()
    await acme.connector.check()
    assert acme.connector.webhooks is not None
    await acme.connector.webhooks.subscribe(["orders", "products"], "https://hooks.example")
    await acme.simulator.do("disable_webhooks", {})
    await acme.connector.webhooks.subscribe(["orders"], "https://hooks.example")
    await acme.written("products", test_products.SHIRT, document={"status": "active"})
    (cap,) = await acme.written("products", test_products.CAP)
    assert cap.found is not None
    bound = cap.found.destination_id
    await acme.written("products", test_products.CAP, bound=bound, document={"name": "Cap 2"})
    ana = Customer(source_id="9", email="new@example.com", first_name="Ana", phone="1",
                   addresses=(Address(city="Madrid", country="ES"),))  # fmt: skip
    await acme.written("customers", ana)
    level = InventoryLevel(source_id="1", sku="SHIRT-S", location="WH", available=Decimal(3))
    await acme.written("inventory", level)
    price = Price(source_id="1", sku="CAP", currency="EUR", amount=Decimal(8),
                  compare_at=Decimal(9), valid_from=NOON)  # fmt: skip
    await acme.written("prices", price)
    order = acme.order(test_shipments.KETTLE, test_shipments.CUP)
    merchant.refund(acme.books, order, {str(order["line_items"][1]["id"]): "1"})
    await acme.written("shipments", test_shipments.parcel(order, (0, "2")))
    sale = Order(source_id="1", number="1", name="1", currency="EUR", placed_at=NOON,
                 updated_at=NOON, totals=Totals(total=Decimal(0)))  # fmt: skip
    more = {"status": "on-hold", "note": "waits", "notify": True}
    await acme.written("orders", sale, bound=str(order["id"]), document=more)


@pytest.fixture
async def asked() -> Any:
    vendor()
    secrets = {"consumerKey": Secret(KEY), "consumerSecret": Secret(SECRET),
               "webhookSecret": Secret("hook-secret")}  # fmt: skip
    async with open_shop(secrets=secrets) as acme:
        noted = Asked()
        acme.simulator.before = noted.note
        await everything(acme)
        assert {method for method, _, _ in noted.requests} == {"GET", "POST", "PUT"}
        yield noted


async def test_every_call_is_one_of_the_vendors(asked: Asked) -> None:
    known = endpoints() | {"PUT /webhooks/<>"}  # the description has one `s` less there
    made = {f"{method} {re.sub(r'/[0-9]+', '/<>', path)}" for method, path, _ in asked.requests}
    assert made - known == _ELSEWHERE
    assert len(made) > 20


async def test_every_parameter_of_a_list_is_the_vendors(asked: Asked) -> None:
    for method, path, request in asked.requests:
        if method != "GET" or f"GET {path}" in _ELSEWHERE or path.startswith("/data"):
            continue
        resource = resource_of(path)
        tables = vendor()[resource]["parameters"].values()
        known = {name for table in tables for name in table} | _OF_WORDPRESS
        assert set(request.query) <= known, f"{path}: {set(request.query) - known}"


async def test_every_field_we_write_is_one_the_vendor_lets_be_written(asked: Asked) -> None:
    written: dict[str, set[str]] = {}
    for method, path, request in asked.requests:
        if method == "GET":
            continue
        body = request.json()
        rows = [*body.get("update", ()), *body.get("create", ())] if "/batch" in path else [body]
        resource = resource_of(path)
        for row in rows:
            names = set(row) - ({"id"} if "/batch" in path else set())
            written.setdefault(resource, set()).update(names)
    for resource, names in written.items():
        known = properties(resource)
        unknown = names - set(known) - _NEWER.get(resource, set())
        assert not unknown, f"{resource}: {unknown}"
        # of a webhook the description calls the URL read-only; it is required when one is made
        fixed = {n for n in names & set(known) if known[n].get("readOnly")} - {"delivery_url"}
        assert not fixed, f"{resource}: {fixed}"
    assert set(written) == {
        "customers", "orders", "order-notes", "products", "product-variations", "webhooks"}  # fmt: skip


@pytest.mark.parametrize(
    ("resource", "path"),
    [
        ("orders", "orders/{order}"),
        ("order-notes", "orders/{order}/notes/{note}"),
        ("order-refunds", "orders/{order}/refunds/{refund}"),
        ("customers", "customers/{customer}"),
        ("products", "products/{product}"),
        ("product-variations", "products/{shirt}/variations/{variation}"),
        ("webhooks", "webhooks/{hook}"),
    ],
)
async def test_what_the_simulator_answers_is_what_the_vendor_describes(
    resource: str, path: str
) -> None:
    known, example = properties(resource), vendor()[resource]["example"]
    secrets = {"consumerKey": Secret(KEY), "consumerSecret": Secret(SECRET),
               "webhookSecret": Secret("hook-secret")}  # fmt: skip
    async with open_shop(secrets=secrets) as acme:
        await everything(acme)
        order = next(one for one in acme.books.orders.values() if acme.books.notes.get(one["id"])
                     and one["refunds"] and one["shipping_lines"])  # fmt: skip
        shirt = next(one for one in acme.books.products.values() if one["type"] == "variable")
        names = {
            "order": order["id"], "note": acme.books.notes[order["id"]][0]["id"],
            "refund": order["refunds"][0]["id"], "customer": next(iter(acme.books.customers)),
            "product": acme.books.by_sku("CAP"), "shirt": shirt["id"],
            "variation": shirt["variations"][0], "hook": next(iter(acme.books.webhooks)),
        }  # fmt: skip
        names["product"] = names["product"]["id"]
        answer = await acme.connector._client.get(f"/{path.format(**names)}", template="/x")
    assert answer is not None
    told = set(answer) - {"_links"}
    newer = _NEWER.get(resource, set())
    assert told - set(known) - newer == set()
    # what only shops with more plugins, or pages for people, need is not simulated
    missing = set(example) - set(answer) - _NOT_SIMULATED.get(resource, set())
    assert missing == set()
    for name in told & set(example):
        ours, theirs = answer[name], example[name]
        if ours is not None and theirs is not None:
            assert _same_type(ours, theirs), f"{resource}.{name}: {ours!r} and {theirs!r}"
    if resource == "orders":
        for part in ("line_items", "shipping_lines", "tax_lines"):
            assert set(example[part][0]) - set(answer[part][0]) == set(), part


_NOT_SIMULATED: Mapping[str, set[str]] = {
    "products": {
        "permalink", "price_html", "total_sales", "external_url", "button_text", "average_rating",
        "rating_count", "related_ids", "upsell_ids", "cross_sell_ids", "shipping_required",
        "shipping_taxable",
    },
    "product-variations": {"permalink"},
}  # fmt: skip


def _same_type(ours: Any, theirs: Any) -> bool:
    if isinstance(theirs, bool) or isinstance(ours, bool):
        # a variation's status is a text since 3.x; the example is older
        return isinstance(ours, bool) == isinstance(theirs, bool) or isinstance(ours, str)
    if isinstance(theirs, int | float):
        return isinstance(ours, int | Decimal)
    return type(ours) is type(theirs)
