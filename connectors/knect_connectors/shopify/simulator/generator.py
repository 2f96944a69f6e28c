"""Orders to fill a simulated shop with: a varied set for the demo, small ones for load.

The same seed gives the same orders. Must not: look at the clock; the caller says when.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from msgspec import Struct

from knect.sdk.testing import DEFAULT_SKUS, PEOPLE, UNKNOWN_SKU, Sku
from knect_connectors.shopify.simulator.books import instant
from knect_connectors.shopify.simulator.builder import (
    Line,
    OrderPlan,
    build_customer,
    build_order,
)
from knect_connectors.shopify.simulator.edits import remove_units

__all__ = ["Stock", "demo_stock", "small_orders"]


class Stock(Struct, frozen=True, kw_only=True):
    """What a generator made. `special` names the unusual orders: kind -> order gid."""

    orders: Sequence[dict[str, Any]]
    customers: Sequence[dict[str, Any]]
    special: Mapping[str, str]


def _address(person: tuple[str, ...], number: int) -> dict[str, Any]:
    first, last, country, postcode, city, street = person
    return {
        "id": f"gid://shopify/MailingAddress/{number}",
        "name": f"{first} {last}",
        "firstName": first,
        "lastName": last,
        "company": None,
        "address1": street,
        "address2": None,
        "city": city,
        "zip": postcode,
        "provinceCode": None,
        "province": None,
        "country": country,
        "countryCodeV2": country,
        "phone": None,
    }


def _customers(at: datetime) -> list[dict[str, Any]]:
    customers = []
    for index, person in enumerate(PEOPLE):
        number = 7_000 + index
        customers.append(
            build_customer(
                number,
                at=at,
                first=person[0],
                last=person[1],
                email=f"customer{index}@example.com",
                address=_address(person, number),
            )
        )
    return customers


def demo_stock(
    *,
    start: datetime,
    count: int = 300,
    let_in: int = 60,
    skus: Sequence[Sku] = DEFAULT_SKUS,
    seed: int = 7,
    first: int = 1_001,
) -> Stock:
    """Return `count` orders of which the last `let_in` changed at `start` or after, 20 s apart.

    The rest lie in the 30 days before. Among the ones let in is one of each special kind.
    """
    random = Random(seed)  # noqa: S311 - reproducible on purpose
    customers = _customers(start - timedelta(days=40))
    orders: list[dict[str, Any]] = []
    special: dict[str, str] = {}
    earlier = count - let_in
    kinds = list(_SPECIAL)[:let_in]
    places = sorted(random.sample(range(let_in), len(kinds)))
    for index in range(count):
        if index < earlier:
            at = start - timedelta(days=30) + timedelta(days=30) * index / (earlier + 1)
            kind = None
        else:
            position = index - earlier
            at = start + timedelta(seconds=20 * position)
            kind = kinds[places.index(position)] if position in places else None
        order = _varied(random, first + index, at.replace(microsecond=0), customers, skus, kind)
        orders.append(order)
        if kind:
            special[kind] = order["id"]
    return Stock(orders=orders, customers=customers, special=special)


def _pick(random: Random, skus: Sequence[Sku]) -> Line:
    sku = random.choice(skus)
    return Line(
        sku=sku.sku, title=sku.title, quantity=random.choice((1, 1, 1, 2, 3)), price=sku.price
    )


def _unknown() -> Line:
    return Line(sku=UNKNOWN_SKU, title="Old teapot", quantity=1, price=Decimal("19.00"))


def _varied(
    random: Random,
    number: int,
    at: datetime,
    customers: Sequence[dict[str, Any]],
    skus: Sequence[Sku],
    kind: str | None,
) -> dict[str, Any]:
    customer = random.choice(customers)
    lines = [_pick(random, skus) for _ in range(random.choice((1, 1, 2, 2, 3, 4)))]
    options: dict[str, Any] = {
        "shipping": random.choice((None, Decimal("4.90"), Decimal("9.90"))),
        "taxes_included": random.random() < 0.3,
        "customer": customer,
        "email": customer["defaultEmailAddress"]["emailAddress"],
        "address": customer["defaultAddress"],
    }
    if random.random() < 0.2:
        lines[0] = _discounted(lines[0], Decimal("1.50"))
    special = _SPECIAL.get(kind) if kind else None
    if special:
        lines, options = special(lines, options)
    order = build_order(OrderPlan(number=number, at=at, lines=lines, **options))
    if kind == "totals that do not add up":
        for side in ("shopMoney", "presentmentMoney"):
            money = order["totalPriceSet"][side]
            money["amount"] = str(Decimal(money["amount"]) + Decimal("0.01"))
    elif kind == "cancelled":
        order.update(cancelledAt=instant(at), cancelReason="CUSTOMER")
    elif kind == "edited":
        remove_units(order, 0, 1, at)
    return order


def _discounted(line: Line, discount: Decimal) -> Line:
    return Line(
        sku=line.sku,
        title=line.title,
        quantity=line.quantity,
        price=line.price,
        discount=discount,
    )


_Parts = tuple[list[Line], dict[str, Any]]


def _guest(lines: list[Line], options: dict[str, Any]) -> _Parts:
    return lines, {**options, "customer": None, "email": "guest@example.com"}


def _tax_inclusive(lines: list[Line], options: dict[str, Any]) -> _Parts:
    return lines, {**options, "taxes_included": True}


def _line_discount(lines: list[Line], options: dict[str, Any]) -> _Parts:
    return [_discounted(lines[0], Decimal("2.00")), *lines[1:]], options


def _order_discount(lines: list[Line], options: dict[str, Any]) -> _Parts:
    spread = [_discounted(line, Decimal("0.75")) for line in lines]
    return spread, {**options, "codes": ("TEA",), "shipping": Decimal("4.90"),
                    "shipping_discount": Decimal("4.90")}  # fmt: skip


def _second_currency(lines: list[Line], options: dict[str, Any]) -> _Parts:
    return lines, {**options, "presentment": "USD", "rate": Decimal("1.0837")}


def _unknown_last(lines: list[Line], options: dict[str, Any]) -> _Parts:
    return [*lines, _unknown()], options


def _unknown_first(lines: list[Line], options: dict[str, Any]) -> _Parts:
    return [_unknown(), *lines], options


def _long_postcode(lines: list[Line], options: dict[str, Any]) -> _Parts:
    address = {**options["address"], "zip": "1012 JS, third door on the left, ring twice please"}
    return lines, {**options, "address": address}


def _tip(lines: list[Line], options: dict[str, Any]) -> _Parts:
    return lines, {**options, "tip": Decimal("3.00")}


def _gift_card(lines: list[Line], options: dict[str, Any]) -> _Parts:
    return lines, {**options, "gift_card_used": Decimal("2.00")}


def _test(lines: list[Line], options: dict[str, Any]) -> _Parts:
    return lines, {**options, "test": True}


def _pending(lines: list[Line], options: dict[str, Any]) -> _Parts:
    return lines, {**options, "paid": False}


def _as_is(lines: list[Line], options: dict[str, Any]) -> _Parts:
    return lines, options


def _two_units(lines: list[Line], options: dict[str, Any]) -> _Parts:
    first = lines[0]
    more = Line(sku=first.sku, title=first.title, quantity=3, price=first.price)
    return [more, *lines[1:]], options


_SPECIAL = {
    "unknown SKU on the last line": _unknown_last,
    "unknown SKU on the first line": _unknown_first,
    "totals that do not add up": _as_is,
    "postcode too long": _long_postcode,
    "test order": _test,
    "waiting for payment": _pending,
    "cancelled": _as_is,
    "edited": _two_units,
    "guest": _guest,
    "tax-inclusive": _tax_inclusive,
    "line discount": _line_discount,
    "order discount": _order_discount,
    "second currency": _second_currency,
    "tip": _tip,
    "gift card as tender": _gift_card,
}


def small_orders(
    count: int,
    *,
    at: datetime,
    seed: int = 0,
    first: int = 1_001,
    skus: Sequence[Sku] = DEFAULT_SKUS,
    lines: int = 1,
    spacing: float = 0.0,
    guests: int = 0,
) -> list[dict[str, Any]]:
    """Return small paid orders, `spacing` seconds apart (0: all at one instant).

    `guests`: how many different e-mail addresses; 0: one per order.
    """
    random = Random(seed)  # noqa: S311 - reproducible on purpose
    made: list[dict[str, Any]] = []
    for index in range(count):
        person = PEOPLE[index % len(PEOPLE)]
        number = first + index
        chosen = [
            Line(sku=sku.sku, title=sku.title, quantity=1 + random.randrange(3), price=sku.price)
            for sku in (random.choice(skus) for _ in range(lines))
        ]
        plan = OrderPlan(
            number=number,
            at=at + timedelta(seconds=spacing * index),
            lines=chosen,
            shipping=Decimal("4.90"),
            email=f"buyer{index % guests if guests else number}@example.com",
            address=_address(person, number),
        )
        made.append(build_order(plan))
    return made
