"""What an audit does about what it finds, where the pipeline wants that: `audit.repair: Missing`.

Why: a change that became visible after everybody had looked is brought in the same night, and a
figure that the destination has moved by itself is told once more; both need nobody to decide.
Must not: make a document once more that somebody deleted: who did that may have had a reason.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from knect.api.worker import WorkerPipeline
from knect.engine.reading.feed import FeedReader
from knect.ledger import Ledger
from knect.ledger.again import tell_again
from knect.ledger.instants import to_us
from knect.ledger.schema import FIGURES
from knect.seams import Clock, IdSource

__all__ = ["Repairer"]

#: Passed-over changes nearer to each other than this are read in one window.
_NEAR = timedelta(hours=1)
#: A window ends so much after its last change: some servers know whole seconds only.
_BEHIND = timedelta(seconds=1)


class Repairer:
    """Brings in what was passed over, and tells figures once more."""

    def __init__(
        self, ledger: Ledger, feeds: Sequence[FeedReader], *, clock: Clock, new_id: IdSource
    ) -> None:
        self._ledger = ledger
        self._feeds = feeds
        self._clock = clock
        self._new_id = new_id

    async def bring_in(
        self, pipeline: WorkerPipeline, passed_over: Mapping[int, Sequence[datetime]]
    ) -> None:
        """Read once more where a pipeline's feed has what nobody saw; by the feed's row.

        Raises ConnectorError.
        """
        for feed in self._feeds:
            if pipeline.name in feed.settings.pipelines:
                for since, until in _spans(passed_over.get(feed.settings.feed.seq, ())):
                    await feed.backfill(since, until)

    async def tell_figures(self, pipeline: WorkerPipeline) -> int:
        """Write a pipeline's stock or prices once more, as they were read last; return how many.

        Connectors look first and set what differs.
        """
        if pipeline.spec.entity not in FIGURES:
            return 0
        count = after = 0
        until: int | None = None
        while True:
            now = to_us(self._clock.now())
            told = await self._ledger.write(
                lambda c, a=after, u=until, n=now: tell_again(  # type: ignore[misc]
                    c, pipeline.name, after=a, until=u, new_id=self._new_id, now_us=n
                )
            )
            if not told.made:
                return count
            count, after, until = count + told.made, told.last, told.until


def _spans(instants: Sequence[datetime]) -> list[tuple[datetime, datetime]]:
    """Return windows that have all of these instants, and little else."""
    found: list[tuple[datetime, datetime]] = []
    for at in sorted(instants):
        if found and at - found[-1][1] < _NEAR:
            found[-1] = (found[-1][0], at + _BEHIND)
        else:
            found.append((at, at + _BEHIND))
    return found
