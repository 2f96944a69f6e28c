"""An effect of a job as rows and as a call, and what its earlier tries tell.

Must not: decide what happens next; `knect.engine.delivering.delivery` does.
"""

from collections.abc import Sequence

from msgspec import structs

from knect.api.manifest import Once, WriteManifest
from knect.engine.delivering.job import Job
from knect.ledger.bindings import BindingWrite
from knect.ledger.effects import UNCERTAIN, EffectRow, EffectWrite
from knect.sdk.contract import Call, Effect, Found, Operation

__all__ = [
    "MAKES",
    "age_of",
    "arrives_in",
    "at_work_for",
    "binding_row",
    "call_of",
    "clear_after",
    "document_of",
    "earlier_document",
    "effect_row",
    "fences_of",
    "ids_of",
    "is_from_before",
    "is_of_what_is_gone",
    "is_the_record",
    "is_uncertain",
    "is_unclear",
    "known_not_written",
    "may_exist",
    "settles_in",
    "tries_of",
    "was_there_before",
]

#: What is not sent again once it is found, or by its key not made again.
MAKES = (Operation.CREATE, Operation.ENSURE)
#: Where a look-up proves nothing at once.
_SETTLING = (Once.LOOKUP_AFTER_SETTLE, Once.NONE)


def call_of(job: Job) -> Call:
    """Return the call for the job's next effect."""
    effect = job.effect
    assert effect is not None
    return Call(
        effect=effect,
        given={name: job.given[name] for name in effect.needs} if effect.needs else {},
        idempotency_key=f"{job.claimed.id}-{effect.name}",
        transaction=job.claimed.id,
        again=_was_not_answered(job),
        unvouched=job.unvouched,
        gone=job.gone,
    )


def _was_not_answered(job: Job) -> bool:
    """Tell whether an earlier try of the next effect may yet be carried out."""
    row = job.written.get(job.effect_name) if job.written else None
    return row is not None and (row.state in UNCERTAIN or row.unsure_us is not None)


def effect_row(
    job: Job,
    state: str,
    *,
    destination: str,
    now_us: int,
    found: Found | None = None,
    adopted: bool = False,
    error: str | None = None,
) -> EffectWrite:
    """Return the row of the job's next effect in a state.

    `ahead_us` is the last moment at which a write of unknown outcome may have left, as far as it
    is known: it was sent after being written ahead, and whoever takes it over from the dead moves
    it on. `document` is then what was sent at that moment, and None where nobody had looked before
    what a ledger that is gone made. What is sent again in any case has a new moment and the
    document of now; of the try before, `unsure_us` says when it may have left.
    """
    effect, mapped = job.effect, job.mapped
    assert effect is not None
    ahead_us, document, unsure_us, tries = now_us, mapped.hash if mapped else None, None, 1
    if job.unvouched and state != "done":
        document = None
    before = job.written.get(effect.name)
    if before is not None:
        uncertain = before.state in UNCERTAIN
        kept = uncertain and effect.operation in MAKES
        if kept:
            ahead_us, document = before.ahead_us, before.document
        unsure_us = before.ahead_us if uncertain and not kept else before.unsure_us
        tries = before.tries + 1
    row = EffectWrite(
        transaction=job.seq,
        position=job.position,
        name=effect.name,
        write=effect.write,
        entity=effect.entity,
        key=f"{destination}/{effect.entity}/{effect.key}",
        external_id=effect.external_id,
        state=state,
        ahead_us=ahead_us,
        ended_us=None if state in UNCERTAIN else now_us,
        tries=tries,
        document=document,
        unsure_us=unsure_us,
    )
    if found is not None:
        return structs.replace(
            row,
            destination_id=found.destination_id,
            number=found.number,
            adopted=adopted,
        )
    return row if error is None else structs.replace(row, error=error)


def binding_row(
    job: Job,
    effect: Effect,
    found: Found,
    *,
    source: str,
    destination: str,
    final: bool,
    now_us: int,
) -> BindingWrite:
    """Return the binding an effect makes.

    Content and applied version are set by the `final` one only, when every effect is written.
    """
    return BindingWrite(
        destination=destination,
        entity=effect.entity,
        external_id=effect.external_id,
        destination_id=found.destination_id,
        number=found.number,
        source=source,
        source_id=job.claimed.source_id if is_the_record(job, effect) else None,
        token=found.token,
        hash=job.written_document if final else None,
        applied=job.claimed.token if final else None,
        transaction=job.seq,
        updated_us=now_us,
        over=found.over,
    )


def is_the_record(job: Job, effect: Effect) -> bool:
    """Tell whether an effect makes what the source record becomes, and not a part on the way."""
    return effect.primary or any(
        one.primary and (one.entity, one.external_id) == (effect.entity, effect.external_id)
        for one in job.effects
    )


def is_of_what_is_gone(job: Job, binding: BindingWrite) -> bool:
    """Tell whether a binding of the next effect is of what the destination had, where that, or a
    part of it, is made anew in this transaction.
    """
    if not job.anew or binding.transaction == job.seq:
        return False
    upto = job.effects[: job.position + 1]
    return binding.destination_id == job.gone or any(is_the_record(job, one) for one in upto)


def may_exist(job: Job, spec: WriteManifest) -> bool:
    """Tell whether to look before writing."""
    effect = job.effect
    assert effect is not None
    if effect.operation not in MAKES:
        return False
    if effect.match or effect.operation is Operation.ENSURE:
        return True
    if spec.once is Once.NATIVE_KEY and not job.unvouched:  # another ledger had other keys
        return False
    return job.older is not None or is_unclear(job)


