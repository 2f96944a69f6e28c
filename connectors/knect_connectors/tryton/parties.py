"""Writing parties.

Tryton has no key of ours on a party, so it is looked for before it is made: by the shop's customer
number (an identifier), then by e-mail. The engine holds the lease on the e-mail meanwhile, and
`settleSeconds` covers a late commit.
Where an earlier try of ours is carried out all the same, between that look and the write, the party
this write has just made is taken away again; one that came later still is archived when it is met
(`surplus`).
Must not: merge, rename or delete anybody else; two parties with one e-mail are a person's decision.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from knect.sdk.contract import Call, Found, Operation, Outcome
from knect.sdk.errors import ConnectorError, WaitForPerson
from knect_connectors.tryton.client import TrytonClient
from knect_connectors.tryton.surplus import without_surplus

__all__ = [
    "ambiguous",
    "by_email",
    "find_parties",
    "write_parties",
]


async def find_parties(client: TrytonClient, calls: Sequence[Call]) -> list[Found | None]:
    """Return the party of each call, None where there is none, or where nobody can tell which.

    One that is known by e-mail only is not what we made: writing gives it the shop's number.
    """
    matches = await _match(client, calls)
    client.looked_up.keep(
        (call.idempotency_key, match) for call, match in zip(calls, matches, strict=True)
    )
    return [
        one.answer
        if isinstance(one.answer, Found) and (one.is_numbered or not _code_of(call))
        else None
        for call, one in zip(calls, matches, strict=True)
    ]


async def write_parties(client: TrytonClient, calls: Sequence[Call]) -> list[Outcome]:
    """Find or create the party of each call; new ones in one request."""
    await client.facts()
    known = client.looked_up.take([call.idempotency_key for call in calls])
    matches: Sequence[_Match] = (
        await _match(client, calls)
        if known is None
        else [known[call.idempotency_key] for call in calls]
    )
    outcomes: list[Outcome | None] = [None] * len(calls)
    new: list[int] = []
    for i, one in enumerate(matches):
        if isinstance(one.answer, ConnectorError):
            used = await without_surplus(client, one.among)
            outcomes[i] = Outcome(found=used) if used else Outcome(error=one.answer)
        elif one.answer is None:
            new.append(i)
        else:
            outcomes[i] = Outcome(found=one.answer)
    if new:
        values = [_party_values(calls[i].effect.body) for i in new]
        ids = await client.write("model.party.party.create", values)
        for i, party in zip(new, ids, strict=True):
            found = await _one_of_two(client, calls[i], party) if calls[i].again else None
            outcomes[i] = Outcome(found=found or Found(destination_id=str(party)))
    await _complete(client, calls, matches)
    return [outcome for outcome in outcomes if outcome is not None]


class _Match(Struct, frozen=True, kw_only=True):
    """The party of a call, None, or why nobody can tell; and whether it has the shop's number."""

    answer: Found | ConnectorError | None
    is_numbered: bool
    among: Mapping[int, str] = field(default_factory=dict)  # all that fit, with their codes


async def _match(client: TrytonClient, calls: Sequence[Call]) -> list[_Match]:
    bodies = [call.effect.body for call in calls]
    by_code = await _by_identifier(client, [code for call in calls if (code := _code_of(call))])
    of_email = await by_email(client, [b["email"] for b in bodies if b.get("email")])
    matches: list[_Match] = []
    for call in calls:
        body, code = call.effect.body, _code_of(call)
        if call.effect.operation is Operation.UPDATE and call.effect.target:
            answer: Found | ConnectorError | None = Found(destination_id=call.effect.target)
            among: Mapping[int, str] = {}
        else:
            among = by_code.get(code) or of_email.get(body.get("email") or "") or {}
            answer = _only(among, body)
        matches.append(_Match(answer=answer, is_numbered=code in by_code, among=among))
    return matches


async def _one_of_two(client: TrytonClient, call: Call, made: int) -> Found | None:
    """Return the party an earlier try of a call has made after it was looked for, if it has.

    The one `made` by this call, which nobody knows yet, is then taken away again.
    """
    code, email = _code_of(call), call.effect.body.get("email") or ""
    if code:
        parties = (await _by_identifier(client, [code])).get(code, {})
    else:
        parties = (await by_email(client, [email])).get(email, {})
    others = [one for one in parties if one != made]
    if made not in parties or len(others) != 1:
        return None
    await client.write("model.party.party.delete", [made])
    return Found(destination_id=str(others[0]), number=parties[others[0]])


def _code_of(call: Call) -> str:
    """Return the shop's customer number, empty where there is none."""
    return str(call.effect.body.get("identifier") or "")


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
        "party.identifier",
        [["code", "in", list(codes)]],
        ["code", "party", "party.code", "party.active"],
    )
    alive = {row["code"] for row in rows if row["party."]["active"]}
    return _group(
        (row["code"], row) for row in rows if row["party."]["active"] or row["code"] not in alive
    )


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


async def _complete(client: TrytonClient, calls: Sequence[Call], matches: Sequence[_Match]) -> None:
    """Give parties found by e-mail the shop's customer number, so that a new e-mail finds them."""
    new = [
        {"party": int(one.answer.destination_id), "code": _code_of(call)}
        for call, one in zip(calls, matches, strict=True)
        if isinstance(one.answer, Found) and _code_of(call) and not one.is_numbered
    ]
    if new:
        await client.write("model.party.identifier.create", new)
