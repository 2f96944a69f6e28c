"""Tells whether what was delivered is still there: what an audit asks.

Why: Knect's own mark of a document stays when somebody deletes the document, so that it proves
nothing. A company that keeps no history has no order any more once all of it is invoiced: then the
invoice stands for it.
Must not: judge whether it is as it should be.
"""

from collections.abc import Sequence

from knect.sdk.contract import Delivered
from knect_connectors.dynamics_gp.client import GpClient
from knect_connectors.dynamics_gp.fields import text

__all__ = ["find_present"]

_ORDER, _RETURN = 2, 4


async def find_present(client: GpClient, documents: Sequence[Delivered]) -> list[bool]:
    """Tell what is there, in whatever state."""
    numbers = sorted({one.destination_id for one in documents})
    if documents and documents[0].entity == "customers":
        there = {text(row["CUSTNMBR"]) for row in await client.by_keys("customers", numbers)}
        return [one.destination_id in there for one in documents]
    rows = await client.by_keys("documents", numbers, _ORDER)
    rows += await client.by_keys("documents", numbers, _RETURN)
    there = {text(row["SOPNUMBE"]) for row in rows}
    gone = [number for number in numbers if number not in there]
    there |= {text(row["ORIGNUMB"]) for row in await client.by_keys("chain", gone, _ORDER)}
    return [one.destination_id in there for one in documents]
