"""The acting commands, as processes: a shop and an ERP beside them, nothing half done.

One scene for all: a simulated Shopify, a simulated ERP that lacks one product.
"""

import getpass
import json
import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.faults.scene import Scene, a_scene, until

SKUS = ("KN-1", "KN-2")
MISSING = "KN-9"


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with a_scene(tmp_path_factory.mktemp("acting")) as one:
        skus = ",".join(f"{sku}=Thing=10.00" for sku in (*SKUS, MISSING))
        one.start_shop(seed=5, faults={}, orders=12, skus=skus)
        one.start_erp(seed=5, faults={}, skus=SKUS)
        one.declare()
        yield one


def _rows(scene: Scene, query: str) -> list[Any]:
    with sqlite3.connect(scene.ledger) as plain:
        rows = plain.execute(query).fetchall()
    plain.close()
    return rows


def _writes(scene: Scene) -> int:
    return sum(call.method in ("POST", "PUT") for call in scene.calls("acme-erp"))


FILES = ("-f", "documents", "--allow", "127.0.0.1")


@pytest.fixture(scope="module")
def planned(scene: Scene) -> dict[str, Any]:
    """Plan before anything ran."""
    done = scene.knect("plan", *FILES, "--ledger", str(scene.ledger), "-o", "json")
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_a_plan_says_every_write_and_sends_none(scene: Scene, planned: dict[str, Any]) -> None:
    assert _writes(scene) == 0
    assert not scene.ledger.exists()
    assert {write["effect"] for write in planned["writes"]} == {"party", "document"}
    assert all(write["fields"] for write in planned["writes"])
    (group,) = planned["stuck"]
    assert (group["reason"], group["value"]) == ("UnknownSku", MISSING)
    people = scene.knect("plan", *FILES, "--ledger", str(scene.ledger), "--limit", "1")
    assert "writes planned, none sent." in people.stdout
    assert f"would stop: {group['count']} waiting" in people.stdout
    assert _writes(scene) == 0


