"""Reading: everything once, in order, whatever the page size and whatever happens meanwhile."""

from datetime import UTC, datetime, timedelta

import pytest

from knect.sdk.contract import Change, Window
from knect.sdk.errors import Fatal
from knect_connectors.shopify.simulator import build_customer, small_orders
from knect_connectors.shopify.tests.conftest import NOON, AtWork, open_shop
from knect_connectors.shopify.tests.orders import a_line, an_order


def number_of(change: Change) -> int:
    return int(change.raw["name"].lstrip("#"))


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 30, 31])
async def test_every_order_once_at_every_page_boundary(acme: AtWork, count: int) -> None:
    acme.put(*small_orders(count, at=NOON, spacing=1))
    pages = await acme.pages(size=10)
    assert [len(page) for page in pages] == [10] * (count // 10) + (
        [count % 10] if count % 10 else []
    )
    numbers = [number_of(change) for page in pages for change in page]
    assert numbers == list(range(1_001, 1_001 + count))


async def test_137_equal_times_at_page_size_50(acme: AtWork) -> None:
    acme.put(*small_orders(137, at=NOON))
    changes = await acme.all(size=50)
    assert len({change.id for change in changes}) == len(changes) == 137
    assert changes == sorted(changes, key=lambda change: (change.at, change.id))


async def test_windows_are_half_open_and_exact_below_the_second(acme: AtWork) -> None:
    acme.put(*(an_order(NOON + timedelta(seconds=i), 1_001 + i) for i in range(3)))
    second = timedelta(seconds=1)
    assert [number_of(c) for c in await acme.all(NOON, NOON + 2 * second)] == [1_001, 1_002]
    assert [number_of(c) for c in await acme.all(NOON + second / 2, NOON + 1.5 * second)] == [1_002]
    assert await acme.all(NOON + 3 * second, NOON + 9 * second) == []


async def test_windows_side_by_side_lose_and_double_nothing(acme: AtWork) -> None:
    acme.put(*small_orders(40, at=NOON, spacing=1))
    seen = [
        change.id
        for start in range(0, 40, 7)
        for change in await acme.all(
            NOON + timedelta(seconds=start), NOON + timedelta(seconds=min(start + 7, 40))
        )
    ]
    assert len(seen) == len(set(seen)) == 40


async def test_orders_that_change_while_pages_are_read_move_to_the_next_window(
    acme: AtWork,
) -> None:
    now = acme.shop.now().replace(microsecond=0)
    start = now - timedelta(hours=1)
    acme.put(*small_orders(30, at=start, spacing=1))
    until = await acme.source.server_time()
    moved = f"gid://shopify/Order/{1_001 + 25}"
    seen: list[str] = []
    window = Window(since=start, until=until, page_size=10)
    async for page in acme.source.read("orders", window):
        if not seen:
            acme.shop.time_offset = timedelta(seconds=2)
            await acme.simulator.do("touch", {"id": moved, "note": "changed"})
        seen += [change.id for change in page.changes]
    later = await acme.all(until, until + timedelta(minutes=1))
    assert len(seen) == len(set(seen))
    assert moved not in seen
    assert {*seen, *(change.id for change in later)} == {
        f"gid://shopify/Order/{1_001 + i}" for i in range(30)
    }


async def test_an_order_deleted_while_it_is_read_is_a_deletion(acme: AtWork) -> None:
    acme.put(an_order(NOON, 1_001), an_order(NOON + timedelta(seconds=1), 1_002))
    listed = acme.shop.search

    def then_delete(*args: object, **kwargs: object) -> list[dict[str, object]]:
        found = listed(*args, **kwargs)  # type: ignore[arg-type]
        acme.shop.objects["orders"].pop("gid://shopify/Order/1002", None)
        return found

    acme.shop.search = then_delete  # type: ignore[method-assign]
    first, second = await acme.all()
    assert (first.deleted, second.deleted) == (False, True)
    assert second.id == "gid://shopify/Order/1002"
    assert second.at == NOON + timedelta(seconds=1)


async def test_fetch_keeps_the_order_of_ids_and_marks_what_is_gone(acme: AtWork) -> None:
    acme.put(*small_orders(5, at=NOON, spacing=1))
    ids = [f"gid://shopify/Order/{number}" for number in (1_004, 9_999, 1_001, 1_004)]
    changes = await acme.source.fetch("orders", ids)
    assert [change.id for change in changes] == ids
    assert [change.deleted for change in changes] == [False, True, False, False]
    assert changes[0].raw["name"] == "#1004"
    assert await acme.source.fetch("orders", []) == []


