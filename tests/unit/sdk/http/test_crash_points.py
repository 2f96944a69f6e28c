"""Dying at a named point of a call leaves the server with exactly what the name says."""

import asyncio
import os
import signal
import sys

import pytest
from tests.unit.sdk.http.raw_server import Exchange, raw_server

PROGRAM = """
import asyncio, sys
from knect.sdk.http import ClientFactory, Egress
from knect.seams import SystemClock

async def main():
    client = ClientFactory(clock=SystemClock(), egress=Egress(["127.0.0.1"])).open(sys.argv[1])
    await client.request("POST", "/x", template="/x", content=b"x" * 100)
    print("answered")

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("point", "complete_requests"),
    [("send.first_byte", 0), ("send.complete", 1), ("answer.read", 1)],
)
async def test_point(point: str, complete_requests: int) -> None:
    async def respond(exchange: Exchange) -> None:
        await exchange.answer()

    async with raw_server(respond) as server:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            PROGRAM,
            server.url,
            env={**os.environ, "KNECT_CRASH": point},
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await child.communicate()
        assert child.returncode == -signal.SIGKILL
        assert output == b""
        assert server.connections == 1
        deadline = asyncio.get_running_loop().time() + 2
        while len(server.exchanges) < complete_requests:
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.01)
        assert len(server.exchanges) == complete_requests
