"""What is told of much: a screenful, and where the rest is."""

import json

import pytest
from tests.unit.cli.terminal import Terminal
from tests.unit.ledger.book import SECOND, Book

from knect.ledger import schema as s
from knect.ledger.actions import note_action
from knect.ledger.questions.checks import Finding
from knect.ledger.questions.health import store_findings
from knect.ledger.timeline import Event, encode


async def _hundred_causes(book: Book) -> None:
    await book.see(*(str(n) for n in range(100)))
    for row in await book.claim():
        await book.end(
            [row], "waiting", reason="UnknownSku", value=row.source_id, message="m",
            waits_for=f"sku:{row.source_id}@erp", stage="mapped", acts="operations",
        )  # fmt: skip


async def _long_story(book: Book) -> None:
    await book.see("1001", keys=[("number", "1001")])
    (row,) = await book.claim()
    events = [Event(n, "in_flight", book.now + n * SECOND, note=f"note {n}.") for n in range(500)]
    await book.end([row], "delivered", timeline=encode(events))
    effect = {
        "transaction": row.seq, "write": "AddLine", "entity": "orders", "ahead_us": 1,
    }  # fmt: skip
    lines = [
        {
            **effect, "position": n, "name": f"line{n}", "key": f"k{n}", "external_id": f"x{n}",
            "state": "failed" if n == 250 else "done",
        }
        for n in range(1, 301)
    ]  # fmt: skip
    calls = [
        {
            "span_id": f"s{n}", "trace_id": "t", "connection": "erp", "method": "POST",
            "template": f"/lines/{n}", "host": "erp", "started_us": n, "duration_ms": 1.0,
        }
        for n in range(2000)
    ]  # fmt: skip
    links = [{"transaction": row.seq, "span_id": f"s{n}"} for n in range(2000)]
    for table, rows in ((s.effects, lines), (s.exchanges, calls), (s.exchange_links, links)):
        await book.ledger.write(lambda c, t=table, r=rows: c.execute(t.insert(), r))  # type: ignore[misc]


@pytest.mark.parametrize(("command", "rows"), [("stuck", "m  "), ("unmapped", "erp  ")])
def test_a_table_of_causes_ends_and_scripts_get_all(
    knect: Terminal, command: str, rows: str
) -> None:
    knect.write(_hundred_causes)
    code, out, _ = knect.on_ledger(command)
    assert code == 0
    assert out.count(rows) == 50
    assert f"all of them: knect {command} -o json" in out
    assert len(json.loads(knect.on_ledger(command, "-o", "json").out)) == 100
    assert len(knect.on_ledger(command, "-o", "name").out.splitlines()) == 100


def test_a_long_activity_ends_and_scripts_get_all(knect: Terminal) -> None:
    async def nothing(_book: Book) -> None:
        pass

    async def work(book: Book) -> None:
        for number in range(60):
            await book.ledger.write(
                lambda c, n=number: note_action(  # type: ignore[misc]
                    c, verb="retry", selector=f"o{n}", actor="ana", reason=None, count=1, now_us=n
                )
            )

    knect.write(nothing)
    assert "Nobody did anything yet" in knect.on_ledger("activity").out
    knect.write(work)
    code, out, _ = knect.on_ledger("activity")
    assert code == 0
    assert out.count("ana") == 50
    assert out.splitlines()[1].split()[-2] == "o59"
    assert "all of it: knect activity -o json" in out
    assert len(json.loads(knect.on_ledger("activity", "-o", "json").out)) == 60


def test_a_table_of_causes_fails_on_what_it_does_not_show(knect: Terminal) -> None:
    knect.write(_hundred_causes)
    code, out, _ = knect.on_ledger("stuck", "--fail-on-stuck")
    assert code == 4
    assert len(out.splitlines()) < 60


def test_a_long_story_is_told_from_both_ends(knect: Terminal) -> None:
    knect.write(_long_story)
    name = knect.on_ledger("find", "1001", "-o", "name").out.strip()
    code, out, _ = knect.on_ledger("show", name)
    assert code == 0
    assert len(out.splitlines()) < 250
    for told in (
        "note 0.", "note 499.", "line250", "241 effects are left out",
        "/lines/1999", "1940 earlier calls are left out",
    ):  # fmt: skip
        assert told in out, told
    document = json.loads(knect.on_ledger("show", name, "-o", "json").out)
    assert [len(document[part]) for part in ("timeline", "effects", "calls")] == [64, 301, 2000]
    found = knect.on_ledger("find", "1001").out
    assert "note 499." in found
    assert "44 earlier events: knect show" in found


def test_what_is_stuck_in_a_pipeline_that_is_not_there_is_not_nothing(knect: Terminal) -> None:
    """ "Nothing is stuck." to a mistyped name would be believed."""
    knect.write(_hundred_causes)
    code, out, err = knect.on_ledger("stuck", "ordres")
    assert (code, out) == (3, "")
    assert err == "the ledger knows no pipeline 'ordres'; it knows orders\n"


async def _lost_much(book: Book) -> None:
    await book.see("1")
    await book.work("delivered")
    lost = [
        Finding(kind="MissingAtDestination", pipeline="orders", key=f"{n}", sentence=f"{n} is gone")
        for n in range(700)
    ]
    other = Finding(kind="NeverSeen", pipeline="my-orders mirror", key="x", sentence="x is unseen")
    await book.ledger.write(lambda c: store_findings(c, ["orders"], lost, book.now))
    await book.ledger.write(lambda c: store_findings(c, ["mirror"], [other], book.now))


def test_what_an_audit_found_of_a_loss_is_a_screenful(knect: Terminal) -> None:
    knect.write(_lost_much, "orders", "mirror")
    code, out, _ = knect.on_ledger("status")
    assert code == 0
    assert out.count("is gone") == 20
    assert "… and 681 more of what the last audits found" in out
    document = json.loads(knect.on_ledger("status", "-o", "json").out)
    assert (len(document["warnings"]), document["more_warnings"]) == (500, 201)


def test_of_a_pipeline_only_its_own_warnings_are_told(knect: Terminal) -> None:
    knect.write(_lost_much, "orders", "mirror")
    out = knect.on_ledger("status", "mirror").out
    assert "x is unseen" in out
    assert "is gone" not in out
    assert "x is unseen" not in knect.on_ledger("status", "orders").out


def test_an_audit_that_asked_nobody_is_not_called_good(knect: Terminal) -> None:
    knect.write(_hundred_causes)
    code, out, _ = knect.on_ledger("status", "--audit")
    assert code == 1
    assert "✗ both ends were not asked" in out
    assert "what was asked has nothing missing" in out
    assert "✔" not in out
    document = json.loads(knect.on_ledger("status", "--audit", "-o", "json").out)
    assert document["not_asked"] == ["both ends were not asked: name the pipelines' files with -f"]
