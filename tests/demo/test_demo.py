"""`make demo` as a newcomer runs it: real processes, a real ERP, and what it leaves behind."""

import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.real.require import require

from knect.ledger.payload import unpack
from knect.model import decode_json

ROOT = Path(__file__).resolve().parents[2]
FIND_KEYS = {
    "id", "pipeline", "entity", "key", "fate", "stage", "since", "reason", "field", "value",
    "message", "next_attempt", "acts", "destination_id", "trace_url",
}  # fmt: skip
FATES = (
    "delivered", "unchanged", "skipped", "superseded", "echo", "rejected", "waiting", "unknown", "in_flight",
)  # fmt: skip

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Run the demo twice in one folder: the second must start clean."""
    require("tryton")
    folder = tmp_path_factory.mktemp("demo")
    script = ROOT / "examples" / "01-shop-to-erp" / "demo.py"
    output = ""
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, script], cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        output = done.stdout
    return folder, output


def knect(folder: Path, *words: str) -> Any:
    environment = {key: value for key, value in os.environ.items() if key != "KNECT_LEDGER"}
    done = subprocess.run(
        [Path(sys.executable).parent / "knect", *words, "-o", "json"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.stderr, done.stderr
    return json.loads(done.stdout)


def test_it_prints_the_equation_what_is_stuck_and_what_to_type(demo: tuple[Path, str]) -> None:
    _, output = demo
    assert "60 seen" in output
    assert "UnknownSku" in output
    assert "TotalsMismatch" in output
    assert ".venv/bin/knect find 1001" in output


def printed(command: str) -> list[str]:
    """Return what the README prints of a command's answer, without times."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = text.partition(f"    $ .venv/bin/knect {command}\n")[2].partition("\n\n")[0]
    lines = [line.removeprefix("    ") for line in block.splitlines()]
    return [TIME.sub("", line) for line in lines if line.strip() != "…"]


TIME = re.compile(r"\d\d:\d\d:\d\d UTC|\d+ s ago")


