"""Resources of orders, shipments, invoices and credit memos.

Must not: know a wire format or a session.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from knect_connectors.magento1.simulator import acts, bills, parts
from knect_connectors.magento1.simulator.books import Row
from knect_connectors.magento1.simulator.faults import ApiFault
from knect_connectors.magento1.simulator.tables import Methods, Tables, is_true

__all__ = ["SalesCalls"]

_CARRIERS = {"custom": "Custom Value", "dhl": "DHL (Deprecated)", "ups": "United Parcel Service",
             "usps": "United States Postal Service", "fedex": "Federal Express"}  # fmt: skip

_OFFLINE = frozenset({"checkmo", "banktransfer", "cashondelivery", "purchaseorder", "free"})
_SHIPMENT_LIST = ("shipment_id", "increment_id", "created_at", "total_qty")
#: Of the order, and only in the admin's grid.
_OF_ORDER = frozenset({"order_increment_id", "order_created_at", "shipping_firstname",
                       "shipping_lastname"})  # fmt: skip
_INVOICE_LIST = ("invoice_id", "order_id", "increment_id", "created_at", "state", "grand_total",
                 "order_currency_code")  # fmt: skip


class SalesCalls(Tables):
    """See the module."""

    def methods(self) -> Methods:
        """Return the resources' methods by path."""
        return {
            "sales_order.list": self.listing("orders", {"entity_id": "order_id"}),
            "sales_order.info": self._order,
            "sales_order.addComment": self._order_comment,
            "sales_order.hold": lambda number: self._hold(number, "holded"),
            "sales_order.unhold": lambda number: self._hold(number, "processing"),
            "sales_order.cancel": self._cancel,
            "sales_order_shipment.list": self.listing(
                "shipments", {"entity_id": "shipment_id"}, _SHIPMENT_LIST),
            "sales_order_shipment.info": self._shipment,
            "sales_order_shipment.create": self._ship,
            "sales_order_shipment.addTrack": self._add_track,
            "sales_order_shipment.removeTrack": self._remove_track,
            "sales_order_shipment.sendInfo": self._send_info,
            "sales_order_shipment.addComment": self._shipment_comment,
            "sales_order_shipment.getCarriers": lambda number: self._order(number) and _CARRIERS,
            "sales_order_invoice.list": self.listing(
                "invoices", {"entity_id": "invoice_id"}, _INVOICE_LIST),
            "sales_order_invoice.info": self._invoice_info,
            "sales_order_invoice.create": self._invoice,
            "sales_order_invoice.capture": self._capture,
            "sales_order_creditmemo.list": self.listing(
                "creditmemos", {"entity_id": "creditmemo_id"}),
            "sales_order_creditmemo.info": lambda number: self.one("creditmemos", number),
            "sales_order_creditmemo.create": self._refund,
        }  # fmt: skip

    def _order(self, number: Any, fault: str = "not_exists") -> Row:
        return self.one("orders", number, fault)

    # ------------------------------------------------ orders

    def _order_comment(self, number: Any, status: Any, comment: Any = "", notify: Any = 0) -> bool:
        order = self._order(number)
        notified = is_true(notify)
        order["status_history"].insert(0, {
            "increment_id": None, "parent_id": None, "created_at": self._books.marked(),
            "updated_at": None, "is_active": None,
            "is_customer_notified": "1" if notified else "0", "status": status or order["status"],
            "comment": comment, "entity_name": "order",
        })  # fmt: skip
        if status:
            order["status"] = str(status)
        if notified and comment:
            self._books.mails.append(
                {
                    "kind": "comment",
                    "to": order["customer_email"],
                    "order": order["increment_id"],
                    "comment": comment,
                }
            )
        parts.touch(self._books, order)
        return True

    def _hold(self, number: Any, state: str) -> bool:
        order = self._order(number)
        if (order["state"] == "holded") == (state == "holded"):
            raise ApiFault("status_not_changed", "Hold action is not available.")
        order["state"] = order["status"] = state
        parts.touch(self._books, order)
        return True

    def _cancel(self, number: Any) -> bool:
        order = self._order(number)
        acts.cancel(self._books, order)
        if order["state"] != "canceled":
            raise ApiFault("status_not_changed")
        return True

    # ------------------------------------------------ shipments

    def _shipment(self, number: Any) -> Row:
        """Tell a shipment; which order it is of, by the order's id only."""
        row = self.one("shipments", number)
        return {name: value for name, value in row.items() if name not in _OF_ORDER}

    def _invoice_info(self, number: Any) -> Row:
        """Tell an invoice; it has a place for the order's number, and nothing in it."""
        return {**self.one("invoices", number), "order_increment_id": None}

    def _ship(
        self, number: Any, items: Any = (), comment: Any = None, email: Any = 0,
        include: Any = 0,
    ) -> str:  # fmt: skip
        order = self._order(number, "order_not_exists")
        row = acts.ship(self._books, order, parts.as_pieces(items), comment=comment)
        if is_true(email):
            acts.tell(self._books, row, order, comment if is_true(include) else None)
        return str(row["increment_id"])

    def _add_track(
        self, number: Any, carrier: Any, title: Any, track: Any, weight: Any = None
    ) -> int:
        row = self.one("shipments", number)
        if carrier not in _CARRIERS:
            raise ApiFault("data_invalid", "Invalid carrier specified.")
        identifier = self._books.next("track")
        now = self._books.marked()
        row["tracks"].append({
            "track_id": str(identifier), "increment_id": None, "parent_id": row["shipment_id"],
            "created_at": now, "updated_at": now, "is_active": None, "carrier_code": carrier,
            "title": title, "number": str(track), "order_id": row["order_id"], "weight": weight,
        })  # fmt: skip
        parts.touch(self._books, row)
        return identifier

    def _remove_track(self, number: Any, track: Any) -> bool:
        row = self.one("shipments", number)
        left = [one for one in row["tracks"] if one["track_id"] != str(track)]
        if len(left) == len(row["tracks"]):
            raise ApiFault("track_not_exists")
        row["tracks"] = left
        parts.touch(self._books, row)
        return True

    def _send_info(self, number: Any, comment: Any = "") -> bool:
        row = self.one("shipments", number)
        acts.tell(self._books, row, self._books.orders[row["order_increment_id"]], comment)
        return True

    def _shipment_comment(
        self, number: Any, comment: Any, email: Any = 0, include: Any = 0
    ) -> bool:
        row = self.one("shipments", number)
        row["comments"].append(parts.comment_row(self._books, comment, notified=is_true(email)))
        if is_true(email):
            order = self._books.orders[row["order_increment_id"]]
            self._books.mails.append({"kind": "shipment update", "to": order["customer_email"],
                                      "order": order["increment_id"],
                                      "shipment": row["increment_id"],
                                      "comment": comment if is_true(include) else ""})  # fmt: skip
        parts.touch(self._books, row)
        return True

    # ------------------------------------------------ invoices and credit memos

    def _invoice(
        self, number: Any, items: Any = (), comment: Any = None, email: Any = 0,
        include: Any = 0,
    ) -> str:  # fmt: skip
        del email, include
        order = self._order(number, "order_not_exists")
        paid = order["payment"]["method"] in _OFFLINE
        row = bills.invoice(self._books, order, parts.as_pieces(items), comment=comment, paid=paid)
        return str(row["increment_id"])

    def _capture(self, number: Any) -> bool:
        bills.capture(self._books, self.one("invoices", number))
        return True

    def _refund(
        self, number: Any, data: Any = None, comment: Any = None, notify: Any = 0,
        include: Any = 0, to_credit: Any = None,
    ) -> str:  # fmt: skip
        del notify, include, to_credit
        order = self._order(number, "order_not_exists")
        given = data if isinstance(data, Mapping) else {}
        shipping = given.get("shipping_amount")
        row = bills.refund(
            self._books, order, parts.as_pieces(given.get("qtys")), comment=comment,
            shipping=None if shipping is None else Decimal(str(shipping)),
            plus=Decimal(str(given.get("adjustment_positive") or 0)),
            minus=Decimal(str(given.get("adjustment_negative") or 0)),
        )  # fmt: skip
        return str(row["increment_id"])
