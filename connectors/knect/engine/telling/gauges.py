"""What the ledger and the work look like as metrics.

Why: alerts ask by pipeline, entity, fate, stage and class of reason; never by record.
Must not: count anything the ledger does not know; a restart must show the same sums.
"""

from collections.abc import Iterable

from knect.engine.delivering.job import Job
from knect.ledger import Fate, Ledger, Stage
from knect.ledger.feeds import served_until
from knect.ledger.instants import to_us
from knect.ledger.questions.queries import equations
from knect.ledger.questions.stopped import stuck_by_reason
from knect.ledger.questions.unattended import unattended
from knect.seams import Clock
from knect.telemetry import Metrics

__all__ = ["Gauges"]

_STAGE_NAMES: dict[str, str] = {
    Stage.EXTRACTED: "extract",
    Stage.MAPPED: "map",
    Stage.RESOLVED: "resolve",
    Stage.DELIVERED: "deliver",
}
_GOOD = (Fate.DELIVERED, Fate.UNCHANGED)


class Gauges:
    """Feeds one process's metrics."""

    def __init__(self, metrics: Metrics, clock: Clock) -> None:
        self._metrics = metrics
        self._clock = clock

    def webhook(self, connection: str, answer: str) -> None:
        """Count a webhook by what it was answered."""
        self._metrics.webhook(connection, answer)

    def committed(self, jobs: Iterable[Job]) -> None:
        """Count what a group of transactions came to."""
        now = self._clock.now().timestamp()
        groups: dict[tuple[str, str, str, str | None, bool], list[Job]] = {}
        for job in jobs:
            claimed, verdict = job.claimed, job.verdict
            if verdict is None:
                continue
            alike = (claimed.pipeline, claimed.entity, verdict.fate, verdict.reason)
            groups.setdefault((*alike, verdict.next_in is None), []).append(job)
        for (pipeline, entity, fate, reason, has_ended), done in groups.items():
            if has_ended:
                self._metrics.ended(
                    pipeline=pipeline,
                    entity=entity,
                    fate=fate,
                    reason_class=reason or "",
                    seconds=[max(0.0, now - job.claimed.created_us / 1e6) for job in done],
                    transaction=done[-1].claimed.id,
                )
            if fate in _GOOD:
                self._metrics.success(pipeline, now)
            took: dict[str, list[float]] = {stage: [] for stage in _STAGE_NAMES}
            for job in done:
                job.add_stage_seconds(took)
            for stage, seconds in took.items():
                if seconds:
                    name = _STAGE_NAMES[stage]
                    self._metrics.stage(
                        pipeline=pipeline, entity=entity, stage=name, seconds=seconds
                    )

    async def read(self, ledger: Ledger) -> bytes:
        """Bring the gauges up to the ledger and return the page for `/metrics`."""
        now_us = to_us(self._clock.now())
        sums, groups, served, alone = await ledger.read(
            lambda c: (
                equations(c),
                stuck_by_reason(c),
                served_until(c),
                unattended(c, now_us=now_us),
            )
        )
        left = {one.pipeline: one.count for one in alone}
        for one in sums:
            self._metrics.unattended(one.name, left.get(one.name, 0))
            self._metrics.equation(one.name, {"seen": one.seen, **one.fates})
            mine = [group for group in groups if group.pipeline == one.name]
            counts: dict[tuple[str, str, str], int] = {}
            for group in mine:
                labels = ("", group.fate, group.reason or "")
                counts[labels] = counts.get(labels, 0) + group.count
            oldest = min((group.oldest_us for group in mine), default=now_us)
            self._metrics.stuck(one.name, counts, (now_us - oldest) / 1e6)
        for name, until_us in served.items():
            self._metrics.read_complete(name, until_us / 1e6)
        return self._metrics.text()
