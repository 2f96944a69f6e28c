"""Starts a simulated shop from options: for `knect simulate woocommerce`, the demo and fault tests.

Must not: parse a command line beyond `name=value` options; the CLI owns the rest.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from knect.sdk.testing import SendPlan, read_skus, serve
from knect.seams import SystemClock
from knect_connectors.woocommerce.simulator.books import Books
from knect_connectors.woocommerce.simulator.generator import (
    fill_catalog,
    fill_orders,
    small_orders,
)
from knect_connectors.woocommerce.simulator.platform import WooSimulator

__all__ = ["OPTIONS", "open_simulator", "serve"]

#: Every option and what it means; values are texts.
OPTIONS: Mapping[str, str] = {
    "orders": "how many orders (300)",
    "let-in": "how many of them changed at `start` or after (60)",
    "start": "an RFC 3339 instant (two hours ago)",
    "kind": "demo: a varied set; small: paid one-line orders for load",
    "seed": "of the orders and all dice (7)",
    "skus": "SKU=TITLE=PRICE, comma separated; each is a product of the catalog too",
    "stock": "pieces of each product at the start (0)",
    "guests": "small: how many different e-mail addresses (one per order)",
    "key": "the consumer key (ck_simulated)",
    "secret": "its secret (cs_simulated)",
    "prices": "net or gross: whether prices are entered without tax or with it (net)",
    "skew": "seconds the shop's clock is ahead; below zero: behind (0)",
    "offset": "hours the shop's own zone is ahead of UTC (1)",
    "hook-duplicate": "share of webhooks that are sent twice (0)",
    "hook-lost": "share of webhooks that are never sent (0)",
}


def open_simulator(options: Mapping[str, str]) -> WooSimulator:
    """Return a simulated shop with its orders. Raises ValueError for an unknown option."""
    for name in options:
        if name not in OPTIONS:
            raise ValueError(f"no option {name!r}; known: {', '.join(OPTIONS)}")
    clock = SystemClock()
    books = Books(
        clock=clock,
        skew=timedelta(seconds=float(options.get("skew", "0"))),
        offset=timedelta(hours=float(options.get("offset", "1"))),
        prices_include_tax=options.get("prices", "net") == "gross",
    )
    plan = SendPlan(
        attempts=1,
        duplicate=float(options.get("hook-duplicate", "0")),
        lost=float(options.get("hook-lost", "0")),
    )
    simulator = WooSimulator(
        books,
        clock=clock,
        key=options.get("key", "ck_simulated"),
        secret=options.get("secret", "cs_simulated"),
        plan=plan,
    )
    _fill(books, options, int(options.get("seed", "7")))
    return simulator


def _fill(books: Books, options: Mapping[str, str], seed: int) -> None:
    skus = read_skus(options.get("skus"))
    fill_catalog(books, skus, stock=int(options.get("stock", "0")))
    count = int(options.get("orders", "300"))
    given = options.get("start")
    start = datetime.fromisoformat(given) if given else books.now() - timedelta(hours=2)
    if options.get("kind", "demo") == "small":
        guests = int(options.get("guests", "0"))
        small_orders(books, count, at=start, seed=seed, skus=skus, spacing=0.1, guests=guests)
    else:
        let_in = min(count, int(options.get("let-in", "60")))
        fill_orders(books, start=start, count=count, let_in=let_in, skus=skus, seed=seed)
