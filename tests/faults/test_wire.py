"""Row 10: what a request's failure says of the other end is true, whatever the wire did to it.

The wire itself is tested with it: every trouble happened as often as it says.
"""

import asyncio
import socket
from collections import Counter
from contextlib import asynccontextmanager

import pytest
from tests.support.fault_wire import Trouble, Wires
from tests.support.real.ports import free_ports

from knect.sdk.errors import ConnectorError
from knect.sdk.http import ClientFactory, Egress, Limits
from knect.sdk.testing.wire import Answer, read_request, render
from knect.seams import SystemClock

pytestmark = pytest.mark.faults

SEED = 20261126
RATES = {
    "refuse": 0.15, "reset-before": 0.1, "reset-after": 0.1, "half-close": 0.1, "silence": 0.04,
    "drip": 0.04, "delay": 0.05,
}  # fmt: skip
REQUESTS, AT_ONCE = 400, 50


@asynccontextmanager
async def a_server(seen: Counter[str]):
    """Count the requests that really came in, by path."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await read_request(reader)) is not None:
                seen[request.path] += 1
                writer.write(render(Answer.of_json({"path": request.path, "pad": "x" * 40})))
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_what_could_have_been_seen_is_told_truly_in_every_case() -> None:
    seen: Counter[str] = Counter()
    told: Counter[str] = Counter()
    lies: list[str] = []
    factory = ClientFactory(clock=SystemClock(), egress=Egress(["127.0.0.1"]))
    limits = Limits(deadline=1.0, connect=0.5, read=0.9)
    with Wires(SEED) as wires:
        async with a_server(seen) as port:
            url = f"http://127.0.0.1:{wires.lay('shop', RATES, port)}"
            client = factory.open(url, limits=limits)

            async def ask(number: int) -> None:
                path = f"/orders/{number}"
                try:
                    await client.request("POST", path, template="/orders/{id}", json={"n": number})
                except ConnectorError as error:
                    told["could" if error.could_have_been_seen else "could not"] += 1
                    if seen[path] and not error.could_have_been_seen:
                        lies.append(f"{path}: {error}")
                else:
                    told["answered"] += 1
                    assert seen[path] == 1, path
                assert seen[path] <= 1, f"{path} was sent again without being told to"

            for first in range(0, REQUESTS, AT_ONCE):
                if first == REQUESTS // 2:
                    wires.cut("shop", 0.3)
                await asyncio.gather(*(ask(first + i) for i in range(AT_ONCE)))
                if first == REQUESTS // 2:
                    wires.cut("shop", 0.1, wait=True)  # whole again
            await client.close()
        counts = wires.counts("shop")
    assert not lies, f"seed {SEED}: said to be unseen, and it was seen: {lies}"
    print(f"seed {SEED}: {dict(told)}, injected {dict(counts)}")
    missing = [one for one in RATES if not counts[one]]
    assert not missing, f"never injected: {missing}"
    assert counts.total() >= 100, counts
    assert counts[Trouble.CUT] == 2
    assert told["could not"] >= 20, told
    assert told["could"] >= 40, told


def test_a_free_port_is_kept_for_the_server_that_is_told_it() -> None:
    (port,) = free_ports(1)
    with socket.socket() as another, pytest.raises(OSError, match="in use"):
        another.bind(("127.0.0.1", port))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    for _ in range(2):  # it starts again
        with (
            socket.create_server(("127.0.0.1", port)),
            socket.create_connection(("127.0.0.1", port), timeout=5),
        ):
            pass
