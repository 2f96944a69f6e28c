"""From BigCommerce's JSON to orders and customers. Pure.

Amounts are in the currency the buyer paid in. `is_tax_inclusive_pricing` says which of the two
sets of figures is the real one, the other is an estimate: with it prices, shipping and discounts
are taken with the tax in them, without it before tax. What is sold is

    lines + shipping + handling + wrapping + fees - discounts (+ tax, where prices are without)

and has to be `total_inc_tax` to the coin. Store credit and gift certificates are tender.
Must not: guess. A field that is gone or of another type is a BadRecord with its path.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from knect.model import (
    Address,
    Customer,
    Discount,
    Fee,
    Money,
    Order,
    OrderLine,
    PartyRef,
    Payment,
    ShippingLine,
    Totals,
)
from knect_connectors.bigcommerce.money import is_whole
from knect_connectors.bigcommerce.payload import Node
from knect_connectors.bigcommerce.statuses import (
    CANCELLED,
    DECLINED,
    FULFILLED,
    payment_status,
)
from knect_connectors.bigcommerce.taxing import Taxes

__all__ = ["address_of", "to_customer", "to_order"]

_ZERO = Decimal(0)
_TEST = "Test Payment Gateway"
#: Tender of the order's own -> what it is called.
_TENDER = {"store_credit_amount": "store_credit", "gift_certificate_amount": "gift_card"}


def to_order(raw: Mapping[str, Any]) -> Order:
    """Return the order."""
    node = Node(raw)
    identifier = node["id"].identifier()
    currency = node["default_currency_code"].text()
    included = node["is_tax_inclusive_pricing"].flag()
    side = "inc_tax" if included else "ex_tax"
    taxes = Taxes(node, currency)
    lines, rounding = _lines(node, side, taxes, currency)
    status = node["status_id"].integer()
    updated = node["date_modified"].instant()
    total = node["total_inc_tax"].decimal()
    return Order(
        source_id=identifier,
        number=identifier,
        name=identifier,
        currency=currency,
        totals=Totals(
            total=total,
            discounts=_discounted(node),
            shipping=node[f"shipping_cost_{side}"].decimal(),
            tax=node["total_tax"].decimal(),
        ),
        placed_at=node["date_created"].instant(),
        updated_at=updated,
        lines=lines,
        shipping_lines=_shipping(node, side, taxes),
        fees=_fees(node, side, taxes),
        discounts=_remainder(node, lines),
        rounding=rounding,
        taxes_included=included,
        shop_total=_shop_total(node, total, currency),
        presentment_total=Money(amount=total, currency=currency),
        zone=_zone(node),
        channel=node.text_at("order_source"),
        customer=_party(node),
        billing_address=address_of(node["billing_address"]),
        shipping_address=_ship_to(node),
        payments=_tender(node, identifier, currency),
        payment_status=payment_status(node.text_at("payment_status"), status),
        fulfillment_status=_fulfilled(node, status),
        test=node.text_at("payment_method") == _TEST,
        cancelled_at=updated if status in (CANCELLED, DECLINED) else None,
        cancel_reason="declined" if status == DECLINED else None,
        note=node.text_at("customer_message"),
        tags=("archived",) if node.optional("is_deleted") and node["is_deleted"].flag() else (),
        attributes=_attributes(node, status),
    )


# ---------------------------------------------------------------- money


def _discounted(node: Node) -> Decimal:
    return node["discount_amount"].decimal() + node["coupon_discount"].decimal()


def _lines(
    node: Node, side: str, taxes: Taxes, currency: str
) -> tuple[tuple[OrderLine, ...], Decimal]:
    """Return the lines, and by how much their totals differ from quantity times price."""
    shares, elsewhere = _shares(node, currency), _elsewhere(node)
    found: list[OrderLine] = []
    rounding = _ZERO
    for line in node["products"].items():
        identifier = line["id"].identifier()
        quantity, price = line["quantity"].decimal(), line[f"price_{side}"].decimal()
        rounding += line[f"total_{side}"].decimal() - quantity * price
        found.append(
            OrderLine(
                id=identifier,
                quantity=quantity,
                unit_price=price,
                sku=line.text_at("sku"),
                product_id=line.id_at("product_id"),
                variant_id=line.id_at("variant_id"),
                title=line["name"].text(),
                discounts=shares.get(identifier, ()),
                taxes=taxes.of_line(identifier),
                gift_card=line["type"].text() == "giftcertificate",
                requires_shipping=line["type"].text() == "physical",
                bundle=line.id_at("parent_order_product_id"),
                attributes=_options(line, elsewhere),
            )
        )
    return tuple(found), rounding


def _shares(node: Node, currency: str) -> dict[str, tuple[Discount, ...]]:
    """Return the discounts by line, where the store's shares are coins of what it took off.

    Where they are finer, or more than that (a price may have them in it), the order has them whole.
    """
    found: dict[str, tuple[Discount, ...]] = {}
    for line in node["products"].items():
        applied = line.optional("applied_discounts")
        found[line["id"].identifier()] = tuple(
            Discount(
                amount=one["amount"].decimal(),
                code=one.text_at("code"),
                title=one.text_at("name"),
            )
            for one in (applied.items() if applied else ())
            if one["amount"].decimal()
        )
    amounts = [one.amount for shares in found.values() for one in shares]
    if sum(amounts) > _discounted(node) or not is_whole(amounts, currency):
        return {}
    return found


def _remainder(node: Node, lines: tuple[OrderLine, ...]) -> tuple[Discount, ...]:
    """Return what of the order's discounts was given to no line."""
    rest = _discounted(node) - sum(one.amount for line in lines for one in line.discounts)
    return (Discount(amount=rest),) if rest else ()


