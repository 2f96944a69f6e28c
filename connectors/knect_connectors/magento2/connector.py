"""The Magento 2 connector: one shop, read and written over its REST API.

Must not: keep anything between calls that a new process would need.
"""

from knect.sdk.contract import (
    CheckReport,
    Connector,
    ConnectorContext,
    Destination,
    EntityCheck,
    Source,
    Webhooks,
)
from knect.sdk.errors import ConnectorError, CredentialsRejected, Fatal, ScopeMissing
from knect_connectors.magento2.client import MagentoClient
from knect_connectors.magento2.config import Stock, read_config
from knect_connectors.magento2.destination import PARTS, MagentoDestination
from knect_connectors.magento2.levels import SOURCE_ITEMS
from knect_connectors.magento2.source import MagentoSource, reads

__all__ = ["MagentoConnector", "open_connector"]

_PRODUCT = "Magento 2"


class MagentoConnector:
    """One shop at work."""

    def __init__(self, context: ConnectorContext) -> None:
        self._config = read_config(context.config)
        self._client = MagentoClient(context, self._config)
        self.source: Source | None = MagentoSource(self._client, self._config)
        self.destination: Destination | None = MagentoDestination(self._client)
        self.webhooks: Webhooks | None = None

    async def check(self) -> CheckReport:
        """Look at one row of each list. What writing needs, Magento tells only when it is done."""
        problems: dict[str, str | None] = {}
        refused: ConnectorError | None = None
        paths = reads(self._config)
        for path in dict.fromkeys(paths.values()):
            try:
                await self._client.search(path, (), size=1)
            except ScopeMissing as error:
                problems[path], refused = error.message, error
            except Fatal as error:
                if path != SOURCE_ITEMS:
                    raise
                problems[path] = f"{error.message}; {_NO_SOURCES}"
            else:
                problems[path] = None
        if refused is not None and all(problems.values()):
            raise CredentialsRejected(refused.message, code="401")
        return CheckReport(
            product=_PRODUCT,
            version="",
            entities=[
                EntityCheck(
                    entity=name,
                    read=problems[path] is None,
                    write=name in PARTS and problems[path] is None,
                    problem=problems[path],
                )
                for name, path in sorted(paths.items())
            ],
        )

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.close()


_NO_SOURCES = (
    f"where the inventory modules were taken out, set config.inventory to {Stock.STOCK_ITEM}"
)


def open_connector(context: ConnectorContext) -> Connector:
    """Open the connector. Raises Fatal when the config cannot be right."""
    return MagentoConnector(context)
