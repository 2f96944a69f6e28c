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
from knect_connectors.magento1.client import MagentoClient
from knect_connectors.magento1.orders import head_of
from knect_connectors.magento1.payload import Node
from knect_connectors.magento1.reader import mark_of, token_of

__all__ = ["ORDERS"]

_CANCEL, _COMMENT = "sales_order.cancel", "sales_order.addComment"


# ---------------------------------------------------------------- at the shop


async def _head(client: MagentoClient, call: Call) -> dict[str, Any]:
    raw = await head_of(client, str(call.effect.target))
    if raw is None:
        raise WaitForPerson(
            f"the shop no longer has the order {call.effect.target}",
            code="ChangedAtDestination",
            value=str(call.effect.target),
        )
    return raw


def _found(call: Call, raw: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> Found:
    return Found(
        destination_id=str(call.effect.target),
        number=str(raw["increment_id"]),
        token=token_of(mark_of(raw)),
        over=token_of(mark_of(before or raw)),
    )


async def _cancel(client: MagentoClient, call: Call) -> Outcome:
    raw = before = await _head(client, call)
    node = Node(raw)
    if raw.get("state") != "canceled":
        shipped = any(
            item.get("qty_shipped").number_or_zero() or item.get("qty_invoiced").number_or_zero()
            for item in node["items"].items()
        )
        if shipped:
            raise _stays(raw, "some of it was shipped or invoiced")
        try:
            await client.write(_CANCEL, str(raw["increment_id"]))
        except Refused as error:
            raw = await _head(client, call)  # an earlier try, or somebody, may have done it
            if raw.get("state") != "canceled":
                raise _stays(raw, error.message) from None
        else:
            raw = await _head(client, call)
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


async def _find_cancelled(client: MagentoClient, calls: Sequence[Call]) -> list[Found | None]:
    found: list[Found | None] = []
    for call in calls:
        raw = await _head(client, call)
        found.append(_found(call, raw) if raw.get("state") == "canceled" else None)
    return found


def _is_told(raw: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    return any(
        str(entry.get("comment") or "") == body["comment"]
        and (not body["status"] or entry.get("status") == body["status"])
        for entry in raw.get("status_history") or ()
    )


async def _find_comments(client: MagentoClient, calls: Sequence[Call]) -> list[Found | None]:
    found: list[Found | None] = []
    for call in calls:
        raw = await _head(client, call)
        found.append(_found(call, raw) if _is_told(raw, call.effect.body) else None)
    return found


async def _comment(client: MagentoClient, call: Call) -> Outcome:
    raw, body = await _head(client, call), call.effect.body
    before = raw
    if not _is_told(raw, body):
        status = body["status"] or raw.get("status")
        await client.write(
            _COMMENT, str(raw["increment_id"]), status, body["comment"], int(body["notify"])
        )
        raw = await _head(client, call)
    return Outcome(found=_found(call, raw, before))


ORDERS = Part(
    rights=("sales_order.info", _CANCEL, _COMMENT),
    document=order_document,
    references=order_references,
    plan=plan_order,
    writes={
        "order-cancel": Write(send=one_by_one(_cancel), find=_find_cancelled),
        "order-comment": Write(send=one_by_one(_comment), find=_find_comments),
    },
)
