"""The dump is read from real ledger files, and a real run's history is clean until it is spoiled."""

import sqlite3
from decimal import Decimal
from pathlib import Path

from tests.support.toy import World, an_order

from knect.history import (
    Call,
    Document,
    History,
    SourceRecord,
    check,
    read_calls,
    read_ledger,
    render,
)


async def _ran(folder: Path) -> tuple[World, Path]:
    async with World(folder) as world:
        for i in range(5):
            world.shop.put(f"g{i}", **an_order(str(1001 + i)))
        world.shop.put("bad", id="bad", number="9", lines=[])
        world.clock.advance(60)
        await world.run()
    return world, world.path


def _history(world: World, path: Path) -> History:
    return History(
        ledger=read_ledger(path),
        now_us=int(world.clock.now().timestamp() * 1e6),
        records=[
            SourceRecord(
                entity="orders", id=i, key=raw["number"], currency="EUR",
                total=Decimal(raw["total"]) if "total" in raw else None, lines=len(raw["lines"]),
            )
            for i, raw in world.shop.records.items()
        ],
        documents=[
            Document(
                entity="orders", id=i, external_id=d["external_id"], number=i, currency="EUR",
                total=d["total"], lines=len(d["lines"]),
            )
            for i, d in world.erp.documents.items()
        ],
    )  # fmt: skip


async def test_a_real_run_is_clean(tmp_path: Path) -> None:
    world, path = await _ran(tmp_path)
    history = _history(world, path)
    assert render(check(history)) == "no violation"
    assert len(history.ledger.transactions) == 6
    assert {one.fate for one in history.ledger.transactions} == {"delivered", "rejected"}
    assert all(one.timeline for one in history.ledger.transactions)
    assert [len(one.calls) for one in history.ledger.lives] == [32], "one worker lived"


async def test_a_row_deleted_by_hand_is_named(tmp_path: Path) -> None:
    world, path = await _ran(tmp_path)
    with sqlite3.connect(path) as connection:
        connection.execute('delete from effects where "transaction" = 2')
        connection.execute("delete from transactions where seq = 2")
    connection.close()
    found = check(_history(world, path))
    assert any(one.invariant == "I1" and "no transaction for g0" in one.excerpt for one in found)


async def test_reading_needs_no_writer_to_stop_and_changes_nothing(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        world.shop.put("g", **an_order())
        world.clock.advance(60)
        await world.run()
        before = world.path.read_bytes()
        assert len(read_ledger(world.path).transactions) == 1
        assert world.path.read_bytes() == before


def test_a_log_line_cut_short_by_a_kill_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    whole = '{"time":"2026-11-24T14:02:01Z","number":1,"method":"POST","path":"/x","status":null}'
    path.write_text(f"{whole}\n{whole[:40]}")
    (call,) = read_calls(path)
    assert isinstance(call, Call)
    assert call.words == "create sent 14:02:01 (answer lost)"
