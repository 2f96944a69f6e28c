"""Who reads a feed, and what he has missed of it."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select, update
from tests.unit.ledger.book import SECOND, Book

from knect.ledger import schema as s
from knect.ledger.feeds import FeedKey, ensure_feed, subscribe


@pytest.mark.parametrize(("overlap", "is_missed"), [(120, True), (30, False)])
async def test_who_comes_from_another_feed_missed_what_came_late_to_this_one(
    tmp_path: Path, overlap: int, is_missed: bool
) -> None:
    """Marked before the place he had come to, within what a window goes back."""
    async with Book(tmp_path / "ledger.db", "mirror") as book:
        key = FeedKey("shop", "orders", '{"status":"any"}')
        place: dict[str, Any] = {"pipeline": "orders", "destination": "erp", "start_us": 0}
        subscribed = s.subscriptions

        def elsewhere(c: Connection) -> None:
            other = ensure_feed(c, key, start_us=0, now_us=book.now)
            subscribe(c, feed=other.seq, **place)
            served = update(subscribed).where(subscribed.c.pipeline == "orders")
            c.execute(served.values(served_us=book.now + 60 * SECOND))

        def comes(c: Connection) -> int | None:
            subscribe(c, feed=book.feed.seq, overlap_us=overlap * SECOND, **place)
            return c.execute(
                select(subscribed.c.missed_seq).where(subscribed.c.pipeline == "orders")
            ).scalar()

        await book.ledger.write(elsewhere)
        await book.see("1")
        (version,) = await book.rows(s.versions)
        missed = await book.ledger.write(comes)
        assert missed == (version.seq if is_missed else None)
