"""Customers of the ERP: the fields this pipeline owns, and nothing else.

Must not: send a list of addresses (the platform deletes what a list leaves out); a new address is
added, an old one left. Nor send what is the same already: that would only come back.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from knect.model import Address, Customer, Record
from knect.sdk.contract import Call, Delivery, Effect, Found, Operation, Outcome, Reference
from knect.sdk.errors import ConnectorError, Refused, WaitForPerson
from knect.sdk.parts import Part, Write
from knect_connectors.shopify import order_queries as q
from knect_connectors.shopify.client import ShopifyClient
from knect_connectors.shopify.entities import token_of
from knect_connectors.shopify.payload import read_instant

__all__ = ["CUSTOMERS"]

_ADDRESS = ("firstName", "lastName", "company", "address1", "address2", "city", "zip")
_CODES = ("provinceCode", "countryCode")


def _document(record: Record, settings: Mapping[str, Any]) -> dict[str, Any]:
    del settings
    assert isinstance(record, Customer)
    address = record.default_address or next(iter(record.addresses), None)
    return {
        "firstName": record.first_name,
        "lastName": record.last_name,
        "email": record.email,
        "phone": record.phone,
        "address": _address(record, address) if address else None,
    }


def _address(record: Customer, address: Address) -> dict[str, Any]:
    first, _, last = (address.name or "").rpartition(" ")
    named = {"firstName": first or None, "lastName": last or None} if address.name else {}
    street = [*address.street, "", ""]
    return {
        "firstName": record.first_name,
        "lastName": record.last_name,
        **named,
        "company": address.company,
        "address1": street[0] or None,
        "address2": " ".join(filter(None, street[1:])) or None,
        "city": address.city,
        "zip": address.postal_code,
        "provinceCode": address.region,
        "countryCode": address.country,
    }


def _references(record: Record) -> Sequence[Reference]:
    del record
    return ()


def _plan(delivery: Delivery) -> Sequence[Effect]:
    body = {name: value for name, value in delivery.document.items() if value is not None}
    if not body or (delivery.bound is None and not body.get("email")):
        return ()  # nothing to find the customer by
    customer = Effect(
        name="customer",
        write="customer",
        entity="customers",
        operation=Operation.UPDATE if delivery.bound else Operation.CREATE,
        key=str(delivery.bound or body["email"]).lower(),
        external_id=delivery.external_id,
        body=body,
        target=delivery.bound,
        primary=True,
    )
    return (customer,)


async def _find(client: ShopifyClient, calls: Sequence[Call]) -> list[Found | None]:
    """Return the customers that are all they should be: one without the address is half done."""
    found: list[Found | None] = []
    for call in calls:
        body, there = call.effect.body, None
        if call.effect.target is None:  # else sending once more brings the same
            there = await _by_email(client, body["email"])
        if there is None or _changes(there, body) or _lacks_address(there, body):
            found.append(None)
        else:
            found.append(Found(destination_id=str(there["id"]), token=_token(there)))
    return found


def _lacks_address(there: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    address = body.get("address")
    if not address:
        return False
    return not any(_same(address, one) for one in there["addressesV2"]["nodes"])


async def _send(client: ShopifyClient, calls: Sequence[Call]) -> list[Outcome]:
    """Bring each customer to the body's content."""
    outcomes = []
    for call in calls:
        try:
            outcomes.append(Outcome(found=await _write(client, call)))
        except (Refused, WaitForPerson) as error:
            outcomes.append(Outcome(error=error))
    return outcomes


