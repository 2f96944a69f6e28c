"""Reading products from Tryton. Pure but for the table's reader.

Must not: write; a product is the ERP's own.
"""

from datetime import datetime
from typing import Any

from knect.model import Product, Variant
from knect_connectors.tryton.rows import RowReader

__all__ = ["PRODUCTS"]


def _product(raw: dict[str, Any]) -> Product:
    code = raw["code"] or None
    identifier = str(raw["id"])
    variant = Variant(source_id=identifier, sku=code, price=raw["list_price"])
    return Product(
        source_id=identifier,
        title=raw["template."]["name"],
        status="active" if raw["active"] else "archived",
        kind="service" if raw["type"] == "service" else "goods",
        variants=(variant,),
        updated_at=datetime.fromisoformat(raw["last_modified_at"]),
    )


PRODUCTS = RowReader(
    entity="products",
    model="product.product",
    fields=("code", "active", "salable", "type", "template.name", "list_price"),
    record=_product,
)
