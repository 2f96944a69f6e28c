"""What leaves the ledger for the judge is what the judge reads from the file itself."""

from pathlib import Path

import pytest
from msgspec import json
from tests.unit.ledger.book import Book

from knect.history import read_history, read_ledger
from knect.ledger.questions.export import exported


async def _lines(book: Book) -> list[str]:
    def read(connection: object) -> list[str]:
        found = ['{"line": "history", "format": 1, "now": "2026-11-24T14:00:00Z"}']
        for line, row in exported(connection):  # type: ignore[arg-type]
            if "timeline" in row:
                row["timeline"] = json.decode(row["timeline"])
            found.append(json.encode({"line": line, **row}).decode())
        return found

    return await book.ledger.read(read)


async def test_every_row_is_there(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db", "orders", "copies") as book:
        await book.see("g1", "g2", "g3")
        await book.work("delivered")
        lines = await _lines(book)
    ledger = read_history(lines).ledger
    assert len(ledger.transactions) == 6
    assert {one.fate for one in ledger.transactions} == {"delivered", "in_flight"}
    assert sum(one.seen for one in ledger.sightings) == 6
    assert {one.source_id for one in ledger.versions} == {"g1", "g2", "g3"}
    assert len(ledger.windows) >= 1


@pytest.mark.sqlite_only("the judge opens files by itself")
async def test_it_is_what_the_file_says(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await book.see("g1", "g2")
        await book.work("delivered")
        exported_one = read_history(await _lines(book)).ledger
    there = read_ledger(tmp_path / "ledger.db")
    for name in there.__struct_fields__:
        assert list(getattr(exported_one, name)) == list(getattr(there, name)), name
