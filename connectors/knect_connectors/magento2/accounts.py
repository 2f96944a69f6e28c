"""Customers of the ERP to the shop: one per e-mail and website, and an address it lacks.

The shop refuses a second customer with an e-mail in one website, so what exists is found by it.
Only what differs is sent, compared as people would, so that nothing goes round in circles. A
customer is saved with the whole list of addresses: what is not in it would be deleted.
Must not: replace or delete an address, set a password, or move a customer to another website.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from knect.model import Address, Customer, Record
from knect.sdk.contract import Call, Delivery, Effect, Found, Operation, Outcome, Reference
from knect.sdk.errors import BadRecord, Refused, UnexpectedAnswer, WaitForPerson
from knect.sdk.parts import Part, Write, one_by_one
from knect_connectors.magento2.client import MagentoClient
from knect_connectors.magento2.search import Filter

__all__ = ["CUSTOMERS"]

_PATH, _SEARCH = "customers", "customers/search"
_FIELDS = {"firstName": "firstname", "lastName": "lastname", "email": "email", "taxId": "taxvat"}


def _document(record: Record, settings: Mapping[str, Any]) -> dict[str, Any]:
    del settings
    assert isinstance(record, Customer)
    address = record.default_address or next(iter(record.addresses), None)
    found: dict[str, Any] = {
        "firstName": record.first_name,
        "lastName": record.last_name,
        "email": record.email,
        "taxId": record.tax_id,
    }
    if address is not None:
        found["address"] = _plain(address)
    return found


def _plain(address: Address) -> dict[str, Any]:
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name in address.__struct_fields__
        if (value := getattr(address, name))
    }


def _references(record: Record) -> Sequence[Reference]:
    del record
    return ()


def _plan(delivery: Delivery) -> Sequence[Effect]:
    document, settings = delivery.document, delivery.settings
    email = str(document.get("email") or "")
    if delivery.bound is None and "@" not in email:
        raise BadRecord(
            f"customer {delivery.record.source_id} has no e-mail; the shop knows customers by it",
            path="email",
            value=email,
        )
    return (
        Effect(
            name="customer",
            write="customer",
            entity="customers",
            operation=Operation.UPDATE if delivery.bound else Operation.ENSURE,
            key=email.casefold() or str(delivery.bound),
            external_id=delivery.external_id,
            body={
                "values": {
                    theirs: str(document[ours] or "")
                    for ours, theirs in _FIELDS.items()
                    if ours in document
                },
                "address": document.get("address"),
                "website_id": int(settings.get("websiteId", 1)),
                "store_id": int(settings.get("storeId", 1)),
                "group_id": int(settings.get("groupId", 1)),
            },
            target=delivery.bound,
            primary=True,
        ),
    )


# ---------------------------------------------------------------- at the shop


async def _by_email(client: MagentoClient, call: Call) -> dict[str, Any] | None:
    body = call.effect.body
    email = body["values"].get("email")
    if not email:
        return None
    groups = [
        [Filter(field="email", value=email)],
        [Filter(field="website_id", value=str(body["website_id"]))],
    ]
    rows, _ = await client.search(_SEARCH, groups, size=10)
    same = [row for row in rows if _folded(row.get("email")) == _folded(email)]
    return same[0] if same else None


async def _find(client: MagentoClient, calls: Sequence[Call]) -> list[Found | None]:
    """Return the customers that are all they should be: one without the address is half done."""
    found: list[Found | None] = []
    for call in calls:
        row = await _by_email(client, call)
        is_done = row is not None and not _lacks(row, call.effect.body)
        found.append(_found(row["id"], call) if row and is_done else None)
    return found


def _found(identifier: Any, call: Call) -> Found:
    return Found(
        destination_id=str(identifier), number=call.effect.body["values"].get("email") or None
    )


def _lacks(row: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is to be written so that a customer is as told; nothing is ever emptied."""
    differs: dict[str, Any] = {
        name: value
        for name, value in body["values"].items()
        if value and _folded(row.get(name)) != _folded(value)
    }
    if body["address"]:
        addresses = [one for one in row.get("addresses") or () if isinstance(one, Mapping)]
        wanted = _address(body["address"], body["values"])
        if not any(_same_address(one, wanted) for one in addresses):
            first = {"default_billing": True, "default_shipping": True} if not addresses else {}
            differs["addresses"] = [*addresses, {**wanted, **first}]
    return differs


