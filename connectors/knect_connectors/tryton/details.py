"""Bringing a customer's name, e-mail and phone to what the shop has now.

What we wrote ourselves is changed; what anybody else typed stays, and the new value is put beside.
Must not: take away an e-mail or phone, or give two parties one e-mail.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import structs

from knect.sdk.contract import Call, Found, Outcome
from knect.sdk.errors import WaitForPerson
from knect_connectors.tryton.client import TrytonClient, as_read
from knect_connectors.tryton.parties import ambiguous, by_email
from knect_connectors.tryton.people import party_tokens

__all__ = ["contact_edits", "write_details"]


async def write_details(client: TrytonClient, calls: Sequence[Call]) -> list[Outcome]:
    """Bring name, e-mail and phone of each party to what the shop has now."""
    facts = await client.facts()
    targets = [int(call.effect.target or call.given["party"]) for call in calls]
    who = ["write_uid", "create_uid"]
    before = await party_tokens(client, targets)
    parties = await client.read("party.party", targets, ["name", "code", "_timestamp", *who])
    domain = [["party", "in", sorted(set(targets))], ["type", "in", ["email", "phone", "mobile"]]]
    fields = ["party", "type", "value", *who]
    mechanisms = await client.search_read("party.contact_mechanism", domain, fields)
    emails = [call.effect.body["email"] for call in calls if call.effect.body.get("email")]
    taken = await by_email(client, emails)
    outcomes = []
    for target, call in zip(targets, calls, strict=True):
        body, party = call.effect.body, parties.get(target)
        owners = taken.get(body.get("email") or "", {})
        if party is None:
            outcomes.append(Outcome(error=_gone(target)))
            continue
        if set(owners) - {target}:
            named = {**owners, target: party["code"]}
            outcomes.append(Outcome(error=ambiguous(named, body)))
            continue
        known = [one for one in mechanisms if one["party"] == target]
        await _bring(client, party, body, known, facts.user)
        outcomes.append(Outcome(found=Found(destination_id=str(target), number=party["code"])))
    tokens = await party_tokens(client, targets)
    return [
        Outcome(found=structs.replace(one.found, token=tokens.get(target), over=before.get(target)))
        if one.found
        else one
        for target, one in zip(targets, outcomes, strict=True)
    ]


async def _bring(
    client: TrytonClient,
    party: Mapping[str, Any],
    body: Mapping[str, Any],
    known: Sequence[Mapping[str, Any]],
    user: int,
) -> None:
    """Change what we wrote; add where there is none, or only what others typed.

    A party that is ours is written in one request, and as it was read: what is sent again while an
    earlier try is at work adds nothing twice. One that somebody else wrote would be taken for ours
    afterwards, so its contacts are written for themselves.
    """
    edits = contact_edits(body, known, user)
    if not _is_ours(party, user):
        for action, *arguments in edits:
            if action == "create":
                new = [{"party": party["id"], **one} for one in arguments[0]]
                await client.write("model.party.contact_mechanism.create", new)
            else:
                await client.write("model.party.contact_mechanism.write", *arguments)
        return
    values: dict[str, Any] = {"contact_mechanisms": edits} if edits else {}
    if body.get("name") and body["name"] != party["name"]:
        values["name"] = body["name"]
    if values:
        context = as_read("party.party", [party])
        await client.write("model.party.party.write", [party["id"]], values, context=context)


def contact_edits(
    body: Mapping[str, Any], known: Sequence[Mapping[str, Any]], user: int
) -> list[list[Any]]:
    """Return the commands (write, create) that bring a party's contacts to what is wanted. Pure."""
    edits: list[list[Any]] = []
    for kind, types in (("email", {"email"}), ("phone", {"phone", "mobile"})):
        wanted = body.get(kind)
        there = [one for one in known if one["type"] in types]
        if not wanted or any(_same_contact(kind, one["value"], wanted) for one in there):
            continue
        ours = [one for one in there if _is_ours(one, user)]
        if len({one["value"] for one in ours}) == 1:  # several: tries at the same moment
            edits.append(["write", [one["id"] for one in ours], {"value": wanted}])
        else:
            edits.append(["create", [{"type": kind, "value": wanted}]])
    return edits


def _same_contact(kind: str, one: str, other: str) -> bool:
    if kind == "email":
        return one.lower() == other.lower()
    # Tryton writes numbers in its own grouping.
    digits = ["".join(filter(str.isdigit, text)) for text in (one, other)]
    return digits[0] == digits[1]


def _is_ours(row: Mapping[str, Any], user: int) -> bool:
    return bool(user == (row["write_uid"] or row["create_uid"]))


def _gone(party: int) -> WaitForPerson:
    return WaitForPerson(
        f"the party with id {party} is no longer in Tryton; somebody deleted it",
        code="ChangedAtDestination",
    )
