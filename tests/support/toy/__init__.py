"""A shop and an ERP in memory, spoken to through the connector contract.

Why: the engine's rules are tested against values, without a socket; the process tests use real
servers. Must not: be kinder than a real platform: it forgets nothing and repeats nothing by itself.
"""

from tests.support.toy.connector import open_connector
from tests.support.toy.erp import ToyErp
from tests.support.toy.shop import ToyShop
from tests.support.toy.world import World, a_pipeline, an_order

__all__ = ["ToyErp", "ToyShop", "World", "a_pipeline", "an_order", "open_connector"]