def test_a_plan_says_what_is_left_out_and_why(scene: Scene, planned: dict[str, Any]) -> None:
    folder = scene.folder / "left-out"
    folder.mkdir()
    text = (scene.folder / "documents" / "all.yaml").read_text()
    rule = "mapping: {admit: [{when: 'true', then: Skip, reason: not ours}]}"
    (folder / "all.yaml").write_text(text.replace("  delivery:", f"  {rule}\n  delivery:"))
    words = ("plan", "-f", "left-out", "--allow", "127.0.0.1", "--ledger", "left-out.db")
    done = scene.knect(*words, "-o", "json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["writes"], document["stuck"]) == ([], [])
    (group,) = document["skipped"]
    keys = group.pop("examples")
    assert len(keys) == 3
    assert group == {
        "pipeline": "orders", "reason": "AdmitSkip", "message": "not ours", "count": 12,
    }  # fmt: skip
    people = scene.knect(*words).stdout
    assert f"would skip: 12 of orders ({', '.join(keys)}, …): not ours" in people
    assert _writes(scene) == 0


@pytest.fixture(scope="module")
def ran(scene: Scene, planned: dict[str, Any]) -> str:
    """Run once, after the plan."""
    done = scene.knect("run", *FILES, "--ledger", str(scene.ledger))
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_run_delivers_what_was_planned_and_says_the_equation(
    scene: Scene, planned: dict[str, Any], ran: str
) -> None:
    waiting = planned["stuck"][0]["count"]
    assert f"orders: 12 seen = {12 - waiting} delivered + {waiting} waiting" in ran
    made = {row[0] for row in _rows(scene, "select external_id from effects where state='done'")}
    assert made == {write["external_id"] for write in planned["writes"]}
    assert _rows(scene, "select count(*) from transactions where holder is not null") == [(0,)]


def test_after_a_run_commands_need_no_names(scene: Scene, ran: str) -> None:
    for words in (["status"], ["stuck"], ["unmapped"], ["status", "--audit"]):
        done = scene.knect(*words)
        assert done.returncode == 0, done.stderr
    assert "found nothing missing" in done.stdout
    assert scene.knect("run", *FILES, "--fail-on-stuck", "-q").returncode == 4


def test_a_dry_run_only_counts(scene: Scene, ran: str) -> None:
    before = _rows(scene, "select seq, fate, attempt, next_us from transactions order by seq")
    waiting = sum(row[1] == "waiting" for row in before)
    for words in (
        ["retry", "--because", "UnknownSku"], ["skip", "--all", "--reason", "x"],
        ["replay", "--pipeline", "orders"],
    ):  # fmt: skip
        done = scene.knect(*words, "--dry-run")
        assert done.returncode == 0, done.stderr
        count = 12 if words[0] == "replay" else waiting
        assert done.stdout == f"{count} transaction{'s' if count > 1 else ''} would be affected\n"
    after = _rows(scene, "select seq, fate, attempt, next_us from transactions order by seq")
    assert after == before
    nothing = scene.knect("retry", "--because", "NoSuchReason")
    assert nothing.returncode == 3
    assert nothing.stderr.startswith("nothing to retry there; see how it stands:")


def test_what_the_shop_cannot_correct_is_set_for_one_order(scene: Scene, ran: str) -> None:
    waiting = _rows(
        scene, "select key, field from transactions where fate = 'waiting' order by seq"
    )
    assert len(waiting) > 1
    key, path = waiting[0]
    why = ("--reason", "the shop lets nobody change it")
    done = scene.knect("edit", key, "--set", f"{path}={SKUS[0]}", *why)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1 transaction: edited")
    assert scene.knect("run", *FILES, "-q").returncode == 0
    (found,) = json.loads(scene.knect("find", key, "-o", "json").stdout)
    assert found["fate"] == "delivered"
    shown = scene.knect("show", found["id"], "--payload").stdout
    assert f'"path": "{path}",\n    "value": "{SKUS[0]}"' in shown
    assert f"by {getpass.getuser()}: {path}" in shown
    assert scene.status()["waiting"] == len(waiting) - 1


def test_a_value_that_was_mapped_lets_all_that_wait_go_on(scene: Scene, ran: str) -> None:
    waiting = _rows(scene, "select key from transactions where fate = 'waiting'")
    for pair, says in (("KN-9", "is not VALUE=OTHER"), ("KN-8=KN-2", "is waited for at: none")):
        done = scene.knect("unmapped", "set", "sku", pair)
        assert done.returncode == 2
        assert says in done.stderr
    done = scene.knect("unmapped", "set", "sku", f"{MISSING}=KN-2")
    assert done.stdout == (
        f"sku {MISSING} is KN-2 at acme-erp; {len(waiting)} waiting go on with the next run\n"
    )
    done = scene.knect("run", *FILES, "-q")
    assert done.returncode == 0, done.stderr
    assert scene.status()["waiting"] == 0
    (found,) = json.loads(scene.knect("find", waiting[0][0], "-o", "json").stdout)
    assert found["fate"] == "delivered"


def test_a_wish_is_handed_to_the_living_worker(scene: Scene, ran: str) -> None:
    """On SQLite only the worker writes; beside it a command is not refused, it is carried out."""
    worker = scene.worker(lease=600)
    until(worker.is_up, "the worker serves")
    key = _rows(scene, "select key from transactions where fate = 'delivered' limit 1")[0][0]
    seen = scene.status()["seen"]
    done = scene.knect("replay", key)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1 transaction: delivered anew")
    replayed = "select fate from transactions where replay_of is not null"
    until(lambda: _rows(scene, replayed) == [("unchanged",)], "it was replayed")
    assert scene.status()["seen"] == seen + 1
    second = scene.knect("run", *FILES, "-q")
    assert second.returncode == 1
    assert "another knect process writes this ledger; stop it" in second.stderr
    # it works on a copy, in which nobody else is at work: no lease of ten minutes is waited for
    assert scene.knect("plan", *FILES).returncode == 0
    worker.process.send_signal(signal.SIGTERM)
    assert worker.wait(20) == 0
    assert _rows(scene, "select count(*) from transactions where holder is not null") == [(0,)]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130)], ids=["int", "term"]
)
def test_an_interrupted_run_hands_its_work_back(
    scene: Scene, ran: str, number: signal.Signals, code: int
) -> None:
    """130 whoever asks: a run that was to come to its end did not."""
    scene.control(scene.erp, "faults", {"hang": 1.0})
    scene.control(scene.shop, "do/create_orders", {"count": 3})
    worker = scene.worker(follow=False, request=2)
    until(
        lambda: (
            _rows(scene, "select count(*) from transactions where holder is not null") != [(0,)]
        ),
        "it has work in hand",
    )
    began = time.monotonic()
    os.kill(worker.process.pid, number)
    assert worker.wait(30) == code
    assert time.monotonic() - began < 20
    assert _rows(scene, "select count(*) from transactions where holder is not null") == [(0,)]
    assert "what was in hand is given back" in worker.log.read_text()
    assert "Traceback" not in worker.log.read_text()
    scene.calm()
    done = scene.knect("run", *FILES, "-q")
    assert done.returncode == 0, done.stderr
    total = scene.status()
    assert (total["balanced"], total["in_flight"], total["unknown"]) == (True, 0, 0)


@pytest.mark.parametrize(
    ("ledger", "code", "says"),
    [
        ("text.db", 1, "text.db: the file is no SQLite database"),
        ("other.db", 1, "other.db is no Knect ledger"),
        ("cut.db", 1, "cut.db: the ledger is damaged"),
        (".", 1, ". is a folder and no ledger"),
        ("postgresql://ana@127.0.0.1:1/db", 2, "one on a database server is not copied"),
    ],
)
def test_a_plan_from_what_is_no_ledger_is_refused(
    scene: Scene, ran: str, ledger: str, code: int, says: str
) -> None:
    (scene.folder / "text.db").write_text("no ledger")
    (scene.folder / "cut.db").write_bytes(scene.ledger.read_bytes()[:30_000])
    with sqlite3.connect(scene.folder / "other.db") as plain:
        plain.execute("create table if not exists t (a)")
    plain.close()
    done = scene.knect("plan", *FILES, "--ledger", ledger)
    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr


