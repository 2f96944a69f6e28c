"""A canonical order or customer as Tryton's fields. Pure.

How an order becomes a sale whose total is what the customer paid, to the cent:

* A sale line carries the *net* amount: what the customer pays for it, after its discounts, less
  the tax in it where prices include tax. Tryton has no price that includes tax, and a discount
  as a line of its own would fall out of every later return of the goods.
* Taxes are Tryton's own tax records, found by rate or by `config.taxes`, so that its tax reports
  are right. Tryton computes them anew; what its rounding makes different from the shop's by
  cents, and the order's own rounding, become one line of the product `config.products.rounding`.
  A difference larger than rounding can explain is refused, never booked.
* Shipping, tips, fees and discounts of the whole order are lines of their own products. A gift
  card *used* is a payment, a gift card *sold* is a line without tax.
* The sale is in the order's currency, whichever that is.

Must not: call the server, or change an amount; `amounts` does the arithmetic Tryton will do.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from knect.model import Address, Customer, Discount, Order, PartyRef, TaxLine
from knect.sdk.contract import Reference
from knect.sdk.errors import BadRecord
from knect_connectors.tryton.config import Config

__all__ = [
    "customer_document",
    "customer_references",
    "order_document",
    "order_references",
]

_ZERO = Decimal(0)


def order_document(config: Config, order: Order) -> dict[str, Any]:
    """Return the fields of a sale. Raises BadRecord when the order cannot be one."""
    billing = order.billing_address or order.shipping_address
    shipping = order.shipping_address or order.billing_address
    where = "billing_address" if order.billing_address else "shipping_address"
    return {
        "reference": order.number,
        "sale_date": _local_date(order).isoformat(),
        "currency": order.currency,
        "comment": order.note or "",
        "party": _party(
            config, order.customer or PartyRef(), billing, f"Guest of order {order.number}"
        ),
        "invoice_address": _address(config, billing, where),
        "shipment_address": _address(config, shipping, "shipping_address"),
        "lines": list(_lines(config, order)),
        "total": order.totals.total,
        "cancelled": order.cancelled_at is not None,
    }


def customer_document(config: Config, customer: Customer) -> dict[str, Any]:
    """Return the fields of a party."""
    name = " ".join(filter(None, (customer.first_name, customer.last_name)))
    ref = PartyRef(
        source_id=customer.source_id,
        email=customer.email,
        phone=customer.phone,
        name=name or None,
        company=customer.company,
    )
    number = customer.source_id.rpartition("/")[2]
    addresses = customer.addresses or tuple(filter(None, (customer.default_address,)))
    return {
        "party": _party(config, ref, customer.default_address, f"Customer {number}"),
        "addresses": [
            _address(config, address, f"addresses[{i}]") for i, address in enumerate(addresses)
        ],
    }


def order_references(config: Config, order: Order) -> tuple[Reference, ...]:
    """Return what Tryton must know: products, taxes, currency, countries."""
    found: dict[tuple[str, str], Reference] = {}

    def add(kind: str, value: str | None, path: str) -> None:
        if value:
            reference = Reference(kind=kind, value=value, path=path)
            found.setdefault((kind, value), reference)

    for line in _lines(config, order):
        add("sku", line["product"], line["product_path"])
        for tax in line["taxes"]:
            add("tax", tax["ref"], tax["path"])
    add("sku", config.products.rounding, "rounding")
    add("currency", order.currency, "currency")
    for name, address in (
        ("billing_address", order.billing_address),
        ("shipping_address", order.shipping_address),
    ):
        add("country", address.country if address else None, f"{name}.country")
    return (*found.values(), Reference(kind="company", value="tax_rounding", path=""))


def customer_references(customer: Customer) -> tuple[Reference, ...]:
    """Return the countries of a customer's addresses."""
    codes = {
        address.country: Reference(
            kind="country", value=address.country, path=f"addresses[{i}].country"
        )
        for i, address in enumerate(customer.addresses)
        if address.country
    }
    return tuple(codes.values())


