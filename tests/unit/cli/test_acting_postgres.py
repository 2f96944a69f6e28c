"""The asking and acting commands on a PostgreSQL ledger; the password is in no answer.

The words of the answers are tried in test_asking.py and test_acting.py; here it is that a server
answers them.
"""

import json
from collections.abc import Iterator

import pytest
from tests.support.ledgers import on_postgres, place
from tests.support.real.postgres import PASSWORD
from tests.unit.cli.terminal import Answer, Terminal
from tests.unit.ledger.book import Book

SKU = {
    "reason": "UnknownSku", "field": "lines[1].sku", "value": "KN 9", "acts": "operations",
    "message": "erp knows no product with SKU 'KN 9'", "waits_for": "sku:KN 9@erp",
    "stage": "mapped",
}  # fmt: skip


async def _some(book: Book) -> None:
    await book.see("1001", keys=[("number", "1001"), ("email", "ana@example.com")])
    await book.work("delivered", destination_number="SO-1001")
    for name in ("1002", "1003", "1004"):
        await book.see(name, keys=[("number", name), ("sku", "kn 9")])
        await book.work("waiting", **SKU)


@pytest.fixture
def ask(knect: Terminal) -> Iterator[Terminal]:
    with on_postgres():
        knect.write(_some)
        yield knect


def _on(knect: Terminal, *words: str) -> Answer:
    answer = knect(*words, "--ledger", place(knect.ledger))
    assert PASSWORD not in answer.out + answer.err
    return answer


def test_every_question_is_answered(ask: Terminal) -> None:
    total = json.loads(_on(ask, "status", "-o", "json").out)["total"]
    assert (total["seen"], total["delivered"], total["waiting"]) == (4, 1, 3)
    assert total["balanced"] is True
    assert "SO-1001" in _on(ask, "find", "1001").out
    assert "SO-1001" in _on(ask, "find", "SO-1001").out
    (found,) = json.loads(_on(ask, "find", "1002", "-o", "json").out)
    assert found["reason"] == "UnknownSku"
    assert "KN 9" in _on(ask, "show", found["id"]).out
    assert "3" in _on(ask, "stuck").out
    assert _on(ask, "stuck", "--fail-on-stuck").code == 4
    assert "KN 9" in _on(ask, "unmapped").out
    assert _on(ask, "status", "--audit").code in (0, 1)
    assert _on(ask, "find", "nothing-like-it").code == 3


def test_every_wish_is_carried_out(ask: Terminal) -> None:
    assert _on(ask, "retry", "1002").code == 0
    assert _on(ask, "skip", "1003", "--reason", "a test").code == 0
    assert _on(ask, "replay", "1001", "--reason", "a test").code == 0
    total = json.loads(_on(ask, "status", "-o", "json").out)["total"]
    assert (total["in_flight"], total["skipped"], total["seen"]) == (2, 1, 5)
    assert total["balanced"] is True


def test_a_server_that_is_away_and_a_wrong_address_are_sentences(knect: Terminal) -> None:
    away = f"postgresql://ana:{'s3cr3t'}@127.0.0.1:1/db"
    for words in (("status",), ("find", "1001"), ("retry", "1001")):
        code, out, err = knect(*words, "--ledger", away)
        assert code == 1
        assert "the connection is refused; is the server up, and the port right?" in err
        assert "s3cr3t" not in out + err
    code, _, err = knect("status", "--ledger", "postgresql://ana:s3cr3t@h/db?shema=x")
    assert code in (1, 2)
    assert "shema: it is unknown" in err
    assert "s3cr3t" not in err
