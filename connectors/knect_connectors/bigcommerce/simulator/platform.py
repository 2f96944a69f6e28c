"""The simulated BigCommerce as a whole: routes, credentials, the quota, webhooks, control actions.

Must not: be served beyond loopback (the kit sees to that), or hold test logic.
"""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

import msgspec

from knect.sdk.testing import Answer, Fault, Request, SendPlan, WebhookSender
from knect.seams import Clock, SystemClock
from knect_connectors.bigcommerce.simulator import acts
from knect_connectors.bigcommerce.simulator.books import Books, Event, Row, iso
from knect_connectors.bigcommerce.simulator.builder import Bought
from knect_connectors.bigcommerce.simulator.catalog_api import catalog_route, price_route
from knect_connectors.bigcommerce.simulator.generator import small_orders
from knect_connectors.bigcommerce.simulator.hooks_api import delivery, hook_route
from knect_connectors.bigcommerce.simulator.orders_api import (
    order_route,
    refunds_route,
    statuses_route,
    transactions_route,
)
from knect_connectors.bigcommerce.simulator.people_api import customer_route
from knect_connectors.bigcommerce.simulator.quota import Quota
from knect_connectors.bigcommerce.simulator.stock_api import StockApi
from knect_connectors.bigcommerce.simulator.wire import TYPE, problem

__all__ = ["BigCommerceSimulator"]


class BigCommerceSimulator:
    """One simulated store behind HTTP.

    Args:
        books: the state; None makes an empty one.
        clock: time of the store.
        quota: requests a window has; the platform's plans have 150 or 450.
        window: seconds of a window; 30 at the platform.
        stock_lag: seconds after which an adjustment of stock is seen.
        send: how webhooks are sent.
        seed: for the webhook sender's dice.
    """

    def __init__(
        self,
        books: Books | None = None,
        *,
        clock: Clock | None = None,
        store: str = "acme1",
        token: str = "simulated-token",  # noqa: S107 - a simulated one
        secret: str = "simulated-secret",  # noqa: S107 - a simulated one
        quota: int = 1_000_000,
        window: float = 30.0,
        stock_lag: float = 0.0,
        send: SendPlan | None = None,
        seed: int = 0,
    ) -> None:
        self.clock = clock or SystemClock()
        self.books = books or Books(clock=self.clock)
        self.store, self.secret = store, secret
        self.tokens = {token}
        self.denied: set[str] = set()  # first steps of paths the account has no scope for
        self.overloaded = 0  # requests still to be refused without a word of the quota
        self.quota = Quota(self.clock, quota=quota, window=window)
        self.stock = StockApi(self.books, lag=stock_lag)
        self.webhooks = WebhookSender(send, seed=seed, clock=self.clock)
        self.books.listen = self._announce

    # ------------------------------------------------ what the kit asks for

    def bind(self, url: str) -> None:
        """Learn where it is served: nothing it says leads there."""
        del url

    async def handle(self, request: Request) -> Answer:
        """Answer one request."""
        answer = self._answer(request)
        headers = {**answer.headers, "Date": format_datetime(self.books.now(), usegmt=True)}
        if not answer.headers.get("X-Overloaded"):
            headers |= self.quota.headers()
        headers.pop("X-Overloaded", None)
        answer.headers = headers
        return answer

    def refuse(self, fault: Fault, status: int) -> Answer:
        """Return the platform's own answer for a server error or a throttle."""
        if fault is Fault.THROTTLED:
            return self.quota.refusal()
        body = {"status": status, "title": "Service unavailable", "type": TYPE}
        return Answer.of_json(body, status=status)

    def expire_tokens(self) -> None:
        """Do nothing: tokens of API accounts do not end."""

    def snapshot(self) -> Any:
        """Return the state for checkers."""
        return {
            **self.books.snapshot(),
            "webhooks": dict(self.webhooks.sent),
            "throttled": self.quota.refused,
        }

    async def do(self, action: str, arguments: Mapping[str, Any]) -> Any:
        """Perform a control action; see the methods of `_Acts`."""
        act = getattr(_Acts, action, None)
        if act is None or action.startswith("_"):
            raise KeyError(action)
        if action == "drain":
            await self.webhooks.drain()
            return dict(self.webhooks.sent)
        return act(self, **arguments)

    # ------------------------------------------------ routes

    def _answer(self, request: Request) -> Answer:
        if self.overloaded:
            self.overloaded -= 1
            body = {"status": 429, "title": "Too many requests", "type": TYPE}
            return Answer.of_json(body, status=429, headers={"X-Overloaded": "1"})
        steps = [one for one in request.path.split("/") if one]
        if steps[:2] != ["stores", self.store] or len(steps) < 4:
            return problem(404, "The resource was not found.")
        if request.headers.get("x-auth-token") not in self.tokens:
            return problem(401, "Unauthorized")
        if not self.quota.take():
            return self.quota.refusal()
        version, name, rest = steps[2], steps[3], steps[4:]
        if name in self.denied:
            return problem(403, "You don't have a required scope to access the endpoint")
        try:
            return self._route(request, version, name, rest)
        except (msgspec.DecodeError, TypeError, KeyError, ValueError):
            return problem(400, "The request body could not be read.")

    def _route(self, request: Request, version: str, name: str, rest: list[str]) -> Answer:
        books = self.books
        match version, name:
            case "v2", "orders":
                return order_route(books, request, rest)
            case "v2", "order_statuses":
                return statuses_route()
            case "v2", "store":
                return Answer.of_json(self._store(), key="store")
            case "v2", "time":
                return Answer.of_json({"time": int(books.now().timestamp())}, key="time")
            case "v3", "orders" if rest == ["payment_actions", "refunds"]:
                return refunds_route(books, request)
            case "v3", "orders" if len(rest) == 2 and rest[1] == "transactions":
                return transactions_route(books, rest[0])
            case "v3", "customers":
                return customer_route(books, request, rest)
            case "v3", "catalog":
                return catalog_route(books, request, rest)
            case "v3", "pricelists":
                return price_route(books, request, rest)
            case "v3", "inventory":
                return self.stock.route(request, rest)
            case "v3", "hooks":
                return hook_route(books, request, rest, self.store, plain=True)
            case _:
                return problem(404, "The resource was not found.")

    def _store(self) -> Row:
        zone = {"name": self.books.zone, "raw_offset": 3600, "dst_offset": 7200,
                "dst_correction": True, "date_format": {}}  # fmt: skip
        return {
            "id": self.store, "domain": "acme.example", "secure_url": "https://acme.example",
            "status": "live", "name": "Acme", "timezone": zone, "language": "en",
            "currency": self.books.currency, "currency_symbol": "€", "decimal_places": 2,
            "weight_units": "KGS", "dimension_units": "Centimeters", "plan_name": "Standard",
            "plan_level": "Standard", "is_price_entered_with_tax": False, "default_channel_id": 1,
        }  # fmt: skip

    # ------------------------------------------------ webhooks

    def _announce(self, event: Event) -> None:
        scope, data = event
        for hook in list(self.books.hooks.values()):
            fits = hook["scope"] == scope or (
                hook["scope"].endswith("/*") and scope.startswith(hook["scope"][:-1])
            )
            if hook["is_active"] and fits:
                self.webhooks.send(
                    delivery(scope, data, url=hook["destination"], store=self.store,
                             secret=self.secret, at=self.books.now())
                )  # fmt: skip


