"""A simulated BigCommerce: both API versions, the quota, webhooks, and orders to fill it with.

Must not: be imported by the connector.
"""

from knect_connectors.bigcommerce.simulator import acts
from knect_connectors.bigcommerce.simulator.books import Books
from knect_connectors.bigcommerce.simulator.builder import Bought, OrderPlan, build_order
from knect_connectors.bigcommerce.simulator.generator import (
    KINDS,
    fill_catalog,
    fill_orders,
    person,
    small_orders,
)
from knect_connectors.bigcommerce.simulator.platform import BigCommerceSimulator
from knect_connectors.bigcommerce.simulator.start import OPTIONS, open_simulator, serve

__all__ = [
    "KINDS",
    "OPTIONS",
    "BigCommerceSimulator",
    "Books",
    "Bought",
    "OrderPlan",
    "acts",
    "build_order",
    "fill_catalog",
    "fill_orders",
    "open_simulator",
    "person",
    "serve",
    "small_orders",
]
