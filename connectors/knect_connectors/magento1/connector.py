"""The Magento 1 connector: one shop, read and written over its XML-RPC API.

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
from knect_connectors.magento1.client import MagentoClient
from knect_connectors.magento1.config import read_config
from knect_connectors.magento1.source import READ, MagentoSource

__all__ = ["MagentoConnector", "open_connector"]


class MagentoConnector:
    """One shop at work."""

    def __init__(self, context: ConnectorContext) -> None:
        self._config = read_config(context.config)
        self._client = MagentoClient(context, self._config)
        self.source: Source | None = MagentoSource(self._client, self._config)
        self.destination: Destination | None = None
        self.webhooks: Webhooks | None = None

    async def check(self) -> CheckReport:
        """Ask the shop what the API user may call."""
        allowed = {
            str(method.get("path"))
            for resource in await self._client.resources()
            for method in resource.get("methods") or ()
        }
        version = ""
        product = "Magento"
        if "core_magento.info" in allowed:
            told = await self._client.read("core_magento.info")
            product = f"Magento {told.get('magento_edition') or ''}".strip()
            version = str(told.get("magento_version") or "")
        return CheckReport(
            product=product,
            version=version,
            entities=[_checked(name, allowed) for name in sorted(READ)],
        )

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.close()


def open_connector(context: ConnectorContext) -> Connector:
    """Open the connector. Raises Fatal when the config cannot be right."""
    return MagentoConnector(context)


def _checked(name: str, allowed: set[str]) -> EntityCheck:
    lacks = [method for method in READ[name] if method not in allowed]
    return EntityCheck(
        entity=name,
        read=not lacks,
        write=False,
        problem=f"the role of the API user lacks {' and '.join(lacks)}" if lacks else None,
    )
