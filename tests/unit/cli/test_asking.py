"""What the asking commands print, to people and to scripts, and how they end.

0 answered · 1 it does not add up, or cannot be read · 2 bad input · 3 not found
4 something is stuck, only with --fail-on-stuck
"""

import json
import socket
import sqlite3
import subprocess
import sys
from typing import Any

import pytest
import yaml
from tests.unit.cli.terminal import Terminal
from tests.unit.ledger.book import DAY, Book

from knect.ledger import Fate
from knect.ledger.retention import RetentionPolicy, retire_slice
from knect.ledger.store.versions import CODE_VERSION

#: Fixed: scripts rely on exactly these.
TERMS = [
    "seen", "delivered", "unchanged", "skipped", "superseded", "echo", "rejected", "waiting",
    "unknown", "in_flight",
]  # fmt: skip
FOUND = [
    "id", "pipeline", "entity", "key", "fate", "stage", "since", "reason", "field", "value",
    "message", "next_attempt", "acts", "destination_id", "trace_url",
]  # fmt: skip

SKU = {
    "reason": "UnknownSku", "field": "lines[1].sku", "value": "KN 9", "acts": "operations",
    "message": "erp knows no product with SKU 'KN 9'", "waits_for": "sku:KN 9@erp",
    "stage": "mapped",
}  # fmt: skip


async def _some(book: Book) -> None:
    await book.see("1001", keys=[("number", "1001"), ("email", "ana@example.com")])
    await book.work("delivered", destination_number="SO-1001")
    for name in ("1002", "1003"):
        await book.see(name, keys=[("number", name), ("sku", "kn 9")])
        await book.work("waiting", **SKU)


def test_status_gives_scripts_the_equation(knect: Terminal) -> None:
    knect.write(_some)
    code, out, _ = knect.on_ledger("status", "-o", "json")
    document = json.loads(out)
    assert code == 0
    (one,) = document["pipelines"]
    assert list(one) == ["name", *TERMS]
    assert list(document["total"]) == [*TERMS, "balanced"]
    assert document["total"]["balanced"] is True
    assert (one["seen"], one["delivered"], one["waiting"]) == (3, 1, 2)
    assert yaml.safe_load(knect.on_ledger("status", "-o", "yaml").out) == document
    assert knect.on_ledger("status", "-o", "name").out == "orders\n"


def test_status_says_when_it_does_not_add_up(knect: Terminal) -> None:
    knect.write(_some)
    with sqlite3.connect(knect.ledger) as plain:
        plain.execute("delete from effects")
        plain.execute("delete from transactions where source_id = '1001'")
    plain.close()
    code, out, _ = knect.on_ledger("status")
    assert code == 1
    assert "NO, +1 missing" in out
    code, out, _ = knect.on_ledger("status", "-o", "json")
    assert code == 1
    assert json.loads(out)["total"]["balanced"] is False
    code, out, _ = knect.on_ledger("status", "--audit")
    assert code == 1
    assert "1001 (shop orders 1001) was seen, but its transaction in orders is gone" in out


def test_status_says_who_is_stuck_only_when_asked_to_fail(knect: Terminal) -> None:
    knect.write(_some)
    code, out, _ = knect.on_ledger("status")
    assert code == 0
    assert "2 stopped, the oldest" in out
    assert knect.on_ledger("status", "--fail-on-stuck").code == 4
    assert knect.on_ledger("stuck", "--fail-on-stuck").code == 4
    assert knect.on_ledger("stuck").code == 0


def test_status_of_a_pipeline_that_is_not_there(knect: Terminal) -> None:
    knect.write(_some)
    assert knect.on_ledger("status", "orders").code == 0
    code, _, err = knect.on_ledger("status", "invoices")
    assert (code, err) == (3, "the ledger knows no pipeline 'invoices'; it knows orders\n")


