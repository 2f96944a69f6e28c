"""Writing to Magento: which entity is written by which module.

Must not: know an entity beyond its line in the table.
"""

from collections.abc import Mapping, Sequence

from knect.sdk.contract import Delivered
from knect.sdk.parts import Part, PartsDestination
from knect_connectors.magento2.client import MagentoClient
from knect_connectors.magento2.presence import find_present

__all__ = ["PARTS", "MagentoDestination"]

#: Entity -> how it is written.
PARTS: Mapping[str, Part[MagentoClient]] = {}


class MagentoDestination(PartsDestination[MagentoClient]):
    """The writing side of a shop."""

    def __init__(self, client: MagentoClient) -> None:
        super().__init__(client, PARTS, name="Magento")

    async def present(self, documents: Sequence[Delivered]) -> Sequence[bool | None]:
        """Tell which documents are still there."""
        return await find_present(self._client, documents)
