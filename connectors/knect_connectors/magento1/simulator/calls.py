"""Magento's API resources: what `call(session, path, args)` does, whatever the wire.

Must not: know a wire format or a session. A fault is an ApiFault with the platform's code and words.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from knect_connectors.magento1.simulator import acts
from knect_connectors.magento1.simulator.books import Books, Row
from knect_connectors.magento1.simulator.filters import filtered

__all__ = ["ApiFault", "Calls", "FAULTS", "WRITES"]

_NESTED = frozenset({"items", "shipping_address", "billing_address", "payment", "status_history"})
_CARRIERS = {"custom": "Custom Value", "dhl": "DHL (Deprecated)", "ups": "United Parcel Service",
             "usps": "United States Postal Service", "fedex": "Federal Express"}  # fmt: skip

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
        "order_not_exists": (103, "Requested order does not exist."),
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


class Calls:
    """The resources of one shop. `denied` are resources the API user has no right to."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self.denied: set[str] = set()
        self._methods: dict[str, Callable[..., Any]] = {
            "core_magento.info": lambda: {
                "magento_edition": "Community", "magento_version": "1.9.4.5"},
            "core_store.list": self._stores,
            "sales_order.list": self._list("orders", "sales_order", {"entity_id": "order_id"}),
            "sales_order.info": lambda number: self._order(number),
            "sales_order.addComment": self._order_comment,
            "sales_order.hold": lambda number: self._hold(number, "holded"),
            "sales_order.unhold": lambda number: self._hold(number, "processing"),
            "sales_order.cancel": self._cancel,
            "sales_order_shipment.list": self._list(
                "shipments", "sales_order_shipment", {"entity_id": "shipment_id"}, _SHIPMENT_LIST),
            "sales_order_shipment.info": lambda number: self._of("shipments", number),
            "sales_order_shipment.create": self._ship,
            "sales_order_shipment.addTrack": self._add_track,
            "sales_order_shipment.removeTrack": self._remove_track,
            "sales_order_shipment.sendInfo": self._send_info,
            "sales_order_shipment.addComment": self._shipment_comment,
            "sales_order_shipment.getCarriers": lambda number: self._order(number) and _CARRIERS,
            "sales_order_invoice.list": self._list(
                "invoices", "sales_order_invoice", {"entity_id": "invoice_id"}, _INVOICE_LIST),
            "sales_order_invoice.info": lambda number: self._of("invoices", number),
            "sales_order_invoice.create": self._invoice,
            "sales_order_invoice.capture": self._capture,
            "sales_order_creditmemo.list": self._list(
                "creditmemos", "sales_order_creditmemo", {"entity_id": "creditmemo_id"}),
            "sales_order_creditmemo.info": lambda number: self._of("creditmemos", number),
            "sales_order_creditmemo.create": self._refund,
            "cataloginventory_stock_item.list": self._stock,
            "cataloginventory_stock_item.update": self._set_stock,
            "catalog_product.list": self._products,
            "catalog_product.info": self._product_info,
            "catalog_product.create": self._create_product,
            "catalog_product.update": self._update_product,
            "catalog_product.delete": self._delete_product,
            "customer.list": self._list("customers", "customer", {"entity_id": "customer_id"}),
            "customer.info": self._customer,
            "customer.create": self._create_customer,
            "customer.update": self._update_customer,
            "customer.delete": self._delete_customer,
            "customer_address.list": self._addresses,
            "customer_address.create": self._create_address,
            "customer_address.update": self._update_address,
        }  # fmt: skip

    def call(self, path: str, args: Any) -> Any:
        """Perform one call. Raises ApiFault."""
        resource, method = self.resolve(path)
        arguments = args if isinstance(args, list) else [args]
        if resource in self.denied:
            raise ApiFault("access_denied")
        do = self._methods.get(f"{resource}.{method}")
        if do is None:
            raise ApiFault("resource_path_invalid")
        try:
            return do(*arguments)
        except acts.ActError as error:
            raise ApiFault(_REFUSED.get(f"{resource}.{method}", "data_invalid"), str(error)) from None
        except TypeError as error:
            raise ApiFault("internal", str(error)) from None

    def resolve(self, path: str) -> tuple[str, str]:
        """Return resource and method of a path, aliases followed."""
        resource, _, method = str(path).partition(".")
        return ALIASES.get(resource, resource), method

    def resources(self) -> list[Row]:
        """Return what the API user may call."""
        found: dict[str, list[Row]] = {}
        for path in self._methods:
            resource, _, method = path.partition(".")
            if resource not in self.denied:
                one = {"title": method, "path": path, "name": method, "aliases": []}
                found.setdefault(resource, []).append(one)
        return [
            {"title": name, "description": None, "name": name, "aliases": [], "methods": methods}
            for name, methods in found.items()
        ]

    # ------------------------------------------------ reading

    def _list(
        self, table: str, resource: str, names: Mapping[str, str], only: Sequence[str] = ()
    ) -> Callable[..., list[Row]]:
        own = {key: name for key, name in names.items()} | {v: v for v in names.values()}
        del resource

        def listed(filters: Any = None) -> list[Row]:
            rows = getattr(self._books, table).values()
            try:
                found = filtered(rows, filters, own)
            except ValueError as error:
                raise ApiFault("filters_invalid", str(error)) from None
            return [
                {name: row[name] for name in only if name in row}
                if only
                else {name: value for name, value in row.items() if name not in _NESTED}
                for row in found
            ]

        return listed

    def _of(self, table: str, number: Any, fault: str = "not_exists") -> Row:
        row: Row | None = getattr(self._books, table).get(str(number))
        if row is None:
            raise ApiFault(fault)
        return row

    def _order(self, number: Any, fault: str = "not_exists") -> Row:
        return self._of("orders", number, fault)

    def _stores(self) -> list[Row]:
        return [
            {"store_id": str(one.id), "code": one.code, "website_id": str(one.website),
             "group_id": str(one.website), "name": one.name.rpartition("\n")[2],
             "sort_order": "0", "is_active": "1"}
            for one in self._books.stores
        ]  # fmt: skip

    # ------------------------------------------------ orders

    def _order_comment(self, number: Any, status: Any, comment: Any = "", notify: Any = False) -> bool:
        order = self._order(number)
        notified = _true(notify)
        order["status_history"].insert(0, {
            "increment_id": None, "parent_id": None, "created_at": self._books.marked(),
            "updated_at": None, "is_active": None,
            "is_customer_notified": "1" if notified else "0", "status": status or order["status"],
            "comment": comment, "entity_name": "order",
        })  # fmt: skip
        if status:
            order["status"] = str(status)
        if notified and comment:
            self._books.mails.append({"kind": "comment", "to": order["customer_email"],
                                      "order": order["increment_id"], "comment": comment})  # fmt: skip
        acts.touch(self._books, order)
        return True

    def _hold(self, number: Any, state: str) -> bool:
        order = self._order(number)
        if (order["state"] == "holded") == (state == "holded"):
            raise ApiFault("status_not_changed", "Hold action is not available.")
        order["state"] = order["status"] = state
        acts.touch(self._books, order)
        return True

    def _cancel(self, number: Any) -> bool:
        order = self._order(number)
        acts.cancel(self._books, order)
        if order["state"] != "canceled":
            raise ApiFault("status_not_changed")
        return True

    # ------------------------------------------------ shipments

    def _ship(
        self, number: Any, items: Any = (), comment: Any = None, email: Any = False,
        include: Any = False,
    ) -> str:  # fmt: skip
        order = self._order(number, "order_not_exists")
        row = acts.ship(self._books, order, acts.as_pieces(items), comment=comment)
        if _true(email):
            acts.tell(self._books, row, order, comment if _true(include) else None)
        return str(row["increment_id"])

    def _add_track(
        self, number: Any, carrier: Any, title: Any, track: Any, weight: Any = None
    ) -> int:
        row = self._of("shipments", number)
        if carrier not in _CARRIERS:
            raise ApiFault("data_invalid", "Invalid carrier specified.")
        identifier = self._books.next("track")
        now = self._books.marked()
        row["tracks"].append({
            "track_id": str(identifier), "increment_id": None, "parent_id": row["shipment_id"],
            "created_at": now, "updated_at": now, "is_active": None, "carrier_code": carrier,
            "title": title, "number": str(track), "order_id": row["order_id"], "weight": weight,
        })  # fmt: skip
        acts.touch(self._books, row)
        return identifier

    def _remove_track(self, number: Any, track: Any) -> bool:
        row = self._of("shipments", number)
        left = [one for one in row["tracks"] if one["track_id"] != str(track)]
        if len(left) == len(row["tracks"]):
            raise ApiFault("track_not_exists")
        row["tracks"] = left
        acts.touch(self._books, row)
        return True

    def _send_info(self, number: Any, comment: Any = "") -> bool:
        row = self._of("shipments", number)
        acts.tell(self._books, row, self._books.orders[row["order_increment_id"]], comment)
        return True

    def _shipment_comment(
        self, number: Any, comment: Any, email: Any = False, include: Any = False
    ) -> bool:
        row = self._of("shipments", number)
        row["comments"].append(acts.comment_row(self._books, comment, notified=_true(email)))
        if _true(email):
            order = self._books.orders[row["order_increment_id"]]
            self._books.mails.append({"kind": "shipment update", "to": order["customer_email"],
                                      "order": order["increment_id"],
                                      "shipment": row["increment_id"],
                                      "comment": comment if _true(include) else ""})  # fmt: skip
        acts.touch(self._books, row)
        return True

    # ------------------------------------------------ invoices and credit memos

    def _invoice(
        self, number: Any, items: Any = (), comment: Any = None, email: Any = False,
        include: Any = False,
    ) -> str:  # fmt: skip
        del email, include
        order = self._order(number, "order_not_exists")
        paid = order["payment"]["method"] in _OFFLINE
        row = acts.invoice(self._books, order, acts.as_pieces(items), comment=comment, paid=paid)
        return str(row["increment_id"])

    def _capture(self, number: Any) -> bool:
        acts.capture(self._books, self._of("invoices", number))
        return True

    def _refund(
        self, number: Any, data: Any = None, comment: Any = None, notify: Any = False,
        include: Any = False, to_credit: Any = None,
    ) -> str:  # fmt: skip
        del notify, include, to_credit
        order = self._order(number, "order_not_exists")
        given = data if isinstance(data, Mapping) else {}
        shipping = given.get("shipping_amount")
        row = acts.refund(
            self._books, order, acts.as_pieces(given.get("qtys")), comment=comment,
            shipping=None if shipping is None else Decimal(str(shipping)),
            plus=Decimal(str(given.get("adjustment_positive") or 0)),
            minus=Decimal(str(given.get("adjustment_negative") or 0)),
        )  # fmt: skip
        return str(row["increment_id"])

    # ------------------------------------------------ catalog

    def _products(self, filters: Any = None, store: Any = None) -> list[Row]:
        self._store(store)
        try:
            found = filtered(
                self._books.products.values(), filters, {"entity_id": "product_id"}
            )
        except ValueError as error:
            raise ApiFault("filters_invalid", str(error)) from None
        names = ("product_id", "sku", "name", "set", "type", "category_ids", "website_ids")
        return [{name: row[name] for name in names} for row in found]

    def _store(self, store: Any) -> str | None:
        if store in (None, "", 0, "0", "admin"):
            return None
        found = self._books.store(store)
        if found is None:
            raise ApiFault("store_not_exists")
        return found.code

    def _product(self, identifier: Any, kind: Any, fault: str = "product_not_exists") -> Row:
        text = str(identifier)
        is_sku = kind == "sku" or (not kind and not text.lstrip("+-").isdigit())
        row = self._books.product_by_sku(text) if is_sku else None
        if row is None and kind != "sku":
            row = self._books.products.get(text)
        if row is None:
            raise ApiFault(fault)
        return row

    def _product_info(
        self, identifier: Any, store: Any = None, attributes: Any = None, kind: Any = None
    ) -> Row:
        code = self._store(store)
        row = self._product(identifier, str(kind).lower() if kind else None)
        shown = {**row, **(self._books.scoped.get((row["product_id"], code), {}) if code else {})}
        if isinstance(attributes, list):
            always = ("product_id", "sku", "set", "type", "categories", "websites")
            return {name: shown[name] for name in (*always, *attributes) if name in shown}
        return shown

    def _create_product(
        self, kind: Any, of_set: Any, sku: Any, data: Any, store: Any = None
    ) -> int:
        del store
        if not kind or not of_set or not sku:
            raise ApiFault("data_invalid")
        if kind not in ("simple", "virtual", "downloadable", "configurable", "grouped", "bundle"):
            raise ApiFault("product_type_not_exists")
        if str(of_set) != "4":
            raise ApiFault("product_attribute_set_not_exists")
        if self._books.product_by_sku(str(sku)) is not None:
            raise ApiFault("internal", 'The value of attribute "SKU" must be unique')
        given = data if isinstance(data, Mapping) else {}
        row = self._books.add_product(str(sku), str(given.get("name") or ""), Decimal(0), kind=kind)
        row |= {"status": "1", "websites": [], "website_ids": []}
        self._put(row, given, None)
        return int(row["product_id"])

    def _put(self, row: Row, given: Mapping[str, Any], code: str | None) -> None:
        target = row
        if code is not None:
            target = self._books.scoped.setdefault((row["product_id"], code), {})
        for name, value in given.items():
            if name == "stock_data":
                self._books.stock[row["product_id"]] |= {k: str(v) for k, v in value.items()}
            elif name == "websites":
                row |= {"websites": [str(v) for v in value], "website_ids": [str(v) for v in value]}
            elif name == "tier_price":
                row[name] = value
            elif name in row:
                if name.endswith("price") and value not in (None, ""):
                    value = _money(value, name)  # noqa: PLW2901 - as it is stored
                target[name] = value
        acts.touch(self._books, row)

    def _update_product(
        self, identifier: Any, data: Any, store: Any = None, kind: Any = None
    ) -> bool:
        code = self._store(store)
        row = self._product(identifier, kind)
        self._put(row, data if isinstance(data, Mapping) else {}, code)
        return True

    def _delete_product(self, identifier: Any, kind: Any = None) -> bool:
        row = self._product(identifier, kind)
        del self._books.products[row["product_id"]]
        del self._books.stock[row["product_id"]]
        return True

    def _by_sku_first(self, identifier: Any) -> Row | None:
        """Return a product as stock calls find it: a number is a SKU first, then an id."""
        text = str(identifier)
        return self._books.product_by_sku(text) or self._books.products.get(text)

    def _stock(self, identifiers: Any) -> list[Row]:
        wanted = identifiers if isinstance(identifiers, list) else [identifiers]
        rows = {row["product_id"]: row for one in wanted if (row := self._by_sku_first(one))}
        return [
            {"product_id": one, "sku": row["sku"], "qty": self._books.stock[one]["qty"],
             "is_in_stock": self._books.stock[one]["is_in_stock"]}
            for one, row in rows.items()
        ]  # fmt: skip

    def _set_stock(self, identifier: Any, data: Any) -> bool:
        row = self._by_sku_first(identifier)
        if row is None:
            raise ApiFault("not_exists")
        stock = self._books.stock[row["product_id"]]
        for name in ("qty", "is_in_stock", "manage_stock", "use_config_manage_stock", "backorders",
                     "use_config_backorders", "min_sale_qty"):  # fmt: skip
            if name in (data or {}):
                stock[name] = _money(data[name], name) if name == "qty" else str(int(data[name]))
        return True

    # ------------------------------------------------ customers

    def _customer(self, identifier: Any, attributes: Any = None) -> Row:
        row = self._of("customers", identifier)
        if isinstance(attributes, list):
            return {name: row[name] for name in ("customer_id", *attributes) if name in row}
        return row

    def _create_customer(self, data: Any) -> int:
        given = dict(data or {})
        email, website = str(given.get("email") or ""), str(given.get("website_id") or "")
        if not given.get("firstname"):
            raise ApiFault("data_invalid", "The first name cannot be empty.")
        if "@" not in email:
            raise ApiFault("data_invalid", f'Invalid email address "{email}".')
        for row in self._books.customers.values():
            same = row["email"].casefold() == email.casefold()
            if same and row["website_id"] == website:
                raise ApiFault("data_invalid", "This customer email already exists")
        row = self._books.add_customer(email, "", "", self._books.now())
        row |= {name: None if v is None else str(v) for name, v in given.items() if name in row}
        return int(row["customer_id"])

    def _update_customer(self, identifier: Any, data: Any) -> bool:
        row = self._of("customers", identifier)
        row |= {name: v if v is None else str(v) for name, v in (data or {}).items() if name in row}
        acts.touch(self._books, row)
        return True

    def _delete_customer(self, identifier: Any) -> bool:
        self._of("customers", identifier)
        del self._books.customers[str(identifier)]
        return True

    def _addresses(self, identifier: Any) -> list[Row]:
        if str(identifier) not in self._books.customers:
            raise ApiFault("customer_not_exists")
        return [
            {name: value for name, value in row.items() if name != "customer_id"}
            for row in self._books.addresses.values()
            if row["customer_id"] == str(identifier)
        ]

    def _create_address(self, identifier: Any, data: Any) -> int:
        if str(identifier) not in self._books.customers:
            raise ApiFault("customer_not_exists")
        given = dict(data or {})
        missing = [name for name in ("firstname", "lastname", "street", "city", "telephone",
                                     "country_id") if not given.get(name)]  # fmt: skip
        if missing:
            raise ApiFault("data_invalid", "\n".join(f"Please enter the {one}." for one in missing))
        number = str(self._books.next("address"))
        now = self._books.marked()
        street = given.get("street")
        self._books.addresses[number] = {
            "customer_address_id": number, "customer_id": str(identifier), "created_at": now,
            "updated_at": now, "is_default_billing": False, "is_default_shipping": False,
            **given, "street": "\n".join(street) if isinstance(street, list) else street,
        }  # fmt: skip
        acts.touch(self._books, self._books.customers[str(identifier)])
        return int(number)

    def _update_address(self, identifier: Any, data: Any) -> bool:
        row = self._of("addresses", identifier)
        row |= dict(data or {})
        acts.touch(self._books, self._books.customers[row["customer_id"]])
        return True


_OFFLINE = frozenset({"checkmo", "banktransfer", "cashondelivery", "purchaseorder", "free"})
_REFUSED = {
    "sales_order.cancel": "status_not_changed",
    "sales_order_invoice.capture": "status_not_changed",
    "sales_order_creditmemo.create": "cannot_create_creditmemo",
}
_SHIPMENT_LIST = ("shipment_id", "increment_id", "created_at", "total_qty", "shipping_firstname",
                  "shipping_lastname", "order_increment_id", "order_created_at")  # fmt: skip
_INVOICE_LIST = ("invoice_id", "order_id", "increment_id", "created_at", "state", "grand_total",
                 "order_currency_code")  # fmt: skip


def _true(value: Any) -> bool:
    return str(value).lower() not in ("", "0", "false", "none")


def _money(value: Any, name: str) -> str:
    try:
        return f"{Decimal(str(value)):.4f}"
    except InvalidOperation:
        raise ApiFault("data_invalid", f'Value for "{name}" is invalid.') from None
