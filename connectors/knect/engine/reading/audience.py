"""For which of a feed's pipelines a window reads, and from where.

Why: a pipeline that joined later, was suspended, run by itself or given another filter has not had
what its feed shows up to where the others are. It is read once more for those that are behind,
never past the place where one of the others begins: nobody is given what was before his time.
Pure. Must not: read, or touch the ledger.
"""

from collections.abc import Sequence

from msgspec import Struct, structs

from knect.engine.reading.spans import Span
from knect.ledger.feeds import Cursor, Place

__all__ = ["Audience"]

#: A beginning is an instant of our clock or of a person's, a change is marked by the source's:
#: who begins at most so much later is given what a window shows.
_SLACK_US = 600_000_000


class Audience(Struct, frozen=True, kw_only=True):
    """The pipelines of a feed, each with its place, and the feed's own.

    `left_us`: where a window began that a dead process left open.
    """

    cursor: Cursor
    places: Sequence[Place]
    left_us: int | None = None

    @property
    def behind(self) -> list[Place]:
        """Those that have not been read for up to where the feed is."""
        return [one for one in self.places if one.served_us < self.cursor.at_us]

    def is_still(self, pipelines: Sequence[str], until_us: int) -> bool:
        """Tell whether a window that was begun for these, and ends there, is read on for them."""
        return self.of(until_us) == tuple(pipelines)

    def lacking(self, pipelines: Sequence[str]) -> list[str]:
        """Return who of these may lack something that the ledger has: those that are behind, and
        those that are not, and missed something all the same.
        """
        lack = {one.pipeline for one in self.places if one.missed_seq is not None}
        lack.update(one.pipeline for one in self.behind)
        return [name for name in pipelines if name in lack]

    @property
    def reads_from(self) -> Cursor:
        """Where reading continues: at the place of the one that is furthest behind."""
        at_us = min((one.served_us for one in self.behind), default=self.cursor.at_us)
        return structs.replace(self.cursor, at_us=at_us)

    def bounded(self, span: Span) -> Span:
        """Return the part of a span that is for the same pipelines from beginning to end."""
        ends = [one.start_us for one in self._later if one.start_us < span.until_us]
        if not ends:
            return span
        return structs.replace(span, until_us=min(ends), cursor_us=min(ends))

    def is_part(self, span: Span) -> bool:
        """Tell whether a window ended where one of the pipelines begins: there is more to read."""
        return any(one.start_us == span.until_us for one in self._later)

    def of(self, until_us: int) -> tuple[str, ...]:
        """Return whom a window is for that ends there."""
        waits = {one.pipeline for one in self._later if one.start_us >= until_us}
        return tuple(one.pipeline for one in self.places if one.pipeline not in waits)

    def moves_the_feed(self, until_us: int) -> bool:
        """Tell whether a window that ends there is where the feed itself goes on from: not if it
        was only for those that are behind.
        """
        return not self.behind or until_us >= self.cursor.at_us

    @property
    def _later(self) -> list[Place]:
        """Those that begin well after the place where reading continues."""
        at_us = self.reads_from.at_us
        begins_us = min(at_us, at_us if self.left_us is None else self.left_us) + _SLACK_US
        return [one for one in self.places if one.start_us > begins_us]
