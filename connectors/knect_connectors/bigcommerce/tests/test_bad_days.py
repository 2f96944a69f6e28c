"""Quotas, overload, refusals and secrets: waited for, named, and nothing lost."""

import pytest

from knect.sdk.errors import (
    CredentialsRejected,
    Fatal,
    Refused,
    ScopeMissing,
    SecretMissing,
    Throttled,
    UnexpectedAnswer,
)
from knect.sdk.http import Response
from knect.sdk.secret import Secret
from knect.sdk.testing import Answer, Fault, Request
from knect_connectors.bigcommerce.config import read_config
from knect_connectors.bigcommerce.refusals import refusal_of
from knect_connectors.bigcommerce.simulator import small_orders
from knect_connectors.bigcommerce.tests.conftest import NOON, AtWork, open_store


def ids(numbers: list[int]) -> list[str]:
    return [str(number) for number in numbers]


@pytest.mark.parametrize(
    "fault", [Fault.SERVER_ERROR, Fault.HTML, Fault.TRUNCATED, Fault.COMMIT_THEN_DROP,
              Fault.MALFORMED, Fault.THROTTLED]
)  # fmt: skip
async def test_troubles_on_the_way_lose_no_order(acme: AtWork, fault: Fault) -> None:
    numbers = small_orders(acme.books, 30, at=NOON)
    acme.server.faults.force(fault, None, fault, None, None, fault)
    assert [change.id for change in await acme.all(size=7)] == ids(numbers)


async def test_a_steady_reader_keeps_within_the_quota_and_meets_no_refusal() -> None:
    """Twenty requests in five seconds of the store's clock; forty-one are needed."""
    async with open_store(quota=20, window=5.0) as acme:
        await acme.connector.check()
        numbers = small_orders(acme.books, 33, at=NOON, spacing=1)
        assert [change.id for change in await acme.all()] == ids(numbers)
        assert acme.simulator.quota.refused <= 1


async def test_our_share_leaves_others_theirs() -> None:
    async with open_store(quota=40, window=1_000.0, share=50) as acme:
        await acme.connector.check()
        client = acme.connector._client
        for _ in range(13):
            await client.read("/v2/time")
        assert acme.simulator.quota._used == 20
        assert client._budget._delay(1.0) > 10


async def test_a_quota_that_is_used_up_says_until_when() -> None:
    async with open_store(quota=3, window=3_000.0) as acme:
        client = acme.connector._client
        for _ in range(3):
            await client.read("/v2/time")
        client._budget._resume_at = 0.0
        client._budget._level = 5.0
        with pytest.raises(Throttled) as told:
            await client.read("/v2/time")
        assert told.value.retry_after is not None
        assert 2_900 < told.value.retry_after <= 3_000
        assert "quota of requests is used up" in told.value.message


async def test_an_overloaded_platform_gives_no_quota_and_is_asked_ever_more_rarely(
    acme: AtWork,
) -> None:
    await acme.simulator.do("overload", {"requests": 3})
    await acme.connector.check()
    await acme.simulator.do("overload", {"requests": 60})
    with pytest.raises(Throttled, match="the platform is overloaded") as told:
        await acme.connector.check()
    assert told.value.retry_after is None


async def test_a_missing_scope_is_told_of_the_entities_it_is_for(acme: AtWork) -> None:
    report = await acme.connector.check()
    assert report.product == "BigCommerce Acme"
    assert all(one.read or one.entity == "prices" for one in report.entities)
    assert {one.entity for one in report.entities if one.write} == {
        "customers", "inventory", "orders", "prices", "shipments"
    } | {one.entity for one in report.entities if one.entity == "products" and one.write}  # fmt: skip
    await acme.simulator.do("deny", {"names": ["customers", "inventory"]})
    report = await acme.connector.check()
    missing = {one.entity: one.problem for one in report.entities if one.problem}
    assert set(missing) == {"customers", "inventory"}
    assert "required scope" in str(missing["customers"])
    with pytest.raises(ScopeMissing):
        await acme.all(entity="customers")


async def test_a_token_that_is_replaced_needs_no_restart() -> None:
    secrets = {"accessToken": Secret("simulated-token")}
    async with open_store(secrets=secrets) as acme:
        await acme.connector.check()
        await acme.simulator.do("rotate", {"token": "other-token", "secret": "x"})
        with pytest.raises(CredentialsRejected) as told:
            await acme.connector.check()
        assert "simulated-token" not in told.value.message
        secrets["accessToken"] = Secret("other-token")
        await acme.connector.check()
        del secrets["accessToken"]
        with pytest.raises(SecretMissing, match="no key accessToken"):
            await acme.connector.check()


async def test_a_wrong_store_is_told_and_never_an_empty_list() -> None:
    async with open_store(config={"storeHash": "other"}) as acme:
        with pytest.raises(Fatal, match="404"):
            await acme.connector.check()
        for entity in ("orders", "customers", "inventory"):
            with pytest.raises(Fatal, match="404"):
                await acme.all(entity=entity)


@pytest.mark.parametrize(
    ("config", "path"),
    [({}, "config.storeHash"), ({"storeHash": "Acme!"}, "config.storeHash"),
     ({"storeHash": "acme1", "url": "ftp://x"}, "config.url")],
)  # fmt: skip
def test_what_cannot_be_a_config_is_named(config: dict[str, str], path: str) -> None:
    with pytest.raises(Fatal) as told:
        read_config(config)
    assert told.value.path == path


def test_the_api_is_where_it_always_is() -> None:
    assert read_config({"storeHash": "acme1"}).url == "https://api.bigcommerce.com"


@pytest.mark.parametrize(
    ("data", "words", "path"),
    [
        ([{"status": 400, "message": "The field 'items' is invalid.",
           "details": {"invalid_reason": "too many"}}],
         "The field 'items' is invalid.: too many", None),
        ({"status": 422, "title": "Create customers failed.", "errors": {"0.email": "in use"}},
         "Create customers failed.: 0.email: in use", "0.email"),
        ({"status": 409, "title": "The product sku X is a duplicate", "errors": {}},
         "The product sku X is a duplicate", None),
        ({"batch_errors": [{"title": "variant 3", "errors": {"price": ["below", "zero"]}}]},
         "variant 3: price: below; zero", "price"),
        ({"errors": ["one", "two"]}, "one; two", None),
        ({"message": "no"}, "no", None),
        ({"title": 7, "errors": {"a": {"b": "c"}}}, "7: a: c", "a"),
        ([], "without a reason", None),
        ("no", "without a reason", None),
    ],
)  # fmt: skip
def test_refusals_are_in_the_platforms_words(data: object, words: str, path: str | None) -> None:
    error = refusal_of("PUT /x", Response(status=422, headers={}, body=b"", data=data))
    assert isinstance(error, Refused)
    assert error.message == f"BigCommerce refuses PUT /x (422): {words}"
    assert error.path == path


async def test_a_refusal_with_nothing_in_it_is_unexpected(acme: AtWork) -> None:
    async def nothing(request: Request) -> Answer:
        del request
        return Answer(status=422)

    acme.simulator.handle = nothing  # type: ignore[method-assign]
    with pytest.raises(UnexpectedAnswer, match="422 and nothing in it"):
        await acme.connector._client.write("PUT", "/v3/catalog/products", json=[])
