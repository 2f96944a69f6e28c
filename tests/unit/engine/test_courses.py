"""A transaction that simply went through is told in the same bytes as by a story of its own."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from knect.engine.telling.courses import plain
from knect.engine.telling.story import story_of
from knect.ledger.questions.stories import TransactionRow
from knect.ledger.timeline import Event, encode
from knect.seams import SystemClock, new_id
from knect.telemetry import Answer, Exporter, Sampler, TransactionTraces, render
from knect.telemetry.otlp import encode_spans

BEGAN = 1_795_521_600_000_000


def a_row(*steps: str, attempt: int = 1, took: int = 1_700, **changes: Any) -> TransactionRow:
    """Return a transaction that was discovered and took these steps, each right after the last."""
    events = [Event(0, "discovered", BEGAN)]
    for step in steps:
        at = events[-1].at_us + events[-1].duration_us + 11
        events.append(Event(attempt, step, at, took, note=f"of {step}", worker="w#1"))
    fields: dict[str, Any] = {
        "seq": 7,
        "id": new_id(),
        "pipeline": "orders-to-erp",
        "entity": "orders",
        "key": "1001",
        "source_id": "gid://shopify/Order/1",
        "fate": "delivered",
        "created_us": BEGAN + 3,
        "timeline": encode(events),
        "replay_of": None,
        "destination_id": "SO-17",
        "destination_number": None,
    }
    return TransactionRow(**{**fields, **changes})


def a_timeline(*events: Event) -> str:
    return encode([Event(0, "discovered", BEGAN), *events])


DELIVERED = ("extracted", "mapped", "resolved", "effect:party", "effect:sale", "delivered")
PLAIN = {
    "delivered": a_row(*DELIVERED),
    "delivered by one effect": a_row(*DELIVERED[:3], "effect:sale", "delivered"),
    "delivered without a write": a_row(*DELIVERED[:3], "delivered"),
    "unchanged": a_row("extracted", "mapped", "unchanged", fate="unchanged"),
    "an echo": a_row("extracted", "echo", fate="echo", destination_id=None),
    "only discovered": a_row(fate="in_flight", destination_id=None),
    "on its way": a_row("extracted", "mapped", fate="in_flight", destination_id=None),
    "between effect and end": a_row("extracted", "effect:sale", fate="in_flight"),
    "an effect written again": a_row(*DELIVERED[:3], "effect:sale", "effect:sale", "delivered"),
    "a stage gone through again": a_row("extracted", "mapped", "extracted", "mapped"),
    "of a second attempt": a_row(*DELIVERED, attempt=2),
    "known by number": a_row(*DELIVERED, destination_number="100017"),
    "with steps not told": a_row("webhook", *DELIVERED[:3], "retry", "delivered"),
    "with odd texts": a_row(*DELIVERED, key='é "quoted" \\ \N{GRINNING FACE}\n', source_id=""),
    "whose id begins with zeros": a_row(*DELIVERED, id="0" * 31 + "1"),
}

STOPPED = Event(1, "waiting", BEGAN + 9, 5, ok=False, note="no SKU 7", reason="UnknownSku")
OTHERS = {
    "stopped": a_row(timeline=a_timeline(STOPPED), fate="waiting"),
    "an effect failed": a_row(
        timeline=a_timeline(Event(1, "effect:sale", BEGAN + 9, 5, ok=False, note="HTTP 500"))
    ),
    "stalled": a_row(timeline=a_timeline(Event(1, "stalled", BEGAN + 9, 5, note="resolve"))),
    "in no time": a_row(*DELIVERED, took=0),
    "replayed": a_row(*DELIVERED, replay_of=new_id()),
    "of an order": a_row(*DELIVERED, related=(new_id(),)),
    "in no order": a_row(
        timeline=a_timeline(Event(2, "mapped", BEGAN + 9, 5), Event(1, "mapped", BEGAN + 19, 5))
    ),
    "ended for a reason": a_row(
        timeline=a_timeline(Event(1, "echo", BEGAN + 9, 5, reason="OwnWrite"))
    ),
    "on a clock that went back": a_row(
        timeline=a_timeline(
            Event(1, "effect:sale", BEGAN + 900, 5), Event(1, "delivered", BEGAN + 9, 5)
        )
    ),
    "of no story": a_row(timeline="[]"),
}


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_one_is_written_as_its_story_would_be(name: str) -> None:
    row = PLAIN[name]
    told = plain(row)
    assert told is not None
    pattern, transaction, instants, texts = told
    spans = render(story_of(row))
    assert pattern.filled(transaction, instants, texts).encode() == encode_spans(spans)
    assert pattern.spans == len(spans)


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_not_plain_keeps_its_own_story(name: str) -> None:
    assert plain(OTHERS[name]) is None


def test_two_of_one_course_share_a_pattern_and_nothing_else() -> None:
    one, other = a_row(*DELIVERED), a_row(*DELIVERED, key="1002", source_id="2", took=900)
    first, second = plain(one), plain(other)
    assert first is not None
    assert second is not None
    assert first[0] is second[0]
    assert second[0].filled(*second[1:]).encode() == encode_spans(render(story_of(other)))


@dataclass
class Told:
    """Traces as they leave for a collector that takes all."""

    ratio: float = 1.0
    lost: Counter[str] = field(default_factory=Counter)
    bodies: list[Any] = field(default_factory=list)

    async def of(self, *rows: TransactionRow) -> list[Any]:
        """Tell these and return the spans that arrived."""
        exporter = Exporter(
            self._take,
            resource={},
            version="1",
            clock=SystemClock(),
            on_lost=lambda count, reason: self.lost.update({reason: count}),
            interval=0.001,
        )
        traces = TransactionTraces(exporter, Sampler(self.ratio))
        exporter.start()
        for row in rows:
            told = plain(row)
            assert told is not None
            traces.alike(*told)
        await exporter.close()
        return [
            span
            for body in self.bodies
            for resource in body["resourceSpans"]
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]

    async def _take(self, body: bytes) -> Answer:
        self.bodies.append(msgspec.json.decode(body))
        return Answer(status=200)


async def test_they_arrive_as_spans() -> None:
    told = Told()
    spans = await told.of(PLAIN["delivered"], PLAIN["an echo"])
    assert [span["name"] for span in spans] == [
        *("sync orders", "extract", "map", "resolve", "deliver", "party", "sale"),
        *("sync orders", "extract", "map"),
    ]
    assert not told.lost


async def test_text_that_cannot_be_written_costs_its_own_spans_only() -> None:
    told = Told()
    spans = await told.of(a_row(*DELIVERED, key="half a pair: \ud83d"), PLAIN["delivered"])
    assert told.lost == {"unencodable": 7}
    assert len(spans) == 7


async def test_a_left_out_success_leaves_no_trace_and_a_second_attempt_does() -> None:
    told = Told(ratio=0)
    spans = await told.of(PLAIN["delivered"], PLAIN["on its way"], PLAIN["of a second attempt"])
    assert {span["traceId"] for span in spans} == {PLAIN["of a second attempt"].id}
