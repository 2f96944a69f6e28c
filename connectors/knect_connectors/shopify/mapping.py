"""From Shopify's JSON to canonical records. Pure.

Amounts are taken as they are, never recomputed: with `taxesIncluded` line prices contain the tax
and tax lines say how much. For an edited order what was sold is the sum of its sales agreements of
the reasons ORDER and ORDER_EDIT: an edit and a refund both lower `currentQuantity`, both appear
among `refunds`, and only the agreements tell them apart. Refunds are records of their own.
Must not: guess. A field that is gone or of another type is a BadRecord with its path.
"""

from collections.abc import Mapping
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
    TaxLine,
    Totals,
)
from knect_connectors.shopify.payload import Node
from knect_connectors.shopify.sales import Sold, what_was_sold

__all__ = ["to_customer", "to_order"]

_ZERO = Decimal(0)
_RECEIVED = frozenset({"sale", "capture"})


def to_order(raw: Mapping[str, Any], side: str) -> Order:
    """Return the order in the currency of `side` (shopMoney or presentmentMoney)."""
    node = Node(raw)
    edited = node["edited"].flag()
    sold = what_was_sold(node["agreements"], side) if edited else None
    included = node["taxesIncluded"].flag()
    lines = _lines(node, side, sold, taxes_included=included)
    shipping = _shipping(node, side, sold, taxes_included=included)
    payments = _payments(node, side)
    tips = sold.tips if sold else _amount(node["totalTipReceivedSet"], side)
    rounding = _rounding(node, side)
    total = sold.total if sold else _amount(node["totalPriceSet"], side)
    name = node["name"].text()
    codes = [code.text() for code in node["discountCodes"].items()]
    return Order(
        source_id=node["id"].text(),
        number=name.lstrip("#"),
        name=name,
        currency=node["totalPriceSet"][side]["currencyCode"].text(),
        totals=Totals(
            total=total + rounding,
            lines=_optional_amount(node, "subtotalPriceSet", side) if not sold else None,
            discounts=_optional_amount(node, "totalDiscountsSet", side) if not sold else None,
            shipping=_optional_amount(node, "totalShippingPriceSet", side) if not sold else None,
            tax=_optional_amount(node, "totalTaxSet", side) if not sold else None,
        ),
        placed_at=node["processedAt"].instant(),
        updated_at=node["updatedAt"].instant(),
        lines=lines,
        shipping_lines=shipping,
        fees=_fees(node, side),
        discounts=() if sold else _remainder(node, side, lines, shipping, codes),
        tips=tips,
        rounding=rounding,
        taxes_included=included,
        shop_total=_money(node["totalPriceSet"], "shopMoney"),
        presentment_total=_money(node["totalPriceSet"], "presentmentMoney"),
        zone=_zone(node),
        channel=node["sourceName"].text_or_none(),
        customer=_party(node),
        billing_address=_address(node.optional("billingAddress")),
        shipping_address=_address(node.optional("shippingAddress")),
        payments=payments,
        payment_status=_word(node["displayFinancialStatus"]) or "unknown",
        fulfillment_status=_word(node["displayFulfillmentStatus"]) or "unfulfilled",
        test=node["test"].flag(),
        edited=edited,
        cancelled_at=_instant_or_none(node, "cancelledAt"),
        cancel_reason=_word(node["cancelReason"]),
        closed_at=_instant_or_none(node, "closedAt"),
        po_number=node["poNumber"].text_or_none(),
        note=node["note"].text_or_none(),
        tags=tuple(tag.text() for tag in node["tags"].items()),
        attributes=_attributes(node),
    )


def to_customer(raw: Mapping[str, Any]) -> Customer:
    """Return the customer."""
    node = Node(raw)
    default = _address(node.optional("defaultAddress"))
    return Customer(
        source_id=node["id"].text(),
        email=_email(node),
        phone=_phone(node),
        first_name=node["firstName"].text_or_none(),
        last_name=node["lastName"].text_or_none(),
        company=default.company if default else None,
        language=node["locale"].text_or_none(),
        tax_exempt=node["taxExempt"].flag(),
        addresses=tuple(
            address
            for each in node["addressesV2"].items()
            if (address := _address(each)) is not None
        ),
        default_address=default,
        tags=tuple(tag.text() for tag in node["tags"].items()),
        note=node["note"].text_or_none(),
        created_at=node["createdAt"].instant(),
        updated_at=node["updatedAt"].instant(),
    )


