"""The ledgers that benchmarks fill by hand are ledgers as they are laid today."""

from pathlib import Path

import pytest
from benchmarks import million
from tests.support.ledgers import laid

from knect.ledger import open_ledger
from knect.ledger.questions.checks import self_check
from knect.ledger.questions.queries import equations, find


async def test_it_adds_up_and_what_is_asked_for_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(million, "AT_ONCE", 50)
    dsn = laid(tmp_path / "ledger.db")
    await million.filled(dsn, 100, payloads=True)
    ledger = await open_ledger(dsn)
    (one,) = await ledger.read(equations)
    assert (one.seen, one.fates["delivered"], one.balanced) == (100, 100, True)
    assert await ledger.read(lambda c: self_check(c, now_us=0)) == []
    (found,) = await ledger.read(lambda c: find(c, "no. 77"))
    assert found.destination_number == "SO-77"
    await ledger.close()
