"""What must hold of a simulated world at rest: the history checker's invariants, and a few more.

Must not: import the engine.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from msgspec import structs
from tests.determ.setting import BY_HAND, LIMIT

from knect.history import (
    INVARIANTS,
    Call,
    Document,
    History,
    LedgerDump,
    SourceRecord,
    Violation,
    dump_of,
)
from knect.ledger.payload import unpack

if TYPE_CHECKING:
    from tests.determ.simulation import Simulation

__all__ = ["is_at_rest", "is_over", "judge", "restless"]

#: What a pipeline was not given of what had changed since it began; it may begin by another clock.
#: Of what is gone it is told what it once had. After a change of its filter it may have had the same,
#: or something newer, from another feed.
_NOT_GIVEN = """
select p.pipeline, v.connection, v.source_id, v.seq, v.hash, v.deleted from subscriptions p join versions v on v.feed = p.feed
where v.at_us >= p.start_us + ?
  and not exists (select 1 from versions n where n.feed = v.feed and n.source_id = v.source_id and n.seq > v.seq)
  and coalesce((select g.hash != v.hash and g.seq < v.seq from transactions t
    join versions g on g.seq = t.version
    where t.pipeline = p.pipeline and t.source_id = v.source_id order by g.seq desc limit 1), 1)
"""

#: The last word on each record of the shops' own pipelines, where it was delivered, and what a person
#: set in it.
_LAST_DELIVERED = """
select v.connection, t.source_id, t.edits, case when t.edits is null then x'' else p.body end
from transactions t join versions v on v.seq = t.version left join payloads p on p.hash = t.edits
where t.pipeline != 'watch' and t.entity = 'orders' and t.fate = 'delivered' and not v.deleted
  and not exists (select 1 from transactions n where n.pipeline = t.pipeline
    and n.source_id = t.source_id and n.seq > t.seq)
"""
_MOVING = "fate in ('in_flight', 'unknown') or next_us > 0"
_UNREAD = "select count(*) from inbox where window is null"
_READ = (
    "select count(*) from feeds f join subscriptions p on p.feed = f.seq where f.connection = ? and not exists (select 1 from windows w where w.feed = f.seq "
    "and w.kind = 'poll' and w.closed_us is not null and w.until_us >= ?)"
)
#: Who was not yet read for.
_UNSERVED = "select count(*) from subscriptions where served_us < ?"


#: A shop that tells the time in seconds is read up to the end of the one it tells: a window may
#: end so much after it was read.
_SECOND_US = 1_000_000


def is_at_rest(sim: "Simulation", calm_us: Mapping[str, int]) -> bool:
    """Tell whether everything was read since calm began, by each shop's own clock, and nothing
    moves by itself.
    """
    raw = sim.database.raw
    return (
        all(
            raw.execute(_READ, (shop, since_us + _SECOND_US)).fetchone()[0] == 0
            for shop, since_us in calm_us.items()
        )
        and raw.execute(_UNSERVED, (calm_us["shop"],)).fetchone()[0] == 0
        and raw.execute("select count(*) from feeds").fetchone()[0] > 0
        and not any(_moves(sim, row) for row in _moving(sim))
        and not _not_given(sim)
        and (not sim.setting.hooks or raw.execute(_UNREAD).fetchone()[0] == 0)
    )


def _not_given(sim: "Simulation") -> list[Any]:
    """Return what a pipeline was never given: its name, and which record's version."""
    raw = sim.database.raw
    there = {row[0] for row in raw.execute("select pipeline from subscriptions")}
    wanted = {"orders", *(["watch"] if sim.watcher else []), *sim.shops.keys() - {"shop"}}
    if nothing := wanted - there:
        return [(name, "anything") for name in sorted(nothing)]
    given = sim.memory.given
    once = {*given, *raw.execute("select distinct pipeline, source_id from transactions")}
    return [
        (name, record, version)
        for name, shop, record, version, digest, deleted in raw.execute(_NOT_GIVEN, (5_000_000,))
        if not _was_given(given.get((name, record)), version, digest)
        and (not deleted or (name, record) in once)
        and not _is_let_go(sim, shop, record, digest)
    ]


