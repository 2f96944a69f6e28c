"""Writing stock and prices: in few requests, set and not added, each row judged by itself."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from msgspec import structs

from knect.model import InventoryLevel, Price
from knect.sdk.errors import (
    ConnectorError,
    Fatal,
    MissingReference,
    NotForThere,
    Refused,
    RetryLater,
)
from knect.sdk.testing import Fault
from knect_connectors.magento2.tests.conftest import AtWork, call_of, open_shop

LEVEL = InventoryLevel(source_id="1", sku="KN-100", location="default", available=Decimal("7.9"))
PRICE = Price(source_id="1", sku="KN-100", currency="EUR", amount=Decimal("41.50"),
              price_list="default")  # fmt: skip


def stock(acme: AtWork, sku: str, source: str = "default") -> tuple[str, int]:
    row = acme.books.source_items[sku, source]
    return str(row["quantity"]), row["status"]


# ---------------------------------------------------------------- stock


async def test_stock_is_whole_pieces_and_says_whether_there_are_any(acme: AtWork) -> None:
    (done,) = await acme.write("inventory", LEVEL)
    assert done.found is not None
    assert done.found.destination_id == "1@default"
    assert stock(acme, "KN-100") == ("7", 1)
    none = structs.replace(LEVEL, available=Decimal(-3))
    await acme.write("inventory", none)
    assert stock(acme, "KN-100") == ("0", 0)
    await acme.write("inventory", LEVEL, settings={"inStock": "Leave"})
    assert stock(acme, "KN-100") == ("7", 0), "it was out of stock and stays so"


async def test_stock_is_written_where_it_lies() -> None:
    async with open_shop(sources=["default", "hamburg"]) as acme:
        await acme.write("inventory", structs.replace(LEVEL, location="hamburg"))
        assert stock(acme, "KN-100", "hamburg") == ("7", 1)
        assert stock(acme, "KN-100") == ("10", 1), "the other place keeps its own"
        with pytest.raises(MissingReference, match=r"'WH' is no source .* 'default', 'hamburg'"):
            await acme.plan("inventory", structs.replace(LEVEL, location="WH"))
        with pytest.raises(NotForThere, match="only that of 'hamburg' is"):
            await acme.plan("inventory", LEVEL, settings={"location": "hamburg"})


async def test_a_hundred_levels_are_a_few_requests_and_none_once_they_are_so() -> None:
    async with open_shop(limits=True) as acme:
        for number in range(100):
            acme.books.add_product(f"X-{number}", "X", Decimal(1))
        calls = []
        for number in range(100):
            level = structs.replace(LEVEL, source_id=str(number), sku=f"X-{number}")
            (effect,) = await acme.plan("inventory", level)
            calls.append(call_of(effect))
        before = acme.requests()
        outcomes = await acme.destination.write(calls)
        assert acme.requests() - before == 10, "five looks, and 20 in a request"
        assert all(outcome.found for outcome in outcomes)
        assert {stock(acme, f"X-{n}") for n in range(100)} == {("7", 1)}
        before = acme.requests()
        await acme.destination.write(calls)
        assert acme.requests() - before == 5, "what is so is not set"


async def test_one_row_that_is_refused_harms_no_other(acme: AtWork) -> None:
    effects = [
        (await acme.plan("inventory", structs.replace(LEVEL, sku=sku)))[0]
        for sku in ("KN-100", "KN-200", "KN-300", "KN-400")
    ]
    odd = structs.replace(effects[1], body={**effects[1].body, "source": "closed"})
    await acme.simulator.do("delete_product", {"sku": "KN-400"})
    calls = [call_of(one) for one in (effects[0], odd, *effects[2:])]
    first, refused, third, gone = await acme.destination.write(calls)
    assert first.found is not None
    assert third.found is not None
    assert isinstance(refused.error, Refused)
    assert "Could not save Source Item" in refused.error.message
    assert isinstance(gone.error, MissingReference)
    assert (gone.error.kind, gone.error.value) == ("sku", "KN-400")
    assert stock(acme, "KN-100") == stock(acme, "KN-300") == ("7", 1)
    assert ("KN-400", "default") not in acme.books.source_items, "kept for a product that is none"


@pytest.mark.parametrize("fault", [Fault.COMMIT_THEN_DROP, Fault.TRUNCATED, Fault.SERVER_ERROR])
async def test_a_lost_answer_to_stock_is_looked_up_and_set_again(
    acme: AtWork, fault: Fault
) -> None:
    (effect,) = await acme.plan("inventory", LEVEL)
    acme.server.faults.force(None, fault)
    with pytest.raises(RetryLater) as lost:
        await acme.destination.write([call_of(effect)])
    assert lost.value.could_have_been_seen
    (found,) = await acme.destination.lookup([call_of(effect)])
    assert (found is not None) == (fault is not Fault.SERVER_ERROR)
    (outcome,) = await acme.destination.write([call_of(effect)])
    assert outcome.found is not None
    assert stock(acme, "KN-100") == ("7", 1)


async def test_without_the_inventory_modules_stock_is_one_number() -> None:
    async with open_shop(config={"inventory": "StockItem"}, sources=None) as acme:
        acme.books.add_product("A/B C", "Odd", Decimal(1))
        level = structs.replace(LEVEL, sku="A/B C", location="Hamburg")
        for _ in range(2):
            (done,) = await acme.write("inventory", level)
            assert done.found is not None
            item = acme.books.stock[acme.product("A/B C")["id"]]
            assert (item["qty"], item["is_in_stock"]) == (7, True)
        (effect,) = await acme.plan("inventory", level)
        (found,) = await acme.destination.lookup([call_of(effect)])
        assert found is not None
        await acme.simulator.do("delete_product", {"sku": "A/B C"})
        (gone,) = await acme.destination.write([call_of(effect)])
        assert isinstance(gone.error, MissingReference)


async def test_a_shop_without_the_modules_says_what_to_set() -> None:
    async with open_shop(sources=None) as acme:
        report = await acme.connector.check()
        by_name = {one.entity: one for one in report.entities}
        assert "set config.inventory to StockItem" in (by_name["inventory"].problem or "")
        assert by_name["orders"].read
        with pytest.raises(Fatal):
            await acme.plan("inventory", LEVEL)


async def test_what_has_no_stock_of_its_own_is_skipped_with_a_reason(acme: AtWork) -> None:
    acme.books.add_product("SET", "Set", Decimal(1), kind="bundle")
    for level, code in (
        (structs.replace(LEVEL, sku="SET"), "BundleItem"),
        (structs.replace(LEVEL, kind="service"), "NotTracked"),
        (structs.replace(LEVEL, kind="bundle"), "BundleItem"),
        (structs.replace(LEVEL, tracked=False), "NotTracked"),
    ):
        with pytest.raises(NotForThere) as caught:
            await acme.plan("inventory", level)
        assert caught.value.code == code


@pytest.mark.parametrize("sku", ["KN,1", "A/B", "ÄÖ %", "007"])
async def test_skus_of_any_kind_are_found_exactly(acme: AtWork, sku: str) -> None:
    acme.books.add_product(sku, "Odd", Decimal(1))
    await acme.write("inventory", structs.replace(LEVEL, sku=sku))
    assert stock(acme, sku) == ("7", 1)
    await acme.write("prices", structs.replace(PRICE, sku=sku, price_list=None))
    assert acme.product(sku)["price"] == Decimal("41.50")


async def test_a_sku_that_is_only_nearly_the_same_is_named(acme: AtWork) -> None:
    with pytest.raises(MissingReference, match=r"'KN-100' \(product 1\), which differs by"):
        await acme.plan("inventory", structs.replace(LEVEL, sku="kn-100"))


# ---------------------------------------------------------------- prices


async def test_prices_are_written_to_the_store_view_that_is_named(acme: AtWork) -> None:
    (done,) = await acme.write("prices", PRICE)
    assert done.found is not None
    assert done.found.destination_id == "1@default"
    assert acme.books.scoped[1, 1] == {"price": Decimal("41.5000")}
    assert acme.product("KN-100")["price"] == Decimal("39.90"), "the others keep theirs"
    await acme.write("prices", structs.replace(PRICE, price_list=None))
    assert acme.product("KN-100")["price"] == Decimal("41.50")


async def test_where_one_price_is_everybodys_no_store_view_is_written() -> None:
    async with open_shop(price_scope="global") as acme:
        with pytest.raises(Refused, match="Catalog Price Scope is Global") as caught:
            await acme.plan("prices", PRICE)
        assert caught.value.code == "PriceScopeGlobal"
        assert acme.product("KN-100")["price"] == Decimal("39.90")
        (done,) = await acme.write("prices", structs.replace(PRICE, price_list=None))
        assert done.found is not None


REDUCED = structs.replace(
    PRICE,
    compare_at=Decimal("49.00"),
    valid_from=datetime(2026, 3, 1, tzinfo=UTC),
    valid_until=datetime(2026, 4, 1, tzinfo=UTC),
)


async def test_a_compare_at_price_makes_the_amount_the_special_price(acme: AtWork) -> None:
    for _ in range(2):
        await acme.write("prices", REDUCED)
    there = acme.books.scoped[1, 1]
    assert (there["price"], there["special_price"]) == (Decimal(49), Decimal("41.50"))
    assert there["special_from_date"] == "2026-03-01 00:00:00"
    assert there["special_to_date"] == "2026-03-31 00:00:00", "the last whole day"
    (effect,) = await acme.plan("prices", REDUCED)
    (found,) = await acme.destination.lookup([call_of(effect)])
    assert found is not None


async def test_a_special_price_that_is_not_ours_is_never_taken_away(acme: AtWork) -> None:
    await acme.write("prices", REDUCED)
    await acme.write("prices", PRICE)
    assert acme.books.scoped[1, 1]["special_price"] == Decimal("41.50")
    await acme.write("prices", PRICE, previous={"special_price": "12.00"})
    assert acme.books.scoped[1, 1]["special_price"] == Decimal("41.50"), "another one than ours"
    await acme.write("prices", PRICE, previous={"special_price": "41.50"})
    assert "special_price" not in acme.books.scoped[1, 1]
    assert acme.books.scoped[1, 1]["price"] == Decimal("41.50")


async def test_days_that_end_are_taken_away_where_none_are_told(acme: AtWork) -> None:
    await acme.write("prices", REDUCED)
    endless = structs.replace(REDUCED, valid_until=None)
    await acme.write("prices", endless)
    there = acme.books.scoped[1, 1]
    assert there["special_from_date"] == "2026-03-01 00:00:00"
    assert "special_to_date" not in there


async def test_days_of_another_store_view_are_not_taken_for_ours(acme: AtWork) -> None:
    """The shop tells every pair of days it has for every store view."""
    await acme.write("prices", REDUCED)
    british = structs.replace(REDUCED, source_id="2", currency="GBP", price_list="uk",
                              valid_until=datetime(2026, 5, 1, tzinfo=UTC))  # fmt: skip
    await acme.write("prices", british)
    shorter = structs.replace(british, valid_until=REDUCED.valid_until)
    await acme.write("prices", shorter)
    ends = [acme.books.scoped[1, store]["special_to_date"][:10] for store in (1, 2)]
    assert ends == ["2026-03-31", "2026-03-31"]


async def test_days_are_whole_ones_of_the_shops_zone() -> None:
    async with open_shop(config={"timezone": "America/New_York"}) as acme:
        await acme.write("prices", REDUCED)
        there = acme.books.scoped[1, 1]
        days = (there["special_from_date"][:10], there["special_to_date"][:10])
        assert days == ("2026-02-28", "2026-03-31")


async def test_rows_the_shop_refuses_with_status_200_are_told_apart(acme: AtWork) -> None:
    records = [structs.replace(PRICE, source_id=s, sku=s) for s in ("KN-100", "KN-200", "KN-300")]
    effects = [(await acme.plan("prices", one))[0] for one in records]
    odd = structs.replace(effects[1], body={**effects[1].body, "store_id": 77})
    await acme.simulator.do("delete_product", {"sku": "KN-300"})
    calls = [call_of(one) for one in (effects[0], odd, effects[2])]
    fine, refused, gone = await acme.destination.write(calls)
    assert fine.found is not None
    assert isinstance(refused.error, Refused)
    assert "Row ID: SKU = KN-200, Store ID: 77" in refused.error.message
    assert isinstance(gone.error, MissingReference)
    assert acme.books.scoped[1, 1]["price"] == Decimal("41.50")


async def test_a_special_price_that_is_refused_is_an_error_of_its_row(acme: AtWork) -> None:
    (effect,) = await acme.plan("prices", REDUCED)
    (other,) = await acme.plan("prices", structs.replace(REDUCED, source_id="2", sku="KN-200"))
    body = {**effect.body, "special": {**effect.body["special"], "price": "-1"}}
    calls = [call_of(structs.replace(effect, body=body)), call_of(other)]
    refused, fine = await acme.destination.write(calls)
    assert isinstance(refused.error, Refused)
    assert "Invalid attribute Price = -1" in refused.error.message
    assert fine.found is not None


@pytest.mark.parametrize("asked", range(3))
async def test_a_lost_answer_to_a_price_is_looked_up(acme: AtWork, asked: int) -> None:
    """Regular price, a look at special ones, special price."""
    (effect,) = await acme.plan("prices", REDUCED)
    acme.server.faults.force(*[None] * asked, *[Fault.COMMIT_THEN_DROP] * (5 if asked == 1 else 1))
    with pytest.raises(ConnectorError):
        await acme.destination.write([call_of(effect)])
    (found,) = await acme.destination.lookup([call_of(effect)])
    assert (found is not None) == (asked == 2)
    (done,) = await acme.destination.write([call_of(effect)])
    assert done.found is not None
    (found,) = await acme.destination.lookup([call_of(effect)])
    assert found is not None


async def test_fifty_prices_are_a_few_requests() -> None:
    async with open_shop(limits=True) as acme:
        calls = []
        for number in range(50):
            acme.books.add_product(f"X-{number}", "X", Decimal(1))
            price = structs.replace(PRICE, source_id=str(number), sku=f"X-{number}")
            calls.append(call_of((await acme.plan("prices", price))[0]))
        before = acme.requests()
        outcomes = await acme.destination.write(calls)
        assert all(one.found for one in outcomes)
        assert acme.requests() - before == 3


async def test_a_tier_is_put_beside_those_of_others_and_moves(acme: AtWork) -> None:
    theirs = {"customer_group_id": 2, "qty": Decimal("5.0000"), "value": Decimal("30.0000"),
              "extension_attributes": {"website_id": 0}}  # fmt: skip
    row = acme.product("KN-100")
    row["tier_prices"] = [theirs]
    tier = structs.replace(PRICE, minimum_quantity=Decimal(10), amount=Decimal("35.00"))
    for _ in range(2):
        await acme.write("prices", tier)
        assert [str(one["qty"]) for one in row["tier_prices"]] == ["5.0000", "10.0000"]
    moved = structs.replace(tier, minimum_quantity=Decimal(12))
    before = {"tier_price": "35.00", "tier_quantity": "10"}
    await acme.write("prices", moved, previous=before)
    assert [str(one["qty"]) for one in row["tier_prices"]] == ["5.0000", "12.0000"]
    (unknown,) = await acme.write("prices", tier, settings={"customerGroup": "Friends"})
    assert isinstance(unknown.error, Refused)
    assert "Customer Group = Friends" in unknown.error.message


async def test_what_has_no_price_of_its_own_or_one_in_per_cent_is_said(acme: AtWork) -> None:
    for sku, kind in (("TEE", "configurable"), ("SET", "bundle")):
        acme.books.add_product(sku, sku, Decimal(1), kind=kind)
    with pytest.raises(NotForThere, match="a configurable product"):
        await acme.plan("prices", structs.replace(PRICE, sku="TEE"))
    (done,) = await acme.write("prices", structs.replace(PRICE, sku="SET"))
    assert done.found is not None
    tier = structs.replace(PRICE, sku="SET", minimum_quantity=Decimal(5))
    for price, path in ((structs.replace(REDUCED, sku="SET"), "special_price"),
                        (tier, "tier_price")):  # fmt: skip
        with pytest.raises(Refused, match="per cent of its price") as caught:
            await acme.plan("prices", price)
        assert caught.value.path == path


@pytest.mark.parametrize(
    ("price", "code"),
    [
        (structs.replace(PRICE, currency="USD"), "CurrencyNotSold"),
        (structs.replace(PRICE, amount=Decimal("1.005")), "TooManyDecimals"),
    ],
)
async def test_nothing_is_converted_or_rounded(acme: AtWork, price: Price, code: str) -> None:
    with pytest.raises(Refused) as caught:
        await acme.plan("prices", price)
    assert caught.value.code == code
    assert acme.books.scoped == {}


async def test_an_unknown_price_list_says_what_there_is() -> None:
    stores = [{"code": "default", "currency": "EUR"}, {"code": "fr", "currency": "EUR"}]
    async with open_shop(config={"stores": stores}) as acme:
        with pytest.raises(MissingReference, match=r"'B2B' is no store view .* has 'default'"):
            await acme.plan("prices", structs.replace(PRICE, price_list="B2B"))
        with pytest.raises(MissingReference, match="the shop has no store view 'fr'"):
            await acme.plan("prices", structs.replace(PRICE, price_list="fr"))
