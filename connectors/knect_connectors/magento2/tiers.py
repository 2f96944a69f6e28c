"""Prices by quantity: one entry of a product's list of tiers.

An entry is set by its place (website, customer group, quantity); those beside it stay. What ours
was at another quantity is taken away.
Must not: take an entry of somebody else away.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from knect.sdk.contract import Call, Found, Outcome
from knect.sdk.parts import one_by_one
from knect_connectors.magento2.client import MagentoClient
from knect_connectors.magento2.price_rows import post_prices

__all__ = ["find_tiers", "send_tiers"]

_SET, _TOLD = "products/tier-prices", "products/tier-prices-information"
_DELETE = "products/tier-prices-delete"
_FIXED = "fixed"


async def _tiers(client: MagentoClient, body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    rows = await client.ask(_TOLD, {"skus": [body["sku"]]})
    return [row for row in rows or () if str(row.get("sku")) == body["sku"]]


def _is_at(row: Mapping[str, Any], body: Mapping[str, Any], quantity: str) -> bool:
    return (
        int(row.get("website_id") or 0) == body["website"]
        and str(row.get("customer_group")).casefold() == str(body["group"]).casefold()
        and Decimal(str(row.get("quantity") or 0)) == Decimal(quantity)
    )


def _costs(row: Mapping[str, Any], amount: str) -> bool:
    return row.get("price_type") == _FIXED and Decimal(str(row.get("price"))) == Decimal(amount)


def _has_moved(row: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    """Tell whether it is what we wrote before; with another price it is another record's by now."""
    return any(
        _is_at(row, body, before["quantity"]) and _costs(row, before["amount"])
        for before in body["instead"]
    )


def _is_there(rows: Sequence[Mapping[str, Any]], body: Mapping[str, Any]) -> bool:
    return any(_is_at(row, body, body["quantity"]) and _costs(row, body["amount"]) for row in rows)


async def _send(client: MagentoClient, call: Call) -> Outcome:
    body = call.effect.body
    rows = await _tiers(client, body)
    if not _is_there(rows, body):
        ours = {
            "sku": body["sku"], "price": Decimal(body["amount"]), "price_type": _FIXED,
            "website_id": body["website"], "customer_group": body["group"],
            "quantity": Decimal(body["quantity"]),
        }  # fmt: skip
        await post_prices(client, _SET, [ours])
    if moved := [row for row in rows if _has_moved(row, body)]:
        await post_prices(client, _DELETE, moved)
    return Outcome(found=_found(body))


async def find_tiers(client: MagentoClient, calls: Sequence[Call]) -> list[Found | None]:
    """Return the entries that are as they should be."""
    found: list[Found | None] = []
    for call in calls:
        body = call.effect.body
        rows = await _tiers(client, body)
        is_done = _is_there(rows, body) and not any(_has_moved(row, body) for row in rows)
        found.append(_found(body) if is_done else None)
    return found


def _found(body: Mapping[str, Any]) -> Found:
    name = f"{body['product']}@{body['website']}:{body['group']}:{body['quantity']}"
    return Found(destination_id=name, number=body["sku"])


send_tiers = one_by_one(_send)
