"""Webhooks: only the platform's own pass, and they only say where to look."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from knect.sdk.contract import WebhookRequest
from knect.sdk.errors import BadRecord, CredentialsRejected, Fatal, SecretMissing
from knect.sdk.secret import Secret
from knect.sdk.testing import Answer, OutgoingWebhook, Request, SendPlan, running
from knect_connectors.bigcommerce.simulator import acts
from knect_connectors.bigcommerce.simulator.hooks_api import delivery
from knect_connectors.bigcommerce.tests.conftest import NOON, AtWork, a_line, open_store
from knect_connectors.bigcommerce.webhooks import SCOPES

URL = "https://hooks.example/acme"


def sent(scope: str = "store/order/updated", data: Any = None, **more: Any) -> OutgoingWebhook:
    return delivery(scope, {"type": "order", "id": 250} if data is None else data,
                    **{"url": URL, "store": "acme1", "secret": "simulated-secret",
                       "at": datetime.now(UTC), **more})  # fmt: skip


def received(one: OutgoingWebhook, **changes: Any) -> WebhookRequest:
    headers = {name.lower(): value for name, value in one.headers.items()}
    return WebhookRequest(
        headers=headers | changes.get("headers", {}),
        body=changes.get("body", one.body),
        received=changes.get("received", datetime.now(UTC)),
    )


@pytest.mark.parametrize(
    ("scope", "data", "entity", "identifier"),
    [
        ("store/order/created", {"type": "order", "id": 250}, "orders", "250"),
        ("store/order/statusUpdated",
         {"type": "order", "id": 250, "status": {"previous_status_id": 0, "new_status_id": 11}},
         "orders", "250"),
        ("store/order/archived", {"type": "order", "id": 250}, "orders", "250"),
        ("store/order/refund/created", {"type": "order", "id": 250, "refund": {"refund_id": 3}},
         "refunds", "3"),
        ("store/shipment/created", {"type": "shipment", "id": 12, "orderId": 251},
         "shipments", "251/12"),
        ("store/customer/updated", {"type": "customer", "id": 32}, "customers", "32"),
        ("store/customer/address/created",
         {"type": "customer", "id": 60, "address": {"customer_id": 32}}, "customers", "32"),
        ("store/sku/updated", {"type": "sku", "id": 461, "sku": {"product_id": 206}},
         "products", "206"),
    ],
)  # fmt: skip
def test_each_scope_leads_to_its_record(
    acme: AtWork, scope: str, data: Any, entity: str, identifier: str
) -> None:
    one = sent(scope, data)
    (hint,) = acme.webhooks.verify(received(one))
    assert (hint.entity, hint.id) == (entity, identifier)
    assert hint.triggered is not None


def test_what_is_told_twice_has_one_name(acme: AtWork) -> None:
    at = datetime.now(UTC)
    first, second = (acme.webhooks.verify(received(sent(at=at))) for _ in range(2))
    assert first == second
    assert first[0].event_id.startswith("store/order/updated:")
    other = acme.webhooks.verify(received(sent("store/order/created", at=at)))
    assert other[0].event_id != first[0].event_id


@pytest.mark.parametrize("scope", ["store/cart/created", "store/order/message/created", ""])
def test_a_scope_nobody_asked_for_is_no_hint(acme: AtWork, scope: str) -> None:
    assert list(acme.webhooks.verify(received(sent(scope)))) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"headers": {"webhook-signature": "v1,AAAA"}},
        {"headers": {"webhook-signature": ""}},
        {"headers": {"webhook-signature": "v1,ÄÄÄÄ"}},
        {"headers": {"webhook-id": "msg_other"}},
        {"headers": {"webhook-id": ""}},
        {"headers": {"webhook-timestamp": "1"}},
        {"headers": {"webhook-timestamp": "soon"}},
        {"body": b"{}"},
        {"body": b"\xff\xfe"},
        {"received": datetime.now(UTC) + timedelta(days=4)},
    ],
)
def test_forged_and_ancient_ones_are_refused(acme: AtWork, changes: dict[str, Any]) -> None:
    with pytest.raises(CredentialsRejected):
        acme.webhooks.verify(received(sent(), **changes))


def test_another_stores_is_refused(acme: AtWork) -> None:
    with pytest.raises(CredentialsRejected, match="another store's"):
        acme.webhooks.verify(received(sent(store="other")))


def test_the_last_try_after_two_days_is_still_a_hint(acme: AtWork) -> None:
    late = datetime.now(UTC) + timedelta(hours=48)
    assert len(acme.webhooks.verify(received(sent(), received=late))) == 1


async def test_two_secrets_while_one_is_rotated() -> None:
    secrets = {
        "accessToken": Secret("simulated-token"),
        "clientSecret": Secret("new"),
        "clientSecretPrevious": Secret("old"),
    }
    async with open_store(secrets=secrets) as acme:
        for secret in ("new", "old"):
            assert acme.webhooks.verify(received(sent(secret=secret)))
        del secrets["clientSecretPrevious"]
        with pytest.raises(CredentialsRejected):
            acme.webhooks.verify(received(sent(secret="old")))
        del secrets["clientSecret"]
        with pytest.raises(SecretMissing, match="no key clientSecret"):
            acme.webhooks.verify(received(sent()))


@pytest.mark.parametrize(
    "data", [{"type": "order"}, {"id": "x"}, {"id": True}, {"id": 0}, {"id": None}, []]
)
def test_a_signed_body_that_names_nothing_is_told(acme: AtWork, data: Any) -> None:
    with pytest.raises(BadRecord):
        acme.webhooks.verify(received(sent(data=data)))


async def test_subscribing_makes_what_is_missing_repairs_and_leaves_others_alone(
    acme: AtWork,
) -> None:
    client = acme.connector._client
    others = [
        {"scope": "store/order/created", "destination": "https://other.example/1"},
        {"scope": "store/cart/created", "destination": "https://other.example/2"},
    ]
    for one in others:
        await client.write("POST", "/v3/hooks", json=one)
    await acme.webhooks.subscribe(["orders", "customers"], URL)
    hooks = acme.books.hooks
    ours = Counter(one["scope"] for one in hooks.values() if one["destination"] == URL)
    assert ours == Counter([*SCOPES["orders"], *SCOPES["customers"]])
    count = len(hooks)
    await acme.simulator.do("deactivate", {})
    await acme.webhooks.subscribe(["orders", "customers"], URL)
    assert len(hooks) == count
    assert all(one["is_active"] is (one["destination"] == URL) for one in hooks.values())
    await acme.webhooks.subscribe(["orders"], "https://moved.example/acme")
    assert len(hooks) == count, "the old ones were left behind"
    moved = {one["scope"] for one in hooks.values() if "moved" in one["destination"]}
    assert moved == set(SCOPES["orders"])
    assert {one["destination"] for one in hooks.values()} >= {x["destination"] for x in others}
    before = acme.requests()
    await acme.webhooks.subscribe(["customers"], URL)
    assert acme.requests() - before == 1


async def test_a_scope_that_is_full_is_said(acme: AtWork) -> None:
    for number in range(10):
        body = {"scope": "store/order/created", "destination": f"https://other.example/{number}"}
        await acme.connector._client.write("POST", "/v3/hooks", json=body)
    with pytest.raises(Fatal, match=r"store/order/created cannot be subscribed to: .*limit of 10"):
        await acme.webhooks.subscribe(["orders"], URL)


async def test_whatever_happens_in_the_store_comes_and_is_found() -> None:
    """Sent twice, late, out of order and forged: each that is genuine leads to the whole record."""
    got: list[WebhookRequest] = []

    class Receiver:
        def bind(self, url: str) -> None:
            pass

        async def handle(self, request: Request) -> Answer:
            got.append(WebhookRequest(headers=request.headers, body=request.body,
                                      received=datetime.now(UTC)))  # fmt: skip
            return Answer()

    plan = SendPlan(duplicate=0.3, reordered=0.3, forged=0.8, late=0.3, delay=0.5)
    async with running(Receiver()) as receiver, open_store(send=plan) as acme:  # type: ignore[arg-type]
        entities = ["orders", "customers", "refunds", "shipments", "products"]
        await acme.webhooks.subscribe(entities, f"{receiver.url}/hooks")
        order = acme.order(a_line(quantity=2), at=NOON)
        acts.ship(acme.books, order)
        acts.refund(acme.books, order, [{"line": 0, "quantity": 1}])
        await acme.simulator.do("open_account", {"email": "a@x.example", "first": "A", "last": "B"})
        await acme.connector._client.write(
            "PUT", "/v3/catalog/products",
            json=[{"id": next(iter(acme.books.products)), "name": "Big kettle"}],
        )  # fmt: skip
        await acme.simulator.do("drain", {})
        found: set[str] = set()
        forged = 0
        for request in got:
            try:
                hints = acme.webhooks.verify(request)
            except CredentialsRejected:
                forged += 1
                continue
            for hint in hints:
                (change,) = await acme.source.fetch(hint.entity, [hint.id])
                assert not change.deleted
                found.add(hint.entity)
        assert found == set(entities)
        assert forged == acme.simulator.webhooks.sent["forged"] > 0