def _is_let_go(sim: "Simulation", shop: str, record: str, digest: str) -> bool:
    """Tell whether it is gone at the source, and its content, too; or another filter showed it to
    others while it was there, and to this one when it was not.
    """
    if record in sim.shops[shop].records or digest == "deleted":
        return False
    raw = sim.database.raw
    stored = raw.execute("select 1 from payloads where hash = ?", (digest,)).fetchone()
    feeds = raw.execute(
        "select count(*) from feeds where entity = 'orders' and connection = ?", (shop,)
    ).fetchone()[0]
    return stored is None or feeds > 1


def _was_given(last: tuple[int, str] | None, version: int, digest: str) -> bool:
    return last is not None and (last[1] == digest or last[0] >= version)


def _moving(sim: "Simulation") -> list[Any]:
    query = f"select fate, reason, value from transactions where {_MOVING}"
    return sim.database.raw.execute(query).fetchall()


def _moves(sim: "Simulation", row: Any) -> bool:
    """Tell whether something will come of it: a child of what never gets there is asked for ever."""
    fate, reason, value = row
    parent = f"shop:{value}"
    there = any(one["external_id"] == parent for one in sim.erp.documents.values())
    there = there and not (_is_of_nobody(sim, parent) or _is_left_out(sim, "shop", value))
    return not (fate == "waiting" and reason == "ParentNotDelivered" and not there)


def restless(sim: "Simulation") -> list[str]:
    """Say what does not come to rest."""
    rows = sim.database.raw.execute(
        "select key, pipeline, fate, stage, reason, message, holder, next_us from transactions "
        f"where {_MOVING} limit 5"
    ).fetchall()
    feeds = sim.database.raw.execute("select connection, entity, failure from feeds").fetchall()
    hints = sim.database.raw.execute(_UNREAD).fetchone()[0]
    lives = [(one.place, one.alive, one.ready, one.complaint) for one in sim.processes]
    if missed := _not_given(sim):
        return [f"given: never given: {missed} {feeds} {lives} {sim.defects}"]
    return [f"rest: it does not come to rest: {rows} {feeds} {hints} hints, {lives} {sim.defects}"]


def judge(sim: "Simulation", second_read: datetime) -> list[str]:
    """Return every violation, each in one line."""
    dump = dump_of(sim.database.raw)
    found = [
        f"{one.invariant} {one.excerpt}" for one in _broken(sim, _history(sim, dump, second_read))
    ]
    found += _versions_differ(sim)
    found += _gone(sim)
    found += _webhooks(sim)
    found += _leases(sim)
    found += [f"I13 a log line says it: {line}" for line in sim.leaked]
    found += _told(sim)
    found += _by_hand(sim)
    found += _unasked(sim)
    found += [f"defect: {text}" for text in sim.defects]
    return found


def _broken(sim: "Simulation", history: History) -> Iterator[Violation]:
    """Check all; nobody can say whose the calls were that a lost ledger had written down."""
    remembered = structs.replace(
        history,
        source_calls=[one for one in history.source_calls if not _is_forgotten(sim, one)],
        destination_calls=[one for one in history.destination_calls if not _is_forgotten(sim, one)],
    )
    in_sum = structs.replace(history, ledger=dump_of(sim.database.raw))
    histories = {"I1": in_sum, "I7": remembered}
    for name, invariant in INVARIANTS.items():
        for one in invariant(histories.get(name, history)):
            if not _is_of_what_was_deleted(sim, one):
                yield one


def _is_of_what_was_deleted(sim: "Simulation", found: Violation) -> bool:
    """Tell whether it is said of a document a clerk deleted: it was there, and was made once more."""
    gone = sim.erp.gone
    if found.invariant == "I2":
        return any(f" as {one} " in found.excerpt for one in gone)
    number = found.excerpt.partition(":")[0]
    times = sum(one["number"] == number for one in gone.values())
    return found.invariant == "I3" and times > 0 and found.excerpt.count("create sent") <= times + 1


def _is_forgotten(sim: "Simulation", call: Call) -> bool:
    return any(since <= call.time <= until for since, until in sim.forgotten)


def _history(sim: "Simulation", dump: LedgerDump, second_read: datetime) -> History:
    tombstones = {
        (row[0], row[1], row[2])
        for row in sim.database.raw.execute(
            "select connection, entity, source_id from versions where deleted = 1"
        )
    }
    records = [
        _record(sim, shop, i, raw, tombstones)
        for shop, one in sim.shops.items()
        for i, raw in one.known.items()
    ]
    network = sim.network
    return History(
        ledger=sim.memory.with_it(dump),
        source_calls=network.source_calls,
        destination_calls=[
            one
            for one in network.destination_calls
            if not (_is_forgotten(sim, one) and one.key and _is_of_nobody(sim, one.key))
        ],
        records=[one for one in records if one is not None],
        documents=[
            _document(sim, i, d)
            for i, d in sim.erp.documents.items()
            if not _is_of_nobody(sim, d["external_id"])
        ],
        now_us=int(sim.clock.now().timestamp() * 1e6),
        second_read=second_read,
    )


