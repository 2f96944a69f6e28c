"""Both ends of the throughput benchmark and the trace sink, in a process of their own.

    python -m benchmarks.ends ORDERS        prints one line of JSON with the addresses

A shop that lists ORDERS orders of 1.1 kB in pages, an ERP that takes batches and counts, and an
OTLP sink that counts spans. `GET /counts` tells what arrived. Everything is answered from memory as
fast as one Python process can, so that who calls is what is measured. Must not: be a test.
"""

import asyncio
import json
import sys
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from aiohttp import web
from msgspec import json as fast

__all__ = ["PAGE", "order", "page"]

PAGE = 250
_FIRST = datetime(2026, 1, 1, tzinfo=UTC)
_CITIES = ("Leipzig", "Köln", "Łódź", "Aarhus", "Graz", "Utrecht", "Brno")


def _instant(number: int) -> str:
    return (_FIRST + timedelta(seconds=number)).isoformat(timespec="microseconds")


def order(number: int) -> dict[str, object]:
    """One order: about 1.1 kB of JSON, three lines, money as text; its parts add up to its total."""
    lines = [
        {
            "id": f"{number}-{i}",
            "sku": f"KN-{(number * 7 + i * 13) % 4000:05d}",
            "title": f"Linen cushion cover, natural, {40 + i * 10} x {40 + i * 10} cm",
            "quantity": 1 + (number + i) % 3,
            "unit_price": f"{9 + (number * 3 + i) % 90}.{(number + i) % 100:02d}",
        }
        for i in range(3)
    ]
    total = sum(Decimal(str(x["unit_price"])) * int(str(x["quantity"])) for x in lines)
    city = _CITIES[number % len(_CITIES)]
    return {
        "id": f"gid-{number:08d}",
        "number": str(100_000 + number),
        "created_at": _instant(number),
        "updated_at": _instant(number),
        "currency": "EUR",
        "total": str(total),
        "payment_status": "paid",
        "customer": {
            "id": f"c-{number % 9000:06d}",
            "email": f"customer.{number % 9000}@mail.example",
            "name": f"Ana Maria Example {number % 9000}",
            "phone": f"+49 341 {number % 10_000_000:07d}",
        },
        "shipping_address": {
            "name": f"Ana Maria Example {number % 9000}",
            "address1": f"Karl-Liebknecht-Straße {number % 180 + 1}",
            "address2": "Hinterhaus, 2. Etage links",
            "zip": f"{10000 + number % 80000}",
            "city": city,
            "country": "DE",
        },
        "lines": lines,
        "note": "Please leave it with the neighbours at number 14 if nobody is at home.",
        "tags": ["web", "newsletter", "returning"],
        "landing": f"/collections/cushions?utm_source=mail&utm_campaign=autumn-{number % 40}",
    }


def page(first: int, orders: int) -> bytes:
    """The page that begins with order `first`; `next` is where the one after begins."""
    last = min(first + PAGE, orders)
    body = {
        "orders": [order(n) for n in range(first, last)],
        "next": str(last) if last < orders else None,
    }
    return fast.encode(body)


class Ends:
    """What arrived, counted."""

    def __init__(self, orders: int) -> None:
        self._orders = orders
        self._kept: dict[int, bytes] = {}
        self.counts = {"pages": 0, "batches": 0, "orders": 0, "exports": 0, "spans": 0}
        self.documents: set[str] = set()
        self.first_request = 0.0

    def prepare(self, most: int = 20_000) -> None:
        for first in range(0, min(self._orders, most), PAGE):
            self._kept[first] = page(first, self._orders)

    def _seen(self) -> None:
        self.first_request = self.first_request or time.time()

    async def shop(self, request: web.Request) -> web.Response:
        self._seen()
        self.counts["pages"] += 1
        first = int(request.query.get("cursor") or 0)
        body = self._kept.get(first) or page(first, self._orders)
        return web.Response(body=body, content_type="application/json")

    async def clock(self, _request: web.Request) -> web.Response:
        self._seen()
        return web.json_response({"ok": True})  # the time is in its Date header

    async def erp(self, request: web.Request) -> web.Response:
        documents = fast.decode(await request.read())["orders"]
        self.counts["batches"] += 1
        self.counts["orders"] += len(documents)
        answer = []
        for document in documents:
            number = document["number"]
            if not document["lines"] or not document["total"]:
                return web.json_response({"error": "an order without lines or total"}, status=422)
            self.documents.add(number)
            answer.append({"id": f"SO-{number}", "number": number})
        return web.Response(body=fast.encode({"results": answer}), content_type="application/json")

    async def sink(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.counts["exports"] += 1
        self.counts["spans"] += body.count(b'"kind":')
        return web.Response(body=b"{}", content_type="application/json")

    async def told(self, _request: web.Request) -> web.Response:
        return web.json_response(
            {
                **self.counts,
                "documents": len(self.documents),
                "first_request_at": self.first_request,
            }
        )


async def main(orders: int) -> None:
    ends = Ends(orders)
    ends.prepare()
    application = web.Application(client_max_size=2**26)
    application.router.add_get("/orders", ends.shop)
    application.router.add_get("/clock", ends.clock)
    application.router.add_post("/batch", ends.erp)
    application.router.add_post("/v1/traces", ends.sink)
    application.router.add_get("/counts", ends.told)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    print(json.dumps({"url": f"http://{host}:{port}"}), flush=True)
    await asyncio.to_thread(sys.stdin.read)  # until whoever started it closes the pipe
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
