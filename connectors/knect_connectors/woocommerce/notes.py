"""Notes of an order: written once, found again by their words.

Why by words: a note has no field for an id, and what stands in a customer's note is mailed.
WordPress tidies blanks and writes some characters as entities; that is no other note.
Must not: read anything out of a note.
"""

from html import unescape
from typing import Any

from knect_connectors.woocommerce.client import Row, WooClient

__all__ = ["add_note", "has_note"]

_TEMPLATE = "/orders/{id}/notes"


async def has_note(client: WooClient, order: Row, text: str) -> bool:
    """Tell whether an order has a note with these words."""
    notes = await client.unpaged(f"/orders/{order['id']}/notes", template=_TEMPLATE)
    return any(_plain(one.get("note")) == _plain(text) for one in notes)


async def add_note(client: WooClient, order: Row, text: str, *, mails: bool) -> None:
    """Add a note, mailed to the customer where it `mails`; one that is there, not again."""
    if not await has_note(client, order, text):
        note = {"note": text, "customer_note": mails}
        await client.write("POST", f"/orders/{order['id']}/notes", note, template=_TEMPLATE)


def _plain(text: Any) -> str:
    return " ".join(unescape(str(text)).split())
