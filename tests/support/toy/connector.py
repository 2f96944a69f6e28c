"""The connector package of the toy platforms: `open_connector` finds them by name."""

from typing import Any

from knect.sdk.contract import CheckReport, ConnectorContext

#: Platforms of the running test, by the name in a Connection's config.
PLATFORMS: dict[str, Any] = {}


class ToyConnector:
    def __init__(self, platform: Any) -> None:
        self.source = platform if hasattr(platform, "read") else None
        self.destination = platform if hasattr(platform, "plan") else None
        self.webhooks = None

    async def check(self) -> CheckReport:
        return CheckReport(product="Toy", version="1", entities=())

    async def close(self) -> None:
        return None


def open_connector(context: ConnectorContext) -> ToyConnector:
    return ToyConnector(PLATFORMS[context.config["platform"]])
