"""From a document to the writes that make it, in order. Pure.

    party       find by the shop's customer number or e-mail, else create
    addresses   find among the party's, else add
    sale        create (or bring an open one to the new content)
    state       quote and confirm, or cancel; after the total was compared
    details     of a customer: name, e-mail and phone as they are now

Must not: call the server, or hold anything that is not in the delivery.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from msgspec import structs

from knect.model import Order, minor_units
from knect.sdk.contract import Delivery, Effect, Operation, Removal
from knect.sdk.errors import BadRecord, Fatal, Refused
from knect.sdk.owned import require_owned
from knect_connectors.tryton.amounts import PricedLine, rounded, sale_total, unit_price
from knect_connectors.tryton.config import Config

__all__ = ["plan_customer", "plan_order", "plan_removal", "references_of"]

#: Settings of a pipeline, in the order a sale passes through them.
STATES = ("Draft", "Quotation", "Confirmed")
_LONGEST_KEY = 64
_REQUIRED = ("party", "lines", "currency", "sale_date", "total")
#: Left alone in Tryton when the pipeline leaves them out (`createOnly`).
_TEXTS = ("reference", "comment")


def plan_order(config: Config, delivery: Delivery) -> Sequence[Effect]:
    """Return the effects of an order."""
    document = delivery.document
    key = delivery.external_id
    require_owned(document, "a sale", _REQUIRED)
    if document.get("cancelled") and not delivery.sought:
        if delivery.bound is None:
            return ()  # never got here: nothing to take back
        return (_state(key, "Cancelled", total=None, target=delivery.bound),)
    party = plan_party(config, document["party"], key)
    addresses = _addresses(delivery, party)
    if delivery.match and not references_of(delivery.match):
        raise Fatal(
            "a sale is not adopted by its customer alone; add number to destination.match",
            path="destination.match",
        )
    sale = Effect(
        name="sale",
        write="sale",
        entity="orders",
        operation=Operation.CREATE if delivery.bound is None else Operation.UPDATE,
        key="|".join(("reference", *sorted(references_of(delivery.match))))
        if delivery.match
        else key,
        external_id=key,
        body=_sale_body(config, delivery),
        needs=("party", "addresses"),
        target=delivery.bound,
        match=delivery.match,
    )
    wanted = str(delivery.settings.get("state", "Confirmed"))
    if wanted not in STATES:
        raise Refused(
            f"the pipeline wants sales in state {wanted!r}, which is none of {', '.join(STATES)};"
            " correct destination.settings.state",
            path="destination.settings.state",
            value=wanted,
        )
    state = _state(key, wanted, total=str(document["total"]))
    return (party, addresses, sale, state)


def plan_removal(removal: Removal) -> Sequence[Effect]:
    """Return the effects of a deletion in the shop."""
    if (removal.entity, removal.how) != ("orders", "Cancel"):
        raise Fatal(
            f"Tryton's connector cannot {removal.how} {removal.entity};"
            " set destination.onSourceDelete to Ignore",
            path="destination.onSourceDelete",
        )
    key = removal.external_id
    cancel = _state(key, "Cancelled", total=None, target=removal.bound)
    return (structs.replace(cancel, body={**cancel.body, "deleted": True}),)


def plan_customer(config: Config, delivery: Delivery) -> Sequence[Effect]:
    """Return the effects of a customer."""
    document = delivery.document
    require_owned(document, "a party", ("party",))
    party = plan_party(config, document["party"], delivery.external_id)
    effects = [party]
    if document.get("addresses"):
        effects.append(_address_effect(delivery, list(document["addresses"]), party))
    details = Effect(
        name="details",
        write="details",
        entity="customers",
        operation=Operation.UPDATE,
        key=party.key,
        external_id=delivery.external_id,
        body={name: document["party"].get(name) for name in ("name", "email", "phone")},
        needs=("party",),
        target=delivery.bound,
        primary=True,
    )
    return (*effects, details)


def plan_party(config: Config, party: Mapping[str, Any], fallback: str) -> Effect:
    """Return the effect that finds or makes the party."""
    # A guest without e-mail is found again by the order that named him.
    identifier = party.get("identifier") or f"{config.webShop}:guest:{fallback}"
    email = party.get("email")
    return Effect(
        name="party",
        write="party",
        entity="customers",
        operation=Operation.ENSURE,
        key=email or identifier,
        external_id=identifier[-_LONGEST_KEY:],
        body={**party, "identifier": identifier if party.get("identifier") or not email else None},
    )


def references_of(match: Mapping[str, Any]) -> set[str]:
    """Return what an older integration may have written as a sale's reference."""
    return {str(match[name]) for name in ("number", "name") if name in match}


def _addresses(delivery: Delivery, party: Effect) -> Effect:
    invoice = delivery.document.get("invoice_address")
    shipment = delivery.document.get("shipment_address") or invoice
    # Tryton needs an address to quote; an order without one gets an empty one.
    return _address_effect(delivery, [invoice or shipment or {}, shipment or {}], party)


