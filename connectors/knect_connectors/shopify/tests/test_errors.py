"""Every way the shop says no, as the class that decides what happens next."""

from typing import Any

import pytest

from knect.model import decode_json
from knect.sdk import errors
from knect.sdk.secret import Secret
from knect.sdk.testing import Answer, Fault, FaultPlan, Request
from knect_connectors.shopify.simulator import small_orders
from knect_connectors.shopify.tests.conftest import NOON, AtWork, open_shop
from knect_connectors.shopify.tests.orders import an_order


async def test_a_missing_scope_waits_for_a_person_and_is_named(acme: AtWork) -> None:
    acme.shop.scopes = {"read_customers"}
    with pytest.raises(errors.ScopeMissing) as caught:
        await acme.all()
    assert "read_orders" in caught.value.message
    assert caught.value.path == "orders"


async def test_a_wrong_token_waits_for_a_person() -> None:
    async with open_shop(secrets={"accessToken": Secret("shpat_wrong")}) as shop:
        with pytest.raises(errors.CredentialsRejected) as caught:
            await shop.connector.check()
    assert "shpat_wrong" not in repr(caught.value)
    assert "Secret" in caught.value.message


async def test_a_rotated_token_needs_no_restart() -> None:
    secrets = {"accessToken": Secret("shpat_old")}
    async with open_shop(secrets=secrets) as shop:
        shop.shop.tokens = {"shpat_old"}
        await shop.connector.check()
        shop.shop.tokens = {"shpat_new"}
        secrets["accessToken"] = Secret("shpat_new")
        await shop.connector.check()


async def test_client_credentials_and_a_token_that_expires_in_the_middle() -> None:
    secrets = {"clientId": Secret("simulated-client"), "clientSecret": Secret("simulated-secret")}
    async with open_shop(secrets=secrets) as shop:
        shop.put(*small_orders(30, at=NOON, spacing=1))
        await shop.connector.check()
        shop.server.faults.force(Fault.TOKEN_EXPIRED)
        assert len(await shop.all()) == 30
        tokens = sum(entry["path"].endswith("access_token") for entry in shop.server.log.entries)
    assert tokens == 2


async def test_refused_client_credentials() -> None:
    secrets = {"clientId": Secret("simulated-client"), "clientSecret": Secret("wrong-secret")}
    async with open_shop(secrets=secrets) as shop:
        with pytest.raises(errors.CredentialsRejected) as caught:
            await shop.connector.check()
    assert "wrong-secret" not in caught.value.message


async def test_a_secret_without_its_keys_is_told() -> None:
    async with open_shop(secrets={}) as shop:
        with pytest.raises(errors.CredentialsRejected, match="accessToken"):
            await shop.connector.check()


@pytest.mark.parametrize(
    ("fault", "times"),
    [
        (Fault.SERVER_ERROR, 2),
        (Fault.THROTTLED, 2),
        (Fault.HTML, 2),
        (Fault.MALFORMED, 2),
        (Fault.TRUNCATED, 1),
        (Fault.COMMIT_THEN_DROP, 1),
    ],
)
async def test_what_passes_is_tried_again_by_the_read_itself(fault: Fault, times: int) -> None:
    faults = FaultPlan()
    async with open_shop(faults=faults) as shop:
        shop.put(*small_orders(12, at=NOON, spacing=1))
        await shop.connector.check()
        faults.force(*[fault] * times)
        assert len(await shop.all()) == 12
    assert faults.injected[fault] == times


async def test_a_shop_that_does_not_answer_is_left_to_the_engine_soon() -> None:
    """Six calls of each read, of each feed, would be a storm where a shop is away."""
    faults = FaultPlan()
    async with open_shop(faults=faults) as shop:
        await shop.connector.check()
        faults.force(*[Fault.COMMIT_THEN_DROP] * 6)
        with pytest.raises(errors.Unreachable):
            await shop.all()
    assert faults.injected[Fault.COMMIT_THEN_DROP] == 2


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault.SERVER_ERROR, errors.RetryLater),
        (Fault.HTML, errors.Unreachable),
        (Fault.MALFORMED, errors.UnexpectedAnswer),
        (Fault.TRUNCATED, errors.Unreachable),
        (Fault.COMMIT_THEN_DROP, errors.Unreachable),
    ],
)
async def test_what_does_not_pass_is_told_by_its_class(
    fault: Fault, expected: type[errors.ConnectorError]
) -> None:
    async with open_shop(faults=FaultPlan({fault.value: 1.0})) as shop:
        shop.source._client._clock = _Hurried()
        with pytest.raises(expected) as caught:
            await shop.connector.check()
    assert isinstance(caught.value, errors.RetryLater)
    assert caught.value.could_have_been_seen


