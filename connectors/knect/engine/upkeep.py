"""What a staying worker looks after besides records: webhook subscriptions, declared audits.

Why: platforms remove subscriptions that failed too often, and what was delivered can be deleted
later; both are silent unless somebody looks. Must not: be needed for delivery; a poll stands
behind every webhook.
"""

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim

from knect.api.worker import WorkerDocument, WorkerPipeline
from knect.engine.audit import audit_both_ends, audit_ledger
from knect.ledger import Ledger, LedgerError
from knect.ledger.facts import fact
from knect.ledger.health import store_findings
from knect.ledger.instants import to_us
from knect.sdk.contract import Connector
from knect.sdk.errors import ConnectorError
from knect.seams import Clock

__all__ = ["Upkeep", "webhook_paths"]

_log = logging.getLogger("knect.upkeep")

_SUBSCRIBE_EVERY = 3600.0


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
    """Runs until cancelled; every trouble is logged and tried again."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        document: WorkerDocument,
        connectors: Mapping[str, Connector],
        paths: Mapping[str, str],
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._document = document
        self._connectors = connectors
        self._paths = paths
        self._clock = clock

    async def run(self) -> None:
        """Look after everything, each at its own pace."""
        async with asyncio.TaskGroup() as group:
            for name in self._paths:
                group.create_task(self._subscriptions(name))
            for pipeline in self._document.pipelines:
                if pipeline.spec.audit is not None and not pipeline.spec.suspend:
                    group.create_task(self._audits(pipeline))

    async def subscribe(self, name: str) -> None:
        """Make the remote send to our address. Raises ConnectorError."""
        endpoint = self._document.connection(name).spec.webhooks
        webhooks = self._connectors[name].webhooks
        if endpoint is None or webhooks is None:
            return
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
            await webhooks.subscribe(entities, url)

    async def audit(self, pipeline: WorkerPipeline) -> int:
        """Audit one pipeline, keep what was found, return how many. Raises ConnectorError."""
        alone = self._document.model_copy(update={"pipelines": (pipeline,)})
        found = [
            finding
            for finding in await audit_ledger(self._ledger, self._clock)
            if finding.pipeline == pipeline.name
        ]
        found += await audit_both_ends(self._ledger, alone, self._connectors)
        now = to_us(self._clock.now())
        await self._ledger.write(lambda c: store_findings(c, [pipeline.name], found, now))
        for finding in found:
            _log.error("audit", extra={"kind": finding.kind, "sentence": finding.sentence})
        return len(found)

    async def _subscriptions(self, name: str) -> None:
        while True:
            try:
                await self.subscribe(name)
            except ConnectorError as error:
                _log.warning("webhooks", extra={"connection": name, "reason": error.message})
            await self._clock.sleep(_SUBSCRIBE_EVERY)

    async def _audits(self, pipeline: WorkerPipeline) -> None:
        while True:
            await self._clock.sleep(_until_next(pipeline, self._clock.now()))
            try:
                await self.audit(pipeline)
            except (ConnectorError, LedgerError) as error:
                _log.warning("audit", extra={"pipeline": pipeline.name, "reason": str(error)})


def _until_next(pipeline: WorkerPipeline, now: datetime) -> float:
    declared = pipeline.spec.audit
    assert declared is not None
    local = now.astimezone(ZoneInfo(declared.time_zone))
    return max(1.0, (next(CronSim(declared.schedule, local)) - now).total_seconds())
