"""From WooCommerce's objects to canonical orders and customers. Pure.

An order is what was sold; refunds are records of their own and are not taken off. A shop that sells
at prices with tax has lines with tax here, as its customers saw them.
Must not: guess. A field that is gone or of another type is a BadRecord with its path.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from knect.model import Address, Customer, Money, Order, PartyRef, Totals
from knect_connectors.woocommerce.amounts import Coins
from knect_connectors.woocommerce.config import Config
from knect_connectors.woocommerce.lines import sold_in
from knect_connectors.woocommerce.money_mapping import cards_of, payments_of
from knect_connectors.woocommerce.payload import Node

__all__ = ["to_customer", "to_order"]

_ZERO = Decimal(0)
#: The shop's total may be a coin off per part, and so many at most.
_MOST_OFF = 5
#: What the shop takes an order for that nobody paid.
_UNPAID = {"cancelled": "voided", "failed": "failed", "refunded": "refunded"}
_EXEMPT = "is_vat_exempt"


def to_order(raw: Mapping[str, Any], config: Config) -> Order:
    """Return the order. Raises BadRecord."""
    node = Node(raw)
    currency = node["currency"].text()
    coins = Coins(currency, node.get("tax_lines").items())
    included = node["prices_include_tax"].value is True
    sold = sold_in(node, coins, included=included)
    due = coins.round(node["total"].number())
    cards = cards_of(node, coins)  # they are tender: what is left to pay is told as the total
    total = due + sum((card.amount for card in cards), _ZERO)
    off = total - sold.exact
    if abs(off) > coins.step * min(max(sold.parts, 1), _MOST_OFF):
        raise node["total"].bad(
            f"lines, shipping, fees and tax add up to {sold.exact.normalize():f} {currency}, but"
            f" the order says {total}: a plugin charges or takes off what stands in none of them"
        )
    identifier = node["id"].text()
    updated = node["date_modified_gmt"].instant_or_none() or node["date_created_gmt"].instant()
    status = node["status"].text()
    number = node["number"].text()
    return Order(
        source_id=identifier,
        number=number.removeprefix("#"),
        name=number,
        currency=currency,
        totals=Totals(
            total=total,
            shipping=coins.round(node.get("shipping_total").number_or_zero()),
            tax=coins.round(node.get("total_tax").number_or_zero()),
        ),
        placed_at=node["date_created_gmt"].instant(),
        updated_at=updated,
        lines=sold.lines,
        shipping_lines=sold.shipping,
        fees=sold.fees,
        discounts=sold.discounts,
        rounding=total - sold.total,
        taxes_included=included,
        shop_total=Money(amount=total, currency=currency),
        zone=str(config.zone),
        channel=node.get("created_via").text_or_none(),
        customer=_party(node),
        billing_address=_address(node.get("billing")),
        shipping_address=_address(node.get("shipping")) or _address(node.get("billing")),
        payments=(*payments_of(node, due), *cards),
        payment_status=_payment_status(node, status, total),
        fulfillment_status="fulfilled" if status == "completed" else "unfulfilled",
        cancelled_at=updated if status == "cancelled" else None,
        closed_at=node.get("date_completed_gmt").instant_or_none(),
        note=node.get("customer_note").text_or_none(),
        attributes=_attributes(node, status),
    )


def _payment_status(node: Node, status: str, total: Decimal) -> str:
    back = sum((one.get("total").number_or_zero() for one in node.get("refunds").items()), _ZERO)
    if back:
        return "refunded" if -back >= total else "partially_refunded"
    if status in _UNPAID:
        return _UNPAID[status]
    is_paid = not node.get("date_paid_gmt").is_nothing or not total
    return "paid" if is_paid else "pending"


def _attributes(node: Node, status: str) -> dict[str, str]:
    """Return what an admit rule may ask for: the status itself, order meta data that are texts."""
    found = {"status": status}
    for name in ("order_key", "payment_method", "payment_method_title"):
        found[name] = node.get(name).text_or_none() or ""
    codes = [one.get("code").text_or_none() for one in node.get("coupon_lines").items()]
    if codes:
        found["coupons"] = ", ".join(filter(None, codes))
    for one in node.get("meta_data").items():
        entry = one.value
        if isinstance(entry, Mapping) and isinstance(entry.get("value"), str):
            key = str(entry.get("key"))
            if not key.startswith("_"):
                found[f"meta.{key}"] = entry["value"]
    return found


def _party(node: Node) -> PartyRef:
    billing = node.get("billing")
    return PartyRef(
        source_id=node.get("customer_id").id_or_none(),
        email=billing.get("email").text_or_none(),
        phone=billing.get("phone").text_or_none(),
        name=_name(billing),
        company=billing.get("company").text_or_none(),
        tax_exempt=any(
            one.get("key").value == _EXEMPT and one.get("value").value == "yes"
            for one in node.get("meta_data").items()
        ),
    )


def _name(node: Node) -> str | None:
    parts = (node.get(part).text_or_none() for part in ("first_name", "last_name"))
    return " ".join(part for part in parts if part) or None


def _address(node: Node) -> Address | None:
    """Return an address; None for one that has nothing in it, as without shipping."""
    street = (node.get(part).text_or_none() for part in ("address_1", "address_2"))
    address = Address(
        name=_name(node),
        company=node.get("company").text_or_none(),
        street=tuple(line for line in street if line),
        city=node.get("city").text_or_none(),
        postal_code=node.get("postcode").text_or_none(),
        region=node.get("state").text_or_none(),
        country=node.get("country").text_or_none(),
        phone=node.get("phone").text_or_none(),
    )
    return None if address == Address() else address


def to_customer(raw: Mapping[str, Any], config: Config) -> Customer:
    """Return the customer with the two addresses an account has. Raises BadRecord."""
    del config
    node = Node(raw)
    billing = node.get("billing")
    told = [_address(billing), _address(node.get("shipping"))]
    addresses = [one for one in told if one is not None]
    if len(addresses) > 1 and addresses[0] == addresses[1]:
        del addresses[1]
    role = node.get("role").text_or_none()
    return Customer(
        source_id=node["id"].text(),
        email=node.get("email").text_or_none() or billing.get("email").text_or_none(),
        phone=billing.get("phone").text_or_none(),
        first_name=node.get("first_name").text_or_none()
        or billing.get("first_name").text_or_none(),
        last_name=node.get("last_name").text_or_none() or billing.get("last_name").text_or_none(),
        company=billing.get("company").text_or_none(),
        addresses=tuple(addresses),
        default_address=addresses[0] if addresses else None,
        created_at=node.get("date_created_gmt").instant_or_none(),
        updated_at=node.get("date_modified_gmt").instant_or_none(),
        attributes={"role": role} if role else {},
    )