@pytest.mark.parametrize("command", ["find 1004", "explain sku KN-200"])
def test_the_readme_prints_what_comes(demo: tuple[Path, str], command: str) -> None:
    folder, _ = demo
    environment = {key: value for key, value in os.environ.items() if key != "KNECT_LEDGER"}
    program = Path(sys.executable).parent / "knect"
    done = subprocess.run(
        [program, *command.split()], cwd=folder, env=environment, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    told = [TIME.sub("", line) for line in done.stdout.splitlines()]
    told = [line.replace("acme-shop had it already ().", "Sent to acme-shop .") for line in told]
    assert len(printed(command)) > 4
    assert [line for line in printed(command) if line not in told] == []


def test_the_sum_holds_and_every_kind_of_trouble_is_there(demo: tuple[Path, str]) -> None:
    folder, _ = demo
    status = knect(folder, "status")
    total = status["total"]
    orders = next(one for one in status["pipelines"] if one["name"] == "orders-to-erp")
    assert orders["seen"] == 60 == sum(orders[fate] for fate in FATES)
    assert total["balanced"] is True
    assert total["unknown"] == total["in_flight"] == 0
    groups = {(g["fate"], g["reason"]): g["count"] for g in knect(folder, "stuck")}
    assert groups == {
        ("waiting", "UnknownSku"): 2,
        ("waiting", "AdmitWait"): 1,
        ("rejected", "TotalsMismatch"): 1,
        ("rejected", "BadRecord"): 1,
        ("waiting", "NeedsApproval"): 1,
    }


def test_stock_prices_and_tracking_come_back(demo: tuple[Path, str]) -> None:
    folder, output = demo
    assert "order #1001: DHL Express 00340434161094015902" in output
    assert "KN-300: " in output
    assert "pieces, 13.99" in output
    held = next(one for one in knect(folder, "stuck") if one["reason"] == "NeedsApproval")
    assert held["message"].startswith("price goes from 39.99 to 3.99 (90 %), more than 30 %")
    levels = {one["sku"]: one for one in knect(folder, "explain", "sku", "KN-200")
              if one["entity"] == "inventory"}  # fmt: skip
    terms, results = levels["KN-200"]["terms"], levels["KN-200"]["results"]
    expected = Decimal(terms["level.available"]) - Decimal(terms["open_orders(KN-200)"]) - 2
    assert Decimal(results["available"]) == expected > 0
    assert f"KN-200: {results['available']} pieces" in output


def test_an_order_is_found_by_all_its_names(demo: tuple[Path, str]) -> None:
    folder, _ = demo
    by_number = knect(folder, "find", "#1001")
    assert [set(one) for one in by_number] == [FIND_KEYS, FIND_KEYS]
    story = {one["entity"]: one for one in by_number}
    assert set(story) == {"orders", "shipments"}, "the parcel belongs to the order's story"
    one = story["orders"]
    assert (one["fate"], one["key"]) == ("delivered", "1001")
    assert story["shipments"]["fate"] == "delivered"
    assert [hit["id"] for hit in knect(folder, "find", one["id"])] == [one["id"]]
    assert one["id"] in {hit["id"] for hit in knect(folder, "find", one["destination_id"])}
    first = {hit["key"]: hit["field"] for hit in knect(folder, "find", "kn-99")}
    assert "lines[0].sku" in first.values()
    assert any(field != "lines[0].sku" for field in first.values())


def _paid(order: dict[str, Any]) -> Decimal:
    """What was sold: the shop's total, or after an edit the sum of its sales agreements."""
    if not order["edited"]:
        return Decimal(order["totalPriceSet"]["shopMoney"]["amount"])
    return sum(
        (
            Decimal(sale["totalAmount"]["shopMoney"]["amount"])
            for agreement in order["agreements"]
            if agreement["reason"] in ("ORDER", "ORDER_EDIT")
            for sale in agreement["sales"]
        ),
        Decimal(0),
    )


def _rows(path: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(query).fetchall()


def test_every_sale_comes_to_what_the_customer_paid(demo: tuple[Path, str]) -> None:
    folder, _ = demo
    delivered = _rows(
        folder / ".knect" / "demo.db",
        "select t.destination_number, p.body from transactions t"
        " join versions v on v.seq = t.version join payloads p on p.hash = v.hash"
        " where t.fate = 'delivered' and t.pipeline = 'orders-to-erp'",
    )
    paid = {number: _paid(decode_json(unpack(body))) for number, body in delivered}
    made = _rows(
        folder / ".knect" / "demo-erp" / "acme.sqlite",
        "select number, total_amount_cache from sale_sale",
    )
    sales = {number: Decimal(total.decode()) for number, total in made}  # a decimal as a text blob
    assert len(paid) >= 50
    assert sales == paid


def test_nothing_is_missing_at_either_end(demo: tuple[Path, str]) -> None:
    """Orders, stock, prices and a parcel were asked for while both ends were there."""
    _, output = demo
    assert "✔ the audit found nothing missing" in output


def test_the_ledger_contradicts_itself_nowhere(demo: tuple[Path, str]) -> None:
    """Both ends are gone by now, which the audit says; what the ledger says of itself is whole."""
    folder, _ = demo
    told = knect(folder, "status", "--audit")
    assert told["audit"] == []
    assert told["not_asked"] != []


def test_the_log_of_the_shop_shows_what_came_back_and_nothing_else(
    demo: tuple[Path, str],
) -> None:
    folder, _ = demo
    lines = (folder / ".knect" / "demo-shop.jsonl").read_text().splitlines()
    written = [call["key"] for call in map(json.loads, lines) if call["committed"]]
    assert set(written) == {"VariantsUpdate", "InventorySet", "Fulfill"}
    assert written.count("Fulfill") == 1
