"""Prices by quantity: one entry of a product's list of tiers.

The API sets a product's whole list at once, so it is read right before, and only our entry
(website, group, quantity) is put into it. Must not: take an entry of somebody else away.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from knect.sdk.contract import Call, Found, Outcome
from knect.sdk.parts import one_by_one
from knect_connectors.magento1.client import MagentoClient
from knect_connectors.magento1.listing import rows_of

__all__ = ["find_tiers", "send_tiers"]

_INFO = "catalog_product_attribute_tier_price.info"
_UPDATE = "catalog_product_attribute_tier_price.update"


async def _tiers(client: MagentoClient, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    return rows_of(client, _INFO, await client.read(_INFO, body["sku"], "sku"))


def _is_ours(row: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    return (
        str(row.get("website")) == body["website"]
        and str(row.get("customer_group_id")) == body["group"]
        and Decimal(str(row.get("qty") or 0)) == Decimal(body["quantity"])
    )


def _is_there(rows: Sequence[Mapping[str, Any]], body: Mapping[str, Any]) -> bool:
    return any(
        _is_ours(row, body) and Decimal(str(row.get("price") or 0)) == Decimal(body["amount"])
        for row in rows
    )


async def _send(client: MagentoClient, call: Call) -> Outcome:
    body = call.effect.body
    rows = await _tiers(client, body)
    if not _is_there(rows, body):
        ours = {"customer_group_id": body["group"], "website": body["website"],
                "qty": body["quantity"], "price": body["amount"]}  # fmt: skip
        others = [row for row in rows if not _is_ours(row, body)]
        await client.write(_UPDATE, body["sku"], [*others, ours], "sku")
    return Outcome(found=_found(body))


async def find_tiers(client: MagentoClient, calls: Sequence[Call]) -> list[Found | None]:
    """Return the entries that are as they should be."""
    return [
        _found(call.effect.body)
        if _is_there(await _tiers(client, call.effect.body), call.effect.body)
        else None
        for call in calls
    ]


def _found(body: Mapping[str, Any]) -> Found:
    name = f"{body['product']}@{body['website']}:{body['group']}:{body['quantity']}"
    return Found(destination_id=name, number=body["sku"])


send_tiers = one_by_one(_send)
