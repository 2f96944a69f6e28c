"""Orders to fill a simulated store with: a varied set, small ones for load, and people.

The same seed gives the same orders. Must not: look at the clock; the caller says when.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from knect.sdk.testing import DEFAULT_SKUS, PEOPLE, UNKNOWN_SKU, Sku
from knect_connectors.bigcommerce.simulator import acts
from knect_connectors.bigcommerce.simulator.books import Books, Row
from knect_connectors.bigcommerce.simulator.builder import Bought, OrderPlan, build_order

__all__ = ["KINDS", "fill_catalog", "fill_orders", "person", "small_orders"]

#: The unusual orders, each once among those let in, in the order they are placed.
KINDS = (
    "guest", "not finished", "waiting for payment", "manual verification", "tax-inclusive",
    "coupon", "manual discount", "second currency", "store credit", "gift certificate",
    "two addresses", "handling, wrapping and fee", "digital", "unknown SKU", "cancelled",
    "declined", "partly shipped", "refunded in part", "refunded", "edited", "test order",
    "archived",
)  # fmt: skip


def person(number: int) -> Row:
    """Return the address of one of a few people."""
    first, last, country, postcode, city, street = PEOPLE[number % len(PEOPLE)]
    return {"first_name": first, "last_name": last, "company": "", "street_1": street,
            "street_2": "", "city": city, "state": "", "zip": postcode, "country": country,
            "country_iso2": country, "phone": "+34 600 00 00"}  # fmt: skip


def fill_catalog(books: Books, skus: Sequence[Sku], *, place: str = "", stock: int = 0) -> None:
    """Make each a product of the store, with stock at its first place."""
    if place or not books.locations:
        books.add_location(place or "Default location")
    location = next(iter(books.locations))
    for one in skus:
        product = books.add_product(one.sku, one.title, one.price)
        books.levels[location, product["base_variant_id"]] = stock


def _customers(books: Books, at: datetime) -> list[Row]:
    found = []
    for index, (first, last, country, postcode, city, street) in enumerate(PEOPLE):
        row = books.add_customer(f"customer{index}@example.com", first, last, at)
        address = {"first_name": first, "last_name": last, "address1": street, "city": city,
                   "postal_code": postcode, "country": country,
                   "country_code": country}  # fmt: skip
        books.add_address(row, address)
        found.append(row)
    return found


def _bought(random: Random, skus: Sequence[Sku]) -> Bought:
    one = random.choice(skus)
    quantity = random.choice((1, 1, 1, 2, 3))
    return Bought(sku=one.sku, title=one.title, price=one.price, quantity=quantity)


def fill_orders(
    books: Books,
    *,
    start: datetime,
    count: int,
    let_in: int,
    skus: Sequence[Sku] = DEFAULT_SKUS,
    seed: int = 7,
) -> dict[str, int]:
    """Put in `count` orders of which the last `let_in` changed at `start` or after, 20 s apart.

    The rest lie in the 30 days before. Returns the unusual ones: kind -> id.
    """
    random = Random(seed)  # noqa: S311 - reproducible on purpose
    customers = _customers(books, start - timedelta(days=40))
    earlier = count - let_in
    kinds = list(KINDS[:let_in])
    places = sorted(random.sample(range(let_in), len(kinds)))
    special: dict[str, int] = {}
    for index in range(count):
        kind = None
        if index < earlier:
            at = start - timedelta(days=30) + timedelta(days=30) * index / (earlier + 1)
        else:
            at = start + timedelta(seconds=20 * (index - earlier))
            if index - earlier in places:
                kind = kinds[places.index(index - earlier)]
        order = _one(books, random, at.replace(microsecond=0), customers, skus, kind)
        if kind:
            special[kind] = order["id"]
    return special


def _one(
    books: Books,
    random: Random,
    at: datetime,
    customers: Sequence[Row],
    skus: Sequence[Sku],
    kind: str | None,
) -> Row:
    who = random.randrange(len(customers))
    plan: dict[str, Any] = {
        "at": at,
        "bought": [_bought(random, skus) for _ in range(random.choice((1, 1, 2, 2, 3, 4)))],
        "addresses": (person(who),),
        "email": customers[who]["email"],
        "customer": customers[who]["id"],
        "shipping": random.choice((Decimal(0), Decimal("4.90"), Decimal("9.90"))),
        "included": random.random() < 0.3,
    }
    plan |= _SHAPES.get(kind or "", {})
    if kind in ("coupon", "manual discount"):
        first, *rest = plan["bought"]
        plan["bought"] = [_less(first, Decimal("1.50")), *rest]
    elif kind == "two addresses":
        plan["bought"] = [
            Bought(sku=one.sku, title=one.title, price=one.price, address=index % 2)
            for index, one in enumerate(skus[:3])
        ]
        plan["addresses"] = (person(who), person(who + 1))
    elif kind == "unknown SKU":
        gone = Bought(sku=UNKNOWN_SKU, title="Old teapot", price=Decimal("19.00"))
        plan["bought"] = [*plan["bought"], gone]
    elif kind == "digital":
        one = skus[-1]
        plan |= {"bought": [Bought(sku=one.sku, title=one.title, price=one.price, kind="digital")],
                 "shipping": Decimal(0)}  # fmt: skip
    elif kind in ("partly shipped", "refunded in part", "edited"):
        one = skus[0]
        plan["bought"] = [Bought(sku=one.sku, title=one.title, price=one.price, quantity=3)]
    order = build_order(books, OrderPlan(**plan))
    if plan.get("status", 11) not in (0, 7, 12):
        acts.pay(books, order, at=at)
    _happen(books, order, kind, at)
    return order


def _less(one: Bought, discount: Decimal) -> Bought:
    return Bought(sku=one.sku, title=one.title, price=one.price, quantity=one.quantity,
                  discount=discount)  # fmt: skip


_SHAPES: dict[str, dict[str, Any]] = {
    "guest": {"customer": 0, "email": "guest@example.com"},
    "not finished": {"status": 0, "payment_status": ""},
    "waiting for payment": {"status": 7, "payment_status": "pending", "method": "Bank Deposit"},
    "manual verification": {"status": 12, "payment_status": "held for review"},
    "tax-inclusive": {"included": True},
    "coupon": {"coupon": "TEA"},
    "second currency": {"currency": "USD"},
    "store credit": {"store_credit": Decimal("2.00")},
    "gift certificate": {"certificate": Decimal("2.00")},
    "handling, wrapping and fee": {
        "handling": Decimal("1.50"), "wrapping": Decimal("2.00"), "fee": Decimal("3.00"),
    },
    "test order": {"method": "Test Payment Gateway"},
}  # fmt: skip


def _happen(books: Books, order: Row, kind: str | None, at: datetime) -> None:
    """Let happen to an order what makes it unusual."""
    if kind == "cancelled":
        acts.set_status(books, order, 5, at=at)
    elif kind == "declined":
        acts.set_status(books, order, 6, at=at)
    elif kind == "partly shipped":
        items = [{"order_product_id": order["_products"][0]["id"], "quantity": 1}]
        acts.ship(books, order, items, at=at)
    elif kind == "refunded in part":
        acts.refund(books, order, [{"line": 0, "quantity": 1}], at=at)
    elif kind == "refunded":
        items = [
            {"line": index, "quantity": line["quantity"]}
            for index, line in enumerate(order["_products"])
        ]
        acts.refund(books, order, items, at=at,
                    shipping=Decimal(order["shipping_cost_inc_tax"]))  # fmt: skip
    elif kind == "edited":
        first = order["_plan"].bought[0]
        acts.edit(books, order, [Bought(sku=first.sku, title=first.title, price=first.price,
                                        quantity=2)])  # fmt: skip
        books.touch(order, at=at)
    elif kind == "archived":
        order["is_deleted"] = True


def small_orders(
    books: Books,
    count: int,
    *,
    at: datetime,
    seed: int = 0,
    skus: Sequence[Sku] = DEFAULT_SKUS,
    spacing: float = 0.0,
    guests: int = 0,
) -> list[int]:
    """Put in small paid orders, `spacing` seconds apart (0: all at one instant); return ids.

    `guests`: how many different e-mail addresses; 0: one per order.
    """
    random = Random(seed)  # noqa: S311 - reproducible on purpose
    made = []
    for index in range(count):
        when = (at + timedelta(seconds=spacing * index)).replace(microsecond=0)
        one = random.choice(skus)
        bought = Bought(sku=one.sku, title=one.title, price=one.price,
                        quantity=1 + random.randrange(3))  # fmt: skip
        number = books.counters.get("order", 99) + 1
        plan = OrderPlan(
            at=when,
            bought=(bought,),
            addresses=(person(index),),
            shipping=Decimal("4.90"),
            email=f"buyer{index % guests if guests else number}@example.com",
        )
        order = build_order(books, plan)
        acts.pay(books, order, at=when)
        made.append(int(order["id"]))
    return made
