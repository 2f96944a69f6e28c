"""Reads customers, each with all addresses.

Must not: decide whether two customers are the same person.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from knect_connectors.magento1.client import Ask, MagentoClient
from knect_connectors.magento1.listing import rows_of
from knect_connectors.magento1.reader import Kind, Raws
from knect_connectors.magento1.xmlrpc import Fault

__all__ = ["CUSTOMERS"]

_GONE = 102
#: What no other system has a use for.
_SECRET = ("password_hash", "rp_token", "rp_token_created_at")


async def _load(client: MagentoClient, ids: Sequence[str]) -> Raws:
    asks: list[Ask] = []
    for one in ids:
        asks += [("customer.info", [one]), ("customer_address.list", [one])]
    answers = await client.read_all(asks)
    found: dict[str, dict[str, Any] | None] = {}
    for one, told, listed in zip(ids, answers[::2], answers[1::2], strict=True):
        if isinstance(told, Fault):
            if told.code != _GONE:
                raise client.error("customer.info", told)
            found[one] = None
            continue
        addresses = rows_of(client, "customer_address.list", listed)
        row = {name: value for name, value in told.items() if name not in _SECRET}
        found[one] = {**row, "addresses": addresses}
    return found


def _split(
    client: MagentoClient, key: str, raw: dict[str, Any]
) -> Iterable[tuple[str, dict[str, Any]]]:
    del client
    yield key, raw


CUSTOMERS = Kind(path="customer.list", key="customer_id", load=_load, split=_split, unmarked=False)
