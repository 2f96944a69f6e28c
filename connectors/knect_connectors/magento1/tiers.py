"""Prices by quantity: one entry of a product's list of tiers.

The API sets a product's whole list at once, so it is read right before, and only our entry
(website, group, quantity) is put into it; what it was at another quantity is taken out of it.
Must not: take an entry of somebody else away.
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


def _is_at(row: Mapping[str, Any], body: Mapping[str, Any], quantity: str) -> bool:
    return (
        str(row.get("website")) == body["website"]
        and str(row.get("customer_group_id")) == body["group"]
        and Decimal(str(row.get("qty") or 0)) == Decimal(quantity)
    )


def _costs(row: Mapping[str, Any], amount: str) -> bool:
    return Decimal(str(row.get("price") or 0)) == Decimal(amount)


def _has_moved(row: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    """Tell whether it is what we wrote before; with another price it is another record's by now."""
    return any(
        _is_at(row, body, before["quantity"]) and _costs(row, before["amount"])
        for before in body["instead"]
    )


def _is_done(rows: Sequence[Mapping[str, Any]], body: Mapping[str, Any]) -> bool:
    there = any(_is_at(row, body, body["quantity"]) and _costs(row, body["amount"]) for row in rows)
    return there and not any(_has_moved(row, body) for row in rows)


async def _send(client: MagentoClient, call: Call) -> Outcome:
    body = call.effect.body
    rows = await _tiers(client, body)
    if not _is_done(rows, body):
        ours = {"customer_group_id": body["group"], "website": body["website"],
                "qty": body["quantity"], "price": body["amount"]}  # fmt: skip
        others = [
            row
            for row in rows
            if not _is_at(row, body, body["quantity"]) and not _has_moved(row, body)
        ]
        await client.write(_UPDATE, body["sku"], [*others, ours], "sku")
    return Outcome(found=_found(body))


async def find_tiers(client: MagentoClient, calls: Sequence[Call]) -> list[Found | None]:
    """Return the entries that are as they should be."""
    return [
        _found(call.effect.body)
        if _is_done(await _tiers(client, call.effect.body), call.effect.body)
        else None
        for call in calls
    ]


def _found(body: Mapping[str, Any]) -> Found:
    name = f"{body['product']}@{body['website']}:{body['group']}:{body['quantity']}"
    return Found(destination_id=name, number=body["sku"])


send_tiers = one_by_one(_send)
