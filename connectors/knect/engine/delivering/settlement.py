"""The one commit that ends a group: every verdict, with effects, bindings, calls and stock.

Why: what a record became, what was written for it and what it holds of the stock are known
together or not at all. Must not: call out, or judge.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from knect.engine.deciding.defects import failed_on_it
from knect.engine.deciding.keys import normalise
from knect.engine.delivering.effect_rows import fences_of, ids_of
from knect.engine.delivering.job import Job
from knect.engine.delivering.means import Means
from knect.engine.delivering.settings import PipelineSettings
from knect.engine.recorder import CallRecorder
from knect.ledger import Connection, Fate, LedgerError
from knect.ledger.again import follow_up
from knect.ledger.outcomes import Transition, settle
from knect.ledger.payload import pack
from knect.ledger.restock import restock
from knect.seams import crash_point

__all__ = ["Settlement"]

_log = logging.getLogger("knect.pipeline")

_Unit = Callable[[Connection], None]


class Settlement:
    """Commits groups of one pipeline."""

    def __init__(self, settings: PipelineSettings, means: Means) -> None:
        self._settings = settings
        self._ledger, self._clock, self._new_id = means.ledger, means.clock, means.new_id
        self._touched, self._committed = means.touched, means.committed

    async def commit(self, jobs: Sequence[Job], recorder: CallRecorder) -> None:
        """Write every verdict, with effects, bindings and calls, in one commit.

        Where the ledger cannot hold what one of them came to, that one is told so, alone.
        """
        mine = [job for job in jobs if not job.lost and job.verdict is not None]
        store_calls, now = recorder.drain(), self._clock.now_us()
        moved = {job.seq: job.transition(self._settings.mapping, now) for job in mine}
        try:
            await self._commit(mine, moved, store_calls)
        except LedgerError:
            raise
        except Exception as error:  # noqa: BLE001 - a defect must not hold the others
            _log.error("defect while committing", exc_info=error)
            await self._one_by_one(mine, moved, store_calls)

    async def _one_by_one(
        self, jobs: Sequence[Job], moved: Mapping[int, Transition], store_calls: _Unit | None
    ) -> None:
        if store_calls is not None:
            await self._ledger.write(store_calls)
        for job in jobs:
            try:
                await self._commit([job], moved, None)
            except LedgerError:
                raise
            except Exception as error:  # noqa: BLE001 - as above
                job.cannot_be_held(failed_on_it(error).message, self._settings.retry.max)
                told = job.transition(self._settings.mapping, self._clock.now_us())
                await self._commit([job], {job.seq: told}, None)

    async def _commit(
        self, mine: Sequence[Job], moved: Mapping[int, Transition], store_calls: _Unit | None
    ) -> None:
        fences, ids = fences_of(mine), ids_of(mine)
        now = self._clock.now_us()
        transitions = [moved[job.seq] for job in mine]
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
