"""Starts a simulated store from options: for `knect simulate bigcommerce`, demos and fault tests.

Must not: parse a command line beyond `name=value` options; the CLI owns the rest.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from knect.sdk.testing import SendPlan, read_skus, serve
from knect.seams import SystemClock
from knect_connectors.bigcommerce.simulator.books import Books
from knect_connectors.bigcommerce.simulator.generator import (
    fill_catalog,
    fill_orders,
    small_orders,
)
from knect_connectors.bigcommerce.simulator.platform import BigCommerceSimulator

__all__ = ["OPTIONS", "open_simulator", "serve"]

#: Every option and what it means; values are texts.
OPTIONS: Mapping[str, str] = {
    "orders": "how many orders (300)",
    "let-in": "how many of them changed at `start` or after (60)",
    "start": "an RFC 3339 instant (two hours ago)",
    "kind": "demo: a varied set; small: paid one-line orders for load",
    "seed": "of the orders and all dice (7)",
    "skus": "SKU=TITLE=PRICE, comma separated; each is a product of the catalog too",
    "location": "name of the place where the catalog's stock is (Default location)",
    "stock": "pieces of each product at the start (0)",
    "guests": "small: how many different e-mail addresses (one per order)",
    "store": "the store's hash (acme1)",
    "token": "the token it accepts (simulated-token)",
    "client-secret": "the key webhooks are signed with (simulated-secret)",
    "quota": "requests in a window (1000000: never throttles; the platform: 150 or 450)",
    "window": "seconds of a window (30)",
    "stock-lag": "seconds after which an adjustment of stock is seen (0)",
    "duplicate": "share of webhooks sent twice (0)",
    "late": "share of webhooks sent a second late (0)",
    "reordered": "share of webhooks sent after the next one (0)",
    "forged": "share of webhooks followed by a forged one (0)",
    "lost": "share of webhooks never sent (0)",
}


def open_simulator(options: Mapping[str, str]) -> BigCommerceSimulator:
    """Return a simulated store with its orders. Raises ValueError for an unknown option."""
    for name in options:
        if name not in OPTIONS:
            raise ValueError(f"no option {name!r}; known: {', '.join(OPTIONS)}")
    clock = SystemClock()
    seed = int(options.get("seed", "7"))
    books = Books(clock=clock)
    _fill(books, options, seed)
    return BigCommerceSimulator(
        books,
        clock=clock,
        store=options.get("store", "acme1"),
        token=options.get("token", "simulated-token"),
        secret=options.get("client-secret", "simulated-secret"),
        quota=int(options.get("quota", "1000000")),
        window=float(options.get("window", "30")),
        stock_lag=float(options.get("stock-lag", "0")),
        send=SendPlan(
            duplicate=float(options.get("duplicate", "0")),
            late=float(options.get("late", "0")),
            reordered=float(options.get("reordered", "0")),
            forged=float(options.get("forged", "0")),
            lost=float(options.get("lost", "0")),
        ),
        seed=seed,
    )


def _fill(books: Books, options: Mapping[str, str], seed: int) -> None:
    skus = read_skus(options.get("skus"))
    place, stock = options.get("location", ""), int(options.get("stock", "0"))
    fill_catalog(books, skus, place=place, stock=stock)
    count = int(options.get("orders", "300"))
    given = options.get("start")
    start = datetime.fromisoformat(given) if given else books.now() - timedelta(hours=2)
    if options.get("kind", "demo") == "small":
        guests = int(options.get("guests", "0"))
        small_orders(books, count, at=start, seed=seed, skus=skus, spacing=0.1, guests=guests)
    else:
        let_in = min(count, int(options.get("let-in", "60")))
        fill_orders(books, start=start, count=count, let_in=let_in, skus=skus, seed=seed)
