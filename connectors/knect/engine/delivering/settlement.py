"""The one commit that ends a group: every verdict, with effects, bindings, calls and stock.

Why: what a record became, what was written for it and what it holds of the stock are known
together or not at all. Must not: call out, or judge.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from knect.engine.bounds.ledger_clock import LedgerClock
from knect.engine.deciding.keys import normalise
from knect.engine.delivering.effect_rows import fences_of, ids_of
from knect.engine.delivering.job import Job
from knect.engine.delivering.settings import PipelineSettings
from knect.engine.recorder import CallRecorder
from knect.ledger import Fate, Ledger
from knect.ledger.again import follow_up
from knect.ledger.outcomes import settle
from knect.ledger.payload import pack
from knect.ledger.restock import restock
from knect.seams import IdSource, crash_point

__all__ = ["Settlement", "Touched"]

_log = logging.getLogger("knect.pipeline")


Touched = Callable[[Iterable[int]], None]


class Settlement:
    """Commits groups of one pipeline."""

    def __init__(
        self,
        settings: PipelineSettings,
        *,
        ledger: Ledger,
        clock: LedgerClock,
        new_id: IdSource,
        touched: Touched,
        committed: Callable[[Sequence[Job]], None],
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._clock = clock
        self._new_id = new_id
        self._touched = touched
        self._committed = committed

    async def commit(self, jobs: Sequence[Job], recorder: CallRecorder) -> None:
        """Write every verdict, with effects, bindings and calls, in one commit."""
        mine = [job for job in jobs if not job.lost and job.verdict is not None]
        store_calls = recorder.drain()
        fences, ids = fences_of(mine), ids_of(mine)
        now = self._clock.now_us()
        transitions = [job.transition(self._settings.mapping, now) for job in mine]
        documents = pack(
            {job.mapped.hash: job.mapped.body for job in mine if job.mapped is not None}
        )
        erp = self._settings.destination
        commitments = [row for job in mine if job.holds for row in job.commitments(erp)]
        skus = {normalise(sku) for job in mine for sku in job.skus_newly_taken_or_left()}
        effects = [row for job in mine for row in job.pending_effects]
        bindings = [row for job in mine for row in job.pending_bindings]
        behind = {
            job.seq
            for job in mine
            if job.earlier and job.verdict is not None and job.verdict.fate is Fate.DELIVERED
        }

        def unit(connection: Any) -> set[int]:
            if store_calls is not None:
                store_calls(connection)
            lost = settle(
                connection,
                fences=fences,
                ids=ids,
                effects=effects,
                bindings=bindings,
                transitions=transitions,
                documents=documents,
                commitments=commitments,
                now_us=now,
            )
            if behind:
                follow_up(connection, sorted(behind - lost), new_id=self._new_id, now_us=now)
            if skus:
                restock(connection, erp, skus, new_id=self._new_id, now_us=now)
            return lost

        lost = await self._ledger.write(unit)
        if any(job.verdict is not None and job.verdict.waits_for for job in mine):
            crash_point("wait.registered")
        for seq in lost:
            _log.warning("lost the lease before the commit", extra={"transaction": ids[seq]})
        kept = [job for job in mine if job.seq not in lost]
        if _log.isEnabledFor(logging.INFO):
            for job in kept:
                _log.info("committed", extra=job.describe())
        self._committed(kept)
        self._touched(job.seq for job in kept)
