"""Reading products from Tryton: a template and its variants are one product.

A change of the template, of any variant, of its price or of an image is a change of the product.
Axes are the variants' attributes (module `product_attribute`); variants without attributes are
told apart by their code. Images (module `product_image`) are named by the hash of their content,
so a file that is uploaded again under the same hash is the same image.
Must not: write; a product is the ERP's own.
"""

import base64
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any
from urllib.parse import urljoin

from knect.model import Image, Product, Variant
from knect_connectors.tryton.client import TrytonClient
from knect_connectors.tryton.gathered import GatheredReader, Reading, owner_of
from knect_connectors.tryton.marks import Mark, Owners, changed
from knect_connectors.tryton.rows import token_of

__all__ = ["PRODUCTS"]

_MARKS = (
    Mark(model="product.template", owner="id"),
    Mark(model="product.product", owner="template"),
)
_IMAGES = Mark(model="product.image", owner="template")
_TEMPLATE_FIELDS = ("name", "code", "active", "salable", "type")
_VARIANT_FIELDS = ("template", "code", "active", "list_price_used", "description")
#: Few, because all images of these are read to name them by their content.
_LOADED = 200
#: What an axis is called when variants have no attributes.
PLAIN_AXIS = "Variant"


async def _changes(
    reading: Reading, since: datetime, until: datetime, owners: Sequence[int] | None = None
) -> Owners:
    client = reading.client
    has = await client.has_model("product.image")
    return await changed(client, (*_MARKS, _IMAGES) if has else _MARKS, since, until, owners)


async def _keys(reading: Reading) -> Sequence[str]:
    del reading
    return [""]


async def _load(reading: Reading, names: Mapping[str, datetime]) -> Mapping[str, dict[str, Any]]:
    client = reading.client
    ids = [owner for one in names if (owner := owner_of(one)) is not None]
    everything = {"active_test": False}
    pictured = await client.has_model("product.image")
    templates = await client.search_read(
        "product.template",
        [["id", "in", ids]],
        [*_TEMPLATE_FIELDS, *(["image_url"] if pictured else [])],
        context=everything,
    )
    attributes = await client.has_model("product.attribute")
    variants = await client.search_read(
        "product.product",
        [["template", "in", ids]],
        [*_VARIANT_FIELDS, *(["attributes"] if attributes else [])],
        order=[["id", "ASC"]],
        context=everything,
    )
    labels = await reading.once(_labels) if attributes else {}
    images = await _images(client, templates) if pictured else []
    return {
        str(row["id"]): {
            **row,
            "variants": [one for one in variants if one["template"] == row["id"]],
            "images": [one for one in images if one["template"] == row["id"]],
            "labels": labels,
            "currency": (await client.facts()).currency,
            "last_modified_at": token_of(names[str(row["id"])]),
        }
        for row in templates
    }


async def _labels(client: TrytonClient) -> dict[str, str]:
    rows = await client.search_read("product.attribute", [], ["name", "string"])
    return {row["name"]: row["string"] for row in rows}


async def _images(
    client: TrytonClient, templates: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return the images without their bytes: the hash, and the address where the bytes are.

    Tryton serves a template's images by number, largest size 2048; the number counts those that
    are of no single variant.
    """
    addresses = {row["id"]: row.pop("image_url") for row in templates}
    rows = await client.search_read(
        "product.image",
        [["template", "in", list(addresses)], ["product", "=", None]],
        ["template", "description", "image"],
        order=[["template", "ASC"], ["sequence", "ASC"], ["id", "ASC"]],
    )
    counts: Counter[int] = Counter()
    for row in rows:
        row["hash"] = sha256(base64.b64decode(row.pop("image"))).hexdigest()
        path = str(addresses[row["template"]] or "").partition("?")[0]
        address = urljoin(f"{client.config.url}/", path)
        row["url"] = f"{address}?s=2048&i={counts[row['template']]}&v={row['hash'][:16]}"
        counts[row["template"]] += 1
    return rows


def _product(raw: dict[str, Any]) -> Product:
    is_active = raw["active"]
    live = [one for one in raw["variants"] if one["active"] or not is_active]
    return Product(
        source_id=str(raw["id"]),
        title=raw["name"],
        status="active" if is_active else "archived",
        kind="service" if raw["type"] == "service" else "goods",
        option_names=_axes(live, raw["labels"]),
        variants=tuple(_variant(one, raw, live) for one in live),
        images=tuple(
            Image(hash=one["hash"], alt=one["description"] or raw["name"], url=one["url"])
            for one in raw["images"]
        ),
        updated_at=datetime.fromisoformat(raw["last_modified_at"]),
    )


def _axes(variants: Sequence[Mapping[str, Any]], labels: Mapping[str, str]) -> tuple[str, ...]:
    if len(variants) < 2:
        return ()
    used = sorted({name for one in variants for name in one.get("attributes") or {}})
    return tuple(labels.get(name, name) for name in used) or (PLAIN_AXIS,)


def _variant(
    row: Mapping[str, Any], raw: Mapping[str, Any], live: Sequence[Mapping[str, Any]]
) -> Variant:
    options: dict[str, str] = {}
    if len(live) > 1:
        own = row.get("attributes") or {}
        options = {raw["labels"].get(name, name): str(own[name]) for name in sorted(own)}
        options = options or {PLAIN_AXIS: row["code"] or str(row["id"])}
    price = row["list_price_used"]
    return Variant(
        source_id=str(row["id"]),
        sku=row["code"] or None,
        options=options,
        price=None if price is None else Decimal(price),
        currency=raw["currency"] or None,
        tracked=raw["type"] != "service",
        requires_shipping=raw["type"] != "service",
    )


PRODUCTS = GatheredReader(
    changes=_changes, keys=_keys, load=_load, record=_product, at_once=_LOADED
)
