"""Canonical records: what a sale, a customer, a stock level is, whoever speaks of it.

Why: with one shape in the middle, n systems need n mappings and not n times n.
Must not: know a platform, a business rule, or binary floating point.
"""

from knect.model.checks import Violation, check_record
from knect.model.codec import decode_json, encode_json, to_scope
from knect.model.customer import Address, Customer
from knect.model.edits import (
    Edit,
    EditError,
    decode_edits,
    edit_raw,
    edit_record,
    is_a_field,
    paths_of,
    raw_values,
    steps_of,
)
from knect.model.inventory import InventoryLevel
from knect.model.money import Money, minor_units
from knect.model.naming import normalise
from knect.model.order import (
    Discount,
    Fee,
    Order,
    OrderLine,
    PartyRef,
    ShippingLine,
    TaxLine,
    Totals,
)
from knect.model.payment import Payment, Refund, RefundLine
from knect.model.price import Price
from knect.model.product import Image, Product, Variant
from knect.model.record import RECORD_TYPES, Record
from knect.model.shipment import Shipment, ShipmentLine, Tracking
from knect.model.view import ITEM, NOTHING, Way, view_of

__all__ = [
    "ITEM",
    "NOTHING",
    "RECORD_TYPES",
    "Address",
    "Customer",
    "Discount",
    "Edit",
    "EditError",
    "Fee",
    "Image",
    "InventoryLevel",
    "Money",
    "Order",
    "OrderLine",
    "PartyRef",
    "Payment",
    "Price",
    "Product",
    "Record",
    "Refund",
    "RefundLine",
    "Shipment",
    "ShipmentLine",
    "ShippingLine",
    "TaxLine",
    "Totals",
    "Tracking",
    "Variant",
    "Violation",
    "Way",
    "check_record",
    "decode_edits",
    "decode_json",
    "edit_raw",
    "edit_record",
    "encode_json",
    "is_a_field",
    "minor_units",
    "normalise",
    "paths_of",
    "raw_values",
    "steps_of",
    "to_scope",
    "view_of",
]