class _Acts:
    """Control actions: `POST /_knect/do/NAME` with the arguments as JSON."""

    @staticmethod
    def create_orders(
        simulator: BigCommerceSimulator, count: int = 1, seed: int = 0, **options: Any
    ) -> list[int]:
        """Add `count` small orders placed now; returns their ids."""
        books = simulator.books
        made = small_orders(books, count, at=books.now(), seed=seed, **options)
        for number in made:
            books.tell("store/order/created", {"type": "order", "id": number})
        return made

    @staticmethod
    def open_account(simulator: BigCommerceSimulator, email: str, first: str, last: str) -> int:
        """Add a customer who has bought nothing yet; returns the id."""
        books = simulator.books
        row = books.add_customer(email, first, last, books.now())
        books.tell("store/customer/created", {"type": "customer", "id": row["id"]})
        return int(row["id"])

    @staticmethod
    def touch(simulator: BigCommerceSimulator, id: int, **fields: Any) -> None:  # noqa: A002 - theirs
        """Set fields of an order and move its time of change."""
        order = _order(simulator, id)
        order |= fields
        simulator.books.touch(order)

    @staticmethod
    def touch_customer(simulator: BigCommerceSimulator, id: int, **fields: Any) -> None:  # noqa: A002 - theirs
        """Set fields of a customer and move the time of change."""
        row = simulator.books.customers[int(id)]
        row |= {**fields, "date_modified": iso(simulator.books.now())}
        simulator.books.tell("store/customer/updated", {"type": "customer", "id": row["id"]})

    @staticmethod
    def status(simulator: BigCommerceSimulator, id: int, status: int) -> None:  # noqa: A002 - theirs
        """Move an order to a state."""
        acts.set_status(simulator.books, _order(simulator, id), status)

    @staticmethod
    def pay(simulator: BigCommerceSimulator, id: int) -> int:  # noqa: A002 - theirs
        """Receive the money of an order that waits for it."""
        order = _order(simulator, id)
        order["payment_status"] = "paid"
        made = acts.pay(simulator.books, order)
        acts.set_status(simulator.books, order, 11)
        return int(made["id"])

    @staticmethod
    def cancel(simulator: BigCommerceSimulator, id: int) -> None:  # noqa: A002 - theirs
        """Cancel an order."""
        acts.set_status(simulator.books, _order(simulator, id), 5)

    @staticmethod
    def archive(simulator: BigCommerceSimulator, id: int) -> None:  # noqa: A002 - theirs
        """Archive an order: it is listed no more."""
        order = _order(simulator, id)
        order["is_deleted"] = True
        simulator.books.touch(order, "store/order/archived")

    @staticmethod
    def ship(simulator: BigCommerceSimulator, id: int, **fields: Any) -> str:  # noqa: A002 - theirs
        """Ship all of an order's first address; returns order/shipment."""
        made = acts.ship(simulator.books, _order(simulator, id), **fields)
        return f"{id}/{made['id']}"

    @staticmethod
    def refund(
        simulator: BigCommerceSimulator,
        id: int,  # noqa: A002 - theirs
        line: int | None = None,
        quantity: int = 1,
        amount: str = "0",
        shipping: str = "0",
    ) -> int:
        """Give money back for pieces of a line, for shipping, or just an amount."""
        items = None if line is None else [{"line": line, "quantity": quantity}]
        made = acts.refund(simulator.books, _order(simulator, id), items,
                           amount=Decimal(amount), shipping=Decimal(shipping))  # fmt: skip
        return int(made["id"])

    @staticmethod
    def edit(simulator: BigCommerceSimulator, id: int, lines: list[Row]) -> None:  # noqa: A002 - theirs
        """Edit an order in the control panel: all its lines get other ids."""
        bought = [
            Bought(sku=one["sku"], title=str(one.get("title", one["sku"])),
                   price=Decimal(one["price"]), quantity=int(one.get("quantity", 1)))
            for one in lines
        ]  # fmt: skip
        acts.edit(simulator.books, _order(simulator, id), bought)

    @staticmethod
    def delete(simulator: BigCommerceSimulator, id: int) -> None:  # noqa: A002 - theirs
        """Delete an order for good, as support does."""
        del simulator.books.orders[int(id)]

    @staticmethod
    def drop_field(simulator: BigCommerceSimulator, id: int, field: str) -> None:  # noqa: A002 - theirs
        """Lose a field of an order, as after a change of the platform."""
        del _order(simulator, id)[field]

    @staticmethod
    def rotate(simulator: BigCommerceSimulator, token: str, secret: str) -> None:
        """Revoke every token and the signing key at once; only these are good from now on."""
        simulator.tokens, simulator.secret = {token}, secret

    @staticmethod
    def deny(simulator: BigCommerceSimulator, names: list[str]) -> None:
        """Take away the scopes for what begins with these: `orders`, `customers`, `catalog`."""
        simulator.denied = set(names)

    @staticmethod
    def overload(simulator: BigCommerceSimulator, requests: int) -> None:
        """Refuse so many requests as an overloaded platform does: 429 without the quota."""
        simulator.overloaded = requests

    @staticmethod
    def deactivate(simulator: BigCommerceSimulator) -> int:
        """Set all hooks inactive, as after 48 hours without an answer."""
        for hook in simulator.books.hooks.values():
            hook["is_active"] = False
        return len(simulator.books.hooks)

    @staticmethod
    def later(simulator: BigCommerceSimulator, seconds: float) -> None:
        """Move the store's clock ahead."""
        simulator.books.offset += timedelta(seconds=seconds)

    @staticmethod
    def drain(simulator: BigCommerceSimulator) -> None:
        """Wait until all webhooks are sent (done by the caller, which may wait)."""


def _order(simulator: BigCommerceSimulator, identifier: Any) -> Row:
    return simulator.books.orders[int(identifier)]
