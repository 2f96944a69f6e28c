"""A remote call is told once, with all the transactions it served."""

from pathlib import Path

from tests.unit.ledger.book import Book

from knect.ledger.exchange_log import ExchangeRow, store_exchanges
from knect.ledger.questions.stories import exchanges_of


def _call(span_id: str, started_us: int, **changes: object) -> ExchangeRow:
    fields: dict[str, object] = {
        "trace_id": "a" * 32,
        "span_id": span_id,
        "connection": "erp",
        "window": None,
        "method": "POST",
        "template": "/batch",
        "host": "erp.example",
        "started_us": started_us,
        "duration_ms": 2.5,
        "status": 200,
        "error": None,
        "could_have_been_seen": True,
        "request_bytes": 1,
        "response_bytes": 1,
    }
    return ExchangeRow(**{**fields, **changes})  # type: ignore[arg-type]


async def test_each_call_is_returned_once_oldest_first_with_whom_it_served(tmp_path: Path) -> None:
    async with Book(tmp_path / "ledger.db") as book:
        await book.see("501", "502", "503")
        ids = {row.seq: row.id for row in await book.rows()}
        first, second, third = ids
        late, early, other = "b" * 16, "c" * 16, "d" * 16
        calls = [
            _call(late, book.now + 2, status=None, error="NoAnswer"),
            _call(early, book.now + 1),
            _call(other, book.now),
        ]
        links = [(first, late), (second, late), (first, early), (third, early), (third, other)]
        await book.ledger.write(lambda c: store_exchanges(c, calls, links))
        told = await book.ledger.read(lambda c: exchanges_of(c, [first, second]))
        assert [(call.span_id, sorted(call.transactions.split(","))) for call in told] == [
            (early, [ids[first]]),
            (late, sorted((ids[first], ids[second]))),
        ]
        assert [(call.status, call.error, call.duration_ms) for call in told] == [
            (200, None, 2.5),
            (None, "NoAnswer", 2.5),
        ]
        assert await book.ledger.read(lambda c: exchanges_of(c, [])) == []
