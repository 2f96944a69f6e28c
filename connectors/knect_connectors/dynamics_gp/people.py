"""Reading customers: master, addresses and e-mail, which GP stamps apart.

Must not: write; `customers` does that.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from knect.model import Address, Customer
from knect_connectors.dynamics_gp.client import GpClient
from knect_connectors.dynamics_gp.fields import at_of, plain, text
from knect_connectors.dynamics_gp.listed import Listed, Loaded, by_key

__all__ = ["CUSTOMERS"]


async def _load(client: GpClient, numbers: Sequence[str]) -> Loaded:
    rows = await client.by_keys("customers", numbers)
    addresses = by_key(await client.by_keys("addresses", numbers), "CUSTNMBR")
    stamps = await client.by_keys("customer_stamps", numbers)
    times = {text(row["CUSTNMBR"]): at_of(row["changed"]) for row in stamps}
    found = {}
    for row in rows:
        raw = plain(row)
        raw.pop("changed")
        raw["addresses"] = addresses.get(raw["CUSTNMBR"], [])
        found[raw["CUSTNMBR"]] = (times[raw["CUSTNMBR"]], raw)
    return found


def _customer(client: GpClient, raw: dict[str, Any]) -> Customer:
    del client
    rows = raw["addresses"]
    main = next((one for one in rows if one["ADRSCODE"] == raw["ADRSCODE"]), None)
    emails = [one["INET1"] for one in [*([main] if main else []), *rows] if one["INET1"]]
    contact = raw["CNTCPRSN"]
    created = raw["CREATDDT"]
    return Customer(
        source_id=raw["CUSTNMBR"],
        email=emails[0] if emails else None,
        phone=raw["PHONE1"] or None,
        last_name=contact or raw["CUSTNAME"],
        company=raw["CUSTNAME"] if contact else None,
        tax_id=raw["TXRGNNUM"] or None,
        addresses=tuple(map(_address, rows)),
        default_address=_address(main) if main else None,
        created_at=datetime.fromisoformat(created) if created else None,
        updated_at=datetime.fromisoformat(raw["last_modified_at"]),
        attributes={
            "class": raw["CUSTCLAS"],
            "hold": "yes" if raw["HOLD"] else "no",
            "inactive": "yes" if raw["INACTIVE"] else "no",
        },
    )


def _address(row: dict[str, Any]) -> Address:
    return Address(
        name=row["SHIPTONAME"] or row["CNTCPRSN"] or None,
        street=tuple(filter(None, (row["ADDRESS1"], row["ADDRESS2"], row["ADDRESS3"]))),
        city=row["CITY"] or None,
        postal_code=row["ZIP"] or None,
        region_name=row["STATE"] or None,
        country=row["COUNTRY"] if len(row["COUNTRY"]) == 2 else None,
        phone=row["PHONE1"] or None,
    )


CUSTOMERS = Listed(listing="customers_changed", key="CUSTNMBR", load=_load, record=_customer)