def _record(
    sim: "Simulation",
    shop: str,
    record_id: str,
    raw: dict[str, Any],
    tombstones: set[tuple[str, str, str]],
) -> SourceRecord | None:
    """Return what the ERP must hold of a record. A deletion nobody told of stays unknown."""
    entity = raw["entity"]
    if entity == "payments":
        return SourceRecord(
            entity=entity, id=record_id, key=record_id, connection=shop,
            content={"amount": Decimal(raw["amount"])},
        )  # fmt: skip
    gone = record_id not in sim.shops[shop].records
    if not gone and not is_over(raw):
        return SourceRecord(
            entity=entity, id=record_id, key=raw["number"], connection=shop, currency="EUR",
            total=Decimal(raw["total"]), lines=len(raw["lines"]),
            content={"number": raw["number"], "note": raw["note"], "total": Decimal(raw["total"]),
                     "state": "open"},
        )  # fmt: skip
    if gone and not _was_seen(sim, shop, record_id):
        return None  # it came and went between two looks
    held = [d for d in sim.erp.documents.values() if d["external_id"] == f"{shop}:{record_id}"]
    content = None
    if held and (not gone or (sim.setting.cancels and (shop, entity, record_id) in tombstones)):
        content = {"state": "cancelled"}
    return SourceRecord(
        entity=entity, id=record_id, key=raw["number"], connection=shop,
        currency="EUR" if held else None,
        total=held[0]["total"] if held else None, lines=len(held[0]["lines"]) if held else 0,
        content=content,
    )  # fmt: skip


def _document(sim: "Simulation", identifier: str, held: dict[str, Any]) -> Document:
    is_order = sim.erp.entities[identifier] == "orders"
    return Document(
        entity=sim.erp.entities[identifier],
        id=identifier,
        external_id=held["external_id"],
        number=identifier,
        currency="EUR" if is_order else None,
        total=held["total"] if is_order else None,
        lines=len(held["lines"]) if is_order else None,
        content=held,
        applied=sim.erp.applied.get(identifier, [])[sim.applied_before.get(identifier, 0) :],
    )


def _is_of_nobody(sim: "Simulation", external_id: str) -> bool:
    """Tell whether all it came from was deleted, and the ledger that knew of it was lost; the one
    of now has not found it in time. For an order that is over nobody looks for its customer, and for
    one that somebody skipped, or a rule holds, nobody looks at all; nor for what somebody had set.
    """
    by_email = external_id.startswith("email:")
    came_from = [
        (
            record_id in one.records
            and not any(_is_left_out(sim, shop, x) for x in (record_id, raw.get("order"))),
            by_email and is_over(raw),
        )
        for shop, one in sim.shops.items()
        for record_id, raw in one.known.items()
        if external_id
        in (
            f"{shop}:{record_id}",
            f"{shop}:payments/{record_id}",
            f"email:{raw.get('email')}",
        )
    ]
    by_hand = external_id == f"email:{BY_HAND}"
    if not sim.forgotten or not (came_from or by_hand):
        return False
    if any(there and not over for there, over in came_from):
        return False
    query = "select 1 from effects where external_id = ? and state = 'done'"
    known = sim.database.raw.execute(query, (external_id,)).fetchone() is not None
    return not known and not sim.memory.made(external_id)


def _is_left_out(sim: "Simulation", shop: str, record_id: str | None) -> bool:
    """Tell whether somebody skipped it, or a rule holds it."""
    query = (
        "select t.reason in ('SkippedByPerson', 'AdmitWait') from transactions t join versions v on v.seq = t.version "
        "where v.connection = ? and t.source_id = ? and t.pipeline != 'watch' "
        "order by t.seq desc limit 1"
    )
    return sim.database.raw.execute(query, (shop, record_id)).fetchone() == (1,)


def is_over(raw: dict[str, Any]) -> bool:
    """Tell whether an order was cancelled, or has nothing left in it."""
    return "cancelled_at" in raw or raw.get("lines") == []


