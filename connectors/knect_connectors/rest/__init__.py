"""Any JSON API, declared in a Connection's config; see README.md for every word of it.

Must not: be imported to know anything about it; `manifest.yaml` says all that needs no server.
"""

from knect_connectors.rest.connector import RestConnector, open_connector

__all__ = ["RestConnector", "open_connector"]
