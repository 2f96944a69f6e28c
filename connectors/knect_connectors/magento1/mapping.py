"""From Magento's rows to canonical orders and customers. Pure.

An order is the last one of its chain of edits under the number of the first: what an edit replaced
is a state that was, no sale and no refund. Unit prices are before tax; what a discount takes off
the tax (`hidden_tax`) is taken off the discount, so that the parts sum to what was paid.
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
from knect_connectors.magento1.config import Config
from knect_connectors.magento1.lines import Sold, sold_lines, tax_line
from knect_connectors.magento1.payload import Node, tidy

__all__ = ["CHAIN", "to_customer", "to_order"]

#: Where the reader puts what it knows of an order's chain: `root`, `placed_at`, `numbers`.
CHAIN = "knect_chain"

_ZERO = Decimal(0)
#: What is tender and not a discount: column -> gateway.
_TENDER = {
    "gift_cards_amount": "gift_card",
    "customer_balance_amount": "store_credit",
    "reward_currency_amount": "reward_points",
}


def to_order(raw: Mapping[str, Any], config: Config) -> Order:
    """Return the order in the currency the Connection chose. Raises BadRecord."""
    node, side = Node(raw), config.side
    chain = node.get(CHAIN)
    number = chain.get("root").text_or_none() or node["increment_id"].text()
    cancelled = node["state"].text_or_none() == "canceled"
    sold = sold_lines(node, side, cancelled=cancelled)
    currency = node["base_currency_code" if side else "order_currency_code"].text()
    tenders = _tenders(node, side, number, currency)
    total = _total(node, side, sold) + sum((one.amount for one in tenders), _ZERO)
    updated = node.get("updated_at").instant_or_none() or node["created_at"].instant()
    placed = chain.get("placed_at").instant_or_none() or node["created_at"].instant()
    return Order(
        source_id=number,
        number=number,
        name=node["increment_id"].text(),
        currency=currency,
        totals=Totals(total=total, tax=node.get(f"{side}tax_amount").money()),
        placed_at=placed,
        updated_at=updated,
        lines=_coded(sold.lines, node),
        shipping_lines=_shipping(node, side, sold),
        fees=_fees(node, config, sold),
        discounts=_unallotted(node, side, sold),
        rounding=sold.rounding,
        shop_total=_money(node, "base_grand_total", "base_currency_code"),
        presentment_total=_money(node, "grand_total", "order_currency_code"),
        zone=str(config.zone),
        channel=_channel(node),
        customer=_party(node),
        billing_address=_address(node.get("billing_address")),
        shipping_address=_address(node.get("shipping_address")),
        payments=(*_paid(node, side, number, currency), *tenders),
        payment_status=_payment_status(node),
        fulfillment_status=_fulfillment_status(node),
        edited=not node.get("edit_increment").is_nothing,
        cancelled_at=_cancelled_at(node, updated) if cancelled else None,
        po_number=node.get("payment").get("po_number").text_or_none(),
        note=node.get("customer_note").text_or_none(),
        attributes=_attributes(node),
    )


def _total(node: Node, side: str, sold: Sold) -> Decimal:
    if not sold.reduced:
        return node[f"{side}grand_total"].money()
    if sold.all_invoiced:
        return node[f"{side}total_invoiced"].money()
    gone = node.get(f"{side}total_canceled").money()
    return tidy(node[f"{side}grand_total"].money() - gone)


def _money(node: Node, amount: str, currency: str) -> Money | None:
    code = node.get(currency).text_or_none()
    return None if code is None else Money(amount=node.get(amount).money(), currency=code)


def _coded(lines: tuple[OrderLine, ...], node: Node) -> tuple[OrderLine, ...]:
    """Return the lines with the coupon named in their discounts."""
    code = node.get("coupon_code").text_or_none()
    title = node.get("discount_description").text_or_none()
    if code is None and title is None:
        return lines
    return tuple(
        OrderLine(
            **{
                **{name: getattr(line, name) for name in line.__struct_fields__},
                "discounts": tuple(
                    Discount(amount=one.amount, code=code, title=title) for one in line.discounts
                ),
            }
        )
        for line in lines
    )


def _shipping(node: Node, side: str, sold: Sold) -> tuple[ShippingLine, ...]:
    method = node.get("shipping_method").text_or_none()
    price = node.get(f"{side}shipping_amount").money()
    if sold.reduced and sold.all_invoiced:
        price = node.get(f"{side}shipping_invoiced").money()
    if method is None and not price:
        return ()
    charged = bool(price) or not sold.reduced
    hidden = node.get(f"{side}shipping_hidden_tax_amount").money()
    discount = node.get(f"{side}shipping_discount_amount").money() - hidden
    tax = node.get(f"{side}shipping_tax_amount").money()
    net = price - discount
    percent = _percent(node, tax, net) if charged and tax else _ZERO
    return (
        ShippingLine(
            id="shipping",
            title=node.get("shipping_description").text_or_none() or method or "Shipping",
            price=price,
            code=method,
            discounts=(Discount(amount=discount, code=node.get("coupon_code").text_or_none()),)
            if charged and discount
            else (),
            taxes=tax_line(tax, percent) if charged and tax else (),
        ),
    )


def _percent(node: Node, tax: Decimal, net: Decimal) -> Decimal:
    """Return the rate of the shipping's tax: the one of a line that gives its amount, if any."""
    for item in node["items"].items():
        percent = item.get("tax_percent").number_or_zero()
        if percent and abs(net * percent / 100 - tax) <= Decimal("0.01"):
            return percent
    return _ZERO


