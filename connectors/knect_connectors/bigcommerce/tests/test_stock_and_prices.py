"""Stock and prices of the ERP: set once, again after a lost answer, and one row holds no other."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from knect.model import InventoryLevel, Price, Record
from knect.sdk.contract import Effect
from knect.sdk.errors import (
    ConnectorError,
    MissingReference,
    NotForThere,
    Refused,
    RetryLater,
    WaitForPerson,
)
from knect.sdk.permit import sending_while
from knect.sdk.testing import Fault
from knect_connectors.bigcommerce.tests.conftest import AtWork, open_store
from knect_connectors.bigcommerce.tests.writing import (
    answers,
    call_of,
    destination_of,
    error_of,
    plan,
    send,
    write,
)

D = Decimal
LOST = [Fault.COMMIT_THEN_DROP, Fault.TRUNCATED, Fault.MALFORMED]


def a_level(sku: str = "KN-100", available: str = "5", **more: Any) -> InventoryLevel:
    return InventoryLevel(**{"source_id": f"l-{sku}", "sku": sku, "location": "Hamburg",
                             "available": D(available), **more})  # fmt: skip


def a_price(sku: str = "KN-100", amount: str = "35.00", **more: Any) -> Price:
    return Price(**{"source_id": f"p-{sku}", "sku": sku, "currency": "EUR", "amount": D(amount),
                    **more})  # fmt: skip


def pieces(acme: AtWork, sku: str = "KN-100", place: int = 1) -> int | None:
    variant = acme.books.variant_by_sku(sku)
    assert variant is not None
    acme.simulator.stock._settle()
    return acme.books.levels.get((place, variant["id"]))


def product(acme: AtWork, sku: str = "KN-100") -> dict[str, Any]:
    variant = acme.books.variant_by_sku(sku)
    assert variant is not None
    return acme.books.products[variant["product_id"]]


def a_shirt(acme: AtWork, tracking: str = "variant") -> dict[str, Any]:
    """Add a product with two variants; they have no prices of their own."""
    made = acme.books.add_product("SHIRT", "Shirt", D("20.00"), tracking=tracking)
    acme.books.add_variant(made, "SHIRT-S", {"Size": "S"})
    acme.books.add_variant(made, "SHIRT-M", {"Size": "M"})
    return made


async def effects(acme: AtWork, entity: str, records: Sequence[Record]) -> list[Effect]:
    return [effect for one in records for effect in await plan(acme, entity, one)]


# ---------------------------------------------------------------- stock


@pytest.mark.parametrize(("available", "told"), [("5", 5), ("7.9", 7), ("-3", 0), ("0", 0)])
async def test_a_level_is_set_in_whole_pieces(acme: AtWork, available: str, told: int) -> None:
    (outcome,) = await write(acme, "inventory", a_level(available=available))
    assert outcome.found is not None
    assert outcome.found.number == "KN-100"
    assert pieces(acme) == told


async def test_each_place_has_its_own_level(acme: AtWork) -> None:
    acme.books.add_location("Bremen", code="HB")
    for place, available in (("Hamburg", "3"), ("HB", "4"), ("2", "9")):
        await write(acme, "inventory", a_level(location=place, available=available))
    assert (pieces(acme, place=1), pieces(acme, place=2)) == (3, 9)


async def test_hundreds_of_levels_are_one_request(acme: AtWork) -> None:
    for number in range(300):
        acme.books.add_product(f"S-{number}", f"Thing {number}", D(1))
    calls = [
        call_of(effect)
        for number in range(300)
        for effect in await plan(acme, "inventory", a_level(f"S-{number}"))
    ]
    outcomes = await destination_of(acme).write(calls)
    assert all(one.found for one in outcomes)
    assert acme.requests("adjustment") == 1


async def test_skus_are_looked_up_in_bulk(acme: AtWork) -> None:
    for number in range(120):
        acme.books.add_product(f"S-{number}", f"Thing {number}", D(1))
    destination = destination_of(acme)
    wanted = [one for n in range(120) for one in destination.references(
        "inventory", a_level(f"S-{n}"))]  # fmt: skip
    found = await destination.resolve(wanted)
    assert sum(isinstance(one, str) for one in found.values()) == 121
    assert acme.requests() == 3 + 3 + 1


async def test_variants_are_told_by_variant_and_products_by_product(acme: AtWork) -> None:
    a_shirt(acme)
    await write(acme, "inventory", a_level("SHIRT-M", "8"))
    await write(acme, "inventory", a_level("KN-100", "9"))
    assert (pieces(acme, "SHIRT-M"), pieces(acme, "KN-100")) == (8, 9)


@pytest.mark.parametrize("fault", LOST)
async def test_a_lost_answer_of_stock_is_looked_up_or_sent_again(
    acme: AtWork, fault: Fault
) -> None:
    (effect,) = await plan(acme, "inventory", a_level(available="4"))
    acme.server.faults.force(fault)
    with pytest.raises(RetryLater) as lost:
        await destination_of(acme).write([call_of(effect)])
    assert lost.value.could_have_been_seen
    (found,) = await destination_of(acme).lookup([call_of(effect)])
    assert found is not None
    await send(acme, [effect])
    assert pieces(acme) == 4


async def test_what_is_not_applied_yet_is_not_taken_for_what_was_told() -> None:
    """10 are there; 3 are told, and applied later; then 10 again, whose answer gets lost."""
    async with open_store(stock_lag=500.0) as acme:
        await write(acme, "inventory", a_level(available="3"))
        assert pieces(acme) == 10
        (effect,) = await plan(acme, "inventory", a_level(available="10"))
        acme.server.faults.force(Fault.SERVER_ERROR)
        with pytest.raises(RetryLater):
            await destination_of(acme).write([call_of(effect)])
        assert list(await destination_of(acme).lookup([call_of(effect)])) == [None]
        await send(acme, [effect])
        for _, key, quantity in acme.simulator.stock._coming:
            acme.books.levels[key] = quantity
        acme.simulator.stock._coming.clear()
        assert pieces(acme) == 10


async def test_a_row_that_is_refused_holds_no_other(acme: AtWork) -> None:
    made = await effects(acme, "inventory", [a_level(f"KN-{n}00", "7") for n in range(1, 6)])
    product(acme, "KN-300")["inventory_tracking"] = "none"
    gone = acme.books.variant_by_sku("KN-400")
    assert gone is not None
    del acme.books.variants[gone["id"]]
    outcomes = await destination_of(acme).write([call_of(effect) for effect in made])
    errors = [one.error for one in outcomes]
    assert [type(one) for one in errors] == [
        type(None), type(None), Refused, MissingReference, type(None),
    ]  # fmt: skip
    assert errors[2] is not None
    assert "is not tracked" in errors[2].message
    assert [pieces(acme, f"KN-{n}00") for n in (1, 2, 5)] == [7, 7, 7]


async def test_what_has_no_stock_is_skipped_with_its_reason(acme: AtWork) -> None:
    cases: list[tuple[InventoryLevel, type[ConnectorError], str]] = [
        (a_level(kind="service"), NotForThere, "NotTracked"),
        (a_level(kind="bundle"), NotForThere, "BundleItem"),
        (a_level(tracked=False), NotForThere, "NotTracked"),
    ]
    for level, kind, code in cases:
        error = await error_of(acme, "inventory", level)
        assert (type(error), error.code) == (kind, code)
    product(acme)["inventory_tracking"] = "none"
    error = await error_of(acme, "inventory", a_level())
    assert (type(error), error.code) == (NotForThere, "NotTracked")
    a_shirt(acme, tracking="product")
    error = await error_of(acme, "inventory", a_level("SHIRT-S"))
    assert isinstance(error, WaitForPerson)
    assert "counts product" in error.message


async def test_what_cannot_be_found_is_named(acme: AtWork) -> None:
    found = await answers(acme, "inventory", a_level("kn-100", location="Kiel"))
    near, place = found["sku", "kn-100"], found["location", "Kiel"]
    assert isinstance(near, MissingReference)
    assert "but 'KN-100'" in near.message
    assert isinstance(place, MissingReference)
    assert "'Kiel' is no place of the store, which has 'Hamburg'" in place.message
    acme.books.add_location("Closed", enabled=False)
    found = await answers(acme, "inventory", a_level(location="Closed"))
    assert "is disabled" in found["location", "Closed"].message
    assert ("sku", "NOPE") not in await answers(acme, "inventory", a_level("NOPE"))


@pytest.mark.parametrize("sku", ["A,B", "12345", "a b/c", "ÄÖ+1&x=2"])
async def test_any_sku_is_found_exactly(acme: AtWork, sku: str) -> None:
    acme.books.add_product(sku, f"Thing {sku}", D(1))
    await write(acme, "inventory", a_level(sku, "6"))
    assert pieces(acme, sku) == 6


# ---------------------------------------------------------------- prices


async def test_price_and_sale_price_of_a_product(acme: AtWork) -> None:
    await write(acme, "prices", a_price(compare_at=D("39.90")))
    row = product(acme)
    assert (row["price"], row["sale_price"]) == (D("39.90"), D("35.00"))
    told = {"price": D("39.90"), "sale_price": D("35.00")}
    await write(acme, "prices", a_price(amount="36.00"), bound="x", previous=told)
    assert (row["price"], row["sale_price"]) == (D("36.00"), D(0))


async def test_a_sale_price_that_is_not_ours_stays(acme: AtWork) -> None:
    product(acme)["sale_price"] = D("9.99")
    await write(acme, "prices", a_price(amount="36.00"))
    assert product(acme)["sale_price"] == D("9.99")


async def test_a_variant_has_its_own_price(acme: AtWork) -> None:
    a_shirt(acme)
    await write(acme, "prices", a_price("SHIRT-M", "22.00"))
    made = acme.books.variant_by_sku("SHIRT-M")
    assert made is not None
    assert made["price"] == D("22.00")
    assert product(acme, "SHIRT-M")["price"] == D("20.00")


async def test_a_price_list_takes_any_currency(acme: AtWork) -> None:
    acme.books.add_price_list("Wholesale")
    price = a_price(price_list="Wholesale", currency="USD", compare_at=D("40.00"))
    await write(acme, "prices", price)
    ((key, row),) = acme.books.prices.items()
    assert key[2] == "usd"
    assert (row["price"], row["sale_price"]) == (D("40.00"), D("35.00"))
    assert product(acme)["price"] == D("39.90")


async def test_many_prices_are_sent_by_the_platforms_batches(acme: AtWork) -> None:
    acme.books.add_price_list("Wholesale")
    for number in range(30):
        acme.books.add_product(f"S-{number}", f"Thing {number}", D(1))
    prices = [a_price(f"S-{number}", "2.00") for number in range(30)]
    made = await effects(acme, "prices", prices)
    assert all(one.found for one in await destination_of(acme).write(list(map(call_of, made))))
    listed = [structs.replace(one, price_list="Wholesale") for one in prices]
    made = await effects(acme, "prices", listed)
    before = acme.requests()
    assert all(one.found for one in await destination_of(acme).write(list(map(call_of, made))))
    assert acme.requests() - before == 1
    assert len(acme.books.prices) == 30


@pytest.mark.parametrize("listed", [None, "Wholesale"])
@pytest.mark.parametrize("fault", LOST)
async def test_a_lost_answer_of_a_price_is_looked_up(
    acme: AtWork, fault: Fault, listed: str | None
) -> None:
    acme.books.add_price_list("Wholesale")
    a_shirt(acme)
    for sku in ("KN-100", "SHIRT-S"):
        (effect,) = await plan(acme, "prices", a_price(sku, "31.00", price_list=listed))
        assert list(await destination_of(acme).lookup([call_of(effect)])) == [None]
        acme.server.faults.force(fault)
        with pytest.raises(RetryLater):
            await destination_of(acme).write([call_of(effect)])
        (found,) = await destination_of(acme).lookup([call_of(effect)])
        assert found is not None
        (outcome,) = await send(acme, [effect])
        assert outcome.found == found


@pytest.mark.parametrize(
    ("listed", "strict"), [(None, False), ("Wholesale", False), ("Wholesale", True)]
)
async def test_a_refused_price_holds_no_other(
    acme: AtWork, listed: str | None, strict: bool
) -> None:
    acme.books.strict = strict
    acme.books.add_price_list("Wholesale")
    a_shirt(acme)
    skus = ("KN-100", "KN-200", "SHIRT-S", "SHIRT-M", "KN-300")
    made = await effects(acme, "prices", [a_price(sku, "2.00", price_list=listed) for sku in skus])
    bad = [
        structs.replace(one, body={**one.body, "values": {"price": "-1.00"}})
        if one.body["sku"] in ("KN-200", "SHIRT-M") else one
        for one in made
    ]  # fmt: skip
    outcomes = await destination_of(acme).write(list(map(call_of, bad)))
    assert [one.error is None for one in outcomes] == [True, False, True, False, True]
    for outcome in (outcomes[1], outcomes[3]):
        assert isinstance(outcome.error, Refused)
        assert "below zero" in outcome.error.message
    found = await destination_of(acme).lookup(list(map(call_of, bad)))
    assert [one is not None for one in found] == [True, False, True, False, True]


async def test_a_price_that_was_not_set_is_not_taken_for_set(acme: AtWork) -> None:
    """207: the product is in the answer, and is as it was."""
    made = await effects(acme, "prices", [a_price(sku, "2.00") for sku in ("KN-100", "KN-200")])
    acme.books.stuck.add(made[1].body["product"])
    good, bad = await destination_of(acme).write(list(map(call_of, made)))
    assert good.error is None
    assert isinstance(bad.error, Refused)
    assert "the URL was not saved" in bad.error.message


async def test_a_variant_that_went_meanwhile_is_waited_for(acme: AtWork) -> None:
    a_shirt(acme)
    (effect,) = await plan(acme, "prices", a_price("SHIRT-M"))
    made = acme.books.variant_by_sku("SHIRT-M")
    assert made is not None
    del acme.books.variants[made["id"]]
    (outcome,) = await send(acme, [effect])
    assert isinstance(outcome.error, MissingReference)
    assert outcome.error.value == "SHIRT-M"


async def test_a_price_list_that_went_meanwhile_is_said(acme: AtWork) -> None:
    acme.books.add_price_list("Wholesale")
    (effect,) = await plan(acme, "prices", a_price(price_list="Wholesale"))
    acme.books.price_lists.clear()
    (outcome,) = await send(acme, [effect])
    assert (type(outcome.error), outcome.error and outcome.error.code) == (Refused, "404")


async def test_prices_that_cannot_be_are_named(acme: AtWork) -> None:
    error = await error_of(acme, "prices", a_price(currency="USD"))
    assert (type(error), error.code, error.path) == (Refused, "CurrencyNotSold", "currency")
    error = await error_of(acme, "prices", a_price(amount="9.999"))
    assert error.code == "TooManyDecimals"
    error = await error_of(acme, "prices", a_price(minimum_quantity=D(10)))
    assert isinstance(error, NotForThere)
    error = await error_of(acme, "prices", a_price(price_list="Retail"))
    assert "'Retail' is no price list of the store, which has none" in error.message


async def test_a_batch_that_takes_long_leaves_the_rest_for_the_next(acme: AtWork) -> None:
    for number in range(30):
        acme.books.add_product(f"S-{number}", f"Thing {number}", D(1))
    made = await effects(acme, "prices", [a_price(f"S-{n}", "2.00") for n in range(30)])
    with sending_while(lambda: True, within=0.0):
        outcomes = await destination_of(acme).write(list(map(call_of, made)))
    assert [one.error is None for one in outcomes] == [True] * 10 + [False] * 20
    assert all(isinstance(one.error, RetryLater) for one in outcomes[10:])
    assert not any(one.error.could_have_been_seen for one in outcomes[10:] if one.error)


async def test_an_unanswered_part_leaves_the_others_alone(acme: AtWork) -> None:
    for number in range(20):
        acme.books.add_product(f"S-{number}", f"Thing {number}", D(1))
    made = await effects(acme, "prices", [a_price(f"S-{n}", "2.00") for n in range(20)])
    acme.server.faults.force(Fault.COMMIT_THEN_DROP)
    outcomes = await destination_of(acme).write(list(map(call_of, made)))
    assert [one.error.could_have_been_seen for one in outcomes if one.error] == (
        [True] * 10 + [False] * 10
    )
