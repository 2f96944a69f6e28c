"""Writing the addresses of parties: found by content among a party's, else added.

Must not: change or delete an address that others may know: invoices and shipments may stand on it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from knect.sdk.contract import Call, Found, Outcome
from knect_connectors.tryton.client import TrytonClient

__all__ = ["find_addresses", "write_addresses"]

_ADDRESS_FIELDS = ("party_name", "attn", "street", "postal_code", "city")


async def find_addresses(client: TrytonClient, calls: Sequence[Call]) -> list[Found | None]:
    """Return the addresses of each call, joined by `/`, if all of them are there."""
    wanted = await _wanted(client, calls)
    found: list[Found | None] = []
    for one in wanted:
        ids = [one.known.get(_key(address)) for address in one.addresses]
        found.append(None if None in ids else Found(destination_id="/".join(map(str, ids))))
    client.looked_up.keep(
        (call.idempotency_key, one) for call, one in zip(calls, wanted, strict=True)
    )
    return found


async def write_addresses(client: TrytonClient, calls: Sequence[Call]) -> list[Outcome]:
    """Find or add the addresses of each call; new ones in one request."""
    looked_up = client.looked_up.take([call.idempotency_key for call in calls])
    wanted: Sequence[_Wanted] = (
        await _wanted(client, calls)
        if looked_up is None
        else [looked_up[call.idempotency_key] for call in calls]
    )
    known: dict[int, dict[tuple[Any, ...], int]] = defaultdict(dict)
    for one in wanted:
        known[one.party].update(one.known)
    new = {
        (one.party, _key(address)): {"party": one.party, **address}
        for one in wanted
        for address in one.addresses
        if _key(address) not in known[one.party]
    }
    if new:
        ids = await client.write("model.party.address.create", list(new.values()))
        for (party, key), identifier in zip(new, ids, strict=True):
            known[party][key] = identifier
        if any(call.again for call in calls):
            await _keep_the_older(client, calls, known, set(ids))
    outcomes = []
    for one in wanted:
        ids = [known[one.party][_key(address)] for address in one.addresses]
        outcomes.append(Outcome(found=Found(destination_id="/".join(map(str, ids)))))
    return outcomes


async def _keep_the_older(
    client: TrytonClient,
    calls: Sequence[Call],
    known: dict[int, dict[tuple[Any, ...], int]],
    made: set[int],
) -> None:
    """Take away what these calls have made, and nobody knows yet, where an earlier try has made the
    same after it was looked for.
    """
    now = await _addresses_of(client, calls)
    twice = {
        one: now[party][key]
        for party, ids in known.items()
        for key, one in ids.items()
        if one in made and now[party].get(key, one) != one
    }
    if twice:
        await client.write("model.party.address.delete", list(twice))
        for ids in known.values():
            ids.update({key: twice[one] for key, one in ids.items() if one in twice})


class _Wanted(Struct, frozen=True, kw_only=True):
    """What a call wants its party to have, and what the party has: id by content."""

    party: int
    addresses: Sequence[Mapping[str, Any]]
    known: Mapping[tuple[Any, ...], int]


async def _wanted(client: TrytonClient, calls: Sequence[Call]) -> list[_Wanted]:
    known = await _addresses_of(client, calls)
    subdivisions = await _subdivisions(client, calls)
    return [
        _Wanted(
            party=_party_of(call),
            addresses=[_values(one, subdivisions) for one in call.effect.body["wanted"]],
            known=known[_party_of(call)],
        )
        for call in calls
    ]


def _party_of(call: Call) -> int:
    return int(call.given["party"])


def _key(address: Mapping[str, Any]) -> tuple[Any, ...]:
    texts = (" ".join(str(address.get(name) or "").split()) for name in _ADDRESS_FIELDS)
    return (*texts, address.get("country"), address.get("subdivision"))


def _values(address: Mapping[str, Any], subdivisions: Mapping[str, int]) -> dict[str, Any]:
    country, region = address.get("country") or "", address.get("region") or ""
    values = {name: address.get(name) or "" for name in _ADDRESS_FIELDS}
    subdivision = subdivisions.get(f"{country}-{region}")
    if region and subdivision is None:  # not in this Tryton's list: kept where a postman reads it
        values["city"] = ", ".join(filter(None, (values["city"], region)))
    return {
        **values,
        "country": int(address["country_id"]) if address.get("country_id") else None,
        "subdivision": subdivision,
        "invoice": True,
        "delivery": True,
    }


async def _addresses_of(
    client: TrytonClient, calls: Sequence[Call]
) -> dict[int, dict[tuple[Any, ...], int]]:
    parties = sorted({_party_of(call) for call in calls})
    fields = ["party", "country", "subdivision", *_ADDRESS_FIELDS]
    domain = [["party", "in", parties]]
    rows = await client.search_read("party.address", domain, fields, order=[["id", "DESC"]])
    known: dict[int, dict[tuple[Any, ...], int]] = {party: {} for party in parties}
    for row in rows:  # of two equal ones the older stays
        known[row["party"]][_key(row)] = row["id"]
    return known


async def _subdivisions(client: TrytonClient, calls: Sequence[Call]) -> dict[str, int]:
    codes = {
        f"{x['country']}-{x['region']}"
        for call in calls
        for x in call.effect.body["wanted"]
        if x.get("country") and x.get("region")
    }
    if not codes:
        return {}
    rows = await client.search_read(
        "country.subdivision", [["code", "in", sorted(codes)]], ["code"]
    )
    return {row["code"]: row["id"] for row in rows}
