"""The parts of a trace are sent together or not at all."""

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


def test_a_trace_begins_with_its_root_however_far_it_goes():
    kept = Kept()
    traces = TransactionTraces(kept, Sampler())
    traces.told(a_story())
    assert kept.names == ["sync orders"]
    traces.told(a_whole_journey())
    assert kept.names[1:] == [
        "sync orders",
        "extract",
        "map",
        "resolve",
        "deliver",
        "party",
        "sale",
    ]


def test_a_whole_trace_told_as_it_grows_obeys_the_share():
    kept = Kept()
    traces = TransactionTraces(kept, Sampler(0))
    waiting = AttemptStory(number=1, stages=(a_stage("map", outcome="waiting"),))
    traces.told(a_story())  # discovered: nothing is decided
    traces.told(a_story(fate="in_flight"))
    traces.told(a_whole_journey())
    assert kept.names == []
    traces.told(a_story(attempts=(waiting,), fate="waiting"))
    assert kept.names == ["sync orders", "map"]