def test_while_a_worker_stays_commands_need_no_names(scene: Scene, ran: str) -> None:
    """What is asked about is the run that is under way here, not the one before it."""
    folder = scene.folder / "staying"
    folder.mkdir()
    documents = ("-f", str(scene.folder / "documents"), "--allow", "127.0.0.1")
    words = ("run", *documents, "--ledger", "own.db", "--follow", "-q")
    worker = scene.process(*words, cwd=folder)
    until(
        lambda: scene.process("status", "-o", "name", cwd=folder).communicate()[0] == "orders\n",
        "the ledger of the run that stays is found",
    )
    worker.send_signal(signal.SIGTERM)
    worker.communicate(timeout=20)
    assert worker.returncode == 0


def test_a_destination_that_lets_nobody_in_is_a_failed_run(scene: Scene, ran: str) -> None:
    """As a source is: a run that delivers nothing of what it read did not do what was asked."""
    scene.control(scene.shop, "do/create_orders", {"count": 2})
    scene.control(scene.erp, "do/rotate", {"key": "another"})
    done = scene.knect("run", *FILES, "-q")
    assert done.returncode == 1
    (said,) = [line for line in done.stderr.splitlines() if line.startswith("✗")]
    assert said.startswith("✗ orders: ")
    assert " wait for acme-erp (" in said
    others = scene.folder / "others"
    others.mkdir()
    text = (scene.folder / "documents" / "all.yaml").read_text()
    (others / "all.yaml").write_text(text.replace("{name: orders}", "{name: others}"))
    scene.control(scene.erp, "do/rotate", {"key": ""})
    beside = ("run", "-f", "others", "--allow", "127.0.0.1", "-q", "--ledger", str(scene.ledger))
    done = scene.knect(*beside)
    assert (done.returncode, done.stderr) == (0, ""), "it is not its pipeline that waits"
    assert "this key is not known" in said
    assert scene.knect("retry", "--because", "CredentialsRejected").returncode == 0
    assert scene.knect("run", *FILES, "-q").returncode == 0
    assert "CredentialsRejected" not in scene.knect("stuck").stdout


def test_a_folder_that_remembers_nothing_stops_no_run(scene: Scene, ran: str) -> None:
    """The ledger is elsewhere; that commands here will have to name it is no failure."""
    folder = scene.folder / "forgetful"
    folder.mkdir()
    (folder / ".knect").write_text("no folder can be made here")
    documents = ("-f", str(scene.folder / "documents"), "--allow", "127.0.0.1")
    run = scene.process("run", *documents, "--ledger", "own.db", "-q", cwd=folder)
    _, err = run.communicate()
    assert (run.returncode, err) == (0, "")


def test_an_end_that_is_not_there_is_a_sentence(scene: Scene, ran: str) -> None:
    folder = Path(scene.folder / "elsewhere")
    folder.mkdir()
    text = (scene.folder / "documents" / "all.yaml").read_text()
    (folder / "all.yaml").write_text(text.replace(scene.shop, "http://127.0.0.1:9"))
    done = scene.knect("check", "-f", "elsewhere", "--allow", "127.0.0.1")
    assert done.returncode == 1
    assert "✗ acme-shop: " in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    good = scene.knect("check", *FILES)
    assert good.returncode == 0, good.stdout
    assert "✔ acme-shop: " in good.stdout
    assert "shpat_simulated" not in done.stdout + done.stderr + good.stdout + good.stderr


def test_no_secret_is_left_anywhere(scene: Scene, ran: str) -> None:
    """Not in the ledger, not beside it, not in what any command has printed so far."""
    canaries = (b"shpat_simulated", b"simulated-secret")
    left = [
        path.name
        for path in scene.folder.rglob("*")
        if path.is_file() and path.name != "all.yaml" and not path.name.endswith(".jsonl")
        if any(canary in path.read_bytes() for canary in canaries)
    ]
    assert left == []


def test_another_shop_under_the_same_name_is_not_worked_for(scene: Scene, ran: str) -> None:
    """Its orders would be changes of the first one's."""
    folder = scene.folder / "moved"
    folder.mkdir()
    text = (scene.folder / "documents" / "all.yaml").read_text()
    text = text.replace("shop: acme.myshopify.com", "shop: outlet.myshopify.com")
    (folder / "all.yaml").write_text(text)
    run = ("run", "-f", "moved", "--allow", "127.0.0.1", "-q", "--ledger", str(scene.ledger))
    done = scene.knect(*run)
    assert (done.returncode, done.stdout) == (1, "")
    says = "Connection acme-shop leads to outlet.myshopify.com now, and to acme.myshopify.com since"
    assert says in done.stderr
    assert "spec.movedFrom: ['acme.myshopify.com']" in done.stderr
    same = text.replace(
        "connector: shopify", "connector: shopify\n  movedFrom: [acme.myshopify.com]"
    )
    (folder / "all.yaml").write_text(same)
    done = scene.knect(*run)
    assert (done.returncode, done.stderr) == (0, "")
