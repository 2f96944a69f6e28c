"""What is to be written for a record, or for its deletion; and when there is nothing to write.

Must not: call out, or touch the ledger.
"""

from collections.abc import Sequence

from msgspec import Struct, structs

from knect.api.pipeline import SourceDelete, Write
from knect.api.reasons import Reason
from knect.engine.deciding.mapper import Mapped
from knect.engine.deciding.mapping_plan import MappingPlan
from knect.engine.deciding.policy import Verdict
from knect.engine.delivering.adoption import values_to_match
from knect.engine.delivering.effect_rows import was_there_before
from knect.engine.delivering.job import Job
from knect.ledger.bindings import is_removed
from knect.ledger.fates import Fate
from knect.sdk.contract import Delivery, Destination, Effect, Operation, Removal

__all__ = ["Planner"]


_EXISTS = Verdict(
    fate=Fate.SKIPPED,
    reason=Reason.SAME_CONTENT,
    message="it exists at the destination, and write is Create",
)


_IGNORED = Verdict(
    fate=Fate.SKIPPED,
    reason=Reason.SOURCE_GONE,
    message="it was deleted at the source, and onSourceDelete is Ignore",
)


class Planner(Struct, frozen=True, kw_only=True):
    """Plans the deliveries of one pipeline."""

    plan: MappingPlan
    where: str  # the destination Connection's name
    destination: Destination
    write: Write
    on_source_delete: SourceDelete

    def nothing_to_do(self, job: Job) -> Verdict | None:
        """Return why nothing is to be written, from what is bound; None if something may be."""
        if job.claimed.deleted and self.on_source_delete is SourceDelete.IGNORE:
            return _IGNORED
        if job.bound is None and job.claimed.deleted:
            return Verdict(
                fate=Fate.SKIPPED,
                reason=Reason.SOURCE_GONE,
                message="it was deleted at the source before anything of it was delivered",
            )
        if job.bound is None and self.write is Write.UPDATE and not self.plan.settings["match"]:
            return Verdict(
                fate=Fate.SKIPPED,
                reason=Reason.NOT_AT_DESTINATION,
                message=f"it is not in {self.where}, and write is Update",
            )
        if self.write is Write.CREATE and _was_there_before(job):
            return _EXISTS
        if job.bound is None or job.written:
            return None
        if job.bound.applied is not None and job.bound.applied > job.claimed.token:
            return Verdict(
                fate=Fate.SUPERSEDED,
                reason=Reason.NEWER_VERSION,
                message="a newer version was applied already",
            )
        if job.mapped is None:
            return None
        if job.bound.hash == job.mapped.hash and not job.doubted:
            return Verdict(
                fate=Fate.UNCHANGED,
                reason=Reason.SAME_CONTENT,
                message="nothing of it that this pipeline writes has changed",
            )
        return _EXISTS if self.write is Write.CREATE else None

    def is_made_anew(self, job: Job) -> bool:
        """Tell whether a record is there again whose document was deleted for it: nothing is left
        to be changed.
        """
        deletes = self.on_source_delete is SourceDelete.DELETE
        return deletes and job.mapped is not None and is_removed(job.bound)

    def effects(self, job: Job) -> Sequence[Effect]:
        """Return the writes of a record, or of its deletion. Raises what the connector raises."""
        bound = job.bound
        if job.mapped is None:
            assert bound is not None
            removal = Removal(
                entity=self.plan.entity,
                external_id=job.external_id,
                how=self.on_source_delete.value,
                bound=bound.destination_id,
                settings=self.plan.settings,
            )
            return self.destination.plan_removal(removal)
        delivery = self._delivery(job, job.mapped)
        effects = self.destination.plan(delivery)
        if not effects and bound is not None and _was_there_before(job):
            # of what never changes its making may have been interrupted
            return self.destination.plan(structs.replace(delivery, bound=None))
        return effects

    def had_it_lived(self, job: Job) -> Effect | None:
        """Return what would have made a record of which nothing is to be written, to look for it
        by: a ledger that is gone may have made it, before it was cancelled or emptied, or somebody
        else.
        """
        if job.mapped is None or job.bound is not None or not _is_resolved(job, job.mapped):
            return None
        delivery = self._delivery(job, job.mapped)
        effects = self.destination.plan(structs.replace(delivery, sought=True))
        made = (one for one in effects if one.operation is Operation.CREATE)
        found = next((one for one in made if one.external_id == job.external_id), None)
        return structs.replace(found, needs=(), primary=True) if found is not None else None

    def _delivery(self, job: Job, mapped: Mapped) -> Delivery:
        bound, document, record = job.bound, mapped.document, mapped.record
        if bound is not None and self.plan.create_only:
            document = {k: v for k, v in document.items() if k not in self.plan.create_only}
        return Delivery(
            entity=self.plan.entity,
            external_id=job.external_id,
            document=document,
            record=record,
            bound=bound.destination_id if bound else None,
            resolved=job.resolved,
            settings=self.plan.settings,
            match={} if bound else values_to_match(record, self.plan.settings["match"]),
            previous=job.previous,
            tried=job.tried,
            removed=is_removed(bound),
        )

    def unwritten(self, job: Job) -> Verdict | None:
        """Return the end of a record of which nothing is to be written; None if something is."""
        mapped, there = job.mapped, job.bound is not None
        if mapped is not None and mapped.instead is not None and not (there or job.held):
            return mapped.instead
        if job.effects:
            return None
        if not there and job.is_cancelled:
            return Verdict(
                fate=Fate.SKIPPED,
                reason=Reason.CANCELLED_BEFORE_DELIVERY,
                message=f"it was cancelled before it got to {self.where}; nothing to take back",
            )
        return Verdict(
            fate=Fate.UNCHANGED,
            reason=Reason.SAME_CONTENT,
            message=f"{self.where} has nothing to change for it",
        )


def _is_resolved(job: Job, mapped: Mapped) -> bool:
    return all((one.kind, one.value) in job.resolved for one in mapped.references)


def _was_there_before(job: Job) -> bool:
    return any(was_there_before(job, row) for row in job.written.values())
