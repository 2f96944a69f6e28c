"""References of a record, looked up at the destination in bulk, remembered for a while.

Why: what is missing makes the transaction wait for exactly that, and wakes with all others that
wait for the same. Must not: guess; a value is known at the destination or it is waited for.
"""

import asyncio
from collections.abc import Mapping, Sequence

from msgspec import structs

from knect.api.reasons import Reason
from knect.engine.deciding.mapping_plan import ValueTables
from knect.engine.deciding.policy import (
    ITSELF,
    OPERATIONS,
    RetryPolicy,
    Verdict,
    missing,
    verdict_for,
)
from knect.engine.delivering.job import Job
from knect.engine.delivering.recall import Parents
from knect.ledger.fates import Fate
from knect.model import RECORD_TYPES
from knect.sdk.contract import Destination, Reference
from knect.sdk.errors import ConnectorError, MissingReference
from knect.seams import Clock

__all__ = ["Resolver"]

_REMEMBER_SECONDS = 300.0
_REMEMBER_ENTRIES = 20_000

_NOUNS = {"sku": "product with SKU", "country": "country", "currency": "currency"}


class Resolver:
    """Resolves for one destination; remembers what it found, never what it did not find."""

    def __init__(self, *, destination: Destination, where: str, clock: Clock) -> None:
        self._destination = destination
        self._where = where
        self._clock = clock
        self._known: dict[tuple[str, str], tuple[str, float]] = {}
        self._asked: dict[tuple[str, str], asyncio.Event] = {}

    async def resolve(
        self, jobs: Sequence[Job], tables: ValueTables, *, retry_seconds: float
    ) -> list[str]:
        """Fill `resolved` of each job, or set its verdict.

        `tables` translates values first: what people set by hand, then the pipeline's own tables.
        Returns what others may wait for and is known now (`sku:KN-7@acme-erp`).
        """
        asking = [(job, asked) for job in jobs if (asked := _asked(job))]
        if not asking:
            return []
        unusable = await self._look_up(
            [self._translated(reference, tables) for _, asked in asking for reference in asked]
        )
        found: list[str] = []
        for job, asked in asking:
            for reference in asked:
                translated = self._translated(reference, tables)
                answer = self._remembered(translated)
                if answer is None and job.is_cancelled:
                    continue  # what it names is not written any more
                if answer is None:
                    error = unusable.get((translated.kind, translated.value))
                    job.judge(
                        self._missing(reference, retry_seconds)
                        if error is None
                        else self._unusable(error, reference, retry_seconds)
                    )
                    break
                job.resolved[reference.kind, reference.value] = answer
                if job.claimed.reason is not None:
                    found.append(f"{reference.kind}:{reference.value}@{self._where}")
        return found

    def name_parents(
        self,
        jobs: Sequence[Job],
        parents: Parents,
        *,
        retry_seconds: float,
    ) -> None:
        """Fill in the destination's ids of parent records, or let the job wait for its parent."""
        for job in jobs:
            for reference in _references(job):
                if reference.kind not in RECORD_TYPES:
                    continue
                name = (reference.kind, reference.value)
                answer = parents.there.get(name)
                if answer is None:
                    verdict = _orphan(reference, self._where, retry_seconds)
                    left_out = parents.left_out.get(name)
                    job.judge(_in_vain(verdict, *left_out) if left_out else verdict)
                    break
                job.resolved[reference.kind, reference.value] = answer

    def _translated(self, reference: Reference, tables: ValueTables) -> Reference:
        mapped = tables.get((reference.kind, reference.value))
        if mapped is None:
            return reference
        return Reference(kind=reference.kind, value=mapped, path=reference.path)

    def _remembered(self, reference: Reference) -> str | None:
        known = self._known.get((reference.kind, reference.value))
        return known[0] if known and known[1] > self._clock.monotonic() else None

    async def _look_up(
        self, references: Sequence[Reference]
    ) -> Mapping[tuple[str, str], ConnectorError]:
        """Learn what is known; return why some of it cannot be used."""
        unknown = self._unknown(references)
        others = {event for key in unknown if (event := self._asked.get(key))}
        ours = {key: one for key, one in unknown.items() if key not in self._asked}
        said = await self._ask(ours)
        for event in others:  # another group asks for some of it just now
            await event.wait()
        if others:  # what it did not learn is asked for here, and what was forgotten meanwhile
            unknown = self._unknown(references)
            is_told = {key for key in ours if not isinstance(said.get(key), str)}
            said |= await self._ask({k: one for k, one in unknown.items() if k not in is_told})
        return {key: one for key, one in said.items() if isinstance(one, ConnectorError)}

    def _unknown(self, references: Sequence[Reference]) -> dict[tuple[str, str], Reference]:
        return {(r.kind, r.value): r for r in references if self._remembered(r) is None}

    async def _ask(
        self, wanted: Mapping[tuple[str, str], Reference]
    ) -> dict[tuple[str, str], str | ConnectorError]:
        """Ask the destination, and remember what it knows."""
        if not wanted:
            return {}
        over = asyncio.Event()
        self._asked |= dict.fromkeys(wanted, over)
        try:
            said = await self._destination.resolve(list(wanted.values()))
        finally:
            over.set()
            for key in wanted:
                if self._asked.get(key) is over:
                    del self._asked[key]
        answers = {key: one for key, one in said.items() if isinstance(one, str)}
        if len(self._known) + len(answers) > _REMEMBER_ENTRIES:
            self._known.clear()
        until = self._clock.monotonic() + _REMEMBER_SECONDS
        self._known.update({key: (answer, until) for key, answer in answers.items()})
        return dict(said)

    def _missing(self, reference: Reference, retry_seconds: float) -> Verdict:
        noun = _NOUNS.get(reference.kind, reference.kind)
        error = MissingReference(
            f"{self._where} knows no {noun} {reference.value!r}",
            kind=reference.kind,
            value=reference.value,
            path=reference.path,
        )
        return missing(error, where=self._where, next_in=retry_seconds)

    def _unusable(
        self, error: ConnectorError, reference: Reference, retry_seconds: float
    ) -> Verdict:
        policy = RetryPolicy(max=retry_seconds)
        verdict = verdict_for(error, where=self._where, attempt=1, policy=policy, chance=1.0)
        awaited = verdict.waits_for
        if isinstance(error, MissingReference):  # by the record's own word, as it wakes
            awaited = f"{reference.kind}:{reference.value}@{self._where}"
        return structs.replace(
            verdict,
            field=verdict.field or reference.path,
            value=verdict.value or reference.value,
            waits_for=awaited,
        )


def _orphan(reference: Reference, where: str, retry_seconds: float) -> Verdict:
    noun = RECORD_TYPES[reference.kind].__name__.lower()
    return Verdict(
        fate=Fate.WAITING,
        reason=Reason.PARENT_NOT_DELIVERED,
        message=f"the {noun} {reference.value} it belongs to is not in {where} yet",
        field=reference.path,
        value=reference.value,
        acts=ITSELF,
        next_in=retry_seconds,
        waits_for=f"{reference.kind}:{reference.value}@{where}",
        counts=False,
    )


def _in_vain(orphan: Verdict, parent: str, why: str) -> Verdict:
    """Return the verdict for what waits for a record that will not come by itself."""
    return structs.replace(
        orphan,
        message=f"{parent}, which it belongs to, was left out: {why.rstrip('.')}; skip this one if"
        f" there is nothing to be booked for it, else replay {parent}",
        acts=OPERATIONS,
    )


def _references(job: Job) -> Sequence[Reference]:
    return job.mapped.references if job.mapped else ()


def _asked(job: Job) -> Sequence[Reference]:
    """Return the references the destination is asked for."""
    references = _references(job)
    return references and [one for one in references if one.kind not in RECORD_TYPES]
