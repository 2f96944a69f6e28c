"""From a customer's document to the writes that make it. Pure.

    customer   find by our mark or by e-mail, else create; of one that is bound it is known
    details    name, address and e-mail as they are now

Must not: call the server, or hold anything that is not in the delivery.
"""

from base64 import b32encode
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

from knect.sdk.contract import Delivery, Effect, Operation
from knect.sdk.owned import require_owned
from knect_connectors.dynamics_gp import procedures
from knect_connectors.dynamics_gp.config import Config
from knect_connectors.dynamics_gp.fields import fit

__all__ = ["CUSTOMER_PATHS", "customer_effect", "phone_of", "plan_customer"]

#: Parameter -> field of the order or customer.
CUSTOMER_PATHS = {
    "CUSTNAME": "customer.name",
    "CNTCPRSN": "customer.name",
    "PHNUMBR1": "customer.phone",
    "ADDRESS1": "billing_address.street[0]",
    "ADDRESS2": "billing_address.street[1]",
    "ADDRESS3": "billing_address.street[2]",
    "CITY": "billing_address.city",
    "STATE": "billing_address.region",
    "ZIPCODE": "billing_address.postal_code",
    "COUNTRY": "billing_address.country",
}


def plan_customer(config: Config, delivery: Delivery) -> Sequence[Effect]:
    """Return the effects of a customer."""
    require_owned(delivery.document, "a customer", ("customer",))
    customer = customer_effect(config, delivery.document, fallback=delivery.external_id)
    details = Effect(
        name="details",
        write="details",
        entity="customers",
        operation=Operation.UPDATE,
        key=customer.key,
        external_id=delivery.external_id,
        body=customer.body,
        needs=() if delivery.bound else ("customer",),
        target=delivery.bound,
        primary=True,
    )
    # who is bound stays who it is, also under another e-mail, by which nobody would be found
    return (details,) if delivery.bound else (customer, details)


def customer_effect(config: Config, document: Mapping[str, Any], *, fallback: str) -> Effect:
    """Return the effect that finds or makes the customer; `fallback` identifies who is unknown."""
    party = document["customer"]
    email = str(party.get("email") or "")
    identity = email or str(party.get("identifier") or "") or fallback
    number = _number_of(config, identity)
    address = document.get("bill_to") or {}
    street = [*address.get("street", ()), "", "", ""]
    values = {
        "CUSTNMBR": number,
        "CUSTNAME": party["name"],
        "CUSTCLAS": config.customers.customerClass,
        "ADRSCODE": config.customers.addressCode,
        "CNTCPRSN": party.get("contact", ""),
        "ADDRESS1": street[0],
        "ADDRESS2": street[1],
        "ADDRESS3": street[2],
        "CITY": address.get("city", ""),
        "STATE": address.get("region", ""),
        "ZIPCODE": address.get("postal_code", ""),
        "COUNTRY": address.get("country", ""),
        "PHNUMBR1": phone_of(party.get("phone", "")),
        "UseCustomerClass": int(bool(config.customers.customerClass)),
        "CreateAddress": 1,
        "UpdateIfExists": 0,
    }
    replace = config.characters == "Replace"
    internet = {
        "Master_Type": "CUS",
        "Master_ID": number,
        "ADRSCODE": config.customers.addressCode,
        "INET1": email,
    }
    return Effect(
        name="customer",
        write="customer",
        entity="customers",
        operation=Operation.ENSURE,
        key=identity,
        external_id=f"customer:{number}",
        body={
            "customer": fit(procedures.CUSTOMER, values, CUSTOMER_PATHS, replace=replace),
            "internet": fit(procedures.INTERNET_ADDRESS, internet, {"INET1": "customer.email"}),
            "email": email,
        },
    )


def _number_of(config: Config, identity: str) -> str:
    """Return the number of who is identified so: the same for all time, whoever asks first."""
    digest = b32encode(blake2b(identity.encode(), digest_size=10).digest()).decode()
    return f"{config.customers.prefix}{digest}"[:15]


def phone_of(number: str) -> str:
    """Return a phone number without double blanks."""
    return " ".join(number.split())