@pytest.mark.parametrize(
    "key", ["1001", "#1001", " #1001 ", "ANA@Example.com", "SO-1001", "so-1001"]
)
def test_find_gives_scripts_the_fixed_names(knect: Terminal, key: str) -> None:
    knect.write(_some)
    code, out, _ = knect.on_ledger("find", key, "-o", "json")
    (one,) = json.loads(out)
    assert code == 0
    assert list(one) == FOUND
    assert (one["key"], one["fate"], one["destination_id"]) == ("1001", "delivered", "SO-1001")
    assert one["trace_url"].endswith(f"/trace/{one['id']}")
    assert one["since"] == "2026-11-01T12:00:00.000Z"


def test_find_tells_people_what_they_need(knect: Terminal) -> None:
    knect.write(_some)
    code, out, _ = knect.on_ledger("find", "1002")
    assert code == 0
    assert "Order #1002 (shop) is waiting." in out
    assert "erp knows no product with SKU 'KN 9' [lines[1].sku = KN 9]" in out
    assert "knect unmapped set sku 'KN 9=OTHER'" in out  # as it can be typed
    assert "1 other transaction waits for the same." in out
    assert "Finding what it refers to stopped" in out


@pytest.mark.parametrize(
    ("fate", "says"),
    [
        ("delivered", "is in erp"),
        ("unchanged", "made no difference there"),
        ("skipped", "was left out on purpose"),
        ("superseded", "overtaken by a newer version of itself"),
        ("echo", "our own write coming back"),
        ("rejected", "was rejected"),
        ("waiting", "is waiting"),
        ("unknown", "may or may not be in erp; Knect is finding out"),
        ("in_flight", "is on its way"),
    ],
)
def test_find_has_a_sentence_for_every_fate(knect: Terminal, fate: str, says: str) -> None:
    async def one(book: Book) -> None:
        await book.see("7", keys=[("number", "7")])
        await book.work(fate)

    knect.write(one)
    code, out, _ = knect.on_ledger("find", "7")
    assert code == 0
    assert out.startswith("Order #7 (shop) ")
    assert says in out.splitlines()[0]
    assert "Transaction " in out


def test_every_fate_has_its_sentence_above() -> None:
    marks = test_find_has_a_sentence_for_every_fate.pytestmark  # type: ignore[attr-defined]
    assert {case[0] for case in marks[0].args[1]} == {fate.value for fate in Fate}


def test_find_of_what_was_never_seen_says_until_when_it_would_know(knect: Terminal) -> None:
    knect.write(_some)
    code, out, _ = knect.on_ledger("find", "9999")
    assert code == 3
    assert out.startswith("9999 was never seen.\n")
    assert "shop orders: no read is complete yet" in out
    code, out, _ = knect.on_ledger("find", "9999", "-o", "json")
    assert (code, json.loads(out)) == (3, [])


def test_find_of_what_was_never_seen_says_that_much_is_forgotten(knect: Terminal) -> None:
    async def old(book: Book) -> None:
        await _some(book)
        now = book.now + 100 * DAY
        await book.ledger.write(lambda c: retire_slice(c, RetentionPolicy(), now))

    knect.write(old)
    code, out, _ = knect.on_ledger("find", "1001")
    assert code == 3
    assert "among what ended long ago: 1 transaction was forgotten by retention" in out


def test_stuck_groups_by_cause(knect: Terminal) -> None:
    knect.write(_some)
    _, out, _ = knect.on_ledger("stuck", "-o", "json")
    (group,) = json.loads(out)
    assert (group["count"], group["reason"], group["examples"]) == (
        2,
        "UnknownSku",
        ["1002", "1003"],
    )
    _, out, _ = knect.on_ledger("stuck")
    assert "UnknownSku" in out
    assert "knect retry --because REASON" in out


async def _renamed(book: Book) -> None:
    """The worker of `old-orders` is gone, and three orders it never took."""
    await book.see("1001", "1002", "1003", "1004")
    await book.work("delivered")


