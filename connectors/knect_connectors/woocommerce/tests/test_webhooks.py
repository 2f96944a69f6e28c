"""Webhooks: who signed them, what they hint at, and keeping the shop's hooks alive."""

from datetime import UTC, datetime
from typing import Any

import pytest

from knect.sdk.contract import WebhookRequest
from knect.sdk.errors import BadRecord, CredentialsRejected, Refused, SecretMissing
from knect.sdk.secret import Secret
from knect.sdk.testing import Answer, Request, running
from knect.sdk.webhook import hmac_sha256
from knect_connectors.woocommerce.simulator import merchant
from knect_connectors.woocommerce.tests.conftest import KEY, SECRET, AtWork, open_shop
from knect_connectors.woocommerce.webhooks import WooWebhooks

URL = "https://hooks.example/acme"
SIGNED = {
    "consumerKey": Secret(KEY),
    "consumerSecret": Secret(SECRET),
    "webhookSecret": Secret("hook-secret"),
}


@pytest.fixture
async def acme() -> Any:
    async with open_shop(secrets=dict(SIGNED)) as at_work:
        yield at_work


def receiving(acme: AtWork) -> WooWebhooks:
    found = acme.connector.webhooks
    assert isinstance(found, WooWebhooks)
    return found


def request_of(body: bytes, *, secret: str = "hook-secret", **headers: str) -> WebhookRequest:
    given = {
        "x-wc-webhook-topic": "order.updated",
        "x-wc-webhook-delivery-id": "d1",
        "x-wc-webhook-signature": hmac_sha256(body, Secret(secret)),
        **{f"x-wc-webhook-{name}": value for name, value in headers.items()},
    }
    return WebhookRequest(headers=given, body=body, received=datetime.now(UTC))


async def test_every_topic_leads_to_what_it_is_about(acme: AtWork) -> None:
    webhooks = receiving(acme)
    for topic, entity in (
        ("order.created", "orders"), ("order.deleted", "orders"), ("order.restored", "orders"),
        ("customer.updated", "customers"), ("product.deleted", "products"),
    ):  # fmt: skip
        (hint,) = webhooks.verify(request_of(b'{"id": 727}', topic=topic))
        assert (hint.entity, hint.id, hint.event_id) == (entity, "727", f"{topic}:d1")
    assert webhooks.verify(request_of(b'{"id": 727}', topic="coupon.updated")) == []


async def test_a_variation_is_a_hint_at_its_product(acme: AtWork) -> None:
    body = b'{"id": 732, "type": "variation", "parent_id": 22}'
    (hint,) = receiving(acme).verify(request_of(body, topic="product.updated"))
    assert hint.id == "22"


async def test_the_ping_nobody_signed_is_taken_for_what_it_is(acme: AtWork) -> None:
    webhooks = receiving(acme)
    ping = WebhookRequest(headers={}, body=b"webhook_id=142", received=datetime.now(UTC))
    assert webhooks.verify(ping) == []
    for body in (b"webhook_id=142&id=7", b'{"id": 7}', b""):
        with pytest.raises(CredentialsRejected):
            webhooks.verify(WebhookRequest(headers={}, body=body, received=datetime.now(UTC)))


async def test_a_cart_is_nothing_to_look_at(acme: AtWork) -> None:
    body = b'{"id": 727, "status": "checkout-draft"}'
    assert receiving(acme).verify(request_of(body, topic="order.created")) == []


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"id": true}', b'{"id": "7"}', b"{"])
async def test_a_signed_body_that_tells_nothing_is_a_bad_one(acme: AtWork, body: bytes) -> None:
    with pytest.raises(BadRecord):
        receiving(acme).verify(request_of(body))


async def test_the_secret_before_is_good_while_it_is_rotated(acme: AtWork) -> None:
    with pytest.raises(CredentialsRejected):
        receiving(acme).verify(request_of(b'{"id": 1}', secret="old"))
    secrets = {**SIGNED, "webhookSecretPrevious": Secret("old")}
    async with open_shop(secrets=secrets) as other:
        assert receiving(other).verify(request_of(b'{"id": 1}', secret="old"))


