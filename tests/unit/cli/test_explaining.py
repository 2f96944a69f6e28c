"""`knect explain sku`: the terms of what was sent, with source and time; open orders beside them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert
from tests.support.toy import World, a_pipeline
from tests.unit.cli.terminal import Terminal

from knect.ledger import schema as s
from knect.ledger.commitments import Commitment, commit_stock, release_stock
from knect.ledger.instants import to_us

FORMULA = "int(max(0, level.on_hand - open_orders(level.sku) - 2))"
STOCK = a_pipeline("stock", entity="inventory", mapping={"set": {"stock": FORMULA}})


async def _sold(world: World, *quantities: str) -> None:
    """Let an open order take some by each of its lines, of what the source of the stock has."""
    (row, *_) = await world.transactions()
    lines = [
        Commitment(
            connection="shop", sku="KN-7", location=None, quantity=quantity, transaction=row.seq
        )
        for quantity in quantities
    ]
    now = to_us(world.clock.now())
    await world.ledger.write(lambda c: commit_stock(c, lines, now))


async def _at_work(world: World) -> None:
    world.shop.put("KN-7", entity="inventory", stock=12)
    world.clock.advance(60)
    await world.run()
    await _sold(world, "3")
    world.shop.put("KN-7", entity="inventory", stock="12.5")
    world.clock.advance(60)
    await world.run()


def test_every_term_is_shown_with_its_source_and_time(tmp_path: Path, knect: Terminal) -> None:
    world = knect.world(tmp_path, STOCK, _at_work)
    assert [document["stock"] for document in world.erp.documents.values()] == [7]
    code, out, _ = knect.on_ledger("explain", "sku", "KN-7")
    assert code == 0
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[0] == "Stock of KN-7 at erp (pipeline stock)"
    assert lines[1] == f"stock = {FORMULA}"
    assert any(line.startswith("level.on_hand 12.5 shop, changed 2026-11-01") for line in lines)
    assert any(
        line.startswith("open_orders(KN-7) 3 orders not yet in the figure of shop of 2026-11-01")
        for line in lines
    )
    assert not any("level.sku" in line for line in lines[2:]), "the SKU is no term"
    assert "stock is 7" in lines
    assert any(line.startswith("Sent to erp 2026-11-01") for line in lines)
    assert any(line.startswith("Open now: order KN-7 takes 3, since") for line in lines)


async def _jumps(world: World) -> None:
    world.shop.put("KN-7", entity="inventory", stock=12)
    world.clock.advance(60)
    await world.run()
    world.shop.put("KN-7", entity="inventory", stock=90)
    world.clock.advance(60)
    await world.run()


def test_a_figure_that_is_held_is_explained_too(tmp_path: Path, knect: Terminal) -> None:
    """Whoever is to approve it asks what it was made of."""
    held = {**STOCK["spec"]["mapping"], "guards": [{"field": "stock", "maxChangePercent": 30}]}
    guarded = {**STOCK, "spec": {**STOCK["spec"], "mapping": held}}
    world = knect.world(tmp_path, guarded, _jumps)
    assert [document["stock"] for document in world.erp.documents.values()] == [10]
    _, out, _ = knect.on_ledger("explain", "sku", "KN-7")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert any(line.startswith("level.on_hand 90 shop, changed 2026-11-01") for line in lines)
    assert "stock is 88" in lines
    assert any(line.startswith("Not sent: waiting, since") for line in lines)


def test_scripts_get_the_same_as_values(tmp_path: Path, knect: Terminal) -> None:
    knect.world(tmp_path, STOCK, _at_work)
    code, out, _ = knect.on_ledger("explain", "sku", "KN-7", "-o", "json")
    (one,) = json.loads(out)
    assert code == 0
    assert one["terms"] == {"level.on_hand": "12.5", "open_orders(KN-7)": "3"}
    assert (one["results"], one["fate"]) == ({"stock": "7"}, "delivered")
    assert [(taken["order"], taken["quantity"]) for taken in one["open_orders"]] == [("KN-7", "3")]


async def _sold_and_in_the_figure(world: World) -> None:
    """The level changed before an order was let go, and was computed after."""
    world.shop.put("KN-7", entity="inventory", stock=12)
    world.clock.advance(60)
    await world.run()
    await _sold(world, "3")
    world.clock.advance(60)
    now = world.clock.now()
    (row,) = await world.transactions()
    await world.ledger.write(lambda c: release_stock(c, [row.seq], to_us(now)))
    world.clock.advance(-30)
    as_of = (now + timedelta(seconds=1)).isoformat()
    world.shop.put("KN-7", entity="inventory", stock=9, as_of=as_of)
    world.clock.advance(90)
    await world.run()


def test_the_orders_listed_are_those_that_were_counted(tmp_path: Path, knect: Terminal) -> None:
    knect.world(tmp_path, STOCK, _sold_and_in_the_figure)
    _, out, _ = knect.on_ledger("explain", "sku", "KN-7")
    assert "open_orders(KN-7)         0" in out
    assert "Open now" not in out
    assert "It was sent with" not in out


def test_an_order_with_the_same_sku_on_two_lines_is_one_order(
    tmp_path: Path, knect: Terminal
) -> None:
    async def on_two_lines(world: World) -> None:
        await _sold_and_in_the_figure(world)
        world.clock.advance(5)
        await _sold(world, "1", "2.50")

    knect.world(tmp_path, STOCK, on_two_lines)
    _, out, _ = knect.on_ledger("explain", "sku", "KN-7")
    assert out.count("Open now") == 1
    assert "Open now: order KN-7 takes 3.50 on 2 lines, since" in out


def test_an_order_that_came_since_is_said_to_be_so(tmp_path: Path, knect: Terminal) -> None:
    async def and_one_more(world: World) -> None:
        await _sold_and_in_the_figure(world)
        world.clock.advance(5)
        await _sold(world, "2")

    knect.world(tmp_path, STOCK, and_one_more)
    _, out, _ = knect.on_ledger("explain", "sku", "KN-7")
    assert "Open now: order KN-7 takes 2" in out
    assert "It was sent with 0 of them, and now there are 2: orders came or went since" in out


def test_a_sku_nobody_has_seen_is_said_to_be_so(tmp_path: Path, knect: Terminal) -> None:
    knect.world(tmp_path, STOCK, _at_work)
    code, out, _ = knect.on_ledger("explain", "sku", "KN-8")
    assert code == 3
    assert out.startswith("A stock or price of KN-8 was never seen.")


def test_it_says_that_nobody_reads_what_the_shop_sells(tmp_path: Path, knect: Terminal) -> None:
    knect.world(tmp_path, STOCK, _at_work)
    _, out, _ = knect.on_ledger("explain", "sku", "KN-7")
    assert "No pipeline reads the orders of erp: what it sells is in no figure before" in out


def test_it_says_until_when_what_the_shop_sold_is_counted(tmp_path: Path, knect: Terminal) -> None:
    async def both_ways(world: World) -> None:
        await _at_work(world)
        until = to_us(datetime(2026, 11, 1, 4, 5, 6, tzinfo=UTC))
        await world.ledger.write(
            lambda c: c.execute(
                insert(s.feeds).values(
                    connection="erp", entity="orders", filter="{}", cursor_us=until,
                    started_us=0,
                )
            )
        )  # fmt: skip

    knect.world(tmp_path, STOCK, both_ways)
    _, out, _ = knect.on_ledger("explain", "sku", "KN-7")
    line = next(one for one in out.splitlines() if "Orders of erp are read up to" in one)
    assert "2026-11-01 04:05 UTC; what it sold since is in no figure yet" in line
