"""The simulated shop's catalog: products, variants, stock per location, price lists.

Objects are dictionaries in GraphQL's field names; a field with arguments, or one that leads to
another object, is a function of its arguments. Keys that begin with `_` are the state behind.
Must not: know HTTP, GraphQL's texts or user errors; `catalog_acts` serves the mutations.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import count
from typing import Any

from knect_connectors.shopify.simulator.books import instant

__all__ = ["DEFAULT_TITLE", "Catalog"]

_Thing = dict[str, Any]
#: What the one variant of a product without options is called.
DEFAULT_TITLE = "Default Title"
_SKU = re.compile(r"(?:sku|variant_id):('(?:[^'\\]|\\.)*'|\S+)")


class Catalog:
    """Everything on sale. `now` is the shop's clock."""

    def __init__(self, now: Callable[[], datetime], currency: str) -> None:
        self._now = now
        self.currency = currency
        self.things: dict[str, _Thing] = {}
        self._kinds: dict[str, dict[str, _Thing]] = defaultdict(dict)
        self.levels: dict[tuple[str, str], dict[str, int]] = {}
        self.fixed: dict[tuple[str, str], _Thing] = {}
        #: (owner type, namespace, key) of definitions whose values are unique
        self.unique: set[tuple[str, str, str]] = set()
        #: Terms of a search that are read; what is beyond is passed over without a word.
        self.terms_read: int | None = None
        self._numbers = count(1)

    def of(self, kind: str) -> list[_Thing]:
        """Return all objects of a type, in the order they were made."""
        return list(self._kinds[kind].values())

    def get(self, identifier: str, kind: str) -> _Thing | None:
        """Return the object with this gid if it is of that type."""
        return self._kinds[kind].get(identifier)

    def new_id(self, kind: str) -> str:
        """Return an id nobody has."""
        return f"gid://shopify/{kind}/{next(self._numbers)}"

    def remove_variant(self, variant: _Thing) -> None:
        """Delete a variant and its stock, as a person in the shop would."""
        item = variant["inventoryItem"]({})
        self.things[variant["_product"]]["_variants"].remove(variant)
        for thing in (variant, item):
            del self.things[thing["id"]], self._kinds[thing["__typename"]][thing["id"]]
        for pair in [pair for pair in self.levels if pair[0] == item["id"]]:
            del self.levels[pair]

    def touch(self, thing: _Thing) -> None:
        """Move the time of change, and the product's with it."""
        thing["updatedAt"] = instant(self._now())
        if thing["__typename"] == "ProductVariant":
            self.things[thing["_product"]]["updatedAt"] = thing["updatedAt"]

    # ------------------------------------------------ making

    def add_location(self, name: str, *, active: bool = True) -> _Thing:
        """Add a place where stock is."""
        made: _Thing = {"name": name, "isActive": active}
        return self._put("Location", made)

    def add_product(self, title: str, **fields: Any) -> _Thing:
        """Add a product without variants; `options` is name -> values."""
        identifier = self.new_id("Product")
        product: _Thing = {
            "id": identifier,
            "title": title,
            "descriptionHtml": "",
            "vendor": "",
            "status": "ACTIVE",
            "tags": [],
            "handle": re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-"),
            **fields,
            "_options": [],
            "_media": [],
            "_variants": [],
            "_metafields": {},
        }
        product["options"] = lambda _: [
            {
                "__typename": "ProductOption",
                "id": f"gid://shopify/ProductOption/{identifier.rpartition('/')[2]}{place}",
                "name": name,
                "position": place,
                "values": list(values),
                "optionValues": [
                    {"__typename": "ProductOptionValue", "id": f"{place}-{value}", "name": value}
                    for value in values
                ],
            }
            for place, (name, values) in enumerate(product["_options"], 1)
        ]
        product["variants"] = lambda _: self.variants_of(identifier)
        product["media"] = lambda _: product["_media"]
        product["metafield"] = lambda asked: _metafield(product, asked)
        return self._put("Product", product)

    def add_variant(self, product: _Thing, sku: str | None, **fields: Any) -> _Thing:
        """Add a variant and its inventory item; `options` is name -> value."""
        options: Mapping[str, str] = fields.pop("options", {})
        tracked = fields.pop("tracked", True)
        shipped = fields.pop("requiresShipping", True)
        identifier = self.new_id("ProductVariant")
        item = self._item(sku, identifier, tracked=tracked, shipped=shipped)
        variant: _Thing = {
            "id": identifier,
            "barcode": None,
            "price": "0.00",
            "compareAtPrice": None,
            "requiresComponents": False,
            **fields,
            "sku": sku,
            "position": len(self.variants_of(product["id"])) + 1,
            "_product": product["id"],
            "_options": dict(options),
            "_metafields": {},
        }
        variant["product"] = lambda _: self.things[product["id"]]
        variant["inventoryItem"] = lambda _: item
        variant["metafield"] = lambda asked: _metafield(variant, asked)
        self._put("ProductVariant", variant)
        product["_variants"].append(variant)
        self.rename(variant)
        for name, value in options.items():
            self.add_option_value(product, name, value)
        return variant

    def rename(self, variant: _Thing) -> None:
        """Set what follows from a variant's options."""
        values = list(variant["_options"].values())
        variant["title"] = " / ".join(values) or DEFAULT_TITLE
        title = self.things[variant["_product"]]["title"]
        variant["displayName"] = f"{title} - {variant['title']}"
        variant["selectedOptions"] = [
            {"__typename": "SelectedOption", "name": name, "value": value}
            for name, value in (variant["_options"] or {"Title": DEFAULT_TITLE}).items()
        ]

    def add_option_value(self, product: _Thing, name: str, value: str) -> None:
        """Let an option of the product have a value."""
        for known, values in product["_options"]:
            if known == name:
                if value not in values:
                    values.append(value)
                return
        product["_options"].append((name, [value]))

    def _item(self, sku: str | None, variant: str, *, tracked: bool, shipped: bool) -> _Thing:
        item: _Thing = {
            "id": self.new_id("InventoryItem"),
            "sku": sku,
            "tracked": tracked,
            "requiresShipping": shipped,
            "measurement": {"__typename": "InventoryItemMeasurement", "weight": None},
        }
        item["inventoryLevel"] = lambda asked: self.level(item["id"], asked["locationId"])
        item["inventoryLevels"] = lambda _: [
            level
            for place in self.of("Location")
            if (level := self.level(item["id"], place["id"])) is not None
        ]
        item["variants"] = lambda _: [self.things[variant]]
        return self._put("InventoryItem", item)

    def add_price_list(self, name: str, currency: str) -> _Thing:
        """Add a price list."""
        made: _Thing = {"id": self.new_id("PriceList"), "name": name, "currency": currency}

        def prices(asked: Mapping[str, Any]) -> list[_Thing]:
            wanted = sku_terms(asked.get("query"))
            return [
                price
                for (price_list, variant), price in self.fixed.items()
                if price_list == made["id"] and (not wanted or variant.rpartition("/")[2] in wanted)
            ]

        made["prices"] = prices
        return self._put("PriceList", made)

    def _put(self, kind: str, thing: _Thing) -> _Thing:
        thing["__typename"] = kind
        thing.setdefault("id", self.new_id(kind))
        thing["legacyResourceId"] = thing["id"].rpartition("/")[2]
        thing["updatedAt"] = instant(self._now())
        self.things[thing["id"]] = self._kinds[kind][thing["id"]] = thing
        return thing

    # ------------------------------------------------ looking

    def variants_of(self, product: str) -> list[_Thing]:
        """Return a product's variants by position."""
        return list(self.things[product]["_variants"])

    def listed(self, name: str, asked: Mapping[str, Any]) -> list[_Thing]:
        """Return what a root field lists, before it is paged."""
        if name == "productVariants":
            return self.search_variants(asked.get("query"))
        if name == "priceLists":
            return self.of("PriceList")
        places = self.of("Location")
        return [one for one in places if one["isActive"] or asked["includeInactive"]]

    def search_variants(self, query: str | None) -> list[_Thing]:
        """Return variants by `sku:` terms: blanks around and case do not matter, as there."""
        wanted = {sku.strip().lower() for sku in sku_terms(query)[: self.terms_read]}
        everything = self.of("ProductVariant")
        if not wanted:
            return everything
        return [one for one in everything if (one["sku"] or "").strip().lower() in wanted]

    def level(self, item: str, location: str) -> _Thing | None:
        """Return an item's stock at a location, None where it is not stocked."""
        quantities = self.levels.get((item, location))
        place = self.get(location, "Location")
        if quantities is None or place is None:
            return None
        numbers = f"{location.rpartition('/')[2]}?inventory_item_id={item.rpartition('/')[2]}"
        return {
            "__typename": "InventoryLevel",
            "id": f"gid://shopify/InventoryLevel/{numbers}",
            "location": place,
            "quantities": lambda asked: [
                {"__typename": "InventoryQuantity", "name": name, "quantity": quantities[name]}
                for name in asked["names"]
            ],
        }

    def stock(self, sku: str, location: _Thing, available: int) -> None:
        """Put stock there, as a person in the shop would."""
        for variant in self.of("ProductVariant"):
            if variant["sku"] == sku:
                item = variant["inventoryItem"]({})
                self.set_level(item["id"], location["id"], available)

    def set_level(self, item: str, location: str, available: int) -> None:
        """Set what is available; what is committed stays."""
        level = self.levels.setdefault((item, location), {"committed": 0})
        level["available"] = available
        level["on_hand"] = available + level["committed"]

    def snapshot(self) -> dict[str, Any]:
        """Return what is on sale, as plain values: variants with their price and stock."""
        places = {place["id"]: place["name"] for place in self.of("Location")}
        return {
            "products": [
                {"id": one["id"], "title": one["title"], "status": one["status"]}
                for one in self.of("Product")
            ],
            "variants": [
                {
                    **{name: one[name] for name in ("id", "sku", "price", "compareAtPrice")},
                    "available": {
                        places[place]: level["available"]
                        for (item, place), level in self.levels.items()
                        if item == one["inventoryItem"]({})["id"]
                    },
                }
                for one in self.of("ProductVariant")
            ],
        }

    def owner_of(self, namespace: str | None, key: str, value: str, kind: str) -> _Thing | None:
        """Return the object whose metafield has this value."""
        for thing in self.of(kind):
            metafield = thing["_metafields"].get((namespace, key))
            if metafield is not None and metafield["value"] == value:
                return thing
        return None


def sku_terms(query: str | None) -> list[str]:
    """Return the values of a search text's terms."""
    return [
        re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith("'") else text
        for text in _SKU.findall(query or "")
    ]


def _metafield(thing: _Thing, asked: Mapping[str, Any]) -> _Thing | None:
    found: Sequence[_Thing] = [
        one
        for (namespace, key), one in thing["_metafields"].items()
        if (namespace, key) == (asked.get("namespace"), asked["key"])
    ]
    return found[0] if found else None
