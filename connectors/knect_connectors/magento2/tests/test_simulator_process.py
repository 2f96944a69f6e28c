"""The simulator as a process of its own, its options, and what people do to it."""

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from knect.sdk.http import decode_json
from knect_connectors.magento2.simulator import KEYS, open_simulator
from knect_connectors.magento2.tests.conftest import AtWork

#: The command, of the environment the tests run in.
KNECT = str(Path(sys.executable).parent / "knect")


@asynccontextmanager
async def process(*arguments: str) -> AsyncIterator[str]:
    child = await asyncio.create_subprocess_exec(
        KNECT, "simulate", "magento2", *arguments,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert child.stdout is not None
    try:
        line = (await asyncio.wait_for(child.stdout.readline(), 20)).decode()
        url = re.fullmatch(r"listening on (http://127\.0\.0\.1:\d+)\n", line)
        assert url is not None
        yield url[1]
    finally:
        child.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(child.wait(), 10) == 0


async def test_it_starts_serves_logs_and_stops(tmp_path: Path) -> None:
    log = tmp_path / "requests.jsonl"
    arguments = ("--log", str(log), "--fault", "5xx=0.2", "orders=30", "let-in=20", "seed=3")
    async with process(*arguments) as url:
        state, made, read = await asyncio.to_thread(_use, url)
    assert len([o for o in state["orders"] if not o.get("original_increment_id")]) == 30
    assert len(made) == 2
    assert read == len(state["orders"]) + 2
    lines = [decode_json(line) for line in log.read_bytes().splitlines()]
    assert {"time", "method", "path", "key", "status", "fault", "committed"} <= set(lines[0])
    assert [line["key"] for line in lines if line["fault"] is None] == ["orders"]


def _use(url: str) -> tuple[Any, Any, int]:
    """Look at it, place orders, and count them over the server errors that were asked for."""
    with requests.Session() as client:
        state = client.get(f"{url}/_knect/state", timeout=10).json()
        made = client.post(f"{url}/_knect/do/create_orders", json={"count": 2}, timeout=10).json()
        client.headers["Authorization"] = f"Bearer {KEYS['token']}"
        for _ in range(50):
            answer = client.get(f"{url}/rest/V1/orders?searchCriteria[pageSize]=1", timeout=10)
            if answer.status_code == 200:
                return state, made, answer.json()["total_count"]
    raise AssertionError


async def test_what_people_do_in_the_shop(acme: AtWork) -> None:
    do = acme.simulator.do
    number = await do("place", {"sku": "KN-100", "price": "39.90", "quantity": "2"})
    await do("invoice", {"number": number})
    await do("ship", {"number": number, "track": "T1", "email": True})
    assert acme.books.order(number)["state"] == "complete"
    await do("refund", {"number": number})
    assert acme.books.order(number)["state"] == "closed"
    other = await do("place", {"sku": "KN-100", "price": "39.90", "store": 3})
    assert other == "300000001"
    assert await do("cancel", {"number": other})
    await do("stock", {"sku": "KN-100", "quantity": "4"})
    await do("price", {"sku": "KN-100", "price": "3.99"})
    assert await do("open_account", {"email": "a@b.example", "first": "A", "last": "B"}) == 1
    assert await do("clock", {}) is not None
    with pytest.raises(ValueError, match="Validation Error"):
        await do("ship", {"number": number})
    for unknown in ("_products", "dance"):
        with pytest.raises(KeyError):
            await do(unknown, {})
    state = acme.simulator.snapshot()
    assert len(state["mails"]) == 1
    assert state["source_items"][0]["quantity"] == 4


def test_an_unknown_option_is_named() -> None:
    with pytest.raises(ValueError, match="colour"):
        open_simulator({"colour": "red"})


def test_the_same_seed_gives_the_same_orders() -> None:
    start = "2026-03-01T12:00:00+00:00"

    def made(seed: str) -> list[tuple[str, Any]]:
        shop = open_simulator({"orders": "40", "let-in": "40", "start": start, "seed": seed})
        return [(o["increment_id"], o["grand_total"]) for o in shop.books.orders.values()]

    assert made("7") == made("7")
    assert made("7") != made("8")


def test_a_shop_can_be_as_a_new_one() -> None:
    shop = open_simulator({"orders": "3", "kind": "small", "sources": "none", "bearer": "off",
                           "price-scope": "global", "limits": "on", "stock": "5"})  # fmt: skip
    assert (shop.books.sources, shop.books.source_items) == (None, {})
    assert (shop.access.bearer, shop.limits, shop.books.price_scope) == (False, True, "global")
    assert {row["qty"] for row in shop.books.stock.values()} == {5}
    assert len(shop.books.orders) == 3