def _address_effect(delivery: Delivery, wanted: list[dict[str, Any]], party: Effect) -> Effect:
    countries = {
        value: found for (kind, value), found in delivery.resolved.items() if kind == "country"
    }
    # One name per content: another address of the same party is another write.
    content = blake2b(repr((party.external_id, wanted)).encode(), digest_size=16).hexdigest()
    body = [{**x, "country_id": countries.get(x.get("country") or "")} for x in wanted]
    return Effect(
        name="addresses",
        write="address",
        entity="addresses",
        operation=Operation.ENSURE,
        key=party.key,
        external_id=f"address:{content}",
        body={"wanted": body},
        needs=("party",),
    )


def _state(key: str, state: str, *, total: str | None, target: str | None = None) -> Effect:
    return Effect(
        name="state",
        write="state",
        entity="orders",
        operation=Operation.ACT,
        key=key,
        external_id=key,
        body={"state": state, "total": total},
        needs=() if target else ("sale",),
        target=target,
        primary=True,  # the last to touch the sale: only now it has its number
    )


def _sale_body(config: Config, delivery: Delivery) -> dict[str, Any]:
    document, resolved = delivery.document, delivery.resolved
    currency = str(document["currency"])
    unit = Decimal(1).scaleb(-(minor_units(currency) or 0))
    priced = [_priced(line, resolved, unit) for line in document["lines"]]
    lines = [
        {
            "product": resolved["sku", line["product"]],
            "quantity": str(price.quantity),
            "unit_price": str(price.unit_price),
            "taxes": [tax for tax, _ in price.taxes],
            "description": line.get("description") or "",
            "line": line.get("line") or "",
        }
        for line, price in zip(document["lines"], priced, strict=True)
    ]
    total = Decimal(str(document["total"]))
    mode = resolved.get(("company", "tax_rounding"), "document")
    difference = total - sale_total(priced, unit, mode)
    if difference:
        _check_difference(delivery, difference, unit)
        lines.append(
            {
                "product": resolved["sku", config.products.rounding],
                "quantity": "1",
                "unit_price": str(difference),
                "taxes": [],
                "description": "Rounding",
                "line": "",
            }
        )
    texts = {name: str(document[name] or "") for name in _TEXTS if name in document}
    return {
        **texts,
        "web_id": delivery.external_id,
        "sale_date": str(document["sale_date"])[:10],
        "currency": resolved["currency", currency],
        "total": str(total),
        "lines": lines,
        "addressed": _addressed(delivery),
    }


def _addressed(delivery: Delivery) -> str:
    """Return for whom the sale is and where it goes, nothing if that is as it was delivered.

    What of it somebody has changed in Tryton since stays then.
    """
    names = ("party", "invoice_address", "shipment_address")
    document = delivery.document
    now = [document.get(name) for name in names]
    if delivery.before and all([x.get(n) for n in names] == now for x in delivery.before):
        return ""
    place = document.get("shipment_address") or document.get("invoice_address") or {}
    town = " ".join(filter(None, (place.get("postal_code"), place.get("city"))))
    street = str(place.get("street") or "").replace("\n", ", ")
    who = dict.fromkeys((document["party"].get("name"), place.get("party_name"), street, town))
    return ", ".join(filter(None, who))


def _priced(
    line: Mapping[str, Any], resolved: Mapping[tuple[str, str], str], unit: Decimal
) -> PricedLine:
    quantity, net = Decimal(str(line["quantity"])), Decimal(str(line["net"]))
    taxes = []
    for tax in line["taxes"]:
        identifier, _, rate = resolved["tax", tax["ref"]].partition("@")
        taxes.append((int(identifier), Decimal(rate)))
        _check_tax(line, tax, net * Decimal(rate), quantity, unit)
    return PricedLine(quantity, unit_price(net, quantity), tuple(sorted(set(taxes))))


def _check_tax(
    line: Mapping[str, Any],
    tax: Mapping[str, Any],
    expected: Decimal,
    quantity: Decimal,
    unit: Decimal,
) -> None:
    """Refuse a tax the rate does not explain; some shops round per piece, hence the quantity."""
    charged = Decimal(str(tax["amount"]))
    if abs(charged - expected) > unit * max(Decimal(1), quantity):
        raise BadRecord(
            f"the shop charged {charged} of tax on {line['net']}, but Tryton's tax"
            f" {tax['ref']!r} makes {rounded(expected, unit)}; name the right tax in config.taxes",
            path=tax["path"],
            value=str(charged),
        )


def _check_difference(delivery: Delivery, difference: Decimal, unit: Decimal) -> None:
    """Refuse what is no rounding. The order's own rounding is not counted as one."""
    record = delivery.record
    own = record.rounding if isinstance(record, Order) else Decimal(0)
    pieces = sum(max(Decimal(1), Decimal(str(x["quantity"]))) for x in delivery.document["lines"])
    if abs(difference - own) > unit * (pieces + 1):
        raise BadRecord(
            f"the lines make a sale that differs from what the customer paid by {difference},"
            " more than rounding explains",
            path="totals.total",
            value=str(delivery.document["total"]),
        )
