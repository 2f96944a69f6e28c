"""Writing parties and their addresses.

Tryton has no key of ours on a party, so both are looked for before they are made: a party by the
shop's customer number (an identifier), then by e-mail; an address by its content. The engine
holds the lease on the e-mail meanwhile, and `settleSeconds` covers a late commit.
Must not: merge, rename or delete anybody; two parties with one e-mail are a person's decision.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from knect.sdk.contract import Call, Found, Operation, Outcome
from knect.sdk.errors import ConnectorError, WaitForPerson
from knect_connectors.tryton.client import TrytonClient

__all__ = [
    "ambiguous",
    "by_email",
    "find_addresses",
    "find_parties",
    "write_addresses",
    "write_parties",
]

_ADDRESS_FIELDS = ("party_name", "attn", "street", "postal_code", "city")


# ---------------------------------------------------------------- parties


async def find_parties(client: TrytonClient, calls: Sequence[Call]) -> list[Found | None]:
    """Return the party of each call, None where there is none, or where nobody can tell which.

    One that is known by e-mail only is not what we made: writing gives it the shop's number.
    """
    codes = [call.effect.body.get("identifier") for call in calls]
    numbered = await _by_identifier(client, [code for code in codes if code])
    answers = await _match(client, calls)
    return [
        answer if isinstance(answer, Found) and (not code or code in numbered) else None
        for code, answer in zip(codes, answers, strict=True)
    ]


async def write_parties(client: TrytonClient, calls: Sequence[Call]) -> list[Outcome]:
    """Find or create the party of each call; new ones in one request."""
    await client.facts()
    outcomes: list[Outcome | None] = [None] * len(calls)
    new: list[int] = []
    for i, answer in enumerate(await _match(client, calls)):
        if isinstance(answer, ConnectorError):
            outcomes[i] = Outcome(error=answer)
        elif answer is None:
            new.append(i)
        else:
            outcomes[i] = Outcome(found=answer)
    if new:
        values = [_party_values(calls[i].effect.body) for i in new]
        ids = await client.write("model.party.party.create", values)
        for i, party in zip(new, ids, strict=True):
            outcomes[i] = Outcome(found=Found(destination_id=str(party)))
    adopted = [(calls[i], outcomes[i]) for i in range(len(calls)) if i not in new]
    await _complete(client, adopted)
    return [outcome for outcome in outcomes if outcome is not None]


async def _match(
    client: TrytonClient, calls: Sequence[Call]
) -> list[Found | ConnectorError | None]:
    """Return for each call the party, None, or why nobody can tell."""
    bodies = [call.effect.body for call in calls]
    by_code = await _by_identifier(client, [b["identifier"] for b in bodies if b.get("identifier")])
    of_email = await by_email(client, [b["email"] for b in bodies if b.get("email")])
    answers: list[Found | ConnectorError | None] = []
    for call in calls:
        body = call.effect.body
        if call.effect.operation is Operation.UPDATE and call.effect.target:
            answers.append(Found(destination_id=call.effect.target))
            continue
        parties = by_code.get(body.get("identifier") or "") or of_email.get(body.get("email") or "")
        answers.append(_only(parties or {}, body))
    return answers


def _only(parties: Mapping[int, str], body: Mapping[str, Any]) -> Found | ConnectorError | None:
    if len(parties) > 1:
        return ambiguous(parties, body)
    for party, code in parties.items():
        return Found(destination_id=str(party), number=code)
    return None


def ambiguous(parties: Mapping[int, str], body: Mapping[str, Any]) -> WaitForPerson:
    """Return what is said of several parties (id -> code) with one e-mail or number."""
    who = ", ".join(sorted(parties.values()))
    return WaitForPerson(
        f"Tryton has {len(parties)} parties with {body.get('email') or body.get('identifier')}"
        f" (codes {who}); merge them in Tryton, then retry",
        code="AmbiguousMatch",
        path="customer.email",
        value=body.get("email"),
    )


async def _by_identifier(client: TrytonClient, codes: Sequence[str]) -> dict[str, dict[int, str]]:
    if not codes:
        return {}
    rows = await client.search_read(
        "party.identifier", [["code", "in", list(codes)]], ["code", "party", "party.code"]
    )
    return _group((row["code"], row) for row in rows)


async def by_email(client: TrytonClient, emails: Sequence[str]) -> dict[str, dict[int, str]]:
    """Return e-mail in lower case -> party -> its code."""
    if not emails:
        return {}
    # Others may have typed capitals; `ilike` compares without, its wildcards are escaped.
    same = [["value", "ilike", _escaped(email)] for email in sorted(set(emails))]
    domain = [["type", "=", "email"], ["party.active", "=", True], ["OR", *same]]
    fields = ["value", "party", "party.code"]
    rows = await client.search_read("party.contact_mechanism", domain, fields)
    return _group((row["value"].lower(), row) for row in rows)


def _group(rows: Any) -> dict[str, dict[int, str]]:
    found: dict[str, dict[int, str]] = defaultdict(dict)
    for key, row in rows:
        found[key][row["party"]] = row["party."]["code"]
    return found


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _party_values(body: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {"name": body["name"], "addresses": []}
    contacts = [
        {"type": kind, "value": body[kind]} for kind in ("email", "phone") if body.get(kind)
    ]
    if contacts:
        values["contact_mechanisms"] = [["create", contacts]]
    if body.get("identifier"):
        values["identifiers"] = [["create", [{"code": body["identifier"]}]]]
    return values


async def _complete(client: TrytonClient, adopted: Sequence[tuple[Call, Outcome | None]]) -> None:
    """Give parties found by e-mail the shop's customer number, so that a new e-mail finds them."""
    missing = [
        (int(outcome.found.destination_id), call.effect.body["identifier"])
        for call, outcome in adopted
        if outcome and outcome.found and call.effect.body.get("identifier")
    ]
    known = await _by_identifier(client, [code for _, code in missing])
    new = [{"party": party, "code": code} for party, code in missing if code not in known]
    if new:
        await client.write("model.party.identifier.create", new)