# ---------------------------------------------------------------- money


def _amount(bag: Node, side: str) -> Decimal:
    return bag[side]["amount"].decimal()


def _optional_amount(node: Node, name: str, side: str) -> Decimal | None:
    bag = node.optional(name)
    return None if bag is None else _amount(bag, side)


def _money(bag: Node, side: str) -> Money:
    return Money(amount=_amount(bag, side), currency=bag[side]["currencyCode"].text())


def _taxes(node: Node, side: str) -> tuple[TaxLine, ...]:
    return tuple(
        TaxLine(
            title=tax["title"].text(),
            amount=_amount(tax["priceSet"], side),
            rate=rate.decimal() if (rate := tax.optional("rate")) else None,
            channel_liable=liable.flag() if (liable := tax.optional("channelLiable")) else False,
        )
        for tax in node["taxLines"].items()
    )


def _discounts(node: Node, side: str) -> tuple[Discount, ...]:
    amounts = (
        _amount(allocation["allocatedAmountSet"], side)
        for allocation in node["discountAllocations"].items()
    )
    return tuple(Discount(amount=amount) for amount in amounts if amount)


def _remainder(
    node: Node,
    side: str,
    lines: tuple[OrderLine, ...],
    shipping: tuple[ShippingLine, ...],
    codes: list[str],
) -> tuple[Discount, ...]:
    """Return what of the order's discounts was given to no line, once."""
    total = _optional_amount(node, "totalDiscountsSet", side)
    given = sum((one.amount for line in lines for one in line.discounts), _ZERO)
    given += sum((one.amount for line in shipping for one in line.discounts), _ZERO)
    if total is None or total <= given:
        return ()
    return (Discount(amount=total - given, code=codes[0] if len(codes) == 1 else None),)


def _rounding(node: Node, side: str) -> Decimal:
    """Return the cash rounding of what was received."""
    total = _ZERO
    for transaction in node["transactions"].items():
        rounding = transaction.optional("amountRoundingSet")
        is_received = _word(transaction["kind"]) in _RECEIVED
        if rounding and is_received and _word(transaction["status"]) == "success":
            total += _amount(rounding, side)
    return total


# ---------------------------------------------------------------- parts


def _lines(
    node: Node, side: str, sold: Sold | None, *, taxes_included: bool
) -> tuple[OrderLine, ...]:
    lines: list[OrderLine] = []
    for line in node["lineItems"].items():
        identifier = line["id"].text()
        part = sold.part(identifier) if sold else None
        quantity = part.quantity if part else line["quantity"].decimal()
        title = line["title"].text()
        option = line["variantTitle"].text_or_none()
        lines.append(
            OrderLine(
                id=identifier,
                quantity=quantity,
                unit_price=_amount(line["originalUnitPriceSet"], side),
                sku=line["sku"].text_or_none(),
                product_id=_id_or_none(line, "product"),
                variant_id=_id_or_none(line, "variant"),
                title=f"{title} - {option}" if option else title,
                discounts=(
                    part.discounts(taxes_included=taxes_included)
                    if part
                    else _discounts(line, side)
                ),
                taxes=part.tax_lines() if part else _taxes(line, side),
                gift_card=line["isGiftCard"].flag(),
                requires_shipping=line["requiresShipping"].flag(),
                bundle=_id_or_none(line, "lineItemGroup"),
                attributes=_attributes(line),
            )
        )
    return tuple(lines)


def _shipping(
    node: Node, side: str, sold: Sold | None, *, taxes_included: bool
) -> tuple[ShippingLine, ...]:
    found: list[ShippingLine] = []
    for index, line in enumerate(node["shippingLines"].items()):
        identifier = line["id"].text_or_none() or f"{node['id'].text()}/shipping/{index}"
        if line["isRemoved"].flag():
            continue
        part = sold.parts.get(identifier) if sold else None
        found.append(
            ShippingLine(
                id=identifier,
                title=line["title"].text(),
                code=line["code"].text_or_none(),
                price=_amount(line["originalPriceSet"], side),
                discounts=(
                    part.discounts(taxes_included=taxes_included)
                    if part
                    else _discounts(line, side)
                ),
                taxes=part.tax_lines() if part else _taxes(line, side),
            )
        )
    return tuple(found)


