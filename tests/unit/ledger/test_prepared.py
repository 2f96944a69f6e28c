"""Statements compiled once: the driver gets what SQLAlchemy would have said, on both databases."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, bindparam, select, update
from tests.unit.ledger.book import Book

from knect.ledger import schema as s
from knect.ledger.fates import ENDED, Fate
from knect.ledger.store.bulk import InsertMany
from knect.ledger.store.prepared import Prepared
from knect.ledger.store.sets import one_of

_INSERT = InsertMany(s.leases, ("name", "holder", "fence", "expires_us"))
_ROWS = [(f"n{i}", f"h{i % 2}", i, 10 * i) for i in range(6)]


async def _ask(tmp_path: Path, *asked: tuple[Prepared, dict[str, Any]]) -> list[list[Any]]:
    async with Book(tmp_path / "ledger.db") as book:
        await book.ledger.write(lambda c: _INSERT.run(c, _ROWS))

        def unit(connection: Connection) -> list[list[Any]]:
            answers = [one.run(connection, **given) for one, given in asked]
            return [[tuple(row) for row in x] if x.returns_rows else [x.rowcount] for x in answers]

        return await book.ledger.write(unit)


async def test_a_parameter_may_stand_in_several_places_beside_constants(tmp_path: Path) -> None:
    t = s.leases.c
    question = Prepared(
        select(t.name, t.fence + 100)
        .where(
            (t.fence > bindparam("n")) | (t.expires_us < bindparam("n")),
            t.holder.in_(("h0", "h1", "nobody")),
            one_of(t.name, "names"),
            t.name != bindparam("but"),
        )
        .order_by(t.fence)
    )
    given = {"n": 3, "names": ["n0", "n1", "n4", "n5"], "but": "n5"}
    (rows,) = await _ask(tmp_path, (question, given))
    assert rows == [("n0", 100), ("n4", 104)]


async def test_each_call_has_parameters_of_its_own(tmp_path: Path) -> None:
    t = s.leases.c
    change = Prepared(
        update(s.leases)
        .where(one_of(t.name, "names"), t.holder == bindparam("holder_now"))
        .values(fence=t.fence + bindparam("more"), holder="gone")
    )
    after = Prepared(select(t.name, t.fence).where(t.holder == "gone").order_by(t.name))
    answers = await _ask(
        tmp_path,
        (change, {"names": ["n0", "n1"], "holder_now": "h0", "more": 7}),
        (change, {"names": ["n1", "n5"], "holder_now": "h1", "more": 50}),
        (change, {"names": [], "holder_now": "h1", "more": 1}),
        (after, {}),
    )
    assert answers == [[1], [2], [0], [("n0", 7), ("n1", 51), ("n5", 55)]]


async def test_members_of_enumerations_are_their_texts(tmp_path: Path) -> None:
    t = s.transactions.c
    question = Prepared(
        select(t.seq).where(t.fate.in_(ENDED), t.fate != Fate.ECHO, one_of(t.fate, "fates"))
    )
    (rows,) = await _ask(tmp_path, (question, {"fates": list(Fate)}))
    assert rows == []


async def test_a_parameter_that_is_not_given_is_a_defect(tmp_path: Path) -> None:
    question = Prepared(select(s.leases.c.name).where(s.leases.c.fence == bindparam("fence")))
    with pytest.raises(KeyError, match="fence"):
        await _ask(tmp_path, (question, {}))
