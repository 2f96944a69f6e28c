"""The BigCommerce connector: one store, read and written over its REST APIs, with webhooks.

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
from knect.sdk.errors import ScopeMissing
from knect_connectors.bigcommerce.client import BigCommerceClient
from knect_connectors.bigcommerce.config import read_config
from knect_connectors.bigcommerce.destination import PARTS, BigCommerceDestination
from knect_connectors.bigcommerce.reader import Shop
from knect_connectors.bigcommerce.source import READ, BigCommerceSource
from knect_connectors.bigcommerce.store import StoreInfo
from knect_connectors.bigcommerce.webhooks import BigCommerceWebhooks

__all__ = ["BigCommerceConnector", "open_connector"]

#: What is written and not read -> a list that answers only whoever may.
_WRITTEN = {"prices": "/v3/pricelists"}


class BigCommerceConnector:
    """One store at work."""

    def __init__(self, context: ConnectorContext) -> None:
        self._config = read_config(context.config)
        self._client = BigCommerceClient(context, self._config)
        self._info = StoreInfo(self._client)
        self.source: Source | None = BigCommerceSource(Shop(self._client, self._config, self._info))
        self.destination: Destination | None = BigCommerceDestination(self._client)
        self.webhooks: Webhooks | None = BigCommerceWebhooks(
            self._client, context.secrets, self._config.store, context.name
        )

    async def check(self) -> CheckReport:
        """Ask the store who it is, and each list whether the API account may read it.

        What it may write nobody can ask without writing: a scope that is missing is told then.
        """
        told = await self._info.told(fresh=True)
        lists = {**_WRITTEN, **READ}
        asked = {path: await self._may_read(path) for path in sorted(set(lists.values()))}
        return CheckReport(
            product=f"BigCommerce {told.get('name') or self._config.store}",
            version="V2 and V3",
            entities=[_checked(name, asked[lists[name]]) for name in sorted(lists)],
        )

    async def _may_read(self, path: str) -> str | None:
        """Return what is missing, None where nothing is."""
        try:
            await self._client.read(path, params={"limit": "1"})
        except ScopeMissing as error:
            return error.message
        return None

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.close()


def open_connector(context: ConnectorContext) -> Connector:
    """Open the connector. Raises Fatal when the config cannot be right."""
    return BigCommerceConnector(context)


def _checked(name: str, problem: str | None) -> EntityCheck:
    fine = problem is None
    return EntityCheck(
        entity=name, read=fine and name in READ, write=fine and name in PARTS, problem=problem
    )
