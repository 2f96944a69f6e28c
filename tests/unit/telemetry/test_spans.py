"""The story of a transaction becomes one tree of spans."""

import msgspec
from tests.support.stories import NOON, a_stage, a_story, a_whole_journey

from knect.telemetry import (
    AttemptStory,
    ExchangeStory,
    LinkStory,
    MarkKind,
    MarkStory,
    render,
    root_span_id,
    stage_span_id,
)
from knect.telemetry.otlp import Span, encode_request, encode_spans, nanoseconds
from knect.telemetry.spans import render_exchange


def values(span: Span) -> dict[str, str]:
    return {a["key"]: next(iter(a["value"].values())) for a in span.attributes}


def test_the_root_is_there_before_anything_else_happened():
    story = a_story()
    (root,) = render(story)
    assert root.name == "sync orders"
    assert root.trace_id == story.id
    assert root.parent_span_id == ""
    assert values(root) == {
        "knect.pipeline": "orders-to-erp",
        "knect.entity": "orders",
        "knect.key": "1001",
        "knect.source.id": "gid://shopify/Order/1",
    }


def test_stages_hang_below_the_root_and_effects_below_deliver():
    spans = {span.name: span for span in render(a_whole_journey())}
    root = spans["sync orders"].span_id
    for stage in ("extract", "map", "resolve", "deliver"):
        assert spans[stage].parent_span_id == root
    assert spans["party"].parent_span_id == spans["deliver"].span_id
    assert spans["sale"].parent_span_id == spans["deliver"].span_id
    assert [len(spans[name].links) for name in ("map", "party", "sale")] == [0, 1, 1]


def test_the_fate_stands_on_the_last_stage_only():
    with_fate = [span.name for span in render(a_whole_journey()) if "knect.fate" in values(span)]
    assert with_fate == ["deliver"]


def test_a_second_attempt_has_spans_of_its_own_in_the_same_trace():
    stages = (a_stage("map", outcome="waiting", reason="UnknownSku", message="no SKU 7"),)
    story = a_story(
        attempts=(
            AttemptStory(number=1, stages=stages),
            AttemptStory(number=2, stages=(a_stage("map", 60),)),
        )
    )
    first, second = (span for span in render(story) if span.name == "map")
    assert first.trace_id == second.trace_id
    assert first.span_id != second.span_id
    assert (first.status.code, first.status.message) == (2, "no SKU 7")
    assert values(first)["knect.reason"] == "UnknownSku"
    assert second.status.code == 0


def test_a_told_attempt_stays_as_it_was_when_later_ones_are_told():
    waiting = AttemptStory(
        number=1, stages=(a_stage("map", outcome="waiting", reason="UnknownSku"),)
    )
    done = AttemptStory(number=2, stages=(a_stage("map", 60), a_stage("deliver", 61)))
    early = a_story(attempts=(waiting,), fate="waiting")
    late = a_story(id=early.id, attempts=(waiting, done), fate="delivered", destination_id="17")
    first = render(early)
    assert first == render(late)[: len(first)]
    assert [values(s).get("knect.fate") for s in render(late)] == [
        None,
        "waiting",
        None,
        "delivered",
    ]


def test_a_stage_gone_through_again_in_one_attempt_is_a_span_of_its_own():
    again = AttemptStory(number=1, stages=(a_stage("map"), a_stage("map", 5)))
    ids = [span.span_id for span in render(a_story(attempts=(again,)))]
    assert len(set(ids)) == 3


def test_rendering_twice_gives_the_same_bytes():
    story = a_whole_journey()
    assert encode_spans(render(story)) == encode_spans(render(story))


def test_no_two_spans_of_a_journey_share_an_id():
    ids = [span.span_id for span in render(a_whole_journey())]
    assert len(set(ids)) == len(ids) == 7


def test_a_hang_is_shown_although_its_span_never_ended():
    mark = MarkStory(
        kind=MarkKind.STALLED,
        stage="resolve",
        attempt=1,
        since=NOON,
        at=NOON + 300_000_000,
        reason="NoAnswer",
    )
    story = a_story(marks=(mark,))
    _, span = render(story)
    assert span.name == "stalled at resolve"
    assert span.parent_span_id == root_span_id(story.id)
    assert span.status.code == 2
    assert int(span.end_time_unix_nano) - int(span.start_time_unix_nano) == 300 * 10**9
    assert span.span_id != stage_span_id(story.id, 1, "resolve")


def test_an_exchange_is_a_client_span_linked_to_whom_it_served():
    served = [a_story().id for _ in range(2)]
    span = render_exchange(
        ExchangeStory(
            trace_id="0" * 31 + "1",
            span_id="0" * 15 + "1",
            connection="acme-erp",
            method="POST",
            template="/{database}/rpc/",
            host="erp.acme.com",
            start=NOON,
            end=NOON,
            status=503,
            error="UnexpectedAnswer",
            served=tuple(LinkStory(trace_id=one, relation="transaction") for one in served),
        )
    )
    assert span.kind == 3
    assert [link.trace_id for link in span.links] == served
    assert [link.span_id for link in span.links] == [root_span_id(one) for one in served]
    assert values(span)["http.response.status_code"] == "503"
    assert span.status.code == 2


def test_a_statement_is_a_span_of_a_database() -> None:
    span = render_exchange(
        ExchangeStory(
            trace_id="0" * 31 + "1",
            span_id="0" * 15 + "1",
            connection="acme-gp",
            method="CALL",
            template="sop_line",
            host="gp.acme.com",
            start=NOON,
            end=NOON,
            status=1205,
            error="RetryLater",
            served=(),
        )
    )
    found = values(span)
    assert span.name == "CALL sop_line"
    assert (found["db.operation.name"], found["db.query.summary"]) == ("CALL", "sop_line")
    assert found["db.response.status_code"] == "1205"
    assert not [name for name in found if name.startswith("http.")]


def test_times_are_exact_to_the_microsecond():
    assert nanoseconds(NOON + 1) == "1795521600000001000"


def test_the_request_is_what_otlp_json_asks_for():
    body = encode_request([encode_spans(render(a_whole_journey()))], {"service.name": "k"}, "1.2")
    request = msgspec.json.decode(body)
    (resource,) = request["resourceSpans"]
    assert resource["resource"]["attributes"] == [
        {"key": "service.name", "value": {"stringValue": "k"}}
    ]
    spans = resource["scopeSpans"][0]["spans"]
    assert len(spans) == 7
    root, extract = spans[:2]
    assert "parentSpanId" not in root
    assert isinstance(root["startTimeUnixNano"], str)
    assert root["kind"] == 1
    assert {"key": "knect.attempt", "value": {"intValue": "1"}} in extract["attributes"]
