"""Tells whether what was delivered is still there: what an audit asks, which knows ids only.

Must not: judge whether it is as it should be.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from knect.sdk.contract import Call, Found, Operation
from knect.sdk.errors import UnexpectedAnswer
from knect_connectors.magento1.client import Ask, MagentoClient
from knect_connectors.magento1.xmlrpc import Fault

__all__ = ["find_present", "is_audit"]

#: Entity -> the method that tells one, and the faults it has for one that is gone.
_INFO: Mapping[str, tuple[str, int]] = {
    "customers": ("customer.info", 102),
    "inventory": ("catalog_product.info", 101),
    "orders": ("sales_order.info", 100),
    "payments": ("sales_order_invoice.info", 100),
    "prices": ("catalog_product.info", 101),
    "products": ("catalog_product.info", 101),
    "shipments": ("sales_order_shipment.info", 100),
}


def is_audit(call: Call) -> bool:
    """Tell a question about a document's id from a look-up of what a write may have made."""
    return call.effect.operation is Operation.CREATE and call.effect.target is not None


def _asks(call: Call) -> list[Ask]:
    path, _ = _INFO[call.effect.entity]
    ids = str(call.effect.target).partition("@")[0].split(",")
    more: list[Any] = [None, ["status"], "id"] if path == "catalog_product.info" else []
    return [(path, [one, *more]) for one in ids]


async def find_present(client: MagentoClient, calls: Sequence[Call]) -> list[Found | None]:
    """Return what is there; of several products of one record, all have to be."""
    asks = [_asks(call) for call in calls]
    answers = iter(await client.read_all([ask for of in asks for ask in of]))
    found: list[Found | None] = []
    for call, of in zip(calls, asks, strict=True):
        path, gone = _INFO[call.effect.entity]
        is_there = True
        for answer in [next(answers) for _ in of]:
            if isinstance(answer, Fault):
                if answer.code != gone:
                    raise client.error(path, answer)
                is_there = False
            elif not isinstance(answer, dict):
                raise UnexpectedAnswer(f"{path} was answered without a record")
        found.append(Found(destination_id=str(call.effect.target)) if is_there else None)
    return found
