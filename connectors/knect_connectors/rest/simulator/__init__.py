"""A simulated in-house system with a JSON API of its own making, for the connector that needs none.

Must not: be imported by the connector.
"""

from knect_connectors.rest.simulator.platform import InHouse, Oddity
from knect_connectors.rest.simulator.start import open_simulator

__all__ = ["InHouse", "Oddity", "open_simulator"]
