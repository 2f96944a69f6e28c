"""What a staying worker looks after besides records: webhook subscriptions, declared audits.

Why: platforms remove subscriptions that failed too often, and what was delivered can be deleted
later; both are silent unless somebody looks. Must not: be needed for delivery; a poll stands
behind every webhook.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim

from knect.api.catalog import Catalog
from knect.api.connection import WebhookEndpoint
from knect.api.delivery import Repair
from knect.api.reasons import ConditionReason as R
from knect.api.report import Verdict, VerdictState
from knect.api.worker import WorkerDocument, WorkerPipeline
from knect.engine.deciding.defects import failed_while
from knect.engine.deciding.verdicts import carried
from knect.engine.recorder import CallTracer
from knect.engine.telling.audit import (
    OF_BOTH_ENDS,
    audit_both_ends,
    audit_ledger,
    brought_in,
)
from knect.engine.working.repair import Repairer
from knect.ledger import Ledger, LedgerError
from knect.ledger.facts import fact
from knect.ledger.instants import to_us
from knect.ledger.questions.checks import Finding
from knect.ledger.questions.health import last_findings, store_findings
from knect.ledger.turns import give_turn_back, take_turn
from knect.sdk.contract import Connector
from knect.sdk.errors import ConnectorError, Unreachable
from knect.sdk.exchange import recording
from knect.seams import Clock

__all__ = ["Upkeep", "webhook_paths"]

_log = logging.getLogger("knect.upkeep")

_SUBSCRIBE_EVERY = 3600.0
_SUBSCRIBE_AGAIN = 60.0
#: Several workers read from one account; one at a time compares and registers.
_TURN_SECONDS = 120.0
_TURN_PAUSE = 2.0
_NOT_AUDITED = "NotAudited"


async def webhook_paths(
    ledger: Ledger, connectors: Mapping[str, Connector], unguessable: str
) -> dict[str, str]:
    """Return the unguessable part of each receiving Connection's path.

    Made once and kept in the ledger: platforms were told the address.
    """
    names = [name for name, connector in connectors.items() if connector.webhooks is not None]
    return await ledger.write(
        lambda c: {
            name: fact(c, f"webhook-path:{name}", f"{unguessable}{i}")
            for i, name in enumerate(names)
        }
    )


class Upkeep:
    """Runs until cancelled; every trouble is logged and tried again.

    `calls` is the trace id its calls carry, which the ledger knows.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        document: WorkerDocument,
        catalog: Catalog,
        connectors: Mapping[str, Connector],
        paths: Mapping[str, str],
        clock: Clock,
        calls: str,
        holder: str = "local",
        repairer: Repairer | None = None,
    ) -> None:
        #: What became of the last registration, by Connection; only of those that push to us.
        self.webhooks: dict[str, Verdict] = {}
        self._ledger = ledger
        self._document = document
        self._catalog = catalog
        self._connectors = connectors
        self._paths = paths
        self._clock = clock
        self._tracer = CallTracer(clock=clock, trace_id=calls)
        self._holder = holder
        self._repairer = repairer

    async def run(self) -> None:
        """Look after everything, each at its own pace; with nothing to look after, stay."""
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.Event().wait())  # ends with the others, never by itself
            for name in self._paths:
                group.create_task(self._subscriptions(name))
            for pipeline in self._document.pipelines:
                if pipeline.spec.audit is not None and not self._document.is_suspended(pipeline):
                    group.create_task(self._audits(pipeline))

    async def subscribe(self, name: str) -> bool:
        """Make the remote send to our address; return whether there was anything to send.

        Raises ConnectorError.
        """
        endpoint = self._endpoint(name)
        webhooks = self._connectors[name].webhooks
        if endpoint is None or webhooks is None:
            return False
        entities = sorted(
            {
                pipeline.spec.entity
                for pipeline in self._document.pipelines
                if pipeline.spec.source.connection_ref.name == name
                and pipeline.spec.trigger.webhook is not None
            }
        )
        if entities:
            url = f"https://{endpoint.host}/webhooks/{name}/{self._paths[name]}"
            with recording(self._tracer):
                await webhooks.subscribe(entities, url)
        return bool(entities)

    async def audit(self, pipeline: WorkerPipeline) -> int:
        """Audit one pipeline, keep what was found, return how many; repair what is to be.

        Raises ConnectorError if what is to be repaired cannot be read.
        """
        alone = self._document.model_copy(update={"pipelines": (pipeline,)})
        found = [
            finding
            for finding in await audit_ledger(self._ledger, self._clock)
            if finding.pipeline == pipeline.name
        ]
        with recording(self._tracer):
            told = await audit_both_ends(self._ledger, alone, self._connectors, self._catalog)
        found += told.findings
        if told.failed:
            found += await self._found_before(pipeline, found)
            found += [_not_audited(pipeline, sentence) for sentence in told.failed]
        await self._keep(pipeline, found)
        declared = pipeline.spec.audit
        if self._repairer is not None and declared and declared.repair is Repair.MISSING:
            await self._repairer.bring_in(pipeline, told.passed_over)
            await self._keep(pipeline, brought_in(found, pipeline.name))
            count = await self._repairer.tell_figures(pipeline)
            _log.info("audit", extra={"pipeline": pipeline.name, "told_again": count})
        for finding in found:
            _log.error("audit", extra={"kind": finding.kind, "sentence": finding.sentence})
        return len(found)

    async def _found_before(
        self, pipeline: WorkerPipeline, found: Sequence[Finding]
    ) -> list[Finding]:
        """Return what an audit before found at an end, and this one, which could not ask all, did
        not; what the ledger says of itself is known.
        """
        before, _ = await self._ledger.read(lambda c: last_findings(c, pipeline.name))
        there = {(one.kind, one.key) for one in found}
        return [
            one for one in before if one.kind in OF_BOTH_ENDS and (one.kind, one.key) not in there
        ]

    async def _keep(self, pipeline: WorkerPipeline, found: Sequence[Finding]) -> None:
        now = to_us(self._clock.now())
        await self._ledger.write(lambda c: store_findings(c, [pipeline.name], found, now))

    async def _subscriptions(self, name: str) -> None:
        while True:
            pause = _SUBSCRIBE_AGAIN
            try:
                pause = await self._in_turn(name)
            except ConnectorError as error:
                _log.warning("webhooks", extra={"connection": name, "reason": error.message})
                self._say(name, VerdictState.FALSE, R.SUBSCRIPTION_LOST, error.message)
            except LedgerError as error:
                _log.warning("webhooks", extra={"connection": name, "reason": str(error)})
            except Exception as error:  # noqa: BLE001 - whatever was answered must not end the worker
                _log.error("defect", exc_info=error, extra={"connection": name})
                told = failed_while(f"registering webhooks at {name}", error)
                self._say(name, VerdictState.FALSE, R.SUBSCRIPTION_LOST, told.message)
            await self._clock.sleep(pause)

    async def _in_turn(self, name: str) -> float:
        """Register when it is our turn; return seconds until the next look."""
        turn, now = f"subscribe:{name}", to_us(self._clock.now())
        ours = await self._ledger.write(
            lambda c: take_turn(
                c, turn, holder=self._holder, now_us=now, lease_us=int(_TURN_SECONDS * 1e6)
            )
        )
        if not ours:
            return _TURN_PAUSE
        try:
            async with asyncio.timeout(_TURN_SECONDS / 2):
                wanted = await self.subscribe(name)
        except TimeoutError:
            raise Unreachable(f"{name} did not answer while webhooks were registered") from None
        finally:
            await self._ledger.write(lambda c: give_turn_back(c, turn, holder=self._holder))
        endpoint = self._endpoint(name)
        if wanted and endpoint is not None:
            sentence = f"{name} sends what changes to {endpoint.host}"
            self._say(name, VerdictState.TRUE, R.SUCCEEDED, sentence)
        return _SUBSCRIBE_EVERY

    def _endpoint(self, name: str) -> WebhookEndpoint | None:
        for connection in self._document.connections:
            if connection.name == name:
                return connection.spec.webhooks
        return None

    def _say(self, name: str, state: VerdictState, reason: R, message: str) -> None:
        if self._endpoint(name) is not None:
            said = Verdict(state=state, reason=reason, message=message)
            self.webhooks[name] = carried(said, self.webhooks.get(name), self._clock.now())

    async def _audits(self, pipeline: WorkerPipeline) -> None:
        while True:
            await self._clock.sleep(_until_next(pipeline, self._clock.now()))
            try:
                await self.audit(pipeline)
            except (ConnectorError, LedgerError) as error:
                _log.warning("audit", extra={"pipeline": pipeline.name, "reason": str(error)})
            except Exception as error:  # noqa: BLE001 - as above
                _log.error("defect", exc_info=error, extra={"pipeline": pipeline.name})


def _not_audited(pipeline: WorkerPipeline, sentence: str) -> Finding:
    name = pipeline.name
    return Finding(kind=_NOT_AUDITED, pipeline=name, key=name, sentence=sentence)


def _until_next(pipeline: WorkerPipeline, now: datetime) -> float:
    declared = pipeline.spec.audit
    assert declared is not None
    local = now.astimezone(ZoneInfo(declared.time_zone))
    return max(1.0, (next(CronSim(declared.schedule, local)) - now).total_seconds())
