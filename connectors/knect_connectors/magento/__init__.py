"""What the connectors of Magento 1 and 2 share: what a record becomes in a Magento, of either kind.

Why: what can be said of an order, a payment or a product there is the same for both; how it is said
is not, and nothing here speaks to a shop.
Must not: import a connector.
"""

__all__: list[str] = []