def _shipping(node: Node, side: str, taxes: Taxes) -> tuple[ShippingLine, ...]:
    """Return one line per address; the order's own where those do not add up to it."""
    total = node[f"shipping_cost_{side}"].decimal()
    addresses = list(node["shipping_addresses"].items())
    titles = [one.text_at("shipping_method") or "Shipping" for one in addresses]
    costs = [one[f"cost_{side}"].decimal() for one in addresses]
    if sum(costs) == total and taxes.by_address:
        return tuple(
            ShippingLine(
                id=one["id"].identifier(),
                title=title,
                price=cost,
                taxes=taxes.of_address(one["id"].identifier()),
            )
            for one, title, cost in zip(addresses, titles, costs, strict=True)
        )
    line = ShippingLine(
        id="shipping", title=(titles or ["Shipping"])[0], price=total, taxes=taxes.of_shipping()
    )
    return (line,) if total or line.taxes else ()


def _fees(node: Node, side: str, taxes: Taxes) -> tuple[Fee, ...]:
    """Return handling, wrapping and what a merchant charges besides."""
    found = []
    for kind in ("handling", "wrapping"):
        amount = node[f"{kind}_cost_{side}"].decimal()
        taxed = taxes.of_fee(kind, node[f"{kind}_cost_ex_tax"].decimal())
        if amount or taxed:
            title = f"{kind.capitalize()} cost"
            found.append(Fee(kind=kind, amount=amount, title=title, taxes=taxed))
    found += [
        Fee(
            kind=fee.text_at("type") or "fee",
            amount=fee[f"cost_{side}"].decimal(),
            title=fee.text_at("display_name_customer"),
            taxes=taxes.of_fee(f"fees[{index}]", fee["cost_ex_tax"].decimal()),
        )
        for index, fee in enumerate(node["fees"].items())
    ]
    return tuple(found)


def _shop_total(node: Node, total: Decimal, currency: str) -> Money | None:
    """Return the total in the store's own currency, where that is what was paid in."""
    own = node.text_at("store_default_currency_code")
    return Money(amount=total, currency=currency) if own in (None, currency) else None


def _tender(node: Node, order: str, currency: str) -> tuple[Payment, ...]:
    return tuple(
        Payment(
            source_id=f"{order}/{kind}",
            order_id=order,
            order_number=order,
            kind="sale",
            status="success",
            amount=node[name].decimal(),
            currency=currency,
            gateway=kind,
            processed_at=node["date_created"].instant(),
        )
        for name, kind in _TENDER.items()
        if node[name].decimal()
    )


# ---------------------------------------------------------------- people and places


