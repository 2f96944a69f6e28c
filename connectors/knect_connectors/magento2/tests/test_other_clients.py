"""Clients of others use the simulated shop: PyMagento, and an OAuth 1.0a client over requests."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
import requests
from authlib.integrations.requests_client import OAuth1Auth
from magento import Magento, MagentoException, make_search_query

from knect_connectors.magento2.simulator import KEYS, fill_orders
from knect_connectors.magento2.tests.conftest import KETTLE, NOON, AtWork


async def test_pymagento_reads_and_writes_what_we_do(acme: AtWork) -> None:
    special = fill_orders(acme.books, start=NOON, count=60, let_in=40)
    order = acme.put(KETTLE)
    total = len(acme.books.orders)

    def work() -> None:
        client = Magento(token=KEYS["token"], base_url=acme.server.url,
                         batch_page_size=7)  # fmt: skip
        assert client.get_total_orders_count() == total
        found = [one["entity_id"] for one in client.get_orders()]
        assert len(found) == len(set(found)) == total, "pages end where the shop says they do"
        query = make_search_query(
            [[("state", "closed", None), ("state", "canceled", None)], [("store_id", 1, "eq")]],
            sort_orders=[("entity_id", "desc")],
        )
        states = {one["state"] for one in client.get_orders(query=query)}
        assert states == {"closed", "canceled"}
        edited = client.get_order_by_increment_id(f"{special['edited']}-1")
        assert edited is not None
        assert edited["original_increment_id"] == special["edited"]
        assert "customer_middlename" not in edited, "what is nothing is not sent"
        assert len(list(client.get_customers())) == len(acme.books.customers)
        assert [one["sku"] for one in client.get_products(limit=2)] == ["KN-100", "KN-200"]
        product = client.get_product("kn-100")
        assert product is not None
        assert (product["name"], product["price"]) == ("Kettle", 39.9)
        assert client.get_product("NONE") is None
        _writes(client, order["entity_id"])
        client.hold_order(acme.put(KETTLE)["entity_id"])
        with pytest.raises(MagentoException, match="hold action"):
            client.hold_order(special_id)

    special_id = acme.books.order(special["cancelled"])["entity_id"]
    await asyncio.to_thread(work)
    level = acme.books.source_items["KN-100", "default"]
    assert level["quantity"] == 1, "four were set, and three left with the parcel"
    assert acme.product("KN-100")["price"] == Decimal("41.50")
    assert len(acme.books.shipments) == 3


def _writes(client: Any, order: int) -> None:
    item = {"sku": "KN-100", "source_code": "default", "quantity": 4, "status": 1}
    client.save_source_items([item])
    assert client.save_base_prices([{"price": 41.5, "store_id": 0, "sku": "KN-100"}]) == []
    (refused,) = client.save_base_prices([{"price": -1, "store_id": 0, "sku": "KN-100"}])
    assert refused["message"] == "Invalid attribute %fieldName = %fieldValue."
    assert refused["parameters"] == ["Price", "-1"]
    assert [one["price"] for one in client.get_base_prices(["KN-100"])] == [41.5]
    made = client.post_json_api(f"/V1/order/{order}/ship", json={"items": [], "notify": True})
    assert made == "3"
    with pytest.raises(MagentoException, match="Shipment Document Validation"):
        client.post_json_api(f"/V1/order/{order}/ship", json={})
    invoice = client.create_order_invoice(order, notify=False)
    assert client.get_invoice(int(invoice))["state"] == 2


def _client(**keys: str) -> requests.Session:
    given = {**KEYS, **keys}
    session = requests.Session()
    session.auth = OAuth1Auth(given["consumer_key"], given["consumer_secret"],
                              token=given["token"], token_secret=given["token_secret"])  # fmt: skip
    return session


async def test_an_oauth_client_of_others_is_let_in(acme: AtWork) -> None:
    fill_orders(acme.books, start=NOON, count=60, let_in=40)
    total = len(acme.books.orders)

    def work() -> None:
        with _client() as client:

            def get(path: str, **params: Any) -> requests.Response:
                url = f"{acme.server.url}/rest/default/V1/{path}"
                return client.get(url, params=params, timeout=10)

            size, field = "searchCriteria[pageSize]", "searchCriteria[currentPage]"
            pages = [get("orders", **{size: 25, field: page}).json() for page in (1, 2, 3, 4, 9)]
            assert [len(page["items"]) for page in pages] == [25, 25, total - 50] + 2 * [total - 50]
            assert pages[2]["items"] == pages[4]["items"], "past the end: the last page again"
            assert pages[4]["search_criteria"]["page_size"] == 25
            answer = get("orders")
            assert (answer.status_code, answer.json()["parameters"]) == (
                400, {"fieldName": "searchCriteria"})  # fmt: skip
            assert get("carts").status_code == 404
            assert get("products/NONE").status_code == 404

    await asyncio.to_thread(work)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"consumer_key": "other"}, "A consumer having the specified key does not exist"),
        ({"consumer_secret": "other"}, "The signature is invalid. Verify and try again."),
        ({"token": "other"}, "Specified token does not exist"),
        ({"token_secret": "other"}, "The signature is invalid. Verify and try again."),
    ],
)
async def test_who_signs_with_other_keys_is_not_let_in(
    acme: AtWork, keys: dict[str, str], words: str
) -> None:
    def work() -> requests.Response:
        with _client(**keys) as client:
            url = f"{acme.server.url}/rest/V1/orders?searchCriteria="
            return client.get(url, timeout=10)

    answer = await asyncio.to_thread(work)
    assert (answer.status_code, answer.json()["message"]) == (401, words)
