"""What a run did is what a real Jaeger shows: one trace per order, however it ended, whoever died."""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.faults.declared import DOCUMENTS
from tests.faults.scene import Scene, a_scene, is_killed
from tests.support.real.jaeger import JaegerServer

pytestmark = pytest.mark.integration

_ADMIT = """\
  mapping:
    admit: [{when: 'order.number == "1003"', then: Reject, reason: not for this ERP}]
"""


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """Three orders; the third is not admitted."""
    with a_scene(tmp_path) as one:
        one.start_shop(seed=1, faults={}, orders=3, skus="KN-1=Thing=10.00")
        one.start_erp(seed=1, faults={}, skus=("KN-1",))
        one.declare(DOCUMENTS + _ADMIT)
        yield one


def _ledger(scene: Scene, query: str) -> list[Any]:
    with sqlite3.connect(scene.ledger) as plain:
        rows = plain.execute(query).fetchall()
    plain.close()
    return rows


def _names(trace: dict[str, Any]) -> list[str]:
    return sorted(span["operationName"] for span in trace["spans"])


def _tags(span: dict[str, Any]) -> dict[str, Any]:
    return {tag["key"]: tag["value"] for tag in span["tags"]}


def _shows(*names: str) -> Any:
    return lambda trace: set(names) <= set(_names(trace))


def _span(trace: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [span for span in trace["spans"] if span["operationName"] == name]
    return dict(found)


def test_an_order_is_one_trace_and_its_calls_link_to_it(scene: Scene, jaeger: JaegerServer) -> None:
    assert scene.worker(follow=False, collector=jaeger.otlp).wait() == 0
    ((transaction, calls),) = _ledger(
        scene, "select id, calls from transactions where key = '1001'"
    )
    trace = jaeger.trace(transaction, until=_shows("sync orders", "deliver"))
    names = _names(trace)
    assert names == sorted(
        ["sync orders", "extract", "map", "resolve", "deliver", "party", "document"]
    )
    root = _span(trace, "sync orders")
    assert root["references"] == []
    tags = _tags(root)
    assert (tags["knect.pipeline"], tags["knect.key"]) == ("orders", "1001")
    deliver = _span(trace, "deliver")
    for effect in ("party", "document"):
        (reference,) = _span(trace, effect)["references"]
        assert reference["spanID"] == deliver["spanID"]
    assert all(span["warnings"] is None for span in trace["spans"])
    # the calls are a trace of their own, linked to the order they were made for
    served = jaeger.trace(calls, until=_shows("POST /documents"))
    linked = {
        reference["traceID"]
        for span in served["spans"]
        if span["operationName"] == "POST /documents"
        for reference in span["references"]
    }
    assert transaction in linked
    assert jaeger.search("knect", {"knect.key": "1001"})


def test_a_rejected_order_ends_at_its_stage_with_its_reason(
    scene: Scene, jaeger: JaegerServer
) -> None:
    assert scene.worker(follow=False, collector=jaeger.otlp).wait() == 0
    ((transaction,),) = _ledger(scene, "select id from transactions where key = '1003'")
    trace = jaeger.trace(transaction, until=_shows("sync orders", "map"))
    assert _names(trace) == ["extract", "map", "sync orders"]
    tags = _tags(_span(trace, "map"))
    assert tags["knect.reason"] == "AdmitReject"
    assert tags["knect.fate"] == "rejected"
    assert tags["otel.status_description"] == "not for this ERP"


def test_a_killed_workers_work_is_shown_as_interrupted(scene: Scene, jaeger: JaegerServer) -> None:
    first = scene.worker(follow=False, collector=jaeger.otlp, crash="ahead.committed:1")
    assert is_killed(first.wait())
    ((transaction,),) = _ledger(
        scene, "select id from transactions where holder is not null order by seq limit 1"
    )
    assert scene.worker(follow=False, collector=jaeger.otlp).wait() == 0
    trace = jaeger.trace(
        transaction, until=lambda t: any(n.startswith("interrupted at") for n in _names(t))
    )
    names = _names(trace)
    assert len([name for name in names if name.startswith("interrupted at")]) == 1
    assert "deliver" in names
    assert scene.status()["balanced"]


def test_a_collector_that_is_away_costs_nothing_but_spans(scene: Scene) -> None:
    began = time.monotonic()
    worker = scene.worker(follow=False, collector="http://127.0.0.1:9")
    assert worker.wait() == 0
    took = time.monotonic() - began
    fates = sorted(_ledger(scene, "select key, fate from transactions"))
    assert fates == [("1001", "delivered"), ("1002", "delivered"), ("1003", "rejected")]
    began = time.monotonic()
    assert scene.worker(follow=False).wait() == 0
    bare = time.monotonic() - began  # a start and an end, on this machine as it is now
    assert took < bare + 15


def test_what_was_not_told_for_want_of_a_collector_is_told_by_the_next_life(
    scene: Scene, jaeger: JaegerServer
) -> None:
    assert scene.worker(follow=False).wait() == 0
    ((transaction,),) = _ledger(scene, "select id from transactions where key = '1001'")
    assert scene.worker(follow=False, collector=jaeger.otlp).wait() == 0
    trace = jaeger.trace(transaction, until=_shows("sync orders", "deliver"))
    assert "document" in _names(trace)
