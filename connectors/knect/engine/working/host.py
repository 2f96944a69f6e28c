"""A worker that stays, with what keeps it going: upkeep, checks, rotated Secrets, its report.

Why: each of these is a loop of its own, and all of them have to be alive for the worker to be.
Must not: hold behaviour of its own; it ties what others do.
"""

import asyncio
import logging
import secrets as chance
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from knect.api.catalog import Catalog
from knect.api.reasons import Reason
from knect.api.report import ConnectionReport
from knect.engine.bounds.pulse import Beat
from knect.engine.delivering.job import Job
from knect.engine.reading.feed import FeedReader
from knect.engine.telling.gauges import Gauges
from knect.engine.working.checking import ConnectionChecks
from knect.engine.working.control import ControlDoor, door_of
from knect.engine.working.follow import Follower
from knect.engine.working.housekeeping import Housekeeper
from knect.engine.working.repair import Repairer
from knect.engine.working.reporter import Reporter, Session
from knect.engine.working.requests import Request, perform
from knect.engine.working.secrets import MountedSecrets
from knect.engine.working.upkeep import Upkeep, webhook_paths
from knect.engine.working.worker import Worker
from knect.ledger import Fate, Ledger, LedgerError
from knect.ledger.instants import to_us
from knect.ledger.questions.flow import release_held
from knect.ledger.retention import RetentionPolicy
from knect.ledger.store.database import sqlite_path

if TYPE_CHECKING:
    from knect.engine.working.receiver import Receiver

__all__ = ["Host", "HostSettings"]

_log = logging.getLogger("knect.host")

#: How often the mounted Secrets and another process's inbox are looked at, in seconds.
_LOOK_EVERY = 1.0
_REFUSED = (Reason.CREDENTIALS_REJECTED, Reason.SCOPE_MISSING)
_SUCCEEDED = (Fate.DELIVERED, Fate.UNCHANGED)


class HostSettings(Struct, frozen=True, kw_only=True):
    """How a process is run. `allow` are private hosts it may connect to."""

    ledger: str
    namespace: str | None = None
    allow: tuple[str, ...] = ()
    webhook_paths: Mapping[str, str] = {}


