"""From Magento's records to canonical orders and customers. Pure.

An order is the last one of its chain of edits under the number of the first: what an edit replaced
is a state that was, no sale and no refund. Unit prices are before tax; what a discount takes off
the tax (`discount_tax_compensation`) is taken off the discount, so that the parts sum to what was
paid. What an order *is* follows its `state`; a status is what a merchant calls it.
Must not: guess. A field that is gone or of another type is a BadRecord with its path.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import structs

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
from knect_connectors.magento2.config import Config
from knect_connectors.magento2.lines import Sold, sold_lines
from knect_connectors.magento2.payload import Node, tidy
from knect_connectors.magento2.taxes import Taxes, read_taxes

__all__ = ["CHAIN", "SHIPPING_COMPENSATION", "TENDERS", "to_customer", "to_order"]

#: Where the reader puts what it knows of an order's chain: `root`, `number`, `placed_at`.
CHAIN = "knect_chain"
#: What is tender and not a discount: extension attribute (Adobe Commerce) -> gateway.
TENDERS = {
    "gift_cards_amount": "gift_card",
    "customer_balance_amount": "store_credit",
    "reward_currency_amount": "reward_points",
}

_ZERO = Decimal(0)
_CENT = Decimal("0.01")
#: What gift wrapping costs (Adobe Commerce): for the order, its products, a card.
_WRAPPINGS = ("gw", "gw_items", "gw_card")
#: What a discount takes off the shipping's tax; one name is cut short, as databases once needed it.
SHIPPING_COMPENSATION = {
    "base_": "base_shipping_discount_tax_compensation_amnt",
    "": "shipping_discount_tax_compensation_amount",
}


def to_order(raw: Mapping[str, Any], config: Config) -> Order:
    """Return the order in the currency the Connection chose. Raises BadRecord."""
    node, side = Node(raw), config.side
    chain = node.get(CHAIN)
    identifier = chain.get("root").text_or_none() or node["entity_id"].text()
    number = chain.get("number").text_or_none() or node["increment_id"].text()
    cancelled = node.get("state").text_or_none() == "canceled"
    taxes = read_taxes(node, side)
    sold = sold_lines(node, side, taxes, cancelled=cancelled)
    currency = node["base_currency_code" if side else "order_currency_code"].text()
    tenders = _tenders(node, side, identifier, number, currency)
    total = _total(node, side, sold) + sum((one.amount for one in tenders), _ZERO)
    updated = node["updated_at"].instant()
    assignment = next(node.more.get("shipping_assignments").objects(), Node(None)).get("shipping")
    return Order(
        source_id=identifier,
        number=number,
        name=node["increment_id"].text(),
        currency=currency,
        totals=Totals(total=total, tax=node.get(f"{side}tax_amount").money()),
        placed_at=chain.get("placed_at").instant_or_none() or node["created_at"].instant(),
        updated_at=updated,
        lines=_coded(sold.lines, node),
        shipping_lines=_shipping(node, side, sold, taxes, assignment),
        fees=_fees(node, config, sold, taxes),
        discounts=_unallotted(node, side, sold),
        rounding=sold.rounding,
        shop_total=_money(node, "base_grand_total", "base_currency_code"),
        presentment_total=_money(node, "grand_total", "order_currency_code"),
        zone=str(config.zone),
        channel=_channel(node),
        customer=_party(node),
        billing_address=_address(node.get("billing_address")),
        shipping_address=_address(assignment.get("address")),
        payments=(*_paid(node, side, identifier, number, currency), *tenders),
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
        structs.replace(
            line,
            discounts=tuple(structs.replace(one, code=code, title=title) for one in line.discounts),
        )
        for line in lines
    )


def _shipping(
    node: Node, side: str, sold: Sold, taxes: Taxes, assignment: Node
) -> tuple[ShippingLine, ...]:
    method = assignment.get("method").text_or_none()
    price = node.get(f"{side}shipping_amount").money()
    if sold.reduced and sold.all_invoiced:
        price = node.get(f"{side}shipping_invoiced").money()
    if method is None and not price:
        return ()  # nothing of it is sent
    charged = bool(price) or not sold.reduced
    compensation = node.get(SHIPPING_COMPENSATION[side]).money()
    discount = tidy(node.get(f"{side}shipping_discount_amount").money() - compensation)
    tax = node.get(f"{side}shipping_tax_amount").money()
    percent = _percent(node, tax, tidy(price - discount))
    return (
        ShippingLine(
            id=f"{node['entity_id'].text()}-shipping",
            title=node.get("shipping_description").text_or_none() or method or "",
            price=price,
            code=method,
            discounts=(Discount(amount=discount, code=node.get("coupon_code").text_or_none()),)
            if charged and discount
            else (),
            taxes=taxes.lines(tax, percent, taxes.of_shipping) if charged and tax else (),
        ),
    )


def _percent(node: Node, tax: Decimal, net: Decimal) -> Decimal:
    """Return the rate of the shipping's tax: the one of a line that gives its amount, if any."""
    for item in node["items"].objects():
        percent = item.get("tax_percent").number_or_zero()
        if percent and abs(net * percent / 100 - tax) <= _CENT:
            return percent
    return _ZERO


