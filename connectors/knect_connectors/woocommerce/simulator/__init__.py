"""A simulated WooCommerce: the REST API wc/v3, webhooks, and orders to fill it with.

Must not: be imported by the connector.
"""

from knect_connectors.woocommerce.simulator.books import Books
from knect_connectors.woocommerce.simulator.builder import Bought, Extra, OrderPlan, build_order
from knect_connectors.woocommerce.simulator.generator import (
    fill_catalog,
    fill_orders,
    small_orders,
)
from knect_connectors.woocommerce.simulator.platform import WooSimulator
from knect_connectors.woocommerce.simulator.start import open_simulator

__all__ = [
    "Books",
    "Bought",
    "Extra",
    "OrderPlan",
    "WooSimulator",
    "build_order",
    "fill_catalog",
    "fill_orders",
    "open_simulator",
    "small_orders",
]
