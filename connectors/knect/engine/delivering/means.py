"""What a pipeline works with, handed from part to part as one.

Why: every part of a pipeline needs some of the same, and none is to name what it only hands on.
Must not: say what is to be done; `PipelineSettings` do.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from knect.engine.bounds.gate import Gate
from knect.engine.bounds.lease import Lease
from knect.engine.bounds.ledger_clock import LedgerClock
from knect.engine.delivering.job import Job
from knect.engine.reading.fresh import Fresh
from knect.ledger import Ledger
from knect.sdk.contract import Destination, Source
from knect.seams import IdSource

__all__ = ["Committed", "Means", "Touched"]

#: Told of transactions whose row has changed, by row id.
Touched = Callable[[Iterable[int]], None]
#: Told of every group of jobs that was committed.
Committed = Callable[[Sequence[Job]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """The ledger, both ends, and what bounds the work. `gate` is the destination's.

    `chance` returns a number from 0 to 1, by which pauses differ.
    """

    ledger: Ledger
    source: Source
    destination: Destination
    lease: Lease
    gate: Gate
    clock: LedgerClock
    fresh: Fresh
    new_id: IdSource
    chance: Callable[[], float]
    touched: Touched
    committed: Committed
