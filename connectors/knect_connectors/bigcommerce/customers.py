"""Customers of the ERP: the fields this pipeline owns, and nothing else.

The e-mail is the store's own key: it refuses a second customer with it. Must not: change the e-mail
of a customer, who logs in by it; replace or remove an address; or send what is the same already.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from knect.model import Address, Customer, Record
from knect.sdk.contract import Call, Delivery, Effect, Found, Operation, Outcome, Reference
from knect.sdk.errors import BadRecord, Refused, UnexpectedAnswer, WaitForPerson
from knect.sdk.parts import Part, Write, one_by_one
from knect_connectors.bigcommerce.client import BigCommerceClient
from knect_connectors.bigcommerce.listing import CUSTOMERS as LIST
from knect_connectors.bigcommerce.listing import Row, all_of, mark_of
from knect_connectors.bigcommerce.payload import token_of

__all__ = ["CUSTOMERS"]

_ADDRESSES = "/v3/customers/addresses"
#: Field of the document -> the store's.
_FIELDS = {
    "firstName": "first_name",
    "lastName": "last_name",
    "company": "company",
    "phone": "phone",
    "note": "notes",
}
_NAMES = ("first_name", "last_name")
#: The store wants these named, and takes them empty where a country has none.
_NAMED = ("state_or_province", "postal_code")
_ADDRESS = ("company", "address1", "address2", "city", "state_or_province", "postal_code",
            "country_code")  # fmt: skip


def _document(record: Record, settings: Mapping[str, Any]) -> dict[str, Any]:
    del settings
    assert isinstance(record, Customer)
    address = record.default_address or next(iter(record.addresses), None)
    return {
        "email": record.email,
        "firstName": record.first_name,
        "lastName": record.last_name,
        "company": record.company,
        "phone": record.phone,
        "note": None,  # where a pipeline maps it
        "address": _address(record, address) if address else None,
    }


def _address(record: Customer, address: Address) -> dict[str, Any]:
    first, _, last = (address.name or "").rpartition(" ")
    street = [*address.street, "", ""]
    return {
        "first_name": first or record.first_name or last,
        "last_name": (last if address.name else record.last_name) or record.last_name,
        "company": address.company,
        "address1": street[0] or None,
        "address2": " ".join(filter(None, street[1:])) or None,
        "city": address.city,
        "state_or_province": address.region_name or address.region,
        "postal_code": address.postal_code,
        "country_code": address.country,
        "phone": address.phone,
    }


def _references(record: Record) -> Sequence[Reference]:
    del record
    return ()


def _plan(delivery: Delivery) -> Sequence[Effect]:
    body = {name: value for name, value in delivery.document.items() if value is not None}
    if not body or (delivery.bound is None and not body.get("email")):
        return ()  # nothing to find the customer by
    return (
        Effect(
            name="customer",
            write="customer",
            entity="customers",
            operation=Operation.UPDATE if delivery.bound else Operation.CREATE,
            key=str(delivery.bound or body["email"]).lower(),
            external_id=delivery.external_id,
            body=body,
            target=delivery.bound,
            primary=True,
        ),
    )


# ---------------------------------------------------------------- at the store


async def _asked(client: BigCommerceClient, params: Mapping[str, str]) -> list[Row]:
    more = {**params, "include": "addresses"}
    return await all_of(client, LIST.path, params=more) or []


async def _there(client: BigCommerceClient, call: Call) -> Row | None:
    """Return the customer a call is about: the one it names, or the one with its e-mail."""
    if call.effect.target is not None:
        rows = await _asked(client, {"id:in": call.effect.target})
        return next((row for row in rows if str(row["id"]) == call.effect.target), None)
    email = str(call.effect.body["email"])
    rows = await _asked(client, {"email:in": email})
    same = [row for row in rows if str(row.get("email")).casefold() == email.casefold()]
    if len(same) > 1:  # each storefront may have its own account
        raise WaitForPerson(
            f"the store has {len(same)} customers with the e-mail {email}; merge them, then retry",
            code="AmbiguousMatch",
            path="email",
            value=email,
        )
    return same[0] if same else None


async def _find(client: BigCommerceClient, calls: Sequence[Call]) -> list[Found | None]:
    """Return the customers that are all they should be: one without the address is half done."""
    found: list[Found | None] = []
    for call in calls:
        row = await _there(client, call)
        is_done = row is not None and not _changes(row, call) and not _lacks(row, call)
        found.append(_found(row) if row is not None and is_done else None)
    return found


async def _write(client: BigCommerceClient, call: Call) -> Outcome:
    row = before = await _there(client, call)
    if row is None:
        if call.effect.target is not None:
            raise WaitForPerson(
                f"the customer {call.effect.target} is no longer in the store; somebody deleted it",
                code="ChangedAtDestination",
                value=call.effect.target,
            )
        row, before = await _make_or_meet(client, call)
    if before is not None and (changed := _changes(before, call)):
        body = [{"id": before["id"], **changed}]
        await client.write("PUT", LIST.path, json=body)
    if (address := _lacks(row, call)) is not None:
        await client.write("POST", _ADDRESSES, json=[{"customer_id": row["id"], **address}])
    # one that was made just now may not be in the list yet
    now = next(iter(await _asked(client, {"id:in": str(row["id"])})), row)
    return Outcome(found=_found(now, before))


async def _make_or_meet(client: BigCommerceClient, call: Call) -> tuple[Row, Row | None]:
    """Return the customer, and what was there before; refused, it may be there since we looked."""
    try:
        return await _make(client, call), None
    except Refused:
        row = await _there(client, call)
        if row is None:
            raise
        return row, row


async def _make(client: BigCommerceClient, call: Call) -> Row:
    given = {
        theirs: str(call.effect.body[ours])
        for ours, theirs in _FIELDS.items()
        if call.effect.body.get(ours)
    }
    for name in _NAMES:
        if not given.get(name):
            raise BadRecord(
                f"the store takes no customer without {name.replace('_', ' ')}; map it",
                path="firstName" if name == "first_name" else "lastName",
            )
    body = {"email": call.effect.body["email"], **given}
    response = await client.write("POST", LIST.path, json=[body])
    rows = response.data.get("data") if isinstance(response.data, dict) else None
    if not rows or not rows[0].get("id"):
        raise UnexpectedAnswer("a customer was made, and answered without an id")
    made: Row = {"addresses": [], **rows[0]}
    return made


def _changes(row: Row, call: Call) -> dict[str, Any]:
    """Return what differs. Raises WaitForPerson for another e-mail."""
    body = call.effect.body
    email = body.get("email")
    if email and str(row.get("email")).casefold() != str(email).casefold():
        raise WaitForPerson(
            f"customer {row['id']} logs in as {row.get('email')}, and the ERP says {email}: change"
            " it in the store if the customer asked for it, then retry",
            code="ChangedAtDestination",
            path="email",
            value=email,
        )
    return {
        theirs: str(body[ours])
        for ours, theirs in _FIELDS.items()
        if body.get(ours) and str(body[ours]) != str(row.get(theirs) or "")
    }


def _lacks(row: Row, call: Call) -> dict[str, Any] | None:
    """Return the address if the customer has none like it."""
    address = call.effect.body.get("address")
    if not address:
        return None
    wanted = {name: str(value) for name, value in address.items() if value}
    if any(_same(wanted, one) for one in row.get("addresses") or ()):
        return None
    return {**dict.fromkeys(_NAMED, ""), **wanted}


def _same(wanted: Mapping[str, Any], there: Mapping[str, Any]) -> bool:
    return _name(wanted) == _name(there) and all(
        _folded(wanted.get(name)) == _folded(there.get(name)) for name in _ADDRESS
    )


def _name(address: Mapping[str, Any]) -> str:
    return _folded(" ".join(str(address.get(name) or "") for name in _NAMES))


def _folded(value: Any) -> str:
    return " ".join(str(value or "").split()).casefold()


def _found(row: Row, before: Row | None = None) -> Found:
    return Found(
        destination_id=str(row["id"]),
        token=token_of(mark_of(row)),
        over=token_of(mark_of(before or row)),
    )


CUSTOMERS = Part(
    rights=("Customers",),
    document=_document,
    references=_references,
    plan=_plan,
    writes={"customer": Write(send=one_by_one(_write), find=_find)},
)
