"""The simulator as a process of its own, and what its options make of it."""

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from knect.sdk.errors import RetryLater
from knect.sdk.http import Client, ClientFactory, Egress, decode_json
from knect.sdk.secret import Secret
from knect.seams import SystemClock
from knect_connectors.bigcommerce.simulator import KINDS, open_simulator

#: The command, of the environment the tests run in.
KNECT = str(Path(sys.executable).parent / "knect")


@asynccontextmanager
async def process(*arguments: str) -> AsyncIterator[str]:
    child = await asyncio.create_subprocess_exec(
        KNECT, "simulate", "bigcommerce", *arguments,
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


async def patiently(client: Client, path: str) -> list[dict[str, object]]:
    """Read over the server errors that were asked for."""
    for _ in range(50):
        try:
            headers = {"X-Auth-Token": Secret("simulated-token")}
            answer = await client.request("GET", path, template=path, headers=headers)
        except RetryLater:
            continue
        return list(answer.data)
    raise AssertionError


async def test_it_starts_serves_logs_and_stops(tmp_path: Path) -> None:
    log = tmp_path / "requests.jsonl"
    arguments = ("--log", str(log), "--fault", "5xx=0.2", "orders=30", "let-in=25", "seed=3")
    async with process(*arguments) as url:
        client = ClientFactory(clock=SystemClock(), egress=Egress(["127.0.0.1"])).open(url)
        state = await client.request("GET", "/_knect/state", template="/_knect/state")
        made = await client.request(
            "POST", "/_knect/do/create_orders", template="/_knect/do", json={"count": 2}
        )
        read = await patiently(client, "/stores/acme1/v2/orders?limit=250")
        taxes = await patiently(client, "/stores/acme1/v2/orders/130/taxes?details=true")
        await client.close()
    assert len(state.data["orders"]) == 30
    assert made.data == [130, 131]
    assert len(read) == 32 - 1  # one is archived
    assert [one["line_item_type"] for one in taxes] == ["item", "shipping"]
    lines = [decode_json(line) for line in log.read_bytes().splitlines()]
    assert {"time", "method", "path", "key", "status", "fault", "committed"} <= set(lines[0])
    assert [line["key"] for line in lines if line["fault"] is None][-1] == "taxes"


def test_an_unknown_option_is_named() -> None:
    with pytest.raises(ValueError, match="colour"):
        open_simulator({"colour": "red"})


def test_the_same_seed_gives_the_same_orders() -> None:
    start = "2026-03-01T12:00:00+00:00"

    def made(seed: str) -> list[tuple[int, str]]:
        shop = open_simulator({"orders": "40", "let-in": "40", "start": start, "seed": seed})
        return [(one["id"], one["total_inc_tax"]) for one in shop.books.orders.values()]

    assert made("7") == made("7")
    assert made("7") != made("8")


def test_small_orders_are_of_as_many_guests_as_asked() -> None:
    shop = open_simulator({"kind": "small", "orders": "9", "guests": "3", "stock": "4"})
    emails = {one["billing_address"]["email"] for one in shop.books.orders.values()}
    assert len(emails) == 3
    assert set(shop.books.levels.values()) == {4}


def test_each_unusual_order_is_there() -> None:
    shop = open_simulator({"orders": "40", "let-in": str(len(KINDS))})
    states = {one["status_id"] for one in shop.books.orders.values()}
    assert {0, 3, 4, 5, 6, 7, 11, 12, 14} <= states
