"""BigCommerce's webhooks: signature, hint, subscription.

A webhook only ever means "look at this id"; it has little more in it. They are Standard Webhooks,
and the key is the client secret of the API account, as it is (the vendor's example encodes it
because the library wants it so). What is told of again, within 48 hours, has the same hash.
Must not: touch a hook that is not marked as ours; a token may serve another integration, too.
"""

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from standardwebhooks.webhooks import Webhook

from knect.sdk.contract import Hint, WebhookRequest
from knect.sdk.errors import BadRecord, CredentialsRejected, Fatal, Refused, SecretMissing
from knect.sdk.http import JsonError, decode_json
from knect.sdk.secret import Secret, accepted
from knect.sdk.webhook import check_age
from knect_connectors.bigcommerce.client import BigCommerceClient
from knect_connectors.bigcommerce.listing import Row, all_of

__all__ = ["SCOPES", "BigCommerceWebhooks"]

_HOOKS = "/v3/hooks"
#: The header of a hook that says whose it is; it comes with each delivery and is not trusted.
_MARK = "X-Knect-Connection"
_KEYS = ("clientSecret", "clientSecretPrevious")
#: A delivery is tried again for 48 hours.
_MAX_AGE = timedelta(days=3)
_NOT_RIGHT = "the webhook's signature is not right"


#: Finds the id in what a webhook tells.
_Finder = Callable[[Mapping[str, Any]], str | None]


def _plain(data: Mapping[str, Any]) -> str | None:
    return _id_of(data.get("id"))


def _within(name: str, field: str) -> _Finder:
    def read(data: Mapping[str, Any]) -> str | None:
        part = data.get(name)
        return _id_of(part.get(field)) if isinstance(part, dict) else None

    return read


def _parcel(data: Mapping[str, Any]) -> str | None:
    order, number = _id_of(data.get("orderId")), _id_of(data.get("id"))
    return f"{order}/{number}" if order and number else None


def _id_of(value: Any) -> str | None:
    """Return an id, a number or its text, as text; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value)
    return text if text.isascii() and text.isdecimal() and int(text) else None


#: Entity -> scope -> where the id is. Payments have a scope whose content nobody has described, and
#: stock tells no place: those are found by the poll.
SCOPES: Mapping[str, Mapping[str, _Finder]] = {
    "orders": {
        "store/order/created": _plain,
        "store/order/updated": _plain,
        "store/order/statusUpdated": _plain,
        "store/order/archived": _plain,
    },
    "customers": {
        "store/customer/created": _plain,
        "store/customer/updated": _plain,
        "store/customer/deleted": _plain,
        "store/customer/address/created": _within("address", "customer_id"),
        "store/customer/address/updated": _within("address", "customer_id"),
        "store/customer/address/deleted": _within("address", "customer_id"),
    },
    "products": {
        "store/product/created": _plain,
        "store/product/updated": _plain,
        "store/product/deleted": _plain,
        "store/sku/created": _within("sku", "product_id"),
        "store/sku/updated": _within("sku", "product_id"),
        "store/sku/deleted": _within("sku", "product_id"),
    },
    "refunds": {"store/order/refund/created": _within("refund", "refund_id")},
    "shipments": {
        "store/shipment/created": _parcel,
        "store/shipment/updated": _parcel,
        "store/shipment/deleted": _parcel,
    },
}
_ENTITIES = {scope: entity for entity, scopes in SCOPES.items() for scope in scopes}


class BigCommerceWebhooks:
    """The receiving side."""

    def __init__(
        self, client: BigCommerceClient, secrets: Mapping[str, Secret], store: str, name: str
    ) -> None:
        self._client = client
        self._secrets = secrets
        self._store = store
        self._name = name

    def verify(self, request: WebhookRequest) -> Sequence[Hint]:
        """Return what to look at; raises CredentialsRejected when forged or too old."""
        keys = [one for one in accepted(self._secrets, _KEYS) if one.reveal()]
        if not keys:
            raise SecretMissing(
                "the Connection's Secret has no key clientSecret, which webhooks are signed with",
                code="SecretKeyMissing",
            )
        sent = _checked(request, keys)
        check_age(sent, request.received, _MAX_AGE)
        try:
            body = decode_json(request.body)
        except JsonError as error:
            raise BadRecord(f"the webhook's body is broken JSON: {error}") from None
        if not isinstance(body, dict) or not isinstance(body.get("data"), dict):
            raise BadRecord("the webhook's body names nothing", path="data")
        if body.get("producer") != f"stores/{self._store}":
            raise CredentialsRejected("the webhook is another store's")
        scope = str(body.get("scope"))
        entity = _ENTITIES.get(scope)
        if entity is None:
            return []
        identifier = SCOPES[entity][scope](body["data"])
        if identifier is None:
            raise BadRecord(f"the webhook of {scope} has no id", path="data", value=body["data"])
        event = body.get("hash") or request.headers.get("webhook-id")
        return [
            Hint(
                entity=entity,
                id=identifier,
                event_id=f"{scope}:{event}",
                triggered=_instant(body.get("created_at")) or sent,
            )
        ]

    async def subscribe(self, entities: Sequence[str], url: str) -> None:
        """Make the store send to `url`; what was set inactive is set active, others' hooks stay."""
        existing = await all_of(self._client, _HOOKS) or []
        for entity in entities:
            for scope in SCOPES[entity]:
                await self._subscribe(
                    scope, url, [one for one in existing if one["scope"] == scope]
                )

    async def _subscribe(self, scope: str, url: str, existing: Sequence[Row]) -> None:
        same = [one for one in existing if one.get("destination") == url]
        if any(one.get("is_active") for one in same):
            return
        ours = same or [one for one in existing if _is_ours(one, self._name)]
        body = {"scope": scope, "destination": url, "is_active": True,
                "headers": {_MARK: self._name}}  # fmt: skip
        try:
            if not ours:
                await self._client.write("POST", _HOOKS, json=body)
                return
            path, template = f"{_HOOKS}/{ours[0]['id']}", f"{_HOOKS}/{{id}}"
            await self._client.write("PUT", path, template=template, json=body)
        except Refused as error:
            raise Fatal(f"{scope} cannot be subscribed to: {error.message}") from None


def _is_ours(hook: Row, name: str) -> bool:
    headers = hook.get("headers")
    return isinstance(headers, dict) and headers.get(_MARK) == name


def _instant(value: Any) -> datetime | None:
    text = _id_of(value)
    return datetime.fromtimestamp(int(text), UTC) if text and len(text) <= 10 else None


def _checked(request: WebhookRequest, keys: Sequence[Secret]) -> datetime:
    """Check the signature with every key; return when it was signed."""
    headers = request.headers
    identifier = headers.get("webhook-id", "")
    given = [one.partition(",")[2] for one in headers.get("webhook-signature", "").split(" ")]
    try:
        sent = datetime.fromtimestamp(int(headers.get("webhook-timestamp", "")), UTC)
        text = request.body.decode()
        made = [
            Webhook(base64.b64encode(key.reveal().encode()).decode())
            .sign(identifier, sent, text)
            .partition(",")[2]
            for key in keys
        ]
    except (ValueError, OverflowError, OSError, binascii.Error):
        raise CredentialsRejected(_NOT_RIGHT) from None
    matches = [hmac.compare_digest(ours.encode(), one.encode()) for ours in made for one in given]
    if not identifier or not any(matches):
        raise CredentialsRejected(_NOT_RIGHT)
    return sent
