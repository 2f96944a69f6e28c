"""The catalog's mutations: what they change, and the user errors they answer, as the platform.

Must not: be called for anything but a mutation that was validated against the schema.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from knect_connectors.shopify.simulator.books import instant
from knect_connectors.shopify.simulator.catalog import Catalog

__all__ = ["CatalogActs"]

_Arguments = Mapping[str, Any]
_Payload = dict[str, Any]
_MOST_OPTIONS = 3
_MOST_VARIANTS = 2048
_MOST_QUANTITIES = 250


class CatalogActs:
    """Mutations by name; `adjustments` counts stock changes that really happened."""

    def __init__(self, catalog: Catalog, now: Callable[[], Any]) -> None:
        self._catalog = catalog
        self._now = now
        self.adjustments = 0

    def serve(self, name: str, arguments: _Arguments) -> _Payload | None:
        """Return the payload, None if the mutation is none of the catalog's."""
        act = {
            "inventorySetQuantities": self._set_quantities,
            "inventoryActivate": self._activate,
            "productCreate": self._create_product,
            "productUpdate": self._update_product,
            "productOptionsCreate": self._create_options,
            "productVariantsBulkCreate": self._create_variants,
            "productVariantsBulkUpdate": self._update_variants,
            "priceListFixedPricesAdd": self._add_prices,
            "metafieldDefinitionCreate": self._define,
        }.get(name)
        return act(arguments) if act else None

    # ------------------------------------------------ stock

    def _set_quantities(self, arguments: _Arguments) -> _Payload:
        """All rows or none; every row names what it changes from (null: whatever it is)."""
        wanted = arguments["input"]
        rows = wanted["quantities"]
        errors = []
        if wanted["name"] != "available":
            errors.append(
                _error(["input", "name"], "The quantity name is invalid.", "INVALID_NAME")
            )
        pairs = [(row["inventoryItemId"], row["locationId"]) for row in rows]
        for index, (row, pair) in enumerate(zip(rows, pairs, strict=True)):
            found = self._quantity_error(row, pair, is_double=pairs.index(pair) != index)
            if found:
                field, message, code = found
                path = ["input", "quantities", str(index), field]
                errors.append(_error(path, message, code))
        if errors:
            return {"inventoryAdjustmentGroup": None, "userErrors": errors}
        for row, pair in zip(rows, pairs, strict=True):
            self._catalog.set_level(*pair, row["quantity"])
            self.adjustments += 1
        group = {
            "__typename": "InventoryAdjustmentGroup",
            "id": self._catalog.new_id("InventoryAdjustmentGroup"),
            "createdAt": instant(self._now()),
            "reason": wanted["reason"],
        }
        return {"inventoryAdjustmentGroup": group, "userErrors": []}

    def _quantity_error(
        self, row: _Arguments, pair: tuple[str, str], *, is_double: bool
    ) -> tuple[str, str, str] | None:
        catalog = self._catalog
        item, place = catalog.get(pair[0], "InventoryItem"), catalog.get(pair[1], "Location")
        level = catalog.levels.get(pair)
        if item is None:
            text = "The specified inventory item could not be found."
            return "inventoryItemId", text, "INVALID_INVENTORY_ITEM"
        if place is None or not place["isActive"]:
            return "locationId", "The specified location could not be found.", "INVALID_LOCATION"
        if is_double:
            text = "The combination of inventoryItemId and locationId must be unique."
            return "locationId", text, "NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR"
        if level is None:
            text = "The specified inventory item is not stocked at the location."
            return "locationId", text, "ITEM_NOT_STOCKED_AT_LOCATION"
        if any(one["requiresComponents"] for one in item["variants"]({})):
            text = "The specified inventory item is not allowed to be adjusted."
            return "inventoryItemId", text, "NON_MUTABLE_INVENTORY_ITEM"
        if row["quantity"] > 1_000_000_000:
            return "quantity", "The quantity is too high.", "INVALID_QUANTITY_TOO_HIGH"
        expected = row.get("changeFromQuantity")
        if expected is not None and expected != level["available"]:
            text = "The changeFromQuantity argument no longer matches the persisted quantity."
            return "changeFromQuantity", text, "CHANGE_FROM_QUANTITY_STALE"
        return None

    def _activate(self, arguments: _Arguments) -> _Payload:
        catalog = self._catalog
        item, place = arguments["inventoryItemId"], arguments["locationId"]
        location = catalog.get(place, "Location")
        if catalog.get(item, "InventoryItem") is None or not location or not location["isActive"]:
            error = _error(["locationId"], "The inventory item or location was not found.")
            return {"inventoryLevel": None, "userErrors": [error]}
        if (item, place) in catalog.levels and arguments.get("available") is not None:
            error = _error(["available"], "Not allowed to set available quantity when the item is"
                           " already active at the location.")  # fmt: skip
            return {"inventoryLevel": None, "userErrors": [error]}
        catalog.set_level(item, place, arguments.get("available") or 0)
        self.adjustments += 1
        return {"inventoryLevel": catalog.level(item, place), "userErrors": []}

    # ------------------------------------------------ products

    def _create_product(self, arguments: _Arguments) -> _Payload:
        catalog, given = self._catalog, arguments["product"] or {}
        errors = []
        if not (given.get("title") or "").strip():
            errors.append(_error(["title"], "Title can't be blank"))
        options = given.get("productOptions") or []
        if len(options) > _MOST_OPTIONS:
            errors.append(_error(["productOptions"], "Can only specify a maximum of 3 options"))
        errors += self._metafield_errors(given, "Product", None)
        if errors:
            return {"product": None, "userErrors": errors}
        product = catalog.add_product(given["title"], status="ACTIVE")
        self._write_product(product, given, arguments.get("media"))
        first = {}
        for option in options:
            for value in option["values"]:
                catalog.add_option_value(product, option["name"], value["name"])
            first[option["name"]] = option["values"][0]["name"]
        catalog.add_variant(product, None, options=first, tracked=False)
        return {"product": product, "userErrors": []}

    def _update_product(self, arguments: _Arguments) -> _Payload:
        given = arguments["product"] or {}
        product = self._catalog.get(given.get("id") or "", "Product")
        if product is None:
            return {"product": None, "userErrors": [_error(["id"], "Product does not exist")]}
        if "title" in given and not (given["title"] or "").strip():
            return {"product": None, "userErrors": [_error(["title"], "Title can't be blank")]}
        if errors := self._metafield_errors(given, "Product", product["id"]):
            return {"product": None, "userErrors": errors}
        self._write_product(product, given, arguments.get("media"))
        return {"product": product, "userErrors": []}

    def _write_product(self, product: _Payload, given: _Arguments, media: Any) -> None:
        for name in ("title", "descriptionHtml", "vendor", "status", "tags"):
            if given.get(name) is not None:
                product[name] = given[name]
        self._write_metafields(product, given)
        for one in media or ():
            product["_media"].append(
                {
                    "__typename": "MediaImage",
                    "id": self._catalog.new_id("MediaImage"),
                    "alt": one.get("alt"),
                    "mediaContentType": one["mediaContentType"],
                    "status": "READY",
                    "_source": one["originalSource"],
                }
            )
        for variant in self._catalog.variants_of(product["id"]):
            self._catalog.rename(variant)
        self._catalog.touch(product)

    def _create_options(self, arguments: _Arguments) -> _Payload:
        """Every variant there is gets the first value of a new option."""
        product = self._catalog.get(arguments["productId"], "Product")
        if product is None:
            error = _error(["productId"], "Product does not exist", "PRODUCT_DOES_NOT_EXIST")
            return {"product": None, "userErrors": [error]}
        if len(product["_options"]) + len(arguments["options"]) > _MOST_OPTIONS:
            error = _error(["options"], "Can only specify a maximum of 3 options",
                           "OPTIONS_OVER_LIMIT")  # fmt: skip
            return {"product": None, "userErrors": [error]}
        for option in arguments["options"]:
            for value in option["values"]:
                self._catalog.add_option_value(product, option["name"], value["name"])
            for variant in self._catalog.variants_of(product["id"]):
                variant["_options"][option["name"]] = option["values"][0]["name"]
                self._catalog.rename(variant)
        return {"product": product, "userErrors": []}

    def _create_variants(self, arguments: _Arguments) -> _Payload:
        catalog = self._catalog
        product = catalog.get(arguments["productId"], "Product")
        if product is None:
            error = _error(["productId"], "Product does not exist", "PRODUCT_DOES_NOT_EXIST")
            return {"productVariants": None, "userErrors": [error]}
        there = catalog.variants_of(product["id"])
        if len(there) + len(arguments["variants"]) > _MOST_VARIANTS:
            error = _error(["variants"], f"The product can only have {_MOST_VARIANTS} variants",
                           "SUBSCRIPTION_VIOLATION")  # fmt: skip
            return {"productVariants": None, "userErrors": [error]}
        taken = {tuple(sorted(one["_options"].items())) for one in there}
        errors = []
        for index, given in enumerate(arguments["variants"]):
            options = _options(given)
            path = ["variants", str(index)]
            if {name for name, _ in product["_options"]} - set(options):
                text = "Need to add option values"
                errors.append(_error(path, text, "NEED_TO_ADD_OPTION_VALUES"))
            elif tuple(sorted(options.items())) in taken:
                text = f"The variant '{' / '.join(options.values())}' already exists."
                errors.append(_error(path, text, "VARIANT_ALREADY_EXISTS"))
            taken.add(tuple(sorted(options.items())))
            errors += _price_errors(given, path)
            errors += self._metafield_errors(given, "ProductVariant", None, path)
        if errors:
            return {"productVariants": None, "userErrors": errors}
        made = []
        for given in arguments["variants"]:
            variant = catalog.add_variant(product, None, options=_options(given))
            self._write_variant(variant, given)
            made.append(variant)
        return {"productVariants": made, "userErrors": []}

    def _update_variants(self, arguments: _Arguments) -> _Payload:
        catalog = self._catalog
        product = catalog.get(arguments["productId"], "Product")
        if product is None:
            error = _error(["productId"], "Product does not exist", "PRODUCT_DOES_NOT_EXIST")
            return {"productVariants": None, "userErrors": [error]}
        errors, found = [], []
        for index, given in enumerate(arguments["variants"]):
            path = ["variants", str(index)]
            variant = catalog.get(given.get("id") or "", "ProductVariant")
            if variant is None or variant["_product"] != product["id"]:
                text = "Product variant does not exist"
                errors.append(_error([*path, "id"], text, "PRODUCT_VARIANT_DOES_NOT_EXIST"))
                continue
            wrong = _price_errors(given, path)
            wrong += self._metafield_errors(given, "ProductVariant", variant["id"], path)
            errors += wrong
            if not wrong:
                found.append((variant, given))
        if errors and not arguments["allowPartialUpdates"]:
            return {"productVariants": None, "userErrors": errors}
        for variant, given in found:
            self._write_variant(variant, given)
        return {"productVariants": [variant for variant, _ in found], "userErrors": errors}

    def _write_variant(self, variant: _Payload, given: _Arguments) -> None:
        catalog = self._catalog
        for name in ("price", "compareAtPrice"):
            if name in given:
                value = given[name]
                variant[name] = None if value is None else f"{Decimal(str(value)):.2f}"
        if "barcode" in given:
            variant["barcode"] = given["barcode"]
        item = variant["inventoryItem"]({})
        stock = given.get("inventoryItem") or {}
        for name in ("sku", "tracked", "requiresShipping"):
            if name in stock:
                item[name] = stock[name]
        if "measurement" in stock:
            weight = (stock["measurement"] or {}).get("weight")
            item["measurement"]["weight"] = {"__typename": "Weight", **weight} if weight else None
        variant["sku"] = item["sku"]
        if given.get("optionValues"):
            variant["_options"] = {**variant["_options"], **_options(given)}
            product = catalog.things[variant["_product"]]
            for name, value in variant["_options"].items():
                catalog.add_option_value(product, name, value)
            catalog.rename(variant)
        self._write_metafields(variant, given)
        catalog.touch(variant)

    # ------------------------------------------------ metafields

    def _define(self, arguments: _Arguments) -> _Payload:
        given = arguments["definition"]
        owner = {"PRODUCT": "Product", "PRODUCTVARIANT": "ProductVariant"}[given["ownerType"]]
        name = (owner, given.get("namespace") or "", given["key"])
        if name in self._catalog.unique:
            error = _error(["definition", "key"], "Key is in use for this owner type.", "TAKEN")
            return {"createdDefinition": None, "userErrors": [error]}
        self._catalog.unique.add(name)
        made = {
            "__typename": "MetafieldDefinition",
            "id": self._catalog.new_id("MetafieldDefinition"),
            "namespace": name[1],
            "key": name[2],
        }
        return {"createdDefinition": made, "userErrors": []}

    def _metafield_errors(
        self, given: _Arguments, kind: str, owner: str | None, path: list[str] | None = None
    ) -> list[_Payload]:
        errors = []
        for index, one in enumerate(given.get("metafields") or ()):
            if (kind, one["namespace"], one["key"]) not in self._catalog.unique:
                continue
            other = self._catalog.owner_of(one["namespace"], one["key"], one["value"], kind)
            if other is not None and other["id"] != owner:
                where = [*(path or []), "metafields", str(index), "value"]
                errors.append(_error(where, "Value must be unique", "INVALID_INPUT"))
        return errors

    def _write_metafields(self, thing: _Payload, given: _Arguments) -> None:
        for one in given.get("metafields") or ():
            thing["_metafields"][one["namespace"], one["key"]] = {
                "__typename": "Metafield",
                "id": self._catalog.new_id("Metafield"),
                **one,
            }

    # ------------------------------------------------ price lists

    def _add_prices(self, arguments: _Arguments) -> _Payload:
        catalog = self._catalog
        prices = catalog.get(arguments["priceListId"], "PriceList")
        if prices is None:
            error = _error(["priceListId"], "Price list does not exist.", "PRICE_LIST_NOT_FOUND")
            return {"prices": None, "userErrors": [error]}
        errors = []
        for index, row in enumerate(arguments["prices"]):
            if catalog.get(row["variantId"], "ProductVariant") is None:
                path = ["prices", str(index), "variantId"]
                errors.append(_error(path, "Variant not found.", "VARIANT_NOT_FOUND"))
            elif row["price"]["currencyCode"] != prices["currency"]:
                path = ["prices", str(index), "price", "currencyCode"]
                text = "The price list and price currencies do not match."
                errors.append(_error(path, text, "PRICE_LIST_CURRENCY_MISMATCH"))
        if errors:
            return {"prices": None, "userErrors": errors}
        made = []
        for row in arguments["prices"]:
            price = {
                "__typename": "PriceListPrice",
                "price": _money(row["price"]),
                "compareAtPrice": _money(row.get("compareAtPrice")),
                "originType": "FIXED",
                "variant": catalog.things[row["variantId"]],
            }
            catalog.fixed[prices["id"], row["variantId"]] = price
            made.append(price)
        return {"prices": made, "userErrors": []}


def _money(given: _Arguments | None) -> _Payload | None:
    if given is None:
        return None
    amount = f"{Decimal(str(given['amount'])):.2f}"
    return {"__typename": "MoneyV2", "amount": amount, "currencyCode": given["currencyCode"]}


def _options(given: _Arguments) -> dict[str, str]:
    return {one["optionName"]: one["name"] for one in given.get("optionValues") or ()}


def _price_errors(given: _Arguments, path: list[str]) -> list[_Payload]:
    price = given.get("price")
    if price is not None and Decimal(str(price)) < 0:
        return [_error([*path, "price"], "Price must be positive", "NEGATIVE_PRICE_VALUE")]
    return []


def _error(field: list[str], message: str, code: str | None = None) -> _Payload:
    kind = {} if code is None else {"code": code}
    return {"field": field, "message": message, **kind}
