"""WooCommerce's webhooks: signature, hint, subscription.

A webhook only ever means "look at this id". The shop sends each once, switches a hook off after
five that failed, and tries a new one with a ping nobody signed: switched off, it is repaired here.
Must not: trust a header for anything but choosing what to look at; headers are not signed.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from knect.sdk.contract import Hint, WebhookRequest
from knect.sdk.errors import BadRecord, SecretMissing
from knect.sdk.http import JsonError, decode_json
from knect.sdk.secret import Secret, accepted
from knect.sdk.webhook import check_hmac_sha256, hmac_sha256
from knect_connectors.woocommerce.client import Row, WooClient
from knect_connectors.woocommerce.listing import whole
from knect_connectors.woocommerce.orders import CARTS
from knect_connectors.woocommerce.payload import read_instant

__all__ = ["WooWebhooks"]

_EVENTS = ("created", "updated", "deleted", "restored")
#: Entity -> topics. Payments and refunds move their order, and are found by the poll.
TOPICS: Mapping[str, tuple[str, ...]] = {
    "customers": tuple(f"customer.{event}" for event in _EVENTS[:3]),
    "orders": tuple(f"order.{event}" for event in _EVENTS),
    "products": tuple(f"product.{event}" for event in _EVENTS),
}
_ENTITIES = {topic: entity for entity, topics in TOPICS.items() for topic in topics}
_SECRET, _PREVIOUS = "webhookSecret", "webhookSecretPrevious"
_PING = re.compile(rb"webhook_id=\d{1,20}")
_TEMPLATE = "/webhooks/{id}"


class WooWebhooks:
    """The receiving side. Each hook is made with `webhookSecret`."""

    def __init__(self, client: WooClient, secrets: Mapping[str, Secret]) -> None:
        self._client = client
        self._secrets = secrets

    def verify(self, request: WebhookRequest) -> Sequence[Hint]:
        """Return what to look at, nothing for a ping; raises CredentialsRejected when forged."""
        signature = request.headers.get("x-wc-webhook-signature")
        if signature is None and _PING.fullmatch(request.body):
            return []
        check_hmac_sha256(request.body, signature, accepted(self._secrets, (_SECRET, _PREVIOUS)))
        try:
            body = decode_json(request.body)
        except JsonError as error:
            raise BadRecord(f"the webhook's body is broken JSON: {error}") from None
        topic = request.headers.get("x-wc-webhook-topic", "")
        entity = _ENTITIES.get(topic)
        if entity is None:
            return []
        identifier = _identifier(body, entity)
        if entity == "orders" and body.get("status") in CARTS:
            return []
        triggered = _instant(body.get("date_modified_gmt"))
        delivery = request.headers.get("x-wc-webhook-delivery-id")
        return [
            Hint(
                entity=entity,
                id=identifier,
                event_id=f"{topic}:{delivery or f'{identifier}:{triggered}'}",
                triggered=triggered,
            )
        ]

    async def subscribe(self, entities: Sequence[str], url: str) -> None:
        """Make the shop send to `url`; repair what is off or signed otherwise; others' stay."""
        secret = self._signing()
        there = await whole(self._client, "/webhooks", {"status": "all"})
        for entity in entities:
            for topic in TOPICS[entity]:
                name = f"Knect {topic} ({_fingerprint(topic, secret)})"
                ours = next((one for one in there if _is_ours(one, topic, url)), None)
                if ours is None:
                    hook = {"topic": topic, "delivery_url": url}
                    await self._change("POST", "/webhooks", "/webhooks", hook, name, secret)
                elif ours.get("status") != "active" or ours.get("name") != name:
                    path = f"/webhooks/{ours['id']}"
                    await self._change("PUT", path, _TEMPLATE, {}, name, secret)

    async def _change(
        self, method: str, path: str, template: str, hook: Row, name: str, secret: Secret
    ) -> None:
        body = {**hook, "name": name, "status": "active", "secret": secret.reveal()}
        await self._client.write(method, path, body, template=template, secrets=(secret,))

    def _signing(self) -> Secret:
        secret = self._secrets.get(_SECRET)
        if secret is None or not secret.reveal():
            raise SecretMissing(
                f"the Connection's Secret has no key {_SECRET}; webhooks are signed with it: put"
                " any long random text there",
                code="SecretKeyMissing",
            )
        return secret


def _is_ours(hook: Row, topic: str, url: str) -> bool:
    return hook.get("topic") == topic and hook.get("delivery_url") == url


def _fingerprint(topic: str, secret: Secret) -> str:
    """Return what tells in a hook's name which secret it has: the shop does not tell that."""
    return re.sub(r"[^A-Za-z0-9]", "", hmac_sha256(topic.encode(), secret))[:8]


def _identifier(body: Any, entity: str) -> str:
    """Return the id a body is about; of a variation that of its product."""
    if not isinstance(body, dict):
        raise BadRecord("the webhook's body is no object")
    is_variation = entity == "products" and body.get("type") == "variation"
    number = body.get("parent_id" if is_variation else "id")
    if not isinstance(number, int) or isinstance(number, bool):
        raise BadRecord("the webhook's body has no id", path="id", value=number)
    return str(number)


def _instant(text: Any) -> datetime | None:
    try:
        return read_instant(text) if isinstance(text, str) else None
    except ValueError:
        return None
