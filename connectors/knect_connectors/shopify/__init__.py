"""Shopify: orders and customers over the Admin GraphQL API, webhooks, bulk backfill."""

from knect_connectors.shopify.connector import open_connector

__all__ = ["open_connector"]
