"""Edits and a refund of one order, in every sequence, within one pass and over several."""

from itertools import product
from pathlib import Path

import pytest
from tests.pairs.documents import declared
from tests.pairs.gp import Gp
from tests.pairs.play import Plan, Play
from tests.pairs.shopify import Shopify
from tests.pairs.stage import Stage
from tests.pairs.verdict import judge
from tests.support.fault_wire import Wires

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

#: e: a line is added, r: a piece is refunded, |: everything is delivered in between.
STORIES = [
    story
    for length in (2, 3)
    for story in map("".join, product("er|", repeat=length))
    if story.count("r") == 1 and "e" in story and story.strip("|") == story
] + ["e|e|r", "r|e|e", "e|r|e"]


def test_an_order_comes_to_the_shops_total_whatever_was_done_to_it_when(tmp_path: Path) -> None:
    with Wires(1) as wires:
        for name in ("acme-shop", "acme-erp"):
            wires.lay(name, {})
        stage = Stage(tmp_path, wires)
        try:
            shop = Shopify(stage, seed=1, faults={})
            erp = Gp(stage, seed=1, faults={})
            documents = stage.folder / "documents"
            documents.mkdir()
            (documents / "all.yaml").write_text(declared(shop, erp))
            play, plan = Play(stage, shop, erp, 1), Plan(orders=len(STORIES), lives=1)
            orders = dict(zip(shop.sell(len(STORIES), 2), STORIES, strict=True))
            play.done.orders += orders
            play.one_pass(plan)
            for number in range(max(story.count("|") for story in STORIES) + 1):
                for order, story in orders.items():
                    for act in (*story.split("|"), "", "")[number]:
                        {"e": shop.edit, "r": shop.refund}[act](order)
                play.one_pass(plan)
            play.one_pass(plan)  # stock of what was delivered last
            assert list(judge(stage, shop, erp, play.done)) == []
        finally:
            stage.stop()
