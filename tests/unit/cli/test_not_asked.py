"""What was not asked is not called good, and what was never read is said to be so."""

import json

from sqlalchemy import update
from tests.unit.cli.terminal import Answer, Terminal
from tests.unit.ledger.book import Book

from knect.ledger import schema as s
from knect.ledger.windows import close_window

FILES = """\
apiVersion: knect.dev/v1alpha1
kind: Connection
metadata: {name: shop}
spec:
  connector: shopify
  role: Spoke
  config: {shop: acme.myshopify.com, apiVersion: "2026-04", baseUrl: "http://127.0.0.1:1"}
  credentials: {secretRef: {name: shop}}
---
apiVersion: v1
kind: Secret
metadata: {name: shop}
stringData: {accessToken: shpat_x, webhookSecret: x}
---
apiVersion: knect.dev/v1alpha1
kind: Connection
metadata: {name: outlet}
spec:
  connector: shopify
  role: Spoke
  config: {shop: outlet.myshopify.com, apiVersion: "2026-04", baseUrl: "http://127.0.0.1:1"}
  credentials: {secretRef: {name: shop}}
---
apiVersion: knect.dev/v1alpha1
kind: SyncPipeline
metadata: {name: orders}
spec:
  entity: orders
  source: {connectionRef: {name: shop}, start: Beginning}
  destination: {connectionRef: {name: outlet}, write: Upsert}
  trigger: {poll: {every: 5m}}
"""


async def _nothing(_: Book) -> None:
    """Leave the feed as it is laid."""


async def _one_read(book: Book) -> None:
    await book.see("1001")
    (window,) = await book.rows(s.windows)
    await book.ledger.write(
        lambda c: close_window(
            c, feed=book.feed.seq, window=window.seq, cursor_us=book.now, now_us=book.now
        )
    )


async def _begins_at_noon(book: Book) -> None:
    begins = update(s.subscriptions).values(start_us=book.now)
    await book.ledger.write(lambda c: c.execute(begins))


def _audited(knect: Terminal) -> tuple[Answer, list[str]]:
    (knect.folder / "all.yaml").write_text(FILES)
    words = ("status", "--audit", "-f", "all.yaml", "--allow", "127.0.0.1")
    said = knect.on_ledger(*words)
    as_json = knect.on_ledger(*words, "-o", "json")
    assert as_json.code == said.code
    assert "✔" not in said.out, said
    return said, json.loads(as_json.out)["not_asked"]


def test_what_was_never_read_has_no_date(knect: Terminal) -> None:
    knect.write(_nothing)
    assert "  shop orders: no read is complete yet\n" in knect.on_ledger("status").out
    assert "  shop orders: no read is complete yet\n" in knect.on_ledger("find", "1001").out
    feeds = json.loads(knect.on_ledger("status", "-o", "json").out)["feeds"]
    assert feeds[0]["complete_until"] is None


def test_status_says_from_when_on_a_feed_was_read(knect: Terminal) -> None:
    """A ledger that was lost and laid anew begins later; nothing else tells of what is missing."""
    knect.write(_one_read)
    assert "shop orders: reads are complete until " in knect.on_ledger("status").out
    knect.write(_begins_at_noon)
    said = "shop orders: reads are complete from 2026-11-01 12:00 UTC until "
    assert said in knect.on_ledger("status").out
    assert said in knect.on_ledger("find", "999").out
    (feed,) = json.loads(knect.on_ledger("status", "-o", "json").out)["feeds"]
    assert feed["complete_from"] == "2026-11-01T12:00:00.000Z"


def test_an_audit_of_a_source_that_was_never_read_compared_nothing(knect: Terminal) -> None:
    knect.write(_nothing)
    said, notes = _audited(knect)
    assert said.code == 1
    assert notes == ["shop orders was not asked: no read of it is complete yet"]


def test_an_audit_that_cannot_ask_a_source_has_failed(knect: Terminal) -> None:
    knect.write(_one_read)
    said, (note,) = _audited(knect)
    assert said.code == 1
    assert note.startswith("shop could not be asked for its orders: 127.0.0.1: POST ")


async def _reading_fails(book: Book) -> None:
    await book.work("delivered")
    failing = update(s.feeds).values(failure="unknown host", failing_since_us=book.now)
    await book.ledger.write(lambda c: c.execute(failing))


def test_nothing_is_stuck_is_not_said_of_a_source_that_is_not_read(knect: Terminal) -> None:
    knect.write(_one_read)
    assert "unknown host" not in knect.on_ledger("stuck").out
    knect.write(_reading_fails)
    for words in ((), ("orders",)):
        code, out, _ = knect.on_ledger("stuck", *words)
        assert code == 0
        assert out.startswith("Nothing that was read is stuck, but shop orders: reading has failed")
        assert out.endswith(": unknown host\n")
    assert json.loads(knect.on_ledger("stuck", "-o", "json").out) == []
