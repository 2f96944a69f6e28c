"""What a pipeline that only observes says of a record: who has it already, and who has not.

Why: beside an older integration the question is what that one lost. With `destination.match` it is
answered by looking, as going Live would look before it makes anything.
Must not: write, or keep a record from being released when the pipeline goes Live.
"""

from collections.abc import Sequence

from msgspec import Struct

from knect.api.reasons import Reason
from knect.engine.deciding.policy import OPERATIONS, Verdict, verdict_for
from knect.engine.delivering.adoption import ambiguous, not_owned
from knect.engine.delivering.job import Job
from knect.engine.delivering.settings import PipelineSettings
from knect.ledger import Fate, Ledger
from knect.sdk.contract import Call, Destination, Effect, Found, Operation

__all__ = ["Observer"]


class Observer(Struct, frozen=True, kw_only=True):
    """Looks for what the jobs of one pipeline would adopt."""

    settings: PipelineSettings
    ledger: Ledger
    destination: Destination

    async def observe(self, jobs: Sequence[Job]) -> None:
        """Give each job its verdict. Raises ConnectorError when the destination cannot be asked."""
        asking: list[tuple[Job, Effect]] = []
        for job in jobs:
            effect = next((one for one in job.effects if _is_looked_for(one)), None)
            if effect is None:
                job.judge(self._waits("the pipeline only observes; going Live releases it"))
            else:
                asking.append((job, effect))
        if not asking:
            return
        calls = [_question(job, effect) for job, effect in asking]
        found = await self.destination.candidates(calls)
        where = self.settings.destination
        pairs = [(effect, there) for (_, effect), there in zip(asking, found, strict=True)]
        free = await not_owned(self.ledger, where, pairs)
        ours = await self._made_for_us([c for c, left in zip(calls, free, strict=True) if not left])
        for (job, effect), candidates in zip(asking, free, strict=True):
            mine = ours.get(effect.external_id)
            job.judge(self._seen(job, effect, [mine] if mine else candidates))

    async def _made_for_us(self, calls: Sequence[Call]) -> dict[str, Found]:
        """Return what carries our own external id, of which a lost ledger knows nothing."""
        answers = await self.destination.lookup(calls) if calls else ()
        return {
            call.effect.external_id: found
            for call, found in zip(calls, answers, strict=True)
            if found is not None
        }

    def _seen(self, job: Job, effect: Effect, candidates: Sequence[Found]) -> Verdict:
        settings, where = self.settings, self.settings.destination
        if len(candidates) == 1:
            name = candidates[0].number or candidates[0].destination_id
            return self._waits(f"{where} has it already, as {name}; going Live adopts it")
        error = ambiguous(effect, candidates, where=where)
        if error is not None:
            policy, chance = settings.retry, 0.0
            return verdict_for(
                error, where=where, attempt=job.attempt, policy=policy, chance=chance
            )
        path, value = next(iter(effect.match.items()))
        by = " and ".join(f"{name} {shown!r}" for name, shown in effect.match.items())
        return Verdict(
            fate=Fate.WAITING,
            reason=Reason.MISSING_AT_DESTINATION,
            message=f"{where} has nothing with {by}: it never arrived; going Live creates it",
            field=path,
            value=str(value),
            acts=OPERATIONS,
            next_in=settings.retry.max,  # it may be late only
            waits_for=self._mode,
            counts=False,
        )

    def _waits(self, message: str) -> Verdict:
        return Verdict(
            fate=Fate.WAITING,
            reason=Reason.OBSERVE_MODE,
            message=message,
            acts=OPERATIONS,
            waits_for=self._mode,
            counts=False,
        )

    @property
    def _mode(self) -> str:
        return f"mode:{self.settings.name}"


def _is_looked_for(effect: Effect) -> bool:
    return effect.operation is Operation.CREATE and bool(effect.match)


def _question(job: Job, effect: Effect) -> Call:
    return Call(effect=effect, given={}, idempotency_key=f"{job.claimed.id}-{effect.name}")