async def _write(client: ShopifyClient, call: Call) -> Found:
    body, target = call.effect.body, call.effect.target
    over = None
    if target is None:
        there = await _by_email(client, body["email"])
        if there is None:
            there = await _state(client, await _set(client, body))
        else:
            over = _token(there)
        target = str(there["id"])
    else:
        there = await _state(client, target)
        over = _token(there)
    changed = _changes(there, body)
    if changed:
        data = await client.write(
            q.CUSTOMER_UPDATE, operation="CustomerUpdate", input={"id": target, **changed}
        )
        _check(data.get("customerUpdate") or {}, body)
    if _lacks_address(there, body):
        address = body["address"]
        data = await client.write(
            q.CUSTOMER_ADDRESS_CREATE,
            operation="CustomerAddressCreate",
            id=target,
            address={name: value for name, value in address.items() if value},
            isDefault=True,
        )
        _check(data.get("customerAddressCreate") or {}, body)
        changed = {"address": address}
    if changed:
        there = await _state(client, target)
    return Found(destination_id=target, token=_token(there), over=over)


async def _state(client: ShopifyClient, target: str) -> dict[str, Any]:
    data = await client.read(q.CUSTOMER_STATE, operation="CustomerState", id=target)
    there: dict[str, Any] | None = data.get("customer")
    if there is None:
        raise WaitForPerson(
            f"the customer {target} is no longer in the shop; somebody deleted it",
            code="ChangedAtDestination",
        )
    return there


async def _by_email(client: ShopifyClient, email: str) -> dict[str, Any] | None:
    data = await client.read(q.CUSTOMER_BY_EMAIL, operation="CustomerByEmail", email=email)
    there: dict[str, Any] | None = data.get("customer")
    return there


def _token(there: Mapping[str, Any]) -> str:
    return token_of(read_instant(there["updatedAt"]))


async def _set(client: ShopifyClient, body: Mapping[str, Any]) -> str:
    """Make the customer, or find the one made meanwhile; one call that may be repeated."""
    given = {name: body[name] for name in ("firstName", "lastName", "phone") if body.get(name)}
    data = await client.write(
        q.CUSTOMER_SET,
        operation="CustomerSet",
        input={"email": body["email"], **given},
        identifier={"email": body["email"]},
    )
    payload = data.get("customerSet") or {}
    _check(payload, body)
    return str(payload["customer"]["id"])


def _changes(there: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """Return what differs, compared as people would: one name, one e-mail, one number."""
    email = (there["defaultEmailAddress"] or {}).get("emailAddress") or ""
    phone = (there["defaultPhoneNumber"] or {}).get("phoneNumber") or ""
    changed: dict[str, Any] = {}
    names = {name: body[name] for name in ("firstName", "lastName") if name in body}
    if names and _joined(names) != _joined(there):
        changed |= names
    if "email" in body and body["email"].lower() != email.lower():
        changed["email"] = body["email"]
    if "phone" in body and _digits(body["phone"]) != _digits(phone):
        changed["phone"] = body["phone"]
    return changed


def _joined(names: Mapping[str, Any]) -> str:
    return " ".join(" ".join(str(names.get(n) or "") for n in ("firstName", "lastName")).split())


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


def _same(wanted: Mapping[str, Any], there: Mapping[str, Any]) -> bool:
    ours = [_joined(wanted), *(str(wanted.get(name) or "") for name in _ADDRESS[2:])]
    theirs = [_joined(there), *(str(there.get(name) or "") for name in _ADDRESS[2:])]
    codes = [wanted.get(name) or "" for name in _CODES]
    return ours == theirs and codes == [
        there["provinceCode"] or "",
        there["countryCodeV2"] or "",
    ]


def _check(payload: Mapping[str, Any], body: Mapping[str, Any]) -> None:
    words = [str(error.get("message")) for error in payload.get("userErrors") or ()]
    if not words:
        return
    said = "; ".join(words)
    error: type[ConnectorError] = Refused
    code, path, value = None, None, None
    if "taken" in said:
        error, code, path, value = WaitForPerson, "AmbiguousMatch", "email", body.get("email")
        said += "; merge the two customers in the shop, then retry"
    raise error(f"Shopify does not take the customer: {said}", code=code, path=path, value=value)


CUSTOMERS = Part(
    document=_document,
    references=_references,
    plan=_plan,
    writes={"customer": Write(send=_send, find=_find)},
    rights=("write_customers",),
)