async def test_subscribing_makes_what_is_missing_and_is_done_once(acme: AtWork) -> None:
    await receiving(acme).subscribe(["orders", "customers"], URL)
    topics = [hook["topic"] for hook in acme.books.webhooks.values()]
    assert topics == [
        "order.created", "order.updated", "order.deleted", "order.restored",
        "customer.created", "customer.updated", "customer.deleted",
    ]  # fmt: skip
    assert {hook["secret"] for hook in acme.books.webhooks.values()} == {"hook-secret"}
    posts = acme.requests("POST")
    await receiving(acme).subscribe(["orders", "customers"], URL)
    assert acme.requests("POST") == posts
    assert acme.requests("PUT") == 0


async def test_what_was_switched_off_is_on_again_and_others_are_left_alone(acme: AtWork) -> None:
    await receiving(acme).subscribe(["orders"], URL)
    ours = next(iter(acme.books.webhooks.values()))
    other = {**ours, "id": 1, "delivery_url": "https://other.example", "status": "disabled"}
    acme.books.webhooks[1] = other
    await acme.simulator.do("disable_webhooks", {})
    await receiving(acme).subscribe(["orders"], URL)
    told = {hook["id"]: hook["status"] for hook in acme.books.webhooks.values()}
    assert told.pop(1) == "disabled"
    assert set(told.values()) == {"active"}
    assert len(told) == 4


async def test_a_secret_that_was_rotated_is_brought_to_the_hooks(acme: AtWork) -> None:
    await receiving(acme).subscribe(["orders"], URL)
    names = {hook["name"] for hook in acme.books.webhooks.values()}
    assert all("hook-secret" not in name for name in names)
    rotated = {**SIGNED, "webhookSecret": Secret("newer")}
    await WooWebhooks(acme.connector._client, rotated).subscribe(["orders"], URL)
    assert {hook["secret"] for hook in acme.books.webhooks.values()} == {"newer"}
    assert len(acme.books.webhooks) == 4


async def test_without_a_secret_of_its_own_nothing_is_made() -> None:
    async with open_shop() as acme:
        with pytest.raises(SecretMissing, match="webhookSecret"):
            await receiving(acme).subscribe(["orders"], URL)
        assert acme.books.webhooks == {}
        with pytest.raises(CredentialsRejected):
            receiving(acme).verify(request_of(b'{"id": 1}'))


async def test_an_answer_that_quotes_the_secret_is_told_without_it(acme: AtWork) -> None:
    def refuse(body: dict[str, Any]) -> Any:
        from knect_connectors.woocommerce.simulator.queries import (  # noqa: PLC0415
            RefusedError,
        )

        raise RefusedError(400, "bad", f"not with {body['secret']}")

    acme.simulator._people._subscribe = refuse  # type: ignore[method-assign]
    with pytest.raises(Refused) as refused:
        await receiving(acme).subscribe(["orders"], URL)
    assert "hook-secret" not in str(refused.value)


class Inbox:
    """A receiver that keeps what it verified."""

    def __init__(self, acme: AtWork) -> None:
        self.webhooks = receiving(acme)
        self.hints: list[Any] = []
        self.pings = self.refused = 0

    def bind(self, url: str) -> None:
        self.url = url

    async def handle(self, request: Request) -> Answer:
        asked = WebhookRequest(
            headers=request.headers, body=request.body, received=datetime.now(UTC)
        )
        try:
            hints = self.webhooks.verify(asked)
        except CredentialsRejected:
            self.refused += 1
            return Answer(status=401)
        self.pings += not hints
        self.hints += hints
        return Answer(status=200)


async def test_on_the_wire_a_change_is_a_hint_to_what_is_read_then(acme: AtWork) -> None:
    inbox = Inbox(acme)
    async with running(inbox) as server:  # type: ignore[arg-type]
        await receiving(acme).subscribe(["orders"], server.url)
        order = await acme.simulator.do("place", {"sku": "KN-100", "price": "39.90"})
        merchant.trash(acme.books, acme.simulator.orders.order(order))
        await acme.simulator.do("status", {"order": order, "status": "trash"})  # tells what is due
        await acme.simulator.sender.drain()
    assert inbox.pings == 4
    assert inbox.refused == 0
    assert {hint.id for hint in inbox.hints} == {order}
    topics = {hint.event_id.partition(":")[0] for hint in inbox.hints}
    assert {"order.created", "order.deleted"} <= topics
    assert len({hint.event_id for hint in inbox.hints}) == len(inbox.hints)
