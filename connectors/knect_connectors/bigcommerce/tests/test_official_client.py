"""The vendor's own Python client reads from the simulator, ships, and meets its limits."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import requests
from bigcommerce.api import BigcommerceApi
from bigcommerce.exception import ClientRequestException, RateLimitingException
from requests.adapters import HTTPAdapter

from knect_connectors.bigcommerce.simulator import small_orders
from knect_connectors.bigcommerce.tests.conftest import NOON, AtWork, a_line, open_store


class Loopback(HTTPAdapter):
    """Sends to the simulator, which is served without TLS, what the client sends by HTTPS."""

    def send(self, request: requests.PreparedRequest, *args: Any, **more: Any) -> Any:
        assert request.url is not None
        request.url = request.url.replace("https://", "http://", 1)
        return super().send(request, *args, **more)


async def using(acme: AtWork, work: Callable[[Any], Any], token: str = "simulated-token") -> Any:
    """Do something with the vendor's client, in a thread of its own."""

    def run() -> Any:
        api: Any = BigcommerceApi(client_id="any", store_hash="acme1", access_token=token)
        api.connection.host = acme.server.url.removeprefix("http://")
        with api.connection._session as session:
            session.mount("https://", Loopback())
            return work(api)

    return await asyncio.to_thread(run)


async def test_it_lists_orders_over_pages_and_finds_their_parts(acme: AtWork) -> None:
    small_orders(acme.books, 60, at=NOON, spacing=1)
    acme.order(a_line("A", "10.00", 2), a_line("B", "3.50"), number=500)

    def work(api: Any) -> None:
        first, second = api.Orders.all(), api.Orders.all(page=2)
        assert [len(first), len(second)] == [50, 11]
        assert "id" not in api.Orders.all(page=3), "an empty list is no body"
        newest = api.Orders.all(sort="date_modified:desc", limit=1)[0]
        assert newest.date_modified == "Sun, 01 Mar 2026 12:00:59 +0000"
        assert len(api.Orders.all(min_date_modified="Sun, 01 Mar 2026 12:00:50 +0000")) == 10
        order = api.Orders.get(500)
        assert (order.total_inc_tax, order.status) == ("27.9700", "Awaiting Fulfillment")
        assert [(one.sku, one.quantity) for one in order.products()] == [("A", 2), ("B", 1)]
        assert order.shipping_addresses()[0].country_iso2 == "ES"
        assert [one.rate for one in order.taxes()] == ["19.0000", "19.0000"]
        assert {one.id: one.name for one in api.OrderStatuses.all()}[11] == "Awaiting Fulfillment"
        assert api.Store.all().currency == "EUR"

    await using(acme, work)


async def test_it_ships_corrects_and_takes_back(acme: AtWork) -> None:
    order = acme.order(a_line(quantity=2), number=500)

    def work(api: Any) -> None:
        found = api.Orders.get(500)
        line, address = found.products()[0], found.shipping_addresses()[0]
        made = api.OrderShipments.create(
            500, order_address_id=address.id, tracking_number="T-1", shipping_provider="ups",
            items=[{"order_product_id": line.id, "quantity": 2}],
        )  # fmt: skip
        assert (made.tracking_number, made.items) != ("", None)
        assert api.Orders.get(500).status == "Shipped"
        with pytest.raises(ClientRequestException, match="more than what is left"):
            api.OrderShipments.create(
                500, order_address_id=address.id,
                items=[{"order_product_id": line.id, "quantity": 1}],
            )  # fmt: skip
        with pytest.raises(ClientRequestException, match="not a valid provider"):
            api.OrderShipments.create(500, order_address_id=address.id, shipping_provider="bike",
                                      items=[{"order_product_id": line.id, "quantity": 1}])  # fmt: skip
        found.update(status_id=10)
        assert api.Orders.get(500).status_id == 10

    await using(acme, work)
    (made,) = order["_shipments"]
    assert made["tracking_number"] == "T-1"


async def test_it_is_told_of_the_quota_and_refused_beyond_it() -> None:
    async with open_store(quota=3, window=3_000.0) as acme:

        def work(api: Any) -> None:
            for left in (2, 1, 0):
                api.Time.all()
                assert api.connection.rate_limit["requests_remaining"] == left
            assert api.connection.rate_limit["requests_quota"] == 3
            with pytest.raises(RateLimitingException):
                api.Time.all()

        await using(acme, work)


async def test_a_wrong_token_and_what_is_not_there_are_refused(acme: AtWork) -> None:
    def wrong(api: Any) -> None:
        with pytest.raises(ClientRequestException, match="401"):
            api.Orders.all()

    def missing(api: Any) -> None:
        with pytest.raises(ClientRequestException, match="404"):
            api.Orders.get(7)

    await using(acme, wrong, token="wrong")
    await using(acme, missing)
