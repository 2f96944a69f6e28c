"""Tells whether what was delivered is still there: what an audit asks.

Must not: judge whether it is as it should be.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from knect.sdk.contract import Delivered
from knect.sdk.errors import UnexpectedAnswer
from knect_connectors.magento.product_ids import parted
from knect_connectors.magento1.client import Ask, MagentoClient
from knect_connectors.magento1.xmlrpc import Fault

__all__ = ["find_present"]

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


def _asks(document: Delivered) -> list[Ask]:
    path, _ = _INFO[document.entity]
    name = document.destination_id.partition("@")[0]
    ids = parted(name) if document.entity == "products" else [name]
    more: list[Any] = [None, ["status"], "id"] if path == "catalog_product.info" else []
    return [(path, [one, *more]) for one in ids]


async def find_present(client: MagentoClient, documents: Sequence[Delivered]) -> list[bool]:
    """Tell what is there; of several products of one record, all have to be."""
    asks = [_asks(document) for document in documents]
    answers = iter(await client.read_all([ask for of in asks for ask in of]))
    found: list[bool] = []
    for document, of in zip(documents, asks, strict=True):
        path, gone = _INFO[document.entity]
        is_there = True
        for answer in [next(answers) for _ in of]:
            if isinstance(answer, Fault):
                if answer.code != gone:
                    raise client.error(path, answer)
                is_there = False
            elif not isinstance(answer, dict):
                raise UnexpectedAnswer(f"{path} was answered without a record")
        found.append(is_there)
    return found
