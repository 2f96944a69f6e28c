"""A payment, refund or shipment names the transactions of its order, from either side."""

from pathlib import Path

from tests.unit.ledger.book import Book

from knect.ledger.feeds import FeedKey, ensure_feed
from knect.ledger.questions.stories import TransactionRow, rows_to_tell


async def _turn_to(book: Book, connection: str, entity: str) -> None:
    """Let the book read another feed, for a pipeline of the entity's name."""
    key = FeedKey(connection, entity)
    book.feed = await book.ledger.write(lambda c: ensure_feed(c, key, start_us=0, now_us=book.now))
    book.pipelines = (entity,)
    await book._subscribe(entity)


async def _told(book: Book) -> dict[str, TransactionRow]:
    rows = await book.rows()
    told = await book.ledger.read(lambda c: rows_to_tell(c, [row.seq for row in rows]))
    return {row.source_id: row for row in told}


async def test_each_child_names_its_own_order_and_no_other(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await book.see("501", "502")
        await book.work("delivered")
        await _turn_to(book, "shop", "refunds")
        await book.see("r1", keys=[("id", "501")])
        await book.see("r9", keys=[("id", "999")])
        await _turn_to(book, "erp", "shipments")
        await book.see("s1", keys=[("id", "D502")])  # what order 502 became in the ERP
        told = await _told(book)
        assert told["r1"].related == (told["501"].id,)
        assert told["s1"].related == (told["502"].id,)
        assert told["r9"].related == told["501"].related == ()


async def test_every_edit_of_the_order_is_named_oldest_first(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        for token in ("1", "2"):
            await book.see("501", token=token)
            await book.work("delivered")
        await _turn_to(book, "shop", "payments")
        await book.see("p1", keys=[("id", "501")])
        orders = [row.id for row in await book.rows() if row.entity == "orders"]
        assert (await _told(book))["p1"].related == tuple(orders)
