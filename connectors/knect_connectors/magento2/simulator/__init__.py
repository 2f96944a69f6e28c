"""A simulated Magento 2: REST, signatures, searchCriteria, and orders to fill it with.

Must not: be imported by the connector.
"""

from knect_connectors.magento2.simulator.access import KEYS, Access
from knect_connectors.magento2.simulator.books import Books
from knect_connectors.magento2.simulator.builder import Bought, OrderPlan, build_order
from knect_connectors.magento2.simulator.generator import (
    fill_catalog,
    fill_orders,
    small_orders,
)
from knect_connectors.magento2.simulator.platform import MagentoSimulator
from knect_connectors.magento2.simulator.start import open_simulator

__all__ = [
    "KEYS",
    "Access",
    "Books",
    "Bought",
    "MagentoSimulator",
    "OrderPlan",
    "build_order",
    "fill_catalog",
    "fill_orders",
    "open_simulator",
    "small_orders",
]
