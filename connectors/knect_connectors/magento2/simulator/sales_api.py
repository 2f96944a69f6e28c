"""Routes of orders, shipments, invoices and credit memos.

Must not: know how a request came in.
"""

from typing import Any

from knect_connectors.magento2.simulator import acts, bills, parts
from knect_connectors.magento2.simulator.books import Books, Row
from knect_connectors.magento2.simulator.errors import ApiError, gone
from knect_connectors.magento2.simulator.money import shown
from knect_connectors.magento2.simulator.routes import Called, Route, page_of

__all__ = ["SalesApi"]

_ACTIONS = "Magento_Sales::actions_view"
_SHIP, _SHIPMENTS = "Magento_Sales::ship", "Magento_Sales::shipment"
_BILL, _INVOICES = "Magento_Sales::invoice", "Magento_Sales::sales_invoice"
_MEMOS = "Magento_Sales::sales_creditmemo"


class SalesApi:
    """See the module."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def routes(self) -> list[Route]:
        """Return the routes."""
        found = (
            ("GET", "orders", _ACTIONS, self._list("orders")),
            ("GET", "orders/{id}", _ACTIONS, lambda call: shown(self._order(call))),
            ("POST", "orders/{id}/cancel", "Magento_Sales::cancel", self._cancel),
            ("POST", "orders/{id}/comments", "Magento_Sales::comment", self._comment),
            ("POST", "orders/{id}/hold", "Magento_Sales::hold", self._hold),
            ("POST", "order/{id}/ship", _SHIP, self._ship),
            ("POST", "order/{id}/invoice", _BILL, self._invoice),
            ("GET", "shipments", _SHIPMENTS, self._list("shipments")),
            ("GET", "shipment/{id}", _SHIPMENTS, lambda call: shown(self._shipment(call))),
            ("GET", "shipment/{id}/comments", _SHIPMENTS, self._comments("shipments")),
            ("POST", "shipment/{id}/comments", _SHIPMENTS, self._shipment_comment),
            ("POST", "shipment/{id}/emails", _SHIPMENTS, self._tell),
            ("POST", "shipment/track", _SHIPMENTS, self._add_track),
            ("DELETE", "shipment/track/{id}", _SHIPMENTS, self._remove_track),
            ("GET", "invoices", _INVOICES, self._list("invoices")),
            ("GET", "invoices/{id}", _INVOICES, lambda call: shown(self._one("invoices", call))),
            ("GET", "invoices/{id}/comments", _INVOICES, self._comments("invoices")),
            ("POST", "invoices/{id}/capture", _BILL, self._capture),
            ("GET", "creditmemos", _MEMOS, self._list("creditmemos")),
        )
        return [
            Route(method=method, path=path, resource=resource, do=do)
            for method, path, resource, do in found
        ]

    def _list(self, table: str) -> Any:
        def told(call: Called) -> Any:
            page = page_of(getattr(self._books, table).values(), call)
            if table == "orders" and any(
                r["entity_id"] in self._books.broken for r in page["items"]
            ):
                raise ApiError("Internal Error. Details are available in Magento log file. Report"
                               " ID: webapi-64a1", status=500)  # fmt: skip
            return page

        return told

    def _comments(self, table: str) -> Any:
        def told(call: Called) -> Any:
            rows = self._one(table, call)["comments"]
            criteria: Row = {"filter_groups": []}
            return {"items": rows, "search_criteria": criteria, "total_count": len(rows)}

        return told

    def _one(self, table: str, call: Called) -> Row:
        identifier = call.parameters["id"]
        rows: dict[int, Row] = getattr(self._books, table)
        row = rows.get(int(identifier)) if identifier.isdecimal() else None
        if row is None:
            raise ApiError(
                "The entity that was requested doesn't exist. Verify the entity and try again.",
                status=404,
            )
        return row

    def _order(self, call: Called) -> Row:
        return self._one("orders", call)

    def _shipment(self, call: Called) -> Row:
        return self._one("shipments", call)

    # ------------------------------------------------ orders

    def _cancel(self, call: Called) -> bool:
        return acts.cancel(self._books, self._order(call))

    def _comment(self, call: Called) -> bool:
        order, given = self._order(call), call.given("statusHistory")
        status, text = given.get("status"), str(given.get("comment") or "")
        told = bool(given.get("is_customer_notified"))
        if status:
            order["status"] = str(status)
        parts.touch(self._books, order)
        entry = acts.history(self._books, order, text or None, told=told,
                             seen=int(given.get("is_visible_on_front") or 0))  # fmt: skip
        order["status_histories"].insert(0, entry)
        if told and text:
            self._books.mails.append({"kind": "comment", "to": order["customer_email"],
                                      "order": order["increment_id"], "comment": text})  # fmt: skip
        return True

    def _hold(self, call: Called) -> bool:
        order = self._order(call)
        if order["state"] in ("holded", "canceled", "complete", "closed"):
            raise ApiError("A hold action is not available.")
        order["state"] = order["status"] = "holded"
        parts.touch(self._books, order)
        return True

    # ------------------------------------------------ shipments

    def _ship(self, call: Called) -> str:
        order, body = self._order(call), call.body or {}
        more = (body.get("arguments") or {}).get("extension_attributes") or {}
        comment = body.get("comment") or {}
        row = acts.ship(
            self._books,
            order,
            parts.as_pieces(body.get("items")),
            comment=comment.get("comment"),
            tracks=body.get("tracks") or [],
            source=more.get("source_code"),
            notify=bool(body.get("notify")),
        )
        return str(row["entity_id"])  # a number by the description, a text on the wire

    def _tell(self, call: Called) -> bool:
        row = self._shipment(call)
        acts.tell(self._books, row, self._books.orders[row["order_id"]])
        parts.touch(self._books, row)
        return True

    def _shipment_comment(self, call: Called) -> Any:
        row, given = self._shipment(call), call.given("entity")
        entry = parts.note(self._books, row["entity_id"], str(given["comment"]))
        row["comments"].append(entry)
        return shown(entry)

    def _add_track(self, call: Called) -> Any:
        given = call.given("entity")
        row = self._books.shipments.get(int(given.get("parent_id") or 0))
        if row is None:
            raise ApiError("The shipment that was requested doesn't exist.", status=404)
        for name in ("track_number", "carrier_code"):
            if not given.get(name):
                raise ApiError("Could not save the shipment tracking.")
        return shown(acts.add_track(self._books, row, given))

    def _remove_track(self, call: Called) -> bool:
        identifier = call.parameters["id"]
        for row in self._books.shipments.values():
            left = [one for one in row["tracks"] if str(one["entity_id"]) != identifier]
            if len(left) < len(row["tracks"]):
                row["tracks"] = left
                parts.touch(self._books, row)
                return True
        raise gone("id", identifier)

    # ------------------------------------------------ invoices

    def _invoice(self, call: Called) -> str:
        order, body = self._order(call), call.body or {}
        comment = (body.get("comment") or {}).get("comment")
        row = bills.invoice(
            self._books,
            order,
            parts.as_pieces(body.get("items")),
            comment=comment,
            paid=bool(body.get("capture")) or order["payment"]["method"] in bills.OFFLINE,
        )
        return str(row["entity_id"])

    def _capture(self, call: Called) -> str:
        bills.capture(self._books, self._one("invoices", call))
        return "true"
