"""Shopify's webhooks: signature, hint, subscription.

A webhook only ever means "look at this id"; its body is not read further than that.
Sources: shopify.dev, "Verify deliveries" and "Ignore duplicates".
Must not: trust a header for anything but choosing what to look at; headers are not signed.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from knect.sdk.contract import Hint, WebhookRequest
from knect.sdk.errors import BadRecord, CredentialsRejected, Fatal
from knect.sdk.http import JsonError, decode_json
from knect.sdk.secret import Secret, accepted
from knect.sdk.webhook import check_age, check_hmac_sha256
from knect_connectors.shopify import queries
from knect_connectors.shopify.client import ShopifyClient
from knect_connectors.shopify.payload import read_instant

__all__ = ["ShopifyWebhooks"]

#: Entity -> (type in a gid, topics). What no topic tells (a pending refund that is settled, say) is
#: found by the poll: every change of a child moves its order's time.
TOPICS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "orders": (
        "Order",
        (
            "ORDERS_CREATE",
            "ORDERS_UPDATED",
            "ORDERS_PAID",
            "ORDERS_CANCELLED",
            "ORDERS_EDITED",
            "ORDERS_DELETE",
        ),
    ),
    "customers": ("Customer", ("CUSTOMERS_CREATE", "CUSTOMERS_UPDATE", "CUSTOMERS_DELETE")),
    "payments": ("OrderTransaction", ("ORDER_TRANSACTIONS_CREATE",)),
    "refunds": ("Refund", ("REFUNDS_CREATE",)),
    "shipments": ("Fulfillment", ("FULFILLMENTS_CREATE", "FULFILLMENTS_UPDATE")),
}
#: `orders/create` -> entity
_ENTITIES = {
    "/".join(topic.lower().rsplit("_", 1)): entity
    for entity, (_, topics) in TOPICS.items()
    for topic in topics
}
#: Older than this nobody remembers its event id; Shopify itself gives up after hours.
_MAX_AGE = timedelta(days=7)
_SECRET_KEYS = ("webhookSecret", "webhookSecretPrevious", "clientSecret")


class ShopifyWebhooks:
    """The receiving side. The signing key is the app's client secret."""

    def __init__(self, client: ShopifyClient, secrets: Mapping[str, Secret], shop: str) -> None:
        self._client = client
        self._secrets = secrets
        self._shop = shop

    def verify(self, request: WebhookRequest) -> Sequence[Hint]:
        """Return what to look at; raises CredentialsRejected when forged or too old."""
        headers = request.headers
        check_hmac_sha256(
            request.body,
            headers.get("x-shopify-hmac-sha256"),
            accepted(self._secrets, _SECRET_KEYS),
        )
        if headers.get("x-shopify-shop-domain", self._shop) != self._shop:
            raise CredentialsRejected("the webhook is another shop's")
        triggered = _instant(headers.get("x-shopify-triggered-at"))
        check_age(triggered, request.received, _MAX_AGE)
        try:
            body = decode_json(request.body)
        except JsonError as error:
            raise BadRecord(f"the webhook's body is broken JSON: {error}") from None
        topic = headers.get("x-shopify-topic", "")
        entity = _ENTITIES.get(topic)
        if entity is None:
            return []
        identifier = _identifier(body, TOPICS[entity][0])
        event = headers.get("x-shopify-event-id") or headers.get("x-shopify-webhook-id")
        return [
            Hint(
                entity=entity,
                id=identifier,
                event_id=f"{topic}:{event}" if event else f"{topic}:{identifier}:{triggered}",
                triggered=triggered,
            )
        ]

    async def subscribe(self, entities: Sequence[str], url: str) -> None:
        """Make the shop send to `url`; other apps' and other topics' subscriptions stay."""
        existing = await self._existing()
        for entity in entities:
            for topic in TOPICS[entity][1]:
                ours = [one for one in existing if one["topic"] == topic]
                if any(one["uri"] == url for one in ours):
                    continue
                if ours:
                    await self._change(
                        queries.WEBHOOK_UPDATE, "WebhookUpdate", id=ours[0]["id"], uri=url
                    )
                else:
                    await self._change(
                        queries.WEBHOOK_CREATE, "WebhookCreate", topic=topic, uri=url
                    )

    async def _existing(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            data = await self._client.read(
                queries.WEBHOOK_LIST, operation="WebhookList", after=cursor
            )
            connection = data["webhookSubscriptions"]
            found += connection["nodes"]
            if not connection["pageInfo"]["hasNextPage"]:
                return found
            cursor = connection["pageInfo"]["endCursor"]

    async def _change(self, document: str, operation: str, **variables: str) -> None:
        data = await self._client.write(document, operation=operation, **variables)
        for payload in data.values():
            for error in (payload or {}).get("userErrors") or ():
                raise Fatal(f"{self._shop} refused the webhook: {error.get('message')}")


def _identifier(body: Any, kind: str) -> str:
    if not isinstance(body, dict):
        raise BadRecord("the webhook's body is no object")
    gid = body.get("admin_graphql_api_id")
    if isinstance(gid, str) and re.fullmatch(rf"gid://shopify/{kind}/[0-9]{{1,20}}", gid):
        return gid
    number = body.get("id")
    if not isinstance(number, int) or isinstance(number, bool):
        raise BadRecord("the webhook's body has no id", path="id", value=number)
    return f"gid://shopify/{kind}/{number}"


def _instant(text: str | None) -> datetime | None:
    try:
        return read_instant(text) if text else None
    except ValueError:
        return None
