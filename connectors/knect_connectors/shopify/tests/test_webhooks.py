"""Webhooks: only the platform's own pass, and they only say where to look."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from knect.sdk.contract import WebhookRequest
from knect.sdk.errors import BadRecord, CredentialsRejected, Fatal
from knect.sdk.secret import Secret
from knect.sdk.testing import Answer, OutgoingWebhook, Request, SendPlan, running
from knect_connectors.shopify.simulator import parcels, small_orders
from knect_connectors.shopify.tests.conftest import NOON, AtWork, open_shop
from knect_connectors.shopify.tests.orders import an_order


def received(sent: OutgoingWebhook, **changes: Any) -> WebhookRequest:
    headers = {name.lower(): value for name, value in sent.headers.items()}
    headers.update({k.replace("_", "-"): v for k, v in changes.get("headers", {}).items()})
    return WebhookRequest(
        headers=headers,
        body=changes.get("body", sent.body),
        received=changes.get("received", datetime.now(UTC)),
    )


def test_a_good_one_says_where_to_look(acme: AtWork) -> None:
    order = an_order(NOON, 1_001)
    sent = acme.simulator.webhook("orders/updated", order, "https://x")
    (hint,) = acme.webhooks.verify(received(sent))
    assert (hint.entity, hint.id) == ("orders", "gid://shopify/Order/1001")
    assert hint.event_id == f"orders/updated:{sent.headers['X-Shopify-Event-Id']}"
    assert hint.triggered is not None


def test_a_deletion_has_only_a_number(acme: AtWork) -> None:
    sent = acme.simulator.webhook("orders/delete", {"id": "gid://shopify/Order/1001"}, "https://x")
    (hint,) = acme.webhooks.verify(received(sent))
    assert hint.id == "gid://shopify/Order/1001"


@pytest.mark.parametrize("topic", ["themes/update", "orders/fulfilled", "fulfillments", ""])
def test_a_topic_nobody_asked_for_is_no_hint(acme: AtWork, topic: str) -> None:
    sent = acme.simulator.webhook(topic, an_order(NOON), "https://x")
    assert list(acme.webhooks.verify(received(sent))) == []


async def test_what_belongs_to_an_order_is_told_of_and_looked_at_by_its_own_id() -> None:
    """A refund and a parcel, made and corrected by hand; each hint leads to the whole record."""
    async with open_shop() as shop:
        order = small_orders(1, at=NOON)[0]
        shop.shop.put("orders", order, topic="orders/create")
        await shop.webhooks.subscribe(
            ["payments", "refunds", "shipments"], "http://127.0.0.1:9/hooks"
        )
        assert {one["topic"] for one in shop.shop.subscriptions} == {
            "ORDER_TRANSACTIONS_CREATE", "REFUNDS_CREATE", "FULFILLMENTS_CREATE",
            "FULFILLMENTS_UPDATE",
        }  # fmt: skip
        told: list[tuple[str, Any]] = []
        shop.shop.listen = told.append
        await shop.simulator.do("refund", {"id": order["id"], "line": 0, "restock": "CANCEL"})
        shipped = await shop.simulator.do("ship", {"id": order["id"]})
        shop.shop.time_offset += timedelta(seconds=2)
        parcels.retrack(order["fulfillments"][0], {"number": "N-2"}, shop.shop.now())
        shop.shop.touch(order, "orders/updated")
        topics = [topic for topic, _ in told if not topic.startswith("orders/")]
        assert topics == [
            "order_transactions/create", "refunds/create", "fulfillments/create",
            "fulfillments/update",
        ]  # fmt: skip
        found = {}
        for topic, thing in told:
            (hint,) = shop.webhooks.verify(
                received(shop.simulator.webhook(topic, thing, "https://x"))
            )
            found[topic] = (hint.entity, hint.id)
            (change,) = await shop.source.fetch(hint.entity, [hint.id])
            assert change.raw["id"] == hint.id == thing["id"]
        assert found["refunds/create"] == ("refunds", order["refunds"][0]["id"])
        assert found["fulfillments/update"] == ("shipments", shipped)
        assert found["order_transactions/create"][0] == "payments"


@pytest.mark.parametrize(
    "changes",
    [
        {"headers": {"x-shopify-hmac-sha256": "AAAA"}},
        {"headers": {"x-shopify-hmac-sha256": ""}},
        {"body": b"{}"},
        {"headers": {"x-shopify-shop-domain": "other.myshopify.com"}},
        {"received": datetime.now(UTC) + timedelta(days=8)},
    ],
)
def test_forged_foreign_and_ancient_ones_are_refused(acme: AtWork, changes: dict[str, Any]) -> None:
    sent = acme.simulator.webhook("orders/updated", an_order(NOON), "https://x")
    with pytest.raises(CredentialsRejected):
        acme.webhooks.verify(received(sent, **changes))


def test_twenty_hours_late_is_still_a_hint(acme: AtWork) -> None:
    sent = acme.simulator.webhook("orders/updated", an_order(NOON), "https://x")
    late = datetime.now(UTC) + timedelta(hours=20)
    assert len(acme.webhooks.verify(received(sent, received=late))) == 1


async def test_two_secrets_while_one_is_rotated() -> None:
    secrets = {
        "accessToken": Secret("shpat_simulated"),
        "webhookSecret": Secret("new"),
        "webhookSecretPrevious": Secret("old"),
    }
    async with open_shop(secrets=secrets) as shop:
        for secret in ("new", "old"):
            shop.shop.client_secret = secret
            sent = shop.simulator.webhook("orders/paid", an_order(NOON), "https://x")
            assert shop.webhooks.verify(received(sent))
        del secrets["webhookSecretPrevious"]
        with pytest.raises(CredentialsRejected):
            shop.webhooks.verify(received(sent))


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"id": "x"}', b'{"id": true}', b"{}"])
def test_a_signed_body_that_is_none_is_told(acme: AtWork, body: bytes) -> None:
    from knect.sdk.webhook import hmac_sha256  # noqa: PLC0415 - only this test signs by itself

    signature = hmac_sha256(body, Secret("simulated-secret"))
    sent = acme.simulator.webhook("orders/updated", an_order(NOON), "https://x")
    with pytest.raises(BadRecord):
        acme.webhooks.verify(
            received(sent, body=body, headers={"x-shopify-hmac-sha256": signature})
        )


async def test_subscribing_makes_what_is_missing_repairs_and_leaves_others_alone(
    acme: AtWork,
) -> None:
    for number in range(120):  # more than a page of somebody else's
        acme.shop.subscribe("CUSTOMERS_UPDATE", f"https://other.example/{number}")
    acme.shop.subscribe("ORDERS_PAID", "https://old.example/hooks")
    await acme.webhooks.subscribe(["orders"], "https://hooks.example/acme")
    ours = Counter(
        s["topic"] for s in acme.shop.subscriptions if s["uri"] == "https://hooks.example/acme"
    )
    assert set(ours.values()) == {1}
    assert len(ours) == 6
    assert len([s for s in acme.shop.subscriptions if "other.example" in s["uri"]]) == 120
    before = acme.asked("WebhookCreate")
    await acme.webhooks.subscribe(["orders"], "https://hooks.example/acme")
    assert acme.asked("WebhookCreate") == before


async def test_a_refused_address_is_told(acme: AtWork) -> None:
    with pytest.raises(Fatal, match="invalid"):
        await acme.webhooks.subscribe(["orders"], "ftp://hooks.example")


class Receiver:
    """A receiver that stores what it verified; the first of it are answered 503."""

    def __init__(self, at_work: AtWork, refuse: int) -> None:
        self.at_work, self.refuse = at_work, refuse
        self.events: list[str] = []
        self.forged = 0

    def bind(self, url: str) -> None:
        self.url = url

    async def handle(self, request: Request) -> Answer:
        asked = WebhookRequest(
            headers=request.headers, body=request.body, received=datetime.now(UTC)
        )
        try:
            hints = self.at_work.webhooks.verify(asked)
        except CredentialsRejected:
            self.forged += 1
            return Answer(status=401)
        if self.refuse > 0:
            self.refuse -= 1
            return Answer(status=503)
        self.events += [hint.event_id for hint in hints]
        return Answer(status=200)


async def test_duplicates_lateness_disorder_forgery_and_refusals_on_the_wire() -> None:
    plan = SendPlan(duplicate=0.3, late=0.2, reordered=0.2, forged=0.2, delay=0.05, pause=0.01)
    async with open_shop(send=plan, seed=3) as shop:
        receiver = Receiver(shop, refuse=5)
        async with running(receiver) as server:  # type: ignore[arg-type]
            shop.shop.subscribe("ORDERS_CREATE", f"{server.url}/hooks")
            for order in small_orders(60, at=NOON):
                shop.shop.put("orders", order, topic="orders/create")
            await shop.simulator.webhooks.drain()
    sent = shop.simulator.webhooks.sent
    assert all(sent[kind] > 0 for kind in ("duplicate", "late", "reordered", "forged"))
    assert len(set(receiver.events)) == 60, "nothing was lost"
    assert len(receiver.events) == 60 + sent["duplicate"]
    assert receiver.forged == sent["forged"]
