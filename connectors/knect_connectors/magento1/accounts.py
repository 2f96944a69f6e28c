"""Customers of the ERP to the shop: one per e-mail and website, and an address it lacks.

The shop refuses a second customer with an e-mail in one website, so what exists is found by it.
Only what differs is sent, compared as people would, so that nothing goes round in circles.
Must not: replace or delete an address, set a password, or move a customer to another website.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from knect.model import Address, Customer, Record
from knect.sdk.contract import Call, Delivery, Effect, Found, Operation, Outcome, Reference
from knect.sdk.errors import BadRecord, Refused, UnexpectedAnswer, WaitForPerson
from knect.sdk.parts import Part, Write, one_by_one
from knect_connectors.magento1.client import MagentoClient
from knect_connectors.magento1.listing import rows_of

__all__ = ["CUSTOMERS"]

_LIST, _INFO = "customer.list", "customer.info"
_CREATE, _UPDATE = "customer.create", "customer.update"
_ADDRESSES, _ADD = "customer_address.list", "customer_address.create"
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
                "website_id": str(settings.get("websiteId", 1)),
                "store_id": str(settings.get("storeId", 1)),
                "group_id": str(settings.get("groupId", 1)),
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
    condition = {"email": email, "website_id": body["website_id"]}
    rows = rows_of(client, _LIST, await client.read(_LIST, condition))
    same = [row for row in rows if _folded(row.get("email")) == _folded(email)]
    return same[0] if same else None


async def _find(client: MagentoClient, calls: Sequence[Call]) -> list[Found | None]:
    """Return the customers that are all they should be: one without the address is half done."""
    found: list[Found | None] = []
    for call in calls:
        row = await _by_email(client, call)
        is_done = row is not None and await _is_done(client, row, call.effect.body)
        found.append(_found(row["customer_id"], call) if row and is_done else None)
    return found


async def _is_done(client: MagentoClient, row: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    if _differs(row, body["values"]):
        return False
    if not body["address"]:
        return True
    wanted = _address(body["address"], body["values"])
    rows = await _addresses(client, str(row["customer_id"]))
    return any(_same_address(one, wanted) for one in rows)


def _found(identifier: Any, call: Call) -> Found:
    return Found(
        destination_id=str(identifier), number=call.effect.body["values"].get("email") or None
    )


async def _send(client: MagentoClient, call: Call) -> Outcome:
    body = call.effect.body
    identifier = call.effect.target
    if identifier is None:
        row = await _by_email(client, call)
        if row is None:
            more = {name: body[name] for name in ("website_id", "store_id", "group_id")}
            identifier = await _create(client, call, {**_given(body["values"]), **more})
        else:
            identifier = str(row["customer_id"])
            await _amend(client, identifier, row, body["values"])
    else:
        row = await client.read(_INFO, identifier)
        await _amend(client, identifier, row, body["values"])
    if body["address"]:
        await _add_address(client, identifier, body)
    return Outcome(found=_found(identifier, call))


async def _create(client: MagentoClient, call: Call, values: Mapping[str, str]) -> str:
    """Make a customer; one that came into being meanwhile is taken instead."""
    try:
        made = await client.write(_CREATE, values)
    except Refused:
        row = await _by_email(client, call)
        if row is None:
            raise
        return str(row["customer_id"])
    if not made:
        raise UnexpectedAnswer(f"{_CREATE} was answered without an id")
    return str(made)


def _given(values: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}


async def _amend(
    client: MagentoClient, identifier: str, row: Mapping[str, Any], values: Mapping[str, str]
) -> None:
    """Write what differs; nothing is emptied that the ERP does not know."""
    differs = _differs(row, values)
    if "email" in differs and row.get("email"):
        raise WaitForPerson(
            f"the ERP says the e-mail of customer {identifier} is another one now; the shop logs"
            " people in by it: change it there by hand, then skip this one",
            code="ChangedAtDestination",
            path="email",
        )
    if differs:
        await client.write(_UPDATE, identifier, differs)


def _differs(row: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in _given(values).items()
        if _folded(row.get(name)) != _folded(value)
    }


async def _addresses(client: MagentoClient, identifier: str) -> list[dict[str, Any]]:
    return rows_of(client, _ADDRESSES, await client.read(_ADDRESSES, identifier))


async def _add_address(client: MagentoClient, identifier: str, body: Mapping[str, Any]) -> None:
    wanted = _address(body["address"], body["values"])
    rows = await _addresses(client, identifier)
    if any(_same_address(row, wanted) for row in rows):
        return
    first = {"is_default_billing": not rows, "is_default_shipping": not rows}
    await client.write(_ADD, identifier, {**wanted, **first})


def _address(address: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    first, _, last = str(address.get("name") or "").strip().partition(" ")
    return {
        "firstname": first or values.get("firstname") or "-",
        "lastname": last or values.get("lastname") or "-",
        "company": address.get("company") or "",
        "street": [str(line) for line in address.get("street") or ()],
        "city": address.get("city") or "",
        "postcode": address.get("postal_code") or "",
        "region": address.get("region_name") or address.get("region") or "",
        "country_id": address.get("country") or "",
        "telephone": address.get("phone") or "-",
    }


def _same_address(row: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    street = row.get("street")
    lines = street if isinstance(street, list) else str(street or "").split("\n")
    names = ("firstname", "lastname", "company", "city", "postcode", "country_id")
    return [_folded(one) for one in lines if one] == [
        _folded(one) for one in wanted["street"]
    ] and (all(_folded(row.get(name)) == _folded(wanted[name]) for name in names))


def _folded(value: Any) -> str:
    return " ".join(str(value or "").split()).casefold()


CUSTOMERS = Part(
    rights=(_LIST, _INFO, _CREATE, _UPDATE, _ADDRESSES, _ADD),
    document=_document,
    references=_references,
    plan=_plan,
    writes={"customer": Write(send=one_by_one(_send), find=_find)},
)
