"""Writing sales and moving them from state to state.

A sale is made once by Tryton itself: `web_shop` and `web_id` together are unique (a constraint of
the module web_shop), so a second create is refused and the first sale is adopted.
Must not: touch a sale that is being processed, or that somebody else has changed since.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from knect.sdk.contract import Call, Found, Operation, Outcome
from knect.sdk.errors import ConnectorError, Refused, WaitForPerson
from knect_connectors.tryton.client import Facts, TrytonClient
from knect_connectors.tryton.parties import by_email
from knect_connectors.tryton.plan import references_of
from knect_connectors.tryton.refusals import is_duplicate
from knect_connectors.tryton.web_lines import note_for
from knect_connectors.tryton.wire import money

__all__ = ["find_candidates", "find_sales", "find_states", "write_sales", "write_states"]

_ORDER = ("draft", "quotation", "confirmed", "processing", "done")
_CLOSED = frozenset({"processing", "done"})
_FOUND_FIELDS = ("number", "last_modified_at", "state", "total_amount", "currency")


async def find_sales(client: TrytonClient, calls: Sequence[Call]) -> list[Found | None]:
    """Return what each call made: the sale of a create by our external id.

    Of an update nothing is found: sending it once more brings the same content.
    """
    creates = [call for call in calls if call.effect.operation is Operation.CREATE]
    known = await _by_web_id(client, [call.effect.external_id for call in creates])
    # An adopted sale has no web id; an audit names the sale it was.
    named = {int(call.effect.target) for call in creates if call.effect.target}
    there = await client.read("sale.sale", sorted(named), _FOUND_FIELDS) if named else {}
    known |= {
        call.effect.external_id: _found(there[int(call.effect.target)])
        for call in creates
        if call.effect.target and int(call.effect.target) in there
    }
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
    rows = await client.search_read("sale.sale", domain, ["reference", "party", *_FOUND_FIELDS])
    found = []
    for references, email in zip(wanted, emails, strict=True):
        same = [row for row in rows if row["reference"] in references]
        if email:
            same = [row for row in same if row["party"] in parties.get(email, {})]
        alive = [row for row in same if row["state"] != "cancelled"]
        found.append([_found(row) for row in alive or same])
    return found


async def find_states(client: TrytonClient, calls: Sequence[Call]) -> list[Found | None]:
    """Return the sale of each call that is in the state asked for, or further."""
    targets = [int(call.effect.target or call.given["sale"]) for call in calls]
    sales = await client.read("sale.sale", targets, _FOUND_FIELDS)
    return [
        _found(sales[target])
        if target in sales and _has_reached(sales[target]["state"], call.effect.body["state"])
        else None
        for target, call in zip(targets, calls, strict=True)
    ]


async def _by_web_id(client: TrytonClient, web_ids: Sequence[str]) -> dict[str, Found]:
    if not web_ids:
        return {}
    facts = await client.facts()
    domain = [["web_shop", "=", facts.shop], ["web_id", "in", list(web_ids)]]
    rows = await client.search_read("sale.sale", domain, ["web_id", *_FOUND_FIELDS])
    return {row["web_id"]: _found(row) for row in rows}


def _found(row: Mapping[str, Any]) -> Found:
    changed = row["last_modified_at"]
    return Found(
        destination_id=str(row["id"]),
        number=row["number"],
        token=changed.isoformat(timespec="microseconds") if changed else None,
    )


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
    values = [_values(facts, call, units) for call in calls]
    try:
        ids = await client.write("model.sale.sale.create", values)
    except Refused as error:
        if not is_duplicate(error) or len(calls) > 1:
            raise
        return [_adopted(found, error) for found in await find_sales(client, calls)]
    rows = await client.read("sale.sale", ids, _FOUND_FIELDS)
    return [Outcome(found=_found(rows[one])) for one in ids]


def _adopted(found: Found | None, error: ConnectorError) -> Outcome:
    return Outcome(found=found) if found else Outcome(error=error)


async def _update(client: TrytonClient, call: Call) -> Outcome:
    facts = await client.facts()
    target = int(call.effect.target or call.given.get("sale", "0"))
    fields = [*_FOUND_FIELDS, "lines"]
    sale = (await client.read("sale.sale", [target], fields)).get(target)
    if sale is None:
        return Outcome(error=_gone(target))
    is_adopted = bool(call.effect.match)
    if sale["state"] in _CLOSED or sale["state"] == "cancelled":
        if is_adopted and _is_the_same(sale, call.effect.body):
            return Outcome(found=_found(sale))
        what = "stands for another amount" if is_adopted else "was changed"
        return Outcome(error=_closed(sale, what, total=call.effect.body["total"]))
    if not is_adopted and (somebody := await _changed_by_others(client, facts, sale)):
        return Outcome(
            error=WaitForPerson(
                f"sale {_name(sale)} was changed in Tryton by {somebody}, and the shop's order was"
                " changed too; bring both together in Tryton, then skip or retry",
                code="ChangedAtDestination",
            )
        )
    units = await _units(client, [call])
    values = _values(facts, call, units)
    values["lines"] = [["delete", sale["lines"]], *values["lines"]]
    # Tryton lets nobody put a web id on a sale that was made without one: adopted sales stay so.
    del values["web_shop"], values["web_id"]
    if sale["state"] != "draft":
        await client.write("model.sale.sale.draft", [target])
    await client.write("model.sale.sale.write", [target], values)
    rows = await client.read("sale.sale", [target], _FOUND_FIELDS)
    return Outcome(found=_found(rows[target]))


async def _changed_by_others(
    client: TrytonClient, facts: Facts, sale: Mapping[str, Any]
) -> str | None:
    """Return who wrote the sale or a line last, if it was not us.

    Who created a sale does not count once we have written it: it may be an adopted one.
    """
    fields = ["write_uid", "create_uid", "write_uid.rec_name", "create_uid.rec_name"]
    lines = await client.read("sale.line", sale["lines"], fields)
    sales = await client.read("sale.sale", [sale["id"]], fields)
    for row in (*sales.values(), *lines.values()):
        # User 0 is Tryton itself, at work in a queue.
        who = "write_uid" if row["write_uid"] else "create_uid"
        if row[who] not in (None, 0, facts.user):
            return str((row.get(f"{who}.") or {}).get("rec_name") or f"user {row[who]}")
    return None


def _is_the_same(sale: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    """Tell whether a sale that can no longer be written stands for what the order does."""
    amount = sale["total_amount"] == Decimal(body["total"])
    return amount and str(sale["currency"]) == body["currency"] and sale["state"] in _CLOSED


async def _units(client: TrytonClient, calls: Sequence[Call]) -> dict[int, int]:
    products = {int(line["product"]) for call in calls for line in call.effect.body["lines"]}
    rows = await client.read("product.product", sorted(products), ["sale_uom"])
    return {product: row["sale_uom"] for product, row in rows.items()}


def _values(facts: Facts, call: Call, units: Mapping[int, int]) -> dict[str, Any]:
    body = call.effect.body
    invoice, _, shipment = call.given["addresses"].partition("/")
    texts = {name: body[name] for name in ("reference", "comment") if name in body}
    return {
        **texts,
        "company": facts.company,
        "web_shop": facts.shop,
        "web_id": body["web_id"],
        "sale_date": date.fromisoformat(body["sale_date"]),
        "party": int(call.given["party"]),
        "invoice_address": int(invoice),
        "shipment_address": int(shipment or invoice),
        "warehouse": facts.warehouse,
        "currency": int(body["currency"]),
        # Shipping is a line of the order, as charged; Tryton must not add its own.
        "shipment_cost_method": None,
        "carrier": None,
        "lines": [["create", [_line_values(line, units) for line in body["lines"]]]],
    }


def _line_values(line: Mapping[str, Any], units: Mapping[int, int]) -> dict[str, Any]:
    product = int(line["product"])
    return {
        "product": product,
        "unit": units.get(product),
        "quantity": Decimal(line["quantity"]) + Decimal("0.0"),  # a float on Tryton's side
        "unit_price": money(Decimal(line["unit_price"])),
        "taxes": [["add", line["taxes"]]],
        "description": line["description"],
        "note": note_for(line["line"]),
    }


# ---------------------------------------------------------------- states


async def write_states(client: TrytonClient, calls: Sequence[Call]) -> list[Outcome]:
    """Move each sale to the state asked for, as far as it is not there yet."""
    await client.facts()
    targets = [int(call.effect.target or call.given["sale"]) for call in calls]
    sales = await client.read("sale.sale", targets, _FOUND_FIELDS)
    errors: dict[int, ConnectorError] = {}
    steps: dict[str, list[int]] = {"draft": [], "cancel": [], "quote": [], "confirm": []}
    for target, call in zip(targets, calls, strict=True):
        sale = sales.get(target)
        if sale is None and call.effect.body.get("deleted"):
            continue  # gone at both ends
        error = _gone(target) if sale is None else _obstacle(sale, call.effect.body)
        if error is not None:
            errors[target] = error
        elif sale is not None:
            for step in _steps(sale["state"], call.effect.body["state"]):
                steps[step].append(target)
    for step, ids in steps.items():
        if ids:
            await client.write(f"model.sale.sale.{step}", ids)
    after = await client.read("sale.sale", [t for t in targets if t not in errors], _FOUND_FIELDS)
    return [
        Outcome(error=errors[target])
        if target in errors
        else Outcome(
            found=_found(after[target]) if target in after else Found(destination_id=str(target))
        )
        for target in targets
    ]


def _steps(state: str, wanted: str) -> tuple[str, ...]:
    """Return the buttons to press, in the order in which `write_states` presses them."""
    match state, wanted:
        case "cancelled", "Cancelled":
            return ()
        case "confirmed", "Cancelled":
            return ("draft", "cancel")
        case _, "Cancelled":
            return ("cancel",)
        case "draft", "Quotation":
            return ("quote",)
        case "draft", "Confirmed":
            return ("quote", "confirm")
        case "quotation", "Confirmed":
            return ("confirm",)
        case _:
            return ()


def _has_reached(state: str, wanted: str) -> bool:
    if state == "cancelled" or wanted == "Cancelled":
        return (state == "cancelled") == (wanted == "Cancelled")
    return _ORDER.index(state) >= _ORDER.index(wanted.lower())


def _obstacle(sale: Mapping[str, Any], body: Mapping[str, Any]) -> ConnectorError | None:
    if body["state"] == "Cancelled":
        if sale["state"] in _CLOSED:
            return _closed(sale, "was deleted" if body.get("deleted") else "was cancelled")
        return None
    if sale["state"] == "cancelled":
        return _closed(sale, "is still valid")
    total, paid = sale["total_amount"], Decimal(body["total"])
    if total != paid:
        return Refused(
            f"Tryton makes sale {_name(sale)} a total of {total}, the order's total is {paid};"
            " a tax or price rule in Tryton changes what was sent",
            code="TotalsMismatch",
            path="total_amount",
            value=str(total),
        )
    return None


def _closed(sale: Mapping[str, Any], what: str, *, total: str | None = None) -> WaitForPerson:
    totals = f": its total is {sale['total_amount']} there and {total} in the shop" if total else ""
    return WaitForPerson(
        f"sale {_name(sale)} is {sale['state']} in Tryton and the shop's order {what}{totals};"
        " make the change in Tryton by hand, then skip this one",
        code="ChangedAtDestination",
        path="state",
        value=sale["state"],
    )


def _gone(target: int) -> WaitForPerson:
    return WaitForPerson(
        f"the sale with id {target} is no longer in Tryton; somebody deleted it",
        code="ChangedAtDestination",
    )


def _name(sale: Mapping[str, Any]) -> str:
    return str(sale["number"] or f"with id {sale['id']}")
