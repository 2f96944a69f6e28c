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
from knect_connectors.magento1.destination import PARTS, MagentoDestination
from knect_connectors.magento1.source import READ, MagentoSource

__all__ = ["MagentoConnector", "open_connector"]


class MagentoConnector:
    """One shop at work."""

    def __init__(self, context: ConnectorContext) -> None:
        self._config = read_config(context.config)
        self._client = MagentoClient(context, self._config)
        self.source: Source | None = MagentoSource(self._client, self._config)
        self.destination: Destination | None = MagentoDestination(self._client)
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
            entities=[_checked(name, allowed) for name in sorted({*READ, *PARTS})],
        )

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.close()


def open_connector(context: ConnectorContext) -> Connector:
    """Open the connector. Raises Fatal when the config cannot be right."""
    return MagentoConnector(context)


def _checked(name: str, allowed: set[str]) -> EntityCheck:
    lacks_read = [method for method in READ.get(name, ()) if method not in allowed]
    part = PARTS.get(name)
    lacks_write = [method for method in part.rights if method not in allowed] if part else []
    # who only reads is not told of what writing needs
    missing = lacks_read if name in READ else lacks_write
    return EntityCheck(
        entity=name,
        read=name in READ and not lacks_read,
        write=part is not None and not lacks_write,
        problem=f"the role of the API user lacks {' and '.join(missing)}" if missing else None,
    )
