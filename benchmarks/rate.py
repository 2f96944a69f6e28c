"""How much of an account's allowance is used, and whether it is ever exceeded.

Why: a limiter that is careful wastes the account, one that is not gets it blocked. Three
pipelines' calls of two urgencies on one Connection, against a server that counts by itself.
Must not: be a test; `tests/unit/sdk/test_ratelimit.py` holds the rule, here are the figures.
"""

import asyncio
import time
from typing import Any

from knect.engine.bounds.allowance import working_on
from knect.sdk.contract import Call, Connector, ConnectorContext, Effect, Operation
from knect.sdk.http import ClientFactory, Egress
from knect.sdk.secret import Secret
from knect.sdk.testing import running
from knect.seams import SystemClock
from knect_connectors.rest import open_connector as open_rest
from knect_connectors.rest.conformance import config_for
from knect_connectors.rest.simulator import InHouse
from knect_connectors.shopify import open_connector as open_shopify
from knect_connectors.shopify.simulator import Shop, ShopifySimulator, small_orders

__all__ = ["rate_figures"]

SECONDS = 60.0
EMPTYING = 30.0
BUCKET, REFILL = 40, 2.0
POINTS, RESTORE = 1_000.0, 50.0


def rate_figures() -> dict[str, dict[str, float]]:
    """Return, per kind of limit: calls or points used and allowed, the share, refusals."""
    return {"calls": asyncio.run(_calls()), "points": asyncio.run(_points())}


def _context(config: dict[str, Any], secrets: dict[str, Secret]) -> ConnectorContext:
    clock = SystemClock()
    http = ClientFactory(clock=clock, egress=Egress(["127.0.0.1"]))
    return ConnectorContext(name="bench", config=config, secrets=secrets, http=http, clock=clock)


async def _calls() -> dict[str, float]:
    system = InHouse(SystemClock(), bucket=BUCKET, refill=REFILL)
    async with running(system) as server:
        limit = {"burst": BUCKET, "perSecond": REFILL, "usedHeader": "X-Call-Limit"}
        connector = open_rest(
            _context(
                config_for(server.url, rateLimit=limit),
                {"token": Secret("in-house-token"), "webhookSecret": Secret("x")},
            )
        )
        began = time.monotonic()
        await _three(lambda name, number: _write(connector, name, number), until=began + SECONDS)
        took = time.monotonic() - began
        await connector.close()
    allowed = BUCKET + took * REFILL
    used = system.calls - system.throttled
    return {"used": used, "allowed": allowed, "share": used / allowed, "refused": system.throttled}


async def _write(connector: Connector, entity: str, number: int) -> None:
    assert connector.destination is not None
    effect = Effect(
        name="record",
        write="unique",
        entity=entity,
        operation=Operation.CREATE,
        key=f"{entity}{number}",
        external_id=f"{entity}:{number}",
        body={"ref": f"{entity}:{number}"},
        primary=True,
    )
    call = Call(effect=effect, given={}, idempotency_key=effect.external_id)
    await connector.destination.write([call])


async def _points() -> dict[str, float]:
    clock = SystemClock()
    shop = Shop(clock=clock, token="bench", client_secret="bench")  # noqa: S106 - simulated
    simulator = ShopifySimulator(shop, clock=clock, maximum=POINTS, restore_rate=RESTORE)
    orders = small_orders(60, at=clock.now(), seed=7)
    for order in orders:
        shop.put("orders", order)
    ids = [str(order["id"]) for order in orders]
    async with running(simulator) as server:
        config = {"shop": "acme.myshopify.com", "apiVersion": "2026-04", "baseUrl": server.url}
        connector = open_shopify(_context(config, {"accessToken": Secret("bench")}))
        assert connector.source is not None
        source = connector.source

        async def read(_: str, number: int) -> None:
            await source.fetch("orders", [ids[number % len(ids)]])

        # First the bucket is emptied. A query needs more points than it uses in the end, so some
        # always lie in the bucket: the rate is what comes back and is used from then on.
        throttle = simulator.throttle
        await _three(read, until=time.monotonic() + EMPTYING)
        began, before = time.monotonic(), throttle.spent
        await _three(read, until=began + SECONDS)
        allowed = (time.monotonic() - began) * RESTORE
        used = throttle.spent - before
        await connector.close()
    return {"used": used, "allowed": allowed, "share": used / allowed, "refused": throttle.refused}


async def _three(work: Any, *, until: float) -> None:
    """Three pipelines: orders and payments urgent, stock less so."""

    async def pipeline(entity: str) -> None:
        number = 0
        with working_on(entity):
            while time.monotonic() < until:
                number += 1
                await work(entity, number)

    await asyncio.gather(*map(pipeline, ("orders", "payments", "inventory")))
