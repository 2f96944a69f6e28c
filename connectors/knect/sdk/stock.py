"""A level of stock as what shops are told of it: whole pieces that can be sold.

Why: whichever shop it is, a fraction cannot be sold and less than nothing is nothing; two that
round differently would sell the same piece. Must not: know a shop.
"""

from collections.abc import Mapping
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from knect.model import InventoryLevel, Record
from knect.sdk.errors import BadRecord

__all__ = ["is_counted", "level_document", "level_of", "pieces"]


def pieces(amount: Any) -> int:
    """Return a quantity as what can be sold of it: rounded down, not below nothing.

    Raises BadRecord for what is no quantity.
    """
    try:
        whole = Decimal(amount).to_integral_value(ROUND_FLOOR)
    except (ArithmeticError, TypeError, ValueError):
        raise BadRecord(
            f"available is {amount!r}, which is no quantity", path="available", value=amount
        ) from None
    return max(0, int(whole))


def level_of(record: Record) -> InventoryLevel:
    """Return the record of a pipeline of stock as what it is."""
    assert isinstance(record, InventoryLevel)
    return record


def is_counted(level: InventoryLevel) -> bool:
    """Tell whether somebody counts the pieces of it."""
    return level.kind == "goods" and level.tracked


def level_document(record: Record, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document of a level: what is available, else what is there less what is reserved.

    Raises BadRecord if it has no SKU to be told under.
    """
    del settings  # they steer the plan
    level = level_of(record)
    if is_counted(level) and not level.sku:
        raise BadRecord(f"level {level.source_id} has no SKU", path="sku", value=level.sku)
    amount = level.available
    if amount is None:
        amount = (level.on_hand or Decimal(0)) - (level.reserved or Decimal(0))
    return {"available": pieces(amount)}
