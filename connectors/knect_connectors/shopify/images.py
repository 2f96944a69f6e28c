"""A product's images, added once each: told apart by the hash of their content.

The hashes of what was added are a metafield of the product, written in the mutation that adds the
images, so both are there or neither is. The alternative text stays what people read.
Must not: take an image away, or add again one that people deleted.
"""

import json
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

from knect.sdk.contract import Call, Found, Outcome
from knect_connectors.shopify import catalog_queries
from knect_connectors.shopify.client import ShopifyClient
from knect_connectors.shopify.refusals import payload_of, refused

__all__ = ["find_images", "images_id", "send_images"]


def images_id(external_id: str, images: Sequence[Mapping[str, Any]]) -> str:
    """Return the external id of a product's images, which are a part of it; 64 characters."""
    hashes = "\n".join(sorted({str(one["hash"]) for one in images}))
    named = f"{external_id}\n{hashes}".encode()
    return f"{external_id[:23]}#{blake2b(named, digest_size=20).hexdigest()}"


async def send_images(client: ShopifyClient, calls: Sequence[Call]) -> Sequence[Outcome]:
    """Add what the shop has not got from us yet."""
    outcomes = []
    for call in calls:
        known = await _known_images(client, call)
        new = [one for one in call.effect.body["images"] if one["hash"] not in known]
        outcomes.append(await _add_images(client, call, known, new) if new else _same(call))
    return outcomes


async def _add_images(
    client: ShopifyClient, call: Call, known: Sequence[str], new: Sequence[Mapping[str, Any]]
) -> Outcome:
    """Add images and note their hashes in one mutation: both happen, or neither."""
    marker = {
        "namespace": "knect",
        "key": "images",
        "type": "json",
        "value": json.dumps([*known, *(one["hash"] for one in new)]),
    }
    data = await client.write(
        catalog_queries.PRODUCT_UPDATE,
        operation="ProductUpdate",
        product={"id": call.given["product"], "metafields": [marker]},
        media=[
            {"originalSource": one["url"], "alt": one["alt"], "mediaContentType": "IMAGE"}
            for one in new
        ],
    )
    _, errors = payload_of(data, "productUpdate")
    return Outcome(error=refused(errors)) if errors else _same(call)


async def find_images(client: ShopifyClient, calls: Sequence[Call]) -> Sequence[Found | None]:
    """Tell per call whether all of its images were added."""
    answers: list[Found | None] = []
    for call in calls:
        known = await _known_images(client, call)
        missing = [one for one in call.effect.body["images"] if one["hash"] not in known]
        answers.append(None if missing else _same(call).found)
    return answers


async def _known_images(client: ShopifyClient, call: Call) -> list[str]:
    data = await client.read(
        catalog_queries.PRODUCT_IMAGES, operation="ProductImages", id=call.given["product"]
    )
    marker = (data.get("product") or {}).get("images")
    return list(json.loads(marker["value"])) if marker else []


def _same(call: Call) -> Outcome:
    return Outcome(found=Found(destination_id=call.given["product"]))
