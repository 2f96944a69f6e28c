"""A receiver's process: takes the webhooks of a document's Connections.

Why: an account has one address for its webhooks, whatever pipelines come, go or rest; so who takes
them is a process of its own, and needs no worker. Must not: read, register or deliver anything.
"""

import asyncio
import contextlib
import secrets as chance
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager

from knect.engine.bounds.pulse import Beat
from knect.engine.working.book import open_book
from knect.engine.working.pages import Pages
from knect.engine.working.parts import open_connector
from knect.engine.working.pod import Pod
from knect.engine.working.receiver import Receiver
from knect.engine.working.secrets import MountedSecrets
from knect.engine.working.upkeep import webhook_paths
from knect.ledger import Ledger
from knect.sdk.contract import Connector
from knect.sdk.http import ClientFactory, Egress, Limits

__all__ = ["ReceiverPod"]

#: How often the mounted Secrets are looked at, in seconds.
_LOOK_EVERY = 1.0


class ReceiverPod(Pod):
    """Takes the webhooks of a document's Connections; needs no worker, no pipeline."""

    _takes = False

    async def _live(self, dsn: str, ending: asyncio.Event, pages: Pages) -> None:
        http = ClientFactory(
            clock=self.clock,
            egress=Egress(self.settings.allow),
            limits=Limits(deadline=self.settings.options.request_seconds),
        )
        connectors = {
            one.name: open_connector(
                one,
                catalog=self.settings.catalog,
                http=http,
                clock=self.clock,
                secrets=self.settings.secrets.get(one.name, {}),
            )
            for one in self.settings.document.connections
        }
        try:
            async with _closing(await open_book(dsn, self.settings.namespace)) as ledger:
                await self._receive(ledger, connectors, ending, pages)
        finally:
            self._takes = False
            pages.receive = None
            for connector in connectors.values():
                await connector.close()

    async def _receive(
        self,
        ledger: Ledger,
        connectors: Mapping[str, Connector],
        ending: asyncio.Event,
        pages: Pages,
    ) -> None:
        paths = await webhook_paths(ledger, connectors, chance.token_urlsafe(16))
        receiver = Receiver(
            ledger=ledger,
            webhooks={
                name: connector.webhooks
                for name, connector in connectors.items()
                if connector.webhooks is not None
            },
            paths=paths | dict(self.settings.webhook_paths),
            clock=self.clock,
            count=self.metrics.webhook,
        )
        pages.receive = receiver.receive
        self._is_ready = self._takes = True
        while not ending.is_set():
            for secrets in self.settings.secrets.values():
                if isinstance(secrets, MountedSecrets):
                    secrets.refresh()  # so that the value before a rotation is remembered
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY):
                    await ending.wait()

    def _pages(self) -> Pages:
        return Pages(alive=self._pulse.trouble, ready=self._not_ready, metrics=self._metrics_page)

    def _is_at_work(self) -> bool:
        return self._takes

    def _beats(self) -> Iterable[Beat]:
        return ()

    async def _metrics_page(self) -> bytes:
        return self.metrics.text()


@asynccontextmanager
async def _closing(ledger: Ledger) -> AsyncIterator[Ledger]:
    try:
        yield ledger
    finally:
        await ledger.close()
