"""Stock and prices to the shop: set once, exactly, and nothing else of a product is touched."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from knect.model import InventoryLevel, Price
from knect.sdk.contract import Call
from knect.sdk.errors import (
    MissingReference,
    NotForThere,
    Refused,
    ScopeMissing,
    UnexpectedAnswer,
    Unreachable,
    WaitForPerson,
)
from knect.sdk.permit import sending_while
from knect.sdk.testing import Fault
from knect_connectors.woocommerce.tests.conftest import AtWork

LEVEL = InventoryLevel(source_id="1", sku="KN-100", location="WH", available=Decimal(7))
PRICE = Price(source_id="1", sku="KN-100", currency="EUR", amount=Decimal("36.90"))


@dataclass
class Tee:
    """A variable product with two variations."""

    product: dict[str, Any]
    small: dict[str, Any]
    large: dict[str, Any]


@pytest.fixture
def tee(acme: AtWork) -> Tee:
    product = acme.books.add_product("TEE", "Tee", "", kind="variable", stock=None)
    small = acme.books.add_variation(product, "TEE-S", {"Size": "S"}, "15.00", stock=1)
    large = acme.books.add_variation(product, "TEE-L", {"Size": "L"}, "15.00", stock=1)
    return Tee(product, small, large)


def row_of(acme: AtWork, sku: str) -> dict[str, Any]:
    row = acme.books.by_sku(sku)
    assert row is not None
    return row


def level(sku: str, pieces: int | str = 7, **more: Any) -> InventoryLevel:
    return structs.replace(LEVEL, sku=sku, available=Decimal(pieces), **more)


async def calls_of(acme: AtWork, entity: str, *records: Any, **plan: Any) -> list[Call]:
    effects = [one for record in records for one in await acme.planned(entity, record, **plan)]
    return [Call(effect=one, given={}, idempotency_key="k") for one in effects]


# ---------------------------------------------------------------- stock


async def test_a_level_is_set_once_and_not_again(acme: AtWork) -> None:
    before = dict(row_of(acme, "KN-100"))
    (outcome,) = await acme.written("inventory", LEVEL)
    assert outcome.found is not None
    assert outcome.found.destination_id == str(before["id"])
    after = row_of(acme, "KN-100")
    assert (after["stock_quantity"], after["stock_status"]) == (7, "instock")
    changed = {name for name in after if after[name] != before[name]}
    assert changed - {"date_modified_gmt"} == {"stock_quantity"}
    posts = acme.requests("POST")
    await acme.written("inventory", LEVEL)
    assert acme.requests("POST") == posts


@pytest.mark.parametrize(("pieces", "told"), [("2.9", 2), ("-4", 0), ("0", 0)])
async def test_what_is_told_can_be_sold(acme: AtWork, pieces: str, told: int) -> None:
    await acme.written("inventory", level("KN-100", pieces))
    assert row_of(acme, "KN-100")["stock_quantity"] == told


async def test_variations_are_set_at_their_parent_and_products_beside_them(
    acme: AtWork, tee: Tee
) -> None:
    records = [level("TEE-S", 3), level("KN-100", 4), level("TEE-L", 5), level("KN-200", 6)]
    outcomes = await acme.destination.write(await calls_of(acme, "inventory", *records))
    assert [one.found.destination_id for one in outcomes if one.found] == [
        f"{tee.product['id']}-{tee.small['id']}", str(row_of(acme, "KN-100")["id"]),
        f"{tee.product['id']}-{tee.large['id']}", str(row_of(acme, "KN-200")["id"]),
    ]  # fmt: skip
    assert [row_of(acme, one.sku)["stock_quantity"] for one in records] == [3, 4, 5, 6]
    assert acme.requests("POST") == 2


async def test_a_hundred_and_one_are_two_requests_and_each_is_told(acme: AtWork) -> None:
    for number in range(101):
        acme.books.add_product(f"SKU {number}", "Thing", "1.00", stock=0)
    records = [level(f"SKU {number}", number + 1) for number in range(101)]
    outcomes = await acme.destination.write(await calls_of(acme, "inventory", *records))
    assert all(one.found for one in outcomes)
    assert [row_of(acme, one.sku)["stock_quantity"] for one in records] == list(range(1, 102))
    assert acme.requests("POST") == 2


async def test_one_that_is_gone_meanwhile_does_not_hold_the_others(acme: AtWork) -> None:
    calls = await calls_of(acme, "inventory", level("KN-100"), level("KN-200"))
    acme.books.products.pop(row_of(acme, "KN-100")["id"])
    gone, fine = await acme.destination.write(calls)
    assert isinstance(gone.error, MissingReference)
    assert fine.found is not None


async def test_an_error_inside_an_answer_that_says_all_is_well_is_that_rows(acme: AtWork) -> None:
    """Between the look and the write one is deleted: HTTP 200, and an error in its place."""
    calls = await calls_of(acme, "inventory", level("KN-100"), level("KN-200"))

    def delete(request: Any) -> None:
        if request.method == "POST":
            acme.books.products.pop(row_of(acme, "KN-100")["id"])

    acme.simulator.before = delete
    gone, fine = await acme.destination.write(calls)
    assert isinstance(gone.error, MissingReference)
    assert fine.found is not None
    assert row_of(acme, "KN-200")["stock_quantity"] == 7


async def test_a_lost_answer_is_looked_up(acme: AtWork) -> None:
    (call,) = await calls_of(acme, "inventory", LEVEL)
    assert list(await acme.destination.lookup([call])) == [None]
    acme.server.faults.force(None, Fault.COMMIT_THEN_DROP)
    with pytest.raises(Unreachable) as lost:
        await acme.destination.write([call])
    assert lost.value.could_have_been_seen
    (found,) = await acme.destination.lookup([call])
    assert found is not None
    assert found.destination_id == str(row_of(acme, "KN-100")["id"])


async def test_what_was_not_begun_in_time_comes_with_the_next_ones(acme: AtWork, tee: Tee) -> None:
    calls = await calls_of(acme, "inventory", level("TEE-S"), level("KN-100"))
    with sending_while(lambda: True, within=0.0):
        first, second = await acme.destination.write(calls)
    assert first.found is not None
    assert second.error is not None
    assert not second.error.could_have_been_seen


async def test_what_nobody_counted_is_counted_from_now_on_unless_it_is_to_be_left(
    acme: AtWork,
) -> None:
    acme.books.add_product("FREE", "Free", "1.00", stock=None)
    (left,) = await acme.written("inventory", level("FREE"), settings={"manageStock": "Leave"})
    assert isinstance(left.error, NotForThere)
    await acme.written("inventory", level("FREE"))
    assert (row_of(acme, "FREE")["manage_stock"], row_of(acme, "FREE")["stock_quantity"]) == (
        True, 7)  # fmt: skip


async def test_a_variation_counted_on_its_parent_is_a_persons(acme: AtWork, tee: Tee) -> None:
    tee.small["manage_stock"] = "parent"
    (outcome,) = await acme.written("inventory", level("TEE-S"))
    assert isinstance(outcome.error, Refused)
    assert f"product {tee.product['id']}" in outcome.error.message
    assert tee.small["manage_stock"] == "parent"


@pytest.mark.parametrize(
    ("change", "code"),
    [({"kind": "service"}, "NotTracked"), ({"kind": "bundle"}, "BundleItem"),
     ({"tracked": False}, "NotTracked")],
)  # fmt: skip
async def test_what_has_no_stock_is_skipped(
    acme: AtWork, change: dict[str, Any], code: str
) -> None:
    with pytest.raises(NotForThere) as skipped:
        await acme.planned("inventory", structs.replace(LEVEL, **change))
    assert skipped.value.code == code


async def test_one_place_is_told_and_a_grouped_product_has_no_stock(acme: AtWork) -> None:
    with pytest.raises(NotForThere, match="that of 'SHOP'"):
        await acme.planned("inventory", LEVEL, settings={"location": "SHOP"})
    acme.books.add_product("GROUP", "Group", "", kind="grouped", stock=None)
    with pytest.raises(NotForThere, match="type grouped"):
        await acme.planned("inventory", level("GROUP"))


# ---------------------------------------------------------------- finding by SKU


async def test_only_the_exact_sku_is_it(acme: AtWork) -> None:
    acme.books.add_product("123", "By number", "1.00")
    acme.books.add_product("A,B", "With a comma", "1.00")
    acme.books.add_product("A", "A", "1.00")
    acme.books.add_product("Ä/&? %", "Odd", "1.00")
    skus = ["123", "A,B", "A", "B", "kn-100", "Ä/&? %", "KN-200", " "]
    wanted = [one for sku in skus for one in acme.destination.references("inventory", level(sku))]
    answers = await acme.destination.resolve(wanted)
    found = {sku: answers.get(("sku", sku)) for sku in skus}
    for sku in ("123", "A,B", "A", "Ä/&? %", "KN-200"):
        assert found[sku] == f"{row_of(acme, sku)['id']} simple"
    assert (found["B"], found[" "]) == (None, None)
    assert isinstance(found["kn-100"], MissingReference)
    assert "'KN-100'" in found["kn-100"].message


async def test_a_sku_that_is_there_twice_waits_for_a_person(acme: AtWork, tee: Tee) -> None:
    tee.small["sku"] = "KN-100"
    with pytest.raises(WaitForPerson, match="2 times") as twice:
        await acme.planned("inventory", LEVEL)
    assert twice.value.code == "DuplicateSku"


async def test_more_than_a_page_of_one_sku_is_counted_whole(acme: AtWork) -> None:
    for _ in range(101):
        acme.books.add_product("DUP", "Again", "1.00")
    with pytest.raises(WaitForPerson, match="101 times"):
        await acme.planned("inventory", level("DUP"))


async def test_many_skus_are_asked_for_in_few_requests(acme: AtWork) -> None:
    skus = [f"SKU-{number}" for number in range(120)]
    for sku in skus:
        acme.books.add_product(sku, "Thing", "1.00")
    before = acme.requests()
    wanted = [one for sku in skus for one in acme.destination.references("inventory", level(sku))]
    answers = await acme.destination.resolve(wanted)
    assert len(answers) == 120
    assert acme.requests() - before == 3


# ---------------------------------------------------------------- prices


async def test_a_price_is_set_once_and_not_again(acme: AtWork) -> None:
    before = dict(row_of(acme, "KN-100"))
    (outcome,) = await acme.written("prices", PRICE)
    assert outcome.found is not None
    after = row_of(acme, "KN-100")
    assert after["regular_price"] == "36.90"
    changed = {name for name in after if after[name] != before[name]}
    assert changed <= {"regular_price", "price", "date_modified_gmt"}
    posts = acme.requests("POST")
    await acme.written("prices", structs.replace(PRICE, amount=Decimal("36.9")))
    assert acme.requests("POST") == posts


async def test_a_compare_at_price_makes_a_sale_with_its_days(acme: AtWork) -> None:
    sale = structs.replace(
        PRICE,
        compare_at=Decimal("39.90"),
        valid_from=datetime(2026, 3, 1, 23, 0, tzinfo=UTC),
        valid_until=datetime(2026, 3, 8, 23, 0, tzinfo=UTC),
    )
    await acme.written("prices", sale)
    row = row_of(acme, "KN-100")
    assert (row["regular_price"], row["sale_price"]) == ("39.90", "36.90")
    assert row["date_on_sale_from_gmt"] == "2026-03-01T23:00:00"
    assert row["date_on_sale_to_gmt"] == "2026-03-08T23:00:00"


async def test_a_sale_of_ours_is_taken_away_and_nobody_elses(acme: AtWork) -> None:
    row = row_of(acme, "KN-100")
    row |= {"sale_price": "30.00", "date_on_sale_to_gmt": "2026-04-01T00:00:00"}
    await acme.written("prices", PRICE)
    assert row["sale_price"] == "30.00"
    await acme.written(
        "prices", PRICE, previous={"price": Decimal("39.90"), "sale_price": Decimal("30.00")}
    )
    assert (row["sale_price"], row["date_on_sale_to_gmt"]) == ("", None)
    row |= {"sale_price": "29.00"}
    await acme.written("prices", PRICE, tried=[{"sale_price": Decimal("29.00")}])
    assert row["sale_price"] == ""


async def test_a_sale_that_is_none_is_refused(acme: AtWork) -> None:
    with pytest.raises(Refused, match="not below the regular price"):
        await acme.planned("prices", structs.replace(PRICE, compare_at=Decimal("36.90")))


async def test_nothing_is_rounded_or_converted(acme: AtWork) -> None:
    with pytest.raises(Refused) as fine:
        await acme.planned("prices", structs.replace(PRICE, amount=Decimal("9.999")))
    assert fine.value.code == "TooManyDecimals"
    with pytest.raises(Refused) as foreign:
        await acme.planned("prices", structs.replace(PRICE, currency="USD"))
    assert foreign.value.code == "CurrencyNotSold"


async def test_a_net_price_is_not_told_where_prices_have_tax_in_them(acme: AtWork) -> None:
    acme.books.prices_include_tax = True
    with pytest.raises(Refused, match="without tax, but the shop's prices are entered with tax"):
        await acme.planned("prices", PRICE)
    await acme.written("prices", structs.replace(PRICE, taxes_included=True))
    assert row_of(acme, "KN-100")["regular_price"] == "36.90"
    worked_out = {"document": {"price": Decimal("43.91")}, "settings": {"taxes": "Ignore"}}
    await acme.written("prices", PRICE, **worked_out)
    assert row_of(acme, "KN-100")["regular_price"] == "43.91"


async def test_prices_the_shop_has_no_place_for_are_skipped(acme: AtWork, tee: Tee) -> None:
    for record, settings in (
        (structs.replace(PRICE, minimum_quantity=Decimal(10)), {}),
        (structs.replace(PRICE, sku="TEE"), {}),
        (structs.replace(PRICE, price_list="B2B"), {"priceList": "WEB"}),
    ):
        with pytest.raises(NotForThere):
            await acme.planned("prices", record, settings=settings)
    await acme.written("prices", structs.replace(PRICE, sku="TEE-S"))
    assert tee.small["regular_price"] == "36.90"


async def test_only_owned_fields_are_written(acme: AtWork) -> None:
    record = structs.replace(PRICE, compare_at=Decimal("39.90"))
    (effect,) = await acme.planned("prices", record)
    assert set(effect.body["values"]) == {
        "regular_price", "sale_price", "date_on_sale_from_gmt", "date_on_sale_to_gmt"}  # fmt: skip
    document = acme.destination.to_document("prices", record, {})
    document.pop("price")
    delivery = {"document": document}
    (call,) = await calls_of(acme, "prices", record, **delivery)
    assert call is not None


async def test_the_answer_to_a_price_that_is_lost_is_looked_up(acme: AtWork) -> None:
    sale = structs.replace(PRICE, compare_at=Decimal("39.90"))
    (call,) = await calls_of(acme, "prices", sale)
    acme.server.faults.force(None, Fault.TRUNCATED)
    with pytest.raises(Unreachable):
        await acme.destination.write([call])
    (found,) = await acme.destination.lookup([call])
    assert found is not None
    row_of(acme, "KN-100")["sale_price"] = "35.00"
    assert list(await acme.destination.lookup([call])) == [None]


async def test_a_key_that_may_only_read_is_told_so(acme: AtWork) -> None:
    acme.simulator.access.writes = False
    calls = await calls_of(acme, "prices", PRICE)
    with pytest.raises(ScopeMissing, match="Read/Write"):
        await acme.destination.write(calls)


async def test_an_answer_with_another_number_of_objects_is_not_believed(acme: AtWork) -> None:
    calls = await calls_of(acme, "inventory", level("KN-100"), level("KN-200"))
    acme.server.faults.force(None, Fault.HTML)
    with pytest.raises(Unreachable):
        await acme.destination.write(calls)
    acme.server.faults.force(None, Fault.MALFORMED)
    with pytest.raises(UnexpectedAnswer):
        await acme.destination.write(calls)