def test_what_nobody_takes_up_is_no_good_news(knect: Terminal) -> None:
    """The sum is right, nothing waits, nothing was rejected; and four orders go nowhere."""
    knect.write(_renamed, "orders", "old-orders")
    says = (
        "old-orders: 4 are due since 2026-11-01 12:00 UTC, and nobody takes them up (1001 1002 "
        "1003 …): no worker runs, or the pipeline is suspended or no longer declared."
    )
    for command in ("status", "stuck"):
        code, out, _ = knect.on_ledger(command)
        assert (code, says in out) == (0, True), out
        assert "Nothing is stuck" not in out
        assert knect.on_ledger(command, "--fail-on-stuck").code == 4
        code, out, _ = knect.on_ledger(command, "orders", "--fail-on-stuck")
        assert (code, says in out) == (0, False), out
    document = json.loads(knect.on_ledger("status", "-o", "json").out)
    assert document["total"]["balanced"] is True
    assert document["unattended"] == [
        {
            "pipeline": "old-orders",
            "count": 4,
            "due_since": "2026-11-01T12:00:00.000Z",
            "examples": ["1001", "1002", "1003"],
        }
    ]


def test_show_takes_the_beginning_of_an_id(knect: Terminal) -> None:
    knect.write(_some)
    found = json.loads(knect.on_ledger("find", "1001", "-o", "json").out)[0]["id"]
    code, out, _ = knect.on_ledger("show", found, "-o", "json")
    assert code == 0
    document = json.loads(out)
    assert list(document)[: len(FOUND)] == FOUND
    assert [effect["state"] for effect in document["effects"]] == ["done"]
    assert knect.on_ledger("show", found.upper()).code == 0
    code, out, _ = knect.on_ledger("show", found, "--payload")
    assert '"token": "1"' in out
    code, _, err = knect.on_ledger("show", "f" * 32)
    assert (code, err) == (3, f"the ledger knows no transaction {'f' * 32}\n")
    code, _, err = knect.on_ledger("show", found[:5])
    assert code == 2
    assert "too short" in err
    code, _, err = knect.on_ledger("show", found[:6])
    assert code == 2
    assert "several transactions begin with" in err


def test_unmapped_lists_what_is_waited_for(knect: Terminal) -> None:
    knect.write(_some)
    _, out, _ = knect.on_ledger("unmapped", "-o", "json")
    assert json.loads(out) == [
        {
            "destination": "erp", "kind": "sku", "value": "KN 9", "waiting": 2,
            "examples": ["1002", "1003"],
        }
    ]  # fmt: skip
    _, out, _ = knect.on_ledger("unmapped")
    assert "knect unmapped set sku 'KN 9=OTHER'" in out


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["stats"], 2, "there is no command 'stats'; did you mean 'status'?"),
        (["status", "-o", "xml"], 2, "'xml' is not one of"),
        (["find"], 2, "Missing argument 'KEY'"),
        (["validate", "-f", "nowhere"], 2, "there is no nowhere"),
        (
            ["connectors", "sap"],
            3,
            "there is no connector 'sap'; known: ",
        ),
        (
            ["simulate", "sap"],
            3,
            "'sap' has no simulator; there are: ",
        ),
        (["simulate", "shopify", "orders"], 2, "'orders' is not NAME=VALUE"),
        (["backfill", "-f", ".", "--since", "yesterday"], 2, "declare no SyncPipeline"),
        (["status"], 1, "there is no ledger at"),
        (
            ["find", "1"],
            1,
            "run `knect run` first or name one (--ledger), or a cluster's namespace (-n)",
        ),
        (["retry", "1"], 1, "there is no ledger at"),
        (["retry"], 2, "say what to retry: ids or keys, --because REASON"),
        (["skip", "1"], 2, "Missing option '--reason'"),
    ],
)
def test_what_cannot_be_done_is_said(
    knect: Terminal, words: list[str], code: int, says: str
) -> None:
    answer = knect(*words)
    assert answer.code == code
    assert says in answer.err


