"""Microsoft Dynamics GP ("Great Plains") over SQL Server and eConnect; see README.md.

Must not: be imported to know anything about it; `manifest.yaml` says all that needs no server.
"""

from knect_connectors.dynamics_gp.connector import GpConnector, open_connector

__all__ = ["GpConnector", "open_connector"]
