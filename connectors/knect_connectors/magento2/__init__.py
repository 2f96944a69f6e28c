"""Magento 2 and Adobe Commerce over REST: orders with their edits, catalog, stock by source."""

from knect_connectors.magento2.connector import open_connector

__all__ = ["open_connector"]
