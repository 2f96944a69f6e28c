"""A canonical order or customer as the fields of GP's documents. Pure.

Must not: know a procedure's parameters; `plan` fits the fields into them.
"""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from knect.model import Address, Customer, Discount, Order, PartyRef
from knect.sdk.contract import Reference
from knect.sdk.errors import BadRecord
from knect_connectors.dynamics_gp.amounts import TaxShare, reckon
from knect_connectors.dynamics_gp.config import Config

__all__ = [
    "business_date",
    "customer_document",
    "order_document",
    "order_references",
    "tax_reference",
]


def order_document(config: Config, order: Order) -> dict[str, Any]:
    """Return the fields of a sales order. Raises BadRecord when the order cannot be one."""
    amounts = reckon(order)
    ship = order.shipping_address or order.billing_address
    where = "shipping_address" if order.shipping_address else "billing_address"
    bill = order.billing_address or order.shipping_address
    method = order.shipping_lines[0].title if order.shipping_lines else ""
    lines = []
    for i, line in enumerate(order.lines):
        if i not in amounts.lines:
            continue
        priced = amounts.lines[i]
        lines.append(
            {
                "path": f"lines[{i}]",
                "line": line.id,
                "item": _item(config, order, i),
                "quantity": priced.quantity,
                "unit": priced.unit,
                "extended": priced.extended,
                "description": line.title,
                "note": "; ".join(
                    f"{one.title or one.code or 'Discount'}: -{one.amount} {order.currency}"
                    for one in line.discounts
                ),
            }
        )
    return {
        "customer_order": order.number,
        "date": business_date(config, order.placed_at, order.zone).isoformat(),
        "currency": order.currency,
        "customer": _party(order.customer or PartyRef(), bill, f"Guest of order {order.number}"),
        "bill_to": _address(bill),
        "ship_to": {**(_address(ship) or {}), "path": where},
        "lines": lines,
        "freight": amounts.freight,
        "miscellaneous": amounts.misc,
        "trade_discount": amounts.trade_discount,
        "discounts": "; ".join(_named(one, order.currency) for one in order.discounts),
        "taxes": [_tax(config, share) for share in amounts.taxes],
        "subtotal": amounts.subtotal,
        "tax": amounts.tax,
        "total": order.totals.total,
        "shipping_method": config.shippingMethods.get(method, ""),
        "comment": order.note or "",
        "cancelled": order.cancelled_at is not None,
    }


def customer_document(customer: Customer) -> dict[str, Any]:
    """Return the fields of a customer."""
    name = " ".join(filter(None, (customer.first_name, customer.last_name)))
    ref = PartyRef(
        source_id=customer.source_id,
        email=customer.email,
        phone=customer.phone,
        name=name or None,
        company=customer.company,
    )
    address = customer.default_address or next(iter(customer.addresses), None)
    number = customer.source_id.rpartition("/")[2]
    return {
        "customer": _party(ref, address, f"Customer {number}"),
        "bill_to": _address(address),
    }


def order_references(config: Config, order: Order) -> tuple[Reference, ...]:
    """Return what GP must know: items and tax details."""
    found: dict[tuple[str, str], Reference] = {}
    amounts = reckon(order)
    for i in amounts.lines:
        item = _item(config, order, i)
        reference = Reference(kind="sku", value=item, path=f"lines[{i}].sku")
        found.setdefault(("sku", item.upper()), reference)
    for share in amounts.taxes:
        ref = tax_reference(config, share)
        found.setdefault(("tax", ref), Reference(kind="tax", value=ref, path=share.path))
    return tuple(found.values())


def tax_reference(config: Config, share: TaxShare) -> str:
    """Return what names a tax in GP: a configured detail, else its rate, else its title."""
    named = config.taxes.get(share.title)
    if named is not None:
        return named
    return f"{share.rate.normalize():f}" if share.rate else share.title


def business_date(config: Config, at: datetime, zone: str) -> date:
    """Return the day: on the company's calendar if one is configured, else on the shop's."""
    try:
        return at.astimezone(ZoneInfo(config.timeZone or zone)).date()
    except (ZoneInfoNotFoundError, ValueError):
        return at.date()


def _item(config: Config, order: Order, i: int) -> str:
    line = order.lines[i]
    sku = config.items.giftCard if line.gift_card else (line.sku or "").strip()
    if not sku:
        raise BadRecord(
            f"line {i + 1} ({line.title!r}) has no SKU, so no item can be found for it",
            path=f"lines[{i}].sku",
            value=line.sku,
        )
    return sku


def _tax(config: Config, share: TaxShare) -> dict[str, Any]:
    return {
        "ref": tax_reference(config, share),
        "path": share.path,
        "goods": share.goods,
        "freight": share.freight,
        "misc": share.misc,
        "base": share.base,
    }


def _named(discount: Discount, currency: str) -> str:
    return f"{discount.title or discount.code or 'Discount'}: -{discount.amount} {currency}"


def _party(ref: PartyRef, address: Address | None, fallback: str) -> dict[str, Any]:
    address = address or Address()
    name = ref.company or ref.name or address.company or address.name or ref.email
    person = ref.name or address.name
    return {
        "name": name or fallback,
        "contact": person if person and person != name else "",
        "email": (ref.email or "").strip().lower(),
        "phone": ref.phone or address.phone or "",
        "identifier": ref.source_id or "",
    }


def _address(address: Address | None) -> dict[str, Any] | None:
    if address is None:
        return None
    street = [line for line in address.street if line]
    return {
        "name": address.company or address.name or "",
        "contact": address.name or "" if address.company else "",
        # GP has three lines; a fourth joins the third
        "street": [*street[:2], ", ".join(street[2:])] if len(street) > 2 else street,
        "city": address.city or "",
        "region": address.region_name or address.region or "",
        "postal_code": address.postal_code or "",
        "country": address.country or "",
        "phone": address.phone or "",
    }
