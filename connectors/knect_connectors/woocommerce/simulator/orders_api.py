"""The routes of orders, their notes and their refunds.

Must not: check credentials, or know a fault.
"""

import re
from collections.abc import Mapping
from typing import Any

from knect.sdk.testing import Answer, Request
from knect_connectors.woocommerce.payload import instant_text
from knect_connectors.woocommerce.simulator import merchant
from knect_connectors.woocommerce.simulator.books import Books, Row
from knect_connectors.woocommerce.simulator.meta import merge_meta
from knect_connectors.woocommerce.simulator.placing import placed
from knect_connectors.woocommerce.simulator.queries import (
    RefusedError,
    invalid,
    is_true,
    listed,
    no_route,
    too_many,
)
from knect_connectors.woocommerce.simulator.shapes import shaped

__all__ = ["STATUSES", "OrdersApi"]

#: Statuses that are registered; what another one has is in no list.
STATUSES = frozenset({
    "pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed",
    "checkout-draft",
})  # fmt: skip
_NOT_ANY = frozenset({"trash", "auto-draft"})
_EDITED = ("billing", "shipping")
_SET = ("customer_note", "transaction_id", "payment_method", "payment_method_title", "customer_id")
_BLANKS = re.compile(r"[ \t]+")


class OrdersApi:
    """Answers what is below `/orders` and `/refunds`."""

    def __init__(self, books: Books, base: str) -> None:
        self._books = books
        self._base = base

    def answer(self, request: Request, parts: list[str]) -> Answer:
        """Answer a request whose path is `parts`, of which the first is `orders` or `refunds`."""
        match request.method, parts:
            case "GET", ["refunds"]:
                rows = [one for of in self._books.refunds.values() for one in of]
                return listed(self._books, rows, request.query, self._told_refund(request),
                              spans=False)  # fmt: skip
            case "GET", ["orders"]:
                return self._list(request)
            case "POST", ["orders"]:
                row = placed(self._books, request.json())
                self.change(row, request.json())
                return Answer.of_json(self.told(row), status=201, committed=True,
                                      key=str(row["id"]))  # fmt: skip
            case "POST", ["orders", "batch"]:
                return self._batch(request)
            case _, ["orders", number]:
                return self._one(request, self.order(number))
            case _, ["orders", number, "notes", *rest]:
                return self._notes(request, self.order(number), rest)
            case _, ["orders", number, "refunds", *rest]:
                return self._refunds(request, self.order(number), rest)
            case _:
                raise no_route()

    def order(self, number: Any) -> Row:
        """Return an order by id."""
        row = self._books.orders.get(int(number)) if str(number).isdigit() else None
        if row is None:
            raise RefusedError(404, "woocommerce_rest_shop_order_invalid_id", "Invalid ID.")
        return row

    def told(self, row: Row, places: int = 2) -> Row:
        """Return the answer for an order."""
        return shaped(self._books, row, f"{self._base}/orders/{row['id']}", places=places)

    # ------------------------------------------------ orders

    def _list(self, request: Request) -> Answer:
        query = request.query
        wanted = {one for one in query.get("status", "any").split(",") if one}
        unknown = wanted - STATUSES - {"any", "trash", "auto-draft"}
        if unknown:
            raise invalid("status", "status[0] is not one of any, trash, …")
        shown = STATUSES - _NOT_ANY if "any" in wanted else wanted
        customer = query.get("customer")
        rows = [
            row
            for row in self._books.orders.values()
            if row["status"] in shown and customer in (None, str(row["customer_id"]))
        ]
        return listed(self._books, rows, query, lambda row: self.told(row, _places(query)))

    def _one(self, request: Request, row: Row) -> Answer:
        places = _places(request.query)
        if request.method == "GET":
            return Answer.of_json(self.told(row, places), key=str(row["id"]))
        if request.method in ("PUT", "POST", "PATCH"):
            self.change(row, request.json())
            return Answer.of_json(self.told(row, places), key=str(row["id"]), committed=True)
        if request.method == "DELETE":
            if is_true(request.query.get("force")):
                del self._books.orders[row["id"]]
                self._books.events.append(("order.deleted", row))
            else:
                merchant.trash(self._books, row)
            return Answer.of_json(self.told(row), key=str(row["id"]), committed=True)
        raise no_route()

    def change(self, row: Row, body: Mapping[str, Any]) -> None:
        """Change an order by what a request says."""
        for name in _EDITED:
            if isinstance(body.get(name), Mapping):
                row[name] = {**row[name], **body[name]}
        row |= {name: body[name] for name in _SET if name in body}
        if "meta_data" in body:
            merge_meta(self._books, row, body["meta_data"])
        status = body.get("status")
        if status is not None and status not in STATUSES:
            raise invalid("status", "status is not one of pending, processing, …")
        if status is not None:
            merchant.set_status(self._books, row, status)
        self._books.touch(row, "order.updated")

    def _batch(self, request: Request) -> Answer:
        wanted = request.json().get("update") or []
        if len(wanted) > 100:
            raise too_many()
        found = []
        for body in wanted:
            try:
                row = self.order(body.get("id"))
                self.change(row, body)
                found.append(self.told(row))
            except RefusedError as error:
                found.append({"id": body.get("id", 0), "error": error.body})
        # PHP has one kind of array: an empty one is a list
        return Answer.of_json(
            {"update": found} if found else [], key="batch", committed=bool(found)
        )

    # ------------------------------------------------ notes

    def _notes(self, request: Request, order: Row, rest: list[str]) -> Answer:
        notes = self._books.notes.get(order["id"], [])
        if request.method == "GET" and not rest:
            kind = request.query.get("type", "any")
            rows = [
                one for one in reversed(notes)
                if kind == "any" or one["customer_note"] == (kind == "customer")
            ]  # fmt: skip
            # this list is never in pages
            return Answer.of_json([self._told_note(order, one) for one in rows])
        if request.method == "POST" and not rest:
            body = request.json()
            text = str(body.get("note") or "")
            if not text:
                raise RefusedError(400, "rest_missing_callback_param",
                                   "Missing parameter(s): note", params=["note"])  # fmt: skip
            note = self._books.note(
                order["id"],
                _BLANKS.sub(" ", text).strip(),
                to_customer=bool(body.get("customer_note")),
                author="WooCommerce",
            )
            return Answer.of_json(self._told_note(order, note), status=201, committed=True,
                                  key=str(order["id"]))  # fmt: skip
        found = next((one for one in notes if rest and str(one["id"]) == rest[0]), None)
        if found is None or request.method != "GET":
            raise RefusedError(404, "woocommerce_rest_invalid_id", "Invalid resource ID.")
        return Answer.of_json(self._told_note(order, found))

    def _told_note(self, order: Row, note: Row) -> Row:
        link = f"{self._base}/orders/{order['id']}/notes/{note['id']}"
        return shaped(self._books, note, link)

    # ------------------------------------------------ refunds

    def _refunds(self, request: Request, order: Row, rest: list[str]) -> Answer:
        rows = self._books.refunds.get(order["id"], [])
        told = self._told_refund(request)
        if request.method == "GET" and not rest:
            return listed(self._books, rows, request.query, told, spans=False)
        if request.method == "POST" and not rest:
            body = request.json()
            lines = {
                str(one["id"]): str(one.get("quantity", 0)) for one in body.get("line_items") or ()
            }
            row = merchant.refund(self._books, order, lines, amount=str(body.get("amount") or ""),
                                  reason=str(body.get("reason") or ""))  # fmt: skip
            return Answer.of_json(told(row), status=201, committed=True, key=str(row["id"]))
        found = next((one for one in rows if rest and str(one["id"]) == rest[0]), None)
        if found is None:
            raise RefusedError(404, "woocommerce_rest_shop_order_refund_invalid_id", "Invalid ID.")
        if request.method == "DELETE":
            rows.remove(found)
            order["refunds"] = [one for one in order["refunds"] if one["id"] != found["id"]]
            order["date_modified_gmt"] = instant_text(self._books.now())
            return Answer.of_json(told(found), committed=True)
        return Answer.of_json(told(found))

    def _told_refund(self, request: Request) -> Any:
        places = _places(request.query)

        def told(row: Row) -> Row:
            link = f"{self._base}/orders/{row['parent_id_of']}/refunds/{row['id']}"
            answer = shaped(self._books, row, link, places=places)
            if request.path.endswith("/refunds") and "/orders/" not in request.path:
                answer = {"parent_id": row["parent_id_of"], **answer}
            return answer

        return told


def _places(query: Mapping[str, str]) -> int:
    text = query.get("dp", "2")
    return int(text) if text.isdigit() else 2
