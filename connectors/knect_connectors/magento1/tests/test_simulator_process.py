"""The simulator as a process of its own, and clients of others that read from it."""

import asyncio
import re
import signal
import sys
import xmlrpc.client
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from knect.sdk.http import ClientFactory, Egress, decode_json
from knect.seams import SystemClock
from knect_connectors.magento1.simulator import open_simulator
from knect_connectors.magento1.tests.conftest import AtWork

#: The command, of the environment the tests run in.
KNECT = str(Path(sys.executable).parent / "knect")
USER, KEY = "knect", "simulated-api-key"


@asynccontextmanager
async def process(*arguments: str) -> AsyncIterator[str]:
    child = await asyncio.create_subprocess_exec(
        KNECT, "simulate", "magento1", *arguments,
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
        client = ClientFactory(clock=SystemClock(), egress=Egress(["127.0.0.1"])).open(url)
        state = await client.request("GET", "/_knect/state", template="/_knect/state")
        made = await client.request(
            "POST", "/_knect/do/create_orders", template="/_knect/do", json={"count": 2}
        )
        read = await asyncio.to_thread(_read_patiently, url)
        await client.close()
    assert len([o for o in state.data["orders"] if not o["original_increment_id"]]) == 30
    assert made.data == ["100000031", "100000032"]
    assert len(read) == len(state.data["orders"]) + 2
    lines = [decode_json(line) for line in log.read_bytes().splitlines()]
    assert {"time", "method", "path", "key", "status", "fault", "committed"} <= set(lines[0])
    assert [line["key"] for line in lines if line["fault"] is None][-1] == "sales_order.list"


def _read_patiently(url: str) -> Any:
    """Read with Python's own client, over the server errors that were asked for."""
    proxy: Any
    with xmlrpc.client.ServerProxy(f"{url}/api/xmlrpc", allow_none=True) as proxy:
        for _ in range(50):
            try:
                session = proxy.login(USER, KEY)
                return proxy.call(session, "sales_order.list", [{}])
            except xmlrpc.client.ProtocolError:
                continue  # one of the server errors that were asked for
    raise AssertionError


async def test_pythons_own_client_reads_orders_and_meets_the_platforms_faults(acme: AtWork) -> None:
    await acme.simulator.do("create_orders", {"count": 3})

    def work() -> None:
        proxy: Any
        with xmlrpc.client.ServerProxy(f"{acme.server.url}/api/xmlrpc", allow_none=True) as proxy:
            with pytest.raises(xmlrpc.client.Fault) as refused:
                proxy.login(USER, "wrong")
            assert refused.value.faultCode == 2
            session = proxy.login(USER, KEY)
            rows = proxy.call(session, "order.list", [{"increment_id": {"gteq": "100000002"}}])
            assert [row["increment_id"] for row in rows] == ["100000002", "100000003"]
            told, gone, bad = proxy.multiCall(session, [
                ["sales_order.info", "100000001"], ["sales_order.info", ["1"]], ["sales.nothing"],
            ])  # fmt: skip
            assert told["items"][0]["sku"].startswith("KN-")
            assert told["relation_child_id"] is None
            assert (gone["isFault"], gone["faultCode"]) == (True, "100")
            assert bad["faultCode"] == "3"
            assert proxy.endSession(session)
            with pytest.raises(xmlrpc.client.Fault) as expired:
                proxy.call(session, "order.list", [])
            assert (expired.value.faultCode, expired.value.faultString) == (
                5, "Session expired. Try to relogin.")  # fmt: skip

    await asyncio.to_thread(work)


def test_an_unknown_option_is_named() -> None:
    with pytest.raises(ValueError, match="colour"):
        open_simulator({"colour": "red"})


def test_the_same_seed_gives_the_same_orders() -> None:
    start = "2026-03-01T12:00:00+00:00"

    def made(seed: str) -> list[tuple[str, str]]:
        shop = open_simulator({"orders": "40", "let-in": "40", "start": start, "seed": seed})
        return [(o["increment_id"], o["grand_total"]) for o in shop.books.orders.values()]

    assert made("7") == made("7")
    assert made("7") != made("8")
