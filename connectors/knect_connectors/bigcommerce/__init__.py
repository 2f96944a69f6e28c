"""BigCommerce: orders, customers and the catalog over its REST APIs (V2 and V3), webhooks."""

from knect_connectors.bigcommerce.connector import open_connector

__all__ = ["open_connector"]
