"""The simulated WooCommerce as a whole: routes, credentials, bad days, webhooks, control actions.

Must not: be served beyond loopback (the kit sees to that), or hold test logic.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

from knect.sdk.testing import Answer, Fault, OutgoingWebhook, Request, SendPlan, WebhookSender
from knect.seams import Clock, SystemClock
from knect_connectors.woocommerce.simulator import generator, merchant
from knect_connectors.woocommerce.simulator.access import Access
from knect_connectors.woocommerce.simulator.books import Books, Row
from knect_connectors.woocommerce.simulator.builder import Bought, OrderPlan, build_order
from knect_connectors.woocommerce.simulator.goods_api import GoodsApi
from knect_connectors.woocommerce.simulator.hooks import delivery_of, ping_of
from knect_connectors.woocommerce.simulator.orders_api import OrdersApi
from knect_connectors.woocommerce.simulator.people_api import PeopleApi
from knect_connectors.woocommerce.simulator.queries import RefusedError
from knect_connectors.woocommerce.simulator.shapes import shaped

__all__ = ["WooSimulator"]

_BASE = "/wp-json/wc/v3"
_PAGE = b"<!DOCTYPE html><html><head><title>Page not found</title></head><body></body></html>"
_SERVER_ERROR = {
    "code": "internal_server_error",
    "message": "<p>There has been a critical error on this website.</p>",
    "data": {"status": 500},
}


class WooSimulator:
    """One simulated shop behind HTTP.

    Args:
        books: the state; None makes an empty one.
        clock: time of the shop.
        key: the consumer key.
        secret: its secret.
        plan: how badly webhooks are sent; each is sent once.
    """

    def __init__(
        self,
        books: Books | None = None,
        *,
        clock: Clock | None = None,
        key: str = "ck_simulated",
        secret: str = "cs_simulated",  # noqa: S107 - the simulator's own
        plan: SendPlan | None = None,
    ) -> None:
        self.clock = clock or SystemClock()
        self.books = books or Books(clock=self.clock)
        self.access = Access(key, secret)
        self.sender = WebhookSender(plan or SendPlan(attempts=1), clock=self.clock)
        self.before: Callable[[Request], None] = lambda request: None  # noqa: ARG005 - a hand for tests
        self._url = ""
        self.bind("")

    # ------------------------------------------------ what the kit asks for

    def bind(self, url: str) -> None:
        """Learn where it is served."""
        self._url = url
        base = url + _BASE
        self.orders = OrdersApi(self.books, base)
        self._goods = GoodsApi(self.books, base)
        self._people = PeopleApi(self.books, base)

    async def handle(self, request: Request) -> Answer:
        """Answer one request."""
        self.before(request)
        try:
            answer = self._route(request)
        except RefusedError as error:
            answer = error.answer()
        self._tell()
        return self._dated(answer)

    def refuse(self, fault: Fault, status: int) -> Answer:
        """Return what a host says that is asked too often, or whose PHP is down."""
        if fault is Fault.THROTTLED:
            return self._dated(Answer(status=429, headers={"Retry-After": "1"}))
        if status == 500:
            return self._dated(Answer.of_json(_SERVER_ERROR, status=500))
        headers = {"Content-Type": "text/html; charset=UTF-8"}
        return self._dated(Answer(status=status, headers=headers, body=_PAGE))

    def expire_tokens(self) -> None:
        """Keys do not end by themselves."""

    def snapshot(self) -> Any:
        """Return the state for checkers."""
        return self.books.snapshot()

    async def do(self, action: str, arguments: Mapping[str, Any]) -> Any:
        """Perform a control action; see the methods of `_Acts`."""
        act = getattr(_Acts, action, None)
        if act is None or action.startswith("_"):
            raise KeyError(action)
        answer = act(self, **arguments)
        self._tell()
        return answer

    # ------------------------------------------------ inside

    def _route(self, request: Request) -> Answer:
        if not request.path.startswith(f"{_BASE}/"):
            headers = {"Content-Type": "text/html; charset=UTF-8"}
            return Answer(status=404, headers=headers, body=_PAGE)
        parts = [one for one in request.path.removeprefix(_BASE).split("/") if one]
        self.access.check(request, self._url + request.path, parts[0])
        if parts[0] in ("orders", "refunds"):
            return self.orders.answer(request, parts)
        if parts[0] == "products":
            return self._goods.answer(request, parts)
        return self._people.answer(request, parts)

    def _dated(self, answer: Answer) -> Answer:
        date = format_datetime(self.books.now(), usegmt=True)
        answer.headers = {"Server": "Apache", "X-Powered-By": "PHP/8.2", **answer.headers,
                          "Date": date}  # fmt: skip
        return answer

    def _tell(self) -> None:
        """Send what webhooks are due."""
        for hook in self._people.pings:
            self.sender.send(ping_of(hook))
        self._people.pings.clear()
        events, self.books.events = self.books.events, []
        for topic, row in events:
            for hook in self.books.webhooks.values():
                if hook["topic"] == topic and hook["status"] == "active":
                    self.sender.send(self.delivery(hook, row))

    def delivery(self, hook: Row, row: Row) -> OutgoingWebhook:
        """Return a delivery as the shop would send it now."""
        plural = f"{hook['resource']}s"

        def told(one: Row) -> Row:
            return shaped(self.books, one, f"{self._url}{_BASE}/{plural}/{one['id']}")

        return delivery_of(self.books, hook, row, told, self._url)


class _Acts:
    """What `POST /_knect/do/NAME` does; orders are named by their id."""

    @staticmethod
    def create_orders(simulator: WooSimulator, count: int, guests: int = 0) -> list[str]:
        """Place small orders now."""
        books = simulator.books
        seed = books.counters.get("post", 0)
        made = generator.small_orders(books, count, at=books.now(), seed=seed, guests=guests)
        for identifier in made:
            books.events.append(("order.created", books.orders[int(identifier)]))
        return made

    @staticmethod
    def place(
        simulator: WooSimulator,
        sku: str,
        price: str,
        quantity: str = "1",
        email: str = "buyer@example.com",
        paid: bool = True,  # noqa: FBT001, FBT002 - arguments of a request
    ) -> str:
        """Place one order of one thing now."""
        books = simulator.books
        row = books.by_sku(sku)
        bought = Bought(
            sku=sku,
            title=str(row["name"]) if row else sku,
            price=Decimal(price),
            quantity=Decimal(quantity),
            product=row["id"] if row else 0,
        )
        plan = OrderPlan(
            at=books.now(),
            bought=(bought,),
            address=generator.person(len(books.orders)),
            email=email,
            paid=paid,
            status="processing" if paid else "on-hold",
        )
        order = build_order(books, plan)
        books.events.append(("order.created", order))
        return str(order["id"])

    @staticmethod
    def status(simulator: WooSimulator, order: str, status: str) -> None:
        """Move an order to a status by hand."""
        merchant.set_status(simulator.books, simulator.orders.order(order), status)

    @staticmethod
    def refund(simulator: WooSimulator, order: str, amount: str = "", reason: str = "") -> str:
        """Give back everything, or an amount."""
        row = simulator.orders.order(order)
        lines = {} if amount else {str(o["id"]): str(o["quantity"]) for o in row["line_items"]}
        made = merchant.refund(simulator.books, row, lines, amount=amount, reason=reason,
                               shipping=not amount)  # fmt: skip
        return f"{order}-{made['id']}"

    @staticmethod
    def edit(simulator: WooSimulator, order: str, quantity: str, line: str = "") -> None:
        """Change how many of a line (the first) were sold."""
        row = simulator.orders.order(order)
        merchant.edit_quantity(
            simulator.books, row, line or str(row["line_items"][0]["id"]), quantity
        )

    @staticmethod
    def trash(simulator: WooSimulator, order: str) -> None:
        """Put an order into the trash."""
        merchant.trash(simulator.books, simulator.orders.order(order))

    @staticmethod
    def restore(simulator: WooSimulator, order: str) -> None:
        """Take an order out of the trash."""
        merchant.restore(simulator.books, simulator.orders.order(order))

    @staticmethod
    def open_account(simulator: WooSimulator, email: str, first: str, last: str) -> str:
        """Add a customer who has bought nothing yet; returns the id."""
        row = simulator.books.add_customer(email, first, last)
        simulator.books.events.append(("customer.created", row))
        return str(row["id"])

    @staticmethod
    def stock(simulator: WooSimulator, sku: str, quantity: int) -> None:
        """Set a stock level by hand."""
        row = simulator.books.by_sku(sku)
        if row is None:
            raise KeyError(sku)
        row |= {"manage_stock": True, "stock_quantity": quantity}

    @staticmethod
    def disable_webhooks(simulator: WooSimulator) -> None:
        """Switch all webhooks off, as after five deliveries that failed."""
        for hook in simulator.books.webhooks.values():
            hook |= {"status": "disabled", "failure_count": 5}

    @staticmethod
    def deny(simulator: WooSimulator, resources: list[str], writes: bool = True) -> None:  # noqa: FBT001, FBT002
        """Take the key's right to these resources, or to write, and give back all others."""
        simulator.access.denied = set(resources)
        simulator.access.writes = writes

    @staticmethod
    def strip(simulator: WooSimulator, strips: bool = True) -> None:  # noqa: FBT001, FBT002
        """Let the host take the Authorization header away, or no longer."""
        simulator.access.strips = strips

    @staticmethod
    def skew(simulator: WooSimulator, seconds: float) -> None:
        """Set how far the shop's clock is ahead."""
        simulator.books.skew = timedelta(seconds=seconds)
