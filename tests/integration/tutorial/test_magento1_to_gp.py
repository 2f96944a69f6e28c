"""The story of examples/11-magento1-to-gp, command by command, as its reader types them."""

import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.integration.tutorial.reader import Reader, commands

pytestmark = pytest.mark.integration

NAME = "11-magento1-to-gp"
SHOP, ERP, PEOPLE = "18280", "18281", "18282"
RUN = f".venv/bin/knect run -f examples/{NAME} --allow 127.0.0.1"


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    reader = Reader(tmp_path, NAME, [SHOP, ERP, PEOPLE])
    yield reader
    reader.ends()


def state(reader: Reader, port: str) -> Any:
    return json.loads(reader.types(f"curl -s http://127.0.0.1:{port}/_knect/state"))


def test_every_command_of_the_story_does_what_it_says(reader: Reader) -> None:
    typed = commands(NAME)
    said: list[str] = []
    for command in typed:
        said.append(reader.types(command))
        if command == RUN and RUN not in typed[: len(said) - 1]:
            documents = state(reader, PEOPLE)["documents"]
            assert len([one for one in documents if one["type"] == 2]) == 57
    told = dict(zip(typed, said, strict=True))  # of what is typed twice, the second
    by_word = {
        word: [text for one, text in zip(typed, said, strict=True) if f"knect {word}" in one]
        for word in ("validate", "check", "status", "stuck", "explain")
    }
    assert "2 Connections, 5 SyncPipelines: nothing to complain about" in by_word["validate"][0]
    assert "Microsoft Dynamics GP" in by_word["check"][0]
    assert "Magento Community" in by_word["check"][0]
    assert "yes" in by_word["status"][0]
    assert "acme-gp knows no product with SKU 'KN-99'" in by_word["stuck"][0]
    assert "waiting for payment" in by_word["stuck"][0]
    assert "lines[1].sku = KN-99" in told[".venv/bin/knect find 100000014"]
    assert "is in acme-magento as" in told[".venv/bin/knect find 00340434161094015902"]
    assert "is in acme-gp as" in told[".venv/bin/knect find 100000038"]
    assert "level.available" in by_word["explain"][0]
    assert "NeedsApproval" in by_word["stuck"][1]
    slip = "special_price 3.99 takes the place of price 39.9 (90 %), more than 30 %; approve it"
    assert slip in reader.types(".venv/bin/knect find KN-100")

    shop, erp = state(reader, SHOP), state(reader, PEOPLE)
    marks = {one["SOPNUMBE"].strip(): one["external_id"] for one in erp["deliveries"]}
    sales = {one["number"]: one for one in erp["documents"] if one["type"] == 2}
    assert len(sales) == 59
    assert Counter(marks[number] for number in sales).most_common(1)[0][1] == 1
    of_the_edited = next(n for n in sales if marks[n] == "acme-magento:100000038")
    last = next(one for one in shop["orders"] if one["increment_id"] == "100000038-1")
    assert Decimal(sales[of_the_edited]["total"]) == Decimal(last["base_grand_total"])
    mails = [one for one in shop["mails"] if one["kind"] == "shipment"]
    assert [one["tracks"] for one in mails].count(["00340434161094015902"]) == 1
    kettle = next(one for one in shop["products"] if one["sku"] == "KN-100")
    assert Decimal(kettle["price"]) == Decimal("39.90")
    assert not kettle["special_price"], "a slip of the hand in what is paid"


def test_once_stock_has_followed_the_orders_a_further_run_writes_nothing(reader: Reader) -> None:
    for command in commands(NAME)[:3]:
        reader.types(command)
    reader.types(RUN)
    reader.types(RUN)
    before = state(reader, PEOPLE)["documents"], shown(reader)
    writes = committed(reader)
    reader.types(RUN)
    assert committed(reader) == writes
    assert (state(reader, PEOPLE)["documents"], shown(reader)) == before


def shown(reader: Reader) -> Any:
    found = state(reader, SHOP)
    return [found[name] for name in ("orders", "products", "stock", "shipments", "mails")]


def committed(reader: Reader) -> int:
    log = json.loads(reader.types(f"curl -s http://127.0.0.1:{SHOP}/_knect/log"))
    return sum(one["committed"] for one in log)