def _was_seen(sim: "Simulation", shop: str, record_id: str) -> bool:
    query = "select 1 from versions where connection = ? and source_id = ?"
    return sim.database.raw.execute(query, (shop, record_id)).fetchone() is not None


def _versions_differ(sim: "Simulation") -> Iterator[str]:
    """No version is recorded twice in a row."""
    last: dict[tuple[int, str], tuple[str, str]] = {}
    rows = sim.database.raw.execute(
        "select feed, source_id, token, hash from versions order by seq"
    )
    for feed, source_id, token, digest in rows:
        name = (feed, source_id)
        if last.get(name) == (token, digest):
            yield f"version {source_id}: recorded twice in a row ({token})"
        last[name] = (token, digest)


def _gone(sim: "Simulation") -> Iterator[str]:
    """Whoever was shown something of a window was given all that was new in it: an audit says so,
    too, and would take what is missing for lost.
    """
    rows = sim.database.raw.execute(
        "select n.pipeline, v.source_id, v.seq, n.window from sightings n "
        "join versions v on v.window = n.window where not v.retired and not exists (select 1 from transactions t "
        "where t.version = v.seq and t.pipeline = n.pipeline)"
    )
    for pipeline, source_id, version, window in rows:
        yield f"gone {source_id}: version {version} of window {window} is not in {pipeline}"


def _webhooks(sim: "Simulation") -> Iterator[str]:
    """What was acknowledged is on disk, once; what was forged is not."""
    stored = [row[0] for row in sim.database.raw.execute("select event_id from inbox")]
    for event in sorted(sim.acked - set(stored)):
        yield f"webhook {event}: acknowledged, and not on disk"
    for event in sorted(sim.forged & set(stored)):
        yield f"webhook {event}: forged, and stored"
    if len(stored) > len(sim.events):
        yield f"webhooks: {len(sim.events)} events were sent, and {len(stored)} hints are on disk"


def _leases(sim: "Simulation") -> Iterator[str]:
    """After a good end nobody holds anything; but a feed that no pipeline has any more, by a copy of
    the ledger.
    """
    for name, holder in sim.database.raw.execute("select name, holder from leases"):
        if name.startswith("feed:"):
            died = any(one.holder == holder and one.life.dead for one in sim.processes)
            if not died and not sim.forgotten:
                yield f"I9 {name}: held by {holder}, which has ended"
        else:
            yield f"I9 {name}: a business key is held by {holder} though all is done"


def _unasked(sim: "Simulation") -> Iterator[str]:
    """What a rule held from the beginning is not at the ERP unless somebody let it pass; but what was
    let in once, and is valid again.
    """
    if not sim.ruled_all:
        return
    for identifier, notes in sim.erp.applied.items():
        shop, _, record = sim.erp.documents[identifier]["external_id"].partition(":")
        told = sim.shops[shop].told
        once_over = any(raw["id"] == record and is_over(raw) for raw in told.values())
        for note in notes:
            is_held = Decimal(told[note]["total"]) > LIMIT and (shop, note) not in sim.approved
            if is_held and not once_over:
                yield f"rule {shop}:{record}: {note} is in the ERP, and nobody let it pass"


def _by_hand(sim: "Simulation") -> Iterator[str]:
    """What a person set is in the ERP, where that was delivered; and nothing that was taken back, or
    that a newer version of the shop's replaced.
    """
    if sim.forgotten:
        return  # whose word it was went with it
    for shop, record, edits, body in sim.database.raw.execute(_LAST_DELIVERED):
        for held in sim.erp.documents.values():
            if held["external_id"] != f"{shop}:{record}" or "email" not in held:
                continue
            if is_over(sim.shops[shop].known[record]):
                continue  # of what is over nothing is written but that
            asked = edits is not None and BY_HAND.encode() in unpack(body or b"")
            if body is not None and (held["email"] == BY_HAND) != asked:
                yield f"hand {shop}:{record}: the ERP has {held['email']}, set by hand: {asked}"


def _told(sim: "Simulation") -> Iterator[str]:
    """Masked values stand in no sentence for people."""
    rows = sim.database.raw.execute(
        "select key, message, value, timeline from transactions where message like '%canary%' "
        "or value like '%canary%' or timeline like '%canary%'"
    )
    for row in rows:
        yield f"I13 {row[0]}: a masked value is shown: {row[1:]}"
