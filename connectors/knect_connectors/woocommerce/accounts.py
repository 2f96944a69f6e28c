"""Customers of the ERP to the shop: one account per e-mail, its names and one of its addresses.

The shop refuses a second account with an e-mail, so what exists is found by it. An account has one
address to bill and one to ship to: the ERP's takes its place as a whole, for two that are mixed are
neither. Only what differs is sent, compared as people would.
Must not: set a password, change the e-mail people log in by, or empty what the ERP does not know.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from knect.model import Address, Customer, Record
from knect.sdk.contract import Call, Delivery, Effect, Found, Operation, Outcome, Reference
from knect.sdk.errors import BadRecord, Refused, WaitForPerson
from knect.sdk.parts import Part, Write, one_by_one
from knect_connectors.woocommerce.client import Row, WooClient

__all__ = ["CUSTOMERS"]

_CUSTOMER = "/customers/{id}"
_EXISTS = "registration-error-email-exists"
_NAMES = {"firstName": "first_name", "lastName": "last_name"}
#: Setting -> which of an account's addresses are the ERP's.
_PLACES = {
    "Billing": ("billing",),
    "Shipping": ("shipping",),
    "Both": ("billing", "shipping"),
}


def _document(record: Record, settings: Mapping[str, Any]) -> dict[str, Any]:
    del settings
    assert isinstance(record, Customer)
    address = record.default_address or next(iter(record.addresses), None)
    found: dict[str, Any] = {
        "firstName": record.first_name,
        "lastName": record.last_name,
        "email": record.email,
        "phone": record.phone,
    }
    if address is not None:
        found["address"] = _plain(address, record)
    return found


def _plain(address: Address, record: Customer) -> dict[str, Any]:
    street = [*address.street, "", ""]
    return {
        "company": address.company or record.company or "",
        "address_1": street[0],
        "address_2": ", ".join(filter(None, street[1:])),
        "city": address.city or "",
        "state": address.region or address.region_name or "",
        "postcode": address.postal_code or "",
        "country": address.country or "",
    }


def _references(record: Record) -> Sequence[Reference]:
    del record
    return ()


def _plan(delivery: Delivery) -> Sequence[Effect]:
    document = delivery.document
    email = str(document.get("email") or "").strip()
    if delivery.bound is None and "@" not in email:
        raise BadRecord(
            f"customer {delivery.record.source_id} has no e-mail; the shop knows people by it",
            path="email",
            value=email,
        )
    names = {theirs: str(document.get(ours) or "") for ours, theirs in _NAMES.items()}
    return (
        Effect(
            name="customer",
            write="customer",
            entity="customers",
            operation=Operation.UPDATE if delivery.bound else Operation.ENSURE,
            key=email.casefold() or str(delivery.bound),
            external_id=delivery.external_id,
            body={
                "email": email,
                "names": {name: one for name, one in names.items() if one},
                "phone": str(document.get("phone") or ""),
                "address": document.get("address"),
                "places": _PLACES[str(delivery.settings.get("address", "Billing"))],
            },
            target=delivery.bound,
            primary=True,
        ),
    )


# ---------------------------------------------------------------- at the shop


async def _there(client: WooClient, call: Call) -> Row | None:
    """Return the account that is meant. Raises WaitForPerson where one that was there is gone."""
    target, email = call.effect.target, call.effect.body["email"]
    if target is not None:
        row = await client.get(f"/customers/{target}", template=_CUSTOMER)
        if row is None:
            raise WaitForPerson(
                f"the shop no longer has the account {target}",
                code="ChangedAtDestination",
                value=target,
            )
        return row
    asked = {"email": email, "role": "all", "per_page": "10"}
    rows = (await client.page("/customers", asked)).rows
    return next((row for row in rows if _folded(row.get("email")) == _folded(email)), None)


def _wanted(body: Mapping[str, Any]) -> Row:
    """Return what an account should have, as far as the document says."""
    wanted: Row = dict(body["names"])
    for place in body["places"]:
        lines: Row = dict(body["address"] or {})
        if lines or place == "billing":
            lines |= body["names"] if lines else {}
            lines |= {"phone": body["phone"]} if body["phone"] else {}
        if lines:
            wanted[place] = lines
    return wanted


def _differences(row: Mapping[str, Any], body: Mapping[str, Any]) -> Row:
    changes: Row = {}
    for name, value in _wanted(body).items():
        if not isinstance(value, Mapping):
            changes |= {name: value} if _folded(row.get(name)) != _folded(value) else {}
            continue
        there = row.get(name) or {}
        if any(_folded(there.get(part)) != _folded(one) for part, one in value.items()):
            changes[name] = value
    return changes


async def _send(client: WooClient, call: Call) -> Outcome:
    body = call.effect.body
    row = await _there(client, call)
    if row is None:
        row = await _register(client, call)
    _require_same_email(row, body)
    if changes := _differences(row, body):
        path = f"/customers/{row['id']}"
        row = await client.write("PUT", path, changes, template=_CUSTOMER)
    return Outcome(found=_found(row))


async def _register(client: WooClient, call: Call) -> Row:
    """Make an account; one that came into being meanwhile is taken instead."""
    body = call.effect.body
    wanted = _wanted(body)
    billing = {**wanted.get("billing", {}), "email": body["email"]}
    try:
        return await client.write(
            "POST",
            "/customers",
            {**wanted, "email": body["email"], "billing": billing},
            template="/customers",
        )
    except Refused as error:
        row = await _there(client, call) if error.code == _EXISTS else None
        if row is None:
            raise
        return row


def _require_same_email(row: Mapping[str, Any], body: Mapping[str, Any]) -> None:
    if body["email"] and _folded(row.get("email")) != _folded(body["email"]):
        raise WaitForPerson(
            f"the ERP says the e-mail of account {row['id']} is another one now; the shop logs"
            " people in by it: change it there by hand, then skip this one",
            code="ChangedAtDestination",
            path="email",
        )


async def _find(client: WooClient, calls: Sequence[Call]) -> list[Found | None]:
    found: list[Found | None] = []
    for call in calls:
        row = await _there(client, call)
        is_so = row is not None and not _differences(row, call.effect.body)
        found.append(_found(row) if row is not None and is_so else None)
    return found


def _found(row: Mapping[str, Any]) -> Found:
    return Found(destination_id=str(row["id"]), number=str(row.get("email") or "") or None)


def _folded(value: Any) -> str:
    return " ".join(str(value or "").split()).casefold()


CUSTOMERS = Part(
    rights=("/customers",),
    document=_document,
    references=_references,
    plan=_plan,
    writes={"customer": Write(send=one_by_one(_send), find=_find)},
)
