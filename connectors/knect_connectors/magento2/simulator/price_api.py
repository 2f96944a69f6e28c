"""Routes of prices: base, special and tier. Refused rows are told with status 200, one by one.

Must not: know how a request came in.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from knect_connectors.magento2.simulator import parts
from knect_connectors.magento2.simulator.books import Books, Row
from knect_connectors.magento2.simulator.errors import price_error
from knect_connectors.magento2.simulator.money import number, shown
from knect_connectors.magento2.simulator.routes import Called, Route

__all__ = ["PriceApi"]

_CATALOG = "Magento_Catalog::catalog"
_INVALID = "Invalid attribute %fieldName = %fieldValue."
_ROW = "Row ID: SKU = %SKU, Store ID: %storeId, Price From: %priceFrom, Price To: %priceTo."
_SPECIAL = ("special_price", "special_from_date", "special_to_date")
_ALL_GROUPS, _EVERYBODY = "ALL GROUPS", 32000
_GROUPS = {"NOT LOGGED IN": 0, "General": 1, "Wholesale": 2, "Retailer": 3,
           _ALL_GROUPS: _EVERYBODY}  # fmt: skip


class PriceApi:
    """See the module."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def routes(self) -> list[Route]:
        """Return the routes."""
        found: tuple[tuple[str, Callable[[Called], Any]], ...] = (
            ("base-prices", self._set_base),
            ("base-prices-information", self._base),
            ("special-price", self._set_special),
            ("special-price-delete", self._delete_special),
            ("special-price-information", self._special),
            ("tier-prices", self._set_tiers),
            ("tier-prices-delete", self._delete_tiers),
            ("tier-prices-information", self._tiers),
        )
        return [
            Route(method="POST", path=f"products/{path}", resource=_CATALOG, do=do)
            for path, do in found
        ]

    def _values(self, row: Row, store: int) -> Row:
        """Return where a store view's values are kept."""
        if not store:
            return row
        return self._books.scoped.setdefault((row["id"], store), {})

    def _told(self, call: Called, values: Callable[[Row], list[Row]]) -> list[Any]:
        found = []
        for sku in call.given("skus"):
            if (row := self._books.product(str(sku))) is not None:
                found += [{"sku": row["sku"], **one} for one in values(row)]
        return [shown(one) for one in found]

    def _scopes(self, row: Row) -> list[tuple[int, Row]]:
        flat = {**row, **row["custom_attributes"]}
        stores = [(s, v) for (p, s), v in self._books.scoped.items() if p == row["id"]]
        return [(0, flat), *stores]

    # ------------------------------------------------ base

    def _base(self, call: Called) -> Any:
        return self._told(call, lambda row: [
            {"price": values["price"], "store_id": store}
            for store, values in self._scopes(row) if values.get("price") is not None
        ])  # fmt: skip

    def _set_base(self, call: Called) -> list[Any]:
        errors = []
        for one in call.listed("prices"):
            row = self._books.product(str(one.get("sku") or ""))
            if row is None or row["type_id"] not in ("simple", "virtual", "downloadable", "bundle"):
                errors.append(price_error(_INVALID, {"f": "SKU", "v": one.get("sku")}))
            elif one.get("price") is None or number(one["price"]) < 0:
                errors.append(price_error(_INVALID, {"f": "Price", "v": one.get("price")}))
            elif one["store_id"] and self._books.store(one["store_id"]) is None:
                message = "Requested store is not found. Row ID: SKU = %SKU, Store ID: %storeId."
                errors.append(price_error(message, {"s": one["sku"], "i": one["store_id"]}))
            else:
                store = 0 if self._books.price_scope == "global" else int(one["store_id"])
                self._values(row, store)["price"] = number(one["price"])
                parts.touch(self._books, row)
        return errors

    # ------------------------------------------------ special

    def _special(self, call: Called) -> Any:
        """Tell special prices; days are joined by the product only, not by the store view."""

        def told(row: Row) -> list[Row]:
            scopes = self._scopes(row)
            first, last = (
                [values[name] for _, values in scopes if values.get(name)] or [""]
                for name in ("special_from_date", "special_to_date")
            )
            return [
                {"price": values["special_price"], "store_id": store, "price_from": since,
                 "price_to": until}
                for store, values in scopes if values.get("special_price") is not None
                for since in first for until in last
            ]  # fmt: skip

        return self._told(call, told)

    def _checked(
        self, call: Called, do: Callable[[Row, Row, Mapping[str, Any]], None]
    ) -> list[Any]:
        errors = []
        for one in call.listed("prices"):
            told = {"SKU": one.get("sku"), "storeId": one.get("store_id"),
                    "priceFrom": one.get("price_from"), "priceTo": one.get("price_to")}  # fmt: skip
            row = self._books.product(str(one.get("sku") or ""))
            store = int(one.get("store_id") or 0)
            dates = [one[name] for name in ("price_from", "price_to") if one.get(name)]
            if row is None:
                message = ("The product that was requested doesn't exist. Verify the product and"
                           f" try again. {_ROW}")  # fmt: skip
                errors.append(price_error(message, told))
            elif store and self._books.price_scope == "global":
                message = f"Could not change non global Price when price scope is global. {_ROW}"
                errors.append(price_error(message, told))
            elif one.get("price") is None or number(one["price"]) < 0:
                message = f"Invalid attribute Price = %price. {_ROW}"
                errors.append(price_error(message, {"price": one.get("price"), **told}))
            elif not all(map(_is_instant, dates)):
                message = f"Invalid attribute %label = %priceTo. {_ROW}"
                errors.append(price_error(message, {"label": "Price From", **told}))
            else:
                place = self._values(row, store) if store else row["custom_attributes"]
                do(row, place, one)
                parts.touch(self._books, row)
        return errors

    def _set_special(self, call: Called) -> list[Any]:
        def put(row: Row, place: Row, one: Mapping[str, Any]) -> None:
            del row
            place["special_price"] = number(one["price"])
            if one.get("price_from"):
                place["special_from_date"] = one["price_from"]
            if one.get("price_to"):
                place["special_to_date"] = one["price_to"]

        return self._checked(call, put)

    def _delete_special(self, call: Called) -> list[Any]:
        def take(row: Row, place: Row, one: Mapping[str, Any]) -> None:
            del row, one  # whatever its price is
            for name in _SPECIAL:
                place.pop(name, None)

        return self._checked(call, take)

    # ------------------------------------------------ tier

    def _tiers(self, call: Called) -> Any:
        names = {identifier: name for name, identifier in _GROUPS.items()}
        return self._told(call, lambda row: [
            {"price": tier["value"], "price_type": "fixed",
             "website_id": tier["extension_attributes"]["website_id"],
             "customer_group": names[tier["customer_group_id"]], "quantity": tier["qty"]}
            for tier in row["tier_prices"]
        ])  # fmt: skip

    def _set_tiers(self, call: Called) -> list[Any]:
        errors = []
        for one in call.listed("prices"):
            row = self._books.product(str(one.get("sku") or ""))
            if row is None:
                errors.append(price_error(_INVALID, {"f": "SKU", "v": one.get("sku")}))
                continue
            if one["customer_group"] not in _GROUPS:
                message = "No such entity with Customer Group = %customerGroup."
                errors.append(price_error(message, {"g": one["customer_group"]}))
                continue
            tier = _tier(one)
            others = [old for old in row["tier_prices"] if _place(old) != _place(tier)]
            row["tier_prices"] = [*others, tier]
            parts.touch(self._books, row)
        return errors

    def _delete_tiers(self, call: Called) -> list[Any]:
        for one in call.listed("prices"):
            row = self._books.product(str(one.get("sku") or ""))
            if row is not None:
                wanted = _tier(one)
                row["tier_prices"] = [old for old in row["tier_prices"] if old != wanted]
                parts.touch(self._books, row)
        return []


def _is_instant(text: str) -> bool:
    try:
        return text == datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return False


def _tier(one: Mapping[str, Any]) -> Row:
    return {
        "customer_group_id": _GROUPS.get(one["customer_group"], _EVERYBODY),
        "qty": number(one["quantity"]), "value": number(one["price"]),
        "extension_attributes": {"website_id": int(one["website_id"])},
    }  # fmt: skip


def _place(tier: Row) -> tuple[Any, ...]:
    return tier["customer_group_id"], tier["qty"], tier["extension_attributes"]["website_id"]
