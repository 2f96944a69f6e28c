"""Windows and pages: what is read, in which order, and what happens while it is read."""

from datetime import timedelta

import pytest

from knect.sdk.errors import UnexpectedAnswer
from knect.sdk.testing import Request
from knect_connectors.woocommerce import listing
from knect_connectors.woocommerce.simulator import fill_orders, merchant
from knect_connectors.woocommerce.tests.conftest import NOON, AtWork, open_shop

SECOND = timedelta(seconds=1)


def lists(acme: AtWork) -> list[dict[str, str]]:
    """Return the queries of orders that were asked for so far."""
    return acme.seen  # type: ignore[attr-defined, no-any-return]


@pytest.fixture(autouse=True)
def queries(acme: AtWork) -> list[dict[str, str]]:
    seen: list[dict[str, str]] = []
    acme.seen = seen  # type: ignore[attr-defined]

    def note(request: Request) -> None:
        if request.path.endswith("/orders"):
            seen.append(dict(request.query))

    acme.simulator.before = note
    return seen


async def test_windows_are_asked_for_in_utc_whatever_the_sites_zone(acme: AtWork) -> None:
    early, late = acme.order(at=NOON), acme.order(at=NOON + 30 * SECOND)
    found = await acme.all(NOON, NOON + 30 * SECOND)
    assert [one.id for one in found] == [str(early["id"])]
    assert [one.id for one in await acme.all(NOON + 30 * SECOND, NOON + 31 * SECOND)] == [
        str(late["id"])
    ]
    assert {one["dates_are_gmt"] for one in lists(acme)} == {"true"}
    assert {one["dp"] for one in lists(acme)} == {"6"}


async def test_the_parts_of_a_second_at_the_edges_are_kept(acme: AtWork) -> None:
    order = acme.order(at=NOON)
    inside = await acme.all(NOON - timedelta(milliseconds=1), NOON + timedelta(milliseconds=1))
    assert [one.id for one in inside] == [str(order["id"])]
    assert await acme.all(NOON + timedelta(milliseconds=1), NOON + SECOND) == []


@pytest.mark.parametrize("when", [1, 2, 3, 4])
async def test_rows_that_move_up_while_pages_are_read_are_not_passed_over(
    acme: AtWork, when: int
) -> None:
    """A row that changes leaves the window, and all behind it move into the page before."""
    rows = [acme.order(at=NOON + number * SECOND) for number in range(20)]
    asked = 0

    def touch(request: Request) -> None:
        nonlocal asked
        if request.path.endswith("/orders"):
            asked += 1
            if asked == when + 1:
                for row in rows[:3]:
                    acme.books.touch(row)

    acme.simulator.before = touch
    found = [one.id for one in await acme.all(NOON, NOON + timedelta(minutes=1), size=5)]
    assert len(found) == len(set(found))
    assert {str(row["id"]) for row in rows[3:]} <= set(found)


async def test_a_list_that_grows_while_it_is_read_is_begun_again(acme: AtWork) -> None:
    rows = [acme.order(at=NOON) for _ in range(12)]
    asked = 0

    def put_in(request: Request) -> None:
        """Put an old order into the window, as an import does, before those that were read."""
        nonlocal asked
        asked += 1
        if asked == 3:
            row = acme.order(at=NOON)
            identifier = row["id"]
            del acme.books.orders[identifier]
            row["id"] = 1
            acme.books.orders[1] = row

    acme.simulator.before = put_in
    found = [one.id for one in await acme.all(NOON, NOON + SECOND, size=5)]
    assert sorted(found, key=int) == ["1", *(str(row["id"]) for row in rows)]
    assert asked > 5


async def test_one_that_grows_for_ever_is_given_up(acme: AtWork) -> None:
    for _ in range(6):
        acme.order(at=NOON)

    def one_more(request: Request) -> None:
        acme.order(at=NOON)

    acme.simulator.before = one_more
    with pytest.raises(UnexpectedAnswer, match="grew 5 times"):
        await acme.all(NOON, NOON + SECOND, size=5)


