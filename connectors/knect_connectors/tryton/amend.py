"""Changing a sale that is being processed, as long as nothing of it was picked or invoiced.

By Tryton's own amendment (module sale_amendment), which redoes shipments and invoices that are
still open. An amendment changes lines and adds none: what needs a new line is a person's.
Must not: overwrite. Once goods or an invoice are on their way, both versions go to a person.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from knect.sdk.contract import Call, Outcome
from knect.sdk.errors import WaitForPerson
from knect_connectors.tryton.client import TrytonClient
from knect_connectors.tryton.sold import Sold, read_sold
from knect_connectors.tryton.web_lines import web_line_of
from knect_connectors.tryton.wire import money

__all__ = ["amend", "take_back"]


async def amend(client: TrytonClient, sale: Mapping[str, Any], call: Call) -> Outcome:
    """Bring a sale in processing to what the call wants, or say why a person has to."""
    body = call.effect.body
    sold = await read_sold(client, sale)
    changes = _changes(sold, body["lines"])
    moved = _moved(sale, call)
    if "comment" in body and body["comment"] != (sale["comment"] or ""):
        await client.write("model.sale.sale.write", [sale["id"]], {"comment": body["comment"]})
    if changes == [] and moved is None:
        return Outcome()  # nothing that is shipped or paid has changed
    reason = sold.in_the_way()
    if reason is None and changes is None:
        reason = "the edit adds a line, which Tryton does not allow in this state"
    if reason is None and await _by_others(client, sale["id"]):
        reason = "somebody has amended it in Tryton too"
    if reason is not None or changes is None:
        return Outcome(error=_both_versions(sold, sale, body, reason or ""))
    lines = [*map(_line, changes), *([moved] if moved else [])]
    await _apply(client, sale["id"], lines, "edited in the web shop")
    return Outcome()


async def take_back(
    client: TrytonClient, sale: Mapping[str, Any], what: str
) -> tuple[WaitForPerson | None, str | None]:
    """Cancel what of a sale in processing has not left; return why not, or a remark.

    `what` became of the order: `was cancelled`, `was deleted`.
    """
    sold = await read_sold(client, sale)
    reason = sold.in_the_way(cancelling=True)
    if reason is not None:
        return _conflict(sale, what, reason), None
    shipped = any(sold.shipped.values())
    changes = []
    for line in sold.lines:
        left = sold.shipped.get(line["id"], Decimal(0))
        is_goods = line["product."]["type"] != "service"
        if line["quantity"] != left and (is_goods or not shipped):
            changes.append((line, left, line["unit_price"], line["description"]))
    if changes:
        lines = [_line(change) for change in changes]
        await _apply(client, sale["id"], lines, f"the web shop's order {what}")
    return None, (
        "what has not left yet was cancelled; the rest was shipped and stays sold"
        if shipped
        else "it was in processing: its lines were set to nothing"
    )


_Change = tuple[Mapping[str, Any], Decimal, Decimal, str]


def _changes(sold: Sold, wanted: Sequence[Mapping[str, Any]]) -> list[_Change] | None:
    """Return (line, quantity, unit price, text) of what differs, None if a line would be new."""
    left = list(sold.lines)
    changes: list[_Change] = []
    for one in wanted:
        line = next((x for x in left if _is(x, one)), None)
        if line is None:
            return None
        left.remove(line)
        quantity, price = Decimal(one["quantity"]), Decimal(one["unit_price"])
        if (line["quantity"], line["unit_price"]) != (quantity, price):
            changes.append((line, quantity, price, one["description"]))
    changes += [
        (line, Decimal(0), line["unit_price"], line["description"])
        for line in left
        if line["quantity"]
    ]
    return changes


def _is(line: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    if line["product"] != int(wanted["product"]):
        return False
    if sorted(line["taxes"]) != sorted(wanted["taxes"]):
        return False
    return web_line_of(line["note"]) == str(wanted["line"])


def _moved(sale: Mapping[str, Any], call: Call) -> dict[str, Any] | None:
    """Return the amendment of addresses, None if they are the same."""
    invoice, _, shipment = call.given["addresses"].partition("/")
    wanted = {"invoice_address": int(invoice), "shipment_address": int(shipment or invoice)}
    if all(sale[name] == value for name, value in wanted.items()):
        return None
    return {"action": "party", "party": sale["party"], **wanted}


def _line(change: _Change) -> dict[str, Any]:
    line, quantity, price, text = change
    return {
        "action": "line",
        "line": line["id"],
        "product": line["product"],
        "unit": line["unit"],
        "quantity": quantity + Decimal("0.0"),  # a float on Tryton's side
        "unit_price": money(price),
        "description": text,
    }


async def _apply(
    client: TrytonClient, sale: int, lines: Sequence[Mapping[str, Any]], description: str
) -> None:
    values = {"sale": sale, "description": description, "lines": [["create", list(lines)]]}
    made = await client.write("model.sale.amendment.create", [values])
    await client.write("model.sale.amendment.validate_amendment", made)


async def _by_others(client: TrytonClient, sale: int) -> bool:
    """Tell whether anybody but us has amended the sale."""
    facts = await client.facts()
    rows = await client.search_read("sale.amendment", [["sale", "=", sale]], ["create_uid"])
    return any(row["create_uid"] != facts.user for row in rows)


def _both_versions(
    sold: Sold, sale: Mapping[str, Any], body: Mapping[str, Any], reason: str
) -> WaitForPerson:
    codes = {line["product"]: line["product."]["code"] for line in sold.lines}
    there = _listed((x["quantity"], x["product."]["code"]) for x in sold.lines)
    here = _listed(
        (
            Decimal(x["quantity"]),
            codes.get(int(x["product"])) or x["description"].partition("\n")[0],
        )
        for x in body["lines"]
    )
    return WaitForPerson(
        f"sale {sale['number']} is {sale['state']} in Tryton and the shop's order was changed:"
        f" its total is {sale['total_amount']} there and {body['total']} in the shop ({there} |"
        f" {here}); {reason}: make the change in Tryton by hand, then skip this one",
        code="ChangedAtDestination",
        path="state",
        value=sale["state"],
    )


def _conflict(sale: Mapping[str, Any], what: str, reason: str) -> WaitForPerson:
    return WaitForPerson(
        f"sale {sale['number']} is {sale['state']} in Tryton and the shop's order {what};"
        f" {reason}: what was shipped wins, take it back in Tryton by hand, then skip this one",
        code="ChangedAtDestination",
        path="state",
        value=sale["state"],
    )


def _listed(pieces: Any) -> str:
    return ", ".join(f"{quantity.normalize():f} x {code}" for quantity, code in pieces if quantity)