def is_uncertain(job: Job) -> bool:
    """Tell whether an earlier try may have happened without our knowing."""
    if not job.written:  # the first try, as most are
        return False
    row = job.written.get(job.effect_name)
    return row is not None and row.state in UNCERTAIN


def is_unclear(job: Job) -> bool:
    """Tell whether nobody has found out yet what an earlier try did: it is uncertain, or it was so
    when the transaction began to wait for something, and had to give its key back.
    """
    return is_uncertain(job) or (not job.not_there and _given_up_us(job) is not None)


def _given_up_us(job: Job) -> int | None:
    """Return when what an earlier try makes may have left, if it was given up without a look."""
    effect, row = job.effect, job.written.get(job.effect_name) if job.written else None
    if row is None or row.state != "failed" or effect is None or effect.operation not in MAKES:
        return None
    return row.unsure_us


def clear_after(spec: WriteManifest, *, request_seconds: float) -> float:
    """Return seconds after which what was sent has arrived, if it ever does, and can be found.

    A server may be as slow as we are ready to wait, whether or not we still listen, and only then
    begins the time its look-up needs.
    """
    return request_seconds + (spec.settle_seconds if spec.once in _SETTLING else 0)


def settles_in(job: Job, spec: WriteManifest, *, request_seconds: float) -> float:
    """Return for how many seconds a negative look-up still proves nothing; 0: it does."""
    if not is_unclear(job) or spec.once not in _SETTLING:
        return 0.0
    return max(0.0, clear_after(spec, request_seconds=request_seconds) - age_of(job))


def arrives_in(job: Job, spec: WriteManifest, *, request_seconds: float) -> float:
    """Return for how many seconds what an earlier try sent, made of another content, may arrive
    after what would be sent now; 0: it does no more. Where writes overlap, of the same content too.
    """
    if not job.written:  # as most are
        return 0.0
    effect, row = job.effect, job.written.get(job.effect_name)
    if row is None or effect is None:
        return 0.0
    looked_up = effect.operation in MAKES
    left_us = row.ahead_us if is_uncertain(job) and not looked_up else row.unsure_us
    same = job.mapped is not None and row.document == job.mapped.hash
    if left_us is None or (same and not spec.overlaps):
        return 0.0
    return max(0.0, request_seconds - (job.now_us() - left_us) / 1e6)


def at_work_for(job: Job, *, request_seconds: float) -> float:
    """Return for how many seconds an earlier try of this transaction, which nobody answered, may
    still be at work at the destination; 0: all have come to their end.
    """
    moments = [
        row.ahead_us if row.state in UNCERTAIN else row.unsure_us for row in job.written.values()
    ]
    left_us = max((one for one in moments if one is not None), default=None)
    if left_us is None:
        return 0.0
    return max(0.0, request_seconds - (job.now_us() - left_us) / 1e6)


def known_not_written(job: Job) -> None:
    """A negative look-up proved that the earlier try did not happen; the next one starts anew.

    Where a destination makes nothing twice, it did not happen *yet*: it may still arrive.
    """
    job.unvouched = False
    row = job.written[job.effect_name]
    if row.state in UNCERTAIN:
        job.written[row.name] = structs.replace(row, state="failed", unsure_us=row.ahead_us)


def earlier_document(job: Job) -> str | None:
    """Return the hash of what an earlier try of the next effect was made from, if the record has
    become another one since; what another transaction tried may be what is there.
    """
    effect, row = job.effect, job.written.get(job.effect_name)
    if job.mapped is None or effect is None or effect.entity != job.claimed.entity:
        return None  # a party on the way, say
    makes = effect.operation in MAKES
    tried = [job.older.document] if job.older and makes else []
    if row is not None and (makes or row.state not in UNCERTAIN):  # else sent again, as it is now
        tried.append(row.document)
    return next((one for one in tried if one and one != job.mapped.hash), None)


def was_there_before(job: Job, row: EffectRow) -> bool:
    """Tell whether an effect was found as a ledger that is gone had made it: nobody knows of what
    content, so its row names no document; nor does that of a removal.
    """
    return row.state == "done" and row.document is None and job.mapped is not None


def is_from_before(job: Job) -> bool:
    """Tell whether what was found of the record may be of another content."""
    return job.unvouched and job.effect is not None and is_the_record(job, job.effect)


def age_of(job: Job) -> float:
    """Return seconds since the last moment a write nobody could tell of may have left."""
    row = job.written.get(job.effect_name)
    if row is None:
        return 0.0
    left_us = row.ahead_us if is_uncertain(job) else _given_up_us(job)
    return (job.now_us() - (left_us or row.ahead_us)) / 1e6


def tries_of(job: Job) -> int:
    """Return how often the next effect was tried before."""
    row = job.written.get(job.effect_name)
    return row.tries if row else 0


def fences_of(jobs: Sequence[Job]) -> dict[int, int]:
    """Return the fencing numbers under which the jobs' effects are written."""
    return {job.seq: job.claimed.fence for job in jobs}


def ids_of(jobs: Sequence[Job]) -> dict[int, str]:
    """Return the transactions' ids, which hold the business keys."""
    return {job.seq: job.claimed.id for job in jobs}


def document_of(job: Job) -> str:
    """Return what people call the document a delivered record became."""
    number = (job.primary.number or job.primary.destination_id) if job.primary else ""
    return f"{number}, as it was before it changed; the change follows" if job.earlier else number
