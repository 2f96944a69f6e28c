"""What an order takes of the stock, as long as the ERP does not know of it.

Why: it is asked when an order is recorded, which holds its goods from then on, and when it begins
to wait. Must not: know of an ERP, or whether anybody counts.
"""

from knect.ledger.commitments import Pieces
from knect.model import Order, Record, normalise

__all__ = ["pieces_of"]


def pieces_of(record: Record | None) -> list[Pieces]:
    """Return them; none if it is cancelled, or no order."""
    if not isinstance(record, Order) or record.cancelled_at is not None:
        return []
    return [
        Pieces(sku=line.sku, location=line.location, quantity=str(line.quantity))
        for line in record.lines
        if line.sku and normalise(line.sku) and line.quantity
    ]
