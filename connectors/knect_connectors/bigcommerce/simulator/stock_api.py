"""Routes about stock: places, items, and absolute adjustments, which are applied a while later.

Must not: know the quota, credentials or faults.
"""

from typing import Any

from knect.sdk.testing import Answer, Request
from knect.seams import new_id
from knect_connectors.bigcommerce.simulator.books import Books, Row
from knect_connectors.bigcommerce.simulator.wire import ids_in, page_v3, problem

__all__ = ["StockApi"]

_MOST = 2_000


class StockApi:
    """Stock of one store; an adjustment is seen `lag` seconds after it was answered."""

    def __init__(self, books: Books, *, lag: float = 0.0) -> None:
        self._books = books
        self._lag = lag
        self._coming: list[tuple[float, tuple[int, int], int]] = []

    def route(self, request: Request, steps: list[str]) -> Answer:
        """Answer below `/v3/inventory`."""
        self._settle()
        match request.method, steps:
            case "GET", ["items"]:
                return self._items(request)
            case "GET", ["locations"]:
                return self._locations(request)
            case "GET", ["locations", number, "items"]:
                return self._at(request, number)
            case "PUT", ["adjustments", "absolute"]:
                return self._adjust(request)
            case _:
                return problem(404, "The resource was not found.")

    def _settle(self) -> None:
        now = self._books.clock.monotonic()
        for due, key, quantity in self._coming:
            if due <= now:
                self._set(key, quantity)
        self._coming = [one for one in self._coming if one[0] > now]

    def _set(self, key: tuple[int, int], quantity: int) -> None:
        self._books.levels[key] = quantity
        variant = self._books.variants.get(key[1])
        if variant is None:
            return
        product = self._books.products[variant["product_id"]]
        total = sum(n for (_, one), n in self._books.levels.items() if one == key[1])
        variant["inventory_level"] = total
        data = {"method": "absolute", "value": total, "product_id": product["id"]}
        if product["inventory_tracking"] == "variant":
            about = {"type": "sku", "id": variant["sku_id"],
                     "inventory": {**data, "variant_id": variant["id"]}}  # fmt: skip
            self._books.tell("store/sku/inventory/updated", about)
        else:
            about = {"type": "product", "id": product["id"], "inventory": data}
            self._books.tell("store/product/inventory/updated", about)

    def _level(self, place: int, variant: int) -> Row:
        pieces = self._books.levels.get((place, variant), 0)
        settings = {"safety_stock": 0, "is_in_stock": True, "warning_level": 0,
                    "bin_picking_number": ""}  # fmt: skip
        return {"available_to_sell": pieces, "total_inventory_onhand": pieces,
                "settings": settings}  # fmt: skip

    def _wanted(self, request: Request) -> list[Row]:
        rows = sorted(self._books.variants.values(), key=lambda row: row["id"])
        for name, field in (
            ("sku:in", "sku"), ("variant_id:in", "id"), ("product_id:in", "product_id")
        ):  # fmt: skip
            if (wanted := ids_in(request, name)) is not None:
                folded = {one.casefold() for one in wanted}
                rows = [row for row in rows if str(row[field]).casefold() in folded]
        return rows

    def _items(self, request: Request) -> Answer:
        places = [
            place for place in self._books.locations.values()
            if (wanted := ids_in(request, "location_id:in")) is None or str(place["id"]) in wanted
        ]  # fmt: skip
        rows: list[Row] = [
            {
                "identity": _identity(row),
                "locations": [
                    {"location_id": place["id"], "location_code": place["code"],
                     "location_name": place["label"], "location_enabled": place["enabled"],
                     **self._level(place["id"], row["id"])}
                    for place in places
                ],
            }
            for row in self._wanted(request)
        ]  # fmt: skip
        return page_v3(request, rows, key="items", most=1_000)

    def _at(self, request: Request, number: str) -> Answer:
        if not number.isdecimal() or int(number) not in self._books.locations:
            return problem(404, "Location not found")
        rows = [
            {"identity": _identity(row), **self._level(int(number), row["id"])}
            for row in self._wanted(request)
        ]
        return page_v3(request, rows, key="items", most=1_000)

    def _locations(self, request: Request) -> Answer:
        rows = list(self._books.locations.values())
        if (wanted := ids_in(request, "location_code:in")) is not None:
            rows = [row for row in rows if row["code"] in wanted]
        return page_v3(request, rows, key="locations", most=1_000)

    def _adjust(self, request: Request) -> Answer:
        items = request.json().get("items") or []
        if len(items) > _MOST:
            return problem(422, f"Payload must not have more than {_MOST} items", {})
        found: list[tuple[tuple[int, int], int]] = []
        errors: dict[str, str] = {}
        for index, item in enumerate(items):
            variant, title = self._variant(item)
            if title:
                return problem(422, title, {})
            if item.get("location_id") not in self._books.locations:
                errors[f"items.{index}.location_id"] = "location does not exist"
            elif variant is None:
                errors[f"items.{index}"] = "inventory item does not exist"
            elif not isinstance(item.get("quantity"), int) or item["quantity"] < 0:
                errors[f"items.{index}.quantity"] = "must be a whole number, not below zero"
            else:
                found.append(((item["location_id"], variant["id"]), item["quantity"]))
        if errors:
            return problem(422, "Validation failed", errors)
        due = self._books.clock.monotonic() + self._lag
        self._coming += [(due, key, quantity) for key, quantity in found]
        self._settle()
        answer = {"transaction_id": new_id()}
        return Answer.of_json(answer, key="adjustment", committed=True)

    def _variant(self, item: Row) -> tuple[Row | None, str]:
        """Return the variant a row is about, and what is wrong with how it is tracked."""
        books = self._books
        variant: Any = None
        if "product_id" in item:
            product = books.products.get(item["product_id"])
            if product is not None and _is_by_variant(product):
                return None, (
                    f"[Item with product_id {item['product_id']} is tracked by variant, please"
                    " update stock by variant id]"
                )
            variant = next(iter(books.variants_of(item["product_id"])), None)
        elif "variant_id" in item:
            variant = books.variants.get(item["variant_id"])
        else:
            variant = books.variant_by_sku(str(item.get("sku", "")))
        if variant is None:
            return None, ""
        product = books.products[variant["product_id"]]
        if product["inventory_tracking"] == "none":
            return None, f"[Item with variant_id {variant['id']} is not tracked]"
        if product["inventory_tracking"] == "product" and "product_id" not in item:
            return None, (f"[Item with variant_id {variant['id']} is tracked by product, please"
                          " update stock by product id]")  # fmt: skip
        return variant, ""


def _identity(row: Row) -> Row:
    return {"sku": row["sku"], "variant_id": row["id"], "product_id": row["product_id"],
            "sku_id": row["sku_id"]}  # fmt: skip


def _is_by_variant(product: Row) -> bool:
    return product["inventory_tracking"] == "variant" and not product["base_variant_id"]
