"""The simulated Shopify as a whole: routes, credentials, webhooks, control actions.

Must not: be served beyond loopback (the kit sees to that), or hold test logic.
"""

import hmac
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime
from typing import Any

import msgspec

from knect.sdk.secret import Secret
from knect.sdk.testing import Answer, Fault, OutgoingWebhook, Request, SendPlan, WebhookSender
from knect.sdk.webhook import hmac_sha256
from knect.seams import Clock, SystemClock, new_id
from knect_connectors.shopify.simulator import books, generator
from knect_connectors.shopify.simulator.builder import build_customer
from knect_connectors.shopify.simulator.bulk_files import BulkRunner
from knect_connectors.shopify.simulator.graphql_api import GraphQLApi
from knect_connectors.shopify.simulator.merchant import Merchant
from knect_connectors.shopify.simulator.rest_api import rest_answer, rest_order
from knect_connectors.shopify.simulator.shop import Event, Shop
from knect_connectors.shopify.simulator.throttle import Throttle

__all__ = ["ShopifySimulator"]

_ROUTE = "/admin/api/"
_REST_BUCKET = 40
_BAD_TOKEN = "[API] Invalid API key or access token (unrecognized login or wrong password)"  # noqa: S105 - the platform's sentence


class ShopifySimulator:
    """One simulated shop behind HTTP.

    Args:
        shop: the state; None makes an empty one.
        clock: time of the shop.
        maximum: points in the bucket. The default never throttles; the platform's own figures are
            2000 points and 100 a second (Standard), up to 40000 and 2000.
        restore_rate: points a second.
        send: how webhooks are sent.
        seed: for the webhook sender's dice.
    """

    def __init__(
        self,
        shop: Shop | None = None,
        *,
        clock: Clock | None = None,
        maximum: float = 1_000_000.0,
        restore_rate: float = 1_000_000.0,
        send: SendPlan | None = None,
        seed: int = 0,
    ) -> None:
        self.clock = clock or SystemClock()
        self.shop = shop or Shop(clock=self.clock)
        self.throttle = Throttle(self.clock, maximum=maximum, rate=restore_rate)
        self.bulk = BulkRunner(self.shop)
        self.webhooks = WebhookSender(send, seed=seed, clock=self.clock)
        self._api = GraphQLApi(self.shop, self.throttle, self.bulk)
        self._url = ""
        self._refusals = 0
        self.shop.listen = self._announce

    # ------------------------------------------------ what the kit asks for

    def bind(self, url: str) -> None:
        """Learn where it is served."""
        self._url = self.bulk.url = url

    async def handle(self, request: Request) -> Answer:
        """Answer one request."""
        answer = self._route(request)
        answer.headers = {
            **answer.headers,
            "Date": format_datetime(self.shop.now(), usegmt=True),
            "X-Request-Id": new_id(),
            "X-Shopify-Stage": "production",
        }
        return answer

    def refuse(self, fault: Fault, status: int) -> Answer:
        """Return Shopify's own answer for a server error or a throttle, in both its forms."""
        if fault is Fault.THROTTLED:
            self._refusals += 1
            if self._refusals % 2:
                headers = {
                    "Retry-After": "1.0",
                    "X-Shopify-Shop-Api-Call-Limit": f"{_REST_BUCKET}/{_REST_BUCKET}",
                }
                message = "Exceeded 2 calls per second for api client."
                return Answer.of_json({"errors": message}, status=429, headers=headers)
            cost = self.throttle.cost(100.0, None)
            error = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
            return Answer.of_json({"errors": [error], "extensions": {"cost": cost}})
        return Answer.of_json({"errors": "Internal Server Error"}, status=status)

    def expire_tokens(self) -> None:
        """Make every token given out by client credentials invalid; the fixed one stays."""
        self.shop.tokens = {one for one in self.shop.tokens if len(one) < _GIVEN_LENGTH}

    def snapshot(self) -> Any:
        """Return the state for checkers."""
        return {
            "now": self.shop.now(),
            "orders": list(self.shop.objects["orders"].values()),
            "customers": list(self.shop.objects["customers"].values()),
            "catalog": self.shop.catalog.snapshot(),
            "subscriptions": self.shop.subscriptions,
            "mails": self.shop.mails,
            "webhooks": dict(self.webhooks.sent),
            "throttled": self.throttle.refused,
        }

    async def do(self, action: str, arguments: Mapping[str, Any]) -> Any:
        """Perform a control action; see the methods of `_Acts` and of `Merchant`."""
        by_hand = getattr(Merchant, action, None)
        if by_hand is not None and not action.startswith("_"):
            return by_hand(self.shop, **arguments)
        act = getattr(_Acts, action, None)
        if act is None or action.startswith("_"):
            raise KeyError(action)
        if action == "drain":
            await self.webhooks.drain()
            return dict(self.webhooks.sent)
        return act(self, **arguments)

    # ------------------------------------------------ routes

    def _route(self, request: Request) -> Answer:
        if request.path == "/admin/oauth/access_token":
            return self._token(request)
        if request.path.startswith("/bulk/"):
            name = request.path.removeprefix("/bulk/").removesuffix(".jsonl")
            file = self.shop.files.get(name)
            if file is None:
                return Answer(status=404)
            return Answer(body=file, headers={"Content-Type": "application/jsonl"})
        if not request.path.startswith(_ROUTE):
            return Answer.of_json({"errors": "Not Found"}, status=404)
        if request.headers.get("x-shopify-access-token") not in self.shop.tokens:
            return Answer.of_json({"errors": _BAD_TOKEN}, status=401)
        version, _, resource = request.path.removeprefix(_ROUTE).partition("/")
        if resource == "graphql.json" and request.method == "POST":
            answer = self._graphql(request)
        else:
            answer = rest_answer(self.shop, request, resource, self._url)
            answer.headers = {
                **answer.headers,
                "X-Shopify-Shop-Api-Call-Limit": f"1/{_REST_BUCKET}",
            }
        answer.headers = {**answer.headers, "X-Shopify-API-Version": version}
        return answer

    def _graphql(self, request: Request) -> Answer:
        try:
            body = request.json()
        except msgspec.DecodeError:
            return Answer.of_json({"errors": "Bad Request"}, status=400)
        if isinstance(body, dict) and "bulkOperation(" in str(body.get("query")):
            self.bulk.look()
        data = self._api.answer(body)
        name = body.get("operationName") if isinstance(body, dict) else None
        return Answer.of_json(data, key=name, committed=self._api.committed)

    def _token(self, request: Request) -> Answer:
        try:
            asked = request.json()
        except msgspec.DecodeError:
            return Answer.of_json({"error": "invalid_request"}, status=400)
        is_right = asked.get("client_id") == self.shop.client_id and hmac.compare_digest(
            str(asked.get("client_secret", "")), self.shop.client_secret
        )
        if asked.get("grant_type") != "client_credentials" or not is_right:
            return Answer.of_json({"error": "invalid_client"}, status=400)
        token = self.shop.new_token()
        scopes = ",".join(sorted(self.shop.scopes))
        return Answer.of_json({"access_token": token, "scope": scopes, "expires_in": 86_399})

    # ------------------------------------------------ webhooks

    def _announce(self, event: Event) -> None:
        topic, thing = event
        wanted = topic.replace("/", "_").upper()
        for subscription in self.shop.subscriptions:
            if subscription["topic"] == wanted:
                self.webhooks.send(self.webhook(topic, thing, subscription["uri"]))

    def webhook(
        self, topic: str, thing: Mapping[str, Any], url: str, *, triggered: datetime | None = None
    ) -> OutgoingWebhook:
        """Return a delivery with real headers and a real signature."""
        if "lineItems" in thing:
            payload = rest_order(thing)
        else:
            number = int(str(thing["id"]).rpartition("/")[2])
            payload = {"id": number, "updated_at": thing.get("updatedAt")}
            if "updatedAt" in thing:
                payload["admin_graphql_api_id"] = thing["id"]
        body = msgspec.json.encode(payload)
        return OutgoingWebhook(
            url=url,
            body=body,
            headers={
                "Content-Type": "application/json",
                "X-Shopify-Topic": topic,
                "X-Shopify-Shop-Domain": self.shop.info["myshopifyDomain"],
                "X-Shopify-API-Version": "2026-04",
                "X-Shopify-Hmac-SHA256": hmac_sha256(body, Secret(self.shop.client_secret)),
                "X-Shopify-Webhook-Id": new_id(),
                "X-Shopify-Event-Id": new_id(),
                "X-Shopify-Triggered-At": books.instant(triggered or self.shop.now()),
            },
        )