def _fees(node: Node, config: Config, sold: Sold) -> tuple[Fee, ...]:
    own = (Fee(kind="fixed_product_tax", amount=sold.fees),) if sold.fees else ()
    named = ((column, node.get(config.side + column).money()) for column in config.fees)
    return (*own, *(Fee(kind=column, amount=amount) for column, amount in named if amount))


def _unallotted(node: Node, side: str, sold: Sold) -> tuple[Discount, ...]:
    """Return what of the order's discount neither a line nor the shipping was given.

    Old shops keep no `shipping_discount_amount`: then it is the shipping's, and told here.
    """
    if sold.reduced:
        return ()
    given = node.get(f"{side}shipping_discount_amount").money()
    for item in node["items"].items():
        if item.get("parent_item_id").is_nothing or not _repeats(item, side):
            given += item.get(f"{side}discount_amount").money()
    left = tidy(abs(node.get(f"{side}discount_amount").money()) - given)
    if left <= 0:
        return ()
    code = node.get("coupon_code").text_or_none()
    title = node.get("discount_description").text_or_none()
    return (Discount(amount=left, code=code, title=title),)


def _repeats(item: Node, side: str) -> bool:
    """Tell whether a line says again what its parent's says: it has no money of its own."""
    return not item.get(f"{side}row_total").number_or_zero()


def _tenders(node: Node, side: str, number: str, currency: str) -> tuple[Payment, ...]:
    return tuple(
        Payment(
            source_id=f"{number}-{gateway}",
            order_id=number,
            order_number=number,
            kind="sale",
            status="success",
            amount=amount,
            currency=currency,
            gateway=gateway,
        )
        for column, gateway in _TENDER.items()
        if (amount := node.get(side + column).money())
    )


def _paid(node: Node, side: str, number: str, currency: str) -> tuple[Payment, ...]:
    payment = node.get("payment")
    method = payment.get("method").text_or_none()
    if method is None:
        return ()
    paid = node.get(f"{side}total_paid").money()
    return (
        Payment(
            source_id=f"{number}-{method}",
            order_id=number,
            order_number=number,
            kind="capture" if paid else "authorization",
            status="success" if paid else "pending",
            amount=paid or payment.get(f"{side}amount_ordered").money(),
            currency=currency,
            gateway=method,
            reference=payment.get("last_trans_id").text_or_none(),
        ),
    )


