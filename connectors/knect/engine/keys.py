"""What people call a record, and every key it can be found by.

Why: `knect find 1001`, `#1001`, an e-mail or a SKU must lead to the same transaction, so keys are
normalised when stored and when asked for, by the same function.
Must not: be used to match or merge records; these keys are for finding only.
"""

from collections.abc import Iterator

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
    found = dict.fromkeys((("id", record.source_id), *_keys(record)))
    named = dict.fromkeys([(kind, normalise(value)) for kind, value in found if value])
    return [key for key in named if key[1]]


def _keys(record: Record) -> Iterator[tuple[str, str | None]]:
    match record:
        case Order():
            yield "number", record.number
            yield "number", record.name
            yield "number", record.po_number
            if record.customer:
                yield "email", record.customer.email
            for line in record.lines:
                yield "sku", line.sku
        case Customer():
            yield "email", record.email
        case Product():
            for variant in record.variants:
                yield "sku", variant.sku
        case InventoryLevel() | Price():
            yield "sku", record.sku
        case Shipment():
            yield "id", record.order_id
            yield "number", record.order_number
            for tracking in record.trackings:
                yield "tracking", tracking.number
        case Refund() | Payment():
            yield "id", record.order_id
            yield "number", record.order_number
        case _:
            return
