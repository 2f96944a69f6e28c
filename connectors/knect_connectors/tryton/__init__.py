"""Tryton: parties, products and sales over its JSON-RPC; see README.md for what it promises.

Must not: be imported to know anything about it; `manifest.yaml` says all that needs no server.
"""

from knect_connectors.tryton.connector import TrytonConnector, open_connector

__all__ = ["TrytonConnector", "open_connector"]
