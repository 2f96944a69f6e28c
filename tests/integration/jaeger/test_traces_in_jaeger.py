"""A real Jaeger shows our traces, and shows the same for ours as for OpenTelemetry's own SDK."""

from datetime import UTC, datetime

import pytest
from opentelemetry import trace as api
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from tests.support.stories import NOON, a_stage, a_story, a_whole_journey

from knect.ledger.instants import to_us
from knect.sdk.http import ClientFactory, Egress
from knect.seams import SystemClock, instant_of, new_id
from knect.telemetry import (
    AttemptStory,
    CollectorSender,
    Exporter,
    MarkKind,
    MarkStory,
    TraceSettings,
    render,
    root_span_id,
)
from knect.telemetry.otlp import Span

pytestmark = pytest.mark.integration


@pytest.fixture
async def send(jaeger):
    """Send spans as a worker would."""
    clock = SystemClock()
    settings = TraceSettings(endpoint=f"{jaeger.otlp}/v1/traces")
    sender = CollectorSender(
        settings, ClientFactory(clock=clock, egress=Egress(["127.0.0.1"])), clock
    )
    lost = []
    exporter = Exporter(
        sender,
        resource={"service.name": "knect-ours"},
        version="test",
        clock=clock,
        on_lost=lambda count, reason: lost.append((count, reason)),
    )
    exporter.start()

    async def offer(story):
        exporter.offer(render(story))
        assert await exporter.flush(10)
        assert lost == []

    yield offer
    await exporter.close()
    await sender.close()


class _GivenIds(IdGenerator):
    """Lets the SDK use our ids, so that the two trees can be compared whole."""

    def __init__(self):
        self.trace = self.span = 0

    def generate_trace_id(self):
        return self.trace

    def generate_span_id(self):
        return self.span


def send_by_sdk(endpoint: str, spans: list[Span], trace_id: str) -> None:
    """Make the same spans through OpenTelemetry's SDK, under another trace id."""
    ids = _GivenIds()
    provider = TracerProvider(
        id_generator=ids, resource=Resource({"service.name": "knect-ours"}), shutdown_on_exit=False
    )
    exporter = OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces")
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("knect", "test")
    made: dict[str, api.Span] = {}
    ids.trace = int(trace_id, 16)
    for span in spans:
        ids.span = int(span.span_id, 16)
        parent = made.get(span.parent_span_id)
        context = api.set_span_in_context(parent) if parent else None
        links = [
            api.Link(
                api.SpanContext(int(link.trace_id, 16), int(link.span_id, 16), is_remote=True),
                _values(link.attributes),
            )
            for link in span.links
        ]
        made[span.span_id] = tracer.start_span(
            span.name,
            context,
            attributes=_values(span.attributes),
            links=links,
            start_time=int(span.start_time_unix_nano),
        )
        if span.status.code == 2:
            made[span.span_id].set_status(api.StatusCode.ERROR, span.status.message)
    for span in spans:
        made[span.span_id].end(int(span.end_time_unix_nano))
    provider.shutdown()


def _values(attributes):
    kinds = {"stringValue": str, "intValue": int, "boolValue": bool, "doubleValue": float}
    return {
        one["key"]: kinds[kind](value) for one in attributes for kind, value in one["value"].items()
    }


#: What the SDK says about itself.
_OF_THE_SDK = {"telemetry.sdk.language", "telemetry.sdk.name", "telemetry.sdk.version"}


def tree(shown: dict, trace_id: str) -> list:
    """Return what Jaeger shows of a trace, without ids of the trace and the SDK's signature."""
    spans = []
    for span in shown["spans"]:
        process = shown["processes"][span["processID"]]
        spans.append(
            {
                "id": span["spanID"],
                "name": span["operationName"],
                "start": span["startTime"],
                "duration": span["duration"],
                "references": sorted(
                    (r["refType"], r["traceID"].replace(trace_id, "self"), r["spanID"])
                    for r in span["references"]
                ),
                "tags": sorted((t["key"], t["type"], str(t["value"])) for t in span["tags"]),
                "logs": span["logs"],
                "warnings": span["warnings"],
                "service": process["serviceName"],
                "process": sorted(t["key"] for t in process["tags"] if t["key"] not in _OF_THE_SDK),
            }
        )
    return sorted(spans, key=lambda span: span["id"])


def journeys():
    failed = AttemptStory(
        number=1,
        stages=(
            a_stage("extract"),
            a_stage("map", 2, outcome="waiting", reason="UnknownSku", message="no SKU 7 in acme"),
        ),
    )
    second = AttemptStory(number=2, stages=(a_stage("map", 60),))
    mark = MarkStory(
        kind=MarkKind.STALLED,
        stage="deliver",
        attempt=2,
        since=NOON,
        at=NOON + 300_000_000,
    )
    return {
        "delivered": a_whole_journey(),
        "second attempt": a_story(attempts=(failed, second), fate="delivered"),
        "stalled": a_story(marks=(mark,)),
        "rejected, odd text": a_story(
            key='é "quoted" \N{GRINNING FACE}',
            attempts=(AttemptStory(number=1, stages=(a_stage("map", outcome="rejected"),)),),
            fate="rejected",
        ),
    }


@pytest.mark.parametrize("name", journeys())
async def test_ours_and_the_sdks_are_the_same_tree(jaeger, send, name):
    story = journeys()[name]
    spans = render(story)
    await send(story)
    other = new_id()
    send_by_sdk(jaeger.otlp, spans, other)

    def complete(shown):
        return len(shown["spans"]) == len(spans)

    ours = jaeger.trace(story.id, until=complete)
    theirs = jaeger.trace(other, until=complete)
    assert tree(ours, story.id) == tree(theirs, other)
    assert all(span["warnings"] is None for span in ours["spans"])


async def test_a_transaction_is_found_by_its_id_and_by_the_orders_number(jaeger, send):
    story = a_whole_journey(key=f"no-{new_id()[-6:]}", discovered=to_us(instant_of(new_id())))
    await send(story)
    shown = jaeger.trace(story.id, until=lambda shown: len(shown["spans"]) == 7)
    assert shown["traceID"] == story.id
    (found,) = jaeger.search("knect-ours", {"knect.key": story.key})
    assert found["traceID"] == story.id


async def test_what_is_told_as_it_grows_is_one_trace(jaeger, send):
    story = a_story(discovered=to_us(datetime.now(UTC)))
    await send(story)
    jaeger.trace(story.id, until=lambda shown: len(shown["spans"]) == 1)
    attempt = AttemptStory(number=1, stages=(a_stage("map"),))
    await send(a_story(id=story.id, discovered=story.discovered, attempts=(attempt,)))
    shown = jaeger.trace(story.id, until=lambda shown: len(shown["spans"]) == 2)
    parents = {s["operationName"]: s["references"] for s in shown["spans"]}
    assert parents["map"][0]["spanID"] == root_span_id(story.id)


async def test_a_trace_sent_again_is_still_one_trace(jaeger, send):
    story = a_whole_journey()
    for _ in range(3):
        await send(story)
    await send(a_story(key="after"))
    shown = jaeger.trace(story.id, until=lambda shown: len(shown["spans"]) >= 7)
    assert len(shown["spans"]) == 7
    assert all(span["warnings"] is None for span in shown["spans"])