def _fees(node: Node, config: Config, sold: Sold, taxes: Taxes) -> tuple[Fee, ...]:
    side, found = config.side, []
    if sold.fees:
        found.append(Fee(kind="fixed_product_tax", amount=sold.fees))
    for name in _WRAPPINGS:
        prefix = f"{name}_{side}"  # gw_base_price, gw_items_base_price
        if price := node.more.get(f"{prefix}price").money():
            tax = node.more.get(f"{prefix}tax_amount").money()
            found.append(Fee(kind="gift_wrapping", amount=price, taxes=taxes.lines(tax, _ZERO)))
    for column in config.fees:
        amount = node.get(side + column).money() or node.more.get(side + column).money()
        if amount:
            found.append(Fee(kind=column, amount=amount))
    return tuple(found)


def _unallotted(node: Node, side: str, sold: Sold) -> tuple[Discount, ...]:
    """Return what of the order's discount neither a line nor the shipping was given."""
    if sold.reduced:
        return ()
    given = node.get(f"{side}shipping_discount_amount").money()
    counted = {line.id for line in sold.lines}
    for item in node["items"].objects():
        if item["item_id"].text() in counted:
            given += item.get(f"{side}discount_amount").money()
    left = tidy(abs(node.get(f"{side}discount_amount").money()) - given)
    if left <= 0:
        return ()
    code = node.get("coupon_code").text_or_none()
    title = node.get("discount_description").text_or_none()
    return (Discount(amount=left, code=code, title=title),)


def _tenders(
    node: Node, side: str, identifier: str, number: str, currency: str
) -> tuple[Payment, ...]:
    return tuple(
        Payment(
            source_id=f"{identifier}-{gateway}",
            order_id=identifier,
            order_number=number,
            kind="sale",
            status="success",
            amount=amount,
            currency=currency,
            gateway=gateway,
        )
        for name, gateway in TENDERS.items()
        if (amount := node.more.get(side + name).money())
    )


def _paid(
    node: Node, side: str, identifier: str, number: str, currency: str
) -> tuple[Payment, ...]:
    payment = node.get("payment")
    method = payment.get("method").text_or_none()
    if method is None:
        return ()
    paid = node.get(f"{side}total_paid").money()
    return (
        Payment(
            source_id=f"{identifier}-{method}",
            order_id=identifier,
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
    if node.get("state").text_or_none() == "canceled":
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
    for item in node["items"].objects():
        if item.get("parent_item_id").is_nothing and not item.get("is_virtual").flag():
            gone = item.get("qty_canceled").number_or_zero()
            done = item.get("qty_shipped").number_or_zero()
            shipped += done
            left += item["qty_ordered"].number() - gone - done
    if not shipped:
        return "unfulfilled"
    return "partial" if left > 0 else "fulfilled"


def _cancelled_at(node: Node, otherwise: datetime) -> datetime:
    told = [
        at
        for entry in node.get("status_histories").objects()
        if entry.get("status").value == "canceled"
        and (at := entry.get("created_at").instant_or_none())
    ]
    return min(told, default=otherwise)


def _channel(node: Node) -> str | None:
    name = node.get("store_name").text_or_none()
    return name.strip().splitlines()[-1].strip() if name and name.strip() else None


def _attributes(node: Node) -> dict[str, str]:
    names = ("store_id", "increment_id", "state", "status", "coupon_code", "ext_order_id")
    told = {name: node.get(name).text_or_none() for name in names}
    told["pickup_location"] = node.more.get("pickup_location_code").text_or_none()
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
    region = node.get("region")
    name, code = region, node.get("region_code")
    if isinstance(region.value, Mapping):  # of customers an object
        name, code = region.get("region"), region.get("region_code")
    lines = (line.text_or_none() for line in node.get("street").items())
    return Address(
        name=_name(node, ""),
        company=node.get("company").text_or_none(),
        street=tuple(text for line in lines if (text := (line or "").strip())),
        city=node.get("city").text_or_none(),
        postal_code=node.get("postcode").text_or_none(),
        region=code.text_or_none(),
        region_name=name.text_or_none(),
        country=node.get("country_id").text_or_none(),
        phone=node.get("telephone").text_or_none(),
    )


def to_customer(raw: Mapping[str, Any], config: Config) -> Customer:
    """Return the customer with all addresses. Raises BadRecord."""
    del config
    node = Node(raw)
    addresses = list(node.get("addresses").objects())
    default = next((one for one in addresses if one.get("default_billing").flag()), None)
    found = [one for one in map(_address, addresses) if one is not None]
    names = ("website_id", "store_id", "group_id")
    told = {name: node.get(name).text_or_none() for name in names}
    return Customer(
        source_id=node["id"].text(),
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
