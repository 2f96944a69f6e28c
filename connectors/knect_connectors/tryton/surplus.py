"""A party that a late request of ours has made beside the one that is used.

Why: Tryton takes no key of ours on a party, so a create that is carried out long after its second
try stands there as well, and the customer's next order finds two. If one of them is as it was made,
by us, and nothing was ever sold to it, nobody has to decide which one is meant.
Must not: delete anything, or touch a party that anybody has used or changed; it is archived.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from knect.sdk.contract import Found
from knect_connectors.tryton.client import TrytonClient, as_read

__all__ = ["without_surplus"]

_WHO = ("create_uid", "create_date", "write_uid", "write_date")
#: Tryton writes a record while it makes it; on SQLite its clock goes on meanwhile.
_MAKING = timedelta(seconds=5)
#: Where a sale names who bought and who gets it.
_OF_SALE = ("party", "invoice_party", "shipment_party")


async def without_surplus(client: TrytonClient, parties: Mapping[int, str]) -> Found | None:
    """Return the one of several parties (id -> code) that is used, the others archived.

    None if that is not certain: then nothing has been touched.
    """
    ours = (await client.facts()).user
    fields = ["code", "addresses", "_timestamp", *_WHO]
    rows = await client.read("party.party", list(parties), fields)
    used = await _touched(client, list(parties), ours)
    spare = [
        row
        for row in rows.values()
        if _is_as_made(row, ours) and not row["addresses"] and row["id"] not in used
    ]
    kept = [one for one in rows if one not in {row["id"] for row in spare}]
    if len(kept) != 1 or not spare:
        return None
    ids = [row["id"] for row in spare]
    context = as_read("party.party", spare)
    await client.write("model.party.party.write", ids, {"active": False}, context=context)
    codes = ", ".join(sorted(row["code"] for row in spare))
    return Found(
        destination_id=str(kept[0]),
        number=rows[kept[0]]["code"],
        remark=f"the party was there twice: a request that came late had made {codes}, which nobody"
        " has used; it is archived",
    )


def _is_as_made(row: Mapping[str, Any], ours: int) -> bool:
    """Tell whether we made a record, and nobody has written it since, we neither."""
    written = row["write_date"]
    return (
        row["create_uid"] == ours
        and row["write_uid"] in (None, ours)
        and (written is None or written - row["create_date"] < _MAKING)
    )


async def _touched(client: TrytonClient, parties: Sequence[int], ours: int) -> set[int]:
    """Return the parties something was sold to, or to which anybody has added anything."""
    hidden = {"active_test": False}
    found: set[int] = set()
    for model in ("party.contact_mechanism", "party.identifier"):
        rows = await client.search_read(
            model, [["party", "in", parties]], ["party", *_WHO], context=hidden
        )
        found |= {row["party"] for row in rows if not _is_as_made(row, ours)}
    named = ["OR", *([one, "in", parties] for one in _OF_SALE)]
    sales = await client.search_read("sale.sale", [named], list(_OF_SALE), context=hidden)
    return found | {row[one] for row in sales for one in _OF_SALE if row[one] is not None}