def test_a_port_that_is_taken_is_said(knect: Terminal) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = knect("simulate", "rest", "--port", str(port))
    assert answer.code == 1
    assert answer.err.strip().endswith(
        f"127.0.0.1:{port} cannot be listened on: Address already in use; name another --port, or "
        "0 for any"
    )


@pytest.mark.parametrize("words", [["status"], ["find", "1"], ["stuck"], ["retry", "--all"]])
@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("newer", f"asks for code {CODE_VERSION + 1}, this is {CODE_VERSION}"),
        ("text", "the file is no SQLite database"),
        ("other", "name another with --ledger"),
        ("truncated", "the ledger is damaged; keep the file, restore a backup"),
        ("folder", "is a folder and no ledger"),
    ],
)
def test_a_ledger_that_cannot_be_used_is_a_sentence(
    knect: Terminal, words: list[str], kind: str, says: str
) -> None:
    _spoil(knect, kind)
    code, out, err = knect.on_ledger(*words)
    assert code == 1
    assert says in err
    assert "sqlite3" not in out + err


def _spoil(knect: Terminal, kind: str) -> None:
    if kind == "text":
        knect.ledger.write_text("notes\n" * 500)
    elif kind == "folder":
        knect.ledger.mkdir()
    elif kind == "other":
        with sqlite3.connect(knect.ledger) as other:
            other.execute("create table invoices (id integer)")
        other.close()
    else:
        knect.write(_some)
        if kind == "newer":
            with sqlite3.connect(knect.ledger) as plain:
                plain.execute("update meta set value = ?", (CODE_VERSION + 1,))
            plain.close()
        else:
            with knect.ledger.open("r+b") as file:
                file.truncate(8192)


def test_connectors_are_listed_from_their_manifests(knect: Terminal) -> None:
    code, out, _ = knect("connectors")
    assert code == 0
    assert {line.split()[0] for line in out.splitlines()[1:]} >= {"shopify", "tryton"}
    (one,) = json.loads(knect("connectors", "shopify", "-o", "json").out)
    assert one["id"] == "shopify"
    assert "webhookSecret" in knect("connectors", "shopify").out


def test_all_that_a_pipeline_may_say_of_an_entity_is_listed(knect: Terminal) -> None:
    said = knect("connectors", "shopify").out
    assert "apiVersion" in said
    assert "A quarterly version of the Admin API." in said
    said = knect("connectors", "shopify", "orders").out
    for word in ("financial_status", "order.customer.email", "order.lines[].sku", "cancelReason"):
        assert word in said
    said = knect("connectors", "tryton", "orders").out
    assert "destination.match: number, name, customer.email" in said
    assert " comment " in said
    code, _, err = knect("connectors", "shopify", "oders")
    assert code == 3
    assert err.startswith("shopify has no 'oders'; it has: customers, inventory, orders")


def test_every_entity_of_every_connector_can_be_shown(knect: Terminal) -> None:
    for one in json.loads(knect("connectors", "-o", "json").out):
        for entity in one["entities"]:
            assert knect("connectors", one["id"], entity).code == 0


def test_connectors_wide_is_a_matrix_of_what_each_does_with_each_entity(knect: Terminal) -> None:
    code, out, _ = knect("connectors", "-o", "wide")
    assert code == 0
    head, *lines = out.splitlines()
    rows = {line.split()[0]: line for line in lines}
    assert [head.index(one) for one in ("REST", "SHOPIFY", "TRYTON")] == sorted(
        head.index(one) for one in ("REST", "SHOPIFY", "TRYTON")
    )
    places = {name: head.index(name) for name in head.split()}

    def cell(entity: str, connector: str) -> str:
        return rows[entity][places[connector] :].split("  ")[0].strip()

    assert cell("orders", "SHOPIFY") == "read* write"
    assert cell("inventory", "SHOPIFY") == "write"
    assert cell("inventory", "TRYTON") == "read"
    assert cell("payments", "TRYTON") == "write"
    assert cell("contacts", "TRYTON") == "-"
    assert lines[-1] == "* told by webhook, too"


