"""Reads customers, each with all addresses.

Must not: decide whether two customers are the same person.
"""

from collections.abc import Sequence
from typing import Any

from knect_connectors.magento2.client import MagentoClient
from knect_connectors.magento2.reader import Kind, Named

__all__ = ["CUSTOMERS"]


async def _complete(client: MagentoClient, rows: Sequence[dict[str, Any]]) -> list[Named]:
    del client
    return [(str(row["id"]), row) for row in rows]


CUSTOMERS = Kind(path="customers/search", key="id", complete=_complete)
