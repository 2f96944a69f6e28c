"""Tells whether what was delivered is still there: what an audit asks.

Why: a look-up compares with what was to be written, which an audit does not have. Whatever we
write hangs on something that has an id of its own: a price on its variant, a level on its item.
Must not: judge whether it is as it should be.
"""

from collections.abc import Sequence

from knect.sdk.contract import Delivered
from knect.sdk.errors import UnexpectedAnswer
from knect_connectors.shopify.client import ShopifyClient
from knect_connectors.shopify.queries import PRESENT

__all__ = ["find_present"]

#: So many ids a query may name.
_AT_ONCE = 250


def _ids(document: Delivered) -> list[str]:
    """Return the ids a document stands on: of several parcels of one shipment, all."""
    return document.destination_id.partition("@")[0].split(",")


async def find_present(client: ShopifyClient, documents: Sequence[Delivered]) -> list[bool]:
    """Tell what is there; of several things of one record, all have to be."""
    wanted = sorted({one for document in documents for one in _ids(document)})
    there: set[str] = set()
    for start in range(0, len(wanted), _AT_ONCE):
        part = wanted[start : start + _AT_ONCE]
        nodes = (await client.read(PRESENT, operation="Present", ids=part)).get("nodes")
        if not isinstance(nodes, list) or len(nodes) != len(part):
            raise UnexpectedAnswer(f"Shopify answered {len(part)} ids with another number")
        there |= {one for one, node in zip(part, nodes, strict=True) if node}
    return [there.issuperset(_ids(document)) for document in documents]
