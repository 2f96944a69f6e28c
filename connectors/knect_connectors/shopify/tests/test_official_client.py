"""Shopify's own Python client reads orders from the simulator."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import shopify

from knect_connectors.shopify.simulator import small_orders
from knect_connectors.shopify.tests.conftest import NOON, open_shop
from knect_connectors.shopify.tests.orders import a_line, an_order


@contextmanager
def session(url: str) -> Iterator[None]:
    """Point the client at the simulator; it keeps its target in class attributes."""
    shopify.ShopifyResource.set_site(f"{url}/admin/api/2026-04")
    shopify.ShopifyResource.set_headers({"X-Shopify-Access-Token": "shpat_simulated"})
    try:
        yield
    finally:
        shopify.ShopifyResource.clear_session()


def listed(url: str) -> list[Any]:
    with session(url):
        page = shopify.Order.find(limit=50, status="any")
        orders = list(page)
        while page.has_next_page():
            page = page.next_page()
            orders += page
        return orders


def found(url: str, number: int) -> Any:
    with session(url):
        return shopify.Order.find(number)


def counted(url: str) -> int:
    with session(url):
        return int(shopify.Order.count(status="any"))


def executed(url: str, query: str) -> Any:
    with session(url):
        return json.loads(shopify.GraphQL().execute(query))


async def test_it_lists_every_order_over_its_pages() -> None:
    async with open_shop() as shop:
        shop.put(*small_orders(130, at=NOON, spacing=1))
        shop.shop.objects["orders"]["gid://shopify/Order/1007"]["closedAt"] = "2026-03-02T00:00:00Z"
        orders = await asyncio.to_thread(listed, shop.server.url)
        assert await asyncio.to_thread(counted, shop.server.url) == 130
    assert [order.order_number for order in orders] == list(range(1_001, 1_131))


async def test_it_finds_one_with_its_lines() -> None:
    async with open_shop() as shop:
        shop.put(an_order(NOON, 1_001, lines=[a_line("A", "10.00", 2), a_line("B", "3.50")]))
        order = await asyncio.to_thread(found, shop.server.url, 1_001)
    assert (order.name, order.total_price) == ("#1001", "27.97")
    assert [(line.sku, line.quantity) for line in order.line_items] == [("A", 2), ("B", 1)]


async def test_it_runs_graphql() -> None:
    async with open_shop() as shop:
        shop.put(an_order(NOON, 1_001))
        answer = await asyncio.to_thread(
            executed, shop.server.url, "{ orders(first: 5) { nodes { name } } }"
        )
    assert answer["data"] == {"orders": {"nodes": [{"name": "#1001"}]}}
    assert answer["extensions"]["cost"]["requestedQueryCost"] == 7


async def test_a_wrong_token_is_refused() -> None:
    async with open_shop() as shop:
        shop.shop.tokens = set()
        with pytest.raises(Exception, match=r"401|Unauthorized"):
            await asyncio.to_thread(found, shop.server.url, 1)
