"""Chapters of a trace are sent together or not at all."""

from tests.support.stories import a_stage, a_story, a_whole_journey

from knect.seams import SystemClock
from knect.telemetry import AttemptStory, Exporter, Sampler, TransactionTraces


class Kept(Exporter):
    """Keeps what is offered, by name."""

    def __init__(self):
        async def never(body):
            raise AssertionError

        super().__init__(never, resource={}, version="1", clock=SystemClock())
        self.names = []

    def offer(self, spans):
        self.names += [span.name for span in spans]


def test_the_root_is_sent_at_discovery_and_not_again():
    kept = Kept()
    traces = TransactionTraces(kept, Sampler())
    story = a_whole_journey()
    traces.discovered(story)
    assert kept.names == ["sync orders"]
    traces.told(story)
    assert kept.names == ["sync orders", "extract", "map", "resolve", "deliver", "party", "sale"]


def test_a_left_out_success_leaves_no_trace():
    kept = Kept()
    traces = TransactionTraces(kept, Sampler(0))
    traces.discovered(a_whole_journey())
    traces.told(a_whole_journey())
    assert kept.names == []


def test_a_left_out_transaction_that_fails_comes_with_its_root():
    kept = Kept()
    traces = TransactionTraces(kept, Sampler(0))
    stages = (a_stage("map", outcome="rejected", reason="TotalsMismatch"),)
    story = a_story(attempts=(AttemptStory(number=1, stages=stages),), fate="rejected")
    traces.discovered(story)
    traces.told(story)
    assert kept.names == ["sync orders", "map"]


def test_a_whole_trace_told_as_it_grows_obeys_the_share():
    kept = Kept()
    traces = TransactionTraces(kept, Sampler(0))
    waiting = AttemptStory(number=1, stages=(a_stage("map", outcome="waiting"),))
    traces.again(a_story())  # discovered: nothing is decided
    traces.again(a_story(fate="in_flight"))
    traces.again(a_whole_journey())
    assert kept.names == []
    traces.again(a_story(attempts=(waiting,), fate="waiting"))
    assert kept.names == ["sync orders", "map"]
