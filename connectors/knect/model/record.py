"""Which canonical type belongs to which entity, since when a record exists, and whether it is over.

Must not: grow an entity that no journey of the design has.
"""

from datetime import datetime

from knect.model.customer import Customer
from knect.model.inventory import InventoryLevel
from knect.model.order import Order
from knect.model.payment import Payment, Refund
from knect.model.price import Price
from knect.model.product import Product
from knect.model.shipment import Shipment

__all__ = ["RECORD_TYPES", "Record", "created_at", "is_cancelled"]

#: Any canonical record.
Record = Order | Customer | Product | InventoryLevel | Price | Shipment | Refund | Payment

#: Entity name -> canonical type. Contacts are customers seen by a CRM.
RECORD_TYPES: dict[str, type[Record]] = {
    "contacts": Customer,
    "customers": Customer,
    "inventory": InventoryLevel,
    "orders": Order,
    "payments": Payment,
    "prices": Price,
    "products": Product,
    "refunds": Refund,
    "shipments": Shipment,
}


def created_at(record: Record) -> datetime | None:
    """Return when a record came to be at its source; None where it does not say.

    When a payment was processed, or a parcel left, says nothing of when it was first told of.
    """
    match record:
        case Order():
            return record.placed_at
        case Customer() | Refund():
            return record.created_at
        case _:
            return None


def is_cancelled(record: Record | None) -> bool:
    """Tell whether it is an order that was cancelled: of it nothing is written but that."""
    return isinstance(record, Order) and record.cancelled_at is not None