# ---------------------------------------------------------------- addresses


async def find_addresses(client: TrytonClient, calls: Sequence[Call]) -> list[Found | None]:
    """Return the addresses of each call, joined by `/`, if all of them are there."""
    known = await _addresses_of(client, calls)
    subdivisions = await _subdivisions(client, calls)
    found: list[Found | None] = []
    for call in calls:
        keys = [_key(x) for x in _wanted(call, subdivisions)]
        ids = [known[_party_of(call)].get(key) for key in keys]
        found.append(None if None in ids else Found(destination_id="/".join(map(str, ids))))
    return found


async def write_addresses(client: TrytonClient, calls: Sequence[Call]) -> list[Outcome]:
    """Find or add the addresses of each call; new ones in one request."""
    known = await _addresses_of(client, calls)
    subdivisions = await _subdivisions(client, calls)
    wanted = {i: _wanted(call, subdivisions) for i, call in enumerate(calls)}
    new: dict[tuple[int, Any], dict[str, Any]] = {}
    for i, call in enumerate(calls):
        party = _party_of(call)
        for address in wanted[i]:
            if _key(address) not in known[party]:
                new[party, _key(address)] = {"party": party, **address}
    if new:
        ids = await client.write("model.party.address.create", list(new.values()))
        for (party, key), identifier in zip(new, ids, strict=True):
            known[party][key] = identifier
    outcomes = []
    for i, call in enumerate(calls):
        party = _party_of(call)
        ids = [known[party][_key(address)] for address in wanted[i]]
        outcomes.append(Outcome(found=Found(destination_id="/".join(map(str, ids)))))
    return outcomes


def _party_of(call: Call) -> int:
    return int(call.given["party"])


def _key(address: Mapping[str, Any]) -> tuple[Any, ...]:
    texts = (" ".join(str(address.get(name) or "").split()) for name in _ADDRESS_FIELDS)
    return (*texts, address.get("country"), address.get("subdivision"))


def _wanted(call: Call, subdivisions: Mapping[str, int]) -> list[dict[str, Any]]:
    return [_values(address, subdivisions) for address in call.effect.body["wanted"]]


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