_GIVEN_LENGTH = len("shpat_") + 32


class _Acts:
    """Control actions: `POST /_knect/do/NAME` with the arguments as JSON."""

    @staticmethod
    def create_orders(
        simulator: ShopifySimulator, count: int = 1, seed: int = 0, **options: Any
    ) -> list[str]:
        """Add `count` small orders placed now; returns their ids."""
        made = generator.small_orders(
            count, seed=seed, at=simulator.shop.now(), first=_next_number(simulator), **options
        )
        for order in made:
            simulator.shop.put("orders", order, topic="orders/create")
        return [order["id"] for order in made]

    @staticmethod
    def open_account(simulator: ShopifySimulator, email: str, first: str, last: str) -> str:
        """Add a customer who has bought nothing yet; returns the id."""
        shop = simulator.shop
        number = 7_000 + len(shop.objects["customers"])
        made = build_customer(number, at=shop.now(), first=first, last=last, email=email)
        shop.put("customers", made, topic="customers/create")
        return str(made["id"])

    @staticmethod
    def touch(simulator: ShopifySimulator, id: str, **fields: Any) -> None:  # noqa: A002 - Shopify's word
        """Set fields of an object and move its time of change."""
        thing = simulator.shop.get(id)
        if thing is None:
            raise KeyError(id)
        thing.update(fields)
        entity = "customers" if thing["__typename"] == "Customer" else "orders"
        topic = "customers/update" if entity == "customers" else "orders/updated"
        simulator.shop.touch(thing, topic)

    @staticmethod
    def pay(simulator: ShopifySimulator, id: str) -> None:  # noqa: A002 - Shopify's word
        """Receive the money of a pending order."""
        order = _order(simulator, id)
        order["displayFinancialStatus"] = "PAID"
        for transaction in order["transactions"]:
            transaction["status"] = "SUCCESS"
        simulator.shop.touch(order, "orders/paid", "orders/updated")

    @staticmethod
    def rotate(simulator: ShopifySimulator, token: str, secret: str) -> None:
        """Revoke every token and the signing key at once; only these are good from now on."""
        simulator.shop.tokens = {token}
        simulator.shop.client_secret = secret

    @staticmethod
    def delete(simulator: ShopifySimulator, id: str) -> None:  # noqa: A002 - Shopify's word
        """Delete an object for good."""
        simulator.shop.remove(id)

    @staticmethod
    def drop_field(simulator: ShopifySimulator, id: str, field: str) -> None:  # noqa: A002 - Shopify's word
        """Lose a field of an object, as after a change of the platform."""
        thing = simulator.shop.get(id)
        if thing is None:
            raise KeyError(id)
        del thing[field]

    @staticmethod
    def scopes(simulator: ShopifySimulator, scopes: list[str]) -> None:
        """Set the app's scopes."""
        simulator.shop.scopes = set(scopes)

    @staticmethod
    def subscribe(simulator: ShopifySimulator, topic: str, uri: str) -> None:
        """Subscribe a URL to a topic such as ORDERS_CREATE."""
        simulator.shop.subscribe(topic, uri)

    @staticmethod
    def drain(simulator: ShopifySimulator) -> None:
        """Wait until all webhooks are sent (done by the caller, which may wait)."""


def _order(simulator: ShopifySimulator, identifier: str) -> dict[str, Any]:
    order = simulator.shop.objects["orders"].get(identifier)
    if order is None:
        raise KeyError(identifier)
    return order


def _next_number(simulator: ShopifySimulator) -> int:
    numbers = (int(one["legacyResourceId"]) for one in simulator.shop.objects["orders"].values())
    return max(numbers, default=1_000) + 1
