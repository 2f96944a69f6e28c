"""What people call a record, and every key it can be found by.

Why: `knect find 1001`, `#1001`, an e-mail or a SKU must lead to the same transaction, so keys are
normalised when stored and when asked for, by the same function.
Must not: be used to match or merge records; these keys are for finding only.
"""

from collections.abc import Sequence

from knect.model import (
    Customer,
    InventoryLevel,
    Order,
    Payment,
    Price,
    Product,
    Record,
    Refund,
    Shipment,
    normalise,
)

__all__ = ["keys_of", "label_of", "normalise"]


def label_of(record: Record) -> str:
    """Return what people call the record. Labels go into traces, so a person has only an id."""
    match record:
        case Order():
            return record.number
        case Product():
            return next((v.sku for v in record.variants if v.sku), record.source_id)
        case InventoryLevel() | Price():
            return record.sku
        case Shipment() | Refund() | Payment() if record.order_number:
            # "1001 refund 77": found beside its order, told apart from the next one
            short = record.source_id.rpartition("/")[2]
            return f"{record.order_number} {type(record).__name__.lower()} {short}"
        case _:
            return record.source_id


def keys_of(record: Record) -> list[tuple[str, str]]:
    """Return (kind, normalised value) of everything the record can be found by, each once."""
    found: dict[tuple[str, str], None] = {}
    for kind, value in (("id", record.source_id), *_names(record)):
        if value and (folded := normalise(value)):
            found[kind, folded] = None
    return list(found)


def _names(record: Record) -> Sequence[tuple[str, str | None]]:
    match record:
        case Order():
            return [
                ("number", record.number),
                ("number", record.name),
                ("number", record.po_number),
                ("email", record.customer.email if record.customer else None),
                *[("sku", line.sku) for line in record.lines],
            ]
        case Customer():
            return [("email", record.email)]
        case Product():
            return [("sku", variant.sku) for variant in record.variants]
        case InventoryLevel() | Price():
            return [("figure", record.sku)]  # so that it is found among any number of orders
        case Shipment():
            numbers = [("tracking", tracking.number) for tracking in record.trackings]
            return [("id", record.order_id), ("number", record.order_number), *numbers]
        case Refund() | Payment():
            return [("id", record.order_id), ("number", record.order_number)]
        case _:
            return ()
