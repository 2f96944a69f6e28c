"""The line that moves: it says what is done, and why nothing is."""

from pathlib import Path

from sqlalchemy import update
from tests.unit.ledger.book import Book

from knect.cli.progress import Progress
from knect.ledger import schema as s


async def test_a_source_that_does_not_answer_is_named_while_it_is_asked_again(
    tmp_path: Path,
) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await book.see("1001")
        assert "✗" not in await Progress(book.ledger, label="run").line()
        failing = update(s.feeds).values(failure="unknown host", failing_since_us=1)
        await book.ledger.write(lambda c: c.execute(failing))
        line = await Progress(book.ledger, label="run").line()
    assert line == "run: 1 seen · ✗ shop orders: unknown host · 1 in_flight"