class Host:
    """What a command needs while it runs."""

    def __init__(
        self,
        worker: Worker,
        ledger: Ledger,
        gauges: Gauges,
        settings: HostSettings,
        *,
        catalog: Catalog,
        secrets: Mapping[str, MountedSecrets],
    ) -> None:
        self.worker = worker
        self.ledger = ledger
        self.gauges = gauges
        #: Takes webhooks while the worker follows and no receiver of its own does.
        self.receiver: Receiver | None = None
        self._settings = settings
        self._catalog = catalog
        self._secrets = secrets
        self._clock = worker.options.clock
        #: Connections that began to accept the credentials; what waits for them is due.
        self._let_in: set[str] = set()
        self._checks = ConnectionChecks(
            {one.name: one for one in worker.document.connections},
            worker.connectors,
            catalog=catalog,
            secrets=secrets,
            clock=self._clock,
            calls=worker.calls,
            let_in=self._let_in.add,
        )
        self._follower = Follower(worker)
        self._beats: list[Beat] = []
        self._wanted: dict[str, tuple[str, float]] = {}
        self._pipelines = {one.name: one for one in worker.document.pipelines}
        self._reporter: Reporter | None = None
        self._upkeep: Upkeep | None = None

    @property
    def beats(self) -> list[Beat]:
        """Return the signs of life of everything that runs here."""
        return [*self._beats, *self.worker.beats] if self._beats else []

    def run_now(self, pipeline: str, token: str) -> bool:
        """Read a pipeline's source now; return whether it runs here."""
        for feed in self.worker.feeds:
            if pipeline in feed.settings.pipelines:
                self._wanted[pipeline] = (token, self._clock.monotonic())
                self._follower.read_now(feed)
                return True
        return False

    async def follow(
        self,
        stop: asyncio.Event,
        reporter: Reporter,
        begun: Callable[[], None] = lambda: None,
    ) -> None:
        """Run until told to stop, with everything that keeps a staying worker going.

        `begun` is called once the work is taken up.
        """
        follower, self._reporter = self._follower, reporter
        follower.when_read(self._read_to_its_end)
        path = sqlite_path(self._settings.ledger)
        door = None
        if path is not None:
            door = ControlDoor(door_of(path), self._carry)
            await door.open()
        age = self.worker.document.config.retention.delta.total_seconds()
        keeper = Housekeeper(
            self.ledger,
            RetentionPolicy(transactions_us=int(age * 1_000_000)),
            self._clock,
            holder=self.worker.holder,
        )
        paths = await webhook_paths(self.ledger, self.worker.connectors, chance.token_urlsafe(16))
        paths |= dict(self._settings.webhook_paths)
        upkeep = self._upkeep = Upkeep(
            ledger=self.ledger,
            document=self.worker.document,
            catalog=self._catalog,
            connectors=self.worker.connectors,
            paths=paths,
            clock=self._clock,
            calls=self.worker.calls,
            holder=self.worker.holder,
            repairer=Repairer(
                self.ledger,
                self.worker.feeds,
                clock=self._clock,
                new_id=self.worker.options.ids,
            ),
        )
        if self.worker.document.config.receive:
            self.receiver = self._receiver(paths)
        session = Session(
            ledger=self.ledger,
            connections=self._connection_reports,
            unanswered=self._unanswered,
            stalled=self._stalled,
            refused=self._checks.want,
        )
        reporter.begins(session)
        tasks = [
            self._beside("housekeeping", keeper.run(), keeper.beat),
            self._beside("upkeep", upkeep.run()),
            self._beside("checks", self._checks.run()),
            self._beside("report", reporter.run()),
            self._beside("secrets", self._watch_secrets()),
        ]
        begun()
        try:
            await follower.run(stop)
        finally:
            self.receiver = None
            self._beats = []
            reporter.begins(None)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if door is not None:
                await door.close()

    def committed(self, jobs: Sequence[Job]) -> None:
        """Take note of what a group of transactions came to."""
        for job in jobs:
            if job.verdict is None:
                continue
            if job.verdict.reason in _REFUSED:
                spec = self._pipelines[job.claimed.pipeline].spec
                self._checks.want(spec.destination.connection_ref.name)
            elif job.verdict.fate in _SUCCEEDED and self._reporter is not None:
                self._reporter.succeeded(job.claimed.pipeline)

    # ------------------------------------------------------------ beside the work

    def _beside(
        self, name: str, work: Coroutine[Any, Any, None], beat: Beat | None = None
    ) -> "asyncio.Task[None]":
        beat = beat or Beat(name, self._clock, deadline=float("inf"))
        self._beats.append(beat)
        return beat.of(asyncio.create_task(work, name=name))

    async def _watch_secrets(self) -> None:
        """Let a changed Secret have its effect at once, on what waits for it too."""
        while True:
            for name, secrets in self._secrets.items():
                if secrets.refresh():
                    _log.info("the Secret changed", extra={"connection": name})
                    self._checks.want(name)
                    await self._go_on(name)
            while self._let_in:
                await self._go_on(self._let_in.pop())
            await self._clock.sleep(_LOOK_EVERY)

    async def _go_on(self, connection: str) -> None:
        """Try again what waits because a Connection would not let us in."""
        self._follower.hint_arrived(connection)
        names = [
            one.name
            for one in self.worker.live_pipelines
            if one.spec.destination.connection_ref.name == connection
        ]
        now = to_us(self._clock.now())
        try:
            await self.ledger.write(lambda c: release_held(c, names, now))
        except LedgerError as error:
            _log.warning("what waits is tried later", extra={"reason": str(error)})
        self._follower.something_is_due()

    # ------------------------------------------------------------ what is known

    def _connection_reports(self) -> Mapping[str, ConnectionReport]:
        webhooks = self._upkeep.webhooks if self._upkeep is not None else {}
        return {
            name: report.model_copy(update={"webhooks": webhooks.get(name)})
            for name, report in self._checks.reports.items()
        }

    def _unanswered(self, connection: str) -> float:
        is_open = connection in self.worker.connectors
        return self.worker.gate(connection).silent_for if is_open else 0.0

    def _stalled(self, pipeline: str) -> float:
        hanging = [
            one.stalled_for for one in self.worker.pipelines if one.settings.name == pipeline
        ]
        return max(hanging, default=0.0)

    def _read_to_its_end(self, feed: FeedReader, began: float) -> None:
        """Echo the tokens of those who asked before this read began."""
        for pipeline in feed.settings.pipelines:
            token, asked = self._wanted.get(pipeline, ("", float("inf")))
            if asked <= began and self._reporter is not None:
                del self._wanted[pipeline]
                self._reporter.echo(pipeline, token)
            elif pipeline in self._wanted:
                self._follower.read_now(feed)

    # ------------------------------------------------------------ wishes and webhooks

    async def _carry(self, wish: Request) -> dict[str, Any]:
        options = self.worker.options
        now = to_us(options.clock.now())
        answer = await self.ledger.write(lambda c: perform(c, wish, now_us=now, new_id=options.ids))
        self._follower.something_is_due()
        return answer

    def _receiver(self, paths: Mapping[str, str]) -> "Receiver":
        from knect.engine.working.receiver import Receiver  # noqa: PLC0415 - a web server's parts, 10 ms

        webhooks = {
            name: connector.webhooks
            for name, connector in self.worker.connectors.items()
            if connector.webhooks is not None
        }
        for name in webhooks:
            _log.info("webhooks", extra={"connection": name, "path": f"/webhooks/{name}/…"})
        return Receiver(
            ledger=self.ledger,
            webhooks=webhooks,
            paths=paths,
            clock=self._clock,
            arrived=self._follower.hint_arrived,
            count=self.gauges.webhook,
        )