def _fees(node: Node, side: str) -> tuple[Fee, ...]:
    fees = [
        Fee(
            kind="fee",
            title=fee["name"].text(),
            amount=_amount(fee["price"], side),
            taxes=_taxes(fee, side),
        )
        for fee in node["additionalFees"].items()
    ]
    if node["dutiesIncluded"].flag():
        return tuple(fees)
    for line in node["lineItems"].items():
        fees += [
            Fee(kind="duty", amount=_amount(duty["price"], side), taxes=_taxes(duty, side))
            for duty in line["duties"].items()
        ]
    return tuple(fees)


def _payments(node: Node, side: str) -> tuple[Payment, ...]:
    return tuple(
        Payment(
            source_id=payment["id"].text(),
            order_id=node["id"].text(),
            kind=_word(payment["kind"]) or "unknown",
            status=_word(payment["status"]) or "unknown",
            amount=_amount(payment["amountSet"], side),
            currency=payment["amountSet"][side]["currencyCode"].text(),
            gateway=payment["gateway"].text_or_none(),
            reference=payment["paymentId"].text_or_none(),
            parent_id=parent["id"].text()
            if (parent := payment.optional("parentTransaction"))
            else None,
            processed_at=_instant_or_none(payment, "processedAt"),
            test=payment["test"].flag(),
        )
        for payment in node["transactions"].items()
    )


def _party(node: Node) -> PartyRef | None:
    customer = node.optional("customer")
    email, phone = node["email"].text_or_none(), node["phone"].text_or_none()
    billing = _address(node.optional("billingAddress"))
    if customer is None:
        if not email and not phone and not billing:
            return None
        return PartyRef(
            email=email,
            phone=phone,
            name=billing.name if billing else None,
            company=billing.company if billing else None,
            language=node["customerLocale"].text_or_none(),
            tax_exempt=node["taxExempt"].flag(),
        )
    return PartyRef(
        source_id=customer["id"].text(),
        email=email or _email(customer),
        phone=phone or _phone(customer),
        name=customer["displayName"].text_or_none(),
        company=billing.company if billing else None,
        language=customer["locale"].text_or_none(),
        tax_exempt=node["taxExempt"].flag() or customer["taxExempt"].flag(),
    )


def _email(node: Node) -> str | None:
    address = node.optional("defaultEmailAddress")
    return address["emailAddress"].text_or_none() if address else None


def _phone(node: Node) -> str | None:
    phone = node.optional("defaultPhoneNumber")
    return phone["phoneNumber"].text_or_none() if phone else None


def _address(node: Node | None) -> Address | None:
    if node is None:
        return None
    street = (node["address1"].text_or_none(), node["address2"].text_or_none())
    return Address(
        name=node["name"].text_or_none(),
        company=node["company"].text_or_none(),
        street=tuple(line for line in street if line),
        city=node["city"].text_or_none(),
        postal_code=node["zip"].text_or_none(),
        region=node["provinceCode"].text_or_none(),
        region_name=node["province"].text_or_none(),
        country=node["countryCodeV2"].text_or_none(),
        phone=node["phone"].text_or_none(),
    )


def _attributes(node: Node) -> dict[str, str]:
    return {
        attribute["key"].text(): attribute["value"].text_or_none() or ""
        for attribute in node["customAttributes"].items()
    }


def _id_or_none(node: Node, name: str) -> str | None:
    other = node.optional(name)
    return other["id"].text() if other else None


def _word(node: Node) -> str | None:
    """Return an enum's value in lower case; values added later pass as they are."""
    text = node.text_or_none()
    return text.lower() if text else None


def _instant_or_none(node: Node, name: str) -> Any:
    value = node[name]
    return None if value.value is None else value.instant()


def _zone(node: Node) -> str:
    shop = node.optional("shop")
    return shop["ianaTimezone"].text() if shop else "UTC"
