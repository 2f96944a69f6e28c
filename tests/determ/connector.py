"""The connector package of a simulation: opens whichever end of the one that runs now."""

from typing import Any

from tests.determ.wire import WireConnector

from knect.sdk.contract import ConnectorContext

__all__ = ["STAGE", "open_connector"]

#: What the running simulation offers, by the Connection's name.
STAGE: dict[str, Any] = {}


def open_connector(context: ConnectorContext) -> WireConnector:
    return WireConnector(**STAGE[context.name])
