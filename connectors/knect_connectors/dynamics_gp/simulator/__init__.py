"""A simulated GP: SQL Server's wire format, the catalogue's statements, eConnect's behaviour.

Needs the driver's extra `mssql` only for encryption. Must not: be imported by the connector.
"""

from knect_connectors.dynamics_gp.simulator.company import Company
from knect_connectors.dynamics_gp.simulator.people import People
from knect_connectors.dynamics_gp.simulator.platform import GpControl
from knect_connectors.dynamics_gp.simulator.server import Server, running
from knect_connectors.dynamics_gp.simulator.start import open_simulator, seed, serve

__all__ = [
    "Company",
    "GpControl",
    "People",
    "Server",
    "open_simulator",
    "running",
    "seed",
    "serve",
]
