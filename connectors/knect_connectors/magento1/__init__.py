"""Magento 1.x and OpenMage over XML-RPC: orders with their edits, catalog, stock, shipments."""

from knect_connectors.magento1.connector import open_connector

__all__ = ["open_connector"]
