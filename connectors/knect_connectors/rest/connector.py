"""The connector: one Connection to one JSON API.

Must not: hold logic of its own; it hands out the parts.
"""

from knect.sdk.contract import (
    CheckReport,
    ConnectorContext,
    Destination,
    EntityCheck,
    Source,
    Webhooks,
)
from knect_connectors.rest.api import Api
from knect_connectors.rest.config import read_config
from knect_connectors.rest.destination import RestDestination
from knect_connectors.rest.paths import MISSING, compile_path
from knect_connectors.rest.source import RestSource
from knect_connectors.rest.webhooks import RestWebhooks

__all__ = ["RestConnector", "open_connector"]


class RestConnector:
    """One API at work."""

    def __init__(self, context: ConnectorContext) -> None:
        self._config = read_config(context.config)
        self._api = Api(context, self._config)
        self.source: Source | None = RestSource(self._api, self._config)
        self._writes = RestDestination(self._api, self._config)
        self.destination: Destination | None = self._writes
        declared = self._config.webhooks
        self.webhooks: Webhooks | None = (
            RestWebhooks(declared, context.secrets) if declared is not None else None
        )

    async def check(self) -> CheckReport:
        """Ask the declared address whether the API is there and takes the credentials.

        And each look-up for what nobody has: one that finds something proves nothing.
        """
        check = self._config.check
        response = await self._api.call("GET", check.path, template=check.path)
        version = compile_path(check.version)(response.data) if check.version else MISSING
        return CheckReport(
            product=check.product or self._api.host,
            version="" if version is MISSING else str(version),
            entities=[
                EntityCheck(
                    entity=name,
                    read=one.read is not None,
                    write=one.write is not None,
                    problem=await self._writes.problem_of(name),
                )
                for name, one in self._config.entities.items()
            ],
        )

    async def close(self) -> None:
        """Let go of connections."""
        await self._api.close()


def open_connector(context: ConnectorContext) -> RestConnector:
    """Return the connector for a Connection. Raises Fatal when its config cannot be used."""
    return RestConnector(context)
