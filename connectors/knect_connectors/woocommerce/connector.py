"""The WooCommerce connector: one shop, read and written over wc/v3.

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
from knect.sdk.errors import Fatal, ScopeMissing
from knect_connectors.woocommerce.client import WooClient
from knect_connectors.woocommerce.config import read_config
from knect_connectors.woocommerce.destination import PARTS, WooDestination
from knect_connectors.woocommerce.source import READ, WooSource
from knect_connectors.woocommerce.webhooks import WooWebhooks

__all__ = ["WooConnector", "open_connector"]


class WooConnector:
    """One shop at work."""

    def __init__(self, context: ConnectorContext) -> None:
        self._config = read_config(context.config)
        self._client = WooClient(context, self._config)
        self.source: Source | None = WooSource(self._client, self._config)
        self.destination: Destination | None = WooDestination(self._client)
        self.webhooks: Webhooks | None = WooWebhooks(self._client, context.secrets)

    async def check(self) -> CheckReport:
        """Ask the shop what the key may read, and change nothing to see whether it may write."""
        paths = {*READ.values(), *(path for part in PARTS.values() for path in part.rights)}
        reads = {path: await self._problem(path, writes=False) for path in sorted(paths)}
        written = {path for part in PARTS.values() for path in part.rights}
        writes = {path: await self._problem(path, writes=True) for path in sorted(written)}
        return CheckReport(
            product="WooCommerce",
            version=await self._version(),
            entities=[_checked(name, reads, writes) for name in sorted({*READ, *PARTS})],
        )

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.close()

    async def _problem(self, path: str, *, writes: bool) -> str | None:
        try:
            if writes:
                await self._client.allows_writes(path)
            else:
                await self._client.page(path, {"per_page": "1", "_fields": "id"})
        except ScopeMissing as error:
            return error.message
        return None

    async def _version(self) -> str:
        """Return the shop's version; to ask for it needs a right more than any entity."""
        try:
            told = await self._client.get("/system_status", template="/system_status")
        except (Fatal, ScopeMissing):
            return ""
        environment = (told or {}).get("environment")
        return str(environment.get("version") or "") if isinstance(environment, dict) else ""


def open_connector(context: ConnectorContext) -> Connector:
    """Open the connector. Raises Fatal when the config cannot be right."""
    return WooConnector(context)


def _checked(name: str, reads: dict[str, str | None], writes: dict[str, str | None]) -> EntityCheck:
    read = reads[READ[name]] if name in READ else None
    part = PARTS.get(name)
    written = next((writes[path] for path in part.rights if writes[path]), None) if part else None
    return EntityCheck(
        entity=name,
        read=name in READ and read is None,
        write=part is not None and written is None,
        # who only reads is not told of what writing needs
        problem=read if name in READ else written,
    )
