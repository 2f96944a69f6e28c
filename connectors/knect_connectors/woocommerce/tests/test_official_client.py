"""The vendor's own Python client works with the simulated shop and cannot tell."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from woocommerce import API

from knect.model import Order, check_record
from knect_connectors.woocommerce.simulator import fill_orders
from knect_connectors.woocommerce.tests.conftest import KEY, NOON, SECRET, AtWork


def client(acme: AtWork, **more: Any) -> API:
    """Return the client; over plain http it signs (OAuth 1.0a with one leg)."""
    return API(url=acme.server.url, consumer_key=KEY, consumer_secret=SECRET, version="wc/v3",
               timeout=10, **more)  # fmt: skip


async def with_client(acme: AtWork, work: Callable[[API], None], **more: Any) -> None:
    await asyncio.to_thread(work, client(acme, **more))


async def test_it_reads_what_the_connector_reads(acme: AtWork) -> None:
    fill_orders(acme.books, start=NOON, count=40, let_in=40)
    ours = {change.id: change.raw for change in await acme.all()}

    def work(api: API) -> None:
        seen: dict[str, Any] = {}
        page = 1
        while True:
            answer = api.get("orders", params={
                "per_page": 15, "page": page, "dp": 6, "orderby": "id", "order": "asc",
                "modified_after": "2026-03-01T11:00:00", "dates_are_gmt": "true",
            })  # fmt: skip
            assert answer.status_code == 200
            seen |= {str(one["id"]): one for one in answer.json()}
            if page == int(answer.headers["X-WP-TotalPages"]):
                break
            page += 1
        carts = {one for one, row in seen.items() if row["status"] == "checkout-draft"}
        assert set(seen) - carts == set(ours)
        for identifier, raw in ours.items():
            theirs = seen[identifier]
            assert theirs["total"] == raw["total"]
            assert len(theirs["line_items"]) == len(raw["line_items"])
            refunds = api.get(f"orders/{identifier}/refunds").json()
            assert {one["id"] for one in refunds} == {one["id"] for one in theirs["refunds"]}

    await with_client(acme, work)


async def test_dates_are_the_sites_own_unless_told_otherwise(acme: AtWork) -> None:
    order = acme.order(at=NOON)

    def work(api: API) -> None:
        after = {"modified_after": "2026-03-01T11:59:59", "modified_before": "2026-03-01T12:00:01"}
        assert api.get("orders", params=after).json() == []  # an hour later there
        (told,) = api.get("orders", params={**after, "dates_are_gmt": "true"}).json()
        assert told["id"] == order["id"]
        assert (told["date_created"], told["date_created_gmt"]) == (
            "2026-03-01T13:00:00", "2026-03-01T12:00:00")  # fmt: skip
        edge = {"modified_after": "2026-03-01T12:00:00", "dates_are_gmt": "true"}
        assert api.get("orders", params=edge).json() == []

    await with_client(acme, work)


async def test_it_works_on_orders_as_a_merchants_tool_does(acme: AtWork) -> None:
    order = acme.order()
    name = f"orders/{order['id']}"

    def work(api: API) -> None:
        noted = api.post(f"{name}/notes", {"note": "Thanks!", "customer_note": True})
        assert noted.status_code == 201
        assert [one["note"] for one in api.get(f"{name}/notes").json()] == ["Thanks!"]
        told = api.put(
            name, {"status": "completed", "meta_data": [{"key": "a", "value": {"b": 1}}]}
        )
        assert (told.json()["status"], told.json()["meta_data"][0]["value"]) == (
            "completed", {"b": 1})  # fmt: skip
        line = order["line_items"][0]["id"]
        back = api.post(f"{name}/refunds", {"line_items": [{"id": line, "quantity": 1}]})
        assert back.json()["line_items"][0]["quantity"] == -1
        assert back.json()["line_items"][0]["meta_data"][0]["value"] == str(line)
        (listed,) = api.get("refunds").json()
        assert listed["parent_id"] == order["id"]
        assert api.delete(name).json()["status"] == "trash"
        assert api.get("orders").json() == []
        assert api.delete(name, params={"force": True}).status_code == 200
        gone = api.get(name)
        assert (gone.status_code, gone.json()["code"]) == (
            404, "woocommerce_rest_shop_order_invalid_id")  # fmt: skip

    await with_client(acme, work)


async def test_it_places_orders_that_the_connector_reads(acme: AtWork) -> None:
    kettle = acme.books.by_sku("KN-100")
    assert kettle is not None
    made: dict[str, Any] = {}

    def work(api: API) -> None:
        nonlocal made
        answer = api.post("orders", {
            "payment_method": "bacs", "set_paid": True,
            "billing": {"first_name": "Ana", "email": "ana@example.com", "country": "ES"},
            "line_items": [{"product_id": kettle["id"], "quantity": 2}],
            "shipping_lines": [{"method_id": "flat_rate", "total": "4.90"}],
            "fee_lines": [{"name": "Wrap", "total": "2.00"}],
            "meta_data": [{"key": "source", "value": "pos"}],
        })  # fmt: skip
        assert answer.status_code == 201
        made = answer.json()
        refused = api.post("orders", {"line_items": [{"quantity": 1}]})
        assert refused.json()["code"] == "woocommerce_rest_required_product_reference"

    await with_client(acme, work)
    (change,) = await acme.source.fetch("orders", [str(made["id"])])
    order = acme.source.to_record("orders", change.raw)
    assert check_record(order) is None
    assert isinstance(order, Order)
    assert (str(order.totals.total), order.payment_status) == (made["total"], "paid")
    assert order.attributes["meta.source"] == "pos"


async def test_it_works_on_the_catalog(acme: AtWork) -> None:
    def work(api: API) -> None:
        made = api.post("products", {
            "name": "Tee", "type": "variable", "status": "draft",
            "attributes": [{"name": "Size", "options": ["S"], "variation": True}],
        }).json()  # fmt: skip
        name = f"products/{made['id']}/variations"
        small = api.post(name, {"sku": "T-S", "regular_price": "9", "attributes": [
            {"name": "Size", "option": "S"}]}).json()  # fmt: skip
        (found,) = api.get("products", params={"sku": "T-S"}).json()
        assert (found["id"], found["type"], found["parent_id"]) == (
            small["id"], "variation", made["id"])  # fmt: skip
        assert api.put(f"products/{small['id']}", {"name": "x"}).status_code == 404
        assert api.get(f"products/{small['id']}").json()["parent_id"] == made["id"]
        twice = api.post("products", {"name": "Twice", "sku": "T-S"})
        assert (twice.status_code, twice.json()["code"]) == (400, "product_invalid_sku")
        assert twice.json()["data"]["resource_id"] == small["id"]
        batch = api.post(f"{name}/batch", {"update": [
            {"id": small["id"], "manage_stock": True, "stock_quantity": 4}, {"id": 1}]})  # fmt: skip
        fine, refused = batch.json()["update"]
        assert (batch.status_code, fine["stock_quantity"]) == (200, 4)
        assert refused["error"]["data"]["status"] == 404
        many = {"update": [{"id": 1}] * 101}
        assert api.post("products/batch", many).status_code == 413
        number = api.put(f"products/{made['id']}", {"regular_price": 9.5})
        assert number.json()["data"]["params"] == {
            "regular_price": "regular_price is not of type string."}  # fmt: skip

    await with_client(acme, work)


async def test_it_keeps_customers_and_webhooks(acme: AtWork) -> None:
    def work(api: API) -> None:
        made = api.post("customers", {"email": "a@example.com", "billing": {"city": "Madrid"}})
        assert made.status_code == 201
        again = api.post("customers", {"email": "A@example.com"})
        assert again.json()["code"] == "registration-error-email-exists"
        (listed,) = api.get("customers", params={"email": "a@example.com"}).json()
        assert listed["billing"]["city"] == "Madrid"
        hook = api.post("webhooks", {"topic": "order.updated", "secret": "s",
                                     "delivery_url": f"{acme.server.url}/none"}).json()  # fmt: skip
        assert (hook["status"], hook["resource"], "secret" in hook) == ("active", "order", False)
        assert api.post("webhooks", {"topic": "moon.full", "delivery_url": "x"}).status_code == 400
        assert api.delete(f"webhooks/{hook['id']}", params={"force": True}).status_code == 200

    await with_client(acme, work)


@pytest.mark.parametrize(
    ("params", "field"),
    [({"per_page": 101}, "per_page"), ({"page": 0}, "page"), ({"orderby": "modified"}, "orderby"),
     ({"order": "up"}, "order"), ({"status": "unheard-of"}, "status")],
)  # fmt: skip
async def test_what_the_api_does_not_take_it_refuses(
    acme: AtWork, params: dict[str, Any], field: str
) -> None:
    def work(api: API) -> None:
        answer = api.get("orders", params=params)
        assert answer.status_code == 400
        assert answer.json()["code"] == "rest_invalid_param"
        assert list(answer.json()["data"]["params"]) == [field]

    await with_client(acme, work)


async def test_who_signs_with_another_secret_is_not_let_in(acme: AtWork) -> None:
    def work(_: API) -> None:
        forged = API(url=acme.server.url, consumer_key=KEY, consumer_secret="cs_other")
        answer = forged.get("orders")
        assert answer.status_code == 401
        assert answer.json()["code"] == "woocommerce_rest_authentication_error"

    await with_client(acme, work)
