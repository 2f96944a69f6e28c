"""Changing a sale that is being processed, as long as nothing of it was picked or invoiced.

By Tryton's own amendment (module sale_amendment), which redoes shipments and invoices that are
still open. An amendment changes lines and adds none: what needs a new line is a person's. It is
made and then validated: what an earlier try has only made is replaced.
Must not: overwrite. Once goods or an invoice are on their way, both versions go to a person.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct

from knect.sdk.contract import Call, Outcome
from knect.sdk.errors import WaitForPerson
from knect_connectors.tryton.client import TrytonClient, as_read
from knect_connectors.tryton.sold import Sold, read_sold
from knect_connectors.tryton.web_lines import web_line_of
from knect_connectors.tryton.wire import money

__all__ = ["NOTHING_LEFT", "amend", "take_back"]

#: What is told of a sale in processing that was taken back as a whole.
NOTHING_LEFT = "it was in processing: its lines were set to nothing"
#: How the description of an amendment begins that takes back.
_TAKEN_BACK = "the web shop's order"


async def amend(client: TrytonClient, sale: Mapping[str, Any], call: Call) -> Outcome:
    """Bring a sale in processing to what the call wants, or say why a person has to.

    `sale` is read with its `_timestamp`. Raises RetryLater if another hand has written it since.
    """
    body = call.effect.body
    sold = await read_sold(client, sale)
    before = await _read_history(client, sale["id"])
    changes = _changes(sold, body["lines"])
    moved = _moved(sale, call)
    texts = {}
    if "comment" in body and body["comment"] != (sale["comment"] or ""):
        texts = {"comment": body["comment"]}
    if changes == [] and moved is None:  # nothing that is shipped or paid has changed
        await _write(client, sale, before, texts)
        return Outcome()
    reason = sold.in_the_way()
    if reason is not None and changes == []:
        await _write(client, sale, before, texts)
        return Outcome(error=_sent_elsewhere(sale, body["addressed"], reason))
    if reason is None and changes is None:
        reason = "the edit adds a line, which Tryton does not allow in this state"
    if reason is None and before.by_others:
        reason = "somebody has amended it in Tryton too"
    if reason is not None or changes is None:
        await _write(client, sale, before, texts)
        return Outcome(error=_both_versions(sold, sale, body, reason or ""))
    lines = [*map(_line, changes), *([moved] if moved else [])]
    await _write(client, sale, before, texts, lines, "edited in the web shop")
    return Outcome()


async def take_back(
    client: TrytonClient, sale: Mapping[str, Any], what: str
) -> tuple[WaitForPerson | None, str | None]:
    """Cancel what of a sale in processing has not left; return why not, or a remark.

    `what` became of the order: `was cancelled`, `was deleted`. `sale` and errors: as of `amend`.
    """
    sold = await read_sold(client, sale)
    before = await _read_history(client, sale["id"])
    shipped = any(sold.shipped.values())
    changes = []
    for line in sold.lines:
        left = sold.shipped.get(line["id"], Decimal(0))
        is_goods = line["product."]["type"] != "service"
        if line["quantity"] != left and (is_goods or not shipped):
            changes.append((line, left, line["unit_price"], line["description"]))
    is_done = before.taken_back and not changes  # by a try whose answer was lost, say
    reason = None if is_done else sold.in_the_way(cancelling=True)
    lines = [] if reason is not None else [_line(change) for change in changes]
    await _write(client, sale, before, {}, lines, f"{_TAKEN_BACK} {what}")
    if reason is not None:
        return _conflict(sale, what, reason), None
    return None, (
        "what has not left yet was cancelled; the rest was shipped and stays sold"
        if shipped
        else NOTHING_LEFT
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
    """Return the amendment of customer and addresses, None if they are the same.

    Another customer's invoice or shipment, which only somebody in Tryton can have chosen, stays.
    """
    if not call.effect.body["addressed"]:
        return None
    invoice, _, shipment = call.given["addresses"].partition("/")
    wanted = {
        "party": int(call.given["party"]),
        "invoice_address": int(invoice),
        "shipment_address": int(shipment or invoice),
    }
    for kind in ("invoice", "shipment"):
        if sale[f"{kind}_party"]:
            chosen = (f"{kind}_party", f"{kind}_address")
            wanted |= {name: sale[name] for name in chosen}
    if all(sale[name] == value for name, value in wanted.items()):
        return None
    return {"action": "party", **wanted}


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


class _History(Struct, frozen=True, kw_only=True):
    """What was amended before. `drafts` are ours and were never validated: what came in between
    was a lost answer, or the end of a worker.
    """

    drafts: Sequence[int]
    by_others: bool
    taken_back: bool


async def _read_history(client: TrytonClient, sale: int) -> _History:
    user = (await client.facts()).user
    fields = ["state", "description", "create_uid", "write_uid"]
    rows = await client.search_read("sale.amendment", [["sale", "=", sale]], fields)
    ours = [
        row
        for row in rows
        if row["create_uid"] == user
        and (row["state"] != "draft" or row["write_uid"] in (None, user))
    ]
    return _History(
        drafts=[row["id"] for row in ours if row["state"] == "draft"],
        by_others=len(ours) < len(rows),
        taken_back=any(
            row["state"] != "draft" and (row["description"] or "").startswith(_TAKEN_BACK)
            for row in ours
        ),
    )


async def _write(
    client: TrytonClient,
    sale: Mapping[str, Any],
    before: _History,
    texts: Mapping[str, str],
    lines: Sequence[Mapping[str, Any]] = (),
    description: str = "",
) -> None:
    """Write texts, and in the same request put an amendment in the place of drafts of ours; then
    validate it.

    All of it is of the sale as it was read: an earlier try of ours that comes late finds another
    one, or its draft gone. Otherwise it would leave a draft that somebody validates one day.
    """
    identifier = sale["id"]
    amendments: list[list[Any]] = []
    if before.drafts:
        amendments.append(["delete", list(before.drafts)])
    if lines:
        new = {"description": description, "lines": [["create", list(lines)]]}
        amendments.append(["create", [new]])
    values = {**texts, **({"amendments": amendments} if amendments else {})}
    if values:
        context = as_read("sale.sale", [sale])
        await client.write("model.sale.sale.write", [identifier], values, context=context)
    if lines:
        made = (await _read_history(client, identifier)).drafts
        await client.write("model.sale.amendment.validate_amendment", made)


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


def _sent_elsewhere(sale: Mapping[str, Any], addressed: str, reason: str) -> WaitForPerson:
    return WaitForPerson(
        f"sale {sale['number']} is {sale['state']} in Tryton and the shop's order is for another"
        f" customer or address now ({addressed}); {reason}: make the change in Tryton by hand,"
        " then skip this one",
        code="ChangedAtDestination",
        path="shipping_address",
        value=addressed,
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
