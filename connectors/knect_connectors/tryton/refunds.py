"""Refunds as sales that take back: planned, priced from the sale they belong to, made once.

    credit   a sale with negative quantities and the shop's refund as web id, origin: the sale
    state    quoted and confirmed, after its total was compared

Tryton makes the credit note of it, and the return shipment when goods come back. Goods that stay
away are credited on their own product; beside goods that come back, on the refund product, which
is a service, so that no return shipment waits for them.
Must not: touch the sale, compute a tax by another rate than the sale has, or credit twice.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from msgspec import structs

from knect.model import Refund, minor_units
from knect.sdk.children import order_of, refuse_other_money, require_settled
from knect.sdk.contract import Call, Delivery, Effect, Found, Operation, Outcome, Reference
from knect.sdk.errors import MissingReference, Refused, WaitForPerson
from knect_connectors.tryton.amounts import PricedLine, sale_total, unit_price
from knect_connectors.tryton.client import TrytonClient
from knect_connectors.tryton.config import Config
from knect_connectors.tryton.refusals import is_duplicate
from knect_connectors.tryton.sales import find_sales
from knect_connectors.tryton.states import FOUND_FIELDS, found_of, name_of
from knect_connectors.tryton.web_lines import note_for, web_line_of
from knect_connectors.tryton.wire import money

__all__ = [
    "find_credits",
    "plan_refund",
    "refund_document",
    "refund_references",
    "write_credits",
]

_ZERO = Decimal(0)
_SALE = (
    *("number", "state", "total_amount", "party", "invoice_party", "invoice_address", "currency"),
    *("shipment_address", "warehouse", "company", "payment_term", "reference", "last_modified_at"),
)
_LINE = ("product", "product.code", "unit", "taxes", "quantity", "note", "description")


def refund_document(refund: Refund) -> dict[str, Any]:
    """Return the fields of a return sale."""
    included = refund.taxes_included
    lines = [
        {
            "path": f"lines[{i}]",
            "line": line.line_id,
            "sku": line.sku,
            "quantity": line.quantity,
            "net": line.amount - (line.tax if included else _ZERO),
            "restock": line.restock,
        }
        for i, line in enumerate(refund.lines)
    ]
    shipping = refund.shipping - (refund.shipping_tax if included else _ZERO)
    return {
        "reference": refund.order_number or "",
        "date": refund.created_at.date().isoformat(),
        "currency": refund.currency,
        "lines": lines,
        "shipping": shipping,
        "adjustment": refund.adjustment,
        "total": refund.total,
        "comment": refund.note or "",
        "order_cancelled": refund.order_cancelled,
    }


def refund_references(config: Config, refund: Refund) -> tuple[Reference, ...]:
    """Return the order, and the products that stand for what is no product."""
    products = (config.products.refund, config.products.rounding, config.products.shipping)
    return (
        order_of(refund),
        *(Reference(kind="sku", value=code, path="lines") for code in products),
        Reference(kind="company", value="tax_rounding", path=""),
    )


def plan_refund(config: Config, delivery: Delivery) -> Sequence[Effect]:
    """Return the effects of a refund. Raises MissingReference while its money is on the way."""
    refund, document = delivery.record, delivery.document
    assert isinstance(refund, Refund)
    require_settled(refund)
    refuse_other_money(delivery, field="total")
    if delivery.bound is not None or not (document["lines"] or document["total"]):
        return ()  # made once, never changed; or nothing to credit
    key = delivery.external_id
    resolved = delivery.resolved
    body = {
        **{name: document[name] for name in ("reference", "date", "comment", "order_cancelled")},
        "lines": [
            {**line, "quantity": str(line["quantity"]), "net": str(line["net"])}
            for line in document["lines"]
        ],
        **{name: str(document[name]) for name in ("shipping", "adjustment", "total")},
        "unit": str(Decimal(1).scaleb(-(minor_units(refund.currency) or 0))),
        "currency": refund.currency,
        "sale": resolved["orders", refund.order_id],
        "web_id": key,
        "tax_rounding": resolved.get(("company", "tax_rounding"), "document"),
        "products": {
            name: resolved["sku", getattr(config.products, name)]
            for name in ("refund", "rounding", "shipping")
        },
    }
    credit = Effect(
        name="sale",
        write="credit",
        entity="refunds",
        operation=Operation.CREATE,
        key=f"sale:{body['sale']}",  # two refunds of one order, one after the other
        external_id=key,
        body=body,
    )
    state = Effect(
        name="state",
        write="state",
        entity="refunds",
        operation=Operation.ACT,
        key=key,
        external_id=key,
        body={
            "state": "Confirmed",
            "total": str(-Decimal(body["total"])),
            "refund_of": body["sale"],
        },
        needs=("sale",),
        primary=True,
    )
    return (credit, state)


async def find_credits(client: TrytonClient, calls: Sequence[Call]) -> list[Found | None]:
    """Return the return sale each call made, with what has to be told of it."""
    return [
        found and structs.replace(found, remark=_unshipped(call.effect.body))
        for call, found in zip(calls, await find_sales(client, calls), strict=True)
    ]


async def write_credits(client: TrytonClient, calls: Sequence[Call]) -> list[Outcome]:
    """Make each return sale; one that is there by its web id is adopted."""
    outcomes = []
    for call in calls:
        try:
            outcomes.append(await _credit(client, call))
        except (Refused, WaitForPerson, MissingReference) as error:
            outcomes.append(Outcome(error=error))
    return outcomes


async def _credit(client: TrytonClient, call: Call) -> Outcome:
    facts = await client.facts()
    body = call.effect.body
    sale = (await client.read("sale.sale", [int(body["sale"])], _SALE)).get(int(body["sale"]))
    if sale is None:
        raise WaitForPerson(
            f"the sale with id {body['sale']} this refund is of is no longer in Tryton",
            code="ChangedAtDestination",
            path="order_id",
        )
    if body["order_cancelled"] and (covered := _covered(sale, body)):
        return Outcome(found=covered)
    lines = await client.search_read(
        "sale.line", [["sale", "=", sale["id"]], ["type", "=", "line"]], _LINE
    )
    await _check_sum(client, sale, body)
    rates = await _rates(client, lines)
    values = _values(facts.shop, sale, body, _credit_lines(sale, lines, rates, body))
    units = {int(p): None for p in body["products"].values()}
    rows = await client.read("product.product", list(units), ["sale_uom"])
    for line in values["lines"][0][1]:
        if line["unit"] is None:
            line["unit"] = rows[line["product"]]["sale_uom"]
    try:
        (made,) = await client.write("model.sale.sale.create", [values])
    except Refused as error:
        if not is_duplicate(error):
            raise
        (found,) = await find_credits(client, [call])
        return Outcome(found=found) if found else Outcome(error=error)
    after = await client.read("sale.sale", [made], FOUND_FIELDS)
    return Outcome(found=structs.replace(found_of(after[made]), remark=_unshipped(body)))


def _covered(sale: Mapping[str, Any], body: Mapping[str, Any]) -> Found | None:
    """Return the sale when its cancellation took back what the refund gives; None to credit it.

    Raises MissingReference while the cancellation is not there yet.
    """
    if sale["state"] == "cancelled" or not sale["total_amount"]:
        return found_of(sale)
    if any(line["restock"] == "cancel" for line in body["lines"]):
        raise MissingReference(
            f"the order was cancelled and refunded, but sale {name_of(sale)} is still"
            f" {sale['state']} in Tryton; the refund waits until its cancellation is settled there",
            kind="cancellation",
            value=str(sale["id"]),
            path="order_cancelled",
        )
    return None


async def _check_sum(
    client: TrytonClient, sale: Mapping[str, Any], body: Mapping[str, Any]
) -> None:
    """Refuse to give back more than was sold."""
    domain = [
        ["origin", "=", f"sale.sale,{sale['id']}"],
        ["state", "!=", "cancelled"],
        ["OR", ["web_id", "!=", body["web_id"]], ["web_id", "=", None]],
    ]
    others = await client.search_read("sale.sale", domain, ["total_amount"])
    total = Decimal(body["total"])
    before = -sum((one["total_amount"] for one in others), _ZERO)
    if before + total > sale["total_amount"]:
        raise WaitForPerson(
            f"sale {name_of(sale)} comes to {sale['total_amount']} in Tryton, {before} of it were"
            f" credited, and the shop gives back {total} more; settle it by hand, then skip this",
            code="ChangedAtDestination",
            path="total",
            value=str(total),
        )


async def _rates(client: TrytonClient, lines: Sequence[Mapping[str, Any]]) -> dict[int, Decimal]:
    ids = sorted({tax for line in lines for tax in line["taxes"]})
    rows = await client.read("account.tax", ids, ["rate"]) if ids else {}
    return {tax: row["rate"] or _ZERO for tax, row in rows.items()}


def _credit_lines(
    sale: Mapping[str, Any],
    lines: Sequence[Mapping[str, Any]],
    rates: Mapping[int, Decimal],
    body: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """Return the lines of the return sale, with the one for a rounding difference. Pure."""
    made: list[dict[str, Any]] = []
    priced: list[PricedLine] = []

    def add(product: int, unit: int | None, quantity: Decimal, net: Decimal, taxes: Sequence[int],
            text: str, line: str = "") -> None:  # fmt: skip
        price = PricedLine(
            -quantity, unit_price(net, quantity), tuple((tax, rates[tax]) for tax in sorted(taxes))
        )
        priced.append(price)
        made.append(
            {
                "type": "line",
                "product": product,
                "unit": unit,
                "quantity": price.quantity + Decimal("0.0"),
                "unit_price": money(price.unit_price),
                "taxes": [["add", list(taxes)]],
                "description": text,
                "note": note_for(line),
            }
        )

    products = {name: int(value) for name, value in body["products"].items()}
    returns = any(line["restock"] == "return" for line in body["lines"])
    for line in body["lines"]:
        of = _sold(sale, lines, line)
        quantity, net = Decimal(line["quantity"]), Decimal(line["net"])
        if not quantity:
            continue
        text = of["description"] or ""
        if returns and line["restock"] != "return":  # nothing of it comes back
            text = f"{quantity:f} x {of['product.']['code']}: {text}"
            add(products["refund"], None, Decimal(1), net, of["taxes"], text, line["line"])
        else:
            add(of["product"], of["unit"], quantity, net, of["taxes"], text, line["line"])
    if shipping := Decimal(body["shipping"]):
        charged = [x["taxes"] for x in lines if x["product"] == products["shipping"]]
        taxes = charged[0] if charged else []
        add(products["shipping"], None, Decimal(1), shipping, taxes, "Shipping")
    if adjustment := Decimal(body["adjustment"]):
        add(products["refund"], None, Decimal(1), adjustment, [], "Refund")
    unit = Decimal(body["unit"])
    difference = -Decimal(body["total"]) - sale_total(priced, unit, body["tax_rounding"])
    if difference:
        pieces = sum((max(Decimal(1), abs(one.quantity)) for one in priced), _ZERO)
        if abs(difference) > unit * (pieces + 1):
            raise Refused(
                f"with the taxes of sale {name_of(sale)} the refund comes to"
                f" {Decimal(body['total']) + difference}, but the shop gave back {body['total']};"
                " credit it in Tryton by hand, then skip this one",
                code="TotalsMismatch",
                path="total",
                value=body["total"],
            )
        add(products["rounding"], None, Decimal(1), -difference, [], "Rounding")
    return made


def _sold(
    sale: Mapping[str, Any], lines: Sequence[Mapping[str, Any]], wanted: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return the sale's line a refund speaks of: by the shop's id, else by a SKU there once."""
    for line in lines:
        if wanted["line"] and web_line_of(line["note"]) == wanted["line"]:
            return line
    same = [x for x in lines if (x["product."] or {}).get("code") == wanted["sku"]]
    if len(same) == 1:
        return same[0]
    raise WaitForPerson(
        f"sale {name_of(sale)} has {len(same) or 'no'} lines with SKU {wanted['sku']!r} and none"
        " that remembers the shop's line; credit it in Tryton by hand, then skip this one",
        code="ChangedAtDestination",
        path=wanted["path"],
        value=wanted["sku"],
    )


def _values(
    shop: int, sale: Mapping[str, Any], body: Mapping[str, Any], lines: list[dict[str, Any]]
) -> dict[str, Any]:
    returns = any(line["restock"] == "return" for line in body["lines"])
    same = ("company", "party", "invoice_party", "invoice_address", "shipment_address")
    return {
        **{name: sale[name] for name in (*same, "warehouse", "currency", "payment_term")},
        "origin": f"sale.sale,{sale['id']}",
        "web_shop": shop,
        "web_id": body["web_id"],
        "reference": body["reference"] or sale["reference"],
        "comment": body["comment"],
        "sale_date": date.fromisoformat(body["date"]),
        "shipment_method": "order" if returns else "manual",
        "shipment_cost_method": None,
        "carrier": None,
        "lines": [["create", lines]],
    }


def _unshipped(body: Mapping[str, Any]) -> str | None:
    """Say what must not be shipped any more: the sale still has it."""
    left = [
        f"{Decimal(line['quantity']):f} x {line['sku']}"
        for line in body["lines"]
        if line["restock"] == "cancel"
    ]
    return f"not to be shipped any more: {', '.join(left)}" if left else None