async def test_a_long_window_is_counted_and_halved(
    acme: AtWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_MOST_HELD", 20)
    rows = [acme.order(at=NOON + timedelta(minutes=7 * number)) for number in range(60)]
    found = await acme.all(NOON - timedelta(days=400), NOON + timedelta(days=1), size=5)
    assert [one.id for one in found] == [str(row["id"]) for row in rows]
    assert {one.get("_fields") for one in lists(acme)} == {None, "id"}
    assert len(lists(acme)) < 60


async def test_a_busy_hour_is_halved_too(acme: AtWork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "_MOST_HELD", 20)
    rows = [acme.order(at=NOON + number * SECOND) for number in range(60)]
    found = await acme.all(NOON, NOON + timedelta(minutes=10), size=10)
    assert [one.id for one in found] == [str(row["id"]) for row in rows]
    spans = {(one["modified_after"], one["modified_before"]) for one in lists(acme)}
    assert len(spans) > 4


async def test_thousands_of_one_second_come_in_parts(
    acme: AtWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_MOST_HELD", 8)
    rows = [acme.order(at=NOON) for _ in range(30)]
    pages = await acme.pages(NOON, NOON + SECOND, size=5)
    assert sorted(int(one.id) for page in pages for one in page) == [row["id"] for row in rows]


async def test_carts_and_what_is_in_the_trash_are_no_orders(acme: AtWork) -> None:
    special = fill_orders(acme.books, start=NOON, count=30, let_in=30)
    found = {one.id for one in await acme.all(NOON, NOON + timedelta(hours=1))}
    assert special["cart"] not in found
    assert special["trash"] not in found
    fetched = await acme.source.fetch("orders", [special["cart"], special["trash"], *found])
    assert [one.deleted for one in fetched] == [True, True, *(False for _ in found)]


async def test_an_order_out_of_the_trash_is_read_again(acme: AtWork) -> None:
    order = acme.order()
    merchant.trash(acme.books, order)
    (gone,) = await acme.source.fetch("orders", [str(order["id"])])
    assert gone.deleted
    merchant.restore(acme.books, order)
    (back,) = await acme.source.fetch("orders", [str(order["id"])])
    assert not back.deleted
    assert back.raw["status"] == "processing"


async def test_an_order_whose_status_no_plugin_knows_any_more_is_found_by_its_id(
    acme: AtWork,
) -> None:
    """Lists leave it out, which says nothing of whether it is there."""
    order, other = acme.order(), acme.order()
    order["status"] = "awaiting-pickup"
    ids = [str(order["id"]), str(other["id"])]
    assert [one.deleted for one in await acme.source.fetch("orders", ids)] == [False, False]


async def test_the_pipelines_filter_is_the_shops(acme: AtWork) -> None:
    acme.order()
    held = acme.order(status="on-hold", paid=False)
    found = await acme.all(filter={"status": ["on-hold", "pending"]})
    assert [one.id for one in found] == [str(held["id"])]


async def test_payments_are_of_orders_that_are_paid(acme: AtWork) -> None:
    paid = acme.order()
    acme.order(status="on-hold", paid=False)
    (change,) = await acme.all(entity="payments")
    assert change.id == str(paid["id"])
    assert "line_items" not in change.raw


async def test_a_refund_moves_with_its_order_and_is_found_by_both_ids(acme: AtWork) -> None:
    order = acme.order()
    line = str(order["line_items"][0]["id"])
    made = merchant.refund(acme.books, order, {line: "1"}, reason="broken")
    now = acme.books.now()
    (change,) = await acme.all(now - timedelta(minutes=1), now + timedelta(minutes=1),
                               entity="refunds")  # fmt: skip
    assert change.id == f"{order['id']}-{made['id']}"
    (fetched,) = await acme.source.fetch("refunds", [change.id])
    assert fetched == change
    gone = await acme.source.fetch("refunds", [f"{order['id']}-1", "1-1", "no number"])
    assert [one.deleted for one in gone] == [True, True, True]


async def test_refunds_of_orders_without_any_are_not_asked_for(acme: AtWork) -> None:
    for _ in range(3):
        acme.order()
    before = acme.requests()
    assert await acme.all(NOON, NOON + SECOND, entity="refunds") == []
    assert acme.requests() == before + 1


async def test_customers_are_all_there_are_and_do_not_move_with_their_orders(acme: AtWork) -> None:
    ids = [str(acme.books.add_customer(f"c{n}@example.com", "A", "B")["id"]) for n in range(7)]
    admin = acme.books.add_customer("admin@example.com", "A", "D")
    admin["role"] = "administrator"
    before = await acme.all(entity="customers", size=3)
    assert sorted(one.id for one in before) == sorted(ids)
    acme.books.customers[int(ids[0])] |= {"is_paying_customer": True, "avatar_url": "other"}
    after = await acme.all(entity="customers", size=3)
    assert [one.raw for one in before] == [one.raw for one in after]
    only = await acme.all(entity="customers", filter={"role": "administrator"})
    assert [one.id for one in only] == [str(admin["id"])]
    fetched = await acme.source.fetch("customers", [str(admin["id"]), ids[0]])
    assert [one.deleted for one in fetched] == [False, False]


async def test_a_customer_who_is_deleted_meanwhile_hides_nobody(acme: AtWork) -> None:
    ids = [acme.books.add_customer(f"c{n}@example.com", "A", "B")["id"] for n in range(12)]
    asked = 0

    def delete(request: Request) -> None:
        nonlocal asked
        asked += 1
        if asked == 3:
            del acme.books.customers[ids[0]]

    acme.simulator.before = delete
    found = {int(one.id) for one in await acme.all(entity="customers", size=5)}
    assert found >= set(ids[1:])


async def test_the_servers_clock_counts_not_ours() -> None:
    async with open_shop(books={"skew": timedelta(days=-40)}) as acme:
        told = await acme.source.server_time()
        assert abs(told - acme.books.now()) < timedelta(seconds=5)


async def test_what_is_deleted_while_its_parts_are_read_has_none(acme: AtWork) -> None:
    order, other = acme.order(), acme.order()
    for one in (order, other):
        merchant.refund(acme.books, one, {}, amount="1.00")

    def delete(request: Request) -> None:
        if request.path.endswith(f"{order['id']}/refunds"):
            acme.books.orders.pop(order["id"], None)

    acme.simulator.before = delete
    now = acme.books.now()
    minute = timedelta(minutes=1)
    (change,) = await acme.all(now - minute, now + minute, entity="refunds")
    assert change.id.startswith(f"{other['id']}-")
