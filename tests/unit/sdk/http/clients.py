"""Clients for tests: short limits, loopback allowed."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from knect.sdk.errors import ConnectorError
from knect.sdk.http import Client, ClientFactory, Egress, Limits
from knect.seams import SystemClock

LOOPBACK = ("127.0.0.1",)


@asynccontextmanager
async def a_client(
    url: str, *, allow: tuple[str, ...] = LOOPBACK, tls: Any = None, auth: Any = None, **limits: Any
) -> AsyncIterator[Client]:
    limits = {"deadline": 2.0, "connect": 1.0, "read": 1.5, **limits}
    factory = ClientFactory(clock=SystemClock(), egress=Egress(allow), tls=tls)
    client = factory.open(url, limits=Limits(**limits), auth=auth)
    try:
        yield client
    finally:
        await client.close()


async def failure_of(
    client: Client, method: str = "POST", url: str = "/x", deadline: float | None = None
) -> ConnectorError:
    """Make one call and return the error it must raise."""
    content = b'{"order": 1}' if method == "POST" else None
    try:
        response = await client.request(
            method, url, template="/x", content=content, deadline=deadline
        )
    except ConnectorError as error:
        return error
    message = f"the call succeeded: {response}"
    raise AssertionError(message)


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Poll until the condition holds; fail after that many seconds."""
    for _ in range(int(seconds / 0.005)):
        if condition():
            return
        await asyncio.sleep(0.005)
    message = "it never became true"
    raise AssertionError(message)
