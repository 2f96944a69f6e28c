"""Price and compare-at price arrive together, in the currency and on the list that was named."""

from decimal import Decimal
from typing import Any

import pytest

from knect.sdk.contract import Call
from knect.sdk.errors import BadRecord, MissingReference, Refused
from knect_connectors.shopify.tests.catalog import Desk, a_price
from knect_connectors.shopify.tests.conftest import AtWork


@pytest.fixture
def desk(acme: AtWork) -> Desk:
    return Desk(acme)


async def test_price_and_compare_at_are_one_request(desk: Desk, acme: AtWork) -> None:
    kettle = desk.goods("KN-1", price="10.00", compareAtPrice="12.00")
    await desk.deliver("prices", a_price(compare_at=Decimal("24.90")))
    assert (kettle["price"], kettle["compareAtPrice"]) == ("19.90", "24.90")
    assert acme.asked("VariantsUpdate") == 1
    await desk.deliver("prices", a_price())
    assert (kettle["price"], kettle["compareAtPrice"]) == ("19.90", None)


async def test_only_what_the_pipeline_owns_is_written(desk: Desk) -> None:
    kettle = desk.goods("KN-1", price="10.00", compareAtPrice="12.00")
    (effect,) = await desk.plan("prices", a_price(), owns=("price",))
    outcome = await desk.send([effect])
    assert outcome.found is not None
    assert (kettle["price"], kettle["compareAtPrice"]) == ("19.90", "12.00")


async def test_a_price_is_found_again_by_what_it_is(desk: Desk) -> None:
    desk.goods("KN-1", price="10.00")
    (effect,) = await desk.plan("prices", a_price())
    call = Call(effect=effect, given={}, idempotency_key="k")
    assert await desk.destination.lookup([call]) == [None]
    (outcome,) = await desk.destination.write([call])
    assert await desk.destination.lookup([call]) == [outcome.found]


async def test_prices_of_one_product_are_one_request(desk: Desk, acme: AtWork) -> None:
    tee = desk.catalog.add_product("Tee")
    sizes = [desk.catalog.add_variant(tee, f"TEE-{size}", options={"Size": size}) for size in "SML"]
    kettle = desk.goods("KN-1")
    calls = []
    for sku in ("TEE-S", "TEE-M", "KN-1", "TEE-L"):
        (effect,) = await desk.plan("prices", a_price(sku))
        calls.append(Call(effect=effect, given={}, idempotency_key=sku))
    outcomes = await desk.destination.write(calls)
    assert [outcome.found and outcome.found.number for outcome in outcomes] == [
        "TEE-S",
        "TEE-M",
        "KN-1",
        "TEE-L",
    ]
    assert {one["price"] for one in (*sizes, kettle)} == {"19.90"}
    assert acme.asked("VariantsUpdate") == 2


async def test_a_refused_row_does_not_hold_the_others(desk: Desk) -> None:
    tee = desk.catalog.add_product("Tee")
    small = desk.catalog.add_variant(tee, "TEE-S", options={"Size": "S"})
    large = desk.catalog.add_variant(tee, "TEE-L", options={"Size": "L"})
    calls = []
    for sku in ("TEE-S", "TEE-L"):
        (effect,) = await desk.plan("prices", a_price(sku))
        calls.append(Call(effect=effect, given={}, idempotency_key=sku))
    desk.catalog.remove_variant(small)  # between looking it up and writing
    lost, kept = await desk.destination.write(calls)
    assert isinstance(lost.error, MissingReference), "waited for, as before it was looked up"
    assert (lost.error.kind, lost.error.value) == ("sku", "TEE-S")
    assert kept.found is not None
    assert large["price"] == "19.90"


async def test_a_price_list_is_written_and_nothing_else(desk: Desk) -> None:
    kettle = desk.goods("KN-1", price="10.00")
    wholesale = desk.catalog.add_price_list("Wholesale", "EUR")
    other = desk.catalog.add_price_list("Retail US", "USD")
    await desk.deliver("prices", a_price(price_list="Wholesale", compare_at=Decimal(30)))
    fixed = desk.catalog.fixed[wholesale["id"], kettle["id"]]
    assert fixed["price"]["amount"] == "19.90"
    assert fixed["compareAtPrice"]["amount"] == "30.00"
    assert kettle["price"] == "10.00"
    assert [key for key in desk.catalog.fixed if key[0] == other["id"]] == []
    (effect,) = await desk.plan("prices", a_price(price_list="Wholesale", compare_at=Decimal(30)))
    call = Call(effect=effect, given={}, idempotency_key="k")
    (found,) = await desk.destination.lookup([call])
    assert found is not None
    (cheaper,) = await desk.plan("prices", a_price(amount="18.00", price_list="Wholesale"))
    changed = Call(effect=cheaper, given={}, idempotency_key="k")
    assert await desk.destination.lookup([changed]) == [None]


async def test_base_is_the_variants_own_price(desk: Desk) -> None:
    kettle = desk.goods("KN-1")
    await desk.deliver("prices", a_price(price_list="@base"))
    assert kettle["price"] == "19.90"


async def test_a_price_list_the_shop_lacks_waits_with_those_it_has(desk: Desk) -> None:
    desk.goods("KN-1")
    desk.catalog.add_price_list("Wholesale", "EUR")
    with pytest.raises(MissingReference, match="which has 'Wholesale'") as caught:
        await desk.plan("prices", a_price(price_list="web"))
    assert caught.value.kind == "price_list"


@pytest.mark.parametrize("listed", [None, "Wholesale"])
async def test_a_currency_the_shop_or_the_list_lacks_is_refused(
    desk: Desk, listed: str | None
) -> None:
    desk.goods("KN-1")
    desk.catalog.add_price_list("Wholesale", "EUR")
    with pytest.raises(Refused, match=r"in USD, but .* has prices in EUR") as caught:
        await desk.plan("prices", a_price(currency="USD", price_list=listed))
    assert (caught.value.code, caught.value.path) == ("CurrencyNotSold", "currency")


@pytest.mark.parametrize(("field", "amount"), [("price", "9.999"), ("compare_at", "12.345")])
async def test_more_decimals_than_the_currency_has_are_refused(
    desk: Desk, field: str, amount: str
) -> None:
    desk.goods("KN-1")
    with pytest.raises(Refused, match="more decimals than EUR has") as caught:
        await desk.plan(
            "prices", a_price(), {}, owns=None, **dict[str, Any]({field: Decimal(amount)})
        )
    assert caught.value.code == "TooManyDecimals"
    assert f"mapping.set.{field}" in caught.value.message


async def test_zeros_at_the_end_are_no_decimals(desk: Desk) -> None:
    kettle = desk.goods("KN-1")
    await desk.deliver("prices", a_price(amount="17.9000"))
    assert kettle["price"] == "17.90"


async def test_less_than_nothing_and_no_number_are_refused(desk: Desk) -> None:
    desk.goods("KN-1")
    with pytest.raises(Refused, match="below zero"):
        await desk.plan("prices", a_price(amount="-1.00"))
    with pytest.raises(Refused, match="no price"):
        await desk.plan("prices", a_price(), price="free")
    with pytest.raises(BadRecord, match="has no SKU"):
        desk.destination.to_document("prices", a_price(""), {})