async def test_long_orders_lose_no_line_no_shipping_no_payment(acme: AtWork) -> None:
    order = an_order(NOON, lines=[a_line(f"KN-{i}", "1.11") for i in range(125)], shipping="4.90")
    extra = order["shippingLines"][0]
    order["shippingLines"] = [
        {**extra, "id": f"{extra['id']}{i}", "isRemoved": i > 0} for i in range(7)
    ]
    payment = order["transactions"][0]
    order["transactions"] = [{**payment, "id": f"{payment['id']}{i}"} for i in range(12)]
    acme.put(order)
    (change,) = await acme.all()
    assert [line["sku"] for line in change.raw["lineItems"]] == [f"KN-{i}" for i in range(125)]
    assert len(change.raw["shippingLines"]) == 7
    assert len(change.raw["transactions"]) == 12
    assert acme.asked("MoreLines") == 3  # 5, then 40, 40, 40


async def test_customers_with_all_their_addresses(acme: AtWork) -> None:
    address = {"id": "gid://shopify/MailingAddress/1", "name": "Ana", "company": None, "address1": "A",
               "address2": None, "city": "B", "zip": "1", "provinceCode": None, "province": None,
               "countryCodeV2": "ES", "phone": None}  # fmt: skip
    customer = build_customer(
        7, at=NOON, first="Ana", last="García", email="ana@example.com", address=address
    )
    customer["addressesV2"] = [{**address, "city": f"City {i}"} for i in range(70)]
    acme.put(customer)
    (change,) = await acme.all(entity="customers")
    record = acme.source.to_record("customers", change.raw)
    assert record.email == "ana@example.com"  # type: ignore[union-attr]
    assert len(record.addresses) == 70  # type: ignore[union-attr]


async def test_server_time_is_the_shops_own_clock(acme: AtWork) -> None:
    acme.shop.time_offset = timedelta(hours=-3)
    behind = datetime.now(UTC) - await acme.source.server_time()
    assert timedelta(hours=3) <= behind < timedelta(hours=3, seconds=3)


async def test_filter_is_the_platforms_own(acme: AtWork) -> None:
    acme.put(an_order(NOON, 1_001), an_order(NOON, 1_002, paid=False))
    (change,) = await acme.all(filter={"financial_status": "pending"})
    assert number_of(change) == 1_002
    with pytest.raises(Fatal, match="colour"):
        await acme.all(filter={"colour": "red"})


async def test_batches_are_as_large_as_a_query_may_cost_and_no_larger(acme: AtWork) -> None:
    acme.put(*small_orders(60, at=NOON, spacing=1))
    assert len(await acme.all()) == 60
    assert acme.asked("OrdersDetail") <= 15, "batches grew from the first guess of 3"


async def test_a_server_that_counts_dearer_gets_smaller_batches(acme: AtWork) -> None:
    acme.put(*small_orders(6, at=NOON, spacing=1))
    acme.simulator.throttle.max_cost = 400.0
    assert len(await acme.all()) == 6


async def test_a_small_bucket_is_never_overdrawn(acme: AtWork) -> None:
    async with open_shop(maximum=1_000.0, restore_rate=3_000.0) as shop:
        shop.put(*small_orders(40, at=NOON, spacing=1))
        assert len(await shop.all()) == 40
        assert shop.simulator.throttle.refused == 0


async def test_the_shop_is_told_apart_per_entity_by_check() -> None:
    async with open_shop() as shop:
        shop.shop.scopes = {"write_customers"}
        report = await shop.connector.check()
    by_name = {entity.entity: entity for entity in report.entities}
    assert report.product == "Shopify Acme"
    assert by_name["customers"].read
    assert not by_name["orders"].read
    assert by_name["orders"].problem == "the app lacks the scope read_orders"


async def test_a_search_by_whole_days_is_cut_to_the_window(acme: AtWork) -> None:
    """Shopify's search for customers matches a whole day; the window is exact all the same."""
    times = [NOON + timedelta(hours=hour) for hour in range(-6, 7)]
    acme.put(
        *(
            build_customer(number, at=at, first="A", last="B", email=None)
            for number, at in enumerate(times, 1)
        )
    )
    found = await acme.all(NOON, NOON + timedelta(hours=3), entity="customers")
    assert [change.at for change in found] == times[6:9]
