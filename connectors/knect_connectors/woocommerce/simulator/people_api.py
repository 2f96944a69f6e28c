"""The routes of customers, webhooks, and what a shop says of itself.

Must not: check credentials, or know a fault.
"""

from typing import Any

from knect.sdk.testing import Answer, Request
from knect_connectors.woocommerce.payload import instant_text
from knect_connectors.woocommerce.simulator.books import Books, Row
from knect_connectors.woocommerce.simulator.meta import merge_meta
from knect_connectors.woocommerce.simulator.queries import RefusedError, listed, no_route, too_many
from knect_connectors.woocommerce.simulator.shapes import shaped

__all__ = ["PeopleApi"]

_SORTS = ("id", "include", "name", "registered_date")
_SET = ("first_name", "last_name", "email")
_HOOK = ("name", "status", "topic", "delivery_url", "secret")
_TOPICS = frozenset(
    f"{resource}.{event}"
    for resource in ("order", "customer", "product", "coupon")
    for event in ("created", "updated", "deleted", "restored")
)


class PeopleApi:
    """Answers what is below `/customers`, `/webhooks`, `/settings`, `/system_status`, `/data`."""

    def __init__(self, books: Books, base: str) -> None:
        self._books = books
        self._base = base
        self.pings: list[Row] = []

    def answer(self, request: Request, parts: list[str]) -> Answer:
        """Answer a request whose path is `parts`."""
        books = self._books
        match request.method, parts:
            case "GET", ["customers"]:
                return self._customers(request)
            case "POST", ["customers"]:
                return self._register(request.json())
            case "POST", ["customers", "batch"]:
                return self._batch(request)
            case _, ["customers", number]:
                return self._customer(request, number)
            case "GET", ["webhooks"]:
                status = request.query.get("status", "all")
                rows = [one for one in books.webhooks.values() if status in ("all", one["status"])]
                return listed(books, rows, request.query, self._told_hook, spans=False)
            case "POST", ["webhooks"]:
                return self._subscribe(request.json())
            case _, ["webhooks", number]:
                return self._hook(request, number)
            case "GET", ["data", "currencies", "current"]:
                return Answer.of_json(
                    {"code": books.currency, "name": books.currency, "symbol": "&euro;"}
                )
            case "GET", ["settings", "tax", "woocommerce_prices_include_tax"]:
                value = "yes" if books.prices_include_tax else "no"
                return Answer.of_json(
                    {"id": "woocommerce_prices_include_tax", "type": "radio", "value": value}
                )
            case "GET", ["system_status"]:
                return Answer.of_json({
                    "environment": {"version": "9.8.5", "wp_version": "6.8.1"},
                    "settings": {"currency": books.currency},
                })  # fmt: skip
            case _:
                raise no_route()

    # ------------------------------------------------ customers

    def _customers(self, request: Request) -> Answer:
        role = request.query.get("role", "customer")
        email = request.query.get("email", "").casefold()
        rows = [
            row
            for row in self._books.customers.values()
            if role in ("all", row["role"]) and email in ("", row["email"].casefold())
        ]
        return listed(self._books, rows, request.query, self._told, sorts=_SORTS, spans=False)

    def _told(self, row: Row) -> Row:
        return shaped(self._books, row, f"{self._base}/customers/{row['id']}")

    def _register(self, body: dict[str, Any]) -> Answer:
        email = str(body.get("email") or "")
        if any(
            row["email"].casefold() == email.casefold() for row in self._books.customers.values()
        ):
            raise RefusedError(
                400,
                "registration-error-email-exists",
                "An account is already registered with your email address.",
            )
        row = self._books.add_customer(email, "", "")
        self._change(row, body, "customer.created")
        return Answer.of_json(self._told(row), status=201, committed=True, key=email)

    def _batch(self, request: Request) -> Answer:
        wanted = request.json().get("update") or []
        if len(wanted) > 100:
            raise too_many()
        found = []
        for body in wanted:
            try:
                row = self._account(str(body.get("id")))
                self._change(row, body, "customer.updated")
                found.append(self._told(row))
            except RefusedError as error:
                found.append({"id": body.get("id", 0), "error": error.body})
        # PHP has one kind of array: an empty one is a list
        return Answer.of_json(
            {"update": found} if found else [], committed=bool(found), key="batch"
        )

    def _account(self, number: str) -> Row:
        row = self._books.customers.get(int(number)) if number.isdigit() else None
        if row is None:
            raise RefusedError(404, "woocommerce_rest_invalid_id", "Invalid resource ID.")
        return row

    def _customer(self, request: Request, number: str) -> Answer:
        row = self._account(number)
        if request.method == "DELETE":
            del self._books.customers[row["id"]]
            self._books.events.append(("customer.deleted", row))
        elif request.method != "GET":
            self._change(row, request.json(), "customer.updated")
        return Answer.of_json(
            self._told(row), committed=request.method != "GET", key=str(row["id"])
        )

    def _change(self, row: Row, body: dict[str, Any], topic: str) -> None:
        row |= {name: body[name] for name in _SET if name in body}
        for name in ("billing", "shipping"):
            row[name] = {**row[name], **(body.get(name) or {})}
        merge_meta(self._books, row, body.get("meta_data") or ())
        self._books.touch(row, topic)

    # ------------------------------------------------ webhooks

    def _told_hook(self, row: Row) -> Row:
        return shaped(self._books, row, f"{self._base}/webhooks/{row['id']}")

    def _subscribe(self, body: dict[str, Any]) -> Answer:
        topic = str(body.get("topic") or "")
        if topic not in _TOPICS:
            raise RefusedError(400, "woocommerce_rest_invalid_topic",
                               "Webhook topic must be valid.")  # fmt: skip
        identifier = self._books.next("webhook", 142)
        now = instant_text(self._books.now())
        resource, _, event = topic.partition(".")
        row: Row = {
            "id": identifier, "name": body.get("name") or f"Webhook {identifier}",
            "status": "active", "topic": topic, "resource": resource, "event": event, "hooks": [],
            "delivery_url": "", "secret": "", "failure_count": 0, "date_created_gmt": now,
            "date_modified_gmt": now,
        }  # fmt: skip
        row |= {name: body[name] for name in _HOOK if name in body}
        self._books.webhooks[identifier] = row
        self.pings.append(row)
        return Answer.of_json(self._told_hook(row), status=201, committed=True, key=topic)

    def _hook(self, request: Request, number: str) -> Answer:
        row = self._books.webhooks.get(int(number)) if number.isdigit() else None
        if row is None:
            raise RefusedError(404, "woocommerce_rest_shop_webhook_invalid_id", "Invalid ID.")
        if request.method == "DELETE":
            del self._books.webhooks[row["id"]]
        elif request.method != "GET":
            row |= {name: one for name, one in request.json().items() if name in _HOOK}
            row |= {"failure_count": 0, "date_modified_gmt": instant_text(self._books.now())}
        return Answer.of_json(self._told_hook(row), committed=request.method != "GET",
                              key=row["topic"])  # fmt: skip
