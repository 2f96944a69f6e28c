"""Resources of products and of their stock.

Must not: know a wire format or a session.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from knect_connectors.magento1.simulator import parts
from knect_connectors.magento1.simulator.books import Row
from knect_connectors.magento1.simulator.faults import ApiFault
from knect_connectors.magento1.simulator.filters import filtered
from knect_connectors.magento1.simulator.tables import Methods, Tables, amount_of

__all__ = ["GoodsCalls"]


class GoodsCalls(Tables):
    """See the module."""

    def methods(self) -> Methods:
        """Return the resources' methods by path."""
        return {
            "cataloginventory_stock_item.list": self._stock,
            "cataloginventory_stock_item.update": self._set_stock,
            "catalog_product.list": self._products,
            "catalog_product.info": self._product_info,
            "catalog_product.create": self._create_product,
            "catalog_product.update": self._update_product,
            "catalog_product.delete": self._delete_product,
            "catalog_product_attribute_tier_price.info": self._tiers,
            "catalog_product_attribute_tier_price.update": self._set_tiers,
        }  # fmt: skip

    # ------------------------------------------------ catalog

    def _products(self, filters: Any = None, store: Any = None) -> list[Row]:
        self._store(store)
        try:
            found = filtered(self._books.products.values(), filters, {"entity_id": "product_id"})
        except ValueError as error:
            raise ApiFault("filters_invalid", str(error)) from None
        names = ("product_id", "sku", "name", "set", "type", "category_ids", "website_ids")
        return [{name: row[name] for name in names} for row in found]

    def _store(self, store: Any) -> str | None:
        if store in (None, "", 0, "0", "admin"):
            return None
        found = self._books.store(store)
        if found is None:
            raise ApiFault("store_not_exists")
        return found.code

    def _product(self, identifier: Any, kind: Any, fault: str = "product_not_exists") -> Row:
        text = str(identifier)
        is_sku = kind == "sku" or (not kind and not text.lstrip("+-").isdigit())
        row = self._books.product_by_sku(text) if is_sku else None
        if row is None and kind != "sku":
            row = self._books.products.get(text)
        if row is None:
            raise ApiFault(fault)
        return row

    def _product_info(
        self, identifier: Any, store: Any = None, attributes: Any = None, kind: Any = None
    ) -> Row:
        code = self._store(store)
        row = self._product(identifier, str(kind).lower() if kind else None)
        shown = {**row, **(self._books.scoped.get((row["product_id"], code), {}) if code else {})}
        if isinstance(attributes, list):
            always = ("product_id", "sku", "set", "type", "categories", "websites")
            return {name: shown[name] for name in (*always, *attributes) if name in shown}
        return shown

    def _create_product(
        self, kind: Any, of_set: Any, sku: Any, data: Any, store: Any = None
    ) -> int:
        del store
        if not kind or not of_set or not sku:
            raise ApiFault("data_invalid")
        if kind not in ("simple", "virtual", "downloadable", "configurable", "grouped", "bundle"):
            raise ApiFault("product_type_not_exists")
        if str(of_set) != "4":
            raise ApiFault("product_attribute_set_not_exists")
        self._check_unique(str(sku), None)
        given = data if isinstance(data, Mapping) else {}
        row = self._books.add_product(str(sku), str(given.get("name") or ""), Decimal(0), kind=kind)
        row |= {"status": "1", "websites": [], "website_ids": []}
        self._put(row, given, None)
        return int(row["product_id"])

    def _put(self, row: Row, given: Mapping[str, Any], code: str | None) -> None:
        target = row
        if code is not None:
            target = self._books.scoped.setdefault((row["product_id"], code), {})
        for name, value in given.items():
            if name == "stock_data":
                self._books.stock[row["product_id"]] |= {k: str(v) for k, v in value.items()}
            elif name == "websites":
                row |= {"websites": [str(v) for v in value], "website_ids": [str(v) for v in value]}
            elif name == "tier_price":
                row[name] = value
            elif name in row:
                if name.endswith("price") and value not in (None, ""):
                    value = amount_of(value, name)  # noqa: PLW2901 - as it is stored
                target[name] = value
        parts.touch(self._books, row)

    def _update_product(
        self, identifier: Any, data: Any, store: Any = None, kind: Any = None
    ) -> bool:
        code = self._store(store)
        row = self._product(identifier, kind)
        given = data if isinstance(data, Mapping) else {}
        if "sku" in given:
            self._check_unique(str(given["sku"]), row)
        self._put(row, given, code)
        return True

    def _check_unique(self, sku: str, row: Row | None) -> None:
        if self._books.product_by_sku(sku) not in (None, row):
            raise ApiFault("internal", 'The value of attribute "SKU" must be unique')

    def _tiers(self, identifier: Any, kind: Any = None) -> list[Row]:
        row = self._product(identifier, kind)
        return [dict(one) for one in row["tier_price"]]

    def _set_tiers(self, identifier: Any, tiers: Any, kind: Any = None) -> bool:
        row = self._product(identifier, kind)
        if not isinstance(tiers, list) or not all("qty" in one and "price" in one for one in tiers):
            raise ApiFault("data_invalid", "Invalid Tier Prices")
        row["tier_price"] = [
            {
                "customer_group_id": str(one.get("customer_group_id", "all")),
                "website": str(one.get("website", "all")),
                "qty": amount_of(one["qty"], "qty"),
                "price": amount_of(one["price"], "price"),
            }
            for one in tiers
        ]
        parts.touch(self._books, row)
        return True

    def _delete_product(self, identifier: Any, kind: Any = None) -> bool:
        row = self._product(identifier, kind)
        del self._books.products[row["product_id"]]
        del self._books.stock[row["product_id"]]
        return True

    def _by_sku_first(self, identifier: Any) -> Row | None:
        """Return a product as stock calls find it: a number is a SKU first, then an id."""
        text = str(identifier)
        return self._books.product_by_sku(text) or self._books.products.get(text)

    def _stock(self, identifiers: Any) -> list[Row]:
        wanted = identifiers if isinstance(identifiers, list) else [identifiers]
        rows = {row["product_id"]: row for one in wanted if (row := self._by_sku_first(one))}
        return [
            {"product_id": one, "sku": row["sku"], "qty": self._books.stock[one]["qty"],
             "is_in_stock": self._books.stock[one]["is_in_stock"]}
            for one, row in rows.items()
        ]  # fmt: skip

    def _set_stock(self, identifier: Any, data: Any) -> bool:
        row = self._by_sku_first(identifier)
        if row is None:
            raise ApiFault("not_exists")
        stock = self._books.stock[row["product_id"]]
        for name in ("qty", "is_in_stock", "manage_stock", "use_config_manage_stock", "backorders",
                     "use_config_backorders", "min_sale_qty"):  # fmt: skip
            if name in (data or {}):
                stock[name] = amount_of(data[name], name) if name == "qty" else str(int(data[name]))
        return True
