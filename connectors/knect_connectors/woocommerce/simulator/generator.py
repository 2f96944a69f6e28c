"""Orders to fill a simulated shop with: a varied set, small ones for load, and people.

The same seed gives the same orders. Must not: look at the clock; the caller says when.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from knect.sdk.testing import DEFAULT_SKUS, PEOPLE, UNKNOWN_SKU, Sku
from knect_connectors.woocommerce.payload import instant_text
from knect_connectors.woocommerce.simulator import merchant
from knect_connectors.woocommerce.simulator.books import Books, Row
from knect_connectors.woocommerce.simulator.builder import Bought, Extra, OrderPlan, build_order

__all__ = ["KINDS", "fill_catalog", "fill_orders", "person", "small_orders"]

#: The unusual orders, each once among those let in, in the order they are placed.
KINDS = (
    "guest", "coupon", "coupon to zero", "fee", "discount as a fee", "taxed discount as a fee",
    "bundle", "deleted product", "own number", "tax exempt", "rounded in the end", "on hold",
    "cancelled", "refunded", "refunded in part", "amount refunded", "completed", "cart", "trash",
    "half a piece", "without shipping address",
)  # fmt: skip


def person(number: int) -> Row:
    """Return the address of one of a few people."""
    first, last, country, postcode, city, street = PEOPLE[number % len(PEOPLE)]
    return {"first_name": first, "last_name": last, "company": "", "address_1": street,
            "address_2": "2nd floor" if country == "PL" else "", "city": city, "state": "",
            "postcode": postcode, "country": country}  # fmt: skip


def fill_catalog(books: Books, skus: Sequence[Sku], *, stock: int = 0) -> None:
    """Make each a product of the shop."""
    for one in skus:
        books.add_product(one.sku, one.title, one.price, stock=stock)


def _customers(books: Books, at: datetime) -> list[Row]:
    found = []
    for index, (first, last, *_) in enumerate(PEOPLE):
        email = f"customer{index}@example.com"
        row = books.add_customer(email, first, last, at)
        row["billing"] |= {**person(index), "email": email, "phone": "+34 600 00 00"}
        found.append(row)
    return found


def _bought(books: Books, one: Sku, quantity: int, discount: Decimal = Decimal(0)) -> Bought:
    row = books.by_sku(one.sku)
    return Bought(sku=one.sku, title=one.title, price=one.price, quantity=Decimal(quantity),
                  discount=discount, product=row["id"] if row else 0)  # fmt: skip


def small_orders(
    books: Books,
    count: int,
    *,
    at: datetime,
    seed: int = 7,
    skus: Sequence[Sku] = DEFAULT_SKUS,
    spacing: float = 0.0,
    guests: int = 0,
) -> list[str]:
    """Place paid orders of one line, `spacing` seconds apart; returns their ids."""
    random = Random(seed)  # noqa: S311 - reproducible on purpose
    made = []
    for index in range(count):
        who = index % guests if guests else index
        one = random.choice(skus)
        plan = OrderPlan(
            at=at + timedelta(seconds=spacing * index),
            bought=(_bought(books, one, 1),),
            address=person(who),
            email=f"guest{seed}-{who}@example.com",
            shipping=Decimal("4.90"),
        )
        made.append(str(build_order(books, plan)["id"]))
    return made


def fill_orders(
    books: Books,
    *,
    start: datetime,
    count: int,
    let_in: int,
    skus: Sequence[Sku] = DEFAULT_SKUS,
    seed: int = 7,
) -> dict[str, str]:
    """Put in `count` orders of which the last `let_in` changed at `start` or after, 20 s apart.

    The rest lie in the 30 days before. Returns the unusual ones: kind -> id.
    """
    random = Random(seed)  # noqa: S311 - reproducible on purpose
    customers = _customers(books, start - timedelta(days=40))
    earlier = count - let_in
    kinds = list(KINDS[:let_in])
    places = sorted(random.sample(range(let_in), len(kinds)))
    special: dict[str, str] = {}
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
            special[kind] = str(order["id"])
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
    quantities = [random.choice((1, 1, 1, 2, 3)) for _ in range(random.choice((1, 1, 2, 2, 3)))]
    plan: dict[str, Any] = {
        "at": at,
        "bought": tuple(_bought(books, random.choice(skus), units) for units in quantities),
        "address": person(who),
        "email": customers[who]["email"],
        "customer": customers[who]["id"],
        "shipping": random.choice((Decimal(0), Decimal("4.90"), Decimal("9.90"))),
    }
    if shape := _SHAPES.get(kind or ""):
        shape(plan, skus, books)
    order = build_order(books, OrderPlan(**plan))
    if after := _AFTER.get(kind or ""):
        skew = books.skew
        books.skew = at - books.clock.now()  # it happened then
        after(books, order)
        books.skew = skew
        order["date_modified_gmt"] = instant_text(at)
    books.events.clear()
    return order


# ---------------------------------------------------------------- how they are unusual


def _guest(plan: Row, skus: Sequence[Sku], books: Books) -> None:
    del skus, books
    plan |= {"customer": 0, "email": "guest@example.com"}


def _coupon(plan: Row, skus: Sequence[Sku], books: Books) -> None:
    plan["bought"] = (_bought(books, skus[0], 3, Decimal("10.00")), *plan["bought"])
    plan["coupon"] = "tenoff"


def _for_nothing(plan: Row, skus: Sequence[Sku], books: Books) -> None:
    plan["bought"] = (_bought(books, skus[0], 1, skus[0].price),)
    plan |= {"coupon": "free", "shipping": Decimal(0)}


def _fees(*extra: Extra) -> Callable[[Row, Sequence[Sku], Books], None]:
    def shape(plan: Row, skus: Sequence[Sku], books: Books) -> None:
        plan["bought"] = (_bought(books, skus[0], 1), *plan["bought"])
        plan["fees"] = extra

    return shape


def _bundle(plan: Row, skus: Sequence[Sku], books: Books) -> None:
    own = Bought(sku="TEA-SET", title="Tea set", price=Decimal(0))
    parts = (_bought(books, skus[1], 1), _bought(books, skus[2], 2))
    plan["bought"] = (own, *(
        Bought(sku=one.sku, title=one.title, price=one.price, quantity=one.quantity,
               product=one.product, child_of=0) for one in parts
    ))  # fmt: skip


def _deleted(plan: Row, skus: Sequence[Sku], books: Books) -> None:
    del skus, books
    gone = Bought(sku=UNKNOWN_SKU, title="Old teapot", price=Decimal("19.00"))
    plan["bought"] = (*plan["bought"], gone)


def _half(plan: Row, skus: Sequence[Sku], books: Books) -> None:
    del books
    plan["bought"] = (Bought(sku=skus[-1].sku, title="By the metre", price=Decimal("7.00"),
                             quantity=Decimal("2.5")),)  # fmt: skip


def _set(**values: Any) -> Callable[[Row, Sequence[Sku], Books], None]:
    def shape(plan: Row, skus: Sequence[Sku], books: Books) -> None:
        del skus, books
        plan |= values

    return shape


_SHAPES: dict[str, Callable[[Row, Sequence[Sku], Books], None]] = {
    "guest": _guest,
    "coupon": _coupon,
    "coupon to zero": _for_nothing,
    "fee": _fees(Extra(name="Gift wrap", amount=Decimal("2.50"), taxed=True)),
    "discount as a fee": _fees(Extra(name="Friend", amount=Decimal("-3.00"))),
    "taxed discount as a fee": _fees(Extra(name="Friend", amount=Decimal("-3.00"), taxed=True)),
    "bundle": _bundle,
    "deleted product": _deleted,
    "own number": _set(number="WEB-2026/17"),
    "tax exempt": _set(exempt=True),
    "rounded in the end": _set(round_at_end=True),
    "on hold": _set(status="on-hold", paid=False),
    "cart": _set(status="checkout-draft", paid=False),
    "half a piece": _half,
}


def _give_back_all(books: Books, order: Row) -> None:
    lines = {str(one["id"]): str(one["quantity"]) for one in order["line_items"]}
    merchant.refund(books, order, lines, shipping=True, reason="did not like it")


def _give_back_one(books: Books, order: Row) -> None:
    merchant.refund(books, order, {str(order["line_items"][0]["id"]): "1"})


def _no_shipping(books: Books, order: Row) -> None:
    del books
    order["shipping"] = dict.fromkeys(order["shipping"], "")


_AFTER: dict[str, Callable[[Books, Row], Any]] = {
    "cancelled": lambda books, order: merchant.set_status(books, order, "cancelled"),
    "completed": lambda books, order: merchant.set_status(books, order, "completed"),
    "refunded": _give_back_all,
    "refunded in part": _give_back_one,
    "amount refunded": lambda books, order: merchant.refund(books, order, {}, amount="1.50"),
    "trash": merchant.trash,
    "without shipping address": _no_shipping,
}
