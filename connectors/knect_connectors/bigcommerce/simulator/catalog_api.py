"""Routes about the catalog: products, variants, price lists and their records.

Must not: know the quota, credentials or faults.
"""

from decimal import Decimal
from typing import Any

import msgspec

from knect.sdk.testing import Answer, Request
from knect_connectors.bigcommerce.payload import read_instant
from knect_connectors.bigcommerce.simulator.books import Books, Row, iso
from knect_connectors.bigcommerce.simulator.wire import (
    TYPE,
    created,
    ids_in,
    instant_of,
    page_v3,
    problem,
    shown,
)

__all__ = ["catalog_route", "price_route"]

_exact = msgspec.json.Decoder(float_hook=Decimal)
_READ_ONLY = ("id", "date_created", "date_modified", "calculated_price", "base_variant_id")
_MOST_PRODUCTS, _MOST_VARIANTS, _MOST_PRICES = 10, 50, 1_000
_PRICES = ("price", "sale_price", "retail_price", "map_price")


def catalog_route(books: Books, request: Request, steps: list[str]) -> Answer:
    """Answer below `/v3/catalog`."""
    match request.method, steps:
        case "GET", ["products"]:
            return _products(books, request)
        case "POST", ["products"]:
            return _make(books, _exact.decode(request.body))
        case "PUT", ["products"]:
            return _change(books, _exact.decode(request.body))
        case "GET", ["products", number] if number.isdecimal() and int(number) in books.products:
            row = books.products[int(number)]
            return Answer.of_json({"data": _with(books, request, row), "meta": {}}, key="product")
        case "POST", ["products", number, "variants"] if number.isdecimal():
            return _add_variant(books, books.products.get(int(number)), request)
        case "PUT", ["products", number, "variants", variant] if variant.isdecimal():
            return _change_variant(books, books.variants.get(int(variant)), request)
        case "GET", ["products", number, "options"] if number.isdecimal():
            rows = (books.products.get(int(number)) or {}).get("_options", [])
            return page_v3(request, rows, key="options")
        case "POST", ["products", number, "options", option, "values"]:
            return _add_value(books, books.products.get(int(number)), int(option), request)
        case "GET", ["variants"]:
            return _variants(books, request)
        case "PUT", ["variants"]:
            return _change_variants(books, _exact.decode(request.body))
        case _:
            return problem(404, "The resource was not found.")


# ---------------------------------------------------------------- products


def _products(books: Books, request: Request) -> Answer:
    rows = sorted(books.products.values(), key=lambda row: row["id"])
    least, most = (instant_of(request, f"date_modified:{end}") for end in ("min", "max"))
    rows = [
        row for row in rows
        if (least is None or read_instant(row["date_modified"]) >= least)
        and (most is None or read_instant(row["date_modified"]) <= most)
    ]  # fmt: skip
    if (wanted := ids_in(request, "id:in")) is not None:
        rows = [row for row in rows if str(row["id"]) in wanted]
    if (skus := ids_in(request, "sku:in")) is not None:
        rows = [row for row in rows if row["sku"] in skus]
    if name := request.query.get("name"):
        rows = [row for row in rows if row["name"] == name]
    if (first := request.query.get("id:min", "")).isdecimal():
        rows = [row for row in rows if row["id"] >= int(first)]
    if request.query.get("sort") == "date_modified":
        rows.sort(key=lambda row: read_instant(row["date_modified"]))
    rows = [_with(books, request, row) for row in rows]
    return page_v3(request, rows, key="products")


def _with(books: Books, request: Request, row: Row) -> Row:
    include = request.query.get("include", "").split(",")
    product = shown(row)
    if fields := request.query.get("include_fields"):
        names = {"id", *fields.split(",")}
        product = {name: value for name, value in product.items() if name in names}
    if "variants" in include:
        product["variants"] = books.variants_of(row["id"])
    if "options" in include:
        product["options"] = row["_options"]
    return product


