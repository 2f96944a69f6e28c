"""Does each Connection let us in: asked at the start, now and then, and when something changed.

Why: a record that fails says "401" hours later; a check says it now, for the account as a whole,
with the scope that is missing. One code for the pod, for a Job of the operator, and for people.
Must not: stop any work: a check that fails is an observation.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping

from knect.api.catalog import Catalog
from knect.api.manifest import Manifest
from knect.api.reasons import ConditionReason as R
from knect.api.report import ConnectionReport, EntityReport, Verdict, VerdictState
from knect.api.worker import WorkerConnection
from knect.engine.deciding.verdicts import carried
from knect.engine.recorder import CallTracer
from knect.engine.working.secrets import MountedSecrets
from knect.sdk import errors
from knect.sdk.contract import CheckReport, Connector
from knect.sdk.exchange import recording
from knect.seams import Clock

__all__ = ["CHECK_SECONDS", "ConnectionChecks", "check_once", "checked_as", "failed_as"]

_log = logging.getLogger("knect.check")

#: A check has this long in all.
CHECK_SECONDS = 60.0
#: However often a check is wanted, a remote is not asked more often than this.
_LEAST_PAUSE = 10.0
#: After a failed check the next comes sooner than declared.
_AFTER_FAILURE = 60.0
_TEXT_LIMIT = 253


def checked_as(
    connection: WorkerConnection, manifest: Manifest | None, found: CheckReport
) -> ConnectionReport:
    """Return the report of a check that was answered."""
    known = manifest.entities if manifest is not None else {}
    return ConnectionReport(
        namespace=connection.namespace,
        name=connection.name,
        uid=connection.uid,
        generation=connection.generation,
        credentials=_yes(f"{connection.name} accepts the credentials"),
        reachable=_yes(f"{connection.name} answers"),
        product=found.product[:_TEXT_LIMIT],
        version=found.version[:_TEXT_LIMIT],
        api_sunset=manifest.api_version.sunset if manifest is not None else None,
        entities=tuple(
            EntityReport(
                name=one.entity,
                read=one.read,
                write=one.write,
                webhook=one.entity in known and known[one.entity].webhook,
                problem=one.problem,
            )
            for one in found.entities
        ),
    )


def failed_as(
    connection: WorkerConnection, error: Exception, before: ConnectionReport | None
) -> ConnectionReport:
    """Return the report of a check that failed; what it could not tell stays as it was."""
    last = before or ConnectionReport(namespace=connection.namespace, name=connection.name)
    said = str(error) or f"{connection.name} did not answer a check within {CHECK_SECONDS:.0f} s"
    credentials, reachable = last.credentials, _yes(f"{connection.name} answers")
    match error:
        case errors.SecretMissing():
            credentials, reachable = _no(R(error.code or R.SECRET_NOT_FOUND), said), last.reachable
        case errors.CredentialsRejected():
            credentials = _no(
                R.CREDENTIALS_REJECTED,
                f"{said}; a Secret that was just changed reaches this pod within about a minute",
            )
        case errors.ScopeMissing():
            credentials = _no(R.SCOPE_MISSING, said)
        case errors.Throttled():
            pass
        case errors.RetryLater() | TimeoutError():
            reachable = _no(R.UNREACHABLE, said)
        case _:
            reason = R.API_VERSION_GONE if _says_gone(error) else R.CONFIG_INVALID
            reachable = _no(reason, said)
    return last.model_copy(
        update={
            "uid": connection.uid,
            "generation": connection.generation,
            "credentials": credentials,
            "reachable": reachable,
        }
    )


async def check_once(
    connection: WorkerConnection,
    connector: Connector,
    *,
    manifest: Manifest | None,
    clock: Clock,
    secrets: MountedSecrets | None = None,
    before: ConnectionReport | None = None,
) -> ConnectionReport:
    """Ask one Connection who we are to it; always returns, with what was found or what is wrong."""
    try:
        if secrets is not None and manifest is not None:
            secrets.need(manifest.required_keys(connection.spec.config))
        async with asyncio.timeout(CHECK_SECONDS):
            report = checked_as(connection, manifest, await connector.check())
    except (errors.ConnectorError, TimeoutError) as error:
        report = failed_as(connection, error, before)
    except Exception as error:  # noqa: BLE001 - a defect of a connector must not end the worker
        _log.error("defect while checking", exc_info=error, extra={"connection": connection.name})
        sentence = f"Knect itself failed to check {connection.name} ({type(error).__name__})"
        report = failed_as(connection, errors.Fatal(sentence), before)
    now, last = clock.now(), before or ConnectionReport(name=connection.name)
    return report.model_copy(
        update={
            "checked": now,
            "credentials": carried(report.credentials, last.credentials, now),
            "reachable": carried(report.reachable, last.reachable, now),
        }
    )


class ConnectionChecks:
    """Keeps the newest report of every open Connection of a worker.

    `calls` is the trace id its calls carry, which the ledger knows. `let_in` is called with a
    Connection's name whenever its credentials begin to be accepted.
    """

    def __init__(
        self,
        connections: Mapping[str, WorkerConnection],
        connectors: Mapping[str, Connector],
        *,
        catalog: Catalog,
        secrets: Mapping[str, MountedSecrets],
        clock: Clock,
        calls: str,
        let_in: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.reports: dict[str, ConnectionReport] = {}
        self._connections = connections
        self._connectors = connectors
        self._catalog = catalog
        self._secrets = secrets
        self._clock = clock
        self._tracer = CallTracer(clock=clock, trace_id=calls)
        self._let_in = let_in
        self._wanted = {name: asyncio.Event() for name in connectors}

    def want(self, name: str) -> None:
        """Ask for a check soon: a secret changed, or a call was refused."""
        if name in self._wanted:
            self._wanted[name].set()

    async def run(self) -> None:
        """Check until cancelled, also where there is nothing to check."""
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.Event().wait())  # ends with the others, never by itself
            for name in self._connectors:
                group.create_task(self._keep(name))

    async def check(self, name: str) -> ConnectionReport:
        """Check one Connection now, and keep what was found."""
        connection, before = self._connections[name], self.reports.get(name)
        with recording(self._tracer):
            report = await check_once(
                connection,
                self._connectors[name],
                manifest=self._catalog.get(connection.spec.connector),
                clock=self._clock,
                secrets=self._secrets.get(name),
                before=before,
            )
        self.reports[name] = report
        was_out = before is not None and before.credentials.state is VerdictState.FALSE
        if was_out and report.credentials.state is VerdictState.TRUE:
            self._let_in(name)
        return report

    async def _keep(self, name: str) -> None:
        every = self._connections[name].spec.check_interval.delta.total_seconds()
        wanted = self._wanted[name]
        while True:
            wanted.clear()
            report = await self.check(name)
            # a refused log-in is not repeated sooner than declared: it may lock the account
            answered = report.reachable.state is VerdictState.TRUE
            let_in = report.credentials.state is VerdictState.TRUE
            least = _LEAST_PAUSE if let_in else 1.0
            pause = max(least, every if answered else min(every, _AFTER_FAILURE))
            await self._clock.sleep(least)
            try:
                async with asyncio.timeout(pause - least):
                    await wanted.wait()
            except TimeoutError:
                continue


def _says_gone(error: Exception) -> bool:
    return getattr(error, "code", None) in ("ApiVersionGone", "410", "426")


def _yes(message: str) -> Verdict:
    return Verdict(state=VerdictState.TRUE, reason=R.SUCCEEDED, message=message)


def _no(reason: R, message: str) -> Verdict:
    return Verdict(state=VerdictState.FALSE, reason=reason, message=message)
