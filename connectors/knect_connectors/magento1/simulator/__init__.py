"""A simulated Magento 1: XML-RPC, sessions, PHP's bad days, and orders to fill it with.

Must not: be imported by the connector.
"""

from knect_connectors.magento1.simulator.books import Books
from knect_connectors.magento1.simulator.builder import Bought, OrderPlan, build_order
from knect_connectors.magento1.simulator.generator import (
    fill_catalog,
    fill_orders,
    small_orders,
)
from knect_connectors.magento1.simulator.platform import MagentoSimulator
from knect_connectors.magento1.simulator.start import open_simulator

__all__ = [
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
