"""The routes of products and their variations.

A list asked for by SKU has variations too. A SKU that is there is refused, as is a variation at the
route of products. Must not: check credentials, or know a fault.
"""

from collections.abc import Mapping
from typing import Any

from knect.sdk.testing import Answer, Request
from knect_connectors.woocommerce.simulator.books import Books, Row
from knect_connectors.woocommerce.simulator.meta import merge_meta
from knect_connectors.woocommerce.simulator.queries import (
    RefusedError,
    invalid,
    is_true,
    listed,
    no_route,
    too_many,
)
from knect_connectors.woocommerce.simulator.shapes import shaped

__all__ = ["GoodsApi"]

_LIMIT = 100
_SET = frozenset({
    "name", "status", "catalog_visibility", "description", "short_description", "weight", "virtual",
    "downloadable", "attributes", "default_attributes", "images", "image", "categories", "tags",
    "global_unique_id", "tax_class", "tax_status", "dimensions", "menu_order", "backorders",
    "shipping_class", "slug", "featured",
})  # fmt: skip
_STATUSES = frozenset({"draft", "pending", "private", "publish", "future"})
_SORTS = ("date", "id", "include", "title", "slug", "price", "popularity", "rating")


class GoodsApi:
    """Answers what is below `/products`."""

    def __init__(self, books: Books, base: str) -> None:
        self._books = books
        self._base = base

    def answer(self, request: Request, parts: list[str]) -> Answer:
        """Answer a request whose path is `parts`, of which the first is `products`."""
        match request.method, parts:
            case "GET", ["products"]:
                return self._list(request)
            case "POST", ["products"]:
                row = self._create(request.json())
                return Answer.of_json(self._told(row), status=201, committed=True, key=row["sku"])
            case "POST", ["products", "batch"]:
                return self._batch(request, None)
            case "GET", ["products", number] if (found := self._by_itself(number)) is not None:
                return Answer.of_json(self._told(found), key=found["sku"])
            case _, ["products", number]:
                return self._one(request, self._product(number))
            case "GET", ["products", number, "variations"]:
                rows = self._books.variations.get(self._product(number)["id"], {}).values()
                return listed(self._books, rows, request.query, self._told, spans=False)
            case "POST", ["products", number, "variations"]:
                row = self._create_variation(self._product(number), request.json())
                return Answer.of_json(self._told(row), status=201, committed=True, key=row["sku"])
            case "POST", ["products", number, "variations", "batch"]:
                return self._batch(request, self._product(number))
            case _, ["products", number, "variations", identifier]:
                return self._one(request, self._variation(self._product(number), identifier))
            case _:
                raise no_route()

    # ------------------------------------------------ finding

    def _list(self, request: Request) -> Answer:
        query = request.query
        rows = list(self._books.products.values())
        if query.get("sku"):
            skus = {one.strip().casefold() for one in (*query["sku"].split(","), query["sku"])}
            rows += [one for of in self._books.variations.values() for one in of.values()]
            rows = [row for row in rows if row["sku"].strip().casefold() in skus and row["sku"]]
        status = query.get("status", "any")
        if query.get("slug"):
            rows = [row for row in rows if row.get("slug") == query["slug"]]
        rows = [
            row for row in rows
            if (row["status"] != "trash" if status == "any" else row["status"] == status)
            and row["type"] in (query.get("type", row["type"]), "variation")
        ]  # fmt: skip
        return listed(self._books, rows, query, self._told, sorts=_SORTS)

    def _product(self, number: Any) -> Row:
        row = self._books.products.get(int(number)) if str(number).isdigit() else None
        if row is None and self._by_itself(str(number)) is not None:
            raise RefusedError(
                404,
                "woocommerce_rest_invalid_product_id",
                "To manipulate product variations you should use the"
                " /products/&lt;product_id&gt;/variations/&lt;id&gt; endpoint.",
            )
        if row is None:
            raise RefusedError(404, "woocommerce_rest_product_invalid_id", "Invalid ID.")
        return row

    def _by_itself(self, number: str) -> Row | None:
        """Return a variation: it can be read, but not changed, as if it were a product."""
        of = (one for one in self._books.variations.values() if number.isdigit())
        return next((rows[int(number)] for rows in of if int(number) in rows), None)

    def _variation(self, parent: Row, number: Any) -> Row:
        of = self._books.variations.get(parent["id"], {})
        row = of.get(int(number)) if str(number).isdigit() else None
        if row is None:
            raise RefusedError(404, "woocommerce_rest_product_variation_invalid_id", "Invalid ID.")
        return row

    def _told(self, row: Row) -> Row:
        link = f"{self._base}/products/{row['id']}"
        if row["type"] == "variation":
            link = f"{self._base}/products/{row['parent_id']}/variations/{row['id']}"
        return shaped(self._books, row, link)

    # ------------------------------------------------ changing

    def _one(self, request: Request, row: Row) -> Answer:
        if request.method == "GET":
            return Answer.of_json(self._told(row), key=row["sku"])
        if request.method in ("PUT", "POST", "PATCH"):
            self._change(row, request.json())
            return Answer.of_json(self._told(row), committed=True, key=row["sku"])
        if request.method == "DELETE" and row["type"] != "variation":
            if is_true(request.query.get("force")):
                del self._books.products[row["id"]]
            else:
                row["status"] = "trash"
            self._books.touch(row, "product.deleted")
            return Answer.of_json(self._told(row), committed=True, key=row["sku"])
        raise no_route()

    def _batch(self, request: Request, parent: Row | None) -> Answer:
        body = request.json()
        if sum(len(body.get(name) or ()) for name in ("create", "update", "delete")) > _LIMIT:
            raise too_many()
        answers: dict[str, list[Row]] = {}
        for name in ("create", "update"):
            for one in body.get(name) or ():
                answers.setdefault(name, []).append(self._in_batch(name, one, parent))
        # PHP has one kind of array: an empty one is a list
        return Answer.of_json(answers or [], committed=bool(answers), key="batch")

    def _in_batch(self, name: str, body: Mapping[str, Any], parent: Row | None) -> Row:
        try:
            if name == "create":
                made = (
                    self._create(body) if parent is None else self._create_variation(parent, body)
                )
                return self._told(made)
            number = body.get("id")
            row = self._product(number) if parent is None else self._variation(parent, number)
            self._change(row, body)
            return self._told(row)
        except RefusedError as error:
            return {"id": body.get("id", 0), "error": error.body}

    def _create(self, body: Mapping[str, Any]) -> Row:
        sku = str(body.get("sku") or "")
        self._check_sku(sku, None)
        row = self._books.add_product(
            sku, str(body.get("name") or "Product"), "", stock=None, kind=body.get("type", "simple")
        )
        row |= {"price": "", "regular_price": ""}
        self._change(row, body, "product.created")
        return row

    def _create_variation(self, parent: Row, body: Mapping[str, Any]) -> Row:
        sku = str(body.get("sku") or "")
        self._check_sku(sku, None)
        row = self._books.add_variation(parent, sku, {}, "", stock=None)
        row |= {"price": "", "regular_price": ""}
        self._change(row, body, "product.updated")
        row["attributes"] = [_named(one, parent) for one in row["attributes"]]
        return row

    def _check_sku(self, sku: str, row: Row | None) -> None:
        there = self._books.by_sku(sku) if sku else None
        if there is not None and (row is None or there["id"] != row["id"]):
            raise RefusedError(400, "product_invalid_sku", "Invalid or duplicated SKU.",
                               resource_id=there["id"], unique_sku=f"{sku}-1")  # fmt: skip

    def _change(self, row: Row, body: Mapping[str, Any], topic: str = "product.updated") -> None:
        if body.get("status", "publish") not in _STATUSES:
            raise invalid("status", "status is not one of draft, pending, …")
        if "sku" in body:
            self._check_sku(str(body["sku"]), row)
            row["sku"] = str(body["sku"])
        for name in ("regular_price", "sale_price"):
            if name in body and not isinstance(body[name], str):
                raise invalid(name, f"{name} is not of type string.")
            row[name] = body.get(name, row[name])
        for name in ("date_on_sale_from_gmt", "date_on_sale_to_gmt"):
            if body.get(name) is not None:  # null is as if it were not there
                row[name] = body[name].removesuffix("Z") or None
        row |= {name: body[name] for name in _SET if name in body}
        if "meta_data" in body:
            merge_meta(self._books, row, body["meta_data"])
        if "manage_stock" in body:
            row["manage_stock"] = body["manage_stock"]
            if row["manage_stock"] is not True:
                row["stock_quantity"] = None
        if "stock_quantity" in body and row["manage_stock"] is True:
            row["stock_quantity"] = body["stock_quantity"]
            row["stock_status"] = "instock" if (body["stock_quantity"] or 0) > 0 else "outofstock"
        row["price"] = row["sale_price"] or row["regular_price"]
        row["on_sale"] = bool(row["sale_price"])
        self._books.touch(row, topic)


def _named(attribute: Mapping[str, Any], parent: Row) -> Row:
    """Return an attribute with id and name, whichever of the two it was told by."""
    known = next(
        (one for one in parent["attributes"] if one.get("id") and one["id"] == attribute.get("id")),
        {"id": 0, "name": attribute.get("name")},
    )
    return {"id": known["id"], "name": known["name"], "option": attribute["option"]}
