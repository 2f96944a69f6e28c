"""A checker that misses a planted violation fails: each test spoils a clean history in one way."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from knect.history import Call, Document, History, SourceRecord, check, render
from knect.history.dump import (
    Effect,
    Event,
    Exchange,
    Hint,
    LedgerDump,
    Life,
    Sighting,
    Transaction,
    Version,
    Window,
)

NOON = datetime(2026, 11, 24, 14, 2, 1, tzinfo=UTC)
NOW_US = int(NOON.timestamp() * 1e6) + 3_600_000_000
READ, CLAIM, LIFE = "a" * 32, "b" * 32, "e" * 32
STAGES = ("discovered", "extracted", "mapped", "resolved", "delivered")


def _timeline(last: str) -> tuple[Event, ...]:
    return tuple(Event(what=s, at_us=0) for s in STAGES[: STAGES.index(last) + 1])


def _transaction(number: int, fate: str = "delivered", **more: Any) -> Transaction:
    stage = more.pop("stage", "delivered" if fate == "delivered" else "mapped")
    return Transaction(
        seq=number,
        id=f"{number:032x}",
        pipeline="orders",
        entity="orders",
        source_id=f"gid/{number}",
        key=str(1000 + number),
        version=number,
        fate=fate,
        stage=stage,
        since_us=NOW_US - 60_000_000,
        calls=CLAIM,
        timeline=more.pop("timeline", _timeline(stage)),
        **more,
    )


def _call(number: int, seconds: float = 0, **more: Any) -> Call:
    fields = {
        "time": NOON + timedelta(seconds=seconds),
        "method": "POST",
        "path": "/documents",
        "key": f"shop:{number}",
        "traceparent": f"00-{CLAIM}-{number:016x}-01",
        "status": 201,
        "committed": True,
    }
    return Call(**{**fields, **more})


def _document(number: int, /, **more: Any) -> Document:
    fields = {
        "entity": "orders",
        "id": f"D{number}",
        "external_id": f"shop:{number}",
        "number": f"SO-{16 + number}",
        "currency": "EUR",
        "total": Decimal("10.10") * number,
        "lines": 1,
        "content": {"note": f"web {1000 + number}"},
        "applied": ("2026-11-24T10", "2026-11-24T11"),
    }
    return Document(**{**fields, **more})


def _record(number: int, **more: Any) -> SourceRecord:
    fields = {
        "entity": "orders",
        "id": f"gid/{number}",
        "key": str(1000 + number),
        "currency": "EUR",
        "total": Decimal("10.10") * number,
        "lines": 1,
        "content": {"note": f"web {1000 + number}"},
    }
    return SourceRecord(**{**fields, **more})


def _effect(number: int, **more: Any) -> Effect:
    return Effect(
        transaction=number,
        name="document",
        entity="orders",
        external_id=f"shop:{number}",
        state=more.pop("state", "done"),
        destination_id=more.pop("destination_id", f"D{number}"),
        **more,
    )


def clean() -> History:
    """Three orders delivered, a fourth skipped, both ends checked once, nothing wrong."""
    return History(
        ledger=LedgerDump(
            transactions=[*map(_transaction, (1, 2, 3)), _transaction(4, "skipped")],
            versions=[
                Version(
                    seq=i, connection="shop", entity="orders", source_id=f"gid/{i}", token="t",
                    window=1,
                )
                for i in (1, 2, 3, 4)
            ],
            windows=[Window(seq=1, kind="poll", trace_id=READ)],
            sightings=[Sighting(window=1, pipeline="orders", seen=4)],
            effects=[_effect(i) for i in (1, 2, 3)],
            exchanges=[
                Exchange(trace_id=READ, span_id="1", method="POST", template="/list", window=1),
                Exchange(trace_id=CLAIM, span_id="2", method="POST", template="/doc", served=3),
            ],
            hints=[Hint(entity="orders", source_id="gid/1", window=1)],
            lives=[Life(holder="w#1", calls=LIFE)],
        ),
        source_calls=[
            Call(time=NOON, method="POST", path="/list", traceparent=f"00-{READ}-{1:016x}-01"),
            Call(
                time=NOON, method="POST", path="/shop", status=200,
                traceparent=f"00-{LIFE}-{2:016x}-01",
            ),
        ],
        destination_calls=[
            *[_call(i) for i in (1, 2, 3)],
            Call(
                time=NOON, method="GET", path="/about", status=200,
                traceparent=f"00-{LIFE}-{3:016x}-01",
            ),
        ],
        records=[_record(i) for i in (1, 2, 3, 4)],
        documents=[_document(i) for i in (1, 2, 3)],
        now_us=NOW_US,
    )  # fmt: skip


def _ledger(history: History, **changes: Any) -> History:
    return structs.replace(history, ledger=structs.replace(history.ledger, **changes))


def _with(items: Any, index: int, **changes: Any) -> list[Any]:
    found = list(items)
    found[index] = structs.replace(found[index], **changes)
    return found


def _transactions(history: History, index: int, **changes: Any) -> History:
    return _ledger(history, transactions=_with(history.ledger.transactions, index, **changes))


def _documents(history: History, index: int, **changes: Any) -> History:
    return structs.replace(history, documents=_with(history.documents, index, **changes))


def _effects(history: History, index: int, **changes: Any) -> History:
    return _ledger(history, effects=_with(history.ledger.effects, index, **changes))


Spoil = Callable[[History], History]

#: What is done to the clean history, the invariant that must be named, words of the excerpt.
PLANTED: dict[str, tuple[Spoil, str, str]] = {
    "a transaction row dropped": (
        lambda h: _ledger(h, transactions=h.ledger.transactions[1:], effects=h.ledger.effects[1:]),
        "I1",
        "orders: 4 seen, but 2 delivered + 1 skipped = 3; no transaction for gid/1",
    ),
    "a count of what was seen altered": (
        lambda h: _ledger(h, sightings=[Sighting(window=1, pipeline="orders", seen=5)]),
        "I1",
        "5 seen",
    ),
    "a fate that does not exist": (
        lambda h: _transactions(h, 3, fate="done-ish"),
        "I1",
        "1004: 'done-ish' is no fate",
    ),
    "an order the ledger never saw": (
        lambda h: structs.replace(h, records=[*h.records, _record(9)]),
        "I2",
        "1009: the source has it (gid/9), the ledger never saw it",
    ),
    "a delivered document that is gone": (
        lambda h: structs.replace(h, documents=h.documents[1:]),
        "I2",
        "as D1 (document), which the destination does not have",
    ),
    "a webhook acknowledged and forgotten": (
        lambda h: _ledger(h, hints=[Hint(entity="orders", source_id="gid/1")]),
        "I2",
        "never looked at",
    ),
    "two documents of one order": (
        lambda h: structs.replace(
            h,
            destination_calls=[
                *_with(h.destination_calls, 0, status=None, fault="commit-then-drop"),
                _call(1, 8),
            ],
            documents=[*h.documents, _document(1, id="D18", number="SO-18")],
        ),
        "I3",
        "1001: create sent 14:02:01 (answer lost), create sent 14:02:09 -> "
        "two documents SO-17, SO-18",
    ),
    "a second create committed, its document deleted since": (
        lambda h: structs.replace(h, destination_calls=[*h.destination_calls, _call(2, 5)]),
        "I3",
        "1002: create sent 14:02:01, create sent 14:02:06 -> document SO-18",
    ),
    "a document of an order whose fate is rejected": (
        lambda h: _transactions(h, 2, fate="rejected", stage="mapped"),
        "I3",
        "1003: create sent 14:02:01 -> document SO-19, and the ledger says rejected",
    ),
    "a document nobody ordered": (
        lambda h: structs.replace(h, documents=[*h.documents, _document(7)]),
        "I3",
        "SO-23, and the ledger knows of no such effect",
    ),
    "a document with other content": (
        lambda h: _documents(h, 1, content={"note": "web 1001"}),
        "I4",
        "1002: SO-18 has note web 1001, the source says web 1002",
    ),
    "two contents swapped": (
        lambda h: _documents(
            _documents(h, 0, content={"note": "web 1002"}), 1, content={"note": "web 1001"}
        ),
        "I4",
        "1001: SO-17 has note web 1002",
    ),
    "two versions swapped": (
        lambda h: _documents(h, 2, applied=("2026-11-24T11", "2026-11-24T10")),
        "I5",
        "1003: SO-19 took version 2026-11-24T10 after 2026-11-24T11",
    ),
    "a cent lost": (
        lambda h: _documents(h, 0, total=Decimal("10.09")),
        "I6",
        "EUR: the source sold 60.60, the destination has 60.59 (-0.01): "
        "1001 10.10 EUR, SO-17 has 10.09 EUR in 1 lines",
    ),
    "a currency swapped": (lambda h: _documents(h, 0, currency="USD"), "I6", "USD"),
    "a line lost": (lambda h: _documents(h, 0, lines=0), "I6", "3 lines sold, 2 at"),
    "a call of a stranger": (
        lambda h: structs.replace(
            h,
            destination_calls=_with(
                h.destination_calls, 1, traceparent=f"00-{'c' * 32}-{1:016x}-01"
            ),
        ),
        "I7",
        f"1002: create sent 14:02:01 at the destination with trace {'c' * 32}",
    ),
    "a read without a trace": (
        lambda h: structs.replace(h, source_calls=_with(h.source_calls, 0, traceparent=None)),
        "I7",
        "at the source with no trace id",
    ),
    "a check by a life the ledger does not know": (
        lambda h: _ledger(h, lives=[Life(holder="w#2", calls="f" * 32)]),
        "I7",
        f"GET /about: GET sent 14:02:01 at the destination with trace {LIFE}, "
        "which no window, claim, exchange or life of the ledger accounts for",
    ),
    "a check without a trace": (
        lambda h: structs.replace(h, source_calls=_with(h.source_calls, 1, traceparent=None)),
        "I7",
        "POST /shop: create sent 14:02:01 at the source with no trace id",
    ),
    "an exchange that served nobody": (
        lambda h: _ledger(h, exchanges=_with(h.ledger.exchanges, 1, served=0)),
        "I7",
        "names neither a window nor a transaction",
    ),
    "a forged stage": (
        lambda h: _transactions(h, 3, stage="resolved"),
        "I8",
        "1004: its stage is resolved, and its timeline has no such step",
    ),
    "a fate ahead of its stage": (
        lambda h: _transactions(h, 0, stage="resolved"),
        "I8",
        "1001: its fate is delivered, its stage resolved",
    ),
    "a write that never was": (
        lambda h: structs.replace(
            h, destination_calls=_with(h.destination_calls, 0, committed=False)
        ),
        "I8",
        "1001: the ledger says document was written as D1; the destination never committed shop:1",
    ),
    "a delivery without an effect": (
        lambda h: _ledger(h, effects=h.ledger.effects[1:]),
        "I8",
        "1001: it is said to be delivered, and no effect of its record is done",
    ),
    "delivering without a row written ahead": (
        lambda h: _transactions(h, 3, fate="waiting", stage="delivering"),
        "I8",
        "1004: it is said to be delivering, and no effect was written ahead",
    ),
    "work in nobody's hands": (
        lambda h: _transactions(h, 3, fate="in_flight"),
        "I9",
        "1004: in flight since 15:01:01 at mapped, in nobody's hands",
    ),
    "an unknown outcome after quiet": (
        lambda h: _transactions(h, 3, fate="unknown", message="no answer within 3 s"),
        "I9",
        "1004: unknown since 15:01:01: no answer within 3 s",
    ),
    "a lease that outlived its holder": (
        lambda h: _transactions(h, 3, fate="in_flight", holder="w#1", lease_us=NOW_US - 1),
        "I9",
        "1004: in the hands of w#1, whose lease ended 15:02:00",
    ),
    "an effect left without an outcome": (
        lambda h: _effects(h, 0, state="ahead"),
        "I9",
        "while its effect document (shop:1) is ahead",
    ),
    "a write by a second read": (
        lambda h: structs.replace(
            h,
            second_read=NOON + timedelta(minutes=5),
            destination_calls=[*h.destination_calls, _call(3, 301, method="PUT")],
        ),
        "I10",
        "1003: update sent 14:07:02, though nothing had changed since 14:07:01",
    ),
}


def test_a_clean_history_has_no_violation() -> None:
    assert check(clean()) == []
    assert render([]) == "no violation"


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_violation_is_named(what: str) -> None:
    spoil, invariant, words = PLANTED[what]
    found = check(spoil(clean()))
    named = [one for one in found if one.invariant == invariant]
    assert named, f"missed; found only {render(found)}"
    assert any(words in one.excerpt for one in named), render(found)
    assert words in render(found)


def test_there_are_enough_of_them_and_every_invariant_is_tried() -> None:
    assert len(PLANTED) >= 15
    assert {invariant for _, invariant, _ in PLANTED.values()} == {
        f"I{number}" for number in range(1, 11)
    }


def test_what_a_person_skipped_while_nobody_could_tell_may_be_there() -> None:
    spoilt = _transactions(clean(), 2, fate="skipped", stage="delivering")
    assert [one.invariant for one in check(spoilt)] == ["I3"]
    unsure = [
        structs.replace(one, state="failed", unsure_us=NOW_US) if one.transaction == 3 else one
        for one in spoilt.ledger.effects
    ]
    assert check(_ledger(spoilt, effects=unsure)) == []
    by_ana = _transactions(spoilt, 2, reason="SkippedByPerson")
    assert check(by_ana) == [], "she saw that it is half made"
    asked = _transactions(spoilt, 2, fate="waiting", reason="OutcomeUnknown")
    assert check(asked) == [], "somebody is asked to look for it"
    waits = _transactions(spoilt, 2, fate="waiting", reason="UnknownSku")
    assert [one.invariant for one in check(waits)] == ["I3"]


def test_a_call_cut_off_by_death_is_accounted_for_by_the_mark_of_who_took_over() -> None:
    lost = "d" * 32
    interrupted = Event(what="interrupted", at_us=0, ok=False, note=f"deliver {lost}")
    history = clean()
    stray = _call(1, -5, traceparent=f"00-{lost}-{1:016x}-01", committed=False, status=None)
    history = structs.replace(history, destination_calls=[stray, *history.destination_calls])
    assert [one.invariant for one in check(history)] == ["I7"]
    timeline = (*_timeline("delivered"), interrupted)
    assert check(_transactions(history, 0, timeline=timeline)) == []


def test_what_is_named_stuck_is_left_out_of_the_sums() -> None:
    history = clean()
    assert "skipped" in [one.fate for one in history.ledger.transactions]
    assert [one for one in check(history) if one.invariant == "I6"] == []


def test_work_under_way_is_no_violation_while_it_has_a_live_lease() -> None:
    history = structs.replace(clean(), is_quiet=False)
    held = {"fate": "in_flight", "holder": "w#1", "lease_us": NOW_US + 1}
    assert check(_transactions(history, 3, **held)) == []


def test_two_shops_may_use_one_id_and_are_told_apart() -> None:
    history = clean()
    records = [structs.replace(one, connection="shop") for one in history.records]
    named = structs.replace(history, records=records)
    assert check(named) == []
    other = structs.replace(records[0], connection="outlet", key="77")
    (found,) = check(structs.replace(named, records=[*records, other]))
    assert (found.invariant, found.key) == ("I2", "77")