async def test_a_mutation_whose_answer_is_lost_is_sent_once() -> None:
    faults = FaultPlan()
    async with open_shop(faults=faults) as shop:
        faults.force(None, Fault.COMMIT_THEN_DROP)  # the list of subscriptions arrives
        with pytest.raises(errors.Unreachable):
            await shop.webhooks.subscribe(["orders"], "https://hooks.example/x")
        assert shop.asked("WebhookCreate") == 1


async def test_a_field_the_version_does_not_have_is_fatal_and_named(
    acme: AtWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = acme.source._client
    with pytest.raises(errors.Fatal, match="colour"):
        await client.read("query Shop { shop { colour } }", operation="Shop")


async def test_a_field_gone_from_one_order_rejects_that_order_alone(acme: AtWork) -> None:
    acme.put(an_order(NOON, 1_001), an_order(NOON, 1_002), an_order(NOON, 1_003))
    await acme.simulator.do(
        "drop_field", {"id": "gid://shopify/Order/1002", "field": "taxesIncluded"}
    )
    good, bad = [], []
    for change in await acme.all():
        try:
            good.append(acme.source.to_record("orders", change.raw))
        except errors.BadRecord as error:
            bad.append(error.path)
    assert (len(good), bad) == (2, ["taxesIncluded"])


@pytest.mark.parametrize("answer", [[], "x", 7, None, {}, {"data": None}, {"data": []}])
async def test_json_that_is_no_answer(acme: AtWork, answer: Any) -> None:
    acme.simulator._api.answer = lambda body: answer  # type: ignore[method-assign]
    acme.source._client._clock = _Hurried()
    with pytest.raises(errors.UnexpectedAnswer):
        await acme.connector.check()


class _Hurried:
    """A clock whose waits take no time."""

    def now(self) -> Any:
        raise NotImplementedError

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        return None


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({"shop": "acme.example.com"}, "config.shop"),
        ({"shop": "https://acme.myshopify.com"}, "config.shop"),
        ({"apiVersion": "2026-03"}, "config.apiVersion"),
        ({"currency": "EUR"}, "config.currency"),
    ],
)
async def test_a_config_that_cannot_be_right(config: dict[str, Any], path: str) -> None:
    with pytest.raises(errors.Fatal) as caught:
        async with open_shop(config=config):
            pass
    assert caught.value.path == path


@pytest.mark.parametrize(
    "answer",
    [
        {"errors": [{"message": "no", "extensions": ["x"], "path": 7}]},
        {"errors": {"a": 1}},
        {"errors": [{"message": "later", "extensions": {"code": "THROTTLED"}}],
         "extensions": {"cost": {"requestedQueryCost": 1e60, "throttleStatus": {
             "currentlyAvailable": "x", "restoreRate": 1e-60}}}},
        {"data": [1]},
        [],
    ],
)  # fmt: skip
async def test_an_answer_that_makes_no_sense_is_an_error_of_the_shops(
    acme: AtWork, answer: Any
) -> None:
    async def odd(request: Request) -> Answer:
        return Answer.of_json(answer)

    acme.simulator.handle = odd  # type: ignore[method-assign]
    with pytest.raises(errors.RetryLater) as caught:
        await acme.connector.check()
    assert (caught.value.retry_after or 0) <= 86_400


@pytest.mark.parametrize(
    "cost",
    [
        {"requestedQueryCost": "many"},
        {"throttleStatus": {"maximumAvailable": 1}},
        {"throttleStatus": ["x"]},
        {"throttleStatus": {
            "maximumAvailable": 0, "currentlyAvailable": -1e60, "restoreRate": 0}},
    ],
)  # fmt: skip
async def test_whatever_is_told_of_the_budget_the_next_call_goes_on(
    acme: AtWork, cost: dict[str, Any]
) -> None:
    handle = acme.simulator.handle

    async def odd(request: Request) -> Answer:
        answer = decode_json((await handle(request)).body)
        return Answer.of_json({**answer, "extensions": {"cost": cost}})

    acme.simulator.handle = odd  # type: ignore[method-assign]
    for _ in range(3):
        await acme.connector.check()
