"""Backfill by bulk operation reads the same as page by page."""

from datetime import timedelta
from typing import Any

import pytest

from knect.sdk.contract import Change, Window
from knect.sdk.errors import RetryLater, UnexpectedAnswer
from knect_connectors.shopify.simulator import build_customer, demo_stock
from knect_connectors.shopify.tests.conftest import NOON, AtWork
from knect_connectors.shopify.tests.orders import a_line, an_order

ALL = Window(since=NOON - timedelta(days=90), until=NOON + timedelta(days=90), page_size=40)


async def backfill(acme: AtWork, window: Window = ALL, entity: str = "orders") -> list[Change]:
    return [one async for page in acme.source.backfill(entity, window) for one in page.changes]


async def test_it_reads_the_same_as_page_by_page(acme: AtWork) -> None:
    stock = demo_stock(start=NOON, count=90, let_in=30)
    acme.put(*stock.customers, *stock.orders)
    acme.put(an_order(NOON, 5_000, lines=[a_line(f"K{i}") for i in range(120)]))
    assert await backfill(acme) == await acme.all(ALL.since, ALL.until)
    assert await backfill(acme, entity="customers") == await acme.all(
        ALL.since, ALL.until, entity="customers"
    )


async def test_it_costs_a_handful_of_calls(acme: AtWork) -> None:
    acme.put(*demo_stock(start=NOON, count=200, let_in=0).orders)
    assert len(await backfill(acme)) == 200
    assert len(acme.server.log.entries) < 10


async def test_it_keeps_the_window_and_the_order(acme: AtWork) -> None:
    acme.put(*(an_order(NOON - timedelta(seconds=i), 1_001 + i) for i in range(50)))
    window = Window(since=NOON - timedelta(seconds=30), until=NOON, page_size=7)
    changes = await backfill(acme, window)
    assert len(changes) == 30
    assert changes == sorted(changes, key=lambda one: (one.at, one.id))


async def test_an_empty_result_has_no_file(acme: AtWork) -> None:
    assert await backfill(acme) == []


async def test_a_busy_shop_means_later(acme: AtWork) -> None:
    acme.put(an_order(NOON))
    for number in range(5):
        acme.shop.operations[f"gid://shopify/BulkOperation/{90 + number}"] = {
            "status": "RUNNING",
            "_looks": 99,
        }
    with pytest.raises(RetryLater) as caught:
        await backfill(acme)
    assert caught.value.code == "LIMIT_REACHED"
    assert caught.value.retry_after == 60.0


async def test_a_failed_operation_gives_nothing(acme: AtWork) -> None:
    acme.put(an_order(NOON))
    acme.simulator.bulk.fail_with = "INTERNAL_SERVER_ERROR"
    with pytest.raises(RetryLater) as caught:
        await backfill(acme)
    assert caught.value.code == "INTERNAL_SERVER_ERROR"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda file: file[: len(file) // 2],
        lambda file: file.replace(b'"__parentId":"gid://shopify/Order/1001"', b'"__parentId":"x"'),
        lambda file: file.replace(b'"__typename":"LineItem"', b'"__typename":"Surprise"'),
        lambda file: b"<html>" + file,
    ],
    ids=["cut", "foreign child", "unknown child", "no JSON"],
)
async def test_a_broken_file_is_told_and_gives_nothing(acme: AtWork, spoil: Any) -> None:
    acme.put(an_order(NOON, 1_001), an_order(NOON, 1_002))

    class Spoiled(dict[str, bytes]):
        def get(self, name: str, default: Any = None) -> Any:
            return spoil(self[name])

    acme.shop.files = Spoiled()
    with pytest.raises(UnexpectedAnswer):
        await backfill(acme)


async def test_customers_too(acme: AtWork) -> None:
    acme.put(build_customer(7, at=NOON, first="Ana", last="G", email=None))
    (change,) = await backfill(acme, entity="customers")
    assert change.raw["addressesV2"] == []
