"""Orders of the ERP, as far as they go back to the shop: cancelled, or told of in a comment.

Must not: change what was sold; the shop owns its orders. Nor cancel what was shipped or invoiced:
what left the house wins, and the conflict is a person's.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from knect.sdk.contract import Call, Found, Outcome
from knect.sdk.errors import Refused, WaitForPerson
from knect.sdk.parts import Part, Write, one_by_one
from knect_connectors.magento.order_states import order_document, order_references, plan_order
from knect_connectors.magento2.client import MagentoClient
from knect_connectors.magento2.orders import head_of, heads_of
from knect_connectors.magento2.payload import Node
from knect_connectors.magento2.reader import mark_of, token_of

__all__ = ["ORDERS"]

_CANCELLED = "canceled"


# ---------------------------------------------------------------- at the shop


async def _head(client: MagentoClient, call: Call) -> dict[str, Any]:
    raw = await head_of(client, str(call.effect.target))
    if raw is None:
        raise _lost(call)
    return raw


def _lost(call: Call) -> WaitForPerson:
    return WaitForPerson(
        f"the shop no longer has the order {call.effect.target}",
        code="ChangedAtDestination",
        value=str(call.effect.target),
    )


def _found(call: Call, raw: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> Found:
    return Found(
        destination_id=str(call.effect.target),
        number=str(raw["increment_id"]),
        token=token_of(mark_of(raw)),
        over=token_of(mark_of(before or raw)),
    )


async def _cancel(client: MagentoClient, call: Call) -> Outcome:
    raw = before = await _head(client, call)
    if raw.get("state") != _CANCELLED:
        moved = any(
            item.get("qty_shipped").number_or_zero() or item.get("qty_invoiced").number_or_zero()
            for item in Node(raw)["items"].items()
        )
        if moved:
            raise _stays(raw, "some of it was shipped or invoiced")
        why = "the shop says that it cannot be"
        try:
            await client.write(
                "POST", f"orders/{raw['entity_id']}/cancel", template="orders/{id}/cancel"
            )
        except Refused as error:
            why = error.message
        raw = await _head(client, call)  # it answers false, and no reason, where it does not
        if raw.get("state") != _CANCELLED:
            raise _stays(raw, why)
    return Outcome(found=_found(call, raw, before))


def _stays(raw: Mapping[str, Any], why: str) -> WaitForPerson:
    number = raw["increment_id"]
    return WaitForPerson(
        f"the sale was cancelled in the ERP, but Magento does not cancel order {number}: {why};"
        " what left the house wins: take it back by hand, or restore the sale in the ERP",
        code="ChangedAtDestination",
        path="cancelled_at",
        value=number,
    )


async def _heads(client: MagentoClient, calls: Sequence[Call]) -> list[dict[str, Any]]:
    heads = await heads_of(client, [str(call.effect.target) for call in calls])
    for call in calls:
        if str(call.effect.target) not in heads:
            raise _lost(call)
    return [heads[str(call.effect.target)] for call in calls]


async def _find_cancelled(client: MagentoClient, calls: Sequence[Call]) -> list[Found | None]:
    return [
        _found(call, raw) if raw.get("state") == _CANCELLED else None
        for call, raw in zip(calls, await _heads(client, calls), strict=True)
    ]


def _is_told(raw: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    return any(
        str(entry.get("comment") or "") == body["comment"]
        and (not body["status"] or entry.get("status") == body["status"])
        for entry in raw.get("status_histories") or ()
    )


async def _find_comments(client: MagentoClient, calls: Sequence[Call]) -> list[Found | None]:
    return [
        _found(call, raw) if _is_told(raw, call.effect.body) else None
        for call, raw in zip(calls, await _heads(client, calls), strict=True)
    ]


async def _comment(client: MagentoClient, call: Call) -> Outcome:
    raw, body = await _head(client, call), call.effect.body
    before = raw
    if not _is_told(raw, body):
        entry = {
            "comment": body["comment"],
            "status": body["status"] or raw.get("status"),
            "is_customer_notified": int(body["notify"]),
            "is_visible_on_front": int(body["notify"]),
            "parent_id": int(raw["entity_id"]),
        }
        await client.write(
            "POST",
            f"orders/{raw['entity_id']}/comments",
            {"statusHistory": entry},
            template="orders/{id}/comments",
        )
        raw = await _head(client, call)
    return Outcome(found=_found(call, raw, before))


ORDERS = Part(
    document=order_document,
    references=order_references,
    plan=plan_order,
    writes={
        "order-cancel": Write(send=one_by_one(_cancel), find=_find_cancelled),
        "order-comment": Write(send=one_by_one(_comment), find=_find_comments),
    },
)
