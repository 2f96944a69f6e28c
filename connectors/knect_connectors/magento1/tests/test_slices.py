"""Lists without pages are read by slices of time: few where there is little, short where much."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from knect.sdk.errors import Unreachable
from knect_connectors.magento1.listing import Slices
from knect_connectors.magento1.simulator import small_orders
from knect_connectors.magento1.tests.conftest import NOON, AtWork

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Shop:
    """Has a record at each of `times`; answers at most so many, or so long a span, in time."""

    def __init__(
        self, times: Sequence[datetime] = (), *, most: int = 10_000, span: timedelta | None = None
    ) -> None:
        self.times, self.most, self.span = times, most, span
        self.asked: list[tuple[datetime, datetime, int]] = []
        self.refused = 0

    async def read_all(self, asks: Sequence[Any]) -> list[list[Any]]:
        asked = asks[0][1][0]["updated_at"]
        since, last = (datetime.fromisoformat(f"{asked[n]}+00:00") for n in ("from", "to"))
        rows = [{"at": one} for one in self.times if since <= one <= last]
        if len(rows) > self.most or (self.span is not None and last - since > self.span):
            self.refused += 1
            raise Unreachable("shop: multiCall: timed out: no answer within 60 s")
        self.asked.append((since, last, len(rows)))
        return [rows if number == 0 else [] for number, _ in enumerate(asks)]

    async def read(self, since: datetime, until: datetime) -> list[datetime]:
        slices = Slices(self, "sales_order.list")  # type: ignore[arg-type]
        return [row["at"] async for _, _, rows in slices.read(since, until, {}) for row in rows]

    def is_whole(self, since: datetime, until: datetime) -> bool:
        """Tell whether what was asked has no gap and no overlap."""
        ends = self.asked[0][0] == since and self.asked[-1][1] == until - timedelta(seconds=1)
        return ends and all(b[0] - a[1] == timedelta(seconds=1) for a, b in pairwise(self.asked))


@pytest.mark.parametrize("since", [NOON, EPOCH])
async def test_a_shop_too_slow_for_a_day_is_asked_for_shorter_spans(since: datetime) -> None:
    """Whatever spans more than an hour is not answered in time."""
    shop = Shop(span=HOUR)
    await shop.read(since, since + timedelta(hours=9))
    assert shop.is_whole(since, since + timedelta(hours=9))


async def test_the_years_before_magento_are_one_request() -> None:
    orders = [NOON - n * HOUR for n in range(500, 0, -1)]
    shop = Shop(orders)
    assert await shop.read(EPOCH, NOON) == orders
    assert shop.is_whole(EPOCH, NOON)
    assert len(shop.asked) <= 7
    assert shop.asked[0][1].year == 2007


async def test_what_came_from_an_older_shop_is_read_and_makes_no_slice_longer() -> None:
    imported = [datetime(2003, 5, 1, tzinfo=UTC) + n * DAY for n in range(300)]
    orders = [datetime(2007, 9, 1, tzinfo=UTC) + n * DAY for n in range(4_000)]
    shop = Shop([*imported, *orders])
    assert await shop.read(EPOCH, NOON) == [*imported, *orders]
    assert max(rows for _, _, rows in shop.asked) < 1_000
    assert shop.asked[1][1] - shop.asked[1][0] < 401 * DAY


async def test_a_busy_shop_after_empty_years_is_asked_again_for_less() -> None:
    """A first slice that holds far too much is cut until the shop can answer."""
    orders = [datetime(2010, 1, 1, tzinfo=UTC) + n * HOUR for n in range(40_000)]
    shop = Shop(orders, most=1_500)
    assert await shop.read(EPOCH, NOON) == orders
    assert shop.is_whole(EPOCH, NOON)
    assert shop.refused < 10
    assert len(shop.asked) < 40_000 / 200


async def test_orders_of_before_magento_come_out_of_a_shop(acme: AtWork) -> None:
    old = small_orders(acme.books, 3, at=datetime(2004, 2, 29, tzinfo=UTC), spacing=60.0)
    new = small_orders(acme.books, 3, at=NOON, spacing=60.0)
    found = await acme.all(EPOCH, NOON + DAY)
    assert [change.id for change in found] == [*old, *new]
