"""The simulated Magento as a whole: routes, sessions, bad days, control actions.

Must not: be served beyond loopback (the kit sees to that), or hold test logic.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from random import Random
from typing import Any

from knect.sdk.testing import Answer, Fault, Request
from knect.seams import Clock, SystemClock
from knect_connectors.magento1.simulator import acts, bills, generator, parts
from knect_connectors.magento1.simulator.books import Books, Row
from knect_connectors.magento1.simulator.builder import Bought, OrderPlan, build_order
from knect_connectors.magento1.simulator.calls import Calls
from knect_connectors.magento1.simulator.oauth import OAuth, OAuthRefusedError
from knect_connectors.magento1.simulator.rest_api import refused, rest_answer
from knect_connectors.magento1.simulator.rpc_api import RpcApi
from knect_connectors.magento1.simulator.sessions import Sessions
from knect_connectors.magento1.simulator.soap_api import SoapApi
from knect_connectors.magento1.simulator.spoil import BEFORE, SPOILS, spoil

__all__ = ["REST_KEYS", "MagentoSimulator"]

#: Whom the REST API lets in.
REST_KEYS = {
    "consumer_key": "simulated-consumer",
    "consumer_secret": "simulated-consumer-secret",
    "token": "simulated-token",
    "token_secret": "simulated-token-secret",
}

_REST = "/api/rest/"
_SOAP = frozenset({"/api/v2_soap", "/index.php/api/v2_soap"})
_RPC = frozenset({"/api/xmlrpc", "/api/xmlrpc/", "/index.php/api/xmlrpc", "/index.php/api/xmlrpc/"})


class MagentoSimulator:
    """One simulated shop behind HTTP.

    Args:
        books: the state; None makes an empty one.
        clock: time of the shop.
        user: the API user's name.
        key: the API user's key.
        session_calls: calls after which a session has expired; None: never.
        session_seconds: seconds after which it has; None: never.
        notices: share of answers with a PHP notice before the XML.
        seed: for its dice.
    """

    def __init__(
        self,
        books: Books | None = None,
        *,
        clock: Clock | None = None,
        user: str = "knect",
        key: str = "simulated-api-key",
        session_calls: int | None = None,
        session_seconds: float | None = None,
        notices: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.clock = clock or SystemClock()
        self.books = books or Books(clock=self.clock)
        self.sessions = Sessions(
            self.clock, user=user, key=key, calls=session_calls, seconds=session_seconds, seed=seed
        )
        self.calls = Calls(self.books)
        self.rpc = RpcApi(self.calls, self.sessions)
        self._soap = SoapApi(self.calls, self.sessions)
        self._oauth = OAuth(**REST_KEYS)
        self.spoils: list[str | None] = []
        self._notices = notices
        self._random = Random(seed)  # noqa: S311 - reproducible on purpose
        self._url = ""

    # ------------------------------------------------ what the kit asks for

    def bind(self, url: str) -> None:
        """Learn where it is served."""
        self._url = url

    async def handle(self, request: Request) -> Answer:
        """Answer one request."""
        kind = self._day()
        answer = Answer() if kind in BEFORE else self._route(request)
        if kind is not None:
            answer = spoil(kind, answer)
        return self._dated(answer)

    def refuse(self, fault: Fault, status: int) -> Answer:
        """Return what stands before such a shop says: a proxy, or the shop in maintenance."""
        if fault is Fault.THROTTLED:
            return self._dated(Answer(status=429, headers={"Retry-After": "1"}))
        headers = {"Content-Type": "text/html; charset=UTF-8"}
        body = b"<html><head><title>Service Temporarily Unavailable</title></head></html>"
        return self._dated(Answer(status=status, headers=headers, body=body))

    def expire_tokens(self) -> None:
        """End every session."""
        self.sessions.end_all()

    def snapshot(self) -> Any:
        """Return the state for checkers."""
        return {**self.books.snapshot(), "calls": self.rpc.counts, "log-ins": self.sessions.opened}

    async def do(self, action: str, arguments: Mapping[str, Any]) -> Any:
        """Perform a control action; see the methods of `_Acts`."""
        act = getattr(_Acts, action, None)
        if act is None or action.startswith("_"):
            raise KeyError(action)
        try:
            return act(self, **arguments)
        except parts.ActError as error:
            raise ValueError(str(error)) from None

    # ------------------------------------------------ inside

    def _day(self) -> str | None:
        if self.spoils:
            return self.spoils.pop(0)
        return "notice" if self._notices and self._random.random() < self._notices else None

    def _dated(self, answer: Answer) -> Answer:
        date = format_datetime(self.books.now().astimezone(UTC), usegmt=True)
        answer.headers = {"Server": "Apache", "X-Powered-By": "PHP/7.4", **answer.headers,
                          "Date": date}  # fmt: skip
        return answer

    def _route(self, request: Request) -> Answer:
        if request.path in _RPC and request.method == "POST":
            return self.rpc.answer(request.body)
        if request.path.rstrip("/") in _SOAP:
            return self._soap.answer(request, self._url + "/api/v2_soap")
        if request.path.startswith(_REST):
            try:
                self._oauth.check(request, self._url + request.path)
            except OAuthRefusedError as problem:
                return refused(str(problem))
            return rest_answer(self.books, request)
        headers = {"Content-Type": "text/html; charset=UTF-8"}
        return Answer(
            status=404, headers=headers, body=b"<html><title>404 Not Found</title></html>"
        )


class _Acts:
    """What `POST /_knect/do/NAME` does; orders are named by their number."""

    @staticmethod
    def spoil(simulator: MagentoSimulator, kinds: list[str | None]) -> None:
        """Let exactly the next answers be of these kinds; null: as it should be."""
        for kind in kinds:
            if kind is not None and kind not in SPOILS:
                raise ValueError(f"no such kind {kind!r}; known: {', '.join(SPOILS)}")
        simulator.spoils += kinds

    @staticmethod
    def create_orders(simulator: MagentoSimulator, count: int, guests: int = 0) -> list[str]:
        """Place small orders now."""
        books = simulator.books
        seed = books.counters.get("number", 0)
        return generator.small_orders(books, count, at=books.now(), seed=seed, guests=guests)

    @staticmethod
    def open_account(simulator: MagentoSimulator, email: str, first: str, last: str) -> str:
        """Add a customer who has bought nothing yet; returns the id."""
        books = simulator.books
        return str(books.add_customer(email, first, last, books.now())["customer_id"])

    @staticmethod
    def place(simulator: MagentoSimulator, sku: str, price: str, quantity: str = "1",
              email: str = "buyer@example.com", store: int = 1) -> str:  # fmt: skip
        """Place one unpaid order of one thing now."""
        books = simulator.books
        number = str(books.next("number", 100_000_001))
        bought = Bought(sku=sku, title=sku, price=Decimal(price), quantity=Decimal(quantity))
        plan = OrderPlan(number=number, at=books.now(), bought=(bought,), store=store,
                         address=generator.person(int(number)), email=email)  # fmt: skip
        books.orders[number] = build_order(books, plan)
        return number

    @staticmethod
    def edit(simulator: MagentoSimulator, number: str, sku: str, price: str,
             quantity: str = "1") -> str:  # fmt: skip
        """Edit an order as the admin panel does: a new one with one line takes its place."""
        books = simulator.books
        order = books.orders[number]
        bought = Bought(sku=sku, title=sku, price=Decimal(price), quantity=Decimal(quantity))
        address = {name: order["billing_address"][name] for name in generator.person(0)}
        plan = OrderPlan(number=number, at=books.now(), bought=(bought,), address=address,
                         email=order["customer_email"], store=int(order["store_id"]))  # fmt: skip
        return str(acts.edit(books, order, build_order(books, plan))["increment_id"])

    @staticmethod
    def invoice(simulator: MagentoSimulator, number: str) -> str:
        """Invoice what is left."""
        row = bills.invoice(simulator.books, simulator.books.orders[number])
        return str(row["increment_id"])

    @staticmethod
    def ship(simulator: MagentoSimulator, number: str, track: str = "", email: bool = False) -> str:  # noqa: FBT001, FBT002 - arguments of a request
        """Ship what is left by hand."""
        books = simulator.books
        row = acts.ship(books, books.orders[number])
        if track:
            simulator.calls.call(
                "sales_order_shipment.addTrack", [row["increment_id"], "custom", "By hand", track]
            )
        if email:
            acts.tell(books, row, books.orders[number], None)
        return str(row["increment_id"])

    @staticmethod
    def refund(simulator: MagentoSimulator, number: str, restock: bool = False) -> str:  # noqa: FBT001, FBT002
        """Give back everything."""
        row = bills.refund(simulator.books, simulator.books.orders[number], restock=restock)
        return str(row["increment_id"])

    @staticmethod
    def cancel(simulator: MagentoSimulator, number: str) -> None:
        """Cancel what can be cancelled."""
        acts.cancel(simulator.books, simulator.books.orders[number])

    @staticmethod
    def touch(simulator: MagentoSimulator, number: str, **values: Any) -> None:
        """Change columns of an order, and its mark."""
        order = simulator.books.orders[number]
        order |= values
        parts.touch(simulator.books, order)

    @staticmethod
    def slip(simulator: MagentoSimulator, number: str, **values: Any) -> None:
        """Change columns of an order past its mark, as direct SQL does."""
        simulator.books.orders[number] |= values

    @staticmethod
    def stock(simulator: MagentoSimulator, sku: str, quantity: str) -> None:
        """Set a stock level by hand."""
        row = _product(simulator, sku)
        simulator.books.stock[row["product_id"]]["qty"] = f"{Decimal(quantity):.4f}"

    @staticmethod
    def delete_product(simulator: MagentoSimulator, sku: str) -> None:
        """Delete a product; orders keep its SKU and lose its id."""
        identifier = _product(simulator, sku)["product_id"]
        del simulator.books.products[identifier]
        del simulator.books.stock[identifier]
        for order in simulator.books.orders.values():
            for item in order["items"]:
                if item["product_id"] == identifier:
                    item["product_id"] = None

    @staticmethod
    def delete_order(simulator: MagentoSimulator, number: str) -> None:
        """Delete an order for good, as extensions do."""
        del simulator.books.orders[number]

    @staticmethod
    def deny(simulator: MagentoSimulator, resources: list[str]) -> None:
        """Take the API user's right to these resources, and give back all others."""
        simulator.calls.denied = set(resources)

    @staticmethod
    def expire(simulator: MagentoSimulator) -> None:
        """End every session."""
        simulator.sessions.end_all()

    @staticmethod
    def skew(simulator: MagentoSimulator, seconds: float) -> None:
        """Set how far the shop's clock is ahead."""
        simulator.books.skew = timedelta(seconds=seconds)

    @staticmethod
    def clock(simulator: MagentoSimulator) -> datetime:
        """Return the shop's time."""
        return simulator.books.now()


def _product(simulator: MagentoSimulator, sku: str) -> Row:
    row = simulator.books.product_by_sku(sku)
    if row is None:
        raise KeyError(sku)
    return row
