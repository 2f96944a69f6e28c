"""Routes of products and of their stock, per source or per product.

Must not: know how a request came in; prices by the call are in `price_api`.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from knect_connectors.magento2.simulator import parts
from knect_connectors.magento2.simulator.books import Books, Row
from knect_connectors.magento2.simulator.errors import ApiError, missing
from knect_connectors.magento2.simulator.money import number, shown
from knect_connectors.magento2.simulator.routes import Called, Route, page_of

__all__ = ["GoodsApi", "told"]

_CATALOG, _STOCK = "Magento_Catalog::products", "Magento_CatalogInventory::cataloginventory"
_SOURCES = "Magento_InventoryApi::source"
_NO_PRODUCT = "The product that was requested doesn't exist. Verify the product and try again."
_FIELDS = ("name", "price", "status", "visibility", "weight", "attribute_set_id", "type_id")


class GoodsApi:
    """See the module."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def routes(self) -> list[Route]:
        """Return the routes; those of sources only where the shop has the modules."""
        found: list[tuple[str, str, str, Any]] = [
            ("GET", "products", _CATALOG, self._products),
            ("POST", "products", _CATALOG, self._create),
            ("GET", "products/attributes/price", "Magento_Catalog::attributes_attributes",
             lambda call: {"attribute_code": "price", "scope": self._books.price_scope}),  # noqa: ARG005
            ("GET", "products/{sku}", _CATALOG, self._get),
            ("PUT", "products/{sku}", _CATALOG, self._update),
            ("DELETE", "products/{sku}", _CATALOG, self._delete),
            ("GET", "stockItems/{sku}", _STOCK, self._stock_item),
            ("PUT", "products/{sku}/stockItems/{item}", _STOCK, self._set_stock_item),
        ]  # fmt: skip
        if self._books.sources is not None:
            found += [
                ("GET", "inventory/sources", _SOURCES, self._sources),
                ("GET", "inventory/source-items", _SOURCES, self._source_items),
                ("POST", "inventory/source-items", _SOURCES, self._set_source_items),
            ]
        return [
            Route(method=method, path=path, resource=resource, do=do)
            for method, path, resource, do in found
        ]

    # ------------------------------------------------ products

    def _products(self, call: Called) -> Any:
        rows = [self._seen(row, call.store) for row in self._books.products.values()]
        page = page_of(rows, call, {"entity_id": "id"})
        return {**page, "items": [told(row) for row in page["items"]]}

    def _seen(self, row: Row, scope: str) -> Row:
        """Return a product as a store view has it; custom attributes still by code."""
        store = self._books.store(scope)
        own = self._books.scoped.get((row["id"], store.id), {}) if store else {}
        plain = {name: value for name, value in own.items() if name in _FIELDS}
        custom = {name: value for name, value in own.items() if name not in _FIELDS}
        return {**row, **plain, "custom_attributes": {**row["custom_attributes"], **custom}}

    def _told(self, row: Row, scope: str) -> Any:
        return told(self._seen(row, scope))

    def _one(self, call: Called) -> Row:
        row = self._books.product(call.parameters["sku"])
        if row is None:
            raise ApiError(_NO_PRODUCT, status=404)
        return row

    def _get(self, call: Called) -> Any:
        return self._told(self._one(call), call.store)

    def _create(self, call: Called) -> Any:
        given = call.given("product")
        sku = str(given.get("sku") or "")
        if not sku:
            raise missing("sku")
        row = self._books.product(sku)
        if by_id := self._books.products.get(int(given.get("id") or 0)):
            self._rename(by_id, sku)
            row = by_id
        if row is None:
            if not given.get("name"):
                raise ApiError('The "%1" attribute value is empty. Set the attribute and try'
                               " again.", ["Product Name"])  # fmt: skip
            if str(given.get("attribute_set_id") or "") != "4":
                raise ApiError(
                    "Invalid product data: Attribute set entity type mismatch."
                    if given.get("attribute_set_id")
                    else "Attribute set id is required"
                )
            row = self._books.add_product(
                sku, str(given["name"]), number(given.get("price")),
                kind=str(given.get("type_id") or "simple"),
            )  # fmt: skip
            row["extension_attributes"]["website_ids"] = [1]
        self._put(row, given, call.store)
        return self._told(row, call.store)

    def _update(self, call: Called) -> Any:
        row, given = self._one(call), call.given("product")
        self._put(row, given, call.store)
        return self._told(row, call.store)

    def _rename(self, row: Row, sku: str) -> None:
        if self._books.product(sku) not in (None, row):
            raise ApiError('The value of the "SKU" attribute isn\'t unique. Set a unique value and'
                           " try again.")  # fmt: skip
        for old, source in [key for key in self._books.source_items if key[0] == row["sku"]]:
            level = self._books.source_items.pop((old, source))
            self._books.source_items[sku, source] = {**level, "sku": sku}
        row["sku"] = sku

    def _put(self, row: Row, given: Mapping[str, Any], scope: str) -> None:
        store = self._books.store(scope) if scope != "all" else None
        target = row
        if store is not None:
            target = self._books.scoped.setdefault((row["id"], store.id), {})
        for name in _FIELDS:
            if given.get(name) is not None:
                value = given[name]
                target[name] = number(value) if name in ("price", "weight") else value
        for one in given.get("custom_attributes") or ():
            code, value = str(one["attribute_code"]), one.get("value")
            (target if store else row["custom_attributes"])[code] = value
        more = given.get("extension_attributes") or {}
        if "website_ids" in more:
            row["extension_attributes"]["website_ids"] = [int(one) for one in more["website_ids"]]
        parts.touch(self._books, row)

    def _delete(self, call: Called) -> bool:
        row = self._one(call)
        del self._books.products[row["id"]], self._books.stock[row["id"]]
        for key in [key for key in self._books.source_items if key[0] == row["sku"]]:
            del self._books.source_items[key]
        return True

    # ------------------------------------------------ stock

    def _stock_item(self, call: Called) -> Any:
        return shown(self._books.stock[self._one(call)["id"]])

    def _set_stock_item(self, call: Called) -> int:
        row, given = self._books.stock[self._one(call)["id"]], call.given("stockItem")
        if "qty" in given:
            row["qty"] = number(given["qty"])
        if "is_in_stock" in given:
            row["is_in_stock"] = bool(given["is_in_stock"])
        return int(row["item_id"])

    def _sources(self, call: Called) -> Any:
        rows = [
            {"source_code": code, "name": code.title(), "enabled": True, "country_id": "DE",
             "postcode": "10115", "use_default_carrier_config": True, "carrier_links": []}
            for code in self._books.sources or ()
        ]  # fmt: skip
        return page_of(rows, call)

    def _source_items(self, call: Called) -> Any:
        return page_of(self._books.source_items.values(), call)

    def _set_source_items(self, call: Called) -> list[Any]:
        given = call.listed("sourceItems")
        if not given:
            raise ApiError("Input data is empty")
        errors = [error for one in given for error in _problems(one)]
        if errors:
            raise ApiError("Validation Failed", errors=errors)
        for one in given:
            if one["source_code"] not in (self._books.sources or ()):
                raise ApiError("Could not save Source Item")
        for one in given:
            self._books.put_level(
                str(one["sku"]), one["source_code"], Decimal(str(one["quantity"])),
                int(one["status"]),
            )  # fmt: skip
        return []


def _problems(one: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what is wrong with a source item."""
    found: list[dict[str, Any]] = [
        {"message": '"%field" can not be empty.', "parameters": {"field": name}}
        for name in ("sku", "source_code", "quantity", "status")
        if one.get(name) in (None, "")
    ]
    if isinstance(one.get("quantity"), str):
        found.append(
            {"message": '"%field" should be numeric.', "parameters": {"field": "quantity"}}
        )
    return found


def told(row: Row) -> Any:
    """Return a product as the API tells it: custom attributes as a list."""
    custom = [
        {"attribute_code": code, "value": value}
        for code, value in row["custom_attributes"].items()
        if value is not None
    ]
    return shown({**row, "custom_attributes": custom})
