"""Which transactions are so: each record's last word, page by page, and no more than asked for."""

from pathlib import Path

from tests.unit.ledger.book import SECOND, Book

from knect.ledger.questions.listing import Which, listed
from knect.ledger.questions.stopped import stuck


async def _keys(book: Book, limit: int | None = None, **which: object) -> list[str]:
    asked = Which(**which)  # type: ignore[arg-type]
    return [one.key for one in await book.ledger.read(lambda c: listed(c, asked, limit))]


async def _some(book: Book) -> None:
    """1 to 3 delivered, 4 rejected, then 5 waiting; all but 5 some seconds before."""
    await book.see("1", "2", "3")
    await book.work("delivered")
    await book.see("4")
    await book.work("rejected", reason="TotalsMismatch")
    book.now += 10 * SECOND
    await book.see("5")
    await book.work("waiting", reason="UnknownSku")


async def test_all_that_is_given_has_to_be_so(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db", "orders", "other") as book:
        await _some(book)
        assert await _keys(book, pipeline="orders") == ["5", "4", "3", "2", "1"]
        assert await _keys(book, pipeline="other", fates=("delivered",)) == []
        assert await _keys(book, pipeline="orders", fates=("rejected", "waiting")) == ["5", "4"]
        assert await _keys(book, because="TotalsMismatch") == ["4"]
        assert await _keys(book, because="TotalsMismatch", fates=("delivered",)) == []
        assert await _keys(book, pipeline="orders", since_us=book.now) == ["5"]
        assert await _keys(book, pipeline="nope") == []


async def test_pages_come_one_after_the_other(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await _some(book)
        asked = Which(fates=("delivered",))
        first = await book.ledger.read(lambda c: listed(c, asked, 2))
        assert [one.key for one in first] == ["3", "2"]
        assert await _keys(book, 2, fates=("delivered",), before=first[-1].seq) == ["1"]
        assert await _keys(book, before=1) == []


async def test_a_record_is_what_was_said_of_it_last(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await _some(book)
        await book.see("4", token="2")
        await book.work("delivered")
        assert await _keys(book) == ["4", "5", "3", "2", "1"]
        assert await _keys(book, fates=("rejected",)) == []
        assert await _keys(book, replaced=True) == ["4", "5", "4", "3", "2", "1"]
        assert await _keys(book, fates=("rejected",), replaced=True) == ["4"]


async def test_what_was_superseded_can_be_asked_for(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await book.see("1")
        await book.see("1", token="2")
        assert await _keys(book, fates=("superseded",)) == ["1"]
        assert await _keys(book) == ["1"]


async def test_what_is_stopped_is_what_is_counted_as_that(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await _some(book)
        await book.see("6", "7")
        await book.work("in_flight", attempt=2, next_us=book.now + SECOND)
        await book.see("8")
        keys = await _keys(book, stopped=True)
        assert keys == ["7", "6", "5", "4"]
        assert sum(one.count for one in await book.ledger.read(stuck)) == len(keys)
        assert await _keys(book, stopped=True, because="UnknownSku") == ["5"]
