"""The simulator as a process of its own."""

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from woocommerce import API

from knect.sdk.http import ClientFactory, Egress, decode_json
from knect.seams import SystemClock
from knect_connectors.woocommerce.simulator import open_simulator

#: The command, of the environment the tests run in.
KNECT = str(Path(sys.executable).parent / "knect")


@asynccontextmanager
async def process(*arguments: str) -> AsyncIterator[str]:
    child = await asyncio.create_subprocess_exec(
        KNECT, "simulate", "woocommerce", *arguments,
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
    arguments = ("--log", str(log), "orders=30", "let-in=25", "seed=3", "prices=gross")
    async with process(*arguments) as url:
        client = ClientFactory(clock=SystemClock(), egress=Egress(["127.0.0.1"])).open(url)
        state = await client.request("GET", "/_knect/state", template="/_knect/state")
        made = await client.request(
            "POST", "/_knect/do/create_orders", template="/_knect/do", json={"count": 2}
        )
        unknown = await client.request(
            "POST", "/_knect/do/fly", template="/_knect/do", json={}, accept=(400,)
        )
        api = API(url=url, consumer_key="ck_simulated", consumer_secret="cs_simulated", timeout=10)
        told = await asyncio.to_thread(api.get, "orders", params={"per_page": 100})
        await client.close()
    assert len(state.data["orders"]) == 30
    assert len(made.data) == 2
    assert unknown.status == 400
    assert len(told.json()) == 31  # without the one in the trash
    assert all(one["prices_include_tax"] for one in told.json())
    lines = [decode_json(line) for line in log.read_bytes().splitlines()]
    assert {"time", "method", "path", "key", "status", "fault", "committed"} <= set(lines[0])


def test_an_unknown_option_is_named() -> None:
    with pytest.raises(ValueError, match="colour"):
        open_simulator({"colour": "red"})


def test_the_same_seed_gives_the_same_orders() -> None:
    start = "2026-03-01T12:00:00+00:00"

    def made(seed: str) -> list[tuple[str, str]]:
        shop = open_simulator({"orders": "40", "let-in": "40", "start": start, "seed": seed})
        return [(o["number"], o["total"]) for o in shop.books.orders.values()]

    assert made("7") == made("7")
    assert made("7") != made("8")
