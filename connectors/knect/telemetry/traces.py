"""The one door through which the engine tells the story of its transactions.

Must not: wait, raise, or send a part of a trace whose other parts were left out.
"""

from collections.abc import Sequence

from knect.telemetry.exporter import Exporter
from knect.telemetry.pattern import Pattern
from knect.telemetry.sampling import Sampler
from knect.telemetry.spans import ExchangeStory, TransactionStory, render, render_exchange

__all__ = ["TransactionTraces"]

_UNDECIDED = (None, "in_flight")


class TransactionTraces:
    """Renders and offers; each method returns at once."""

    def __init__(self, exporter: Exporter, sampler: Sampler) -> None:
        self._exporter = exporter
        self._sampler = sampler

    def told(self, story: TransactionStory) -> None:
        """Send a whole trace: as far as it goes now, or once more because a collector lost it.

        Equal spans have equal ids, so a collector that has some of them already keeps one each.
        """
        if self._wants(story, story.id):
            self._exporter.offer(render(story))

    def alike(
        self,
        pattern: Pattern,
        transaction: str,
        instants: Sequence[int],
        texts: Sequence[str],
    ) -> None:
        """Send a whole trace, likewise, of a story like the example of a pattern."""
        if self._wants(pattern.example, transaction):
            text = pattern.filled(transaction, instants, texts)
            self._exporter.offer_text(text, pattern.spans)

    def _wants(self, story: TransactionStory, transaction: str) -> bool:
        if not self._exporter.enabled or self._sampler.keeps(transaction):
            return self._exporter.enabled
        attempt = story.attempts[-1].number if story.attempts else 1
        undecided = story.fate in _UNDECIDED and not story.marks
        return not undecided and self._sampler.keeps_end(transaction, story.fate, attempt)

    def exchanged(self, exchange: ExchangeStory) -> None:
        """Send the span of one remote call, if any transaction it served is sent."""
        if self._exporter.enabled and (
            exchange.error is not None
            or not exchange.served
            or any(self._sampler.keeps(link.trace_id) for link in exchange.served)
        ):
            self._exporter.offer([render_exchange(exchange)])