def _lines(config: Config, order: Order) -> Iterator[dict[str, Any]]:
    """Yield the sale's lines but for the rounding; each names where in the order it comes from."""
    included = order.taxes_included
    products = config.products
    for i, line in enumerate(order.lines):
        path = f"lines[{i}]"
        if line.quantity == 0:
            continue
        sku = products.giftCard if line.gift_card else (line.sku or "").strip()
        if not sku:
            raise BadRecord(
                f"line {i + 1} ({line.title!r}) has no SKU, so no product can be found for it",
                path=f"{path}.sku",
                value=line.sku,
            )
        gross = line.quantity * line.unit_price - _sum(line.discounts)
        yield _line(
            config,
            path,
            product=sku,
            product_path=f"{path}.sku",
            quantity=line.quantity,
            amount=gross,
            taxes=line.taxes,
            included=included,
            text=_text(line.title, line.discounts, order.currency),
            line=line.id,
        )
    for i, shipping in enumerate(order.shipping_lines):
        path = f"shipping_lines[{i}]"
        yield _line(
            config,
            path,
            product=products.shipping,
            product_path=path,
            quantity=Decimal(1),
            amount=shipping.price - _sum(shipping.discounts),
            taxes=shipping.taxes,
            included=included,
            text=_text(shipping.title, shipping.discounts, order.currency),
            line=shipping.id,
        )
    for i, fee in enumerate(order.fees):
        path = f"fees[{i}]"
        yield _line(
            config,
            path,
            product=products.fee,
            product_path=path,
            quantity=Decimal(1),
            amount=fee.amount,
            taxes=fee.taxes,
            included=included,
            text=fee.title or fee.kind,
        )
    extra = [("tips", products.tip, order.tips, "Tip")]
    extra += [
        (f"discounts[{i}]", products.discount, -one.amount, one.title or one.code or "Discount")
        for i, one in enumerate(order.discounts)
    ]
    for path, product, amount, text in extra:
        if amount:
            yield _line(
                config,
                path,
                product=product,
                product_path=path,
                quantity=Decimal(1),
                amount=amount,
                taxes=(),
                included=included,
                text=text,
            )


def _line(
    config: Config,
    path: str,
    *,
    product: str,
    product_path: str,
    quantity: Decimal,
    amount: Decimal,
    taxes: Sequence[TaxLine],
    included: bool,
    text: str,
    line: str = "",
) -> dict[str, Any]:
    # Tax of nothing (an exempt customer) is not sent: Tryton would compute it.
    charged = [(i, tax) for i, tax in enumerate(taxes) if tax.amount]
    net = amount - sum((tax.amount for _, tax in charged), _ZERO) if included else amount
    return {
        "path": path,
        "line": line,
        "product": product,
        "product_path": product_path,
        "quantity": quantity,
        "net": net,
        "description": text,
        "taxes": [
            {"ref": _tax_ref(config, tax), "amount": tax.amount, "path": f"{path}.taxes[{i}]"}
            for i, tax in charged
        ],
    }


def _tax_ref(config: Config, tax: TaxLine) -> str:
    """Return what names the tax in Tryton: a configured name, else its rate, else its title."""
    named = config.taxes.get(tax.title)
    if named is not None:
        return named
    return f"{tax.rate.normalize():f}" if tax.rate else tax.title


def _text(title: str, discounts: Sequence[Discount], currency: str) -> str:
    shares = [
        f"{one.title or one.code or 'Discount'}: -{one.amount} {currency}" for one in discounts
    ]
    return "\n".join((title, *shares))


def _sum(discounts: Sequence[Discount]) -> Decimal:
    return sum((one.amount for one in discounts), _ZERO)


def _party(config: Config, ref: PartyRef, address: Address | None, fallback: str) -> dict[str, Any]:
    address = address or Address()
    name = ref.company or ref.name or address.company or address.name or ref.email
    return {
        "name": name or fallback,
        "email": (ref.email or "").strip().lower() or None,
        "phone": ref.phone or address.phone,
        "identifier": f"{config.webShop}:{ref.source_id}" if ref.source_id else None,
    }


def _address(config: Config, address: Address | None, path: str) -> dict[str, Any] | None:
    if address is None:
        return None
    code = address.postal_code or ""
    if len(code) > config.postalCodeLength:
        raise BadRecord(
            f"the postal code {code!r} has {len(code)} characters, {config.postalCodeLength} are"
            " allowed (config.postalCodeLength); correct the address in the shop",
            path=f"{path}.postal_code",
            value=code,
        )
    return {
        "party_name": address.company or address.name or "",
        "attn": address.name or "" if address.company else "",
        "street": "\n".join(filter(None, address.street)),
        "postal_code": code,
        "city": address.city or "",
        "region": address.region or "",
        "country": address.country or "",
    }


def _local_date(order: Order) -> date:
    """Return the date on the shop's own calendar when the order was placed."""
    try:
        return order.placed_at.astimezone(ZoneInfo(order.zone)).date()
    except (ZoneInfoNotFoundError, ValueError):
        return order.placed_at.date()