def _make(books: Books, body: Row) -> Answer:
    missing = {name: f"{name} is required" for name in ("name", "type", "weight", "price")
               if body.get(name) in (None, "")}  # fmt: skip
    if missing:
        return problem(422, "JSON data is missing or invalid", missing)
    if any(row["name"].casefold() == body["name"].casefold() for row in books.products.values()):
        title = "The product name is a duplicate"
        return problem(409, title, {"name": title})
    variants = body.pop("variants", [])
    if brand := body.pop("brand_name", None):
        body["brand_id"] = books.brands.setdefault(brand, len(books.brands) + 30)
    skus = [one["sku"] for one in (variants or [body]) if one.get("sku")]
    if body.get("sku") and variants:
        skus.append(body["sku"])
    for sku in skus:
        if books.variant_by_sku(sku) or skus.count(sku) > 1:
            title = f"The product sku {sku} is a duplicate"
            return problem(409, title, {"sku": title})
    row = books.add_product(
        body.get("sku", ""), body["name"], body["price"],
        tracking=body.get("inventory_tracking", "none"),
    )  # fmt: skip
    row |= {name: value for name, value in body.items() if name not in _READ_ONLY}
    for one in variants:
        options = {v["option_display_name"]: v["label"] for v in one.get("option_values") or ()}
        made = books.add_variant(row, one.get("sku", ""), options, price=one.get("price"))
        made |= {k: v for k, v in one.items() if k not in ("id", "option_values", "product_id")}
    books.tell("store/product/created", {"type": "product", "id": row["id"]})
    return created({**shown(row), "variants": books.variants_of(row["id"])}, key="product")


def _change(books: Books, rows: list[Row]) -> Answer:
    if len(rows) > _MOST_PRODUCTS:
        title = "The request payload is too large. The maximum items allowed in the array is 10."
        return problem(413, title, {})
    done: list[Row] = []
    errors: dict[str, str] = {}
    for index, body in enumerate(rows):
        row = books.products.get(body.get("id", 0))
        if row is None:
            errors[f"{index}.id"] = f"product {body.get('id')} does not exist"
        elif Decimal(body.get("price", 0)) < 0:
            errors[f"{index}.price"] = "price must not be below zero"
        elif row["id"] in books.stuck:
            errors[f"{index}.url"] = "the URL was not saved"
            done.append(shown(row))
        else:
            row |= {name: value for name, value in body.items() if name not in _READ_ONLY}
            row["date_modified"] = iso(books.now())
            if row["base_variant_id"] and "sku" in body:
                books.variants[row["base_variant_id"]]["sku"] = body["sku"]
            books.tell("store/product/updated", {"type": "product", "id": row["id"]})
            done.append(shown(row))
    if errors and not done:
        return problem(422, "JSON data is missing or invalid", errors)
    if errors:
        title = "Multi-status: some products were not updated"
        wrong = {"status": 422, "title": title, "type": TYPE, "errors": errors}
        body = {"data": done, "meta": {}, "errors": wrong}
        return Answer.of_json(body, status=207, key="products", committed=True)
    return created(done, key="products")


# ---------------------------------------------------------------- variants


def _add_variant(books: Books, product: Row | None, request: Request) -> Answer:
    if product is None:
        return problem(404, "The resource was not found.")
    body = _exact.decode(request.body)
    if books.variant_by_sku(str(body.get("sku", ""))):
        title = f"The product sku {body['sku']} is a duplicate"
        return problem(409, title, {"sku": title})
    options: dict[str, str] = {}
    for given in body.get("option_values") or ():
        for option in product["_options"]:
            for value in option["option_values"]:
                if (option["id"], value["id"]) == (given.get("option_id"), given.get("id")):
                    options[option["display_name"]] = value["label"]
    if len(options) != len(product["_options"]):
        return problem(422, "Please include all of the product's options in option_values.", {})
    row = books.add_variant(product, body["sku"], options, price=body.get("price"))
    row |= {k: v for k, v in body.items() if k not in ("id", "option_values", "product_id")}
    product["date_modified"] = iso(books.now())
    books.tell("store/sku/created", {"type": "sku", "id": row["sku_id"], "sku": {
        "product_id": product["id"], "variant_id": row["id"]}})  # fmt: skip
    return created(row, key="variant")


def _change_variant(books: Books, row: Row | None, request: Request) -> Answer:
    if row is None:
        return problem(404, "The resource was not found.")
    body = _exact.decode(request.body)
    other = books.variant_by_sku(str(body.get("sku", "")))
    if other is not None and other is not row:
        title = f"The product sku {body['sku']} is a duplicate"
        return problem(409, title, {"sku": title})
    row |= {name: value for name, value in body.items() if name not in ("id", "product_id")}
    return created(row, key="variant")


def _add_value(books: Books, product: Row | None, option: int, request: Request) -> Answer:
    found = [one for one in (product or {}).get("_options", ()) if one["id"] == option]
    if not found:
        return problem(404, "The resource was not found.")
    body = request.json()
    if any(one["label"] == body["label"] for one in found[0]["option_values"]):
        return problem(422, "The label is a duplicate", {"label": "must be unique"})
    return created(books.add_value(found[0], body["label"]), key="value")