def _party(node: Node) -> PartyRef:
    billing = node["billing_address"]
    address = address_of(billing)
    return PartyRef(
        source_id=node["customer_id"].identifier_or_none(),
        email=billing.text_at("email"),
        phone=address.phone,
        name=address.name,
        company=address.company,
        language=node.text_at("customer_locale"),
    )


def _ship_to(node: Node) -> Address | None:
    """Return where it goes: the first address, lines name the others; none for a pickup."""
    for one in node["shipping_addresses"].items():
        return address_of(one)
    return None


def address_of(node: Node) -> Address:
    """Return an address of an order, or of a customer, whose fields have other names."""
    names = [node.text_at(name) for name in ("first_name", "last_name")]
    street = [
        node.text_at(f"street_{number}") or node.text_at(f"address{number}") for number in (1, 2)
    ]
    return Address(
        name=" ".join(one for one in names if one) or None,
        company=node.text_at("company"),
        street=tuple(line for line in street if line),
        city=node.text_at("city"),
        postal_code=node.text_at("zip") or node.text_at("postal_code"),
        region_name=node.text_at("state") or node.text_at("state_or_province"),
        country=node.text_at("country_iso2") or node.text_at("country_code"),
        phone=node.text_at("phone"),
    )


def to_customer(raw: Mapping[str, Any]) -> Customer:
    """Return the customer."""
    node = Node(raw)
    listed = node.optional("addresses")
    addresses = tuple(map(address_of, listed.items() if listed else ()))
    return Customer(
        source_id=node["id"].identifier(),
        email=node.text_at("email"),
        phone=node.text_at("phone"),
        first_name=node.text_at("first_name"),
        last_name=node.text_at("last_name"),
        company=node.text_at("company"),
        tax_exempt=bool(node.text_at("tax_exempt_category")),
        addresses=addresses,
        default_address=addresses[0] if addresses else None,
        note=node.text_at("notes"),
        created_at=_optional_instant(node, "date_created"),
        updated_at=node["date_modified"].instant(),
        attributes=_group(node),
    )


def _group(node: Node) -> dict[str, str]:
    group = node.optional("customer_group_id")
    number = group.identifier_or_none() if group else None
    return {"customer_group_id": number} if number else {}


# ---------------------------------------------------------------- odds and ends


def _fulfilled(node: Node, status: int) -> str:
    if status in FULFILLED:
        return "fulfilled"
    shipped = node.optional("items_shipped")
    return "partially_fulfilled" if shipped and shipped.integer() else "unfulfilled"


def _zone(node: Node) -> str:
    store = node.optional("store")
    return store["timezone"].text() if store else "UTC"


def _elsewhere(node: Node) -> dict[str, str]:
    """Return the addresses but the first, by their ids, as one line of text."""
    found = {}
    for one in list(node["shipping_addresses"].items())[1:]:
        at = address_of(one)
        parts = (at.name, at.company, *at.street, at.postal_code, at.city, at.country)
        found[one["id"].identifier()] = ", ".join(part for part in parts if part)
    return found


def _options(line: Node, elsewhere: Mapping[str, str]) -> dict[str, str]:
    """Return what the buyer chose or wrote, and where a line goes that goes elsewhere."""
    found = {}
    options = line.optional("product_options")
    for one in options.items() if options else ():
        name = one.text_at("display_name")
        if name:
            found[name] = one.text_at("display_value") or ""
    if message := line.text_at("wrapping_message"):
        found["wrapping_message"] = message
    if address := elsewhere.get(line.id_at("order_address_id") or ""):
        found["ship_to"] = address
    return found


def _attributes(node: Node, status: int) -> dict[str, str]:
    found = {"status_id": str(status), "status": node.text_at("status") or ""}
    for name in ("payment_method", "channel_id", "external_id", "external_order_id", "staff_notes"):
        value = node.optional(name)
        if value is not None:
            found[name] = str(value.value)
    addresses = len(list(node["shipping_addresses"].items()))
    if addresses > 1:
        found["shipping_addresses"] = str(addresses)
    for one in node["pickups"].items():
        found["pickup"] = one.text_at("pickup_method_display_name") or "pickup"
    return found


def _optional_instant(node: Node, name: str) -> datetime | None:
    value = node.optional(name)
    return value.instant() if value is not None else None
