"""A simulated Shopify: wire format, points, webhooks, bulk files, and orders to fill it with.

Needs graphql-core. Must not: be imported by the connector.
"""

from knect_connectors.shopify.simulator.builder import Line, OrderPlan, build_customer, build_order
from knect_connectors.shopify.simulator.generator import (
    Stock,
    demo_stock,
    small_orders,
)
from knect_connectors.shopify.simulator.platform import ShopifySimulator
from knect_connectors.shopify.simulator.shop import Shop
from knect_connectors.shopify.simulator.start import open_simulator

__all__ = [
    "Line",
    "OrderPlan",
    "Shop",
    "ShopifySimulator",
    "Stock",
    "build_customer",
    "build_order",
    "demo_stock",
    "open_simulator",
    "small_orders",
]
