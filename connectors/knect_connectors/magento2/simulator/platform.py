"""The simulated Magento as a whole: routes, who is let in, bad days, control actions.

Must not: be served beyond loopback (the kit sees to that), or hold test logic.
"""

from collections.abc import Mapping
from datetime import UTC
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

from knect.sdk.testing import Answer, Fault, Request
from knect.seams import Clock, SystemClock
from knect_connectors.magento2.simulator.access import Access
from knect_connectors.magento2.simulator.books import Books
from knect_connectors.magento2.simulator.control import Control
from knect_connectors.magento2.simulator.errors import ApiError, not_allowed
from knect_connectors.magento2.simulator.goods_api import GoodsApi
from knect_connectors.magento2.simulator.people_api import PeopleApi
from knect_connectors.magento2.simulator.price_api import PriceApi
from knect_connectors.magento2.simulator.routes import Called, body_of, matching
from knect_connectors.magento2.simulator.sales_api import SalesApi

__all__ = ["MagentoSimulator"]

_REST = "/rest/"
_LARGEST_PAGE = 300
_INTERNAL = "Internal Error. Details are available in Magento log file. Report ID: webapi-0c1d"
#: POSTs that change nothing.
_QUESTIONS = ("-information", "integration/admin/token")
_PAGE = {"Content-Type": "text/html; charset=UTF-8"}


class MagentoSimulator:
    """One simulated shop behind HTTP.

    Args:
        books: the state; None makes an empty one.
        clock: time of the shop.
        access: who is let in.
        limits: input limits are on: page sizes to 300, lists in a request to 20.
    """

    def __init__(
        self,
        books: Books | None = None,
        *,
        clock: Clock | None = None,
        access: Access | None = None,
        limits: bool = False,
    ) -> None:
        self.clock = clock or SystemClock()
        self.books = books or Books(clock=self.clock)
        self.access = access or Access(self.books)
        self.limits = limits
        self._control = Control(self.books, self.access)
        found = [
            *PeopleApi(self.books, self.access).routes(),
            *PriceApi(self.books).routes(),
            *GoodsApi(self.books).routes(),
            *SalesApi(self.books).routes(),
        ]
        self._routes = [(route.pattern, route) for route in found]
        self._url = ""

    # ------------------------------------------------ what the kit asks for

    def bind(self, url: str) -> None:
        """Learn where it is served."""
        self._url = url

    async def handle(self, request: Request) -> Answer:
        """Answer one request."""
        try:
            answer = self._route(request)
        except ApiError as error:
            answer = Answer.of_json(error.body, status=error.status)
        return self._dated(answer)

    def refuse(self, fault: Fault, status: int) -> Answer:
        """Return what stands before a shop says, or the shop itself for 500."""
        if fault is Fault.THROTTLED:
            return self._dated(Answer(status=429, headers={"Retry-After": "1"}))
        if status == 500:
            return self._dated(Answer.of_json({"message": _INTERNAL}, status=500))
        body = b"<html><head><title>Service Temporarily Unavailable</title></head></html>"
        return self._dated(Answer(status=status, headers=_PAGE, body=body))

    def expire_tokens(self) -> None:
        """End every admin's token."""
        self.access.end_all()

    def snapshot(self) -> Any:
        """Return the state for checkers."""
        return {**self.books.snapshot(), "tokens": self.access.fetched}

    async def do(self, action: str, arguments: Mapping[str, Any]) -> Any:
        """Perform a control action; see the methods of `Control`."""
        act = getattr(self._control, action, None)
        if act is None or action.startswith("_"):
            raise KeyError(action)
        try:
            return act(**arguments)
        except ApiError as error:
            raise ValueError(str(error)) from None

    # ------------------------------------------------ inside

    def _dated(self, answer: Answer) -> Answer:
        date = format_datetime(self.books.now().astimezone(UTC), usegmt=True)
        answer.headers = {"Server": "nginx", "X-Powered-By": "PHP/8.2", "Cache-Control":
                          "max-age=0, must-revalidate, no-cache, no-store", **answer.headers,
                          "Date": date}  # fmt: skip
        return answer

    def _route(self, request: Request) -> Answer:
        if not request.path.startswith(_REST):
            body = b"<html><head><title>404 Not Found</title></head></html>"
            return Answer(status=404, headers=_PAGE, body=body)
        sent = urlsplit(request.target).path
        store, path = self._scope(sent.removeprefix(_REST).rstrip("/"))
        route, parameters = matching(self._routes, request.method, path)
        known = self.access.is_known(request, self._url + sent)
        if route.resource and (not known or route.resource in self.access.denied):
            raise not_allowed(route.resource)
        call = Called(
            store=store, parameters=parameters, query=request.query,
            body=body_of(request.body), most=_LARGEST_PAGE if self.limits else None,
        )  # fmt: skip
        result = route.do(call)
        changed = request.method != "GET" and not path.endswith(_QUESTIONS)
        return Answer.of_json(result, key=path, committed=changed)

    def _scope(self, path: str) -> tuple[str, str]:
        """Return the store code of an address and what comes behind V1. Raises ApiError."""
        parts = path.split("/")
        if parts[0] == "V1":
            return "default", "/".join(parts[1:])
        if len(parts) < 3 or parts[1] != "V1":
            raise ApiError("Request does not match any route.", status=404)
        if parts[0] != "all" and self.books.store(parts[0]) is None:
            raise ApiError("The store that was requested wasn't found. Verify the store and try"
                           " again.", status=404)  # fmt: skip
        return parts[0], "/".join(parts[2:])