def _variants(books: Books, request: Request) -> Answer:
    rows = sorted(books.variants.values(), key=lambda row: row["id"])
    if sku := request.query.get("sku"):
        rows = [row for row in rows if row["sku"].casefold() == sku.casefold()]
    if number := request.query.get("id"):
        rows = [row for row in rows if str(row["id"]) == number]
    if (wanted := ids_in(request, "product_id:in")) is not None:
        rows = [row for row in rows if str(row["product_id"]) in wanted]
    return page_v3(request, rows, key="variants")


def _change_variants(books: Books, rows: list[Row]) -> Answer:
    if len(rows) > _MOST_VARIANTS:
        return problem(413, "The request payload is too large.", {})
    errors: list[Row] = []
    for body in rows:
        row = books.variants.get(body.get("id", 0))
        if row is None or Decimal(body.get("price") or 0) < 0:
            why = "does not exist" if row is None else "price must not be below zero"
            errors.append({"status": 422, "title": f"variant {body.get('id')}: {why}", "type": TYPE,
                           "errors": {"id" if row is None else "price": why}})  # fmt: skip
    if errors:
        return Answer.of_json({"batch_errors": errors}, status=422)
    for body in rows:
        row = books.variants[body["id"]]
        row |= {name: value for name, value in body.items() if name != "id"}
        product = books.products[row["product_id"]]
        product["date_modified"] = iso(books.now())
        if product["base_variant_id"] == row["id"]:
            product |= {name: body[name] for name in ("price", "sale_price") if name in body}
        books.tell("store/product/updated", {"type": "product", "id": product["id"]})
    return created([books.variants[body["id"]] for body in rows], key="variants")


# ---------------------------------------------------------------- price lists


def price_route(books: Books, request: Request, steps: list[str]) -> Answer:
    """Answer below `/v3/pricelists`."""
    if request.method == "GET" and not steps:
        rows = list(books.price_lists.values())
        if name := request.query.get("name"):
            rows = [row for row in rows if row["name"] == name]
        return page_v3(request, rows, key="pricelists")
    if len(steps) != 2 or steps[1] != "records" or int(steps[0]) not in books.price_lists:
        return problem(404, "The resource was not found.")
    number = int(steps[0])
    if request.method == "GET":
        rows = [row for (one, _, _), row in books.prices.items() if one == number]
        if (wanted := ids_in(request, "variant_id:in")) is not None:
            rows = [row for row in rows if str(row["variant_id"]) in wanted]
        if currency := request.query.get("currency"):
            rows = [row for row in rows if row["currency"] == currency.lower()]
        return page_v3(request, rows, key="records")
    return _upsert(books, number, _exact.decode(request.body))


def _upsert(books: Books, number: int, rows: list[Row]) -> Answer:
    if len(rows) > _MOST_PRICES:
        return problem(422, "A batch may have up to 1000 records", {})
    errors: list[Row] = []
    stamp = iso(books.now())
    before = {key: dict(row) for key, row in books.prices.items()}
    for body in rows:
        variant = books.variants.get(body.get("variant_id", 0))
        wrong: dict[str, Any] = {}
        if variant is None:
            wrong["variant_id"] = "variant does not exist"
        if Decimal(body.get("price") or 0) < 0:
            wrong["price"] = "must not be below zero"
        if wrong or variant is None:
            data = {"price_list_id": number, **body}
            errors.append({"data": data, "field_errors": wrong})
            continue
        currency = str(body["currency"]).lower()
        row = books.prices.setdefault((number, variant["id"], currency), {
            "price_list_id": number, "variant_id": variant["id"], "sku": variant["sku"],
            "product_id": variant["product_id"], "currency": currency, "price": None,
            "sale_price": None, "retail_price": None, "map_price": None,
            "calculated_price": None, "date_created": stamp, "date_modified": stamp,
            "bulk_pricing_tiers": [],
        })  # fmt: skip
        row |= {name: body[name] for name in _PRICES if name in body}
        row |= {"date_modified": stamp, "calculated_price": row["sale_price"] or row["price"]}
    if errors:
        if books.strict:
            books.prices = before
        return Answer.of_json({"batch_errors": errors}, status=422, committed=not books.strict)
    return Answer.of_json({"data": {}, "meta": {}}, key="records", committed=True)
