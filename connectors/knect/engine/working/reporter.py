"""What a worker says of itself, gathered in one place and kept ready to be read.

Why: `/status` is asked by whoever watches, also while the ledger hangs; so it is put together every
two seconds, from bounded questions, and only handed out when asked.
Must not: judge (`knect.engine.deciding.verdicts` does), or say more than `WorkerReport` has words
for.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from importlib.metadata import version
from zoneinfo import ZoneInfo

from cronsim import CronSim
from msgspec import Struct, json

from knect.api.pipeline import Trigger
from knect.api.report import (
    ConnectionReport,
    PipelineReport,
    StuckReport,
    Verdict,
    VerdictState,
    WorkerReport,
)
from knect.api.worker import WorkerDocument, WorkerPipeline
from knect.engine.deciding.masking import HIDDEN, mask_payload
from knect.engine.deciding.verdicts import Facts, Failure, carried, judge_flowing, judge_fresh
from knect.engine.working.book import LEDGER_OPEN, unavailable
from knect.ledger import Ledger, LedgerError
from knect.ledger.instants import from_us, to_us
from knect.ledger.questions.flow import Oldest, PipelineFlow, last_delivered, pipeline_flow
from knect.ledger.questions.health import unmet_expectations
from knect.ledger.questions.queries import Equation, equations
from knect.seams import Clock

__all__ = ["Reporter", "Session", "read_due"]

_log = logging.getLogger("knect.reporter")

_EVERY = 2.0
_REFUSED = ("CredentialsRejected", "SecretMissing", "SecretKeyMissing", "ScopeMissing")
#: Sums are counted over all rows; they may be this old, in seconds.
_SUMS_EVERY = 10.0
_EXPECTATIONS_EVERY = 60.0
#: One connection of many may be lost and made anew; that is no trouble to be told.
_BLIP_US = 1_000_000
#: A ledger that has not answered for so long is not there.
_LEDGER_SECONDS = 10.0


class Session(Struct, kw_only=True):
    """What is known while a ledger is open. Functions take names and answer at once.

    `unanswered` and `stalled` return seconds, 0 when there is nothing to tell. `refused` is told
    of a Connection whose reads are refused while its last check said they would not be.
    """

    ledger: Ledger
    connections: Callable[[], Mapping[str, ConnectionReport]]
    unanswered: Callable[[str], float]
    stalled: Callable[[str], float]
    refused: Callable[[str], None] = lambda _: None


class Reporter:
    """Keeps the report of one process. `ledger` is its own view of the ledger."""

    def __init__(
        self,
        document: WorkerDocument,
        *,
        digest: str,
        worker: str,
        clock: Clock,
        content: str | None = None,
    ) -> None:
        self._document = document
        self._clock = clock
        self._began = clock.now()
        self._sums: dict[str, Equation] = {}
        self._silences: dict[str, str] = {}
        self._flows: dict[str, PipelineFlow] = {}
        self._sums_at = self._expectations_at = float("-inf")
        self._successes: dict[str, datetime] = {}
        self._echoes: dict[str, str] = {}
        self._blocked: Verdict | None = None
        self._session: Session | None = None
        self._report = WorkerReport(
            worker=worker,
            version=version("knect"),
            document=digest,
            content=content,
            started=self._began,
        )
        self._compose()

    # ------------------------------------------------------------ told

    @property
    def ledger(self) -> Verdict:
        """Return what is said of the ledger."""
        return self._report.ledger

    def begins(self, session: Session | None) -> None:
        """Say that a ledger is open and the work taken up, or (None) no longer."""
        self._session = session
        if session is not None:
            self._blocked = None
            self.ledger_is(LEDGER_OPEN)

    def blocked(self, verdict: Verdict) -> None:
        """Say why the document cannot be worked off, though there is a ledger."""
        self._blocked = verdict
        self.ledger_is(LEDGER_OPEN)

    def ledger_is(self, verdict: Verdict) -> None:
        """Say how it is with the ledger."""
        kept = carried(verdict, self._report.ledger, self._clock.now())
        self._report = self._report.model_copy(update={"ledger": kept})
        self._compose()

    def succeeded(self, pipeline: str) -> None:
        """Say that something was delivered."""
        self._successes[pipeline] = self._clock.now()

    def echo(self, pipeline: str, token: str) -> None:
        """Say that a read that was asked for with this token has come to its end."""
        self._echoes[pipeline] = token
        self._compose()

    def echoed(self, pipeline: str) -> str | None:
        """Return the last token that was echoed."""
        return self._echoes.get(pipeline)

    # ------------------------------------------------------------ read

    def report(self) -> WorkerReport:
        """Return the newest report; of a ledger that just went away it says so at once.

        Questions to it are asked again and again for a while, so the next refresh may be far.
        """
        trouble = self._session.ledger.trouble if self._session is not None else None
        if trouble is not None and to_us(self._clock.now()) - trouble.since_us >= _BLIP_US:
            self.ledger_is(unavailable(LedgerError(trouble.sentence)))
        return self._report

    async def run(self) -> None:
        """Keep it up to date until cancelled."""
        while True:
            await self.refresh()
            await self._clock.sleep(_EVERY)

    async def refresh(self) -> None:
        """Ask the ledger, and judge; a ledger that does not answer is what is then said."""
        session = self._session
        if session is None:
            self._compose()
            return
        try:
            async with asyncio.timeout(_LEDGER_SECONDS):
                await self._ask(session.ledger)
        except (LedgerError, TimeoutError) as error:
            _log.warning("the ledger does not answer", extra={"reason": str(error)})
            self.ledger_is(unavailable(error))
        else:
            self.ledger_is(LEDGER_OPEN)
            for pipeline in self._document.pipelines:
                self._doubt(pipeline, session)

    def _doubt(self, pipeline: WorkerPipeline, session: Session) -> None:
        source, _ = self._document.ends(pipeline)
        flow = self._flows.get(pipeline.name)
        report = self._report.connection(source.namespace, source.name)
        if flow is None or flow.failure_reason not in _REFUSED or report is None:
            return
        if report.credentials.state is VerdictState.TRUE:
            session.refused(source.name)

    async def _ask(self, ledger: Ledger) -> None:
        names = [pipeline.name for pipeline in self._document.pipelines]
        self._flows = await ledger.read(lambda c: {name: pipeline_flow(c, name) for name in names})
        for name in names:
            if name not in self._successes:
                at = await ledger.read(lambda c, n=name: last_delivered(c, n))  # type: ignore[misc]
                if at is not None:
                    self._successes.setdefault(name, from_us(at))
        now = self._clock.monotonic()
        if now - self._sums_at >= _SUMS_EVERY:
            sums = await ledger.read(equations)
            self._sums = {one.name: one for one in sums}
            self._sums_at = now
        if now - self._expectations_at >= _EXPECTATIONS_EVERY:
            at = to_us(self._clock.now())
            found = await ledger.read(lambda c: unmet_expectations(c, at))
            self._silences = {
                one.pipeline: one.sentence for one in found if one.kind == "SuspiciousSilence"
            }
            self._expectations_at = now

    # ------------------------------------------------------------ put together

    def _compose(self) -> None:
        found = self._session.connections() if self._session is not None else {}
        known = {(one.namespace, one.name): one for one in self._report.connections}
        connections = tuple(
            found.get(one.name)
            or known.get((one.namespace, one.name))
            or ConnectionReport(namespace=one.namespace, name=one.name, generation=one.generation)
            for one in self._document.connections
        )
        self._report = self._report.model_copy(update={"connections": connections})
        pipelines = tuple(self._pipeline(one) for one in self._document.pipelines)
        self._report = self._report.model_copy(update={"pipelines": pipelines})

    def _pipeline(self, pipeline: WorkerPipeline) -> PipelineReport:
        name = pipeline.name
        before = self._report.pipeline(pipeline.namespace, name)
        facts = self._facts(pipeline)
        flow = self._flows.get(name, PipelineFlow(name=name))
        sums = self._sums.get(name)
        flowing = carried(judge_flowing(facts), before.flowing if before else None, facts.now)
        fresh = carried(judge_fresh(facts, flowing), before.fresh if before else None, facts.now)
        return PipelineReport(
            namespace=pipeline.namespace,
            name=name,
            generation=pipeline.generation,
            suspended=facts.suspended,
            flowing=flowing,
            fresh=fresh,
            complete_until=(
                from_us(flow.complete_until_us)
                if flow.read_us is not None and flow.complete_until_us is not None
                else None
            ),
            last_success=self._successes.get(name),
            seen=sums.seen if sums is not None else 0,
            fates=dict(sums.fates) if sums is not None else {},
            balanced=sums.balanced if sums is not None else True,
            stuck=flow.stuck,
            oldest_stuck=_shown(flow.oldest_stuck, pipeline) if flow.oldest_stuck else None,
            requested_at=self._echoes.get(name),
        )

    def _facts(self, pipeline: WorkerPipeline) -> Facts:
        now, session = self._clock.now(), self._session
        flow = self._flows.get(pipeline.name, PipelineFlow(name=pipeline.name))
        source, destination = self._document.ends(pipeline)
        find = self._report.connection
        silent = session.unanswered(destination.name) if session is not None else 0.0
        hanging = session.stalled(pipeline.name) if session is not None else 0.0
        reading = held = None
        if flow.failing_since_us is not None:
            reading = Failure(
                kind=flow.failure_reason or "",
                sentence=flow.failure or "reading fails",
                since=from_us(flow.failing_since_us),
            )
        if flow.held is not None:
            held = Failure(
                kind=flow.held.reason,
                sentence=flow.held.message or f"{destination.name} refuses everything",
                since=from_us(flow.held.since_us),
            )
        last_read = from_us(flow.read_us) if flow.read_us is not None else None
        patience = pipeline.spec.delivery.stalled_after.delta
        return Facts(
            now=now,
            source=source.name,
            destination=destination.name,
            entity=pipeline.spec.entity,
            suspended=self._document.is_suspended(pipeline),
            ledger=self._report.ledger,
            blocked=self._blocked,
            source_report=find(source.namespace, source.name),
            destination_report=find(destination.namespace, destination.name),
            reading=reading,
            held=held,
            unanswered=now - timedelta(seconds=silent) if silent else None,
            stalled=now - timedelta(seconds=hanging) if hanging else None,
            stuck=flow.stuck,
            most_stuck=pipeline.spec.expect.max_stuck,
            silence=self._silences.get(pipeline.name),
            began=self._began,
            last_read=last_read,
            read_due=read_due(pipeline.spec.trigger, last_read or self._began, patience),
            oldest_open=from_us(flow.oldest_open_us) if flow.oldest_open_us is not None else None,
            last_success=self._successes.get(pipeline.name),
            stalled_after=patience,
        )


def read_due(trigger: Trigger, last: datetime, patience: timedelta) -> datetime:
    """Return when the read after `last` (the end of the one before) has to have ended."""
    if trigger.schedule is not None:
        local = last.astimezone(ZoneInfo(trigger.schedule.time_zone))
        return next(CronSim(trigger.schedule.cron, local)).astimezone(last.tzinfo) + patience
    every = trigger.poll.every if trigger.poll is not None else None
    if trigger.webhook is not None:
        every = trigger.webhook.reconcile_every
    assert every is not None
    return last + every.delta + patience


def _shown(oldest: Oldest, pipeline: WorkerPipeline) -> StuckReport:
    """Return the oldest stuck transaction as anybody may see it."""
    key = oldest.key
    if pipeline.spec.privacy.mask:
        # a record that could not be read is hidden as a whole: what is masked is not known
        hidden = json.decode(oldest.hidden, type=list[str]) if oldest.hidden else None
        key = HIDDEN if hidden is None else str(mask_payload(key, hidden))
    return StuckReport(
        transaction=oldest.id,
        key=key[:253],
        reason=oldest.reason or "",
        since=from_us(oldest.since_us),
    )