def _payment_status(node: Node) -> str:
    total = node.get("base_grand_total").number_or_zero()
    paid = node.get("base_total_paid").number_or_zero()
    back = node.get("base_total_refunded").number_or_zero()
    if node["state"].text_or_none() == "canceled":
        return "voided"
    if back:
        return "refunded" if back >= paid else "partially_refunded"
    kept = total - node.get("base_total_canceled").number_or_zero()
    if paid >= kept:
        return "paid"
    if paid:
        return "partially_paid"
    authorised = node.get("payment").get("base_amount_authorized").number_or_zero()
    return "authorized" if authorised else "pending"


def _fulfillment_status(node: Node) -> str:
    shipped = left = _ZERO
    for item in node["items"].items():
        if item.get("parent_item_id").is_nothing:
            gone = item.get("qty_canceled").number_or_zero()
            done = item.get("qty_shipped").number_or_zero()
            shipped += done
            left += item["qty_ordered"].number() - gone - done
    if not shipped:
        return "unfulfilled"
    return "partial" if left > 0 else "fulfilled"


def _cancelled_at(node: Node, otherwise: datetime) -> datetime:
    history = node.get("status_history")
    told = [
        at
        for entry in (history.items() if isinstance(history.value, list) else ())
        if entry.get("status").value == "canceled"
        and (at := entry.get("created_at").instant_or_none())
    ]
    return min(told, default=otherwise)


def _channel(node: Node) -> str | None:
    name = node.get("store_name").text_or_none()
    return name.strip().splitlines()[-1].strip() if name and name.strip() else None


def _attributes(node: Node) -> dict[str, str]:
    found = {"store_id": node.get("store_id"), "increment_id": node.get("increment_id"),
             "status": node.get("status"), "coupon_code": node.get("coupon_code")}  # fmt: skip
    told = {name: value.text_or_none() for name, value in found.items()}
    return {name: value for name, value in told.items() if value is not None}


def _party(node: Node) -> PartyRef:
    billing = node.get("billing_address")
    return PartyRef(
        source_id=node.get("customer_id").text_or_none(),
        email=node.get("customer_email").text_or_none() or billing.get("email").text_or_none(),
        phone=billing.get("telephone").text_or_none(),
        name=_name(node, "customer_") or _name(billing, ""),
        company=billing.get("company").text_or_none(),
    )


def _name(node: Node, prefix: str) -> str | None:
    parts = [
        node.get(prefix + part).text_or_none() for part in ("firstname", "middlename", "lastname")
    ]
    return " ".join(part for part in parts if part) or None


def _address(node: Node) -> Address | None:
    if node.is_nothing:
        return None
    street = node.get("street")
    lines = (
        street.value
        if isinstance(street.value, list)
        else (street.text_or_none() or "").split("\n")
    )
    return Address(
        name=_name(node, ""),
        company=node.get("company").text_or_none(),
        street=tuple(text for line in lines if (text := str(line).strip())),
        city=node.get("city").text_or_none(),
        postal_code=node.get("postcode").text_or_none(),
        region_name=node.get("region").text_or_none(),
        country=node.get("country_id").text_or_none(),
        phone=node.get("telephone").text_or_none(),
    )


def to_customer(raw: Mapping[str, Any]) -> Customer:
    """Return the customer with all addresses. Raises BadRecord."""
    node = Node(raw)
    addresses = list(node.get("addresses").items()) if node.get("addresses").value else []
    default = next((one for one in addresses if one.get("is_default_billing").flag()), None)
    found = [one for one in map(_address, addresses) if one is not None]
    told = {name: node.get(name).text_or_none() for name in ("website_id", "store_id", "group_id")}
    return Customer(
        source_id=node["customer_id"].text(),
        email=node.get("email").text_or_none(),
        phone=next((one.phone for one in found if one.phone), None),
        first_name=node.get("firstname").text_or_none(),
        last_name=node.get("lastname").text_or_none(),
        company=next((one.company for one in found if one.company), None),
        tax_id=node.get("taxvat").text_or_none(),
        addresses=tuple(found),
        default_address=_address(default) if default is not None else None,
        created_at=node.get("created_at").instant_or_none(),
        updated_at=node.get("updated_at").instant_or_none(),
        attributes={name: value for name, value in told.items() if value is not None},
    )
