"""Writing sales; `states` moves them from state to state.

A sale is made once by Tryton itself: `web_shop` and `web_id` together are unique (a constraint of
the module web_shop), so a second create is refused and the first sale is adopted.
Must not: touch a sale that is being processed, or that somebody else has changed since.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from msgspec import structs

from knect.sdk.contract import Call, Found, Operation, Outcome
from knect.sdk.errors import ConnectorError, Refused, WaitForPerson
from knect_connectors.tryton.amend import amend
from knect_connectors.tryton.client import Facts, TrytonClient, as_read
from knect_connectors.tryton.lines import LINE_FIELDS, edits_of, new_line
from knect_connectors.tryton.parties import by_email
from knect_connectors.tryton.plan import references_of
from knect_connectors.tryton.refusals import NOT_NOW, is_duplicate, moved_meanwhile
from knect_connectors.tryton.states import (
    CLOSED,
    FOUND_FIELDS,
    closed,
    found_of,
    gone,
    name_of,
)

__all__ = [
    "find_candidates",
    "find_sales",
    "write_sales",
]

#: For whom a sale is, and where it goes.
_ADDRESSED = ("party", "invoice_party", "invoice_address", "shipment_party", "shipment_address")
#: Who last had a hand in a row.
_WRITERS = ("write_uid", "create_uid", "write_uid.rec_name", "create_uid.rec_name")


async def find_sales(client: TrytonClient, calls: Sequence[Call]) -> list[Found | None]:
    """Return what each call made: the sale of a create by our external id.

    Of an update nothing is found: sending it once more brings the same content.
    """
    creates = [call for call in calls if call.effect.operation is Operation.CREATE]
    known = await _by_web_id(client, [call.effect.external_id for call in creates])
    return [known.get(call.effect.external_id) if call in creates else None for call in calls]


async def find_candidates(client: TrytonClient, calls: Sequence[Call]) -> list[list[Found]]:
    """Return the sales without a web id whose reference (and party's e-mail) are the order's.

    Cancelled ones only where there is no other: an order may have been typed in once more.
    """
    facts = await client.facts()
    wanted = [references_of(call.effect.match) for call in calls]
    emails = [str(call.effect.match.get("customer.email") or "").lower() for call in calls]
    parties = await by_email(client, [email for email in emails if email])
    domain = [
        ["company", "=", facts.company],
        ["OR", ["web_id", "=", None], ["web_id", "=", ""]],
        ["reference", "in", sorted(set().union(*wanted))],
    ]
    rows = await client.search_read("sale.sale", domain, ["reference", "party", *FOUND_FIELDS])
    found = []
    for references, email in zip(wanted, emails, strict=True):
        same = [row for row in rows if row["reference"] in references]
        if email:
            same = [row for row in same if row["party"] in parties.get(email, {})]
        alive = [row for row in same if row["state"] != "cancelled"]
        ended = not alive
        found.append([structs.replace(found_of(row), ended=ended) for row in alive or same])
    return found


async def _by_web_id(client: TrytonClient, web_ids: Sequence[str]) -> dict[str, Found]:
    if not web_ids:
        return {}
    facts = await client.facts()
    domain = [["web_shop", "=", facts.shop], ["web_id", "in", list(web_ids)]]
    rows = await client.search_read("sale.sale", domain, ["web_id", *FOUND_FIELDS])
    return {row["web_id"]: found_of(row) for row in rows}


async def write_sales(client: TrytonClient, calls: Sequence[Call]) -> list[Outcome]:
    """Create or update; creates go out in one request, which Tryton takes or refuses whole.

    A refused request of many is sent again in halves, so creates go first: what was updated
    before a refusal would be taken for changed since.
    """
    creates = [call for call in calls if call.effect.operation is Operation.CREATE]
    made = iter(await _create(client, creates) if creates else ())
    return [next(made) if call in creates else await _update(client, call) for call in calls]


async def _create(client: TrytonClient, calls: Sequence[Call]) -> list[Outcome]:
    facts = await client.facts()
    units = await _units(client, calls)
    values = [
        {
            **_values(facts, call),
            "web_shop": facts.shop,
            "web_id": call.effect.body["web_id"],
            "lines": [["create", [new_line(line, units) for line in call.effect.body["lines"]]]],
        }
        for call in calls
    ]
    try:
        ids = await client.write("model.sale.sale.create", values)
    except Refused as error:
        if not is_duplicate(error) or len(calls) > 1:
            raise
        return [_adopted(found, error) for found in await find_sales(client, calls)]
    rows = await client.read("sale.sale", ids, FOUND_FIELDS)
    client.just_made.keep(
        ((call.transaction, one), rows[one]) for call, one in zip(calls, ids, strict=True)
    )
    return [Outcome(found=found_of(rows[one])) for one in ids]


def _adopted(found: Found | None, error: ConnectorError) -> Outcome:
    return Outcome(found=found) if found else Outcome(error=error)


async def _update(client: TrytonClient, call: Call) -> Outcome:
    facts = await client.facts()
    target = int(call.effect.target or call.given.get("sale", "0"))
    fields = [*FOUND_FIELDS, *_ADDRESSED, "comment", *_WRITERS, "_timestamp"]
    sale = (await client.read("sale.sale", [target], fields)).get(target)
    if sale is None:
        return Outcome(error=gone(target))
    is_adopted = bool(call.effect.match)
    if sale["state"] == "processing" and not is_adopted:
        outcome = await amend(client, sale, call)
        if outcome.error is not None:
            return outcome
        return Outcome(
            found=found_of((await client.read("sale.sale", [target], FOUND_FIELDS))[target])
        )
    if sale["state"] in CLOSED or sale["state"] == "cancelled":
        if is_adopted and _is_the_same(sale, call.effect.body):
            return Outcome(found=found_of(sale))
        what = "stands for another amount" if is_adopted else "was changed"
        return Outcome(error=closed(sale, what, total=call.effect.body["total"]))
    lines = await _lines(client, target)
    if not is_adopted and (somebody := _changed_by_others(facts, (sale, *lines))):
        return Outcome(
            error=WaitForPerson(
                f"sale {name_of(sale)} was changed in Tryton by {somebody}, and the shop's order"
                " was changed too; bring both together in Tryton, then skip or retry",
                code="ChangedAtDestination",
            )
        )
    units = await _units(client, [call])
    stamped = sale
    if sale["state"] != "draft":
        await _to_draft(client, sale)
        stamped = (await client.read("sale.sale", [target], ["_timestamp"]))[target]
        lines = await _lines(client, target)
    # Tryton lets nobody put a web id on a sale that was made without one: adopted sales stay so.
    values = {**_values(facts, call), "lines": edits_of(lines, call.effect.body["lines"], units)}
    # the edits are of these lines: they are not made if a request that nobody waits for any
    # longer, of ours maybe, writes the sale meanwhile
    await client.write(
        "model.sale.sale.write", [target], values, context=as_read("sale.sale", [stamped])
    )
    rows = await client.read("sale.sale", [target], FOUND_FIELDS)
    return Outcome(found=found_of(rows[target]))


async def _lines(client: TrytonClient, sale: int) -> list[dict[str, Any]]:
    fields = [*LINE_FIELDS, *_WRITERS]
    return await client.search_read(
        "sale.line", [["sale", "=", sale]], fields, order=[["id", "ASC"]]
    )


async def _to_draft(client: TrytonClient, sale: Mapping[str, Any]) -> None:
    """Open a sale for edits. Raises RetryLater if another hand has moved it since it was read."""
    try:
        # as it was read: late, it would open a sale again that was edited and confirmed since
        context = as_read("sale.sale", [sale])
        await client.write("model.sale.sale.draft", [sale["id"]], context=context)
    except Refused as error:
        if error.code != NOT_NOW:
            raise
        raise moved_meanwhile(f"sale {name_of(sale)} was moved on in Tryton just now") from None


def _changed_by_others(facts: Facts, rows: Sequence[Mapping[str, Any]]) -> str | None:
    """Return who wrote the sale or a line last, if it was not us.

    Who created a sale does not count once we have written it: it may be an adopted one.
    """
    for row in rows:
        # User 0 is Tryton itself, at work in a queue.
        who = "write_uid" if row["write_uid"] else "create_uid"
        if row[who] not in (None, 0, facts.user):
            return str((row.get(f"{who}.") or {}).get("rec_name") or f"user {row[who]}")
    return None


def _is_the_same(sale: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    """Tell whether a sale that can no longer be written stands for what the order does."""
    amount = sale["total_amount"] == Decimal(body["total"])
    return amount and str(sale["currency"]) == body["currency"] and sale["state"] in CLOSED


async def _units(client: TrytonClient, calls: Sequence[Call]) -> dict[int, int]:
    products = {int(line["product"]) for call in calls for line in call.effect.body["lines"]}
    rows = await client.read("product.product", sorted(products), ["sale_uom"])
    return {product: row["sale_uom"] for product, row in rows.items()}


def _values(facts: Facts, call: Call) -> dict[str, Any]:
    """Return the values of a sale but for its lines and what makes it once."""
    body = call.effect.body
    invoice, _, shipment = call.given["addresses"].partition("/")
    texts = {name: body[name] for name in ("reference", "comment") if name in body}
    return {
        **texts,
        "company": facts.company,
        "sale_date": date.fromisoformat(body["sale_date"]),
        "party": int(call.given["party"]),
        "invoice_address": int(invoice),
        "shipment_address": int(shipment or invoice),
        "warehouse": facts.warehouse,
        "currency": int(body["currency"]),
        # Shipping is a line of the order, as charged; Tryton must not add its own.
        "shipment_cost_method": None,
        "carrier": None,
    }