async def _send(client: MagentoClient, call: Call) -> Outcome:
    body = call.effect.body
    row: dict[str, Any] | None
    if call.effect.target is None:
        row = await _by_email(client, call)
        if row is None:
            return Outcome(found=_found(await _create(client, call), call))
    else:
        rows = await client.by_ids(_SEARCH, "entity_id", [call.effect.target])
        row = rows[0] if rows else None
        if row is None:
            raise WaitForPerson(
                f"the shop no longer has the customer {call.effect.target}",
                code="ChangedAtDestination",
                value=call.effect.target,
            )
    await _amend(client, row, _lacks(row, body))
    return Outcome(found=_found(row["id"], call))


async def _create(client: MagentoClient, call: Call) -> str:
    """Make a customer with its address; one that came into being meanwhile is taken instead."""
    body = call.effect.body
    blank = {"firstname": "-", "lastname": "-"}
    values = {name: value for name, value in body["values"].items() if value}
    more = {name: body[name] for name in ("website_id", "store_id", "group_id")}
    customer: dict[str, Any] = {**blank, **values, **more}
    customer |= {k: v for k, v in _lacks({}, body).items() if k == "addresses"}
    try:
        made = await client.write("POST", _PATH, {"customer": customer})
    except Refused:
        row = await _by_email(client, call)
        if row is None:
            raise
        await _amend(client, row, _lacks(row, body))
        return str(row["id"])
    if not isinstance(made, Mapping) or not made.get("id"):
        raise UnexpectedAnswer(f"POST {_PATH} was answered without an id")
    return str(made["id"])


async def _amend(client: MagentoClient, row: Mapping[str, Any], differs: Mapping[str, Any]) -> None:
    identifier = row["id"]
    if "email" in differs:
        raise WaitForPerson(
            f"the ERP says the e-mail of customer {identifier} is another one now; the shop logs"
            " people in by it: change it there by hand, then skip this one",
            code="ChangedAtDestination",
            path="email",
        )
    if differs:
        # what is left out of a customer that is saved would be emptied
        kept = {
            name: value
            for name, value in row.items()
            if name not in ("created_at", "updated_at", "created_in")
        }
        await client.write(
            "PUT",
            f"{_PATH}/{identifier}",
            {"customer": {**kept, **differs}},
            template=f"{_PATH}/{{id}}",
        )


def _address(address: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    first, _, last = str(address.get("name") or "").strip().partition(" ")
    found = {
        "firstname": first or values.get("firstname") or "-",
        "lastname": last or values.get("lastname") or "-",
        "company": address.get("company") or "",
        "street": [str(line) for line in address.get("street") or ()] or ["-"],
        "city": address.get("city") or "-",
        "postcode": address.get("postal_code") or "",
        "country_id": address.get("country") or "",
        "telephone": address.get("phone") or "-",
    }
    if region := address.get("region_name") or address.get("region"):
        found["region"] = {
            "region": region,
            "region_code": address.get("region") or region,
            "region_id": 0,
        }
    return found


def _same_address(row: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    names = ("firstname", "lastname", "company", "city", "postcode", "country_id")
    streets = ([_folded(one) for one in of.get("street") or () if one] for of in (row, wanted))
    return next(streets) == next(streets) and all(
        _folded(row.get(name)) == _folded(wanted[name]) for name in names
    )


def _folded(value: Any) -> str:
    return " ".join(str(value or "").split()).casefold()


CUSTOMERS = Part(
    document=_document,
    references=_references,
    plan=_plan,
    writes={"customer": Write(send=one_by_one(_send), find=_find)},
)
