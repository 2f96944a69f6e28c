"""WooCommerce: shops on WordPress, over the REST API wc/v3."""

from knect_connectors.woocommerce.connector import open_connector

__all__ = ["open_connector"]
