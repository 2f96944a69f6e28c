"""A simulated ERP of its own kind: a process that speaks HTTP, and the connector to it.

Why: the fault runs need an ERP that can be told to fail, that would really hold two documents if
something were sent twice, and whose evidence can be read. Must not: be known to the product; a
worker finds the connector by an entry point that exists only beside the tests.
"""

from tests.support.erp.connector import open_connector
from tests.support.erp.installed import environment
from tests.support.erp.simulator import SimulatedErp

__all__ = ["SimulatedErp", "environment", "open_connector"]
