"""The API's faults, and the names its resources also go by; as in the platform's description.

Must not: know what a call does.
"""

from collections.abc import Mapping

__all__ = ["ALIASES", "FAULTS", "WRITES", "ApiFault"]

#: resource -> fault -> (code, words); as in the platform's own description.
FAULTS: Mapping[str, Mapping[str, tuple[int, str]]] = {
    "": {
        "unknown": (0, "Unknown Error"),
        "internal": (1, "Internal Error. Please see log for details."),
        "access_denied": (2, "Access denied."),
        "resource_path_invalid": (3, "Invalid api path."),
        "resource_path_not_callable": (4, "Resource path is not callable."),
        "session_expired": (5, "Session expired. Try to relogin."),
        "invalid_request_param": (
            6, 'Required parameter is missing, for more details see "exception.log".'),
    },
    "sales_order": {
        "not_exists": (100, "Requested order not exists."),
        "filters_invalid": (101, "Invalid filters given. Details in error message."),
        "data_invalid": (102, "Invalid data given. Details in error message."),
        "status_not_changed": (103, "Order status not changed. Details in error message."),
    },
    "sales_order_shipment": {
        "not_exists": (100, "Requested shipment not exists."),
        "filters_invalid": (101, "Invalid filters given. Details in error message."),
        "data_invalid": (102, "Invalid data given. Details in error message."),
        "order_not_exists": (103, "Requested order not exists."),
        "track_not_exists": (104, "Requested tracking not exists."),
        "track_not_deleted": (105, "Tracking not deleted. Details in error message."),
    },
    "sales_order_invoice": {
        "not_exists": (100, "Requested invoice does not exist."),
        "filters_invalid": (101, "Invalid filter given. Details in error message."),
        "data_invalid": (102, "Invalid data given. Details in error message."),
        "order_not_exists": (103, "Requested order not exists."),
        "status_not_changed": (104, "Invoice status not changed"),
    },
    "sales_order_creditmemo": {
        "not_exists": (100, "Requested credit memo does not exist"),
        "filters_invalid": (101, "Invalid filter given. Details in error message"),
        "data_invalid": (102, "Invalid data given. Details in error message"),
        "order_not_exists": (103, "Requested order does not exist"),
        "status_not_changed": (104, "Credit memo status not changed"),
        "cannot_create_creditmemo": (106, "Credit memo for requested order can not be created."),
    },
    "cataloginventory_stock_item": {
        "not_exists": (101, "Product not exists."),
        "not_updated": (102, "Product inventory not updated. Details in error message."),
    },
    "catalog_product": {
        "store_not_exists": (100, "Requested store view not found."),
        "product_not_exists": (101, "Product not exists."),
        "data_invalid": (102, "Invalid data given. Details in error message."),
        "product_type_not_exists": (104, "Product type is not in allowed types."),
        "product_attribute_set_not_exists": (105, "Product attribute set is not existed"),
        "filters_invalid": (102, "Invalid data given. Details in error message."),
    },
    "catalog_product_attribute_tier_price": {
        "product_not_exists": (100, "Product not exists."),
        "data_invalid": (101, "Invalid data given. Details in error message."),
        "not_updated": (102, "Tier prices not updated. Details in error message."),
    },
    "customer": {
        "data_invalid": (100, "Invalid customer data. Details in error message."),
        "filters_invalid": (101, "Invalid filters specified. Details in error message."),
        "not_exists": (102, "Customer not exists."),
        "not_deleted": (103, "Customer not deleted. Details in error message."),
    },
    "customer_address": {
        "data_invalid": (100, "Invalid address data. Details in error message."),
        "customer_not_exists": (101, "Customer not exists."),
        "not_exists": (102, "Address not exists."),
        "not_deleted": (103, "Address not deleted. Details in error message."),
    },
}  # fmt: skip

ALIASES = {
    "order": "sales_order", "order_shipment": "sales_order_shipment",
    "order_invoice": "sales_order_invoice", "order_creditmemo": "sales_order_creditmemo",
    "product": "catalog_product", "product_stock": "cataloginventory_stock_item",
    "store": "core_store", "magento": "core_magento",
}  # fmt: skip

#: Methods that change something.
WRITES = frozenset({
    "sales_order.addComment", "sales_order.hold", "sales_order.unhold", "sales_order.cancel",
    "sales_order_shipment.create", "sales_order_shipment.addTrack",
    "sales_order_shipment.removeTrack", "sales_order_shipment.sendInfo",
    "sales_order_shipment.addComment", "sales_order_invoice.create", "sales_order_invoice.capture",
    "sales_order_creditmemo.create", "cataloginventory_stock_item.update",
    "catalog_product.create", "catalog_product.update", "catalog_product.delete",
    "catalog_product_attribute_tier_price.update",
    "customer.create", "customer.update", "customer.delete", "customer_address.create",
    "customer_address.update", "customer_address.delete",
})  # fmt: skip


class ApiFault(Exception):
    """What the API answers instead."""

    def __init__(self, name: str, message: str | None = None) -> None:
        super().__init__(message or name)
        self.name = name
        self.message = message

    def told(self, resource: str) -> tuple[int, str]:
        """Return code and words, those of the resource or the general ones."""
        own, general = FAULTS.get(resource, {}), FAULTS[""]
        code, words = own.get(self.name) or general.get(self.name) or general["unknown"]
        return code, self.message or words