def test_simulators_are_listed_with_their_options(knect: Terminal) -> None:
    code, out, _ = knect("simulate")
    assert code == 0
    assert "shopify" in out
    assert "seed" in out


def test_check_without_anything_says_what_is_there(knect: Terminal) -> None:
    code, out, _ = knect("check")
    assert code == 0
    assert "✔ knect " in out
    assert "there is no ledger at" in out
    assert knect.on_ledger("check").code == 1  # a ledger that was named must be there
    knect.write(_some)
    assert "can be read" in knect.on_ledger("check").out


BAD = """\
apiVersion: knect.dev/v1alpha1
kind: SyncPipeline
metadata: {name: orders}
spec:
  entity: orders
  source: {connectionRef: {name: nobody}, start: Now}
  destination: {connectionRef: {name: erp}, wrong: true}
  trigger: {poll: {every: 1m}}
  mapping:
    admit: [{when: "order.tset", then: Skip, reason: test}]
    set: {comment: "1 +"}
  privacy: {mask: [customer.emial]}
"""


def test_validate_says_everything_at_once(knect: Terminal) -> None:
    """Of all files, with file, line and path each."""
    (knect.folder / "bad.yaml").write_text(f"{BAD}---\n{BAD.replace('orders', 'more')}---\nkind: [")
    code, out, err = knect("validate", "-f", "bad.yaml")
    assert code == 2
    assert out == ""
    lines = err.splitlines()
    assert len(lines) > 2
    assert all(line.startswith("bad.yaml:") for line in lines[:-1])
    assert "problems; nothing was started" in lines[-1]
    assert "wrong" in err


GOOD_BUT = (
    BAD.replace(", wrong: true", "").replace("nobody", "shop")
    + """\
---
apiVersion: knect.dev/v1alpha1
kind: Connection
metadata: {name: shop}
spec:
  connector: shopify
  role: Spoke
  config: {shop: acme.myshopify.com, apiVersion: "2026-04"}
  credentials: {secretRef: {name: acme}}
---
apiVersion: knect.dev/v1alpha1
kind: Connection
metadata: {name: erp}
spec:
  connector: tryton
  role: Hub
  config: {url: "http://127.0.0.1:8000", database: acme, webShop: acme}
  credentials: {secretRef: {name: acme}}
"""
)


def test_validate_knows_expressions_and_masked_fields(knect: Terminal) -> None:
    (knect.folder / "bad.yaml").write_text(GOOD_BUT)
    code, _, err = knect("validate", "-f", "bad.yaml")
    assert code == 2
    assert "order.tset" in err
    assert "did you mean" in err
    assert "customer.emial" in err
    assert "comment" in err


def test_help_needs_none_of_the_engine() -> None:
    """So that it answers at once."""
    code = (
        "import sys\nfrom knect.cli.main import _run\n_run(['--help'])\n"
        "heavy = {'sqlalchemy', 'httpx', 'pydantic', 'starlette', 'alembic', 'rich'}\n"
        "sys.exit(f'loaded: {heavy & set(sys.modules)}' if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "find" in done.stdout


def test_an_unreadable_manifest_is_spoken_of(
    knect: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    there = tmp_path / "broken-1.dist-info"
    there.mkdir()
    (there / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1\n")
    (there / "entry_points.txt").write_text("[knect.connectors]\nbroken = nowhere.at.all\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for words in (["connectors"], ["simulate"], ["validate", "-f", "."]):
        assert "connector 'broken'" in knect(*words).err, words
