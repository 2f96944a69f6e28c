"""Finding what a document names: items and tax details. In bulk, by kind.

Must not: create anything, or remember an answer; a missing item may be added at any moment.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation

from knect.sdk.contract import Reference
from knect.sdk.errors import ConnectorError, MissingReference
from knect_connectors.dynamics_gp.client import GpClient
from knect_connectors.dynamics_gp.fields import text

__all__ = ["Answers", "resolve"]

#: (kind, value) -> id, or why it cannot be used
Answers = Mapping[tuple[str, str], str | ConnectorError]


async def resolve(client: GpClient, references: Sequence[Reference]) -> Answers:
    """Return (kind, value) -> id for what exists."""
    wanted: dict[str, list[str]] = defaultdict(list)
    for reference in references:
        wanted[reference.kind].append(reference.value)
    found: dict[tuple[str, str], str | ConnectorError] = {}
    for sku, answer in (await _items(client, wanted.get("sku", []))).items():
        found["sku", sku] = answer
    if wanted.get("tax"):
        for ref, detail in (await _taxes(client, wanted["tax"])).items():
            found["tax", ref] = detail
    return found


async def _items(client: GpClient, skus: Sequence[str]) -> dict[str, str | ConnectorError]:
    rows = {
        text(row["ITEMNMBR"]).upper(): row
        for row in await client.by_keys("items", [sku for sku in skus if len(sku) <= 30])
    }
    found: dict[str, str | ConnectorError] = {}
    for sku in skus:
        row = rows.get(sku.upper())
        if row is None:
            continue
        if row["INACTIVE"]:
            found[sku] = MissingReference(
                f"item {text(row['ITEMNMBR'])} is inactive in GP; make it active, or it waits",
                kind="sku",
                value=sku,
            )
        else:
            found[sku] = text(row["ITEMNMBR"])
    return found


async def _taxes(client: GpClient, refs: Sequence[str]) -> dict[str, str]:
    """Return the detail of each: by its id, or the only sales detail of that rate."""
    details = await client.rows("tax_details")
    found = {}
    for ref in refs:
        rate = _percent(ref)
        same = [
            text(row["TAXDTLID"])
            for row in details
            if (row["TXDTLPCT"] == rate if rate is not None else text(row["TAXDTLID"]) == ref)
        ]
        if len(same) == 1:
            found[ref] = same[0]
    return found


def _percent(ref: str) -> Decimal | None:
    try:
        return Decimal(ref) * 100
    except InvalidOperation:
        return None
