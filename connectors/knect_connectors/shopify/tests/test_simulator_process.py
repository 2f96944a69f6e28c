"""The simulator as a process of its own, and the orders it can be filled with."""

import asyncio
import re
import signal
import sys
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from knect.model import Order, check_record
from knect.sdk.http import ClientFactory, Egress, decode_json, encode_json
from knect.sdk.testing import Sku
from knect.seams import SystemClock
from knect_connectors.shopify.mapping import to_order
from knect_connectors.shopify.simulator import demo_stock, open_simulator, small_orders

#: The command, of the environment the tests run in.
KNECT = str(Path(sys.executable).parent / "knect")
START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


async def test_it_starts_serves_logs_and_stops(tmp_path: Path) -> None:
    log = tmp_path / "requests.jsonl"
    child = await asyncio.create_subprocess_exec(
        KNECT, "simulate", "shopify", "--log", str(log),
        "--fault", "5xx=0.5", "orders=30", "let-in=20", "seed=3",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert child.stdout is not None
    try:
        line = (await asyncio.wait_for(child.stdout.readline(), 20)).decode()
        url = re.fullmatch(r"listening on (http://127\.0\.0\.1:\d+)\n", line)
        assert url is not None
        client = ClientFactory(clock=SystemClock(), egress=Egress(["127.0.0.1"])).open(url[1])
        state = await client.request("GET", "/_knect/state", template="/_knect/state")
        made = await client.request(
            "POST", "/_knect/do/create_orders", template="/_knect/do", json={"count": 2}
        )
        for _ in range(20):
            await client.request("GET", "/admin/api/2026-04/shop.json", template="/shop",
                                 accept=range(200, 600))  # fmt: skip
        await client.close()
    finally:
        child.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(child.wait(), 10) == 0
    assert len(state.data["orders"]) == 30
    assert made.data == ["gid://shopify/Order/1021", "gid://shopify/Order/1022"]
    assert len(log.read_text().splitlines()) == 20


def test_an_unknown_option_is_named() -> None:
    with pytest.raises(ValueError, match="colour"):
        open_simulator({"colour": "red"})


def mapped(raw: dict[str, object]) -> Order:
    return to_order(decode_json(encode_json(raw)), "shopMoney")


def test_the_demo_set_has_one_of_each_and_lets_in_what_it_says() -> None:
    stock = demo_stock(start=START, count=300, let_in=60)
    assert len(stock.orders) == 300
    let_in = [o for o in stock.orders if datetime.fromisoformat(o["updatedAt"]) >= START]
    assert len(let_in) == 60
    assert {order["id"] for order in let_in} >= set(stock.special.values())
    by_id = {order["id"]: order for order in stock.orders}
    special = {kind: by_id[identifier] for kind, identifier in stock.special.items()}
    assert len(special) == len(set(stock.special.values())) == 15
    assert special["unknown SKU on the last line"]["lineItems"][-1]["sku"] == "KN-99"
    assert special["unknown SKU on the first line"]["lineItems"][0]["sku"] == "KN-99"
    assert len(special["postcode too long"]["shippingAddress"]["zip"]) > 40
    assert special["test order"]["test"]
    assert special["waiting for payment"]["displayFinancialStatus"] == "PENDING"
    assert special["cancelled"]["cancelledAt"]
    assert special["edited"]["edited"]
    assert special["guest"]["customer"] is None
    assert special["tax-inclusive"]["taxesIncluded"]
    assert special["second currency"]["presentmentCurrencyCode"] == "USD"
    broken = [o["id"] for o in stock.orders if check_record(mapped(o))]
    assert broken == [stock.special["totals that do not add up"]]


def test_only_the_named_ones_are_unusual() -> None:
    stock = demo_stock(start=START)
    unusual = set(stock.special.values())
    plain = [order for order in stock.orders if order["id"] not in unusual]
    assert not [o for o in plain if o["test"] or o["cancelledAt"] or o["edited"]]
    assert {line["sku"] for o in plain for line in o["lineItems"]} <= {
        f"KN-{n}00" for n in range(1, 6)
    }


def test_the_same_seed_gives_the_same_orders() -> None:
    assert demo_stock(start=START) == demo_stock(start=START)
    assert demo_stock(start=START, seed=8) != demo_stock(start=START)


def test_skus_can_be_given() -> None:
    skus = (Sku(sku="X-1", title="X", price=Decimal("5.00")),)
    orders = small_orders(50, at=START, skus=skus, lines=3, spacing=1, guests=5)
    assert {line["sku"] for order in orders for line in order["lineItems"]} == {"X-1"}
    assert len(Counter(order["email"] for order in orders)) == 5
    assert orders[49]["updatedAt"] == "2026-03-01T09:00:49Z"


def test_a_thousand_small_orders_are_made_in_a_second() -> None:
    clock = SystemClock()
    started = clock.monotonic()
    assert len(small_orders(1_000, at=START)) == 1_000
    assert clock.monotonic() - started < 3.0
