"""Reading customers: parties with an e-mail, their ways to be reached and their addresses.

A party's version is the latest change of any of these; writing a party tells the same, so that our
own write coming back is recognised.
Must not: tell of parties nobody can be told by; without an e-mail no other system knows them.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from knect.model import Address, Customer
from knect.sdk.contract import Window
from knect_connectors.tryton.client import TrytonClient
from knect_connectors.tryton.composed import ComposedReader, Loaded, changed_ids
from knect_connectors.tryton.rows import token_of

__all__ = ["CUSTOMERS", "party_tokens"]

_PARTY = ("name", "code", "active", "last_modified_at")
_PARTS = {
    "party.address": (
        *("party_name", "attn", "street", "postal_code", "city", "country.code"),
        *("subdivision.code", "active"),
    ),
    "party.contact_mechanism": ("type", "value", "active"),
    "party.identifier": ("code", "active"),
}

_Rows = list[dict[str, Any]]


async def party_tokens(client: TrytonClient, parties: Sequence[int]) -> dict[int, str]:
    """Return each party's version, as the reading side tells it."""
    loaded = await _load(client, [str(one) for one in parties])
    return {int(identifier): token_of(one.at) for identifier, one in loaded.items()}


async def _touched(client: TrytonClient, window: Window) -> Iterable[str]:
    ids = await changed_ids(client, "party.party", window, [], "id")
    for model in _PARTS:
        ids |= await changed_ids(client, model, window, [], "party")
    return [str(one) for one in sorted(ids)]


async def _load(client: TrytonClient, ids: Sequence[str]) -> Mapping[str, Loaded]:
    parties = await client.read("party.party", [int(one) for one in ids], _PARTY)
    parts = {model: await _parts(client, model, list(parties)) for model in _PARTS}
    found: dict[str, Loaded] = {}
    for number, party in parties.items():
        contacts = parts["party.contact_mechanism"][number]
        rows = [row for part in parts.values() for row in part[number]]
        at = max(row["last_modified_at"] for row in (party, *rows))
        if not any(one["type"] == "email" and one["active"] for one in contacts):
            continue
        addresses = [one for one in parts["party.address"][number] if one["active"]]
        raw = {
            **party,
            "contacts": [_without_time(one) for one in contacts if one["active"]],
            "addresses": [_without_time(one) for one in addresses],
            "last_modified_at": at,
        }
        found[str(number)] = Loaded(at=at, raw=raw)
    return found


async def _parts(client: TrytonClient, model: str, parties: Sequence[int]) -> dict[int, _Rows]:
    found: dict[int, _Rows] = defaultdict(list)
    for row in await client.search_read(
        model,
        [["party", "in", list(parties)]],
        ["party", "last_modified_at", *_PARTS[model]],
        order=[["id", "ASC"]],
        context={"active_test": False},
    ):
        found[row["party"]].append(row)
    return found


def _without_time(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "last_modified_at"}


def _record(raw: dict[str, Any]) -> Customer:
    # Tryton has one name; the last word is taken for the last name, for systems that want two.
    first, _, last = (raw["name"] or "").strip().rpartition(" ")
    addresses = tuple(_address(one, raw["name"]) for one in raw["addresses"] if _is_one(one))
    return Customer(
        source_id=str(raw["id"]),
        email=_contact(raw, "email"),
        phone=_contact(raw, "phone", "mobile"),
        first_name=first or None,
        last_name=last or None,
        addresses=addresses,
        default_address=addresses[0] if addresses else None,
        updated_at=datetime.fromisoformat(raw["last_modified_at"]),
        attributes={"code": raw["code"] or ""},
    )


def _contact(raw: Mapping[str, Any], *kinds: str) -> str | None:
    """Return the newest of a kind: a new e-mail is put beside what a clerk typed."""
    values = [one["value"] for one in raw["contacts"] if one["type"] in kinds]
    return values[-1] if values else None


def _is_one(row: Mapping[str, Any]) -> bool:
    return any(row[name] for name in ("street", "postal_code", "city"))


def _address(row: Mapping[str, Any], name: str | None) -> Address:
    company = row["party_name"] if row["attn"] else None
    subdivision = (row["subdivision."] or {}).get("code") or ""
    return Address(
        name=row["attn"] or row["party_name"] or name,
        company=company or None,
        street=tuple(line for line in (row["street"] or "").split("\n") if line),
        city=row["city"] or None,
        postal_code=row["postal_code"] or None,
        region=subdivision.partition("-")[2] or None,
        country=(row["country."] or {}).get("code"),
    )


CUSTOMERS = ComposedReader(touched=_touched, load=_load, record=_record)
