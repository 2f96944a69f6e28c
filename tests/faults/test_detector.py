"""The detector is tested, too: what somebody removed by hand is named by `knect status --audit`."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.evidence import history_of
from tests.faults.scene import Scene, a_scene

from knect.history import check

pytestmark = pytest.mark.faults

SKUS = ("KN-100", "KN-200", "KN-300", "KN-400", "KN-500")


@pytest.fixture
def delivered(tmp_path: Path) -> Iterator[Scene]:
    """Twenty orders, delivered."""
    with a_scene(tmp_path) as scene:
        scene.start_shop(seed=3, faults={}, orders=20)
        scene.start_erp(seed=3, faults={}, skus=SKUS)
        scene.declare()
        assert scene.worker(follow=False).wait() == 0
        assert scene.status()["delivered"] == 20
        yield scene


def _audit(scene: Scene, *more: str) -> tuple[int, str]:
    done = scene.knect(
        "status", "--audit", "-f", "documents", "--ledger", str(scene.ledger),
        "--allow", "127.0.0.1", *more,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout


def _delete_row(scene: Scene, key: str) -> None:
    with sqlite3.connect(scene.ledger) as connection:
        connection.execute("pragma foreign_keys = on")
        connection.execute("delete from transactions where key = ?", (key,))
    connection.close()


def test_nothing_is_named_while_nothing_is_missing(delivered: Scene) -> None:
    code, text = _audit(delivered)
    assert (code, "the audit found nothing missing" in text) == (0, True)


def test_a_deleted_document_and_a_deleted_row_are_both_named(delivered: Scene) -> None:
    document = delivered.control(delivered.erp, "state")["documents"][4]
    row = delivered.control(delivered.erp, "state")["documents"][11]
    delivered.control(delivered.erp, "do/delete_document", {"id": document["id"]})
    _delete_row(delivered, row["order"])

    code, text = _audit(delivered, "-o", "json")
    assert code == 1
    told = json.loads(text)
    assert {(one["kind"], one["key"]) for one in told["audit"]} == {
        ("MissingAtDestination", document["order"]),
        ("MissingTransaction", row["order"]),
    }
    assert told["total"]["balanced"] is False
    code, text = _audit(delivered)
    assert code == 1
    words = " ".join(text.split())
    assert f"{document['order']} was delivered to acme-erp as {document['number']}" in words
    assert f"{row['order']} (acme-shop orders " in words
    assert "NO, +1 missing" in words

    found = {one.invariant: one.excerpt for one in check(history_of(delivered))}
    assert document["order"] in found["I4"]
    assert "no transaction for" in found["I1"]
