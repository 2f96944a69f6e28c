"""The exporter never gets in the way, and counts what it loses."""

import asyncio
import time
from collections import Counter

import pytest
from aiohttp import web
from tests.support.collector import a_collector
from tests.support.stories import a_whole_journey

from knect.sdk.http import ClientFactory, Egress
from knect.seams import SystemClock
from knect.telemetry import CollectorSender, Exporter, TraceSettings, render


class QuickClock(SystemClock):
    """Counts the waits and does not wait them out."""

    def __init__(self):
        self.waits = []

    async def sleep(self, seconds):
        self.waits.append(seconds)
        await asyncio.sleep(0)


@pytest.fixture
async def collector():
    async with a_collector() as running:
        yield running


@pytest.fixture
def lost():
    return Counter()


@pytest.fixture
async def opened(lost):
    """Make exporters that are closed at the end."""
    made = []

    def make(url, *, clock=None, **more):
        clock = clock or QuickClock()
        factory = ClientFactory(clock=clock, egress=Egress(["127.0.0.1"]))
        settings = TraceSettings(endpoint=url, _headers={"x-key": "canary"})
        sender = CollectorSender(settings, factory, clock)
        exporter = Exporter(
            sender,
            resource={"service.name": "test"},
            version="1",
            clock=clock,
            on_lost=lambda count, reason: lost.update({reason: count}),
            interval=0.005,
            **more,
        )
        exporter.start()
        made.append((exporter, sender))
        return exporter

    yield make
    for exporter, sender in made:
        await exporter.close(0.1)
        await sender.close()


async def test_what_is_offered_arrives(collector, opened, lost):
    exporter = opened(collector.url)
    exporter.offer(render(a_whole_journey()))
    assert await exporter.flush(5)
    assert collector.span_names[:2] == ["sync orders", "extract"]
    assert collector.headers[0]["content-type"] == "application/json"
    assert collector.headers[0]["x-key"] == "canary"
    assert not lost


async def test_many_transactions_share_a_request(collector, opened):
    exporter = opened(collector.url)
    for _ in range(500):
        exporter.offer(render(a_whole_journey()))
    assert await exporter.flush(5)
    assert len(collector.span_names) == 3_500
    assert len(collector.requests) <= 3  # at most 2,000 spans in one


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_a_collector_in_trouble_is_asked_again(collector, opened, lost, status):
    clock = QuickClock()
    collector.answers = [lambda: web.Response(status=status)] * 3
    exporter = opened(collector.url, clock=clock)
    exporter.offer(render(a_whole_journey()))
    assert await exporter.flush(5)
    assert len(collector.span_names) == 7
    assert clock.waits == [0.5, 1.0, 2.0]
    assert not lost


async def test_the_collectors_advice_is_followed(collector, opened):
    clock = QuickClock()
    collector.answers = [lambda: web.Response(status=429, headers={"Retry-After": "7"})]
    exporter = opened(collector.url, clock=clock)
    exporter.offer(render(a_whole_journey()))
    assert await exporter.flush(5)
    assert clock.waits == [7.0]


@pytest.mark.parametrize("status", [400, 401, 404, 413, 500])
async def test_a_refused_batch_is_counted_and_does_not_hold_up_the_next(
    collector, opened, lost, status
):
    collector.answers = [lambda: web.Response(status=status)]
    exporter = opened(collector.url)
    exporter.offer(render(a_whole_journey()))
    assert await exporter.flush(5)
    exporter.offer(render(a_whole_journey()))
    assert await exporter.flush(5)
    assert lost == {"refused": 7}
    assert len(collector.span_names) == 7


async def test_spans_refused_from_an_accepted_batch_are_counted(collector, opened, lost):
    answer = {"partialSuccess": {"rejectedSpans": "2", "errorMessage": "too old"}}
    collector.answers = [lambda: web.json_response(answer)]
    exporter = opened(collector.url)
    exporter.offer(render(a_whole_journey()))
    assert await exporter.flush(5)
    assert lost == {"refused": 2}


async def test_a_hanging_collector_costs_the_caller_nothing(collector, opened, lost):
    collector.gate.clear()
    exporter = opened(collector.url, queue_spans=700)
    spans = render(a_whole_journey())
    started = time.perf_counter()
    for _ in range(300):
        exporter.offer(spans)
        await asyncio.sleep(0)
    assert time.perf_counter() - started < 1.0
    assert lost["queue_full"] > 0
    collector.gate.set()
    assert await exporter.flush(5)
    assert len(collector.span_names) + lost["queue_full"] == 2_100


async def test_a_collector_that_is_gone_loses_nothing_once_it_is_back(opened, lost):
    async with a_collector() as first:
        port = int(first.url.split(":")[2].split("/")[0])
    clock = QuickClock()
    exporter = opened(f"http://127.0.0.1:{port}/v1/traces", clock=clock)
    exporter.offer(render(a_whole_journey()))
    assert not await exporter.flush(0.1)
    assert clock.waits  # it is trying
    assert max(clock.waits) <= 30.0
    assert not lost


async def test_what_waits_at_the_end_is_counted_as_lost(collector, opened, lost):
    collector.gate.clear()
    exporter = opened(collector.url)
    exporter.offer(render(a_whole_journey()))
    await exporter.close(0.05)
    assert lost == {"shutdown": 7}


async def test_a_gone_collector_is_mentioned_once_and_without_its_key(opened, caplog):
    exporter = opened("http://127.0.0.1:9/v1/traces")
    exporter.offer(render(a_whole_journey()))
    await exporter.flush(0.1)
    lines = [r.getMessage() for r in caplog.records if r.name == "knect.telemetry"]
    assert len(lines) == 1
    assert "canary" not in caplog.text


async def test_text_that_cannot_be_written_costs_its_own_spans_only(collector, opened, lost):
    exporter = opened(collector.url)
    exporter.offer(render(a_whole_journey(key="half a pair: \ud83d")))
    exporter.offer(render(a_whole_journey()))
    assert await exporter.flush(5)
    assert lost == {"unencodable": 7}
    assert len(collector.span_names) == 7


async def test_without_a_collector_nothing_is_kept():
    exporter = Exporter(None, resource={}, version="1", clock=SystemClock())
    exporter.start()
    assert not exporter.enabled
    exporter.offer(render(a_whole_journey()))
    assert await exporter.flush(0)
